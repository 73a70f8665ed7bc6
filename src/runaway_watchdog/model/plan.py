"""The reversible way out."""

from dataclasses import dataclass
from typing import Literal

from runaway_watchdog.model.effect import Effect

Risk = Literal["none", "slows", "interrupts", "loses-data"]


@dataclass(frozen=True, slots=True)
class Step:
    """One command, complete: pasted into a root shell on this host it does what `effect` says."""

    title: str
    command: str
    effect: str
    risk: Risk
    undo: str | None  # None: nothing to undo (a look), or it cannot be undone and `effect` says so
    verify: str
    """How to see that it worked. "`COMMAND` prints A or B", "… begins with C", "… shows nothing" and "… shows it" are
    also checked by the script that `plan --script` writes."""


@dataclass(frozen=True, slots=True)
class Never:
    """A command that people reach for in this situation, and what it would destroy here."""

    command: str
    why: str
    would_lose: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    goal: str  # says how long it holds: "for good" only when every door is closed
    steps: tuple[Step, ...]
    never: tuple[Never, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """How one owner is stopped: what that achieves and how long it holds, and the steps in their order."""

    goal: str
    steps: tuple[Step, ...]
