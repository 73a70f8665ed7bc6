"""docker cp: which files are at the end of it already, and lose what they hold."""

from collections.abc import Iterator
from posixpath import normpath
from typing import NamedTuple

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import layer, state
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.host import places
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.model import RUNNING, Container, Inspected
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world.paths import Entry, Tree, under
from runaway_watchdog.world.procfs import PROC

MOST = 2000
"""Files of one copy that are looked at."""


class End(NamedTuple):
    """One of the two ends of a copy."""

    container: Container | None
    path: str  # as it is written: inside, or here


def end(call: Call, operand: str) -> End:
    """`CONTAINER:PATH`; whatever begins as a path is one of this host."""
    reference, colon, path = operand.partition(":")
    if not colon or operand.startswith(("/", ".")):
        return End(None, operand)
    container = state.container(call.docker, reference)
    if container is None:
        return End(None, "")
    whole = "/." if path.endswith("/.") else "/" if path.endswith("/") else ""  # what is in the folder; the folder
    return End(container, normpath(f"/{path.lstrip('/')}").rstrip("/") + whole or "/")


class _Side(NamedTuple):
    """An end with the place on the host that shows it."""

    path: str  # on the host, or "" where it cannot be told
    end: End
    known: Inspected | None


def copied(call: Call, source: End, target: End) -> Outcome:
    """Raises Unanswered."""
    if not source.path or not target.path:
        return call.outcome()  # no such container: refused
    if target.container is None and target.path == "-":
        return call.outcome()
    unsure = call.not_known(f"which files under {target.path} it overwrites is not known")
    if source.path == "-":
        return unsure  # an archive, whose names are only known when it is read
    tree = places.tree(call.host, call.world)
    ends = _side(call, source), _side(call, target)
    if not ends[0].path or not ends[1].path:
        return unsure
    try:
        pairs = list(_pairs(tree, *ends))
    except OSError:
        return unsure
    if not pairs:
        return call.outcome() if _stands(tree, ends[0]) else unsure
    if len(pairs) > MOST:
        return unsure
    effects = [effect for path in pairs for effect in _over(call, tree, path, ends[1])]
    unique = {(each.type, each.name): each for each in effects}
    return call.outcome(unique.values())


def _stands(tree: Tree, side: _Side) -> bool:
    return tree.entry(tree.real(side.path)) is not None


def _side(call: Call, end: End) -> _Side:
    if end.container is None:
        folder = call.command.folder
        path = end.path if end.path.startswith("/") else f"{folder}/{end.path}"
        return _Side("" if folder is None and not end.path.startswith("/") else path, end, None)
    known = engine.container(call.world, end.container.id)
    return _Side("" if known is None else _shown(known, end), end, known)


def _shown(known: Inspected, end: End) -> str:
    """Through a mount, else through a process of the container, else in the layer, where it is stopped."""
    mounts = [each for each in known.mounts if under(end.path, each.target.rstrip("/"))]
    if mounts:
        mount = max(mounts, key=lambda each: len(each.target))
        return mount.source + end.path[len(mount.target.rstrip("/")) :]
    running = end.container is not None and end.container.state in RUNNING
    root = f"{PROC}/{known.pid}/root" if running else known.layer
    return f"{root}{end.path}" if root else ""


def _pairs(tree: Tree, source: _Side, target: _Side) -> Iterator[str]:
    """The files at the target that are overwritten, by their places on the host. Raises OSError."""
    real = tree.real(source.path)
    entry = tree.entry(real)
    if entry is None:
        return
    into = tree.real(target.path)
    there = tree.entry(into)
    if there is not None and there.kind == "folder" and not source.end.path.endswith("/."):
        into = f"{into.rstrip('/')}/{source.end.path.rstrip('/').rpartition('/')[2]}"
    if entry.kind != "folder":
        yield from _existing(tree, into)
        return
    for path, each in tree.below(real, MOST + 1):
        if each.kind == "file":
            yield from _existing(tree, into + path[len(real) :])


def _existing(tree: Tree, path: str) -> Iterator[str]:
    real = tree.real(path)
    entry = tree.entry(real)
    if entry is not None and entry.kind == "file":
        yield real


def _over(call: Call, tree: Tree, path: str, target: _Side) -> tuple[Effect, ...]:
    """The end of what stood at a path of the host."""
    entry: Entry | None = tree.entry(path)
    if entry is None:
        return ()
    known = target.known
    inside = _in_the_layer(path, known)
    if known is None or inside is None or target.end.container is None:
        lost = places.lost(path, entry, "docker cp overwrites it", call.host, call.world)
        return tuple(each._replace(cause="overwritten") for each in lost)
    written = layer.data(known, call.docker, call.world, layer.deadline(call.world), inside)
    name = target.end.container.name
    why = f"docker cp overwrites {inside} in it"
    if written is None:
        return (Effect("change", "container", name, False, why),)
    why += f", outside volumes, so that nothing but a backup brings it back ({written.told})"
    return (Effect("change", "container", name, True, why, written.size, (name,), cause="overwritten"),)


def _in_the_layer(path: str, known: Inspected | None) -> str | None:
    """The path inside, where it is in the container's own layer."""
    for root in () if known is None else (f"{PROC}/{known.pid}/root", known.layer):
        if root and under(path, root):
            return path[len(root) :]
    return None
