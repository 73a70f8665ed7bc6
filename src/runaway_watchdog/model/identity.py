"""Which process this is: PIDs are reused within minutes, so a process is never a bare PID."""

from typing import NamedTuple


class ProcKey(NamedTuple):
    """One process, for ever.

    `start_ticks` is field 22 of /proc/PID/stat: clock ticks after boot. Within one boot no two processes
    share a PID and a start time.
    """

    boot_id: str
    pid: int
    start_ticks: int
