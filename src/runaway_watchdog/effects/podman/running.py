"""podman run, create, exec and cp: as Docker's, over what Podman holds.

Podman has options of its own beside Docker's, and `--replace` removes the container that has the name.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.docker import options, run, state
from runaway_watchdog.effects.docker.call import Call as DockerCall, Inside
from runaway_watchdog.effects.docker.containers import removal
from runaway_watchdog.effects.docker.grammar import EXEC, RUN
from runaway_watchdog.effects.podman.call import Call, with_docker
from runaway_watchdog.engines import podman
from runaway_watchdog.model.command import Command, Word

_MORE = (
    "--arch S, --authfile S, --blkio-weight-device L, --cert-dir S, --cgroup-conf L, --cgroups S, "
    "--chrootdirs L, --conmon-pidfile S, --creds S, --decryption-key L, --env-host, --env-merge L, --gidmap L, "
    "--group-entry S, --health-log-destination S, --health-max-log-count N, --health-max-log-size N, "
    "--health-on-failure S, --health-startup-cmd S, --health-startup-interval D, --health-startup-retries N, "
    "--health-startup-success N, --health-startup-timeout D, --hostuser L, --hosts-file S, --http-proxy, "
    "--image-volume S, --init-ctr S, --init-path S, --label-file L, --no-hostname, --no-hosts, --os S, --passwd, "
    "--passwd-entry S, --personality S, --pidfile S, --pod S, --pod-id-file S, --preserve-fd L, --preserve-fds N, "
    "--rdt-class S, --read-only-tmpfs, --replace, --requires L, --retry N, --retry-delay D, --rmi, --rootfs, "
    "--sdnotify S, --seccomp-policy S, --secret L, --shm-size-systemd S, --subgidname S, --subuidname S, "
    "--systemd S, --timeout N, --tls-verify, --tz S, --uidmap L, --umask S, --unsetenv L, --unsetenv-all, --variant S"
)


class Runs(NamedTuple):
    handler: Callable[[DockerCall], Outcome]
    options: str
    stops: bool = True


TABLE: Mapping[str, Runs] = {
    "container run": Runs(run.run, f"{RUN}, {_MORE}"),
    "container create": Runs(run.create, f"{RUN}, {_MORE}"),
    "container exec": Runs(run.execute, f"{EXEC}, --cidfile S, --no-session, --preserve-fd L, --preserve-fds N, "
                                        "--wait N"),
    "container cp": Runs(run.copy, "-a --archive, --overwrite, --pause, -q --quiet", stops=False),
    "container export": Runs(run.save, "-o --output S", stops=False),
    "image save": Runs(
        run.save, "--compress, --format S, -m --multi-image-archive, -o --output S, -q --quiet, --uncompressed",
        stops=False,
    ),
}  # fmt: skip


def effects(name: str, words: tuple[Word, ...], command: Command, call: Call, inside: Inside | None) -> Outcome:
    """`call` is of the same command, its options not read yet. Raises Unanswered."""
    known = TABLE[name]
    given = options.read(words, known.options, stops=known.stops)
    if given.refused:
        return call.not_known(f"the option {given.refused} is not known")
    host, docker = call.host, call.now.docker
    before = call.outcome()
    if given.has("replace") and (container := state.container(docker, given.value("name"))) is not None:
        gone, docker = removal(call.world, docker, [container], with_volumes=False, why="--replace removes it")
        before = call.outcome(gone, with_docker(call.now, docker))
    asked = DockerCall(
        call.name, given, command, before.host._replace(docker=docker), docker, podman.as_docker(call.world), inside
    )
    after = known.handler(asked)
    unread = (f"{call.name}: {each}" for each in given.unread)
    return Outcome(
        (*before.effects, *after.effects),
        _with(after.host, before.host, host),
        (*unread, *before.unknown, *after.unknown),
    )


def _with(after: HostState, changed: HostState, before: HostState) -> HostState:
    """Docker's state is what it was; what the command did to files stays."""
    return after._replace(docker=before.docker, podman=changed.podman)
