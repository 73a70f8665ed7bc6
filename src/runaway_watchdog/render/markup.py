"""HTML from the templates beside this file: whatever is filled in is escaped, and a name that is missing is a fault.

Jinja2 is imported by whoever makes the first page: text, JSON and Markdown are made without it.
"""

from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_FOLDER: Final = Path(__file__).parent / "templates"


def fill(template: str, values: dict[str, Any]) -> str:
    """The document that a template makes of these values."""
    return _environment().get_template(template).render(values)


def as_it_is(name: str) -> "Markup":
    """A style sheet or a script of ours, for the inside of its element."""
    return drawn((_FOLDER / name).read_text(encoding="utf-8"))


def drawn(ours: str) -> "Markup":
    """Markup that was made here, and whose every text is escaped already."""
    from markupsafe import Markup

    return Markup(ours)  # noqa: S704 - the one place that says of a text that it is markup


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["marked_up"] = marked_up
    return made


def _escaped(value: object) -> object:
    """As html.escape does it, quotes by their names; what is markup already stays."""
    return value if hasattr(value, "__html__") else drawn(escape(str(value)))


def marked_up(words: str) -> "Markup":
    """Escaped; what stands in a pair of backticks becomes code."""
    parts = escape(words).split("`")
    if len(parts) % 2 == 0:
        return drawn("`".join(parts))
    return drawn("".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts)))
