"""The same work under changing PIDs: who is tracked, who died, who came back. Pure: time is an argument.

A lineage is an owner-level group and a program in it. A process is tracked once it has been hot for a few seconds,
or was named by a finding, or took the place of one that was tracked, so that chains of returns are one story.
"""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from runaway_watchdog.linux.clock import CLOCK_TICKS, GRAIN_S
from runaway_watchdog.model.events import Death, Ending, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Sample

RIPE_S: Final = 5.0
COLD_S: Final = 900.0  # a tracked process that has been cold for so long is let go
AWAITED_S: Final = 3600.0  # how long a return is waited for
MOST_TRACKED: Final = 128  # each costs a descriptor and 10 us a tick
MOST_AWAITED: Final = 64
MOST_WARM: Final = 256

# Possessive, and only where a word begins: an argument is as long as its owner likes, and this runs in the watch.
_RANDOM = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z]++[0-9]++[A-Za-z][A-Za-z0-9]*+|[0-9]++[A-Za-z]++[0-9][A-Za-z0-9]*+)")
_DIGITS = re.compile(r"[0-9]+")
_SHAPE_LIMIT: Final = 2048


def lineage_key(group: str, name: str, argv: Sequence[str]) -> str:
    """The key of "the same work": the group, the program's name, and a checksum of its arguments' shape.

    Only 32 bits of the arguments get in, because they may hold secrets and the key is stored.
    """
    shape = "\0".join(argument_shape(argv))[:_SHAPE_LIMIT].encode("utf-8", "replace")
    key = f"{group}|{_DIGITS.sub('#', name)}|{zlib.crc32(shape):08x}"
    return key.encode("utf-8", "backslashreplace").decode()


def argument_shape(argv: Sequence[str]) -> tuple[str, ...]:
    """What stays the same when a program is started again: numbers and random-looking words become `#`.

    A rewritten title (`postgres: app db 127.0.0.1(4321) SELECT`) changes while it runs: its first two words stay.
    """
    if len(argv) == 1 and " " in argv[0]:
        argv = argv[0].split()[:2]
    return tuple(_DIGITS.sub("#", _RANDOM.sub("#", argument)) for argument in argv)


class Seen(NamedTuple):
    """One process as it was looked at: who it is and what it runs."""

    key: ProcKey
    group: str
    lineage: str
    name: str  # comm: hostile
    argv: tuple[str, ...]  # hostile, and secrets are not masked yet
    start_s: float  # seconds after boot


def remembered(key: ProcKey, group: str, lineage: str, name: str) -> Seen:
    """A process that can no longer be looked at, as the store knows it."""
    return Seen(key, group, lineage, name, (), key.start_ticks / CLOCK_TICKS)


class Ended(NamedTuple):
    """A tracked process is gone."""

    key: ProcKey
    at: float  # seconds after boot
    wall: float
    exact: bool  # the kernel told the moment; otherwise it was gone at this look, and alive at the one before
    ending: Ending | None = None  # None: not known


class Tracked(NamedTuple):
    """A process whose death will be noticed."""

    seen: Seen
    since: float  # wall clock: hot, or returned, since
    hot_at: float  # seconds after boot: when it was last hot
    read_at: float  # seconds after boot: when it was last known to be alive


class Awaited(NamedTuple):
    """A death whose successor has not been seen (yet)."""

    seen: Seen
    died_at: float  # seconds after boot
    started_from: float  # seconds after boot: it was alive then, so nobody who started before took its place


class LineageState(NamedTuple):
    """Bounded: `MOST_TRACKED`, `MOST_AWAITED`, `MOST_WARM`."""

    warm: Mapping[ProcKey, float] = {}  # how long a process that is not tracked has been hot, seconds
    tracked: Mapping[ProcKey, Tracked] = {}
    awaited: tuple[Awaited, ...] = ()  # oldest death first

    def find(self, key: ProcKey) -> Seen | None:
        """A process that is tracked, or whose successor is awaited."""
        if key in self.tracked:
            return self.tracked[key].seen
        return next((each.seen for each in self.awaited if each.seen.key == key), None)

    def hot_for(self, key: ProcKey, wall: float) -> float | None:
        """For how many seconds a tracked process has been at it; None: it is not tracked."""
        return wall - self.tracked[key].since if key in self.tracked else None

    def awaited_groups(self, died_after: float) -> dict[str, float]:
        """Where successors of those who died lately may turn up, and from which start on (seconds after boot)."""
        groups: dict[str, float] = {}
        for each in self.awaited:
            if each.died_at < died_after:
                continue
            groups[each.seen.group] = min(each.started_from, groups.get(each.seen.group, each.started_from))
        return groups


