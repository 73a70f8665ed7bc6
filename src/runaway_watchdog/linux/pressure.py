"""/proc/pressure/* and a group's cpu.pressure (Documentation/accounting/psi.rst)."""


def parse_some(text: bytes) -> float | None:
    """From /proc/pressure/cpu: percent of the last minute in which some task waited for a CPU."""
    return _mean(text, b"some")


def parse_stalled(text: bytes) -> float | None:
    """From /proc/pressure/memory or io: percent of the last minute in which all that had work waited for it."""
    return _mean(text, b"full")


def _mean(text: bytes, kind: bytes) -> float | None:
    try:
        mean = float(_line(text, kind)[b"avg60"])
    except (KeyError, ValueError):
        return None
    return mean if 0 <= mean <= 100 else None


def parse_full(text: bytes) -> int | None:
    """From a group's cpu.pressure: microseconds in which it had work and none of it ran (since Linux 5.13)."""
    try:
        total = int(_line(text, b"full")[b"total"])
    except (KeyError, ValueError):
        return None
    return total if total >= 0 else None


def _line(text: bytes, kind: bytes) -> dict[bytes, bytes]:
    """The fields of one line, by name; none where there is no such line."""
    for line in text.split(b"\n"):
        first, *words = line.split() or [b""]
        if first == kind:
            return {name: value for name, _, value in (word.partition(b"=") for word in words)}
    return {}
