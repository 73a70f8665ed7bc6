"""What is true of every plan that anybody is shown. Pure.

no step loses data, by what it says of itself (what its command does is judged by the preflight, in the tests)
each step can be undone; else it only reads or keeps a copy, or it is final and says so
first what takes the pressure off, then what saves, then what stops the work, then what closes a door; and after all of
these, in the same order, what is the last resort
a step has one command, complete: nothing is left to be filled in
no command of root's names a program or a file that others can change
"""

from collections.abc import Iterator
from typing import get_args

from runaway_watchdog.explain.root_commands import Others, not_roots
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.plan import Phase, Plan, Step

ORDER: tuple[Phase, ...] = get_args(Phase)
CHANGES_NOTHING: tuple[Phase, ...] = ("look", "save")
REPORT = "show it to those who wrote this program; until then, hold the process: kill -STOP PID"


def checked(plan: Plan, whose: Others) -> tuple[Plan, tuple[Gap, ...]]:
    """The plan; where it breaks one of its own rules, one without steps, and the gap that says which."""
    broken = tuple(breaches(plan, whose))
    if not broken:
        return plan, ()
    gap = Gap("plan", f"a plan was made that breaks its own rules, and is not shown: {'; '.join(broken)}", REPORT)
    return plan._replace(goal="No plan: the one that was made cannot be relied on", steps=()), (gap,)


def breaches(plan: Plan, whose: Others) -> Iterator[str]:
    """Which rules the plan breaks. `whose` says who else than root can change a path."""
    for number, step in enumerate(plan.steps, 1):
        yield from (f"step {number} {breach}" for breach in _of_step(step))
        yield from (f"step {number} has root use {path}, which others can change" for path, _ in not_roots(step, whose))
    places = [(step.last_resort, ORDER.index(step.phase)) for step in plan.steps]
    if places != sorted(places):
        yield "its steps are not in their order"


def _of_step(step: Step) -> Iterator[str]:
    if step.risk == "loses-data":
        yield "loses data"
    if step.undo is None and step.phase not in CHANGES_NOTHING and not step.final:
        yield "has no undo"
    if step.undo is not None and step.final:
        yield "is final, and has an undo"
    if not step.command.strip() or not step.effect.strip():
        yield "says nothing"
