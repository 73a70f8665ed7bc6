"""A case file in words: what every rendering tells, in the order that the contract fixes.

All text in a Story is cleaned of what a terminal would obey and masked of secrets; each rendering escapes it once
more for where it goes. Commands are exact, or absent where showing them would alter them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.cgroup import LONG_ID, SHORT_ID
from runaway_watchdog.masking import mask_argv
from runaway_watchdog.model.casefile import CaseFile, LeftBehind, SeenDeath, suspicious
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.owner import Action, Outlook, Owner
from runaway_watchdog.render import figures, last_end, steps as moves
from runaway_watchdog.render.happening import happening
from runaway_watchdog.render.steps import Advised, Move, Warned, safe, whole

if TYPE_CHECKING:
    from runaway_watchdog.model.events import CaseRequest  # an alert brings one; `explain` in a terminal has none
    from runaway_watchdog.owners.interface import Kind

Tone = Literal["good", "bad", "unsure"]

MOST_SIGNS: Final = 4
WIDEST_ACTION: Final = 34
"""In a column of actions: so that beside one a result still has half of a line. A longer one does not widen it."""


class Layer(NamedTuple):
    """One owner: its name, what it is, and the facts that help to find it."""

    name: str
    what: str
    where: tuple[str, ...]  # those of its details that every text tells
    details: tuple[str, ...]
    evidence: tuple[str, ...]


class OutlookLine(NamedTuple):
    """What one action leads to."""

    action: str
    result: str
    tone: Tone
    why: str
    ordinary: bool  # told without --verbose


class Story(NamedTuple):
    """A case in sentences, in the order in which every text tells them."""

    succession: str  # "" unless the PID that was asked about died and another took its place
    headline: str
    lead: tuple[str, ...]
    layers: tuple[Layer, ...]
    returns: str
    outcomes: tuple[OutlookLine, ...]
    goal: str
    moves: tuple[Move, ...]
    dangerous: tuple[Warned, ...]
    remaining_triggers: tuple[str, ...]  # what would bring it back once all is done
    hardening: tuple[Advised, ...]
    gaps: tuple[tuple[str, str], ...]  # (what is not seen, the mend)
    harm: str = ""  # how bad it is, and why: only an incident knows
    course: str = ""  # its CPU over time, in one line of blocks


def tell(case: CaseFile, now: float) -> Story:
    """The story of one case, told at `now` (seconds since the epoch)."""
    return Story(
        succession=_succession(case, now) if case.asked_pid != case.process.pid else "",
        headline=_headline(case, now),
        lead=tuple(_lead(case, now)),
        layers=tuple(_layer(owner) for owner in case.owners),
        returns=_returns(case),
        # Of a dead process nothing more can be said than that; the plan tells it in its goal.
        outcomes=tuple(
            _outcome(outlook, case) for outlook in case.prognosis if case.process.alive or not case.process.pid
        ),
        goal=safe(case.plan.goal),
        moves=tuple(moves.move(step) for step in case.plan.steps),
        dangerous=tuple(moves.warned(never) for never in case.plan.dangerous),
        remaining_triggers=tuple(safe(each) for each in case.plan.remaining_triggers),
        hardening=tuple(moves.advised(each) for each in case.plan.hardening),
        gaps=tuple((f"{safe(gap.source)}: {safe(gap.problem)}", safe(gap.fix)) for gap in case.gaps),
    )


# --- what ------------------------------------------------------------------------------------------------------


def _headline(case: CaseFile, now: float) -> str:
    process = case.process
    if not process.pid:
        return _down(case)
    who = f"{safe(process.name, 40)} (PID {process.pid})"
    where = f" on {safe(case.host, 60)}" if case.host else ""
    if not process.alive:
        death = _death_of(process.pid, case)
        when = f" at {figures.clock(death.died_at, now, seconds=True)}" if death else ""
        end = last_end.ended(death and death.ending)
        if death is None or death.successor_pid is None:
            return f"{who}{where} {end}{when} and has not come back"
        later = "" if death.delay_s is None else f" {figures.delay(death.delay_s)} later"
        return f"{who}{where} {end}{when}; it came back{later} as PID {death.successor_pid}, which has ended too"
    if case.cpu is None:
        return f"{who}{where}: its CPU share was not measured"
    lasting = ""
    if case.since is not None:
        lasting = f" for {figures.duration(now - case.since)}, since {figures.clock(case.since, now)}"
    return f"{who} uses {figures.share(case.cpu.percent)}{where}{lasting}"


def _down(case: CaseFile) -> str:
    """A container or a service between two tries of its manager, in the middle of one, or stopped."""
    owner, ended = case.owners[0], case.last_end
    state = str(owner.facts.get("state") or owner.facts.get("sub_state") or "")
    state = last_end.AS_PEOPLE_SAY.get(state, state)
    where = f" on {safe(case.host, 60)}" if case.host else ""
    attempts = (
        f" (restart {ended.restarts})" if ended is not None and ended.restarts and state in last_end.TRYING else ""
    )
    how = "" if ended is None or state == "created" else last_end.how(ended)
    now = "" if state == "running" else ": it has no process now"
    return f"{safe(owner.name, 70)}{where} is {safe(state, 20)}{attempts}{now}{how}"


def _lead(case: CaseFile, now: float) -> list[str]:
    """Since when, as whom, in which state if that is odd, and the command line."""
    process = case.process
    started = figures.clock(process.started_at, now, seconds=True)
    state = "" if process.state in {"running", "sleeping", "dead"} else f", {process.state}"
    told = f"runs as {safe(process.user, 40)} since {started}{state}" if process.alive else f"started {started}"
    words = (LONG_ID.sub(lambda found: found[0][:SHORT_ID], clean(each, 200)) for each in mask_argv(process.cmdline))
    command = clean(" ".join(words), 160)
    return [f"{told}: {command}" if command else told, *_findings(case, now)]


def _findings(case: CaseFile, now: float) -> list[str]:
    """What is odd about it, what it does, who makes it work, who still wants it, and what an intruder would do."""
    lines = [safe(each) for each in case.condition]
    if case.last_end is not None:
        lines += last_end.said(case.last_end.log)
    lines += (safe(each) for each in happening(case, now))
    if case.cause is not None:
        lines.append(f"works for {safe(case.cause.name, 80)}, which {safe(case.cause.told)}")
    if case.left_behind is not None:
        lines.append(f"left behind: {safe(case.left_behind.why)}{_copies(case.left_behind)}")
    if suspicious(case.signs):
        lines.append("SIGNS OF AN INTRUDER, evidence and no verdict:")
        lines += [f"- {safe(sign.told)} [{safe(sign.evidence, 200)}]" for sign in case.signs[:MOST_SIGNS]]
    return lines


def _copies(left: LeftBehind) -> str:
    """ "; with 95 more just like it, 190 % of a core together"."""
    if len(left.pids) == 1:
        return ""
    together = "" if left.cpu_percent is None else f", {figures.share(left.cpu_percent)} together"
    return f"; with {len(left.pids) - 1} more just like it{together}"


def _succession(case: CaseFile, now: float) -> str:
    """How one PID became another: "PID 3355 died at 14:02:11, came back 0.2 s later as PID 3441"."""
    death = _death_of(case.asked_pid, case)
    living = case.process.pid
    if death is None:
        return f"PID {case.asked_pid} is gone; the same work goes on as PID {living}"
    died = f"PID {case.asked_pid} {last_end.ended(death.ending)} at {figures.clock(death.died_at, now, seconds=True)}"
    if death.successor_pid is None:
        return f"{died}; the same work goes on as PID {living}"
    later = "" if death.delay_s is None else f" {figures.delay(death.delay_s)} later"
    today = "" if death.successor_pid == living else f", and is PID {living} by now"
    return f"{died}, came back{later} as PID {death.successor_pid}{today}"


def _death_of(pid: int, case: CaseFile) -> SeenDeath | None:
    seen = [death for death in case.history.deaths if death.pid == pid]
    return max(seen, key=lambda death: death.died_at, default=None)


def harm(found: "CaseRequest") -> str:
    """How bad it is, and why: "Critical: others wait for a CPU 43 % of the time."."""
    reasons = []
    if found.rule_kind == "restarts" and found.returns:
        reasons.append(f"it came back at least {found.returns} times in {figures.duration(found.window_s)}")
    if found.harm and (not reasons or found.severity == "critical"):
        reasons.append(safe(found.harm))
    if found.rule_kind == "cpu" and found.held_back:
        reasons.append(f"it wants {figures.share(found.demand)}, and gets less")
    beside = f" Also told as incident {found.beside}: processes wait for a CPU." if found.beside else ""
    return graded(found.severity, "; ".join(reasons), found.rule) + beside


def graded(severity: str, why: str, rule: str) -> str:
    """A severity and its reason in one sentence; where nothing judged it, the rule did."""
    told = safe(why) or f"the rule {safe(rule, 60)} says so"
    return f"{_SEVERITIES.get(severity, safe(severity, 20))}: {told}."


_SEVERITIES: Final = {"critical": "Critical", "warning": "Warning", "info": "For information"}


def course(points: Sequence[tuple[float, float]], now: float) -> str:
    """The CPU of its group over time; `points`: (moment, percent of a core), oldest first. "" where there are none."""
    drawn = figures.blocks(points)
    if not drawn:
        return ""
    highest = max(percent for _, percent in points)
    return f"CPU since {figures.clock(points[0][0], now)}: {drawn} at most {highest:.0f} %"


# --- who brings it back ----------------------------------------------------------------------------------------

_DETAILS: Final = (
    ("script", "script"),
    ("role", "this one is"),
    ("via", "by"),
    ("from", "from"),
    ("container", "container"),
    ("image", "image"),
    ("unit_file", "unit file"),
    ("config_files", "compose file"),
    ("settings_in", "settings in"),
    ("down", "note:"),
    ("socket_holders", "may act on it too, by the Docker socket:"),
    ("upheld_by", "kept up by"),
    ("triggered_by", "also started by"),
    ("second_starters", "and beside it by"),
)
_WHERE: Final = frozenset({"container", "image", "config_files"})
"""What a person types, knows it by and edits next: told also where little room is left."""


def kind_of(name: str) -> "Kind":
    """What its file says of a kind; of one that a later version wrote down, its name."""
    from runaway_watchdog.owners import KINDS  # a sender loads this file too, and asks nothing
    from runaway_watchdog.owners.interface import Kind

    return KINDS.get(name) or Kind(name, name.replace("-", " "))


def _doers() -> dict[str, str]:
    """Who starts things again, as people call them."""
    from runaway_watchdog.owners import KINDS

    return dict(doer for kind in KINDS.values() for doer in kind.doers)


def _by_the_clock() -> set[str]:
    from runaway_watchdog.owners import KINDS

    return {kind.by_the_clock for kind in KINDS.values()} - {""}


def _daemon(case: CaseFile) -> str:
    """Whose restart is spoken of: an engine's, where one is among the owners, else the innermost owner's."""
    engine = next((each.kind for each in case.owners if each.kind in DOCKER_KINDS), None)
    return kind_of(engine or (case.owners[0].kind if case.owners else "unmanaged")).daemon


def _layer(owner: Owner) -> Layer:
    kind = kind_of(owner.kind)
    policy = safe(owner.policy, 200 if owner.kind == "controller" else 60)
    if kind.line:
        what = kind.line.format(policy=policy)
    elif policy in {"", "none"}:
        what = kind.noun
    else:
        what = f"{kind.noun}, {kind.setting.format(policy=policy)}"
    evidence = tuple(whole(each) for each in owner.evidence)
    details = _details(owner.facts)
    where = tuple(told for key, told in details.items() if key in _WHERE)
    return Layer(safe(owner.name, 70), what, where, tuple(details.values()), evidence)


def _details(facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts by which a person finds the owner: its container, image, file, and what would start it again."""
    found = {}
    for key, words in _DETAILS:
        value = facts.get(key)
        values = value if isinstance(value, (list, tuple)) else [value] if value else []
        if values:
            found[key] = f"{words} {', '.join(_detail(each) for each in values)}"
    if facts.get("parent_pid"):
        found["parent"] = f"started by {safe(str(facts.get('parent')), 40)} (PID {facts['parent_pid']})"
    return found


