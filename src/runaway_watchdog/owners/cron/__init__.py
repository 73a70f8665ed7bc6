"""cron, anacron and at: what runs by the clock."""
