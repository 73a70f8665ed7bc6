"""The configuration: every key with its default and its bounds; the watch gets it as plain data."""
