"""The text of a case: the one that `explain` prints and that every alert carries.

The contract fixes its order and its size: an ordinary case fits 80 columns and 40 rows. Where it would be longer,
what helps least is left out first, and `verbose` shows everything. Commands are never wrapped.
"""

import textwrap
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.render.steps import MOST_NEVER, UNSHOWABLE, Move, Warned
from runaway_watchdog.render.story import WIDEST_ACTION, Layer, OutlookLine, Story, Tone, tell

COLUMNS: Final = 80
ROWS: Final = 38
"""One screen of 40 rows, less the prompt and the command that was typed."""


class Style(Enum):
    """Whether colours are wanted; the caller knows about NO_COLOR, --no-color and pipes."""

    PLAIN = "plain"
    ANSI = "ansi"


PLAIN: Final = Style.PLAIN
ANSI: Final = Style.ANSI


class Detail(Enum):
    """How much is told, from the least. `text` takes the most that fits a screen."""

    LEAST = -1  # one line of each finding and of each outcome
    BARE = 0  # one loss a command, one line an owner, two lines an outcome
    LEAN = 1  # one line of the command line, two of each finding, no reason for a return
    TERSE = 2  # of the owners' facts only the container and its Compose file, two losses a command
    SHORT = 3  # no effects of steps
    FULL = 4
    VERBOSE = 5


def text(case: CaseFile, *, style: Style = PLAIN, verbose: bool = False, now: float) -> str:
    """The whole text, without a line break at its end. `now`: seconds since the epoch; times are told in local time."""
    return write(tell(case, now), style=style, verbose=verbose)


def plan_text(case: CaseFile, *, style: Style = PLAIN, now: float) -> str:
    """The way out alone, whole: every step with its check and its undo, what never to do, what was not seen."""
    return _Page(style, Detail.VERBOSE).write_plan(tell(case, now))


def write(story: Story, *, style: Style = PLAIN, verbose: bool = False) -> str:
    """The text of a story that was told already."""
    if verbose:
        return _Page(style, Detail.VERBOSE).write(story)
    for detail in (Detail.FULL, Detail.SHORT, Detail.TERSE, Detail.LEAN, Detail.BARE, Detail.LEAST):
        page = _Page(style, detail).write(story)
        if page.count("\n") < ROWS:
            break
    return page


_RESET: Final = "\x1b[0m"
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1;36m")
_TONES: Final[dict[Tone, str]] = {"good": _GREEN, "bad": _RED, "unsure": _YELLOW}


