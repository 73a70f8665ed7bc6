"""Samples -> findings: which process or group has burnt for too long. Pure: time comes with the sample.

A rule's CPU is held against what a subject wanted (see `demand`): on a full host, under a limit of its own or under
steal it gets less. What has been found stays found while it is starved: it hardly runs, and is ready to all the time.
The rules about the host itself ("pressure", "steal") have one subject, `HOST`.

For each subject and rule an accumulator grows by the time spent above the rule's CPU and drains four times as fast
below it. So one sample below does not start the window anew, and what is above for less than 80 % of the time never
fires. At half of the window the subject is suspect, at the whole window it is sustained. From then on it drains as it
filled, and at zero it is resolved.

What burns on and off, six seconds of every eight, would so never fire. Beside the time its mean is kept, in which the
past fades by half in half of the window: as long as that is above the rule, pauses do not drain the account. Bursts
that are far apart let the mean fall between them, and then all is as above. Nobody is read for that while it pauses.

A process and the group it runs in are one story, told once: by the process, where one process can be named. The
group speaks where nobody in it burns long enough: a crash loop, a swarm of short-lived children. Short-lived groups of
one kind speak together, where some of them have ended, and none of them speaks for itself.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from runaway_watchdog.model.events import Finding, Stage
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Contention, HostLoad, KindRate, ProcessRate, Rule, RuleKind, Sample
from runaway_watchdog.watch.families import is_coarse
from runaway_watchdog.watch.short_lived import is_kind, kind_of

DRAIN: Final = 4.0
CALM: Final = 1.0
"""Once sustained, it is over only after it was calm for as long as it took: a runaway that others slow down for a
moment (its own alert does) is not over."""

SETTLE_S: Final = 10.0
"""So long is left, after a start of the watch, to whoever is gone and may come back: its group may still burn."""
_STANDS_OUT: Final = 4.0
"""Times the rule's CPU: in the mean no more than that counts, so that a short burst does not last long in it."""
_MOST_RESTING: Final = 256
_SERIES: Final = 3
"""So many groups of a kind have to end within a rule's window: a few that were started at once are no series."""
_MOST_ENDS: Final = 16

Subject = ProcKey | str
"""A process, a group by its path (a group that restarts is the same group), or a kind of groups."""

Ends = Mapping[str, tuple[float, ...]]
"""Of kinds of groups: when the newest of them ended."""

HOST: Final = ""
"""The subject of rules about the host: no group has this path."""
_FULL: Final = 0.8
"""Of all CPUs. Below, those that wait do so at a limit of their own, and it is not the host that is short."""

_QUIET, _SUSPECT, _SUSTAINED = range(3)
_STAGES: Final[tuple[Stage, ...]] = ("resolved", "suspect", "sustained")


class Track(NamedTuple):
    """One subject under one rule, from its first second above to the moment when its accumulator is empty."""

    group: str
    level_s: float  # the accumulator: 0 to the rule's for_s
    cpu: float  # percent-seconds over span_s
    span_s: float  # at most for_s: older evidence fades
    stage: int  # the highest reached
    told: int = _QUIET  # the highest that a finding was emitted for
    told_key: ProcKey | None = None  # the process that these findings named
    wanted: float = 0.0  # demand in percent-seconds over span_s
    held: Contention = Contention()  # the newest
    mean: float = 0.0  # of what it wanted, in percent: the past fades
    broken: bool = False  # it burns on and off: its mean has kept its account from draining

    @property
    def percent(self) -> float:
        """The mean over `span_s`."""
        return self.cpu / self.span_s if self.span_s > 0 else 0.0


class Resting(NamedTuple):
    """The mean of one whose account is empty: it was hot a while ago, and is not read meanwhile."""

    mean: float
    at: float  # monotonic
    until: float  # then hardly anything is left of it


class DetectState(NamedTuple):
    """Between two samples: only what is or was hot."""

    at: float | None = None
    tracks: Mapping[tuple[str, Subject], Track] = {}  # by rule name and subject
    resting: Mapping[tuple[str, Subject], Resting] = {}  # those that rested last are the last
    ends: Mapping[str, tuple[float, ...]] = {}  # see `Ends`

    def processes(self) -> dict[ProcKey, str]:
        """The processes that the next sample must hold, with their groups."""
        return {who: track.group for (_, who), track in self.tracks.items() if isinstance(who, ProcKey)}

    def groups(self) -> set[str]:
        """The groups that the next sample must hold."""
        return {who for _, who in self.tracks if isinstance(who, str) and who != HOST and not is_kind(who)}


class _Now(NamedTuple):
    """What one sample says of one subject."""

    group: str
    percent: float
    span_s: float
    demand: float = 0.0
    held: Contention = Contention()

    @property
    def wanted(self) -> float:
        """What a rule is held against."""
        return max(self.percent, self.demand)


