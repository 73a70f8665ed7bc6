"""What `scan` and `status` say of CPU that nobody who is listed has used."""

import os
from collections.abc import Sequence
from typing import Any

from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.linux import unlisted
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.unlisted import Before, Unlisted
from runaway_watchdog.world import World, procfs

PATHS = Paths()


def begin(world: World) -> Before | None:
    """None where others' processes are only hidden from us."""
    return None if os.geteuid() != 0 and procfs.hides(world.files) else unlisted.begin(PATHS)


def end(before: Before | None) -> Unlisted | None:
    return None if before is None else unlisted.end(before, PATHS)


def told(found: Unlisted, unresolved: Sequence[int]) -> str:
    """`unresolved`: the incidents that are open, the newest first."""
    lives = ", or by short-lived processes that nobody waits for" if found.or_short_lived else ""
    line = f"{found.percent:.0f} % of a core is used by nobody that /proc lists{lives}"
    if not unresolved:
        return f"{line}. A hidden process looks like that: has /etc/ld.so.preload a line?"
    several = f" and {len(unresolved) - 1} more are" if len(unresolved) > 1 else " is"
    return f"{line}; incident {unresolved[0]}{several} open: `sudo {PROGRAM} explain --incident {unresolved[0]}`"


def document(found: Unlisted | None) -> dict[str, Any] | None:
    return None if found is None else {"percent": round(found.percent, 1), "or_short_lived": found.or_short_lived}
