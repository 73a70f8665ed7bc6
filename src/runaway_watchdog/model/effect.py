"""What a command would change on this host."""

from typing import Literal, NamedTuple

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


class Effects(NamedTuple):
    """Everything one command would do, and what could not be told about it."""

    command: str
    effects: tuple[Effect, ...]
    unknown: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self.effects if effect.data_lost)
