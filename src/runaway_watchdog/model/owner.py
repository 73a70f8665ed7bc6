"""Who keeps a process alive, and what that owner would do."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

KindName = str
"""One of the contract's names of owner kinds: each is said once, in the file of its kind (`KINDS`)."""

Action = Literal["sigterm", "sigkill", "clean-exit", "failure-exit", "owner-stop", "owner-daemon-restart", "reboot"]
ACTIONS: tuple[Action, ...] = (
    "sigterm",
    "sigkill",
    "clean-exit",
    "failure-exit",
    "owner-stop",
    "owner-daemon-restart",
    "reboot",
)
Certainty = Literal["certain", "likely", "unknown"]


class Claim(NamedTuple):
    """An owner's kind says "this may be mine", from what the process itself shows; nothing was asked yet."""

    kind: KindName
    ref: str  # how to ask for it: a container ID, a unit name
    evidence: tuple[str, ...]
    manager_pid: int | None = None
    """The ancestor that would start it again, where the claim was made from inside, or that a container's layer is
    run by: the next layers are its own."""


class Owner(NamedTuple):
    """One layer of ownership, as the case file keeps it and everybody is told."""

    kind: KindName
    name: str  # as people call it: "ocr/worker", "docker.service"
    id: str
    policy: str  # the restart policy in the owner's own words: "always", "on-failure:5", "no"
    facts: Mapping[str, Any]  # shown as `owners[].facts`; empty: its manager did not answer
    evidence: tuple[str, ...]


class Reason(NamedTuple):
    """One part of a prognosis's reasons, in words. `of` is what it is about: how the process meets the action (`end`),
    what its owner makes of that (`owner`), what the next layer does (`next`), or what the watch saw (`seen`)."""

    text: str
    of: Literal["end", "owner", "next", "seen"] = "owner"

    def with_more(self, text: str) -> "Reason":
        """The same, with a further clause."""
        return self._replace(text=f"{self.text}{text}")


Why = str | Reason | tuple[str | Reason, ...]
"""What the constructors of an outlook take: a text alone is the owner's own reason."""


class Outlook(NamedTuple):
    """What becomes of the process, and of the same work, if one action is taken.

    `ends` says whether the action ends the process at all; `returns` whether the same work comes back by itself
    (None: cannot be told, the reasons say what is missing). `after_s` is the time to the new process.
    """

    action: Action
    ends: bool
    returns: bool | None
    by: str | None
    after_s: float | None
    certainty: Certainty
    reasons: tuple[Reason, ...]

    @classmethod
    def goes_on(cls, action: Action, certainty: Certainty, why: Why) -> "Outlook":
        """The action does not end it."""
        return cls(action, False, False, None, None, certainty, reasons(why))

    @classmethod
    def stays_away(cls, action: Action, certainty: Certainty, why: Why) -> "Outlook":
        """It ends, and nothing starts it again."""
        return cls(action, True, False, None, None, certainty, reasons(why))

    @classmethod
    def comes_back(
        cls, action: Action, by: str | None, certainty: Certainty, why: Why, *, after_s: float | None = None
    ) -> "Outlook":
        """It ends, and `by` starts it again, after so many seconds where that is known."""
        return cls(action, True, True, by, after_s, certainty, reasons(why))

    @classmethod
    def not_known(cls, action: Action, why: Why, *, by: str | None = None) -> "Outlook":
        """It ends; whether `by` starts it again cannot be told."""
        return cls(action, True, None, by, None, "unknown", reasons(why))

    @classmethod
    def ended(cls, action: Action, certainty: Certainty, why: Why, *, returns: bool | None, by: str) -> "Outlook":
        """It ends; `returns` says whether `by` starts it again (None: that cannot be told)."""
        return cls(action, True, returns, by if returns else None, None, certainty, reasons(why))

    @classmethod
    def all_unknown(cls, action: Action, why: Why) -> "Outlook":
        """Not even whether it ends can be told."""
        return cls(action, False, None, None, None, "unknown", reasons(why))

    @property
    def why(self) -> str:
        """The reasons as one sentence."""
        return "; ".join(reason.text for reason in self.reasons)


def reasons(why: Why) -> tuple[Reason, ...]:
    """The same, each as a reason."""
    parts = why if isinstance(why, tuple) and not isinstance(why, Reason) else (why,)
    return tuple(Reason(part) if isinstance(part, str) else part for part in parts)


class Deferred(NamedTuple):
    """This owner does not decide: the next layer does.

    `action` is what the next layer's own process (the supervisor, the master) meets then. `along` says whether that
    one's return brings this work back with it (None: not known). `ends`: this process ends whatever the next layer's
    does; else it ends when that one ends. `more_s`: what passes from that one's return to this work's. `by`: who starts
    it then, where that is not whoever brings the next layer's process back.
    """

    action: Action
    along: bool | None
    why: str
    ends: bool = False
    more_s: float = 0.0
    by: str | None = None
