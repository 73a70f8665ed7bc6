"""The command line: one file for each command, imported only when it is the one that was asked for.

argparse, because `explain` has to answer in 0.15 s on a busy host: it costs 7 ms to import, typer 45 ms.
A command's file offers `arguments(parser)` and `run(options) -> int` (the exit code of the contract).
"""

import argparse
import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

from runaway_watchdog import __version__

USAGE = 2


class Command(NamedTuple):
    name: str
    module: str
    help: str


COMMANDS = (
    Command("run", "run", "watch this host in the foreground (what the service runs)"),
    Command("explain", "explain", "what a process is, who keeps it alive, and what to do about it"),
    Command("plan", "plan", "the reversible way out alone, also as a shell script with its undo"),
    Command("preflight", "preflight", "what a command would stop, change and delete here; runs nothing"),
    Command("guard", "guard", "hold a line that would destroy data, in your shell or before an agent's command"),
    Command("mcp", "mcp", "the read-only tools for assistants, on standard input and output"),
    Command("scan", "scan", "one look at the host: who is hot now, and who owns it"),
    Command("status", "status", "is the watch alive, what is open, and what does it cost?"),
    Command("metrics", "metrics", "the same as metrics for Prometheus: a textfile, or an address to scrape"),
    Command("report", "report", "one incident as one HTML page that needs nothing else"),
    Command("preview", "preview", "what a channel would be sent for an incident; sends nothing"),
    Command("incidents", "incidents", "what the watch has found so far"),
    Command("ack", "ack", "take an incident over: no reminders meanwhile"),
    Command("expect", "expect", "heavy work that is meant to be there: add, list, remove"),
    Command("check-config", "check_config", "every fault of the configuration, with its mend"),
    Command("test-alert", "test_alert", "send one test message to each channel"),
    Command("doctor", "doctor", "can it see and tell what it needs to, here?"),
    Command("completion", "completion", "print the completions of bash, zsh or fish"),
    Command("manual", "manual", "print the manual page"),
    Command("install", "install", "install the service on this host (as root)"),
    Command("uninstall", "uninstall", "remove the service; history and configuration stay"),
)

DESCRIPTION = """\
Finds the process that burns this server, explains who keeps it alive and what each
way of ending it would really do, and plans the reversible way out. It never kills:
you decide."""

PROGRAM = "runaway-watchdog"
"""The name in every command that we print: Debian has another `watchdog`, a daemon that can reboot the host."""


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal. argparse asks shutil for that, which brings every compressor with it: 8 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    named = os.environ.get("COLUMNS", "")
    if named.isascii() and named.isdecimal() and 0 < len(named) < 6:
        return max(int(named), 20)
    try:
        return os.get_terminal_size().columns or 80
    except (OSError, ValueError):  # standard output is no terminal, or closed
        return 80


def parser() -> argparse.ArgumentParser:
    """The parser of the first word; each command adds its own arguments when it is chosen."""
    width = max(len(command.name) for command in COMMANDS)
    listing = "\n".join(f"  {command.name:<{width}}  {command.help}" for command in COMMANDS)
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description=DESCRIPTION,
        usage=f"{PROGRAM} COMMAND [OPTIONS]",
        epilog=f"commands:\n{listing}\n\n`{PROGRAM} COMMAND --help` tells more.",
        formatter_class=_Help,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    top.add_argument("command", nargs="?", metavar="COMMAND", help=argparse.SUPPRESS)
    return top


def command_parser(command: Command) -> tuple[argparse.ArgumentParser, "CommandModule"]:
    """The parser of one command, and the module that runs it."""
    module = cast(CommandModule, importlib.import_module(f"{__name__}.{command.module}"))
    sub = argparse.ArgumentParser(
        prog=f"{PROGRAM} {command.name}",
        description=(module.__doc__ or command.help).strip(),
        formatter_class=_Help,
    )
    module.arguments(sub)
    return sub, module


class CommandModule(Protocol):
    """What a command's file offers."""

    __doc__: str | None

    def arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, options: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. No traceback reaches a user unless RUNAWAY_WATCHDOG_DEBUG is set."""
    if sys.stdout is None:  # `>&-`: nobody reads it, and no file of ours may be opened under its number
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it stays open to the end
    gc.set_threshold(100_000)  # importing makes many objects and no garbage: looking for it takes a tenth of the start
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0].startswith("-"):
        top = parser()
        top.parse_args(words)
        top.print_help()
        return 0 if not words else USAGE
    command = next((each for each in COMMANDS if each.name == words[0]), None)
    if command is None:
        return _unknown(words[0])
    try:
        sub, module = command_parser(command)
        code = module.run(sub.parse_args(_as_typed(command, sub, words[1:])))
        sys.stdout.flush()  # here, where a closed pipe is no fault
        gc.freeze()  # the interpreter's own last look for garbage would take 10 ms
        return code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:
        if os.environ.get("RUNAWAY_WATCHDOG_DEBUG"):
            raise
        print(
            f"{PROGRAM} {command.name}: this should not happen: {type(fault).__name__}: {fault}\n"
            "  set RUNAWAY_WATCHDOG_DEBUG=1 to see where, and please report it",
            file=sys.stderr,
        )
        return 1


def _as_typed(command: Command, sub: argparse.ArgumentParser, words: list[str]) -> list[str]:
    """A shell line that was typed without quotes: its options are its own, and not ours."""
    if command.name != "preflight" or "--" in words or not sub.parse_known_args(words)[1]:
        return words
    at = next((at for at, word in enumerate(words) if not word.startswith("-") and not _is_value(words, at)), None)
    return words if at is None else [*words[:at], "--", *words[at:]]


def _is_value(words: list[str], at: int) -> bool:
    return at > 0 and words[at - 1] in ("--for", "--config")


def _unknown(word: str) -> int:
    from difflib import get_close_matches  # only for a typing error

    near = get_close_matches(word, [command.name for command in COMMANDS], n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"`{PROGRAM} --help` lists the commands"
    print(f"{PROGRAM}: no command {word!r}; {hint}", file=sys.stderr)
    return USAGE
