"""Steps for other processes of the same work, each with all of its session (setsid(2)): copies of one line of cron.

A session's number is the PID of its first process, and stays taken for as long as any process is in it.
"""

from collections.abc import Sequence

from runaway_watchdog.model.plan import Prints, Step
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.steps import single


def freeze(leaders: Sequence[Process]) -> tuple[Step, ...]:
    """Each session as it stands; nothing where there is none."""
    if not leaders:
        return ()
    return (
        Step(
            f"Freeze {_the_others(leaders)}",
            _each(leaders, "pkill -STOP -s"),
            "with all that they started, they stand still and keep their memory and files",
            "interrupts",
            _each(leaders, "pkill -CONT -s"),
            Prints(_states(leaders), ("T", "Z", "nothing")),
            phase="relieve",
        ),
    )


def end(leaders: Sequence[Process]) -> tuple[Step, ...]:
    """Each session, for what nothing starts again."""
    if not leaders:
        return ()
    return (
        Step(
            f"End {_the_others(leaders)}, when you are sure",
            _each(leaders, "pkill -TERM -s", "pkill -CONT -s"),
            "with all that they started, they are asked to exit; what they had only in memory is gone, so there is no "
            "undo",
            "interrupts",
            None,
            Prints(_states(leaders), ("Z", "nothing")),
            final=True,
        ),
    )


def _the_others(leaders: Sequence[Process]) -> str:
    return "the other copy" if len(leaders) == 1 else f"the other {len(leaders)} copies"


def _each(leaders: Sequence[Process], *commands: str) -> str:
    return "; ".join(
        single.if_there(each, "; ".join(f"{command} {each.pid}" for command in commands)) for each in leaders
    )


def _states(leaders: Sequence[Process]) -> str:
    return f"ps -o state= -s {','.join(str(each.pid) for each in leaders)}"