def warm_up(
    state: LineageState, sample: Sample, hot_percent: float, boottime: float
) -> tuple[LineageState, Mapping[ProcKey, float]]:
    """Note who is hot. Returns those that are to be tracked now, and for how long they have been hot (seconds)."""
    if not sample.processes and not state.warm:  # nearly every look of an idle host
        return state, {}
    warm: dict[ProcKey, float] = {}
    tracked = dict(state.tracked)
    for each in sample.processes:
        hot = each.percent >= hot_percent
        if (old := tracked.get(each.key)) is not None:
            tracked[each.key] = Tracked(old.seen, old.since, boottime if hot else old.hot_at, boottime)
        elif hot and len(warm) < MOST_WARM:
            warm[each.key] = state.warm.get(each.key, 0.0) + each.span_s
    ripe = {key: hot_s for key, hot_s in warm.items() if hot_s >= RIPE_S}
    return state._replace(warm=warm, tracked=tracked), ripe


def track(state: LineageState, seen: Iterable[Seen], since: float, boottime: float) -> LineageState:
    """Track these from now on; where there is no room, in place of whoever has been cold for longest."""
    tracked = dict(state.tracked)
    warm = dict(state.warm)
    for each in seen:
        warm.pop(each.key, None)
        if each.key not in tracked:
            if len(tracked) >= MOST_TRACKED:
                del tracked[min(tracked, key=lambda key: tracked[key].hot_at)]
            tracked[each.key] = Tracked(each, since, boottime, boottime)
    return state._replace(warm=warm, tracked=tracked)


def observe(
    state: LineageState, ended: Iterable[Ended], candidates: Iterable[Seen], wall: float, boottime: float
) -> tuple[LineageState, tuple[Death, ...], tuple[Return, ...]]:
    """Deaths of the tracked, and who took their place. `candidates` are processes of the awaited groups.

    A successor is tracked at once, hot or not: it may die before it gets hot. Its start time comes from the kernel,
    so the delay does not depend on when it was noticed.
    """
    tracked = dict(state.tracked)
    awaited = list(state.awaited)
    deaths: list[Death] = []
    for end in ended:
        gone = tracked.pop(end.key, None)
        if gone is not None:
            at = max(end.at, gone.read_at) if end.ending else end.at  # its first thread may have ended before that
            deaths.append(Death(end.key, end.wall + (at - end.at), end.exact, end.ending))
            awaited.append(Awaited(gone.seen, at, min(at, gone.read_at) - GRAIN_S))
    known = set(tracked) | {each.seen.key for each in awaited}
    strangers = sorted((each for each in candidates if each.key not in known), key=lambda each: each.start_s)
    returns: list[Return] = []
    for place, seen in _places(awaited, strangers)[: max(0, MOST_TRACKED - len(tracked))]:
        awaited.remove(place)
        tracked[seen.key] = Tracked(seen, wall, boottime, boottime)
        delay_s = max(0.0, seen.start_s - place.died_at)
        returns.append(Return(seen.key, place.seen.key, wall - (boottime - seen.start_s), delay_s))
    waiting = tuple(each for each in awaited if boottime - each.died_at < AWAITED_S)[-MOST_AWAITED:]
    return state._replace(tracked=tracked, awaited=waiting), tuple(deaths), tuple(returns)


def _places(awaited: Sequence[Awaited], strangers: Sequence[Seen]) -> list[tuple[Awaited, Seen]]:
    """Who takes whose place: the oldest death is served first, by who started first after it.

    Where there is none, by one that started since the dead was last seen alive: on a saturated host we are told of
    a death late, and the successor may have started by then.
    """
    free = list(strangers)
    pairs: list[tuple[Awaited, Seen]] = []
    for each in awaited:
        same = [seen for seen in free if seen.lineage == each.seen.lineage and seen.start_s >= each.started_from]
        after = (seen for seen in same if seen.start_s >= each.died_at - GRAIN_S)
        successor = next(after, same[0] if same else None)
        if successor is not None:
            free.remove(successor)
            pairs.append((each, successor))
    return pairs


def let_go(state: LineageState, kept: Mapping[ProcKey, str], boottime: float) -> LineageState:
    """Stop tracking what has long been cold and is not `kept` for an incident."""
    tracked = {key: each for key, each in state.tracked.items() if key in kept or boottime - each.hot_at < COLD_S}
    return state if len(tracked) == len(state.tracked) else state._replace(tracked=tracked)
