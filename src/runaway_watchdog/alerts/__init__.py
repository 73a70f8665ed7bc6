"""Tells people: each channel its own form, from an outbox that survives whatever happens to its senders."""
