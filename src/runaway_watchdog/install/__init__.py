"""Installing and removing our own service: look at the host, plan every change, then carry the plan out.

location   may a service run a program that lies here?
host       what is there now                           (reads)
plan       HostSurvey -> the steps still to take             (pure: what --dry-run prints is what the real run does)
unit       our own units, the only ones ever touched   (systemctl)
execute    one step at a time                          (writes)
"""
