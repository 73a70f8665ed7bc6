"""All commands with their options, read from the very parsers that run: what completions and the manual are made of."""

import argparse
import re
from typing import NamedTuple

from runaway_watchdog.cli import COMMANDS, PROGRAM, Command, command_parser, parser


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


def whole_parser() -> tuple[argparse.ArgumentParser, tuple[argparse.ArgumentParser, ...]]:
    """All commands below one parser, as tools that read parsers take it, and each command's own. It parses nothing."""
    top = argparse.ArgumentParser(prog=PROGRAM)
    top.add_argument("--version", action="version")
    below = top.add_subparsers()
    return top, tuple(_below(below.add_parser(each.name, help=each.help), each) for each in COMMANDS)


def _below(sub: argparse.ArgumentParser, command: Command) -> argparse.ArgumentParser:
    command_parser(command)[1].arguments(sub)
    return sub


def kind(action: argparse.Action) -> str:
    """What its value is: "PID", "FILE". Containers and units are both called NAME: there the flag says which."""
    value = action.metavar if isinstance(action.metavar, str) else ""
    return action.option_strings[0].strip("-").upper() if value == "NAME" and action.option_strings else value


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
