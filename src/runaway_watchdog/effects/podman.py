"""podman: the commands that end every container, or that delete volumes, are known by name; nothing was read from it.

Podman has no engine that could be asked over a listed read-only path, and its `volume prune` differs from version to
version. So what it would lose here is unknown, with a sentence that says what the command is made for.
"""

from collections.abc import Mapping

from runaway_watchdog.effects import Host, Outcome
from runaway_watchdog.effects import docker_options as options
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

GLOBAL = (
    "--cgroup-manager S, --config S, --conmon S, -c --connection S, --events-backend S, --hooks-dir S, --identity S, "
    "--imagestore S, --log-level S, --module S, --network-cmd-path S, --network-config-dir S, --noout, --out S, "
    "-r --remote, --root S, --runroot S, --runtime S, --runtime-flag S, --ssh S, --storage-driver S, --storage-opt S, "
    "--syslog, --tmpdir S, --transient-store, --url S, --volumepath S, -v --version"
)
GROUPS = (
    "container",
    "image",
    "volume",
    "network",
    "system",
    "pod",
    "kube",
    "machine",
    "secret",
    "generate",
    "manifest",
)
READS = frozenset(
    (
        "ps", "images", "logs", "inspect", "stats", "top", "port", "diff", "info", "version", "events", "history",
        "search", "wait", "healthcheck", "help", "container ls", "container ps", "container list",
        "container inspect", "container logs", "container exists", "image ls", "image list", "image inspect",
        "image exists", "image history", "volume ls", "volume list", "volume inspect", "volume exists",
        "network ls", "network list", "network inspect", "system df", "system info", "pod ls", "pod ps", "pod list",
        "pod inspect", "pod logs", "pod stats", "pod top", "pod exists", "pull", "image pull", "push", "image push",
        "tag", "build", "volume create", "network create",
    )
)  # fmt: skip
"""They change nothing, or only add."""
MEANT_TO: Mapping[str, str] = {
    "system reset": "it deletes every pod, container, image and volume of this user",
    "system prune": "it deletes what is stopped or unused; with --volumes the volumes that nobody uses, and their data",
    "volume prune": "it deletes the volumes that no container uses, named ones too, and their data",
    "volume rm": "it deletes those volumes and their data; with -f the containers that use them first",
    "rm": "it removes those containers; with -v their anonymous volumes too",
    "pod rm": "it removes those pods with their containers; named volumes stay",
    "machine rm": "it deletes the virtual machine with all that is in it",
    "stop": "it stops those containers",
    "kill": "it ends those containers",
}
"""From podman's manual: podman-system-reset(1), podman-system-prune(1) …"""
ALIASES: Mapping[str, str] = {
    "container rm": "rm",
    "container stop": "stop",
    "container kill": "kill",
    "volume remove": "volume rm",
    "pod remove": "pod rm",
}


def effects(command: Command, host: Host, world: World) -> Outcome:  # noqa: ARG001 - every family is asked alike
    """Safe where podman only reads; in every other case unknown, never safe."""
    given = options.read(command.words[1:], GLOBAL, stops=True)
    if given.refused:
        return Outcome((), host, (f"podman: the option {given.refused} is not known",))
    if not given.rest or given.has("help") or given.has("version"):
        return Outcome((), host)
    words = [word.text for word in given.rest[:2]]
    if None in words[:1]:
        return Outcome((), host, ("podman: which subcommand it is is only known when the line runs",))
    grouped = words[0] in GROUPS and len(words) > 1
    name = f"{words[0]} {words[1]}" if grouped else str(words[0])
    name = ALIASES.get(name, name)
    if name in READS or (len(words) > 1 and words[1] == "--help"):
        return Outcome((), host)
    meant = MEANT_TO.get(name, "what it would change is not known")
    return Outcome((), host, (f"podman {name}: {meant}; podman itself is not asked here",))
