"""What a process is doing, from two looks at its counters: computing, reading and writing, forking, thrashing …

Told from /proc alone, in a few words with the figures behind them. What a loop computes cannot be seen from there: an
endless loop and an honest computation look alike, and both are told.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.model.doing import BusyThread, Doing, DoingKind
from runaway_watchdog.world import World
from runaway_watchdog.world.activity import Look, Thread, first_look

WINDOW_S: Final = 0.1
"""At least so long, as for the CPU share; ticks of 10 ms leave a tenth of a core of doubt between user and system."""

IDLE_PERCENT: Final = 5.0
FEWEST_TICKS: Final = 4
THRASHING: Final = 100.0
"""Pages a second from the disk: at a tenth of a millisecond each, a busy process waits for them."""
MANY_STARTS: Final = 20.0
MANY_CALLS: Final = 5000.0
MANY_BYTES: Final = 10e6
MOST_THREADS_TOLD: Final = 3

COLLECTORS: Final = (
    "GC Thread#", "GC task thread", "G1 Conc", "G1 Main", "G1 Refine", "G1 Young", "G1 Service", "Gang worker#",
    "Concurrent Mark", "XWorker", "ZWorker", "ZDriver", "Shenandoah", "VM Thread", ".NET Server GC", ".NET BGC",
    ".NET Background",
)  # fmt: skip
"""Threads that collect garbage: HotSpot's (the "VM Thread" is the serial collector's) and .NET's, as their sources
name them, cut to 15 characters by the kernel. Go, Ruby and Python collect in threads without a name of their own."""


def doing(world: World, pid: int, before: Look | None) -> Doing | None:
    """What it did since the first look, waiting until that is `WINDOW_S` ago. None: it cannot be looked at."""
    if before is None:
        return None
    world.clock.sleep(max(0.0, WINDOW_S - (world.clock.monotonic() - before.at_s)))
    after = first_look(world, pid)
    if after is None or after.start_ticks != before.start_ticks or after.at_s <= before.at_s:
        return None
    return judge(before, after)


# --- judging -----------------------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """What happened between two looks."""

    figures: Doing  # neither its kind nor its sentence is told yet
    state: str
    child_faults: float
    one_thread: bool

    @property
    def own(self) -> float:
        return self.figures.user_percent + self.figures.system_percent

    @property
    def by_threads(self) -> float:
        """The same in nanoseconds, where this kernel counts them; 0 otherwise."""
        return sum(each.percent for each in self.figures.threads)

    @property
    def collecting(self) -> tuple[BusyThread, ...]:
        return tuple(each for each in self.figures.threads if each.name.startswith(COLLECTORS))

    @property
    def shares(self) -> str:
        user, system = self.figures.user_percent, self.figures.system_percent
        return f"{user:.0f} % of a core in user mode, {system:.0f} % in the kernel"


_Words = tuple[DoingKind, str]


def judge(before: Look, after: Look) -> Doing:
    """What it did between two looks: the first kind that fits, in the order of what explains most. Pure.

    The last one always fits: what is neither in the kernel nor idle computes.
    """
    span = _span(before, after)
    kind, told = next(words for judged in _KINDS if (words := judged(span)) is not None)
    return span.figures._replace(kind=kind, told=told if kind == "collecting-garbage" else told + _who(span))


def _span(before: Look, after: Look) -> _Span:
    span_s = after.at_s - before.at_s

    def rate(old: float | None, new: float | None) -> float | None:
        return None if old is None or new is None else max(0.0, new - old) / span_s

    def moved(*names: str) -> float | None:
        if before.io is None or after.io is None:
            return None
        return sum(max(0, after.io.get(name, 0) - before.io.get(name, 0)) for name in names) / span_s

    def switches(of: Callable[[Thread], int | None]) -> float | None:
        """Of the threads that were there both times."""
        both = [(of(before.threads[tid]), of(each)) for tid, each in after.threads.items() if tid in before.threads]
        rates = [each for old, new in both if (each := rate(old, new)) is not None]
        return sum(rates) if rates else None

    figures = Doing(
        kind="unknown",
        told="",
        window_s=round(span_s, 3),
        user_percent=round(100 * max(0.0, after.user_s - before.user_s) / span_s, 1),
        system_percent=round(100 * max(0.0, after.system_s - before.system_s) / span_s, 1),
        children_percent=round(100 * max(0.0, after.children_s - before.children_s) / span_s, 1),
        threads=_busy_threads(before, after, span_s),
        voluntary_switches=_rounded(switches(lambda each: each.voluntary)),
        involuntary_switches=_rounded(switches(lambda each: each.involuntary)),
        read_bytes=_rounded(moved("rchar")),
        written_bytes=_rounded(moved("wchar")),
        disk_read_bytes=_rounded(moved("read_bytes")),
        disk_written_bytes=_rounded(moved("write_bytes")),
        io_calls=_rounded(moved("syscr", "syscw")),
        page_faults=round(max(0, after.page_faults - before.page_faults) / span_s, 1),
        major_faults=round(max(0, after.major_faults - before.major_faults) / span_s, 1),
        host_starts=_rounded(rate(before.host_starts, after.host_starts)),
        system_call=after.system_call,
        waits_in=after.waits_in,
    )
    faults = max(0, after.child_faults - before.child_faults) / span_s
    return _Span(figures, after.state, faults, len(after.threads) == 1 and after.all_threads)


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


def _busy_threads(before: Look, after: Look, span_s: float) -> tuple[BusyThread, ...]:
    """Those that took a share, the busiest first; one that began in between has all its time from there."""
    found: list[BusyThread] = []
    for tid, thread in after.threads.items():
        old = before.threads.get(tid)
        began = 0 if old is None and before.all_threads else old.cpu_ns if old is not None else None
        if thread.cpu_ns is None or began is None:
            continue
        percent = round((thread.cpu_ns - began) / 1e7 / span_s, 1)
        if percent >= 1:
            found.append(BusyThread(tid, thread.name, percent))
    return tuple(sorted(found, key=lambda each: -each.percent))


def _thrashing(span: _Span) -> _Words | None:
    if span.figures.major_faults < THRASHING:
        return None
    pages = f"{span.figures.major_faults:,.0f} pages a second of its memory come back from the disk"
    return "thrashing", f"thrashes: {pages}; {span.shares}"


def _forking(span: _Span) -> _Words | None:
    """Children that it has waited for leave their time and their page faults with it; how many there were does not
    stay anywhere, so the host's own count is told, which is a bound."""
    starts = span.figures.host_starts
    children = span.figures.children_percent
    fleeting = span.child_faults > 0 and starts is not None and starts >= MANY_STARTS
    if not fleeting or 2 * (children + span.figures.system_percent) < children + span.own:
        return None
    return "forking", (
        f"forks: children that have ended took {children:.0f} % of a core, itself {span.own:.0f} %; the whole host"
        f" starts {starts:,.0f} processes and threads a second"
    )


