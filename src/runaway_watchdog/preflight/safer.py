"""What does the same job without the loss: proposals, each judged by the preflight itself before it is made."""

import re
from collections.abc import Callable, Iterator, Sequence
from shlex import join, quote
from typing import NamedTuple

from runaway_watchdog import owners
from runaway_watchdog.effects import Docker, HostState
from runaway_watchdog.effects.docker import state as docker_state
from runaway_watchdog.effects.host import dumps
from runaway_watchdog.effects.podman import state as podman_state
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.explain.plan import plan
from runaway_watchdog.masking import shown_command
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict
from runaway_watchdog.world import World, procfs

BACKUPS = "/var/backups"
ENGINE = "/var/lib/docker/"
"""Docker's own files: of no use to anybody as copies, or under another name."""
MOST = 4
SILENT = ("paused", "restarting")
"""States in which a container runs no other program: no dump. (None in Podman either: its exec is not judged.)"""
KEPT_UP = frozenset((podman_state.UNIT_LABEL, docker_state.SWARM_SERVICE))
"""Labels of containers that somebody starts again after a stop: what they write in is never copied whole."""
WITHOUT: dict[tuple[str, ...], tuple[frozenset[str], str]] = {
    ("down",): (frozenset(("-v", "--volumes")), "it removes the containers and leaves the volumes"),
    ("rm",): (frozenset(("-v", "--volumes")), "it removes the container and leaves its volumes"),
    ("system", "prune"): (frozenset(("--volumes", "-a", "--all")), "it frees space and leaves every volume"),
}
Judge = Callable[[str], Preflight]


class Safer(NamedTuple):
    """A command that was judged here: it does not destroy data."""

    command: str
    why: str


def safer(preflight: Preflight, world: World, pid: int | None, judge: Judge) -> tuple[Safer, ...]:
    """At most a few proposals for a line that loses data, or ends what comes back anyway."""
    found: dict[str, Safer] = {}
    for each in _proposals(preflight, world, pid):
        if each.command in found or shown_command(each.command) is None or each.command == preflight.line:
            continue
        judged = judge(each.command)
        if verdict(judged) in ("safe", "interrupts") and len(judged.lost) == 0:
            found[each.command] = each
        if len(found) == MOST:
            break
    return tuple(found.values())


def _proposals(preflight: Preflight, world: World, pid: int | None) -> Iterator[Safer]:
    back = [] if pid is not None else _comes_back(preflight.effects)
    wanted = pid if preflight.lost or back or _ends_some(preflight.effects) else None
    for each in [wanted] if wanted is not None else back[:1]:
        yield from _plan(each, world)
    if not preflight.lost:
        return
    for command in preflight.script.commands:
        yield from _without_the_loss(command, preflight.script.commands[0].folder)
    for effect in preflight.lost:
        yield from _kept(effect, preflight)


def _comes_back(effects: Sequence[Effect]) -> list[int]:
    """Processes that the line ends and whose container or unit is started again."""
    returns = {each.name for each in effects if each.verb == "restart" and each.cause == "main-process-ends"}
    if not returns:
        return []
    return [each.pid for each in effects if each.verb == "kill" and each.pid is not None]


def _ends_some(effects: Sequence[Effect]) -> bool:
    return any(each.verb in ("stop", "kill", "restart", "remove") for each in effects)


def _plan(pid: int, world: World) -> Iterator[Safer]:
    """The steps that end this work and keep it ended, as one line: what `explain` proposes."""
    try:
        facts, _ = owners.facts(world, pid)
    except procfs.NoSuchProcessError:
        return
    layers, _ = owners.layers(facts, world)
    way_out, _ = plan(layers, world)
    steps = [step.command for step in way_out.steps if step.risk in ("none", "interrupts")]
    if steps:
        yield Safer(" && ".join(steps), way_out.goal)


