"""Folders that a Compose file on this disk names, though its project may be down: the containers come back to them."""

import re
from collections.abc import Iterator

from runaway_watchdog.effects.host import texts
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import under

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
ABOVE = 4
"""Folders above a path in which a Compose file may name it."""
MOST = 40
"""Projects below a folder that are looked for."""
_SHORT = re.compile(r"""(?:^[ \t]*-[ \t]*+["']?|[\[,][ \t]*+["'])((?:\.{0,2}|~)/[^:"'\s]*+|\.{1,2}):/""", re.M)
_IN_A_LIST = re.compile(r"""[\[,][ \t]*+((?:\.{0,2}|~)/[^:"'\s,\[]*+|\.{1,2}):/""")
"""The same without quotation marks, in `[…, …]`."""
_LONG = re.compile(
    r"""^[ \t]*(?:-[ \t]*)?(?:source|device)[ \t]*:[ \t]*["']?((?:\.{0,2}|~)/[^"'\s]*|\.{1,2})["']?\s*$""", re.M
)


def of(path: str, world: World) -> Iterator[str]:
    """The Compose files that name this path, something in it, or a folder above it; and those that are in it."""
    yield from _inside(path, world)
    folder = path
    for _ in range(ABOVE):
        folder = folder.rpartition("/")[0]
        if not folder:
            return
        for file in _files(folder, world):
            if any(under(path, each) or under(each, path) for each in _bound(file, folder, world)):
                yield file


def _inside(path: str, world: World) -> Iterator[str]:
    """In the folder itself, or one below it."""
    names = texts.names(path, world)
    yield from (f"{path}/{name}" for name in NAMES if name in names)
    for below in names[:MOST]:
        yield from _files(f"{path.rstrip('/')}/{below}", world)


def _files(folder: str, world: World) -> list[str]:
    return [file for name in NAMES if world.files.exists(file := f"{folder}/{name}")]


def _bound(file: str, folder: str, world: World) -> Iterator[str]:
    """Folders of the host that a Compose file gives to its containers, "/" excepted."""
    text = texts.read(file, world)
    for found in (*_SHORT.findall(text), *_IN_A_LIST.findall(text), *_LONG.findall(text)):
        if not found.startswith("~") and (real := _joined(folder, found)) not in ("", folder):
            yield real


def _joined(folder: str, path: str) -> str:
    """Where a path leads from the Compose file's own folder; links are not followed."""
    parts: list[str] = [] if path.startswith("/") else folder.strip("/").split("/")
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in ("", "."):
            parts.append(part)
    return "".join(f"/{part}" for part in parts)
