"""Steps for a process that another one starts again whenever it ends: that one is held first, then the process."""

from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import siblings
from runaway_watchdog.owners.steps import single


def contain(name: str, loop_pid: int, facts: Facts, *, works: bool = False) -> Containment:
    """The process is frozen, then who starts it again (`name`, one of the ancestors) is stopped, then it is ended.

    `works`: that one is no mere loop, and what else it does stands still with it.
    """
    line = (*facts.ancestors, None)
    at = next(number for number, each in enumerate(line) if each is not None and each.pid == loop_pid)
    loop, terminal = facts.ancestors[at], line[at + 1]
    ended = terminal is not None and siblings.lets_go_on(terminal)
    until = "starts it anew" if ended else "lets it go on"
    goal = f"Stop {name} from starting it again, then end it; until somebody {until}"
    stop = held(loop, terminal, "its parent first" if works else "the loop first", works=works)
    doors = (() if ended else (f"{name}, once it goes on",)) + (f"whoever starts {name} anew, as after a boot",)
    end = single.end(facts.process, may_be_gone=ended)  # the end of a terminal's session hangs up on what is in it
    return Containment(goal, (*single.relieve(facts.process), stop, end), doors)


def held(loop: Process, above: Process | None, what: str, *, works: bool = False) -> Step:
    """What keeps a loop from its next round; `above` is its parent, `what` completes the step's title."""
    if above is not None and siblings.lets_go_on(above):
        return _ended(loop, above.name, what)
    return _frozen(loop, what, works=works)


def _frozen(loop: Process, what: str, *, works: bool) -> Step:
    return Step(
        f"Freeze {what}",
        single.guarded(loop, f"kill -STOP {loop.pid}"),
        "it stands still and starts nothing any more; what it started goes on",
        "interrupts" if works else "none",
        single.undoing(loop, f"kill -CONT {loop.pid}"),
        Prints(f"ps -o state= -p {loop.pid}", ("T",)),
    )


def _ended(loop: Process, terminal: str, what: str) -> Step:
    """Frozen, it would go on at once, and so would all of its process group."""
    return Step(
        f"End {what}",
        single.guarded(loop, f"kill -KILL {loop.pid}"),
        f"it starts nothing any more ({terminal} lets go on at once what is only frozen); there is no undo: start it "
        "again by hand",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {loop.pid}", ("Z", "nothing")),
        final=True,
    )