class _Page:
    """One writing of a story, at one level of detail."""

    def __init__(self, style: Style, detail: Detail) -> None:
        self._colours = style is ANSI
        self._detail = detail

    def write(self, story: Story) -> str:
        sections = (
            self._what(story),
            self._who(story),
            self._outcomes(story.outcomes),
            self._plan(story),
            self._never(story.dangerous),
            self._gaps(story.gaps),
        )
        return _paragraphs(sections)

    def write_plan(self, story: Story) -> str:
        return _paragraphs(
            (self._plan(story), self._never(story.dangerous), self._afterwards(story), self._gaps(story.gaps))
        )

    def _in(self, colour: str, words: str) -> str:
        return f"{colour}{words}{_RESET}" if self._colours and words else words

    def _at_least(self, detail: Detail) -> bool:
        return self._detail.value >= detail.value

    def _most(self, count: int, lines: list[str]) -> list[str]:
        """All lines, but where little room is left."""
        return lines if self._at_least(Detail.LEAN) else _cut(lines, count)

    def _what(self, story: Story) -> Iterator[str]:
        for words in (story.succession, story.headline):
            yield from (self._in(_BOLD, line) for line in wrapped(words, "", ""))
        for line in wrapped(story.harm, "  ", "    "):
            yield self._in(_RED if story.harm.startswith("Critical") else _BOLD, line)
        for number, line in enumerate(story.lead):
            lines = wrapped(line, "  ", "    ")
            most = 2 if number and self._at_least(Detail.BARE) else 1
            yield from lines if self._at_least(Detail.TERSE) else _cut(lines, most)
        if story.course:
            yield f"  {story.course}"

    def _who(self, story: Story) -> Iterator[str]:
        if not story.layers and not story.returns:
            return
        yield self._in(_BOLD, "WHO BRINGS IT BACK")
        yield from wrapped(story.returns, "  ", "  ")
        for depth, layer in enumerate(story.layers):
            yield from self._layer(layer, depth)

    def _layer(self, layer: Layer, depth: int) -> Iterator[str]:
        """An outer owner hangs below the one that it holds."""
        branch = "  " if depth == 0 else " " * (3 * depth - 1) + "└─ "
        beneath = " " * (len(branch) + 2)
        first, *rest = self._most(1, wrapped(f"{layer.name}: {layer.what}", branch, beneath))
        yield first.replace(layer.name, self._in(_BOLD, layer.name), 1)
        yield from rest
        details = layer.details if self._at_least(Detail.SHORT) else layer.where
        for detail in _joined(details, COLUMNS - len(beneath)):
            yield from wrapped(detail, beneath, beneath + "  ")
        if self._at_least(Detail.VERBOSE):
            for each in layer.evidence:
                yield from (self._in(_DIM, line) for line in wrapped(f"evidence: {each}", beneath, beneath + "  "))

    def _outcomes(self, outcomes: tuple[OutlookLine, ...]) -> Iterator[str]:
        shown = [each for each in outcomes if each.ordinary or self._at_least(Detail.VERBOSE)]
        if not shown:
            return
        yield self._in(_BOLD, "IF YOU…")
        width = max((len(each.action) for each in shown if len(each.action) <= WIDEST_ACTION), default=WIDEST_ACTION)
        told = ""
        for each in shown:
            label = f"  {each.action:<{width}}  "
            if len(each.action) > width:  # a long name has a line of its own: the results stay one below the other
                yield label.rstrip()
                label = " " * (width + 4)
            most = 2 if self._at_least(Detail.BARE) else 1
            first, *rest = self._most(most, wrapped(each.result + self._because(each, told), label, " " * len(label)))
            yield label + first[len(label) :].replace(each.result, self._in(_TONES[each.tone], each.result), 1)
            yield from rest
            told = each.why

    def _because(self, outcome: OutlookLine, told: str) -> str:
        """The reason, where the result alone would leave one wondering and the line before has not told it."""
        result = outcome.result
        plain = outcome.tone == "good" or "comes back after" in result or result.startswith("comes")
        plain |= not self._at_least(Detail.TERSE) and result.startswith("probably comes")
        wanted = self._at_least(Detail.VERBOSE) or not (plain or outcome.why == told)
        return f" ({outcome.why})" if wanted and outcome.why else ""

    def _plan(self, story: Story) -> Iterator[str]:
        if not story.goal and not story.moves:
            return
        heading = "DO THIS, as root. " if story.moves else "DO THIS. "
        first, *rest = wrapped(heading + story.goal, "", "  ")
        yield self._in(_BOLD, first[: len(heading)].rstrip()) + first[len(heading.rstrip()) :]
        yield from rest
        phased = self._at_least(Detail.VERBOSE) and len({move.phase for move in story.moves}) > 1
        phase = ""
        for number, move in enumerate(story.moves, start=1):
            if phased and move.phase != phase:
                yield self._in(_DIM, f"  {move.phase}")
            phase = move.phase
            yield from self._move(number, move)
        if self._at_least(Detail.VERBOSE):
            for door in story.remaining_triggers:
                yield from wrapped(f"still open: {door}", "  ", "    ")

    def _move(self, number: int, move: Move) -> Iterator[str]:
        told = self._at_least(Detail.FULL) or move.undo is None
        title = f"{move.title}: {move.effect}" if told and move.effect else move.title
        yield from wrapped(title, f"  {number}. ", "     ")
        yield "     " + (self._in(_CYAN, move.command) if move.command else UNSHOWABLE)
        if move.undo is not None:
            yield self._in(_DIM, f"     # undo: {move.undo}")
        if self._at_least(Detail.VERBOSE) and move.verify:
            yield from wrapped(f"check: {move.verify}", "     ", "       ")

    def _never(self, nevers: tuple[Warned, ...]) -> Iterator[str]:
        if not nevers:
            return
        yield self._in(_BOLD, "NEVER THIS")
        most = min(MOST_NEVER, max(1, self._detail.value - 1))
        for never in nevers[:most]:
            yield "  " + (self._in(_RED, never.command) if never.command else UNSHOWABLE)
            yield from wrapped(never.why, "    ", "    ")
            yield from self._losses(never.losses)
        if len(nevers) > most:
            yield f"  and {len(nevers) - most} more (--json names them)"

    def _losses(self, losses: tuple[str, ...]) -> Iterator[str]:
        limit = {Detail.LEAST: 1, Detail.BARE: 1, Detail.LEAN: 2, Detail.TERSE: 2, Detail.VERBOSE: len(losses)}.get(
            self._detail, 4
        )
        shown, rest = [*losses[:limit]], len(losses) - limit
        if rest > 0 and self._at_least(Detail.LEAN):
            shown.append(f"and {rest} more (--verbose names them)")
        elif rest > 0:
            shown[0] = f"{losses[0]}, and {rest} more"
        for loss in shown:
            yield from wrapped(loss, "    - ", "      ")

    def _afterwards(self, story: Story) -> Iterator[str]:
        if not story.hardening:
            return
        yield self._in(_BOLD, "AFTERWARDS, so that its return is harmless")
        for advice in story.hardening:
            where = f" ({advice.where})" if advice.where else ""
            yield from wrapped(f"{advice.what}{where}", "  ", "    ")
            yield from ("      " + self._in(_CYAN, line) for line in advice.lines)

    def _gaps(self, gaps: tuple[tuple[str, str], ...]) -> Iterator[str]:
        if not gaps:
            return
        yield self._in(_BOLD, "NOT SEEN")
        for problem, mend in gaps:
            yield from wrapped(f"{problem} → {mend}", "  ", "    ")


def _paragraphs(sections: Iterable[Iterator[str]]) -> str:
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


def wrapped(words: str, first: str, rest: str) -> list[str]:
    """Lines of at most COLUMNS; a word that is longer is broken, so that nothing runs off the screen."""
    return textwrap.wrap(
        words, COLUMNS, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, drop_whitespace=True
    )


def _cut(lines: list[str], most: int) -> list[str]:
    """The first of these lines, with a mark where there are more: after a whole word, unless one fills the line."""
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    if len(last) > COLUMNS - 2:
        last = last[: COLUMNS - 1].rpartition(" ")[0].rstrip() or last[: COLUMNS - 2]
    return [*lines[: most - 1], f"{last} …"]


def _joined(details: tuple[str, ...], width: int) -> Iterator[str]:
    """Details with commas between them, as many on a line as fit."""
    line = ""
    for detail in details:
        if line and len(line) + 2 + len(detail) > width:
            yield line
            line = detail
        else:
            line = f"{line}, {detail}" if line else detail
    if line:
        yield line
