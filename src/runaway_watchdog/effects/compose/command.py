"""What Docker Compose commands would change here.

project   which project a command means, and what belongs to it
down      down, by the version of Compose
commands  stop, kill, rm, up, restart …
"""

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

from runaway_watchdog import patterns
from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.compose import project as projects
from runaway_watchdog.effects.compose.plan import PROJECT
from runaway_watchdog.effects.compose.project import Compose, Refused, Unclear
from runaway_watchdog.effects.docker import options, state
from runaway_watchdog.effects.docker.call import Call, Inside, elsewhere
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.engines.model import RUNNING, Container
from runaway_watchdog.hostile import clean
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import Unanswered, World

Handler = Callable[[Compose], Outcome]

GLOBAL = (
    "-f --file FILE, -p --project-name NAME, --profile NAME, --env-file FILE, --project-directory DIR, --workdir DIR, "
    "--compatibility, --progress S, --ansi S, --no-ansi, --parallel N, --dry-run, --verbose, --all-resources, "
    "-v --version, --log-level S, -H --host HOST, -c --context NAME, -D --debug, --tls, --tlscacert F, --tlscert F, "
    "--tlskey F, --tlsverify, --insecure-registry S"
)
READS = ("ps", "logs", "top", "images", "ls", "version", "events", "port", "stats", "volumes", "help", "convert")
ADDS = ("pull", "push", "build", "publish")
CONFIG = (
    "--format S, --resolve-image-digests, --lock-image-digests, -q --quiet, --no-interpolate, --no-normalize, "
    "--no-path-resolution, --no-consistency, --no-env-resolution, --services, --volumes, --networks, --models, "
    "--profiles, --images, --hash S, --variables, --environment, -o --output FILE"
)
UP = (
    "-d --detach, --build, --no-build, --pull S, --quiet-pull, --quiet-build, --remove-orphans, --scale S, --no-color, "
    "--no-log-prefix, --force-recreate, --no-recreate, --no-start, --abort-on-container-exit, "
    "--abort-on-container-failure, --exit-code-from S, -t --timeout N, --timestamps, --no-deps, "
    "--always-recreate-deps, -V --renew-anon-volumes, --attach S, --no-attach S, --attach-dependencies, --wait, "
    "--wait-timeout N, -w --watch, --menu, -y --yes"
)
EXEC = (
    "-d --detach, -e --env S, --index N, -T --no-TTY --no-tty, --privileged, -u --user S, -w --workdir S, "
    "-i --interactive, -t --tty"
)


WORKING_DIR = "com.docker.compose.project.working_dir"
ELSEWHERE = 3
"""So many other folders, and things in each, are named."""


RUN = (
    "--rm, --build, --no-deps, -v --volume S, --name S, --entrypoint S, -P --service-ports, --use-aliases, "
    "-p --publish S, -l --label S, --quiet-pull, -q --quiet, --quiet-build, --cap-add S, --cap-drop S, "
    "--remove-orphans, --pull S, --env-from-file S"
)


class Subcommand(NamedTuple):
    handler: str  # its file here and the function in it: read by the line that needs it
    options: str
    stops: bool = False  # the first operand ends the options


TABLE: Mapping[str, Subcommand] = {
    "down": Subcommand("down.down", "--remove-orphans, -t --timeout N, -v --volume --volumes, --rmi S"),
    "stop": Subcommand("commands.stop", "-t --timeout N"),
    "kill": Subcommand("commands.kill", "-s --signal S, --remove-orphans"),
    "rm": Subcommand("commands.remove", "-f --force, -s --stop, -v --volumes, -a --all"),
    "restart": Subcommand("commands.restart", "-t --timeout N, --no-deps"),
    "start": Subcommand("commands.start", "--wait, --wait-timeout N"),
    "pause": Subcommand("commands.pause", ""),
    "unpause": Subcommand("commands.unpause", ""),
    "up": Subcommand("commands.up", UP),
    "create": Subcommand("commands.up", UP),
    "exec": Subcommand("commands.execute", EXEC, stops=True),
    "run": Subcommand("commands.run", f"{EXEC}, {RUN}", stops=True),
}


def effects(
    program: str, words: Sequence[Word], command: Command, host: HostState, world: World, inside: Inside | None = None
) -> Outcome:
    """The words after `docker compose` or `docker-compose`. Raises Unanswered."""
    given = options.read(words, GLOBAL, stops=True)
    if given.refused:
        return Outcome((), host, (f"{program}: the option {given.refused} is not known",))
    if not given.rest or given.has("help") or given.has("version") or given.has("dry-run"):
        return Outcome((), host)
    subcommand = given.rest[0].text
    if subcommand is None:
        return Outcome((), host, (f"{program}: which subcommand it is is only known when the line runs",))
    if given.unread and not _harmless(subcommand, given.rest[1:]):
        return Outcome((), host, tuple(f"{program} {subcommand}: {each}" for each in given.unread))
    problem = elsewhere(given, command, world)
    if problem is not None and subcommand not in READS:
        return Outcome((), host, (f"{program} {subcommand}: {problem}",))
    if _harmless(subcommand, given.rest[1:]):
        renews = subcommand in ("pull", "build")
        return Outcome((), host._replace(pulled=host.pulled | {"*"}) if renews else host)
    return _handled(subcommand, program, given, Call("", given, command, host, host.docker, world, inside))


def only_reads(words: Sequence[Word]) -> bool:
    """Whether the words after `docker compose` change nothing, whichever engine they are for."""
    given = options.read(words, GLOBAL, stops=True)
    return bool(given.rest) and not given.refused and given.rest[0].text in READS


