"""Which family a program belongs to. The program is the name without its folder, as `Command.program` has it."""

from collections.abc import Callable
from importlib import import_module

from runaway_watchdog.effects import HostState, Outcome, harmless, known_programs
from runaway_watchdog.effects.docker import command as docker, state as docker_state
from runaway_watchdog.effects.docker.call import Inside
from runaway_watchdog.effects.elsewhere import (
    backups,
    clouds,
    infrastructure,
    kubernetes,
    migrations,
    remote,
    runners,
)  # fmt: skip
from runaway_watchdog.effects.host import (
    cron,
    databases,
    files,
    find as finding,
    git,
    kill,
    losing,
    packages,
    power as hosts,
    storage,
    systemd,
)
from runaway_watchdog.effects.podman import command as podman
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

Family = Callable[[Command, HostState, World], Outcome]

ENGINES = frozenset(("docker", "docker-compose"))
SERVICES = frozenset(("systemctl", "service", "invoke-rc.d", "rc-service"))
DOWN = frozenset(("reboot", "shutdown", "poweroff", "halt", "init", "telinit"))
NEED_DOCKER: frozenset[Family] = frozenset(
    (
        files.effects,
        finding.effects,
        git.effects,
        kill.effects,
        systemd.effects,
        hosts.effects,
        storage.effects,
        packages.effects,
    )
)
"""Families that look at containers and volumes, beside Docker's own."""


ELSEWHERE: tuple[Family, ...] = (clouds.effects, backups.effects, infrastructure.effects, kubernetes.effects)
"""Families that answer themselves for a word behind a subcommand that destroys."""


def effects(command: Command, host: HostState, world: World, inside: Inside | None = None) -> Outcome:
    """What one command would do here. `inside` judges what `docker exec` runs."""
    if command.remote:
        return remote.effects(command, host, world, known=of(command) is not harmless.effects)
    runs = started(command)
    if runs is not None:
        return effects(runs, host, world, inside)
    busybox = command.program == "busybox" and len(command.words) > 1
    if busybox:
        command = command._replace(words=command.words[1:])
    if command.program in ENGINES:
        outcome = files.truncated(command.truncates, command, known(host, world) if command.truncates else host, world)
        after = docker.effects(command._replace(truncates=(), appends=()), outcome.host, world, inside)
        effects_of_both = (*outcome.effects, *after.effects)
        return after._replace(effects=effects_of_both, unknown=(*outcome.unknown, *after.unknown))
    family = _with_files(command.program or "", of(command))
    if family in NEED_DOCKER or command.truncates:
        host = known(host, world)
    outcome = files.truncated(command.truncates, command, host, world)
    if command.appends:
        outcome = outcome._replace(host=losing.appended(command.appends, command, outcome.host, world))
    after = family(command, outcome.host, world)
    return Outcome((*outcome.effects, *after.effects), after.host, (*outcome.unknown, *after.unknown), after.nothing)


def _with_files(program: str, family: Family) -> Family:
    """A program that does its own work and is told which file to write: its families are read by the line that names
    one."""
    if family is not harmless.effects:
        return family
    module = known_programs.WRITES.get(program)
    if module is None:
        return family
    judged: Family = import_module(f"{__package__}.host.{module}").effects
    return judged


def started(command: Command) -> Command | None:
    """The command of a known family that a runner starts (`npx prisma …`)."""
    found = runners.inner(command)
    return found if found is not None and (of(found) is not harmless.effects or found.program in ENGINES) else None


def destroys_nothing_else(command: Command) -> bool:
    """Whether its program is known not to destroy what it is not given, or its subcommand only reads."""
    return remote.reads(command) or (command.program not in ENGINES and of(command) in (harmless.effects, *ELSEWHERE))


def known(host: HostState, world: World) -> HostState:
    """The host with the engine's state in it."""
    return host._replace(docker=docker_state.current(host, world))


def of(command: Command) -> Family:
    """The family of a command's program; `harmless` also answers for what nobody knows."""
    program = command.program or ""
    if program in SERVICES or (command.words[0].text or "").startswith("/etc/init.d/"):
        return systemd.effects
    if program.startswith(("mkfs", "mke2fs")):
        return files.effects
    return _FAMILIES.get(program, harmless.effects)


_FAMILIES: dict[str, Family] = {
    **dict.fromkeys(files.PROGRAMS, files.effects),
    **dict.fromkeys(files.SELDOM, files.seldom),
    **dict.fromkeys(storage.PROGRAMS, storage.effects),
    **dict.fromkeys(packages.PROGRAMS, packages.effects),
    **dict.fromkeys(kill.PROGRAMS, kill.effects),
    **dict.fromkeys(databases.PROGRAMS, databases.effects),
    **dict.fromkeys(DOWN, hosts.effects),
    **dict.fromkeys(("crontab", "at", "batch", "atrm"), cron.effects),
    **dict.fromkeys(("find", "rsync"), finding.effects),
    **dict.fromkeys(clouds.PROGRAMS, clouds.effects),
    **dict.fromkeys(backups.PROGRAMS, backups.effects),
    **dict.fromkeys(infrastructure.PROGRAMS, infrastructure.effects),
    **dict.fromkeys(migrations.PROGRAMS, migrations.effects),
    **dict.fromkeys(("kubectl", "helm", "helm3", "oc", "k3s", "microk8s"), kubernetes.effects),
    "podman": podman.effects,
    "git": git.effects,
}
