"""A message in Slack's blocks: prose as `mrkdwn`, and every fence as preformatted rich text.

Preformatted text is literal: Slack makes no link, no mention, no emoji and no typography of it, and offers to copy it.
Sizes: https://api.slack.com/reference/block-kit/blocks
"""

import html
from collections.abc import Iterator
from typing import Any, Final

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.render.message import Message

MOST_BLOCKS: Final = 50
_SECTION: Final = 3000
_HEADER: Final = 150
_FENCE: Final = "```"

Block = dict[str, Any]


def attachment(message: Message) -> Block:
    """The one attachment of a post; `fallback` is what a notification shows of it."""
    title = html.escape(message.subject, quote=False)[:_HEADER]
    header = {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    blocks = [header, *_blocks(message.markdown)]
    if len(blocks) > MOST_BLOCKS:  # the last one tells where the rest is
        blocks = [*blocks[: MOST_BLOCKS - 1], blocks[-1]]
    return {"fallback": message.subject, "blocks": blocks}


def _blocks(markdown: str) -> Iterator[Block]:
    prose: list[str] = []
    fenced: list[str] | None = None
    for line in lines_of(markdown):
        if line != _FENCE:
            (prose if fenced is None else fenced).append(line)
        elif fenced is None:
            yield from _section(prose)
            prose, fenced = [], []
        else:
            yield from _preformatted(fenced)
            fenced = None
    yield from _section(prose)


def _section(lines: list[str]) -> Iterator[Block]:
    words = html.escape("\n".join(lines).strip("\n"), quote=False)
    if words:  # `verbatim`: no link is made of what looks like one
        yield {"type": "section", "text": {"type": "mrkdwn", "text": words[:_SECTION], "verbatim": True}}


def _preformatted(lines: list[str]) -> Iterator[Block]:
    if lines:
        literal = {"type": "text", "text": "\n".join(lines)}
        yield {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [literal]}]}
