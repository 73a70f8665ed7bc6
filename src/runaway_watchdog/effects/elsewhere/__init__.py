"""Commands whose effect is on another system: clusters, clouds, backups, another host, a project's database.

Nothing of it is asked. What is named as deleted is named as the command names it.
"""
