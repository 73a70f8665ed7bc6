"""A story as the HTML of a mail: one table column, inline styles, nothing loaded from elsewhere, dark where wanted.

Mail programs drop style sheets at will: every rule that matters is inline, and the style sheet only adds the dark
colours. Commands are `<pre>`, so that no program turns their dashes and quotes into typography;
a long one is only shown wrapped, and copied as the one line that it is.
"""

from typing import Any

from runaway_watchdog.render.markup import fill
from runaway_watchdog.render.steps import MOST_NEVER, UNSHOWABLE
from runaway_watchdog.render.story import Story, Tone


def page(title: str, notice: str, story: Story | None, tail: tuple[str, ...]) -> str:
    """The whole document. `notice` comes first (a resolution, a reminder); `tail` last, in quiet type."""
    values: dict[str, Any] = {"title": title, "notice": notice, "story": story, "tail": tail, "unshowable": UNSHOWABLE}
    if story is not None:
        outcomes = [each for each in story.outcomes if each.ordinary]
        values |= {"harm_tone": _tone(story.harm), "outcomes": outcomes, "nevers": story.dangerous[:MOST_NEVER]}
    return fill("mail.html.j2", values)


def _tone(harm: str) -> Tone:
    """Of its severity: a colour, beside the words for whoever sees no colours."""
    return "bad" if harm.startswith("Critical") else "unsure"
