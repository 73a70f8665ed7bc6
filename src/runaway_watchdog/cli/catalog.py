"""All commands with their options, read from the very parsers that run: what completions and the manual are made of."""

import argparse
import re
from typing import NamedTuple

from runaway_watchdog.cli import COMMANDS, Command, command_parser, parser


class Option(NamedTuple):
    """An option, or a positional argument where `flags` is empty."""

    flags: tuple[str, ...]
    value: str  # what it takes, as the help names it: "FILE", "ID"; "" for one that takes nothing
    choices: tuple[str, ...]
    help: str


class Entry(NamedTuple):
    """One command."""

    command: Command
    usage: str
    description: str
    options: tuple[Option, ...]
    positionals: tuple[Option, ...]


def catalog() -> tuple[Entry, ...]:
    """Every command, in the order of `--help`. Imports them all."""
    return tuple(map(_entry, COMMANDS))


def top_options() -> tuple[Option, ...]:
    """What may stand where a command is expected."""
    return tuple(option for option in map(_option, _shown(parser())) if option.flags)


def _entry(command: Command) -> Entry:
    sub, _ = command_parser(command)
    found = tuple(map(_option, _shown(sub)))
    return Entry(
        command,
        re.sub(r"\s+", " ", sub.format_usage().removeprefix("usage: ")).strip(),
        sub.description or "",
        tuple(each for each in found if each.flags),
        tuple(each for each in found if not each.flags),
    )


def _shown(of: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in of._actions if action.help != argparse.SUPPRESS]


def _option(action: argparse.Action) -> Option:
    takes = action.nargs != 0
    choices = tuple(map(str, action.choices or ()))
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    value = (metavar or ",".join(choices) or action.dest.upper()) if takes else ""
    return Option(tuple(action.option_strings), value, choices, (action.help or "").replace("%%", "%"))
