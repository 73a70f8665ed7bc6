"""/proc/loadavg (proc(5))."""


def parse(text: bytes) -> tuple[float, int] | None:
    """The mean of the last minute, and how many tasks run or are ready to now; None for anything else."""
    words = text.split()
    try:
        minute, running = float(words[0]), int(words[3].partition(b"/")[0])
    except (IndexError, ValueError):
        return None
    return (minute, running) if 0 <= minute < 1e9 and running >= 0 else None
