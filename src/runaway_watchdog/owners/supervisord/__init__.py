"""supervisord's programs."""
