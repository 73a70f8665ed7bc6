"""What a command would change on this host."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Verdict = Literal["safe", "interrupts", "destroys-data", "unknown", "nothing"]
EXIT_CODES: dict[str, int] = {"safe": 0, "interrupts": 10, "destroys-data": 20, "unknown": 30, "nothing": 40}
"""The contract's, of each verdict: an answer whose exit code says something else is no answer."""
Risk = Literal["low", "high"]
"""Of what is not known: "high" where it may destroy data, "low" where the program is known not to destroy what it is
not given, or nothing in its words speaks of it."""


class LowRisk(str):
    """A sentence about what is not known, of low risk. Every other sentence is of high risk."""

    __slots__ = ()


def risk(unknown: Iterable[str]) -> Risk | None:
    """The worst of what is not known; None where everything is."""
    found = [isinstance(each, LowRisk) for each in unknown]
    return None if not found else "low" if all(found) else "high"


Verb = Literal["stop", "restart", "remove", "delete", "change", "kill", "prune"]
Target = Literal["container", "volume", "network", "image", "unit", "process", "path", "crontab", "database", "host"]


class Size(NamedTuple):
    """Bytes of file content; `at_least` where the time limit ended the count early."""

    bytes: int | None
    at_least: bool = False
    last_write: float | None = None  # newest modification time seen, seconds since the epoch


Cause = Literal["main-process-ends", "overwritten", "sleep"]
"""What decides over the proposals and the question whether a line helps: a container or unit whose main process ends, a
file that stays and loses what it holds, a host that only sleeps."""


class Effect(NamedTuple):
    """One thing that a command would stop, change or delete."""

    verb: Verb
    type: Target
    name: str
    data_lost: bool
    why: str
    size: Size | None = None
    used_by: tuple[str, ...] = ()
    in_use: bool | None = None  # whether anything uses it now; None: nobody looked, or it cannot be told
    pid: int | None = None  # of a process; a name may hold any number
    cause: Cause | None = None
    more: int = 0  # how many like this one are not named each
    kept_in: str = ""  # where the line itself has put what it holds before, as it was or in an archive


class Effects(NamedTuple):
    """Everything one command would do, and what could not be told about it."""

    command: str
    effects: tuple[Effect, ...]
    unknown: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self.effects if effect.data_lost)
