"""The text of a preflight, for a terminal: 80 columns, hostile text cleaned, commands never wrapped.

Order: the verdict · what would be lost · what else would change · whether it helps · what is safer · what is not known.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import mask_text, shown_command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import Verdict, interrupts, verdict
from runaway_watchdog.render import figures
from runaway_watchdog.render.steps import UNSHOWABLE
from runaway_watchdog.render.text import Style, wrapped

if TYPE_CHECKING:
    from runaway_watchdog.preflight.helps import Helps
    from runaway_watchdog.preflight.safer import Safer

HEADLINES: dict[Verdict, str] = {
    "destroys-data": "THIS DESTROYS DATA",
    "unknown": "CANNOT TELL",
    "interrupts": "THIS INTERRUPTS",
    "safe": "SAFE HERE, NOW",
    "nothing": "NOTHING TO DO HERE",
}
NOTHING = "it changes nothing here: what it names does not exist, or it only reads."
EXPLAINED: dict[Verdict, str] = {
    "destroys-data": "what is lost below is gone for good.",
    "unknown": "a part of the line is only known when it runs.",
    "interrupts": "what is named below stops, restarts or goes; no volume, database or file is lost.",
    "safe": "it stops nothing and loses nothing.",
    "nothing": "it does nothing as it stands; that is not what was meant.",
}
_RESET, _BOLD, _RED, _GREEN, _YELLOW, _CYAN = "\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[32m", "\x1b[33m", "\x1b[1;36m"
COLOURS: dict[Verdict, str] = {"destroys-data": _RED, "unknown": _YELLOW, "interrupts": _YELLOW, "safe": _GREEN,
    "nothing": _YELLOW,
}  # fmt: skip
SHOWN = 15
"""Effects of one section; the rest are counted, and --json names them all."""


def text(
    preflight: Preflight, helps: "Helps | None", safer: "Sequence[Safer]", *, style: Style = Style.PLAIN, now: float
) -> str:
    """The whole text, without a line break at its end. `now`: seconds since the epoch."""
    page = _Page(style is Style.ANSI, now)
    sections = (
        page.headline(preflight),
        page.effects("LOST FOR GOOD", preflight.lost),
        page.effects("INTERRUPTED", [each for each in preflight.effects if not each.data_lost and interrupts(each)]),
        page.effects("CHANGED", [each for each in preflight.effects if not each.data_lost and not interrupts(each)]),
        page.helps(helps),
        page.safer(safer),
        page.unknown(preflight.unknown),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


class _Page:
    def __init__(self, colours: bool, now: float) -> None:
        self._colours = colours
        self._now = now

    def _in(self, colour: str, words: str) -> str:
        return f"{colour}{words}{_RESET}" if self._colours and words else words

    def headline(self, preflight: Preflight) -> Iterator[str]:
        found = verdict(preflight)
        head = HEADLINES[found]
        told = preflight.effects or preflight.unknown or found == "nothing"
        yield f"{self._in(COLOURS[found], head)}: {EXPLAINED[found] if told else NOTHING}"
        yield f"  {shown_command(preflight.line) or UNSHOWABLE}"
        if preflight.folder is not None:
            yield f"  in {_shown(preflight.folder, 200)}"
        for each in preflight.nothing:
            yield from wrapped(_shown(each, 800), "  ", "  ")

    def effects(self, heading: str, effects: Sequence[Effect]) -> Iterator[str]:
        if not effects:
            return
        yield self._in(_BOLD, heading)
        for effect in effects[:SHOWN]:
            yield from wrapped(self._sentence(effect), "  - ", "    ")
        if len(effects) > SHOWN:
            yield f"  - and {len(effects) - SHOWN} more (--json names them)"

    def _sentence(self, effect: Effect) -> str:
        facts = []
        if effect.size is not None and effect.data_lost:
            facts.append(figures.size(effect.size.bytes, at_least=effect.size.at_least))
            if effect.size.last_write is not None:
                facts.append(f"last write {figures.clock(effect.size.last_write, self._now)}")
        if effect.used_by:
            facts.append("used by " + ", ".join(_shown(each, 60) for each in effect.used_by[:5]))
        told = f" ({'; '.join(facts)})" if facts else ""
        return f"{effect.verb} {effect.type} {_shown(effect.name, 200)}{told}: {_shown(effect.why)}"

    def helps(self, helps: "Helps | None") -> Iterator[str]:
        if helps is None:
            return
        yield self._in(_BOLD, "DOES IT HELP?")
        yield from wrapped(f"{_answer(helps)}: {_shown(helps.why)}", "  ", "    ")

    def safer(self, safer: "Sequence[Safer]") -> Iterator[str]:
        if not safer:
            return
        yield self._in(_BOLD, "SAFER")
        for each in safer:
            yield from wrapped(_shown(each.why), "  # ", "  # ")
            yield "  " + self._in(_CYAN, shown_command(each.command) or UNSHOWABLE)

    def unknown(self, unknown: Sequence[str]) -> Iterator[str]:
        if not unknown:
            return
        yield self._in(_BOLD, "NOT KNOWN")
        for each in unknown[:SHOWN]:
            yield from wrapped(_shown(each), "  - ", "    ")
        if len(unknown) > SHOWN:
            yield f"  - and {len(unknown) - SHOWN} more (--json names them)"


def _answer(helps: "Helps") -> str:
    if helps.ends is None:
        return f"whether it ends process {helps.pid} is not known"
    if not helps.ends:
        return f"no, process {helps.pid} goes on"
    if helps.returns is None:
        return f"it ends process {helps.pid}; whether it comes back is not known"
    return f"only for a moment: process {helps.pid} ends and comes back" if helps.returns else f"yes, {helps.pid} ends"


def _shown(words: str, limit: int = 400) -> str:
    return clean(mask_text(words), limit)
