"""Runs on the field's host: judges every line, and prints a picture of the host that answers all of them again.

Of files it takes more than the lines ask: what a better judgement asks next is most often there already.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from runaway_watchdog.world import Engine, Files, Unanswered, World, live
from runaway_watchdog.world.filesystem import LiveFiles
from runaway_watchdog.world.recorded import NotRecordedError, recorder, replay

from .cases import Case, cases
from .judging import judge
from .pictured import FILE, FOLDER, LINK, Entry, PicturedFiles, StoppedClock

WHOLE_TEXT = 32 * 1024
HEAD = 4 * 1024
"""Of a larger file this much is kept: enough to tell what it is."""
UNLISTED = re.compile(
    r"/(golden|opt|proc|sys|usr/(share|lib|libexec|include)|lib(64)?|var/cache|var/lib/(apt|dpkg|containerd)"
    r"|var/lib/docker/(?!volumes)[^/]+|run/(docker|containerd|udev)|etc/ssl|etc/apt)"
)
"""Folders that are there, but of whose content nothing is told."""
NO_TEXT = re.compile(
    r"/(etc/(g?shadow|pip\.conf|resolv\.conf|machine-id|ld\.so\.cache|.*key)|usr/|dev/|run/|var/lib/(mysql|postgresql|systemd)/"
    r"|var/log/(journal|apt|dpkg|bootstrap|alternatives)).*"
)
"""Secrets, what is of this machine alone, and what is too much."""
OF_A_PROCESS = ("stat", "status", "cmdline", "comm", "cgroup", "environ", "wchan", "mountinfo", "mounts")
LINKS_OF_A_PROCESS = ("cwd", "exe", "root")
AHEAD = (
    "down -v", "up -d --force-recreate", "up -d", "rm -sf", "stop", "ps", "--profile batch down -v", "exec db sh",
    "run web sh",
)  # fmt: skip
"""What may be asked next of every project: how Compose reads its files is told for each set of options by itself."""
IN_A_CONTAINER = re.compile(r"/(bin|dev|proc|sys)")


class Once:
    """A port that asks the host each question once, and writes it down."""

    def __init__(self, recording: object, replayed: object) -> None:
        self._recording, self._replayed = recording, replayed

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                return getattr(self._replayed, method)(*arguments)
            except NotRecordedError:
                return getattr(self._recording, method)(*arguments)

        return call


def main() -> None:
    now = time.time()
    tree = dict(_disk())
    real = live()
    recording, asked = recorder(real)
    replayed = replay({"host": real.host, "asked": asked})
    ports = ("files", "engine", "manager", "clients", "users", "journal", "supervisors", "podman")
    world = recording._replace(
        **{name: cast(Any, Once(getattr(recording, name), getattr(replayed, name))) for name in ports}
    )
    tree |= dict(_containers(world.engine))
    tree |= dict(_processes())
    _ask_ahead(world, tree)
    for case in (*cases(), *_ahead(world.engine)):
        with suppress(FileNotFoundError):
            os.chdir(case.folder)
        judge(world._replace(files=cast(Files, PicturedFiles(tree, world.files)), clock=StoppedClock(now)), case)
    picture = {"host": real.host, "now": now, "tree": tree, "asked": asked}
    json.dump(picture, sys.stdout)


def _ahead(engine: Engine) -> Iterator[Case]:
    """Lines that are judged for their questions alone."""
    names = sorted({each["Labels"].get("com.docker.compose.project", "") for each in engine.containers()} | {"hooli"})
    folders = sorted(f"/srv/{name}" for name in os.listdir("/srv") if os.path.isdir(f"/srv/{name}"))
    files = [f"{folder}/{name}" for folder in folders for name in os.listdir(folder) if "compose" in name]
    for folder in ("/srv", *folders):
        for words in AHEAD:
            yield Case("", "", folder, f"docker compose {words}", loses_data=False)
        yield Case("", "", folder, "docker-compose down -v", loses_data=False)
    for words in AHEAD:
        for given in (*(f"-p {name}" for name in names if name), *(f"-f {file}" for file in files)):
            yield Case("", "", "/srv", f"docker compose {given} {words}", loses_data=False)


def _disk() -> Iterator[tuple[str, Entry]]:
    yield "/", _entry("/", listed=True)
    yield from _walk("/", UNLISTED)


def _walk(root: str, unlisted: re.Pattern[str], seen_as: str | None = None) -> Iterator[tuple[str, Entry]]:
    """What is below `root`; `unlisted` is of paths below it."""
    for name in sorted(os.listdir(root)):
        path = f"{root.rstrip('/')}/{name}"
        seen = path if seen_as is None else f"{seen_as}/{name}"
        listed = unlisted.fullmatch(seen) is None
        try:
            entry = _entry(path, listed=listed)
        except OSError:
            continue
        yield path, entry
        if entry.kind == FOLDER and listed:
            yield from _walk(path, unlisted, None if seen_as is None else seen)


def _entry(path: str, *, listed: bool) -> Entry:
    kind, size, written_at, uid = LiveFiles().status(path)
    more: Any = None
    if kind == FOLDER:
        more = listed
    elif kind == LINK:
        more = os.readlink(path)
    elif kind == FILE and not NO_TEXT.fullmatch(path):
        more = _text(path, size)
    return Entry(kind, size, written_at, uid, more)


def _text(path: str, size: int) -> str | None:
    try:
        text = LiveFiles().read(path)
    except OSError:
        return None
    return text if size <= WHOLE_TEXT else text[:HEAD]


def _containers(engine: Engine) -> Iterator[tuple[str, Entry]]:
    """What each container wrote into its own layer, and what a running one sees."""
    for each in engine.containers():
        found = engine.container(each["Id"]) or {}
        layer = found["GraphDriver"]["Data"]["UpperDir"]
        yield layer, _entry(layer, listed=True)
        yield from _walk(layer, re.compile("never"))
        pid = found["State"]["Pid"]
        if pid > 1:
            yield f"/proc/{pid}/root", _entry(f"/proc/{pid}/root", listed=True)._replace(kind=FOLDER, more=True)
            yield from _walk(f"/proc/{pid}/root", IN_A_CONTAINER, "")


def _processes() -> Iterator[tuple[str, Entry]]:
    """What /proc tells of every process that is not this one."""
    for pid in [name for name in os.listdir("/proc") if name.isdigit()]:
        folder = f"/proc/{pid}"
        if int(pid) in (os.getpid(), os.getppid()):
            continue
        with suppress(OSError):
            yield from _process(folder)


def _process(folder: str) -> Iterator[tuple[str, Entry]]:
    yield folder, _entry(folder, listed=False)
    for name in OF_A_PROCESS:
        with suppress(OSError):
            yield f"{folder}/{name}", _entry(f"{folder}/{name}", listed=False)
    for name in LINKS_OF_A_PROCESS:
        with suppress(OSError):
            yield f"{folder}/{name}", _entry(f"{folder}/{name}", listed=False)
    yield f"{folder}/fd", _entry(f"{folder}/fd", listed=True)
    yield from _walk(f"{folder}/fd", re.compile("never"))
    yield f"{folder}/task", _entry(f"{folder}/task", listed=True)
    for task in os.listdir(f"{folder}/task"):
        yield f"{folder}/task/{task}", _entry(f"{folder}/task/{task}", listed=False)
        with suppress(OSError):
            children = f"{folder}/task/{task}/children"
            yield children, _entry(children, listed=False)


def _ask_ahead(world: World, tree: Mapping[str, Entry]) -> None:
    """What another judgement may ask of the engine and of systemd."""
    engine, manager = world.engine, world.manager
    for question in (engine.endpoint, engine.version, engine.info, engine.volumes, engine.images, engine.networks):
        _try(question)
    _try(engine.services)
    for each in engine.containers():
        for reference in (each["Id"], each["Id"][:12], *(name.lstrip("/") for name in each["Names"])):
            _try(engine.container, reference)
    for name in manager.units():
        _try(manager.unit, name)
    for path in tree:
        if re.fullmatch(r"/proc/\d+", path):
            _try(manager.unit_of, int(path.rpartition("/")[2]))


def _try(question: Callable[..., object], *arguments: object) -> None:
    with suppress(Unanswered, OSError):
        question(*arguments)


if __name__ == "__main__":
    main()
