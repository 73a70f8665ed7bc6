"""What the docker command would change here: every subcommand that people reach for when something runs away.

    options     the words of a command, told apart as the programs do it
    call        which engine it speaks to, and what every handler is given
    grammar     the subcommands and their options
    state       what that engine holds, and what commands make of it
    containers  images  networks  prune  swarm  run  volume_commands     the handlers
    compose     docker compose and docker-compose, in a room of their own

What an engine refuses changes nothing, and is no effect. An engine that was not asked is never called safe.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.docker import options, state
from runaway_watchdog.effects.docker.call import Call, Handler, Inside, client_version, elsewhere
from runaway_watchdog.effects.docker.grammar import (
    ADDS,
    EXEC,
    GLOBAL,
    PRUNE,
    READS,
    RUN,
    SERVICE_UPDATE,
    STOP,
    UPDATE,
    subcommand,
)
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import Unanswered, World


class Subcommand(NamedTuple):
    handler: str  # its file here and the function in it: read by the line that needs it
    options: str
    stops: bool = False  # the first operand ends the options
    since: Mapping[str, int] = {}  # option -> the docker command's major version that has it; an older one refuses it


RENEWS = ("image pull", "image build", "image tag", "image load", "image import", "buildx build", "builder build")
"""After them a name may be another image's."""
STOP_SINCE = {"signal": 23, "timeout": 28}
TABLE: Mapping[str, Subcommand] = {
    "container rm": Subcommand("containers.remove", "-f --force, -l --link, -v --volumes"),
    "container stop": Subcommand("containers.stop", f"{STOP}, --timeout N", since=STOP_SINCE),
    "container kill": Subcommand("containers.kill", "-s --signal SIG"),
    "container restart": Subcommand("containers.restart", f"{STOP}, --timeout N", since=STOP_SINCE),
    "container start": Subcommand(
        "containers.start", "-a --attach, --checkpoint S, --checkpoint-dir S, --detach-keys S, -i --interactive"
    ),
    "container pause": Subcommand("containers.pause", ""),
    "container unpause": Subcommand("containers.unpause", ""),
    "container update": Subcommand("containers.update", UPDATE),
    "container rename": Subcommand("containers.rename", ""),
    "container commit": Subcommand("containers.commit", "-a --author S, -c --change L, -m --message S, -p --pause"),
    "container run": Subcommand("run.run", RUN, stops=True),
    "container create": Subcommand("run.create", RUN, stops=True),
    "container exec": Subcommand("run.execute", EXEC, stops=True),
    "container cp": Subcommand("run.copy", "-a --archive, -L --follow-link, -q --quiet"),
    "container export": Subcommand("run.save", "-o --output S"),
    "image save": Subcommand("run.save", "-o --output S, --platform S"),
    "container prune": Subcommand("prune.container_prune", PRUNE),
    "image rm": Subcommand("images.remove", "-f --force, --no-prune, --platform S"),
    "image prune": Subcommand("prune.image_prune", f"-a --all, {PRUNE}"),
    "volume rm": Subcommand("volume_commands.remove", "-f --force"),
    "volume prune": Subcommand("prune.volume_prune", f"-a --all, {PRUNE}"),
    "network rm": Subcommand("networks.remove", "-f --force", since={"force": 23}),  # docker/cli 3547
    "network prune": Subcommand("prune.network_prune", PRUNE),
    "network connect": Subcommand(
        "networks.connect",
        "--alias L, --driver-opt L, --ip S, --ip6 S, --link L, --link-local-ip L, --gw-priority N",
    ),
    "network disconnect": Subcommand("networks.disconnect", "-f --force"),
    "system prune": Subcommand("prune.system_prune", f"-a --all, --volumes, {PRUNE}"),
    "builder prune": Subcommand("prune.builder_prune", f"-a --all, --keep-storage B, {PRUNE}"),
    "buildx prune": Subcommand(
        "prune.builder_prune",
        "-a --all, --builder S, --keep-storage B, --max-used-space B, --min-free-space B, --reserved-space B, "
        f"--verbose, {PRUNE}",
    ),
    "service rm": Subcommand("swarm.service_remove", ""),
    "service scale": Subcommand("swarm.service_scale", "-d --detach"),
    "stack rm": Subcommand("swarm.stack_remove", "-d --detach, --orchestrator S"),
    "swarm leave": Subcommand("swarm.leave", "-f --force"),
    "service update": Subcommand("swarm.service_update", SERVICE_UPDATE),
    "service rollback": Subcommand("swarm.service_rollback", "-d --detach, -q --quiet"),
    "stack deploy": Subcommand(
        "swarm.stack_deploy",
        "-c --compose-file L, -d --detach, --orchestrator S, --prune, -q --quiet, --resolve-image S, "
        "--with-registry-auth",
    ),
    "node rm": Subcommand("swarm.node_remove", "-f --force"),
    "node update": Subcommand("swarm.node_update", "--availability S, --label-add L, --label-rm L, --role S"),
    "secret rm": Subcommand("swarm.secret_remove", ""),
    "config rm": Subcommand("swarm.config_remove", ""),
    "context rm": Subcommand("other_objects.context_remove", "-f --force"),
    "plugin rm": Subcommand("other_objects.plugin_remove", "-f --force"),
    "checkpoint rm": Subcommand("other_objects.checkpoint_remove", "--checkpoint-dir S"),
    "checkpoint create": Subcommand("other_objects.checkpoint_create", "--checkpoint-dir S, --leave-running"),
    **dict.fromkeys(("swarm join-token", "swarm unlock-key"), Subcommand("swarm.token", "-q --quiet, --rotate")),
    "swarm ca": Subcommand(
        "swarm.token",
        "--ca-cert F, --ca-key F, --cert-expiry D, -d --detach, --external-ca S, -q --quiet, --rotate",
    ),
    "buildx history rm": Subcommand("other_objects.build_records_remove", "--all, --builder S"),
    "buildx rm": Subcommand(
        "other_objects.builder_remove",
        "--all-inactive, --builder S, -f --force, --keep-daemon, --keep-state, --timeout D",
    ),
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
        from runaway_watchdog.effects.compose import command as compose

        return compose.effects("docker-compose", command.words[1:], command, host, world, inside)
    given = options.read(command.words[1:], GLOBAL, stops=True)
    if given.refused:
        return Outcome((), host, (f"docker: the option {given.refused} is not known",))
    if not given.rest or given.has("help") or given.has("version"):
        return Outcome((), host)
    if (problem := elsewhere(given, command, world)) is not None:
        return Outcome((), host, () if _only_reads(given.rest) else (f"docker: {problem}",))
    if given.rest[0].text == "compose":
        from runaway_watchdog.effects.compose import command as compose

        return compose.effects("docker compose", given.rest[1:], command, host, world, inside)
    found = subcommand(given.rest)
    if found is None:
        return Outcome((), host, ("docker: which subcommand it is is only known when the line runs",))
    return _handled(*found, command, host, world, inside)


def _only_reads(words: tuple[Word, ...]) -> bool:
    if words[0].text == "compose":
        from runaway_watchdog.effects.compose import command as compose

        return compose.only_reads(words[1:])
    found = subcommand(words)
    return found is not None and found[0] in READS


def _handled(
    name: str, words: tuple[Word, ...], command: Command, host: HostState, world: World, inside: Inside | None
) -> Outcome:
    if any(word.text == "--help" for word in words) and not _runs_something(name):
        return Outcome((), host)
    if name in READS or name in ADDS:
        return Outcome((), host._replace(pulled=host.pulled | {"*"}) if name in RENEWS else host)
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
    file, _, function = found.handler.partition(".")
    handler: Handler = getattr(import_module(f"{__package__}.{file}"), function)
    outcome = handler(call)
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
