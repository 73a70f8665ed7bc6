"""The reversible way out."""

from typing import Literal, NamedTuple

from runaway_watchdog.model.effect import Effect

Risk = Literal["none", "slows", "interrupts", "loses-data"]
Phase = Literal["look", "relieve", "save", "hold", "close"]
"""What a step is for: "look" only reads, "relieve" takes the pressure off and ends nothing, "save" keeps what a later
step could lose, "hold" stops the work where it comes from, "close" shuts a door by which it would come back later."""


class Prints(NamedTuple):
    """Every line that the command prints is one of these words, blanks and a leading `Property=` aside. `nothing` is
    one of the words: no output at all. `also`: what a person sees beside it."""

    command: str
    answers: tuple[str, ...]
    also: str = ""


class Says(NamedTuple):
    """A line that the command prints holds one of these words (or there is `nothing`); the name at the command's end
    does not count."""

    command: str
    answers: tuple[str, ...]


class BeginsWith(NamedTuple):
    """What the command prints begins with this."""

    command: str
    start: str


class Succeeds(NamedTuple):
    """The command ends with 0, and shows what there is."""

    command: str
    shown: str = "it"


class Fails(NamedTuple):
    """The command ends with another code than 0, and shows nothing."""

    command: str


class ByEye(NamedTuple):
    """Only a person can see it."""

    what: str


Check = Prints | Says | BeginsWith | Succeeds | Fails | ByEye
"""How to see that a step worked; but for the last, the script that `plan --script` writes looks by itself."""


class Step(NamedTuple):
    """One command, complete: pasted into a root shell on this host it does what `effect` says."""

    title: str
    command: str
    effect: str
    risk: Risk
    undo: str | None  # None: nothing to undo (a look), or it cannot be undone and `effect` says so
    check: Check
    phase: Phase = "hold"
    final: bool = False  # it cannot be undone, and `effect` says so
    last_resort: bool = False  # it stops more than what burns: for whoever asks for it, when all before was not enough
    unfrozen: str | None = None  # the command of a plan that freezes nothing first; None: the same one

    def as_last_resort(self) -> "Step":
        """In a plan of a part alone, which has frozen no more than that."""
        return self._replace(last_resort=True, command=self.unfrozen or self.command, unfrozen=None)


class Dangerous(NamedTuple):
    """A command that people reach for in this situation, and what it would destroy here."""

    command: str
    why: str
    would_lose: tuple[Effect, ...]


class Advice(NamedTuple):
    """What makes its return harmless: lines for a file of whoever runs it, to be written without hurry."""

    what: str
    where: str | None  # the file, and the place in it; None: nothing has to be written
    lines: tuple[str, ...]


class Plan(NamedTuple):
    goal: str  # says how long it holds: "for good" only when every door is closed
    steps: tuple[Step, ...]
    dangerous: tuple[Dangerous, ...]
    remaining_triggers: tuple[str, ...] = ()  # what would bring it back once all steps are done, each in words
    hardening: tuple[Advice, ...] = ()


class Containment(NamedTuple):
    """How one owner is stopped: what that achieves and how long it holds, the steps in their order, and the doors that
    they leave open."""

    goal: str
    steps: tuple[Step, ...]
    remaining_triggers: tuple[str, ...] = ()
    calm: bool = False  # it stands still already, or must go on: nothing is to be taken off
    part: bool = False  # it ends a part of what the next layer keeps: that one's own steps are the last resort
