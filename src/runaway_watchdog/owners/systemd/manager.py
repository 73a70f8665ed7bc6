"""The two sides of a systemd manager, the system's or a user's: how it is asked, and how it acts."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from runaway_watchdog.model.owner import Outlook
from runaway_watchdog.world.units import Unit


class Source(NamedTuple):
    """One systemd manager, as it is asked."""

    unit: Callable[[str], Unit | None]  # raises Unanswered
    boot_targets: frozenset[str]  # what its ordinary start reaches
    bus_folders: Sequence[str]  # where its D-Bus looks for who answers to a name
    trusted: bool  # whether its answers are the system's own, and not what some user likes to say
    version: Callable[[], int | None]  # systemd's release; raises Unanswered


class Manager(NamedTuple):
    """One systemd manager, as it acts."""

    by: str  # who starts it again
    restart: Outlook | None  # what a restart of that manager does; None: as a boot
    boots: str | None  # why it is not started at boot itself; None: it is
