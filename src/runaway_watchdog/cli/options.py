"""The options that several commands share: cheap to import, so that `explain` looks at the process first of all."""

import argparse
import re
from typing import TYPE_CHECKING

from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.glance import Glance, glance

if TYPE_CHECKING:
    from pathlib import Path


def reading_options(parser: argparse.ArgumentParser) -> None:
    """Options that every reading command takes."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    no_color(parser)
    parser.add_argument("--config", type=_file, metavar="FILE", help="read this configuration file alone")


def no_color(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")


def case_options(parser: argparse.ArgumentParser, flag: str, told: str, examples: str) -> None:
    """What a command takes that tells of one process, with one flag of its own."""
    _process_options(parser)
    parser.add_argument(flag, action="store_true", help=told)
    reading_options(parser)
    parser.epilog = examples


def _process_options(parser: argparse.ArgumentParser) -> None:
    """One process, or what leads to it; `selection.pid_of` finds it."""
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("pid", nargs="?", type=_pid, metavar="PID", help="a process, also one that has died since")
    group.add_argument("--name", metavar="PATTERN", help="the process whose name or command line matches")
    group.add_argument("--port", type=_port, metavar="N", help="the process that listens on this TCP port")
    group.add_argument(
        "--container", type=_container, metavar="NAME", help="the main process of this container (name or ID)"
    )
    group.add_argument("--unit", type=_unit, metavar="NAME", help="the main process of this systemd unit")
    group.add_argument("--incident", type=incident_id, metavar="ID", help="the process of this incident")


def first_look(options: argparse.Namespace) -> Glance | None:
    """A glance at the process whose PID was named; the others are yet to be found."""
    return None if options.pid is None else glance(options.pid)


def incident_id(text: str) -> int:
    """An incident's number, as argparse takes it: what SQLite can hold."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
    if not 0 < number < 2**63:
        told = f"`{PROGRAM} incidents` lists them"
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not an incident's number: {told}")
    return number


def _pid(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < number < 2**22 + 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a PID: a number from 1 to {2**22}")
    return number


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 0 < number < 2**16:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a port: a number from 1 to {2**16 - 1}")
    return number


def _container(text: str) -> str:
    """A name as Docker takes it (RestrictedNameChars): it becomes part of the path that the engine is asked for."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}", text):
        told = "letters, digits, _ . and -, as `docker ps -a` shows it"
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a container's name or ID: {told}")
    return text


def _unit(text: str) -> str:
    """A name as systemd takes it (systemd.unit(5))."""
    if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]{1,255}", text):
        told = "letters, digits and : - _ . \\ @, as `systemctl` shows it"
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a unit's name: {told}")
    return text


def _file(text: str) -> "Path":
    from pathlib import Path  # 7 ms, only where a file is named

    return Path(text)


def _shown(text: str) -> str:
    from runaway_watchdog.hostile import clean  # 4 ms, only for a typing error

    return repr(clean(text, 40))
