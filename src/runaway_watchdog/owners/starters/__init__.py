"""Second starters: what starts a unit or a program again beside whoever keeps it.

details     one of them
specifiers  what a unit's lines mean by its name (pure)
naming      whether a line or a script would start it (pure)
lines       what crontabs, units, files of logins and of supervisors say (pure)
running     the loops that run now
supervised  the services of runit, s6 and daemontools that run now
reading     each line and the scripts that it runs, as a starter
acting      what that changes in an outlook and in a plan (pure)
"""