def _without_the_loss(command: Command, typed_in: str | None) -> Iterator[Safer]:
    """The same command less an option, of the same project: in its folder, with its variables."""
    texts = [word.text for word in command.words]
    known = [text for text in texts if text is not None]
    if len(known) < len(texts) or command.program not in ("docker", "docker-compose") or command.remote:
        return
    if command.folder is None or any(value is None for _, value in command.environment):
        return
    before = f"cd {quote(command.folder)} && " if command.folder != typed_in else ""
    before += "".join(f"{name}={quote(value or '')} " for name, value in command.environment)
    if tuple(known[1:3]) == ("volume", "prune"):
        yield Safer("docker image prune -f", "it frees space: images without a name go, every volume stays")
    for words, (options, why) in WITHOUT.items():
        if all(word in known for word in words):
            kept = [left for text in known if (left := _stripped(text, options)) is not None]
            if kept != known:
                yield Safer(before + join(kept), why)


def _stripped(text: str, unwanted: frozenset[str]) -> str | None:
    """The word without these options; None where nothing of it is left. `-fv` becomes `-f`."""
    if text in unwanted or any(text.startswith(f"{name}=") for name in unwanted):
        return None
    if not re.fullmatch(r"-[A-Za-z]{2,}", text):
        return text
    letters = "".join(letter for letter in text[1:] if f"-{letter}" not in unwanted)
    return f"-{letters}" if letters else None


def _kept(effect: Effect, preflight: Preflight) -> Iterator[Safer]:
    """A copy first, or another name instead of the end."""
    if effect.type == "volume":
        yield from _volume_kept(effect.name, preflight.host)
    elif effect.type == "path":
        yield from _path_kept(effect)
    elif effect.type == "crontab" and not effect.name.startswith("at job"):
        archive = f"{BACKUPS}/crontab.{effect.name}"
        yield Safer(f"crontab -u {quote(effect.name)} -l > {quote(archive)}", "it keeps a copy of the table first")


def _volume_kept(name: str, host: HostState) -> Iterator[Safer]:
    """A dump where a database runs on it, else a copy: of what runs only once it has stopped."""
    engines = {"docker": host.docker, "podman": Docker() if host.podman is None else host.podman.docker}
    found = [
        (program, engine, volume.mountpoint)
        for program, engine in engines.items()
        for volume in (*engine.volumes, *engine.deleted)
        if volume.name == name
    ]
    if len(found) != 1:
        return  # both engines have one of that name: which is meant is not guessed
    program, engine, folder = found[0]
    users = [
        each
        for each in (*engine.containers, *engine.removed)
        if name in each.volumes and (each.stopped or each.state in RUNNING)
    ]
    database = dumps.seems((name, *(f"{each.name} {each.image}" for each in users)))
    if program == "docker" and database is not None and [each.state in SILENT for each in users] == [False]:
        dump = dumps.command(database, users[0].name, BACKUPS)
        if dump is not None:
            yield Safer(dump, f"it dumps {name}, which seems to be {database.name}, with its own tool")
            return
    if any(not KEPT_UP.isdisjoint(each.labels) for each in users):
        return
    stop = f"{program} stop {join(each.name for each in users)} && " if users else ""
    copy = f"tar -C {quote(folder)} -cf {quote(f'{BACKUPS}/{name}.tar')} ."
    yield Safer(f"{stop}{copy}", f"it keeps a copy of {name}")


def _path_kept(effect: Effect) -> Iterator[Safer]:
    if not effect.name.startswith("/") or effect.more or "this host" in effect.used_by:
        return
    if effect.size is not None and effect.size.bytes is None:
        return  # neither a file nor a folder that could be copied
    if effect.name.startswith(ENGINE):
        return
    other = quote(f"{effect.name}.old")
    if effect.cause == "overwritten":
        yield Safer(f"cp -aT {quote(effect.name)} {other}", "it keeps a copy of what the file holds now")
        return
    if effect.in_use or effect.used_by:
        yield Safer(f"cp -aT {quote(effect.name)} {other}", "it keeps a copy; stop what writes to it first")
        return
    yield Safer(f"mv -nT {quote(effect.name)} {other}", "it is out of the way, and still there")
