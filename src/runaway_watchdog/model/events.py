"""What the watch concludes from samples, and how it hands that to the store and to a case."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import RuleKind

Stage = Literal["suspect", "sustained", "resolved"]


class Finding(NamedTuple):
    """A rule that is half met (`suspect`: its case may be prepared), met (`sustained`) or over (`resolved`)."""

    stage: Stage
    rule: str
    severity: str
    group: str
    key: ProcKey | None  # the process that burns; None where only the group as a whole does
    percent: float  # mean over `window_s`, in percent of one core; of the host's time for "pressure" and "steal"
    window_s: float
    wall: float
    kind: RuleKind = "cpu"
    harm: str = ""  # why it has this severity, in words; "" where the rule says so
    push: bool = True  # False: record and explain it, but send no message
    demand: float = 0.0  # mean over `window_s` of what it would have used had nothing held it
    waited: float = 0.0  # of that: ready to run while others ran
    limit: float | None = None  # what its group may use, in percent of one core
    throttled: float = 0.0  # percent of the periods in which its group ran into that limit
    steal: float = 0.0  # percent of the host's time that the provider took
    returns: int = 0  # "restarts": how many were seen within `window_s`, at least


class Sender(NamedTuple):
    """Who sent a signal, as far as it could still be read. What is not known is ""."""

    pid: int
    name: str  # comm: hostile
    user: str
    login: str = ""  # whom it logged in as, where that is another user
    ssh: str = ""  # the address that it came from
    ssh_is_said: bool = False  # by its environment, which is its own word


class Ending(NamedTuple):
    """How a process ended, as the kernel told it: by itself, or by a signal."""

    exit_code: int | None = None
    signal: int | None = None
    sent: int | None = None  # the signal that it was sent before it ended by itself
    sender: Sender | Literal["kernel", "oom-killer"] | None = None  # of either signal; None: not known

    @classmethod
    def of(cls, status: int) -> "Ending":
        """As waitpid(2) has it."""
        signal = status & 0x7F
        return cls(signal=signal) if signal else cls(exit_code=status >> 8 & 0xFF)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Ending | None":
        """Of what `to_json` wrote, among other things or not; None: it is not known."""
        found = cls(**{name: document[name] for name in cls._fields if name in document})
        if isinstance(document.get("sender"), dict):
            found = found._replace(sender=Sender(**document["sender"]))
        return None if found == cls() else found

    def to_json(self) -> dict[str, Any]:
        """What is known of it."""
        sender = self.sender._asdict() if isinstance(self.sender, Sender) else self.sender
        known = {**self._asdict(), "sender": sender}
        return {name: value for name, value in known.items() if value is not None}


class Death(NamedTuple):
    """A tracked process ended. `wall` is exact where the kernel told us (pidfd), else the first look that missed it."""

    key: ProcKey
    wall: float
    exact: bool
    ending: Ending | None = None  # None: not known


class Return(NamedTuple):
    """The same work came back: same group, same program, started after the death."""

    key: ProcKey
    predecessor: ProcKey
    wall: float  # when the new process started
    delay_s: float  # from the death to the new start


def incident_document(
    kind: str, number: int, severity: str, harm: str, case: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a message holds for programs. `case`: as `explain --json` tells it; None where there is none."""
    incident = {"id": number or None, "severity": severity or None, "harm": harm or None}
    return {"schema_version": 1, "kind": kind, "incident": incident, "case": case}


class CaseRequest(NamedTuple):
    """What the watch asks a case process to do. Handed over as JSON on its standard input, several at once."""

    incident_id: int  # 0 for a suspect: no incident yet
    kind: Literal["suspect", "opened", "recorded", "escalated", "returned", "reminder", "resolved"]
    rule: str
    severity: str
    pid: int  # 0 where only the group is known
    start_ticks: int
    group: str
    lineage: str  # the lineage's key
    percent: float
    window_s: float
    opened_at: float
    rule_kind: RuleKind = "cpu"
    harm: str = ""  # why it has this severity, in words; "" where the rule says so
    returns: int = 0  # "restarts": how many were seen within `window_s`, at least
    demand: float = 0.0  # what it wanted over `window_s`, where it got less; see Finding
    unseen: bool = False  # "resolved": it ended while no watch was there to see it
    beside: int = 0  # the open incident about the host that it is a part of; 0: none
    asked_at: float = 0.0  # wall clock: by this a turn is known for the same when it is tried again
    busiest: tuple[tuple[str, float, int], ...] = ()  # "pressure": groups, percent of a core, and their open incidents

    @classmethod
    def several_from_json(cls, text: str | bytes) -> "tuple[CaseRequest, ...]":
        """As `several_to_json` wrote them."""
        return tuple(cls._of(each) for each in json.loads(text))

    @classmethod
    def _of(cls, asked: dict[str, Any]) -> "CaseRequest":
        busiest = tuple(
            (str(group), float(percent), int(number)) for group, percent, number in asked.pop("busiest", ())
        )
        return cls(**asked, busiest=busiest)

    @property
    def held_back(self) -> bool:
        """It got a third of what it wanted, or less: what it used alone would sound harmless."""
        return self.demand >= 3 * self.percent


def several_to_json(requests: Iterable[CaseRequest]) -> str:
    """For one case process, in their order."""
    return json.dumps([each._asdict() for each in requests])
