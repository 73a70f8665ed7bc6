"""Lines of this host that start a container: units, crontabs and git hooks, and the scripts that they call.

Read as text, never run. Only what names the container, its project or its folder counts: `docker exec NAME …` does
not start it, and another project's `docker compose up` is another project's.
"""

import os.path
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.plan import Step
from runaway_watchdog.owners.docker.compose import Membership
from runaway_watchdog.owners.starters import closing
from runaway_watchdog.owners.steps import units
from runaway_watchdog.world import Unanswered, World, crontabs
from runaway_watchdog.world.units import NOT_LOADED

UNIT_FOLDERS = ("/etc/systemd/system",)
CRONTABS = ("/etc/crontab",)
CRON_FOLDERS = ("/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
HOOKS = ("post-receive", "post-merge", "post-checkout", "post-update")
STARTING = ("up", "start", "restart", "run")
VALUED = frozenset(
    ("-f", "--file", "-p", "--project-name", "--project-directory", "--env-file", "--profile", "-H", "--host", "-c")
)
PRINTING = frozenset(("echo", "printf", "logger"))
MOST_FILES, MOST_CHARACTERS = 200, 64_000
_SCRIPT = re.compile(r"(?:^|\s)(/[A-Za-z0-9_./-]+)")


class Starter(NamedTuple):
    """One line that starts the container."""

    name: str
    does: str  # with the container as "it"
    evidence: str
    until: str
    revives: bool
    at_boot: bool
    unit: str = ""
    close: tuple[Step, ...] = ()  # what holds it back


class Order(NamedTuple):
    """What a docker command of a line would start."""

    verb: str
    words: tuple[str, ...]  # all after `docker`, or `docker-compose`
    operands: tuple[str, ...]  # of those the services or containers that it names
    compose: bool
    folder: str  # "" where it is not told

    @property
    def attached(self) -> bool:
        """Whether it stays for as long as the container runs."""
        if self.verb == "start":
            return bool({"-a", "--attach", "-ai", "-ia"} & set(self.words))
        return self.verb in ("run", "up") and not {"-d", "--detach"} & set(self.words)


def starting(container: str, compose: Membership | None, world: World) -> Iterator[Starter]:
    """`container` is its name, `compose` its place in a project, where it has one."""
    yield from _units(container, compose, world)
    yield from _crontabs(container, compose, world)
    if compose is not None:
        yield from _hooks(container, compose, world)


# --- where such lines are ----------------------------------------------------------------------------------------


def _units(container: str, compose: Membership | None, world: World) -> Iterator[Starter]:
    for path in _files(UNIT_FOLDERS, world):
        text = _text(path, world) if path.endswith(".service") else ""
        if "docker" not in text:
            continue
        folder = _value(text, "WorkingDirectory")
        lines = [line.partition("=")[2].lstrip("-@:+!|") for line in _joined(text) if line.startswith("ExecStart=")]
        for order in (each for line in lines for each in _orders(line, folder, world)):
            if fits(order, container, compose):
                yield _unit(path, order, world)
                break


def _unit(path: str, order: Order, world: World) -> Starter:
    name = path.rpartition("/")[2]
    try:
        unit = world.manager.unit(name) or NOT_LOADED
    except Unanswered:
        unit = NOT_LOADED
    runs = unit.active_state == "active"
    again = order.attached and runs and unit.restart == "always"
    does = f"runs `{_shown(order)}`"
    does += " and starts that again when it ends (Restart=always)" if again else ""
    enabled = unit.unit_file_state == "enabled"
    at = " at boot" if enabled and not again else ""
    close = ((units.stop(name, "the container"),) if again else ()) + ((units.disable(name),) if enabled else ())
    return Starter(name, does + at, f"{path}: ExecStart", f"until {name} is started", again, enabled, name, close)


def _crontabs(container: str, compose: Membership | None, world: World) -> Iterator[Starter]:
    for path in (*CRONTABS, *_files(CRON_FOLDERS, world)):
        user = path.rpartition("/")[2] if path.startswith(crontabs.SPOOLS[1]) else None
        for line in crontabs.parse(_text(path, world), path, user):
            order = next((each for each in _orders(line.command, "", world) if fits(each, container, compose)), None)
            if order is None:
                continue
            boot = line.schedule.lower() == crontabs.REBOOT
            does = f"runs `{_shown(order)}`{' at boot' if boot else f' (`{line.schedule}`), which starts it again'}"
            evidence = f"{path}: {line.schedule} {line.command[:120]}"
            close = closing.line_of_cron(line, world)
            yield Starter(line.name, does, evidence, "until the next boot", not boot, boot, close=close)


def _hooks(container: str, compose: Membership, world: World) -> Iterator[Starter]:
    folder = compose.working_dir
    if not folder.startswith("/"):
        return
    for base in (f"{folder}/.git/hooks", f"{folder}.git/hooks"):
        for path in (f"{base}/{name}" for name in HOOKS):
            for order in _orders_of(_text(path, world), folder):
                if fits(order, container, compose):
                    does = f"is a git hook that runs `{_shown(order)}` at each push or pull"
                    yield Starter(path, does, path, f"until the next deploy by {path}", revives=False, at_boot=False)
                    return


def _files(folders: Sequence[str], world: World) -> Iterator[str]:
    for folder in folders:
        try:
            names = sorted(world.files.names(folder))
        except OSError:
            continue
        yield from (f"{folder}/{name}" for name in names[:MOST_FILES] if not name.startswith("."))


def _text(path: str, world: World) -> str:
    """A file's text; empty where it is none, or another user's: then it is no evidence either."""
    try:
        return world.files.read(path)[:MOST_CHARACTERS]
    except OSError:
        return ""


def _joined(text: str) -> list[str]:
    return lines_of(re.sub(r"\\\n\s*", " ", text))


def _value(text: str, key: str) -> str:
    found = [line.partition("=")[2].strip() for line in lines_of(text) if line.startswith(f"{key}=")]
    return found[-1] if found else ""


# --- what a line says --------------------------------------------------------------------------------------------


def _orders(line: str, folder: str, world: World) -> Iterator[Order]:
    """The docker commands of a line, and of a script that it calls."""
    found = list(orders(line, folder))
    yield from found
    if found:
        return
    for script in _SCRIPT.findall(line)[:3]:
        text = _text(script, world)
        if text.startswith("#!"):
            yield from _orders_of(text, folder)


def _orders_of(text: str, folder: str) -> Iterator[Order]:
    at = folder
    for line in _joined(text):
        if "docker" in line or line.lstrip().startswith("cd "):
            yield from orders(line, at)
            at = _cd(line, at)


def _cd(line: str, folder: str) -> str:
    found = re.findall(r"(?:^|[;&|({]|\s)cd\s+([^\s;&|]+)", line)
    return os.path.normpath(os.path.join(folder or "/", found[-1].strip("'\""))) if found else folder


def orders(line: str, folder: str = "") -> Iterator[Order]:
    """The docker commands of one line that start something. Pure; anything that is no such command is passed over."""
    for part in re.split(r"&&|\|\||[;|&]", line):
        try:
            words = shlex.split(part, comments=True)
        except ValueError:
            continue
        at = next((i for i, word in enumerate(words) if word.rpartition("/")[2] in ("docker", "docker-compose")), None)
        if at is None or PRINTING & set(words[:at]):
            folder = _cd(part, folder)
            continue
        rest = tuple(words[at + 1 :])
        compose = words[at].endswith("docker-compose")
        verb, after = _verb(rest)
        if not compose and verb in ("compose", "container"):
            compose = verb == "compose"
            verb, after = _verb(after)
        if verb in STARTING:
            operands = tuple(word for word in after if not word.startswith("-"))
            yield Order(verb, rest, operands, compose, folder)


def _verb(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The first word that is no option, and those after it."""
    at = 0
    while at < len(words):
        if not words[at].startswith("-"):
            return words[at], tuple(words[at + 1 :])
        at += 2 if words[at] in VALUED else 1
    return "", ()


def fits(order: Order, container: str, compose: Membership | None) -> bool:
    """Whether it is this container that the command starts."""
    if not order.compose:
        return container in (_options(order, "--name") if order.verb == "run" else order.operands)
    if compose is None or order.verb == "run" or (order.operands and compose.service not in order.operands):
        return False
    named = _option(order, "-p", "--project-name")
    if named:
        return named == compose.project
    files = [_absolute(each, order.folder) for each in _options(order, "-f", "--file")]
    if files:
        return bool(set(files) & set(compose.config_files))
    folder = _option(order, "--project-directory") or order.folder
    return bool(folder) and os.path.normpath(folder) == os.path.normpath(compose.working_dir or "/")


def _option(order: Order, *names: str) -> str:
    return next(iter(_options(order, *names)), "")


def _options(order: Order, *names: str) -> list[str]:
    words = order.words
    found = [words[i + 1] for i, word in enumerate(words[:-1]) if word in names]
    return found + [word.partition("=")[2] for word in words if word.partition("=")[0] in names and "=" in word]


def _absolute(path: str, folder: str) -> str:
    return os.path.normpath(os.path.join(folder or "/", path))


def _shown(order: Order) -> str:
    return " ".join(("docker compose" if order.compose else "docker", order.verb))
