"""/proc/PID/status: who a process is, and what signals would meet in it (proc(5))."""

from runaway_watchdog.linux.text import pairs


def parse(text: str) -> dict[str, str]:
    r"""The lines `Key:\tvalue`. The kernel escapes the line feeds of a name, and nothing else that could end a line."""
    return dict(pairs(text))


def value(text: str, key: str) -> str | None:
    """One of these lines, for those who need no more of every process."""
    at = text.find(f"\n{key}:")
    return None if at < 0 else text[at + len(key) + 2 :].partition("\n")[0].strip()