def detect(state: DetectState, sample: Sample, rules: Sequence[Rule]) -> tuple[DetectState, tuple[Finding, ...]]:
    """One step. Findings that say more come before those that say less; a story is never told twice."""
    elapsed = 0.0 if state.at is None else max(0.0, sample.at - state.at)
    seen: dict[Subject, _Now] = {
        each.key: _Now(each.group, each.percent, each.span_s, each.demand, each.held) for each in sample.processes
    }
    seen |= {each.group: _Now(each.group, each.percent, each.span_s, each.demand, each.held) for each in sample.groups}
    if sample.kinds:
        seen |= {each.kind: _Now(each.kind, each.percent, each.span_s, _wanted(each, sample)) for each in sample.kinds}
        state = state._replace(ends=_with_ends(state.ends, sample, rules))
    tracks: dict[tuple[str, Subject], Track] = {}
    rest: dict[tuple[str, Subject], Resting] = {}
    findings: list[Finding] = []
    for rule in rules:
        if rule.kind == "restarts":  # has no accumulator: see `returns`
            continue
        now = seen if rule.kind == "cpu" else _of_the_host(rule, sample, elapsed)
        mine = {who: track for (name, who), track in state.tracks.items() if name == rule.name} if state.tracks else {}
        story = _advance_all(mine, now, rule, elapsed, state.resting, sample.at)
        if story:
            findings += _tell(story, now, sample, rule, state.ends)
            tracks |= {(rule.name, who): track for who, track in story.items() if track.level_s > 0}
            rest |= {(rule.name, who): _rest(track, sample.at, rule) for who, track in story.items() if _rests(track)}
    if state.tracks:
        findings += _abandoned(state, sample, rules)
    resting = _with_rest(state.resting, rest, tracks, sample.at) if rest else state.resting
    return DetectState(sample.at, tracks, resting, state.ends), tuple(findings)


def _wanted(kind: KindRate, sample: Sample) -> float:
    """What held back those of its groups that are warm now, held back the others as much."""
    alike = [each for each in sample.groups if kind_of(each.group) == kind.kind]
    got = sum(each.percent for each in alike)
    return kind.percent * sum(max(each.percent, each.demand) for each in alike) / got if got > 0 else kind.percent


def _with_ends(ends: Ends, sample: Sample, rules: Sequence[Rule]) -> dict[str, tuple[float, ...]]:
    """When groups of each kind ended, as far back as a rule may ask."""
    since = sample.at - max((rule.for_s for rule in rules), default=0.0)
    kept = {kind: times for kind, times in ends.items() if times[-1] >= since}
    for each in sample.kinds:
        if each.ended:
            kept[each.kind] = (*kept.get(each.kind, ()), *(sample.at,) * each.ended)[-_MOST_ENDS:]
    return kept


def _rests(track: Track) -> bool:
    """Is its account empty, with a mean that may be of use when it burns again?"""
    return track.level_s <= 0 < track.mean and track.stage != _SUSTAINED


def _rest(track: Track, at: float, rule: Rule) -> Resting:
    return Resting(track.mean, at, at + rule.for_s * 3)


def _with_rest(
    resting: Mapping[tuple[str, Subject], Resting], new: Mapping[tuple[str, Subject], Resting],
    awake: Container[tuple[str, Subject]], at: float,
) -> dict[tuple[str, Subject], Resting]:  # fmt: skip
    """Of very many those that rested last."""
    kept = [each for each in resting.items() if each[0] not in new and each[0] not in awake and each[1].until > at]
    return dict((*kept, *new.items())[-_MOST_RESTING:])


def _of_the_host(rule: Rule, sample: Sample, elapsed: float) -> dict[Subject, _Now]:
    """What a rule about the host is held against."""
    return {HOST: _Now(HOST, share_of_host(rule.kind, sample), elapsed)}


def share_of_host(kind: RuleKind, sample: Sample) -> float:
    """Percent of the time: stolen, or what a rule about pressure means."""
    return sample.load.steal if kind == "steal" else waiting(sample.load, sample.busy_percent, sample.online_cpus)


def waiting(load: HostLoad, busy_percent: float | None, online_cpus: int) -> float:
    """Percent of the time in which somebody waits for a CPU because the host has no more of them."""
    full = busy_percent is None or busy_percent >= _FULL * 100 * online_cpus
    if not full:
        return 0.0
    if load.waiting is not None:
        return load.waiting
    return min(100.0, max(0.0, load.crowding - 1) * 100)  # a kernel without pressure: what is too much for the CPUs


