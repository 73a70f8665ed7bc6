"""Second starters: what starts a unit or a program again beside whoever keeps it.

details   one of them
naming    whether a line or a script would start it (pure)
reading   crontabs, units, files of logins and of supervisors, each line and the script that it runs
acting    what that changes in an outlook and in a plan (pure)
"""
