"""What the preflight's answer means for the line: it passes, it passes and that is said, it is asked about, or held.

Pure.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from runaway_watchdog.hostile import clean

NAME_LIMIT: Final = 200
LARGE: Final = 1 << 30
"""Bytes. Whoever keeps this much keeps it for something, a backup or an archive, though no process has it open."""
CONFIRMS: Final = "run"
"""What is typed to run a line that could not be judged: there is no name to type."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_SHORT: Final = 12
"""As many characters of an identifier as Docker itself shows."""


class Loss(NamedTuple):
    """One thing whose data would be lost, its texts cleaned for a terminal."""

    type: str
    name: str
    size_bytes: int | None
    size_is_at_least: bool
    last_write: str | None
    used_by: tuple[str, ...]
    why: str
    kept_in: str | None  # where the line itself has packed it up before
    idle: bool  # what nothing on this host uses, what the line itself packs up first, lines of a crontab that it names


class Safer(NamedTuple):
    command: str
    why: str


class Help(NamedTuple):
    """Whether the line would end the runaway that is open."""

    pid: int
    ends: bool
    returns: bool | None
    why: str


class Pass(NamedTuple):
    """The line runs. `cannot_judge` says what could not be told, where something could not; `idle` what it deletes
    for good without anybody's loss: worth a word, and not a question."""

    cannot_judge: str | None = None
    idle: tuple[Loss, ...] = ()


class Hold(NamedTuple):
    """The line would destroy data."""

    losses: tuple[Loss, ...]  # never empty
    safer: tuple[Safer, ...]
    helps: Help | None
    unknown: tuple[str, ...]

    def asks_for(self) -> str:
        """What must be typed, in words.

        One thing: its name. Several: how many they are and one of the names, since a line that takes more than one
        thought is the one that people regret, and a name alone shows only that the first of them was read.
        """
        if not self._names():
            return f"type  {self._fallback()}"
        if len(self.losses) == 1:
            return "type its name"
        return "type how many things that is, and the name of any one of them (for two: 2 NAME)"

    def accepts(self, answer: str) -> bool:
        """Whether this is what was asked for. Case and every letter count; blanks around it do not."""
        words = answer.strip()
        if not self._names():
            return words == self._fallback()
        if len(self.losses) > 1:
            count, _, words = words.partition(" ")
            if count != str(len(self.losses)):
                return False
            words = words.strip()
        return any(words in spellings for spellings in map(_spellings, self._names()))

    def _names(self) -> list[str]:
        """The names that a person can type."""
        return [loss.name for loss in self.losses if _typeable(loss.name)]

    def _fallback(self) -> str:
        return f"{len(self.losses)} {self.losses[0].type}"


class Ask(NamedTuple):
    """What the line does could not be told, and it may destroy data: a person decides."""

    why: str
    checked: bool = True  # False: the preflight itself gave no answer

    def accepts(self, answer: str) -> bool:
        """Whether this is the word that was asked for."""
        return answer.strip() == CONFIRMS


Decision = Pass | Ask | Hold


def decide(document: Mapping[str, Any]) -> Decision:
    """From one document of `preflight --json`. Raises ValueError for one that is not whole."""
    try:
        unknown = tuple(clean(str(each)) for each in document["unknown"])
        match document["verdict"]:
            case "destroys-data":
                return _judged(document, unknown)
            case "unknown":
                return _unknown(document, unknown[0] if unknown else "the preflight does not say why")
            case "safe" | "interrupts" | "nothing":
                return Pass()
            case other:
                raise ValueError(f"a verdict that is not known here: {other!r}")
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"a preflight that is not whole: {fault!r}") from fault


def unanswered(why: str, *, feared: bool) -> Decision:
    """Where the preflight gave no answer, or none in time: `feared` is what the words alone say of the line."""
    return Ask(why, checked=False) if feared else Pass(why)


def _unknown(document: Mapping[str, Any], why: str) -> Decision:
    """By its risk: low passes without a word, high is asked about. A preflight that tells none leaves it at a word."""
    match document.get("risk"):
        case "low":
            return Pass()
        case "high":
            return Ask(why)
        case _:
            return Pass(why)


def _judged(document: Mapping[str, Any], unknown: tuple[str, ...]) -> Decision:
    losses = {(each["type"], each["name"]): _loss(each) for each in document["effects"] if each["data_lost"]}
    if not losses:
        raise ValueError("a preflight that speaks of lost data and names none")
    if all(loss.idle for loss in losses.values()) and sum(loss.size_bytes or 0 for loss in losses.values()) < LARGE:
        doubt = unknown[0] if unknown and document.get("risk") != "low" else None
        return Pass(doubt, tuple(losses.values()))
    helps = document["helps"]
    return Hold(
        tuple(losses.values()),
        tuple(Safer(str(each["command"]), clean(str(each["why"]))) for each in document["safer"]),
        None if helps is None else Help(int(helps["pid"]), helps["ends"], helps["returns"], clean(str(helps["why"]))),
        unknown,
    )


def _loss(effect: Mapping[str, Any]) -> Loss:
    return Loss(
        clean(str(effect["type"]), 40),
        clean(str(effect["name"]), NAME_LIMIT).strip(),
        effect["size_bytes"],
        bool(effect.get("size_is_at_least", False)),
        effect.get("last_write"),
        tuple(clean(str(each), 60) for each in effect["used_by"]),
        clean(str(effect["why"])),
        clean(str(effect["kept_in"]), NAME_LIMIT) if effect.get("kept_in") else None,
        idle=bool(effect.get("kept_in")) or (effect["type"] in ("path", "crontab") and effect.get("in_use") is False),
    )


def _typeable(name: str) -> bool:
    """Nothing in it was cut off or replaced, and nobody's keyboard is asked too much."""
    return bool(name) and "\ufffd" not in name and len(name) < NAME_LIMIT and "  " not in name


def _spellings(name: str) -> set[str]:
    """A path may be told by its last part, an identifier by as much of it as Docker shows."""
    found = {name}
    if name.startswith("/"):
        found.add(name.rpartition("/")[2])
    if _DIGEST.match(name):
        found.add(name[:_SHORT])
    return found - {""}