def _harmless(subcommand: str, words: Sequence[Word]) -> bool:
    """It asks for help, reads, or only adds."""
    stops = subcommand in TABLE and TABLE[subcommand].stops
    if subcommand in (*READS, *ADDS) or (not stops and any(word.text in ("--help", "-h") for word in words)):
        return True
    return subcommand == "config" and not options.read(words, CONFIG).values("output")


def _handled(subcommand: str, program: str, given: Options, asking: Call) -> Outcome:
    """`asking` is the call as far as the global options tell it."""
    shown = f"{program} {subcommand}"
    call = asking._replace(name=shown)
    found = TABLE.get(subcommand)
    if found is None:
        return call.not_known("what it would change is not known")
    rest = options.read(given.rest[1:], f"--dry-run, {found.options}", stops=found.stops)
    if rest.refused:
        return call.not_known(f"the option {rest.refused} is not known")
    if rest.has("dry-run"):
        return call.outcome()
    docker = state.current(call.host, call.world)
    if docker.gap is not None:
        return call.not_known(f"{docker.gap.problem} ({docker.gap.fix})")
    call = call._replace(options=rest, docker=docker)
    compose = Compose(call, program, given)
    file, _, function = found.handler.partition(".")
    handler: Handler = getattr(import_module(f"{__package__}.{file}"), function)
    try:
        outcome = handler(compose)
    except Refused as refused:
        return call.outcome()._replace(nothing=_elsewhere(handler, compose, str(refused)))
    except Unclear as unclear:
        return call.not_known(str(unclear))
    return Outcome(outcome.effects, outcome.host, (*(f"{shown}: {each}" for each in rest.unread), *outcome.unknown))


def _elsewhere(handler: Handler, compose: Compose, complaint: str) -> tuple[str, ...]:
    """What to say where no Compose file is: the same command acts in the folders of other projects."""
    folder = compose.call.command.folder
    if not any(each in complaint for each in projects.NO_FILE) or folder is None or compose.given.values("file"):
        return ()
    found = sorted(
        {
            (each.labels[WORKING_DIR], each.labels[PROJECT])
            for each in compose.call.docker.containers
            if each.labels.get(WORKING_DIR) and each.labels.get(PROJECT)
        }
    )
    told = [
        f"in {clean(there, 200)} it would {what}" for there, name in found if (what := _would(handler, compose, name))
    ]
    more = f"; and {len(told) - ELSEWHERE} more" if len(told) > ELSEWHERE else ""
    return ("; ".join((f"nothing to do in {clean(folder, 200)}: no Compose file here", *told[:ELSEWHERE])) + more,)


def _would(handler: Handler, compose: Compose, project: str) -> str:
    """What the command would do to a project that is there, in a few words; "" for nothing, or what is not known."""
    given = compose.given._replace(given={**compose.given.given, "project-name": (project,)})
    try:
        outcome = handler(Compose(compose.call, "docker compose", given))
    except (Refused, Unclear, Unanswered):
        return ""
    gone = sorted((each for each in outcome.effects if each.data_lost), key=lambda each: len(each.name))
    lost = [f"{each.type} {each.name}" for each in gone]  # names that people gave come before digests
    if lost:
        return f"delete {', '.join(lost[:ELSEWHERE])}" + (" and more" if len(lost) > ELSEWHERE else "")
    others = [f"{each.verb} {each.type} {each.name}" for each in outcome.effects]
    return ", ".join(others[:ELSEWHERE]) + (" and more" if len(others) > ELSEWHERE else "")


def projects_listed(words: Sequence[Word], host: HostState, world: World) -> tuple[str, ...] | None:
    """What `compose ls -q` prints: the projects of containers, with -a of stopped ones too. Raises Unanswered."""
    given = options.read(words, GLOBAL, stops=True)
    if given.refused or given.unread or not given.rest or given.rest[0].text != "ls":
        return None
    asked = options.read(given.rest[1:], "-a --all, -q --quiet, --format S, --filter S")
    docker = state.current(host, world)
    if asked.refused or asked.unread or not asked.has("quiet") or asked.values("format") or docker.gap is not None:
        return None
    filters = [each.partition("=") for each in asked.values("filter")]
    if any(key != "name" for key, _, _ in filters):
        return None
    found = {
        each.labels[PROJECT]
        for each in docker.containers
        if each.labels.get(PROJECT) and (asked.has("all") or each.state in RUNNING)
    }
    try:
        expressions = [patterns.given(value) for _, _, value in filters]
    except re.error:
        return None
    return tuple(sorted(name for name in found if all(each.search(name) for each in expressions)))


def listed(
    program: str, words: Sequence[Word], command: Command, host: HostState, world: World
) -> list[Container] | None:
    """The containers that `compose ps -q` names; None for any other command. Raises Unanswered."""
    given = options.read(words, GLOBAL, stops=True)
    if given.refused or not given.rest or given.rest[0].text != "ps" or elsewhere(given, command, world) is not None:
        return None
    asked = options.read(given.rest[1:], "-a --all, -q --quiet")
    docker = state.current(host, world)
    if asked.refused or asked.unread or not asked.has("quiet") or docker.gap is not None:
        return None
    compose = Compose(Call(f"{program} ps", asked, command, host, docker, world), program, given)
    try:
        project = projects.find(compose, asked.operands)
    except (Refused, Unclear):
        return None
    found = projects.containers(docker, project.name)
    chosen = projects.of_services(found, asked.operands or project.services)
    every = asked.has("all") or compose.old
    return [each for each in chosen if every or each.state in RUNNING]
