"""What a person reads when a line is held: what would be lost, whether it even helps, what to do instead. Pure.

80 columns; hostile text is cleaned by `decide`; commands are never wrapped.
"""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from runaway_watchdog.guard.decide import Ask, Help, Hold, Loss, Safer
from runaway_watchdog.guard.dump import Offer, offer
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.masking import mask_text, shown_command
from runaway_watchdog.render import figures

PROGRAM: Final = "runaway-watchdog"
COLUMNS: Final = 80
SHOWN: Final = 8
USERS: Final = 5
UNSHOWABLE: Final = "(it cannot be shown here as it must be typed: runaway-watchdog preflight --json tells it)"
_RESET, _BOLD, _RED, _CYAN = "\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;36m"


def page(hold: Hold, line: str, *, colours: bool, now: float) -> list[str]:
    """The lines to show, before the question."""
    return list(_Page(colours, now).write(hold, line))


def question(ask: Ask, line: str, *, colours: bool) -> list[str]:
    """The lines to show for a command that could not be judged, before the question."""
    head = "could not analyse this command" if ask.checked else "could not check this command"
    marked = f"{_RED}HELD{_RESET}" if colours else "HELD"
    return [f"{marked} by {PROGRAM}: {head}", *_shown(line), *_wrapped(f"{ask.why}", "  - ", "    ")]


def _shown(line: str) -> Iterator[str]:
    """The whole command, of however many lines it is."""
    for row in lines_of(mask_text(line)):
        yield f"  {clean(row, len(row) + 1)}"


def note(losses: Sequence[Loss]) -> str:
    """One line about what goes for good and is nobody's loss."""
    first = losses[0]
    more = f" and {len(losses) - 1} more" if len(losses) > 1 else ""
    size = figures.size(first.size_bytes, at_least=first.size_is_at_least)
    if first.kept_in is not None:
        return f"{PROGRAM} guard: kept in {clean(first.kept_in, 120)} alone: {clean(first.name, 120)} ({size}){more}"
    if first.type == "crontab":
        return f"{PROGRAM} guard: crontab of {clean(first.name, 60)}: {clean(first.why, 160)}{more}"
    return f"{PROGRAM} guard: gone for good, and in nobody's use: {clean(first.name, 120)} ({size}){more}"


class _Page:
    def __init__(self, colours: bool, now: float) -> None:
        self._colours = colours
        self._now = now

    def _in(self, colour: str, words: str) -> str:
        return f"{colour}{words}{_RESET}" if self._colours else words

    def write(self, hold: Hold, line: str) -> Iterator[str]:
        count = len(hold.losses)
        head = "this would be lost for good" if count == 1 else f"these {count} would be lost for good"
        yield f"{self._in(_RED, 'HELD')} by {PROGRAM}: {head}"
        yield from _shown(line)
        for loss in hold.losses[:SHOWN]:
            yield from _wrapped(self._loss(loss), "  - ", "    ")
        if count > SHOWN:
            yield f"  - and {count - SHOWN} more: runaway-watchdog preflight '…' names them all"
        for words in hold.unknown[:2]:
            yield from _wrapped(f"not known: {words}", "  - ", "    ")
        yield from self._helps(hold.helps)
        dump = offer(hold, line)
        yield from self._dump(dump)
        yield from self._safer([each for each in hold.safer if dump is None or each.command != dump.command])

    def _loss(self, loss: Loss) -> str:
        facts = [figures.size(loss.size_bytes, at_least=loss.size_is_at_least)]
        if loss.last_write:
            facts.append(f"last write {_moment(loss.last_write, self._now)}")
        if loss.used_by:
            more = f" and {len(loss.used_by) - USERS} more" if len(loss.used_by) > USERS else ""
            facts.append(f"used by {', '.join(loss.used_by[:USERS])}{more}")
        return f"{loss.type} {loss.name} ({'; '.join(facts)}): {loss.why}"

    def _helps(self, helps: Help | None) -> Iterator[str]:
        if helps is None:
            return
        if not helps.ends:
            told = f"It would not even end PID {helps.pid}, which burns the CPU"
        elif helps.returns:
            told = f"It would end PID {helps.pid} for a moment only: it comes back"
        elif helps.returns is None:
            told = f"It would end PID {helps.pid}; whether that comes back cannot be told"
        else:
            told = f"It would end PID {helps.pid}"
        yield from _wrapped(f"{told}: {helps.why}", "", "  ")

    def _dump(self, found: Offer | None) -> Iterator[str]:
        if found is None:
            return
        yield from _wrapped(f"{self._in(_BOLD, 'Dump it first')}: {found.words}", "", "  ")
        if found.command is not None:
            yield f"  {self._in(_CYAN, found.command)}"

    def _safer(self, proposals: Sequence[Safer]) -> Iterator[str]:
        if proposals:
            yield f"{self._in(_BOLD, 'Safer')}:"
        for each in proposals[:3]:
            command = shown_command(each.command)
            yield f"  {self._in(_CYAN, command)}" if command else f"  {UNSHOWABLE}"
            yield from _wrapped(each.why, "      # ", "      # ")


def _moment(written: str, now: float) -> str:
    try:
        return figures.clock(datetime.fromisoformat(written).timestamp(), now)
    except (ValueError, OverflowError):
        return "not known"


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text, COLUMNS - 1, initial_indent=first, subsequent_indent=others, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