def _detail(value: Any) -> str:
    """One value of a fact; a trigger tells its next time."""
    if not isinstance(value, Mapping):
        return safe(str(value), 200)
    due = value.get("next_in_s")
    return safe(str(value.get("unit")), 80) + ("" if due is None else f" (next in {figures.duration(due)})")


def _returns(case: CaseFile) -> str:
    """The answer in one sentence: who does it, how soon, and how often that was seen."""
    killed = _fate("sigkill", case)
    seen = _seen(case)
    if not case.process.alive and case.process.pid:
        return f"It came back {seen}." if seen else ""
    if killed is None:
        return f"It came back {seen}." if seen else ""
    if not killed.ends:
        return "Nothing has to: no signal ends it."
    if killed.returns is None:
        return f"Not known.{f' It came back {seen}.' if seen else ''}"
    if not killed.returns:
        return "Nobody that could be found."
    likely = "probably does" if killed.certainty == "likely" else "does"
    due = "in {}" if killed.by in _by_the_clock() else "{} after it dies"
    soon = "" if killed.after_s is None else f", {due.format(figures.delay(killed.after_s))}"
    told = f"It {likely.removesuffix(' does')} comes back" if killed.by is None else f"{doer(killed.by)} {likely}"
    return f"{told}{soon}{f' (seen {seen})' if seen else ''}."


