"""Small texts of this host's administrator: units, crontabs, configurations. Bounded, and regular files alone."""

from runaway_watchdog.world import World

LARGEST = 1 << 16


def names(folder: str, world: World) -> list[str]:
    """The names in a folder, in order; none where it is not there, or may not be read."""
    try:
        return sorted(world.files.names(folder))
    except OSError:
        return []


def read(path: str, world: World) -> str:
    """A file's text; "" for what is not there, is too large for a text of its kind, or may not be read."""
    try:
        kind, size = world.files.status(path)[:2]
        return "" if kind not in ("file", "link") or size > LARGEST else world.files.read(path)
    except OSError:
        return ""
