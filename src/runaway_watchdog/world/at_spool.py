"""Where at(1) keeps its jobs, and how it names them: queue, number, and the minute that it is due, since the epoch."""

import re
from typing import Final

SPOOLS: Final = ("/var/spool/cron/atjobs", "/var/spool/at")
"""Debian's, then that of Fedora and its kin."""
JOB: Final = re.compile(r"(?P<queue>[a-zA-Z])(?P<number>[0-9a-f]{5})(?P<minute>[0-9a-f]{8})")
