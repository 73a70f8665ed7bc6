"""The plan in words: its steps, what never to do, what comes afterwards. Commands are exact, or absent."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.cgroup import LONG_ID, SHORT_ID
from runaway_watchdog.masking import mask_text, shown_command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.plan import Advice, Dangerous, Phase, Step
from runaway_watchdog.render import figures
from runaway_watchdog.render.check import sentence

MOST_NEVER: Final = 3
"""Of the commands never to run, on a screen and in a message; the document names all."""
LOOKED_AT: Final = 16_384
"""Characters of one text: masking a megabyte in every place where it is named would take minutes."""
UNSHOWABLE: Final = "(not shown: a name in this command holds characters that could deceive, or a secret)"


class Move(NamedTuple):
    """One step of the plan."""

    title: str
    effect: str
    command: str | None  # None: see UNSHOWABLE
    undo: str | None
    verify: str
    phase: str  # in the reader's words; see _PHASES
    last_resort: bool = False


class Advised(NamedTuple):
    """What makes its return harmless: where, and which lines."""

    what: str
    where: str
    lines: tuple[str, ...]


class Warned(NamedTuple):
    """One command never to run here, and what it would destroy."""

    command: str | None
    why: str
    losses: tuple[str, ...]


def safe(text: str, limit: int = 400) -> str:
    """One line of text that others wrote, masked and cleaned; of a long ID, as much as people type."""
    return LONG_ID.sub(lambda found: found[0][:SHORT_ID], whole(text, limit))


def whole(text: str, limit: int = 400) -> str:
    """The same with every digit: evidence."""
    return clean(mask_text(_within(text)), limit)


def _within(text: str) -> str:
    """As much as is looked at; its last word goes, since half of a URL shows no more that it holds a secret."""
    if len(text) <= LOOKED_AT:
        return text
    head = text[:LOOKED_AT]
    return head[: max(head.rfind(mark) for mark in " \n/") + 1] or head


_RISKS: Final = {"none": "", "slows": "slows it down", "interrupts": "interrupts it", "loses-data": "LOSES DATA"}


_PHASES: Final[Mapping[Phase, str]] = {
    "look": "look",
    "relieve": "take the pressure off",
    "save": "save what could be lost",
    "hold": "hold it",
    "close": "close the door by which it would come back",
}
_LAST_RESORT: Final = "last resort, if all before was not enough"


def move(step: Step) -> Move:
    """A step, its texts cleaned for a terminal."""
    undo = None if step.undo is None else (shown_command(step.undo) or UNSHOWABLE)
    marks = ("last resort" if step.last_resort else "", _RISKS[step.risk])
    marked = ", ".join(filter(None, marks))
    title = safe(step.title, 120) + (f" ({marked})" if marked else "")
    phase = _LAST_RESORT if step.last_resort else _PHASES[step.phase]
    return Move(
        title, safe(step.effect), shown_command(step.command), undo, safe(sentence(step.check)), phase, step.last_resort
    )


def advised(advice: Advice) -> Advised:
    """A piece of advice; a line that cannot be shown as it must be typed is not shown."""
    lines = tuple(shown_command(line) or UNSHOWABLE for line in advice.lines)
    return Advised(safe(advice.what), safe(advice.where or ""), lines)


def warned(never: Dangerous) -> Warned:
    """A command never to run."""
    losses = tuple(_loss(effect) for effect in never.would_lose if effect.data_lost)  # `why` names what it only ends
    return Warned(shown_command(never.command), safe(never.why), losses)


def _loss(effect: Effect) -> str:
    parts = [f"{effect.type} {safe(effect.name, 80)}"]
    if effect.size is not None:
        parts.append(figures.size(effect.size.bytes, at_least=effect.size.at_least))
    if effect.used_by:
        shown = ", ".join(safe(each, 40) for each in effect.used_by[:3])
        more = f" and {len(effect.used_by) - 3} more" if len(effect.used_by) > 3 else ""
        parts.append(f"used by {shown}{more}")
    return ", ".join(parts)
