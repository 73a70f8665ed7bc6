"""What the podman command would change here: `podman rm` and its kin, told from Podman's own state.

    podman_grammar   its subcommands
    podman_state     what it holds, in the types of Docker's families
    podman_call      what every handler is given
    podman_commands  podman_store  the handlers: where Podman decides otherwise than Docker, it was seen on Podman 4.3

What Podman refuses changes nothing, and is no effect. A Podman that was not asked (another user's, another host's) is
never called safe.
"""

from collections.abc import Mapping
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.docker import options
from runaway_watchdog.effects.docker.call import Inside, variable
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.effects.podman import commands, state, store
from runaway_watchdog.effects.podman.call import Call, Handler
from runaway_watchdog.effects.podman.grammar import GLOBAL, READS, subcommand
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import Unanswered, World

OTHER_STORE = (
    "config", "connection", "identity", "imagestore", "module", "remote", "root", "runroot", "storage-driver",
    "storage-opt", "tmpdir", "transient-store", "url", "volumepath",
)  # fmt: skip
OTHER_STORE_VARIABLES = (
    "CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "STORAGE_DRIVER",
    "STORAGE_OPTS", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
)  # fmt: skip
CHOSEN = "-a --all, --cidfile FILE, -f --filter F, -i --ignore, -l --latest"
"""How commands choose containers; `--filter` and `--cidfile` are not followed."""
PRUNE = "-f --force, --filter F"
PODS = "-a --all, -i --ignore, -l --latest, --pod-id-file FILE"


RUNNING = frozenset(
    ("container run", "container create", "container exec", "container cp", "container export", "image save")
)
"""They are read by the command that names one (`running`)."""


class Subcommand(NamedTuple):
    handler: Handler
    options: str


TABLE: Mapping[str, Subcommand] = {
    "container rm": Subcommand(
        commands.remove,
        "-a --all, --cidfile FILE, --depend, -f --force, --filter F, -i --ignore, -l --latest, -t --time N, "
        "-v --volumes",
    ),
    "container stop": Subcommand(commands.stop, f"{CHOSEN}, -t --time N"),
    "container kill": Subcommand(commands.kill, "-a --all, --cidfile FILE, -l --latest, -s --signal SIG"),
    "container restart": Subcommand(
        commands.restart, "-a --all, --cidfile FILE, -f --filter F, -l --latest, --running, -t --time N"
    ),
    "container start": Subcommand(
        commands.start, "-a --attach, --all, --detach-keys S, -f --filter F, -i --interactive, -l --latest, --sig-proxy"
    ),
    "container pause": Subcommand(commands.pause, CHOSEN),
    "container unpause": Subcommand(commands.unpause, CHOSEN),
    "container rename": Subcommand(commands.rename, ""),
    "container prune": Subcommand(store.container_prune, PRUNE),
    "image rm": Subcommand(store.image_remove, "-a --all, -f --force, -i --ignore, --no-prune"),
    "image prune": Subcommand(store.image_prune, f"-a --all, --build-cache, --external, {PRUNE}"),
    "volume rm": Subcommand(store.volume_remove, "-a --all, -f --force, -t --time N"),
    "volume prune": Subcommand(store.volume_prune, PRUNE),
    "network rm": Subcommand(store.network_remove, "-f --force, -t --time N"),
    "network prune": Subcommand(store.network_prune, PRUNE),
    "pod rm": Subcommand(commands.pod_remove, f"-f --force, -t --time N, {PODS}"),
    "pod stop": Subcommand(commands.pod_stop, f"-t --time N, {PODS}"),
    "pod kill": Subcommand(commands.pod_stop, "-a --all, -l --latest, -s --signal SIG"),
    "pod prune": Subcommand(commands.pod_prune, "-f --force"),
    "system prune": Subcommand(store.system_prune, f"-a --all, --build, --external, --volumes, {PRUNE}"),
    "system reset": Subcommand(store.system_reset, "-f --force"),
}


def effects(command: Command, host: HostState, world: World, inside: Inside | None = None) -> Outcome:
    """`inside` judges what runs in a container. Never raises; what cannot be told is in `unknown`."""
    given = options.read(command.words[1:], GLOBAL, stops=True)
    if given.refused:
        return Outcome((), host, (f"podman: the option {given.refused} is not known",))
    if not given.rest or given.has("help") or given.has("version"):
        return Outcome((), host)
    found = subcommand(given.rest)
    if found is None:
        return Outcome((), host, ("podman: which subcommand it is is only known when the line runs",))
    name, words = found
    if name in READS or any(word.text == "--help" for word in words[:1]):
        return Outcome((), host)
    if name in RUNNING:
        return _running(name, words, given, command, host, world, inside)
    return _handled(name, words, given, command, host, world)


def _running(
    name: str, words: tuple[Word, ...], given: Options, command: Command, host: HostState, world: World,
    inside: Inside | None,
) -> Outcome:  # fmt: skip
    """Programs in containers, and files that go in and out."""
    from runaway_watchdog.effects.podman import running

    shown = f"podman {name.removeprefix('container ')}"
    now = state.current(host, world)
    if now.docker.gap is not None:
        return Outcome((), host, (f"{shown}: {now.docker.gap.problem} ({now.docker.gap.fix})",))
    if (problem := elsewhere(given, command, rootless=now.rootless, world=world)) is not None:
        return Outcome((), host, (f"{shown}: {problem}",))
    try:
        return running.effects(name, words, command, Call(shown, given, host, now, world), inside)
    except Unanswered as unanswered:
        gap = unanswered.gap
        return Outcome((), host, (f"{gap.source}: {gap.problem} ({gap.fix})",))


def _handled(
    name: str, words: tuple[Word, ...], given: Options, command: Command, host: HostState, world: World
) -> Outcome:
    shown = f"podman {name.removeprefix('container ')}"
    known = TABLE.get(name)
    if known is None:
        return Outcome((), host, (f"{shown}: what it would change is not known",))
    chosen = options.read(words, known.options)
    if chosen.refused:
        return Outcome((), host, (f"{shown}: the option {chosen.refused} is not known",))
    now = state.current(host, world)
    if now.docker.gap is not None:
        return Outcome((), host, (f"{shown}: {now.docker.gap.problem} ({now.docker.gap.fix})",))
    if (problem := elsewhere(given, command, rootless=now.rootless, world=world)) is not None:
        return Outcome((), host, (f"{shown}: {problem}",))
    outcome = known.handler(Call(shown, chosen, host, now, world))
    return Outcome(outcome.effects, outcome.host, (*(f"{shown}: {each}" for each in chosen.unread), *outcome.unknown))


def elsewhere(given: Options, command: Command, *, rootless: bool, world: World) -> str | None:
    """Why the command does not speak to the Podman that was read; None where it does.

    Each user has a Podman of their own, and root's own is that of every `sudo` that root types.
    """
    if any(given.has(name) or given.values(name) for name in OTHER_STORE):
        return "it is told to work in another place, which was not looked at"
    set_here = [name for name, _ in command.environment if name in OTHER_STORE_VARIABLES]
    if set_here or variable(command, world, "CONTAINER_HOST") or variable(command, world, "CONTAINER_CONNECTION"):
        return "its environment sends it to another place, which was not looked at"
    if command.user is None or (command.user == "root" and not rootless):
        return None
    whose = "your own" if rootless else "root's"
    return f"each user has a Podman of their own, and only {whose} was asked here; ask again as that user"
