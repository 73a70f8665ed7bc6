"""Restart loops: what comes back again and again, however little it uses. Pure: time comes with the evidence.

Two kinds of evidence, counted apart, since they tell of the same returns: a group whose directory was made anew (also
where each life is far too short to be sampled; seen once between two listings at most, so this is a lower bound), and
a process whose successor was seen (see `lineage`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import Rule

PROMPT_S: Final = 60.0
"""What takes longer to come back is a schedule, or a person."""
_MOST_GROUPS: Final = 1024
"""More that take turns would push each other out, and none of them would ever be counted to the end."""
_MOST_TIMES: Final = 64

Evidence = Literal["group", "process"]


class Tally(NamedTuple):
    """When one group came back, monotonic seconds, oldest first."""

    group: tuple[float, ...] = ()
    process: tuple[float, ...] = ()

    def within(self, since: float) -> int:
        """How many returns there were, at least."""
        return max(sum(at >= since for at in times) for times in self)

    @property
    def newest(self) -> float:
        return max((times[-1] for times in self if times), default=0.0)


class ReturnState(NamedTuple):
    """Bounded: the groups that came back last, and the newest returns of each."""

    tallies: Mapping[str, Tally] = {}
    reported: frozenset[tuple[str, str]] = frozenset()  # rule name and group


def note(state: ReturnState, groups: Iterable[str], evidence: Evidence, at: float) -> ReturnState:
    """Each of these groups came back."""
    tallies = dict(state.tallies)
    for group in groups:
        tally = tallies.pop(group, Tally())
        times = (*(tally.group if evidence == "group" else tally.process), at)[-_MOST_TIMES:]
        tallies[group] = tally._replace(group=times) if evidence == "group" else tally._replace(process=times)
    kept = {group for _, group in state.reported}
    while len(tallies) > _MOST_GROUPS and (oldest := next((each for each in tallies if each not in kept), None)):
        del tallies[oldest]
    return state._replace(tallies=tallies)


def detect(
    state: ReturnState, at: float, wall: float, rules: Sequence[Rule]
) -> tuple[ReturnState, tuple[Finding, ...]]:
    """Told once; over when there was not one return for as long as the rule's window."""
    if not state.tallies and not state.reported:
        return state, ()
    mine = {rule.name: rule for rule in rules if rule.kind == "restarts"}
    told = set(state.reported)
    findings: list[Finding] = []
    for name, group in state.reported:
        rule = mine.get(name)
        tally = state.tallies.get(group, Tally())
        if rule is None or not tally.within(at - rule.for_s):
            told.discard((name, group))
            findings.append(_finding("resolved", rule or Rule(name, 0.0, 0.0, "info", "restarts"), group, 0, wall))
    for rule in mine.values():
        for group, tally in state.tallies.items():
            count = tally.within(at - rule.for_s)
            if count >= rule.times and (rule.name, group) not in state.reported:
                told.add((rule.name, group))
                findings.append(_finding("sustained", rule, group, count, wall))
    longest = max((rule.for_s for rule in mine.values()), default=0.0)
    kept = {group: tally for group, tally in state.tallies.items() if at - tally.newest <= longest}
    return ReturnState(kept, frozenset(told)), tuple(findings)


def resume(state: ReturnState, rule: Rule, group: str, at: float, *, gone: bool = False) -> ReturnState:
    """An incident that was open when the watch was last stopped: it has just come back, as far as we know.

    `gone`: it is between two lives, or in none any more: it has a minute left to come back.
    """
    newest = at - max(0.0, rule.for_s - PROMPT_S) if gone else at
    return note(state, [group], "group", newest)._replace(reported=state.reported | {(rule.name, group)})


def _finding(stage: Literal["sustained", "resolved"], rule: Rule, group: str, count: int, wall: float) -> Finding:
    return Finding(
        stage, rule.name, rule.severity, group, None, 0.0, rule.for_s, wall,
        kind="restarts", push=rule.push, returns=count,
    )  # fmt: skip
