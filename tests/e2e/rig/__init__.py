"""A VPS in a box: a real host (systemd, Docker, cron …) inside systemd-nspawn, for the end-to-end tests."""