def _seen(case: CaseFile) -> str:
    """How often the watch saw it return: "4 times, after 0.1 s to 3.2 s"; "" where it did not."""
    history = case.history
    if not history.returns_seen:
        return ""
    times = "once" if history.returns_seen == 1 else f"{history.returns_seen} times"
    waits = figures.delays(history.shortest_s, history.longest_s)
    return f"{times}, after {waits}" if waits else times


def _fate(action: Action, case: CaseFile) -> Outlook | None:
    return next((outlook for outlook in case.prognosis if outlook.action == action), None)


def doer(by: str) -> str:
    """Who would start it again, as people call it."""
    return _doers().get(by, safe(by, 40))


# --- if you… ---------------------------------------------------------------------------------------------------


def _outcome(outlook: Outlook, case: CaseFile) -> OutlookLine:
    kind = case.owners[0].kind if case.owners else "unmanaged"
    of_owner = outlook.action in {"owner-stop", "owner-daemon-restart"}
    ordinary = outlook.action not in {"clean-exit", "failure-exit"} and not (of_owner and not kind_of(kind).owned)
    ordinary &= of_owner or outlook.action == "reboot" or bool(case.process.pid)  # nothing that could be killed
    result, tone = _result(outlook)
    return OutlookLine(_action(outlook.action, case), result, tone, safe(outlook.why), ordinary)


