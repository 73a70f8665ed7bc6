"""What all reading commands share: their options, the store, colours, and the exit codes of the contract."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from runaway_watchdog.cli import PROGRAM, USAGE
from runaway_watchdog.config import locate
from runaway_watchdog.model.gap import Gap

NO_SUCH, GAPS = 3, 4
__all__ = ["GAPS", "NO_SUCH", "USAGE", "arguments", "colours", "complain", "print_json", "store_path"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options that every reading command takes."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--no-color", action="store_true", help="no colours, also on a terminal")
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this configuration file alone")


def colours(options: argparse.Namespace) -> bool:
    """Colours only on a terminal, and only where nobody asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not options.no_color and not os.environ.get("NO_COLOR")


def print_json(document: Any) -> None:
    """One document, and nothing else, on standard output. Undecodable bytes become the replacement character."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "replace").decode())


def complain(message: str) -> None:
    """One message to the user, on standard error."""
    print(f"{PROGRAM}: {message}", file=sys.stderr)


def store_path(options: argparse.Namespace) -> tuple[Path, tuple[Gap, ...]]:
    """The store to read, and what could not be read of the configuration that names it."""
    around = locate.here()
    raw, gaps = locate.read_raw(locate.config_files(options.config, around))
    return locate.store_to_read(raw, around), gaps
