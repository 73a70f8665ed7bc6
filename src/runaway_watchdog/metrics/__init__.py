"""What the watch knows, as metrics for Prometheus: read from its store by a process of its own, never by the watch."""