def _action(action: Action, case: CaseFile) -> str:
    owner = case.owners[0] if case.owners else None
    told = {} if owner is None else owner.facts
    daemon = str(told.get("daemon") or _daemon(case))
    stopped = "its owner" if owner is None else str(told.get("stopped_as", owner.name))
    return {
        "sigterm": "kill",
        "sigkill": "kill -9",
        "clean-exit": "it exits with 0",
        "failure-exit": "it exits with 1",
        "owner-stop": f"stop {safe(stopped, 60)}",
        "owner-daemon-restart": f"restart {safe(daemon, 60)}",
        "reboot": "reboot",
    }[action]


def _result(outlook: Outlook) -> tuple[str, Tone]:
    likely = "probably " if outlook.certainty == "likely" else ""
    if not outlook.ends and outlook.certainty == "unknown":
        return "unknown whether it ends it", "unsure"
    if not outlook.ends:
        return f"{likely}does not end it", "bad"
    if outlook.returns is None:
        return "unknown whether it comes back", "unsure"
    if not outlook.returns:
        return f"ends it; it {likely}stays away", "good" if not likely else "unsure"
    after = "" if outlook.after_s is None else f" after {figures.delay(outlook.after_s)}"
    by = "" if outlook.by is None else f", by {doer(outlook.by)}"
    return f"{likely}comes back{after}{by}", "bad"
