"""/proc/PID/status: who a process is, and what signals would meet in it (proc(5))."""

from runaway_watchdog.linux.text import pairs


def parse(text: str) -> dict[str, str]:
    r"""The lines `Key:\tvalue`. The kernel escapes the line feeds of a name, and nothing else that could end a line."""
    return dict(pairs(text))