def inherit(state: DetectState, predecessor: ProcKey, successor: ProcKey) -> DetectState:
    """The same work came back as another process: what it had accumulated goes on."""
    tracks = dict(state.tracks)
    for rule, who in state.tracks:
        if who == predecessor:
            old = tracks.pop((rule, who))
            young = tracks.get((rule, successor))
            tracks[rule, successor] = old if young is None else _merged(old, young)
    moved: dict[tuple[str, Subject], Resting] = {
        (rule, successor): each for (rule, who), each in state.resting.items() if who == predecessor
    }
    return DetectState(state.at, tracks, {**state.resting, **moved} if moved else state.resting, state.ends)


def resume(
    state: DetectState, rule: Rule, group: str, key: ProcKey | None, percent: float, *, alive: bool, gone: bool = False
) -> DetectState:
    """An incident of this boot that was open when the watch was last stopped: it goes on, or drains away.

    `alive`: its process is there; `gone`: nothing of what it was about is, as far as that can be known by its name.
    """
    one = key is not None and (alive or not group) and not is_kind(group)
    subject: Subject = key if key is not None and one else group
    used = percent * rule.for_s
    level_s = min(rule.for_s, SETTLE_S) if gone else rule.for_s
    track = Track(group, level_s, used, rule.for_s, _SUSTAINED, _SUSTAINED, key, used)
    return DetectState(state.at, {**state.tracks, (rule.name, subject): track}, state.resting, state.ends)


def _merged(old: Track, young: Track) -> Track:
    """Of two tracks of one story: the fuller one, and what has been told."""
    fuller = old if old.level_s >= young.level_s else young
    teller = old if old.told >= young.told else young
    return fuller._replace(stage=max(old.stage, young.stage), told=teller.told, told_key=teller.told_key)


def _advance_all(
    mine: Mapping[Subject, Track], now: Mapping[Subject, _Now], rule: Rule, elapsed: float,
    resting: Mapping[tuple[str, Subject], Resting], at: float,
) -> dict[Subject, Track]:  # fmt: skip
    """Every subject of one rule, one sample later. One that is missing from the sample is gone: 0 percent."""
    story: dict[Subject, Track] = {}
    for who, track in mine.items():
        seen = now.get(who) or _Now(track.group, 0.0, elapsed)
        story[who] = _advance(who, track, seen, rule)
    for who, seen in now.items():
        if who not in mine and seen.wanted >= rule.cpu and seen.span_s > 0:
            rested = resting.get((rule.name, who)) if resting else None
            mean = 0.0 if rested is None else rested.mean * _left(at - seen.span_s - rested.at, rule)
            story[who] = _advance(who, Track(seen.group, 0.0, 0.0, 0.0, _QUIET, mean=mean), seen, rule)
    return story


def _left(seconds: float, rule: Rule) -> float:
    """The part of a mean that is left after so long."""
    return float(0.5 ** (2 * max(0.0, seconds) / rule.for_s))


def _advance(who: Subject, track: Track, seen: _Now, rule: Rule) -> Track:
    demand = seen.wanted
    above = demand >= rule.cpu or (track.stage == _SUSTAINED and _ready(seen) >= rule.cpu)
    counted = min(demand, _STANDS_OUT * rule.cpu)
    mean = counted + (track.mean - counted) * _left(seen.span_s, rule)
    level_s, broken = track.level_s, track.broken
    if above:
        level_s += seen.span_s
    elif mean >= rule.cpu and _may_pause(who, track):
        broken = True
    else:
        level_s -= (CALM if track.stage == _SUSTAINED else DRAIN) * seen.span_s
    level_s = min(rule.for_s, max(0.0, level_s))
    cpu, span_s = track.cpu + seen.percent * seen.span_s, track.span_s + seen.span_s
    wanted = track.wanted + demand * seen.span_s
    if span_s > rule.for_s:
        cpu, wanted, span_s = cpu * rule.for_s / span_s, wanted * rule.for_s / span_s, rule.for_s
    stage = _SUSTAINED if level_s >= rule.for_s else _SUSPECT if level_s >= rule.for_s / 2 else _QUIET
    return Track(  # not _replace(): this is done at every look, for each subject, and takes a third of the time
        seen.group, level_s, cpu, span_s, max(stage, track.stage), track.told, track.told_key, wanted,
        seen.held if above else track.held, mean, broken,
    )  # fmt: skip


def _ready(seen: _Now) -> float:
    """In percent of a core, the time in which it ran or was ready to; without that in which its threads would sleep."""
    ready, threads = seen.percent + seen.held.waited, seen.held.threads
    return ready if threads is None else min(ready, threads.wanted + max(0.0, seen.percent - threads.used))


