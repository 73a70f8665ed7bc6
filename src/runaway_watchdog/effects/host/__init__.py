"""What commands change on the host itself: files, processes, units, tables of cron, databases, the host's power."""
