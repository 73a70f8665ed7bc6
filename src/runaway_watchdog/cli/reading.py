"""What all reading commands share: the store, colours, and the exit codes of the contract."""

import argparse
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from runaway_watchdog.cli import PROGRAM, USAGE
from runaway_watchdog.hostile import printable
from runaway_watchdog.model.gap import Gap

if TYPE_CHECKING:
    from pathlib import Path

    from runaway_watchdog.store.database import StoreUnavailable

NO_SUCH, GAPS = 3, 4
NO_PTRACE = "a container or a security module takes CAP_SYS_PTRACE away: run it on the host itself"
"""The mend for root, whom sudo helps no further."""
__all__ = [
    "GAPS", "NO_PTRACE", "NO_SUCH", "USAGE", "as_whom", "colours", "complain", "gap_document", "iso", "print_json",
    "store_gap", "store_path", "store_told", "unseen",
]  # fmt: skip


def colours(options: argparse.Namespace) -> bool:
    """Colours only on a terminal, and only where nobody asked for none (https://no-color.org)."""
    return sys.stdout is not None and sys.stdout.isatty() and not options.no_color and not os.environ.get("NO_COLOR")


def print_json(document: Any) -> None:
    """One document, and nothing else, on standard output. Undecodable bytes become the replacement character."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "replace").decode())


def complain(message: str) -> None:
    """One message to the user, on standard error."""
    print(f"{PROGRAM}: {message}", file=sys.stderr)


def store_path(options: argparse.Namespace) -> "tuple[Path, tuple[Gap, ...]]":
    """The store to read, and what could not be read of the configuration that names it."""
    from runaway_watchdog.config import locate

    around = locate.here()
    raw, gaps = locate.read_raw(locate.config_files(options.config, around))
    return locate.store_to_read(raw, around), gaps


def store_told(options: argparse.Namespace) -> "Path":
    """The store to read; what could not be read of the configuration is said."""
    path, gaps = store_path(options)
    for gap in gaps:
        complain(f"{gap.problem}: {gap.fix}")
    return path


def store_gap(path: "Path", unavailable: "StoreUnavailable") -> tuple[Gap, ...]:
    """That the store could not be read; nothing where there is none yet: the watch has not run here."""
    from runaway_watchdog.config import locate

    return (Gap("store", unavailable.problem, unavailable.fix),) if locate.may_exist(path) else ()


def as_whom(gaps: Iterable[Gap], uid: int) -> tuple[Gap, ...]:
    """The gaps as they are told to this user: what root may not read belongs to nobody else, it is kept from root."""
    from runaway_watchdog.world import procfs

    told = {procfs.UNREADABLE: Gap("procfs", "the program's file and environment are hidden", NO_PTRACE)}
    return tuple(told.get(gap, gap) if uid == 0 else gap for gap in gaps)


def gap_document(gap: Gap) -> dict[str, str]:
    """One of a document's `gaps`."""
    from runaway_watchdog.masking import mask_text

    named = {"source": gap.source, "problem": gap.problem, "mend": gap.fix}
    return {name: printable(mask_text(text)) for name, text in named.items()}


def iso(at: float) -> str:
    """A moment as documents have it: ISO 8601 in UTC, to the second."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def unseen(gap: Gap, *, as_json: bool) -> int:
    """Tell that nothing can be told because a source could not be asked; returns the exit code for it."""
    complain(f"{gap.problem}; {gap.fix}")
    if as_json:
        nothing: dict[str, Any] = {"process": None, "owners": [], "prognosis": [], "history": None, "plan": None}
        print_json({"schema_version": 1, **nothing, "gaps": [gap_document(gap)]})
    return GAPS
