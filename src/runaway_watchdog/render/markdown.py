"""A story for chat services that read Markdown: Slack, Discord, Mattermost, Telegram and their kin.

They agree on little more than the code fence, so that is all there is: figures and commands stand in fences, where
nothing is turned into a link, a mention or typography, and the prose between them is cleared of markup. Blocks are
parted by one empty line, which is where `shortened` may cut.
"""

import re
from typing import Final

from runaway_watchdog.hostile import chat_text, code_text
from runaway_watchdog.render.steps import MOST_NEVER, UNSHOWABLE, Move, Warned
from runaway_watchdog.render.story import WIDEST_ACTION, Story

_FENCE: Final = "```"
_CODE = re.compile(r"`([^`]+)`")


def message(notice: str, story: Story | None, tail: tuple[str, ...]) -> str:
    """The whole message, in blocks: `notice`, the story in the contract's order, `tail`."""
    blocks = [_prose(notice)] if notice else []
    if story is not None:
        blocks += [
            _what(story),
            _who(story),
            _outcomes(story),
            *_plan(story),
            *map(_warned, story.dangerous[:MOST_NEVER]),
            _gaps(story),
        ]
    blocks += ["\n".join(_prose(line) for line in tail)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters: whole blocks from the start, then the last one, which tells where the rest is."""
    if len(text) <= limit:
        return text
    *blocks, last = text.rstrip("\n").split("\n\n")
    end = f"(shortened)\n{last}\n"
    kept = ""
    for block in blocks:
        if len(kept) + len(block) + 2 + len(end) > limit:
            break
        kept += f"{block}\n\n"
    return (kept + end)[:limit]


def _what(story: Story) -> str:
    lines = [_prose(line) for line in (story.succession, story.headline, story.harm) if line]
    return "\n".join([*lines, _fenced([*story.lead, *([story.course] if story.course else [])])])


def _who(story: Story) -> str:
    lines: list[str] = []
    for depth, layer in enumerate(story.layers):
        indent = "" if depth == 0 else "  " * (depth - 1) + "└ "
        lines.append(f"{indent}{layer.name}: {layer.what}")
        lines += [f"{'  ' * (depth + 1)}{detail}" for detail in layer.details]
    answer = [_prose(story.returns)] if story.returns else []
    return "\n".join(["WHO BRINGS IT BACK", *answer, _fenced(lines)]).rstrip() if lines or answer else ""


def _outcomes(story: Story) -> str:
    shown = [each for each in story.outcomes if each.ordinary]
    width = max((len(each.action) for each in shown if len(each.action) <= WIDEST_ACTION), default=WIDEST_ACTION)
    lines = [f"{each.action:<{width}}  {each.result}" for each in shown]
    return f"IF YOU…\n{_fenced(lines)}" if shown else ""


def _plan(story: Story) -> list[str]:
    if not story.goal and not story.moves:
        return []
    heading = "DO THIS, as root" if story.moves else "DO THIS"
    return [f"{heading}\n{_prose(story.goal)}", *(_move(n, move) for n, move in enumerate(story.moves, start=1))]


def _move(number: int, move: Move) -> str:
    undo = "" if move.undo is None else f"\nonly to undo step {number}: {_inline(move.undo)}"
    return f"{number}. {_prose(move.title)}: {_prose(move.effect)}\n{_command(move.command)}{undo}"


def _warned(never: Warned) -> str:
    losses = "".join(f"\n• {_prose(loss)}" for loss in never.losses)
    return f"NEVER THIS\n{_command(never.command)}\n{_prose(never.why)}{losses}"


def _gaps(story: Story) -> str:
    lines = [f"{_prose(problem)} → {_prose(mend)}" for problem, mend in story.gaps]
    return "\n".join(["NOT SEEN", *lines]) if lines else ""


def _prose(line: str) -> str:
    """Cleared of markup, but for what stands in a pair of backticks: that is code, whoever wrote it."""
    parts = _CODE.split(line)
    return "".join(f"`{code_text(part)}`" if at % 2 else chat_text(part) for at, part in enumerate(parts))


def _fenced(lines: list[str] | tuple[str, ...]) -> str:
    return "\n".join([_FENCE, *(code_text(line) for line in lines), _FENCE]) if lines else ""


def _inline(command: str) -> str:
    """A command inside a line: what is only needed later does not look like the next thing to paste."""
    plain = command != UNSHOWABLE and code_text(command, len(command)) == command
    return f"`{command}`" if plain else f"\n{_command(command)}"


def _command(command: str | None) -> str:
    """A command exactly as it is. One that could close its fence is not shown here."""
    if command is None or command == UNSHOWABLE or _FENCE in command:
        return _prose(UNSHOWABLE)
    return f"{_FENCE}\n{command}\n{_FENCE}"
