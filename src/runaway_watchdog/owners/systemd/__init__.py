"""systemd: the system's units, and those of users' own managers."""
