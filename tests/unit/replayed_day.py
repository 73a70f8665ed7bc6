"""A day of a made-up host, look by look, through the whole observer.

Samples are as the sampler would tell them; what the observer asks about is answered as the kernel would. Whatever it
decides is the product's own.
"""

import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from runaway_watchdog.config.compile import compile_configuration
from runaway_watchdog.config.load import Configuration as Loaded
from runaway_watchdog.config.locate import Surroundings
from runaway_watchdog.config.schema import Config
from runaway_watchdog.linux.clock import CLOCK_TICKS
from runaway_watchdog.linux.stat_brief import ProcessStat
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, HostLoad, KindRate, ProcessRate, Sample
from runaway_watchdog.watch import effects, events, observer
from runaway_watchdog.watch.configuration import Configuration, parse_configuration
from runaway_watchdog.watch.judging import Particulars, Question
from runaway_watchdog.watch.lineage import Seen
from runaway_watchdog.watch.ordinary import kind_of_work
from runaway_watchdog.watch.short_lived import is_kind
from runaway_watchdog.watch.state import initial

HOUR: Final = 3600.0
DAY_S: Final = 24 * HOUR
INTERVAL_S: Final = 2.0
SHOWN: Final = 20.0
"""Percent of a core: what is colder is left out of samples, see `Sampler`."""
_SILENT: Final = ("suspect", "recorded")
_BOOTED_S: Final = 1000.0
_WALL_S: Final = 1_795_305_600.0  # midnight


class Load(NamedTuple):
    """One piece of work: from when, for how long, by whom, and how much of a core."""

    group: str  # with a `*` for groups that come and go
    name: str  # the program's
    start_s: float
    lasts_s: float
    percent: float
    every_s: float = DAY_S
    terminal: bool = False
    alone: bool = True  # one process is most of it, or stands for the children that it has waited for
    waiting: float = 0.0  # percent of the time in which somebody waits for a CPU meanwhile
    nice: int = 0
    remade: bool = False  # each round is a group made anew, as a unit that is started again
    daytime: bool = False  # up and down with the sun, and from look to look

    def at(self, now: float) -> float | None:
        """For how long this round of it has been running; None: it is not."""
        running_s = (now - self.start_s) % self.every_s
        return running_s if now >= self.start_s and running_s < self.lasts_s else None

    def share(self, now: float, chance: random.Random) -> float:
        """Percent of one core."""
        if not self.daytime:
            return self.percent * chance.uniform(0.97, 1.0)
        by_day = max(0.0, 1 - abs(now % DAY_S - 14 * HOUR) / (9 * HOUR))
        burst = 0.6 * self.percent if now % 700 < 60 else 0.0
        return max(0.0, 15 + (0.5 * self.percent + burst) * by_day + chance.gauss(0, 12))


class Host(NamedTuple):
    """What it does all day."""

    loads: tuple[Load, ...]
    cpus: int = 4
    stolen: tuple[float, float] = (0.0, 0.0)  # from when, for how many seconds the provider takes a quarter
    timers: tuple[str, ...] = ()  # units that have one


class Message(NamedTuple):
    """What somebody would have got."""

    kind: str  # opened, escalated, resolved …
    rule: str
    group: str
    hour: float


class _Running(NamedTuple):
    """A round of a load."""

    load: Load
    running_s: float


def default_configuration() -> Configuration:
    """Of a host where nobody has configured anything."""
    return parse_configuration(compile_configuration(Loaded(Config(), (), ()), Surroundings({}, 0, Path("/root"))))


def messages(host: Host, configuration: Configuration, timers: Path) -> list[Message]:
    """All that would have been sent in a day, in its order. `timers`: a folder for the files of units."""
    for unit in host.timers:
        file = timers / "etc/systemd/system" / unit
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("[Timer]\n")
    state = initial(configuration, "", "", 0.0)
    sent: list[Message] = []
    for sample, running in _samples(host):
        event: events.Event | None = events.Sampled(sample, _BOOTED_S + sample.at)
        while event is not None:
            state, wanted = observer.step(state, event, events.Now(sample.at, sample.wall, _BOOTED_S + sample.at))
            event = None
            for each in wanted:
                if isinstance(each, effects.Effect):
                    hour = round(sample.at / HOUR, 1)
                    sent += [Message(told.kind, told.rule, told.group, hour) for told in _told(each)]
                else:
                    event = _answer(each, running, timers)
    return sent


