"""docs/reference.md: every command with its options, and every key of the configuration, from the code itself.

PYTHONPATH=src:tests .venv/bin/python -m pages.reference > docs/reference.md
"""

import inspect
import os
import sys
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from runaway_watchdog import owners
from runaway_watchdog.cli.catalog import Entry, Option, catalog, top_options
from runaway_watchdog.cli.manual import ENVIRONMENT, FILES
from runaway_watchdog.config.durations import format_duration
from runaway_watchdog.config.faults import allowed
from runaway_watchdog.config.sample import DURATIONS, TABLES
from runaway_watchdog.config.windows import format_time

HEAD: Final = """\
<!-- Written by `make docs` from the commands' own options and the configuration's schema. -->
# Reference

The same as `man runaway-watchdog`, with the configuration beside it. Reading commands take `--json`; the shape of that
is kept stable, fields are only added.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Commands\n", _options(top_options()), *map(_command, catalog()), "## Configuration\n"]
    parts += ["`/etc/runaway-watchdog/config.toml`; every key may be left out.\n"]
    parts += [_table(header, model) for header, model in TABLES]
    kinds = [(f"`{each.name}`", each.noun, each.daemon) for each in owners.KINDS.values()]
    parts += ["## Kinds of owners\n", _rows(("`kind`", "what it is", "whose restart is foretold"), kinds)]
    parts += ["## Files\n", _rows(("file", "what it is"), [(f"`{name}`", told) for name, told in FILES])]
    parts += ["## Environment\n", _rows(("variable", "what it does"), [(f"`{n}`", told) for n, told in ENVIRONMENT])]
    return "\n".join(parts)


def _command(entry: Entry) -> str:
    told = f"```\n{entry.usage}\n\n{entry.description.strip()}\n```\n"
    return f"### {entry.command.name}\n\n{told}\n{_options((*entry.positionals, *entry.options))}"


def _options(options: Iterable[Option]) -> str:
    rows = [
        (_name(each), _cell(each.help or ", ".join(each.choices))) for each in options if "--help" not in each.flags
    ]
    return _rows(("option", "what it does"), rows) if rows else ""


def _name(option: Option) -> str:
    value = f" {option.value}" if option.value and option.flags else ""
    return ", ".join(f"`{flag}{value}`" for flag in option.flags) or f"`{option.value}`"


def _table(header: str, model: type[BaseModel]) -> str:
    rows = [
        (
            f"`{field.alias or name}`",
            _default(name, field),
            _cell(allowed(field) or ("true or false" if field.annotation is bool else "")),
            _cell(field.description or ""),
        )
        for name, field in model.model_fields.items()
    ]
    about = inspect.cleandoc(model.__doc__ or "")
    return f"### {header}\n\n```\n{about}\n```\n\n{_rows(('key', 'default', 'takes', 'what it says'), rows)}"


def _default(name: str, field: FieldInfo) -> str:
    default: Any = field.default
    if name == "digest":
        return f"`{format_time(default)}`"
    if default is None or default == () or not isinstance(default, (bool, int, float, str)):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, str):
        return f"`{default}`"
    return f"`{format_duration(default)}`" if name in DURATIONS else f"`{default:g}`"


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    os.environ["COLUMNS"] = "100"
    sys.stdout.write(page())
