"""What second starters change: in what becomes of a process, and in how it is held. Pure."""

from collections.abc import Sequence

from runaway_watchdog.model.owner import Action, Outlook, Reason
from runaway_watchdog.model.plan import Containment, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.starters.details import Starter
from runaway_watchdog.owners.systemd.details import End, service_of
from runaway_watchdog.owners.systemd.outlook import ends_of

AT_BOOT: tuple[Action, ...] = ("reboot",)


def outlook(found: Outlook, starters: Sequence[Starter], owner: Owner, facts: Facts) -> Outlook:
    """What its owner leaves down, another one starts again."""
    if not found.ends or found.returns or found.action == "owner-daemon-restart":
        return found
    ends = _ends(found.action, owner, facts)
    acts = [
        each for each in starters if _acts(each, found.action, ends) and _is_missed(each, found.action, owner, facts)
    ]
    if not acts:
        return _may_act(found, starters, ends)
    first = min(acts, key=lambda each: (each.after_s is None, each.after_s))
    why = (*found.reasons, Reason(first.told))
    after_s = None if found.action in AT_BOOT else first.after_s
    return Outlook.comes_back(found.action, first.name, "likely", why, after_s=after_s)


def _ends(action: Action, owner: Owner, facts: Facts) -> frozenset[End]:
    """How its unit may end by that, for those who act on an end alone."""
    unit = service_of(owner)
    return frozenset() if unit is None or action in AT_BOOT else ends_of(unit, facts, action)


def _may_act(found: Outlook, starters: Sequence[Starter], ends: frozenset[End]) -> Outlook:
    """The same, where how it ends decides whether one of them does."""
    first = next((each for each in starters if each.after & ends), None)
    if first is None or found.returns is None:
        return found
    on = " or ".join(sorted(each for each in first.after & ends))
    return Outlook.not_known(
        found.action, (*found.reasons, Reason(f"{first.told} (after a {on} alone)")), by=first.name
    )


def partly_seen(found: Outlook) -> Outlook:
    """Nothing is certain to stay away where a crontab or a unit may not be read."""
    if found.returns is not False or not found.ends or found.certainty != "certain":
        return found
    why = (*found.reasons, Reason("not every crontab and unit of this host could be read"))
    return found._replace(certainty="likely", reasons=why)


def _acts(starter: Starter, action: Action, ends: frozenset[End]) -> bool:
    if starter.starts == "exec" and action in ("owner-stop", *AT_BOOT):  # only into a container that runs
        return False
    if action in AT_BOOT:
        return starter.at_boot
    stopped = action == "owner-stop" and "stop" in starter.after
    return starter.revives or stopped or (bool(ends) and ends <= starter.after)


def _is_missed(starter: Starter, action: Action, owner: Owner, facts: Facts) -> bool:
    """Whether a unit that is started again is down at all: another process than its main one leaves it up."""
    unit = service_of(owner)
    if starter.starts != "unit" or unit is None or action in ("owner-stop", *AT_BOOT):
        return True
    return unit.role_of(facts.process.pid) in ("main", "last") or unit.wholly_its


def containment(found: Containment, starters: Sequence[Starter]) -> Containment:
    """The same with each other starter held back before anything ends; what only stands still is left at that."""
    if not starters or not any(step.phase == "hold" for step in found.steps):
        return found
    steps = closing(starters)
    first = next(at for at, step in enumerate(found.steps) if step.phase == "hold")
    last = next((at for at, step in enumerate(found.steps) if step.last_resort), len(found.steps))
    open_ones = [each for each in starters if not each.close]
    doors = [f"{each.name}{f' {each.when}' if each.when else ''}: {each.runs}" for each in open_ones]
    doors += [f"{each.until}: {each.name} starts it again then" for each in starters if each.close and each.until]
    return found._replace(
        goal=_goal(found.goal, [each for each in starters if each.close], open_ones),
        steps=(
            *found.steps[:first],
            *(step for step in steps if step.phase == "hold"),
            *found.steps[first:last],
            *(step for step in steps if step.phase == "close"),
            *found.steps[last:],
        ),
        remaining_triggers=(*found.remaining_triggers, *doors),
    )


def _goal(goal: str, closed: Sequence[Starter], open_ones: Sequence[Starter]) -> str:
    if closed:
        goal = f"{goal}; first hold back {_named(closed)}, which would start it again"
    return f"{goal}; {_named(open_ones)} may start it again" if open_ones else goal


def _named(starters: Sequence[Starter]) -> str:
    names = list(dict.fromkeys(each.name for each in starters))
    return " and ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def closing(starters: Sequence[Starter]) -> tuple[Step, ...]:
    """What holds them back, in the order of a plan's phases."""
    steps = {step.command: step for each in starters for step in each.close}
    return tuple(sorted(steps.values(), key=lambda step: step.phase == "close"))
