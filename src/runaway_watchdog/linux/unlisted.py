"""CPU that the host's own counters have and no process that /proc lists: of one that is hidden (a library in
/etc/ld.so.preload that leaves it out of every listing), or of short lives that no parent has waited for.

The host's busy time is elapsed time less idle, interrupts and steal, as /proc/stat counts them. What is listed is read
around that span and counts what each process has used, with the children that it has waited for: so a build's compilers
are in make's time. All that is unsure counts as listed.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.files import Paths, read, read_pids
from runaway_watchdog.linux.host import HostTimes, parse_started, parse_times, times_are_virtual
from runaway_watchdog.linux.stat import PF_KTHREAD, parse

LEAST_PERCENT: Final = 25.0
"""Of one core. Ticks are cut, and interrupts are sampled: less says nothing, nor does less than these parts."""
LEAST_OF_HOST: Final = 2.0
LEAST_OF_BUSY: Final = 0.1
_KTHREADD: Final = 2

Listing = Callable[[], Iterable[int]]


class Unlisted(NamedTuple):
    """CPU that no process which is listed has used."""

    percent: float  # of one core
    or_short_lived: bool  # whether processes ended or began meanwhile that may have used it


class Use(NamedTuple):
    """Of one process since its start, in ticks."""

    start: int
    parent: int
    own: int
    children: int  # those that it has waited for


class Before(NamedTuple):
    """The host at one moment."""

    used: dict[int, Use]
    host: HostTimes
    started: int  # tasks since the boot
    at: float  # CLOCK_MONOTONIC


def begin(paths: Paths, listing: Listing | None = None) -> Before | None:
    """None where not all of the host's processes can be listed, or its counters are not the host's."""
    kernel = read(f"{paths.proc}/{_KTHREADD}/stat")
    if kernel is None or not parse(kernel.decode("utf-8", "replace")).flags & PF_KTHREAD or times_are_virtual(paths):
        return None  # a PID namespace of a container: the counters are the whole host's
    used = _used(paths, listing)
    text = read(f"{paths.proc}/stat") or b""
    host, started = parse_times(text), parse_started(text.decode("ascii", "replace"))
    return None if host is None or started is None else Before(used, host, started, time.monotonic())


def end(before: Before, paths: Paths, listing: Listing | None = None) -> Unlisted | None:
    """What was used since then by nobody that is listed; None where that is not clearly some."""
    text, now = read(f"{paths.proc}/stat") or b"", time.monotonic()
    host, started = parse_times(text), parse_started(text.decode("ascii", "replace"))
    used = _used(paths, listing)
    if host is None or started is None or host.online_cpus != before.host.online_cpus:
        return None
    forked = started - before.started > 0 or not before.used.keys() <= used.keys()
    return judge(before.host, host, now - before.at, _since(before.used, used) / CLOCK_TICKS, forked=forked)


def _since(before: dict[int, Use], now: dict[int, Use]) -> int:
    """Ticks. A child that has ended is in its parent's figure with all of its life: what it had used before goes."""
    earlier: dict[int, int] = {}
    for pid, use in before.items():
        if pid not in now or now[pid].start != use.start:
            earlier[use.parent] = earlier.get(use.parent, 0) + use.own + use.children
    total = 0
    for pid, use in now.items():
        then = before.get(pid)
        own, children = (then.own, then.children) if then is not None and then.start == use.start else (0, 0)
        total += max(0, use.own - own) + max(0, use.children - children - earlier.get(pid, 0))
    return total


def judge(before: HostTimes, after: HostTimes, span_s: float, listed_s: float, *, forked: bool) -> Unlisted | None:
    """Pure. `listed_s`: what all that is listed has used in that span, at most."""
    rest_s = sum(now - then for now, then in zip(_not_used(after), _not_used(before), strict=True))
    busy = (span_s * after.online_cpus - rest_s) / span_s * 100
    percent = busy - listed_s / span_s * 100
    least = max(LEAST_PERCENT, LEAST_OF_HOST * after.online_cpus, LEAST_OF_BUSY * busy)
    return Unlisted(percent, forked) if percent >= least else None


def _not_used(times: HostTimes) -> tuple[float, float, float]:
    return times.idle_s, times.steal_s, times.interrupts_s


def _used(paths: Paths, listing: Listing | None) -> dict[int, Use]:
    """Children before their parents, as their PIDs mostly are: who ends meanwhile is in its parent's figure. Where one
    went that was listed, all are read again, since its parent may have been read before."""
    pids = sorted(read_pids(paths) if listing is None else listing(), reverse=True)
    found = _read(paths, pids)
    return found if len(found) == len(pids) else {**found, **_read(paths, pids)}


def _read(paths: Paths, pids: Iterable[int]) -> dict[int, Use]:
    found = {}
    for pid in pids:
        text = read(f"{paths.proc}/{pid}/stat")
        try:
            stat = None if text is None else parse(text.decode("utf-8", "replace"))
        except ValueError:
            continue
        if stat is not None:
            own, children = stat.user_ticks + stat.system_ticks, stat.child_user_ticks + stat.child_system_ticks
            found[pid] = Use(stat.start_ticks, stat.ppid, own, children)
    return found
