"""What the service was given that a command in a shell was not: alert URLs in its environment, or as a credential."""

from collections.abc import Mapping
from typing import Final

from runaway_watchdog.cli.vitals import UNIT
from runaway_watchdog.world import Unanswered, World, procfs

_ITS_OWN: Final = ("RUNAWAY_WATCHDOG_ALERT_URLS", "CREDENTIALS_DIRECTORY")


def environment(world: World, ours: Mapping[str, str]) -> dict[str, str]:
    """Our own environment, with what the running service has beside it, where we may read that: as root."""
    try:
        unit = world.manager.unit(UNIT)
        pid = 0 if unit is None else unit.main_pid
        text = world.files.read(f"{procfs.PROC}/{pid}/environ") if pid > 0 else ""
    except (OSError, Unanswered):  # no systemd here, or not ours to read
        text = ""
    pairs = (entry.partition("=") for entry in text.split("\0"))
    return {**{name: value for name, _, value in pairs if name in _ITS_OWN}, **ours}