def _told(effect: effects.Effect) -> Iterator[CaseRequest]:
    """The requests of an effect that end in a message."""
    if effect.action in ("request case", "tell unexplained", "tell together"):
        found = [each for each in _flat(effect.details) if isinstance(each, CaseRequest)]
        yield from (each for each in found if each.kind not in _SILENT)


def _flat(what: object) -> Iterator[object]:
    if isinstance(what, tuple) and not isinstance(what, CaseRequest):
        for each in what:
            yield from _flat(each)
    else:
        yield what


def _answer(asked: events.Answered, running: Mapping[ProcKey, _Running], timers: Path) -> events.Answered:
    """As the host would. Nobody takes the place of the dead: the next round of a work is another one."""
    if isinstance(asked, events.Identification):
        return asked._replace(seen=tuple(_seen(key, running[key].load) for key in asked.hot_s if key in running))
    if isinstance(asked, events.Newcomers):
        return asked
    return asked._replace(answers=tuple(_particulars(each, running, timers) for each in asked.questions))


def _seen(key: ProcKey, load: Load) -> Seen:
    return Seen(key, load.group, f"{load.group}|{load.name}", load.name, (load.name,), key.start_ticks / CLOCK_TICKS)


def _particulars(question: Question, running: Mapping[ProcKey, _Running], timers: Path) -> Particulars:
    finding = question.finding
    if finding.stage == "resolved":
        return Particulars()
    found = None if finding.key is None else running.get(finding.key)
    load = None if found is None else found.load
    name = load.name if load is not None else finding.group.rpartition("/")[2]
    kind = kind_of_work(
        finding.group, "" if finding.kind == "restarts" else name, terminal=load is not None and load.terminal,
        genuine=lambda: load is not None, root=str(timers),
    )  # fmt: skip
    if load is None or finding.key is None:
        return Particulars(ordinary=kind)
    stat = ProcessStat(name, dead=False, start_ticks=finding.key.start_ticks, nice=load.nice)
    return Particulars(seen=_seen(finding.key, load), stat=stat, ordinary=kind)


def _samples(host: Host) -> Iterator[tuple[Sample, dict[ProcKey, _Running]]]:
    """The day, look by look, and which process is what."""
    chance = random.Random(zlib.crc32(repr(host).encode()))
    rounds: dict[str, float] = {}
    for number in range(int(DAY_S / INTERVAL_S)):
        now = number * INTERVAL_S
        used: dict[str, float] = {}
        processes, who = list[ProcessRate](), dict[ProcKey, _Running]()
        waiting, anew, ended = 5.0, list[str](), dict[str, int]()
        for pid, load in enumerate(host.loads, 100):
            running_s = load.at(now)
            if running_s is None:
                continue
            key = ProcKey("", pid, int((_BOOTED_S + now - running_s) * CLOCK_TICKS))
            percent = load.share(now, chance)
            used[load.group] = used.get(load.group, 0.0) + percent
            waiting = max(waiting, load.waiting)
            who[key] = _Running(load, running_s)
            began = now - running_s
            another = began > rounds.get(load.group, began)
            rounds[load.group] = max(began, rounds.get(load.group, began))
            if another and load.remade:
                anew.append(load.group)
            if is_kind(load.group):
                ended[load.group] = ended.get(load.group, 0) + another
            elif load.alone:
                processes.append(ProcessRate(key, load.group, percent, INTERVAL_S))
        stolen = 25.0 if host.stolen[0] <= now < sum(host.stolen) else 4.0
        yield Sample(
            now, _WALL_S + now, host.cpus, min(100.0 * host.cpus, sum(used.values()) + 12),
            tuple(each for each in processes if each.percent >= SHOWN),
            tuple(_rates(used)), HostLoad(1.0, waiting, stolen), tuple(anew),
            kinds=tuple(KindRate(kind, used[kind], INTERVAL_S, count) for kind, count in ended.items()),
        ), who  # fmt: skip


def _rates(used: Mapping[str, float]) -> Sequence[GroupRate]:
    return [
        GroupRate(group, percent, INTERVAL_S)
        for group, percent in used.items()
        if percent >= SHOWN and not is_kind(group)
    ]
