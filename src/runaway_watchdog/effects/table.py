"""What a command does, by the family of its program (`programs.FAMILIES`; a name without its folder, as
`Command.program` has it)."""

from collections.abc import Callable
from importlib import import_module

from runaway_watchdog.effects import HostState, Outcome, known_programs, long_options
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.docker.call import Inside
from runaway_watchdog.effects.elsewhere import remote, runners
from runaway_watchdog.effects.programs import FAMILIES, RARELY_DESTROY
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.world import World

Family = Callable[[Command, HostState, World], Outcome]

ENGINES = frozenset(("docker", "docker-compose"))
PODMAN = "podman.command"
"""The family that judges what runs in its containers too."""
HARMLESS = "harmless"
"""The family that also answers for what nobody knows."""
NEED_DOCKER = frozenset(("host.files", "host.find", "host.git", "host.storage", "host.packages"))
"""Families to which any path may be a container's or a volume's; Docker's own asks the engine itself."""
ASK_THEMSELVES = frozenset(("host.kill", "host.systemd", "host.power"))
"""Families that ask the engine only where a container is concerned, but for a line that runs as another user: there it
counts whether the one who asks may see all that the other one touches."""
ELSEWHERE = frozenset(("elsewhere.clouds", "elsewhere.backups", "elsewhere.infrastructure", "elsewhere.kubernetes"))
"""Families that answer themselves for a word behind a subcommand that destroys."""


def effects(command: Command, host: HostState, world: World, inside: Inside | None = None) -> Outcome:
    """What one command would do here. `inside` judges what `docker exec` runs."""
    if command.remote:
        return remote.effects(command, host, world, known=of(command) != HARMLESS)
    runs = started(command)
    if runs is not None:
        return effects(runs, host, world, inside)
    busybox = command.program == "busybox" and len(command.words) > 1
    if busybox:
        command = command._replace(words=command.words[1:])
    if command.program in ENGINES:
        return _of_docker(command, host, world, inside)
    command = command._replace(words=long_options.spelled(command.words))
    family = _with_files(command.program or "", of(command))
    if _needs_docker(family, command):
        host = known(host, world)
    outcome = _redirected(command, host, world)
    if family == PODMAN:
        from runaway_watchdog.effects.podman import command as podman

        after = podman.effects(command, outcome.host, world, inside)
    else:
        after = _judge(family)(command, outcome.host, world)
    odd = long_options.strange(command.words)
    doubts = () if odd is None else (f"{odd} in `{shown(command)}` is no option that is known, or may be several",)
    unknown = (*outcome.unknown, *after.unknown, *doubts)
    return Outcome((*outcome.effects, *after.effects), after.host, unknown, after.nothing)


def _with_files(program: str, family: str) -> str:
    """A program that does its own work and is told which file to write has a family beside the table."""
    module = known_programs.WRITES.get(program) if family == HARMLESS else None
    return family if module is None else f"host.{module}"


def _needs_docker(family: str, command: Command) -> bool:
    if family in NEED_DOCKER and command.program not in RARELY_DESTROY:
        return True
    return bool(command.truncates) or (family in ASK_THEMSELVES and command.user is not None)


def _of_docker(command: Command, host: HostState, world: World, inside: Inside | None) -> Outcome:
    from runaway_watchdog.effects.docker import command as docker

    outcome = _redirected(command._replace(appends=()), known(host, world) if command.truncates else host, world)
    after = docker.effects(command._replace(truncates=(), appends=()), outcome.host, world, inside)
    effects_of_both = (*outcome.effects, *after.effects)
    return after._replace(effects=effects_of_both, unknown=(*outcome.unknown, *after.unknown))


def _redirected(command: Command, host: HostState, world: World) -> Outcome:
    """What its redirections do to the files behind them."""
    outcome = Outcome((), host)
    if command.truncates:
        from runaway_watchdog.effects.host import files

        outcome = files.truncated(command.truncates, command, host, world)
    if command.appends:
        from runaway_watchdog.effects.host import losing

        outcome = outcome._replace(host=losing.appended(command.appends, command, outcome.host, world))
    return outcome


def started(command: Command) -> Command | None:
    """The command of a known family that a runner starts (`npx prisma …`)."""
    found = runners.inner(command)
    return found if found is not None and (of(found) != HARMLESS or found.program in ENGINES) else None


def destroys_nothing_else(command: Command) -> bool:
    """Whether its program is known not to destroy what it is not given, or its subcommand only reads."""
    return remote.reads(command) or (command.program not in ENGINES and of(command) in (HARMLESS, *ELSEWHERE))


def proven(command: Command, outcome: Outcome) -> Outcome:
    """Safe is proven, never assumed: this holds for every family of commands, whatever it makes of its words.

    A command whose program can destroy is at least unknown as long as one of its words is: a project, a path, a
    container, a pattern or an option. Only what a program that is harmless with any words is given does not matter.
    """
    hidden = next((word for word in command.words if word.text is None), None)
    if hidden is None:
        return _placed(command, outcome)
    if outcome.unknown or known_programs.changes_nothing(command.program):
        return outcome
    shown_word = hidden.raw or "its input"
    why = f"what {shown_word} stands for in `{shown(command)}` is only known when it runs"
    return outcome._replace(unknown=(LowRisk(why) if destroys_nothing_else(command) else why,))


_PUTS_ELSEWHERE = frozenset(("cp", "mv", "ln", "install", "rsync", "crontab"))
"""Programs that replace one thing by another: where that one is not known, nor is what is lost."""


def _placed(command: Command, outcome: Outcome) -> Outcome:
    """In a folder that is not known, a relative path is not known either."""
    if command.folder is not None or outcome.unknown or command.program not in _PUTS_ELSEWHERE:
        return outcome
    relative = next((word for word in command.words[1:] if not (word.text or "").startswith(("-", "/"))), None)
    if relative is None or any(effect.data_lost for effect in outcome.effects):
        return outcome
    why = (
        f"which file {relative.raw} in `{shown(command)}` is, in a folder that is not known, is only known when it runs"
    )
    return outcome._replace(unknown=(why,))


def known(host: HostState, world: World) -> HostState:
    """The host with the engine's state in it."""
    from runaway_watchdog.effects.docker import state

    return host._replace(docker=state.current(host, world))


def of(command: Command) -> str:
    """The family of a command's program, as its file below `effects` is called."""
    program = command.program or ""
    if (command.words[0].text or "").startswith("/etc/init.d/"):
        return "host.systemd"
    if program.startswith(("mkfs", "mke2fs")):
        return "host.files"
    return FAMILIES.get(program, HARMLESS)


def _judge(family: str) -> Family:
    judge: Family = import_module(f"{__package__}.{family}").effects
    return judge