def _may_pause(who: Subject, track: Track) -> bool:
    """Does a pause leave the account as it is? What burnt without any until it was told of is over as ever. Jobs that
    only share a session, or cron's unit, do not add up; nor is the host a subject that pauses."""
    return (track.stage != _SUSTAINED or track.broken) and (isinstance(who, ProcKey) or not is_coarse(who))


def _tell(
    story: dict[Subject, Track], now: Mapping[Subject, _Now], sample: Sample, rule: Rule, ends: Ends
) -> Iterable[Finding]:
    """Emit what has not been told yet, and write down in `story` what has."""
    told: list[Finding] = []
    resolved: list[Finding] = []
    for who, track in list(story.items()):
        if isinstance(who, ProcKey) and track.stage > track.told:
            group = story.get(track.group)
            if group is not None and group.told >= track.stage:
                if _speaks_for(group, who, now):
                    continue
                if group.told_key not in story:  # nobody else is left of what the group told: one story, handed over
                    if track.stage < group.told:  # once it says as much
                        continue
                    resolved += [_finding("resolved", group, rule, sample)] if group.told == _SUSTAINED else []
                    story[track.group] = group._replace(told=_QUIET, told_key=None)
            story[who] = track._replace(told=track.stage, told_key=who)
            told.append(_finding(_STAGES[track.stage], story[who], rule, sample))
    told += _tell_groups(story, now, sample, rule, ends)
    for track in story.values():
        if track.level_s <= 0 and track.told == _SUSTAINED:
            resolved.append(_finding("resolved", track, rule, sample))
    return (*told, *resolved)


def _tell_groups(
    story: dict[Subject, Track], now: Mapping[Subject, _Now], sample: Sample, rule: Rule, ends: Ends
) -> Iterator[Finding]:
    """Of a kind only while groups of it end."""
    for who, track in list(story.items()):
        if isinstance(who, str) and track.stage > track.told and _must_speak(who, track, story, now, rule):
            ended = sum(each >= sample.at - rule.for_s for each in ends.get(who, ()))
            if ended >= _SERIES or not is_kind(who):
                story[who] = track._replace(told=track.stage, told_key=_dominating(who, now, sample.processes))
                yield _finding(_STAGES[track.stage], story[who], rule, sample)._replace(returns=ended)


def _speaks_for(group: Track, who: ProcKey, now: Mapping[Subject, _Now]) -> bool:
    """Has the group's finding said this already? It named the process, or nobody, and nobody dominates it now."""
    if group.told_key is None:
        return who in now and now[who].percent <= now[group.group].percent / 2 if group.group in now else False
    return group.told_key == who


def _must_speak(
    group: str, track: Track, story: Mapping[Subject, Track], now: Mapping[Subject, _Now], rule: Rule
) -> bool:
    """A group speaks while it burns, and while no process of it has told as much."""
    burns = group in now and now[group].wanted >= rule.cpu
    if not burns or (track.stage == _SUSTAINED and track.level_s < rule.for_s):
        return False
    return not any(
        who != group and _is_in(each.group, group) and each.told >= track.stage and each.level_s > 0
        for who, each in story.items()
    )


def _is_in(group: str, whole: str) -> bool:
    """Is it this group, or one of this kind?"""
    return group == whole or (is_kind(whole) and kind_of(group) == whole)


def _dominating(group: str, now: Mapping[Subject, _Now], processes: Sequence[ProcessRate]) -> ProcKey | None:
    """The process that makes up more than half of the group's CPU, if there is one; nobody makes up the host.

    Of a kind it is the one that uses most now: an example, while it lives.
    """
    if group == HOST:
        return None
    if is_kind(group):
        members = [each for each in processes if _is_in(each.group, group)]
        return max(members, key=lambda each: each.percent).key if members else None
    half = now[group].percent / 2
    return next((each.key for each in processes if each.group == group and each.percent > half), None)


def _finding(stage: Stage, track: Track, rule: Rule, sample: Sample) -> Finding:
    return Finding(
        stage=stage,
        rule=rule.name,
        severity=rule.severity,
        group=track.group,
        key=track.told_key,
        percent=track.percent,
        window_s=track.span_s,
        wall=sample.wall,
        kind=rule.kind,
        push=rule.push,
        demand=max(track.percent, track.wanted / track.span_s if track.span_s > 0 else 0.0),
        waited=track.held.waited,
        limit=track.held.limit,
        throttled=track.held.throttled,
        steal=track.held.steal,
    )


def _abandoned(state: DetectState, sample: Sample, rules: Sequence[Rule]) -> Iterable[Finding]:
    """Stories of rules that are no longer configured end here."""
    kept = {rule.name for rule in rules}
    for (name, _), track in state.tracks.items():
        if name not in kept and track.told == _SUSTAINED:
            yield _finding("resolved", track, Rule(name, 0.0, 0.0, "info"), sample)
