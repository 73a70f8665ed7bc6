"""Prints the manual page, made from the commands' own options. `install` puts it where `man` looks.

  runaway-watchdog manual | man -l -

exit code: 0
"""

import argparse
from typing import Final

from runaway_watchdog import __version__
from runaway_watchdog.cli import DESCRIPTION, PROGRAM
from runaway_watchdog.cli.catalog import Entry, Option, catalog, top_options

FILES: Final = (
    ("/etc/runaway-watchdog/config.toml", "the configuration; every key may be left out"),
    ("~/.config/runaway-watchdog/config.toml", "read after it; the later file wins, key by key"),
    ("/var/lib/runaway-watchdog/watchdog.db", "incidents and the history of returns (SQLite)"),
)
ENVIRONMENT: Final = (
    ("RUNAWAY_WATCHDOG_ALERT_URLS", "alert URLs beside those of the configuration"),
    ("RUNAWAY_WATCHDOG_DEBUG", "set: a failure of the program itself is shown with its traceback"),
    ("RUNAWAY_WATCHDOG_GUARD", "off: the guard in an interactive shell lets every line pass"),
    ("NO_COLOR", "set: no colours"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(options: argparse.Namespace) -> int:  # noqa: ARG001
    print(page(), end="")
    return 0


def page() -> str:
    """runaway-watchdog(1) in the man macros of roff (man(7)).

    Written here and not by argparse-manpage (4.8): that one leaves out --help, takes a line that begins with a dot or
    an apostrophe for a request, fills and hyphenates the examples, so that a path cannot be copied, and carries the
    day on which it was written, so that `install` would find a new page each day.
    """
    entries = catalog()
    parts = [
        f'.TH RUNAWAY\\-WATCHDOG 1 "" "{PROGRAM} {__version__}" "System administration"',
        ".SH NAME",
        f"{_roff(PROGRAM)} \\- finds the process that burns a server, and plans the reversible way out",
        ".SH SYNOPSIS",
        f".B {_roff(PROGRAM)}\n.I COMMAND\n[OPTIONS]",
        ".SH DESCRIPTION",
        _roff(DESCRIPTION),
        ".SH OPTIONS",
        *map(_option, top_options()),
        ".SH COMMANDS",
        *map(_command, entries),
        ".SH FILES",
        *(_term(f".I {_roff(name)}", told) for name, told in FILES),
        ".SH ENVIRONMENT",
        *(_term(f".B {_roff(name)}", told) for name, told in ENVIRONMENT),
        ".SH SEE ALSO",
        ".BR systemctl (1),\n.BR journalctl (1),\n.BR docker (1)",
    ]
    return "\n".join(parts) + "\n"


def _command(entry: Entry) -> str:
    lines = [f".SS {_roff(entry.usage)}", f".nf\n{_roff(entry.description)}\n.fi"]
    return "\n".join([*lines, *map(_option, (*entry.positionals, *entry.options))])


def _option(option: Option) -> str:
    value = f" \\fI{_roff(option.value)}\\fR" if option.value and option.flags else ""
    names = ", ".join(f"\\fB{_roff(flag)}\\fR{value}" for flag in option.flags) or f"\\fI{_roff(option.value)}\\fR"
    return _term(names, option.help or ", ".join(option.choices))


def _term(name: str, told: str) -> str:
    return f".TP\n{name}\n{_roff(told) or '.'}"


def _roff(text: str) -> str:
    """Plain text for roff: backslashes, hyphens that must stay hyphens, and lines that would be taken for requests."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join(f"\\&{line}" if line.startswith((".", "\\(aq")) else line for line in escaped.splitlines())
