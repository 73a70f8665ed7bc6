"""What the docker command would change here: every subcommand that people reach for when something runs away.

    docker_options     the words of a command, told apart as the programs do it
    docker_call        which engine it speaks to, and what every handler is given
    docker_grammar     the subcommands and their options
    docker_state       what that engine holds, and what commands make of it
    docker_containers  docker_images  docker_networks  docker_prune  docker_swarm  docker_run     the handlers
    compose            docker compose and docker-compose

What an engine refuses changes nothing, and is no effect. An engine that was not asked is never called safe.
"""

from collections.abc import Mapping
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.compose import command as compose
from runaway_watchdog.effects.docker import (
    containers as docker_containers,
    images as docker_images,
    networks as docker_networks,
    options,
    prune as docker_prune,
    run as docker_run,
    state,
    swarm as docker_swarm,
    volume_commands as docker_volumes,
)
from runaway_watchdog.effects.docker.call import Call, Handler, Inside, client_version, elsewhere
from runaway_watchdog.effects.docker.grammar import ADDS, EXEC, GLOBAL, PRUNE, READS, RUN, STOP, UPDATE, subcommand
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import Unanswered, World


class Subcommand(NamedTuple):
    handler: Handler
    options: str
    stops: bool = False  # the first operand ends the options
    since: Mapping[str, int] = {}  # option -> the docker command's major version that has it; an older one refuses it


STOP_SINCE = {"signal": 23, "timeout": 28}
TABLE: Mapping[str, Subcommand] = {
    "container rm": Subcommand(docker_containers.remove, "-f --force, -l --link, -v --volumes"),
    "container stop": Subcommand(docker_containers.stop, f"{STOP}, --timeout N", since=STOP_SINCE),
    "container kill": Subcommand(docker_containers.kill, "-s --signal SIG"),
    "container restart": Subcommand(docker_containers.restart, f"{STOP}, --timeout N", since=STOP_SINCE),
    "container start": Subcommand(
        docker_containers.start, "-a --attach, --checkpoint S, --checkpoint-dir S, --detach-keys S, -i --interactive"
    ),
    "container pause": Subcommand(docker_containers.pause, ""),
    "container unpause": Subcommand(docker_containers.unpause, ""),
    "container update": Subcommand(docker_containers.update, UPDATE),
    "container rename": Subcommand(docker_containers.rename, ""),
    "container commit": Subcommand(
        docker_containers.commit, "-a --author S, -c --change L, -m --message S, -p --pause"
    ),
    "container run": Subcommand(docker_run.run, RUN, stops=True),
    "container create": Subcommand(docker_run.create, RUN, stops=True),
    "container exec": Subcommand(docker_run.execute, EXEC, stops=True),
    "container cp": Subcommand(docker_run.copy, "-a --archive, -L --follow-link, -q --quiet"),
    "container prune": Subcommand(docker_prune.container_prune, PRUNE),
    "image rm": Subcommand(docker_images.remove, "-f --force, --no-prune, --platform S"),
    "image prune": Subcommand(docker_prune.image_prune, f"-a --all, {PRUNE}"),
    "volume rm": Subcommand(docker_volumes.remove, "-f --force"),
    "volume prune": Subcommand(docker_prune.volume_prune, f"-a --all, {PRUNE}"),
    "network rm": Subcommand(docker_networks.remove, "-f --force", since={"force": 23}),  # docker/cli 3547
    "network prune": Subcommand(docker_prune.network_prune, PRUNE),
    "network connect": Subcommand(
        docker_networks.connect,
        "--alias L, --driver-opt L, --ip S, --ip6 S, --link L, --link-local-ip L, --gw-priority N",
    ),
    "network disconnect": Subcommand(docker_networks.disconnect, "-f --force"),
    "system prune": Subcommand(docker_prune.system_prune, f"-a --all, --volumes, {PRUNE}"),
    "builder prune": Subcommand(docker_prune.builder_prune, f"-a --all, --keep-storage B, {PRUNE}"),
    "buildx prune": Subcommand(
        docker_prune.builder_prune,
        "-a --all, --builder S, --keep-storage B, --max-used-space B, --min-free-space B, --reserved-space B, "
        f"--verbose, {PRUNE}",
    ),
    "service rm": Subcommand(docker_swarm.service_remove, ""),
    "service scale": Subcommand(docker_swarm.service_scale, "-d --detach"),
    "stack rm": Subcommand(docker_swarm.stack_remove, "-d --detach, --orchestrator S"),
    "swarm leave": Subcommand(docker_swarm.leave, "-f --force"),
}


def effects(command: Command, host: HostState, world: World, inside: Inside | None = None) -> Outcome:
    """`docker …`, `docker compose …`, `docker-compose …` on the host as the commands before it would have left it.

    `inside` judges what `docker exec` runs in a container. Never raises; what cannot be told is in `unknown`.
    """
    try:
        return _effects(command, host, world, inside)
    except Unanswered as unanswered:
        gap = unanswered.gap
        return Outcome((), host, (f"{gap.source}: {gap.problem} ({gap.fix})",))


def _effects(command: Command, host: HostState, world: World, inside: Inside | None) -> Outcome:
    if command.remote:
        return Outcome((), host, ("it runs on another host, which was not asked",))
    if command.program == "docker-compose":
        return compose.effects("docker-compose", command.words[1:], command, host, world, inside)
    given = options.read(command.words[1:], GLOBAL, stops=True)
    if given.refused:
        return Outcome((), host, (f"docker: the option {given.refused} is not known",))
    if not given.rest or given.has("help") or given.has("version"):
        return Outcome((), host)
    if (problem := elsewhere(given, command, world)) is not None:
        return Outcome((), host, (f"docker: {problem}",))
    if given.rest[0].text == "compose":
        return compose.effects("docker compose", given.rest[1:], command, host, world, inside)
    found = subcommand(given.rest)
    if found is None:
        return Outcome((), host, ("docker: which subcommand it is is only known when the line runs",))
    return _handled(*found, command, host, world, inside)


def _handled(
    name: str, words: tuple[Word, ...], command: Command, host: HostState, world: World, inside: Inside | None
) -> Outcome:
    if any(word.text == "--help" for word in words) and not _runs_something(name):
        return Outcome((), host)
    if name in READS or name in ADDS:
        return Outcome((), host)
    shown = f"docker {name.removeprefix('container ')}"
    found = TABLE.get(name)
    if found is None:
        return Outcome((), host, (f"{shown}: what it would change is not known",))
    given = options.read(words, found.options, stops=found.stops)
    if given.refused:
        return Outcome((), host, (f"{shown}: the option {given.refused} is not known",))
    if _too_new(given, found.since, world):
        return Outcome((), host)
    docker = state.current(host, world)
    if docker.gap is not None:
        return Outcome((), host, (f"{shown}: {docker.gap.problem} ({docker.gap.fix})",))
    call = Call(shown, given, command, host, docker, world, inside)
    outcome = found.handler(call)
    return Outcome(outcome.effects, outcome.host, (*(f"{shown}: {each}" for each in given.unread), *outcome.unknown))


def _too_new(given: Options, since: Mapping[str, int], world: World) -> bool:
    """Whether this host's docker command does not know an option yet: then it prints its usage and does nothing."""
    needed = max((since.get(name, 0) for name in given.given), default=0)
    if not needed:
        return False
    client = client_version(world)
    return client is not None and client < needed


def _runs_something(name: str) -> bool:
    """There `--help` may belong to the program inside."""
    return name in TABLE and TABLE[name].stops
