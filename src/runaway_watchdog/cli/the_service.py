"""What the service was given that a command in a shell was not: alert URLs in its environment, or as a credential."""

import json
from collections.abc import Mapping
from typing import Final

from runaway_watchdog.config.locate import ALERT_URLS, CREDENTIALS
from runaway_watchdog.starting import CHANNELS, FOLDER
from runaway_watchdog.world import World

_GIVEN: Final = (ALERT_URLS, CREDENTIALS)


def environment(world: World, ours: Mapping[str, str]) -> dict[str, str]:
    """Our own environment, with what the running service was given beside it, where we may read that: as root."""
    try:
        handed_over = json.loads(world.files.read(f"{FOLDER}/{CHANNELS}"))
        given = {name: str(value) for name, value in handed_over["environment"].items() if name in _GIVEN}
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # no service runs here, or it is not ours to read
        given = {}
    return {**given, **ours}
