"""What the short-lived processes share: the configuration that they inherit, and their log."""

import json
import os
import sys
from typing import Any


def read_configuration(descriptor: int) -> dict[str, Any]:
    """The compiled configuration. The file is shared with other processes: its offset belongs to none of them."""
    compiled: dict[str, Any] = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    return compiled


def log_to_stderr(**context: str) -> None:
    """key=value lines, which the journal keeps, each with `context`. Never put a URL or a secret into one."""
    import structlog  # 94 ms: only where something is logged

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.LogfmtRenderer(key_order=["level", "event"], bool_as_flag=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(**context)
