"""The counters of one process and its threads at one moment, as /proc tells them; reading and parsing are apart."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog import glance
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import host, schedstat, stat as proc_stat
from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.text import numbers
from runaway_watchdog.world import Unanswered, World


class LiveActivity:
    """See `world.Activity`."""

    def look(self, pid: int) -> dict[str, Any]:
        return glance.activity(pid)


class Thread(NamedTuple):
    """One thread's counters."""

    name: str
    cpu_ns: int | None
    voluntary: int | None
    involuntary: int | None


class Look(NamedTuple):
    """The counters of one process at one moment; what was not told is None."""

    at_s: float
    state: str
    start_ticks: int
    page_faults: int
    major_faults: int
    child_faults: int
    user_s: float
    system_s: float
    children_s: float
    io: Mapping[str, int] | None
    host_starts: int | None
    system_call: int | None
    waits_in: str | None
    threads: Mapping[int, Thread]
    all_threads: bool


def first_look(world: World, pid: int, told: Mapping[str, Any] | None = None) -> Look | None:
    """Its counters now, or those that were `told` before; None where /proc does not tell, or it is gone."""
    try:
        return parse(told or world.activity.look(pid))
    except (OSError, Unanswered, ValueError):
        return None


def parse(told: Mapping[str, Any]) -> Look:
    """One look from the kernel's texts (proc(5)). Raises ValueError where they are no such texts."""
    stat = proc_stat.parse(str(told["stat"] or ""))
    return Look(
        at_s=int(told["at_ns"]) / 1e9,
        state=stat.state,
        start_ticks=stat.start_ticks,
        page_faults=stat.page_faults,
        major_faults=stat.major_faults,
        child_faults=stat.child_faults,
        user_s=stat.user_ticks / CLOCK_TICKS,
        system_s=stat.system_ticks / CLOCK_TICKS,
        children_s=(stat.child_user_ticks + stat.child_system_ticks) / CLOCK_TICKS,
        io=numbers(told["io"] or "") or None,
        host_starts=host.parse_started(told["host"] or ""),
        system_call=_system_call(told["syscall"]),
        waits_in=_waits_in(told["wchan"]),
        threads={int(tid): _thread(*texts) for tid, texts in told["threads"].items()},
        all_threads=not told["more_threads"],
    )


def _thread(name: str | None, scheduled: str | None, status: str | None) -> Thread:
    figures = numbers(status or "")
    ran = schedstat.parse(scheduled or "")
    return Thread(
        (name or "").removesuffix("\n"),
        None if ran is None else ran[0],
        figures.get("voluntary_ctxt_switches"),
        figures.get("nonvoluntary_ctxt_switches"),
    )


def _system_call(text: str | None) -> int | None:
    """`running`, or the number of the call first; -1 is a wait outside of any call."""
    first = (text or "").split(" ", 1)[0]
    return int(first) if first.isdigit() else None


def _waits_in(text: str | None) -> str | None:
    name = (text or "").strip()
    return None if name in ("", "0") else clean(name, 60)
