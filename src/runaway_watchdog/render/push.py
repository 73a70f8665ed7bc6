"""A story for a pager, a phone's notification or an SMS: with its subject at most `LIMIT` characters.

A command has a line of its own, and no line is cut: half of a command may do something else. What does not fit is left
out whole, the least helpful first; the subject has told already what it is, and who brings it back.
"""

from typing import Final

from runaway_watchdog.render.story import Story

LIMIT: Final = 300


def push(subject: str, notice: str, story: Story | None, look: str) -> str:
    """What follows the subject, in the contract's order; its last line is `look`, the command that shows everything."""
    room = LIMIT - len(subject) - 1
    parts = {"notice": notice, **({} if story is None else _parts(story)), "look": look}
    for dispensable in ("killed", "notice", "harm", "never", "do"):
        if len(_joined(parts)) <= room:
            break
        parts.pop(dispensable, None)
    return _joined(parts)


def _joined(parts: dict[str, str]) -> str:
    return "\n".join(words for words in parts.values() if words)


def _parts(story: Story) -> dict[str, str]:
    killed = next((each for each in story.outcomes if each.action == "kill -9"), None)
    first = next((move.command for move in story.moves if move.command), None)
    never = next((each.command for each in story.dangerous if each.command), None)
    return {
        "harm": story.harm,
        "killed": f"{killed.action}: {killed.result}" if killed else "",
        "do": f"Do this, as root:\n{first}" if first else "",
        "never": f"Never this:\n{never}" if never else "",
    }
