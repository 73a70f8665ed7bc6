"""What the watch has seen, for whoever asks later (SQLite, WAL: one writer never blocks the readers).

schema    the tables                  writer   the watch's thread: the loop never waits for the disk
database  opens, migrates, repairs    records  what the watch writes
outbox    messages until they are sent queries  what the commands and a case read
curves    CPU of host and groups over time
"""
