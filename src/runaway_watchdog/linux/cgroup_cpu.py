"""A control group's CPU: what it used, what it may use, how often it ran into that (cgroup-v2.rst, cpuacct.rst)."""


def parse_usage(text: bytes) -> int | None:
    """Nanoseconds from cpu.stat (`usage_usec N`) or cpuacct.usage (a bare number of nanoseconds)."""
    words = text.split(None, 2)
    try:
        if len(words) == 1:
            return int(words[0])
        return int(words[1]) * 1000 if words and words[0] == b"usage_usec" else None
    except ValueError:
        return None


def parse_limit(text: bytes) -> float | None:
    """`QUOTA PERIOD` in microseconds, as in cpu.max; percent of one core. `max` and -1 are no limit."""
    try:
        quota, period = (int(word) for word in text.split())
    except ValueError:
        return None
    return quota / period * 100 if quota > 0 and period > 0 else None


def parse_throttling(text: bytes) -> tuple[int, int] | None:
    """Periods in which the group ran, and those in which it ran into its limit; from cpu.stat. None: no limit."""
    words = text.split()
    fields = dict(zip(words[::2], words[1::2], strict=False))
    try:
        periods, throttled = int(fields[b"nr_periods"]), int(fields[b"nr_throttled"])
    except (KeyError, ValueError):
        return None
    return (periods, throttled) if periods >= 0 and throttled >= 0 else None