def _collecting(span: _Span) -> _Words | None:
    together = sum(each.percent for each in span.collecting)
    if together < IDLE_PERCENT or 2 * together < span.own:
        return None
    count = len(span.collecting)
    threads = "one thread" if count == 1 else f"{count} threads"
    of_all = min(100.0, 100 * together / max(span.own, together))
    return "collecting-garbage", (
        f"collects garbage in {threads} ({clean(span.collecting[0].name, 20)}{' …' if count > 1 else ''}):"
        f" {together:.0f} % of a core, {of_all:.0f} % of all that it uses; its memory limit may be too small"
    )


def _reading_and_writing(span: _Span) -> _Words | None:
    figures = span.figures
    if figures.io_calls is None or figures.read_bytes is None or figures.written_bytes is None:
        return None
    disk = (figures.disk_read_bytes or 0) + (figures.disk_written_bytes or 0)
    much = figures.io_calls >= MANY_CALLS or figures.read_bytes + figures.written_bytes >= MANY_BYTES
    if not (disk >= MANY_BYTES or (much and 3 * figures.system_percent >= span.own)):
        return None
    moved = f"{_bytes(figures.read_bytes)} read and {_bytes(figures.written_bytes)} written a second"
    return "io", f"reads and writes: {moved}, {_bytes(disk)} of a disk, {figures.io_calls:,.0f} calls; {span.shares}"


def _waiting(span: _Span) -> _Words | None:
    if span.own + span.figures.children_percent >= IDLE_PERCENT or span.by_threads >= IDLE_PERCENT:
        return None
    where = f" (in the kernel's {span.figures.waits_in})" if span.figures.waits_in else ""
    return "waiting", f"waits{where}: {span.shares}"


def _too_short(span: _Span) -> _Words | None:
    """The columns of user and system time count whole ticks: of a few, neither is a share."""
    if span.own * span.figures.window_s >= 100 * FEWEST_TICKS / CLOCK_TICKS:
        return None
    used = max(span.own, span.by_threads)
    return "unknown", f"cannot be told: {used:.0f} % of a core in {_lasting(span)} is too little"


def _in_kernel(span: _Span) -> _Words | None:
    figures = span.figures
    if 2 * figures.system_percent < figures.user_percent:
        return None
    much = "most of its time" if figures.system_percent > figures.user_percent else "much of its time"
    return "in-kernel", f"spends {much} inside the kernel, in system calls: {span.shares}"


def _spinning(span: _Span) -> _Words | None:
    """Nothing but user mode: no pause, no new memory, no read, no write, and no time in the kernel."""
    figures = span.figures
    nothing_else = (
        figures.voluntary_switches == 0
        and figures.io_calls == 0
        and figures.page_faults == 0
        and 20 * figures.system_percent <= span.own
    )
    if not nothing_else:
        return None
    return "spinning", (
        f"spins in user mode: {figures.user_percent:.0f} % of a core, no system call seen, no page fault, no pause in"
        f" {_lasting(span)} (an endless loop, or plain computing)"
    )


def _computing(span: _Span) -> _Words:
    figures = span.figures
    also = [f"{figures.page_faults:,.0f} page faults"] if figures.page_faults >= 1 else []
    if figures.io_calls:
        also.append(f"{figures.io_calls:,.0f} reads and writes")
    if figures.voluntary_switches:
        also.append(f"{figures.voluntary_switches:,.0f} pauses")
    beside = f"; {', '.join(also)} a second" if also else ""
    return "computing", f"computes: {span.shares}{beside}"


_KINDS: Final[tuple[Callable[[_Span], _Words | None], ...]] = (
    _thrashing, _forking, _collecting, _reading_and_writing, _waiting, _too_short, _in_kernel, _spinning, _computing,
)  # fmt: skip


def _lasting(span: _Span) -> str:
    return f"{span.figures.window_s:.1f} s"


def _who(span: _Span) -> str:
    """Which threads, where there are several; nothing where it has only one, or none stands out."""
    threads = span.figures.threads
    if span.one_thread or not threads:
        return ""
    named = ", ".join(f"{clean(each.name, 20)} {each.percent:.0f} %" for each in threads[:MOST_THREADS_TOLD])
    more = len(threads) - MOST_THREADS_TOLD
    return f"; busiest threads: {named}{f' and {more} more' if more > 0 else ''}"


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
