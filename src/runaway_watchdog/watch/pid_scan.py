"""Every process of a host, without listing /proc at every look: with 5,000 of them, that is as dear as their clocks.

The kernel gives out process numbers in rising order and tells the last one, so whoever is new since the last look has a
number between the two. A number that stands for nobody, or for a thread, costs one system call that is refused.
"""

from collections.abc import Collection
from typing import Final

from runaway_watchdog.linux.files import Paths, read, read_pids

_LEAST: Final = 1024
"""Where more numbers were given out than this, and than there are processes, the list is the cheaper way."""


class PidScan:
    """Keeps the last numbers of two looks: a process that was just being made at the last one is asked for again."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._last: tuple[int | None, int | None] = (None, None)  # at the look before the last one, and at the last

    def everybody(self, known: Collection[int], *, anew: bool) -> list[int]:
        """All that may be there, some of which are not. `known`: who was there at the last look.

        `anew`: by the list, as now and then, since a restored checkpoint chooses its own numbers.
        """
        last = parse_number(read(f"{self._paths.proc}/sys/kernel/ns_last_pid", 64) or b"")
        since, before = self._last
        self._last = before, last
        if anew or last is None or since is None or before is None or not since <= before <= last:
            return read_pids(self._paths)
        if last - since > max(_LEAST, len(known)):
            return read_pids(self._paths)
        return [*known, *(pid for pid in range(since + 1, last + 1) if pid not in known)]


def parse_number(text: bytes) -> int | None:
    """From ns_last_pid, which a kernel without checkpoints does not have."""
    word = text.strip()
    return int(word) if word.isdigit() else None
