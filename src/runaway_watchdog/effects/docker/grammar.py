"""The docker command's words: its subcommands under one name each, and the options that they take."""

from collections.abc import Mapping

from runaway_watchdog.model.command import Word

GLOBAL = (
    "--config DIR, -c --context NAME, -D --debug, -H --host LIST, -l --log-level LEVEL, --tls, --tlscacert FILE, "
    "--tlscert FILE, --tlskey FILE, --tlsverify, -v --version"
)
GROUPS = (
    "container", "image", "volume", "network", "system", "builder", "buildx", "swarm", "service", "stack", "context",
    "node", "secret", "config", "plugin", "manifest", "trust", "checkpoint",
)  # fmt: skip
SHORT_FORMS: Mapping[str, str] = {
    "ps": "container ls",
    "images": "image ls",
    "rmi": "image rm",
    "info": "system info",
    "events": "system events",
    "history": "image history",
    "build": "image build",
    "pull": "image pull",
    "push": "image push",
    "tag": "image tag",
    "load": "image load",
    "import": "image import",
    "save": "image save",
}
"""`docker rmi` is `docker image rm`; what is not here belongs to containers (`docker rm` is `docker container rm`)."""
ALIASES: Mapping[str, str] = {"remove": "rm", "list": "ls", "ps": "ls", "down": "rm"}
READS = frozenset(
    (
        "container ls", "container inspect", "container logs", "container stats", "container top", "container port",
        "container diff", "container wait", "image ls", "image inspect", "image history", "volume ls",
        "volume inspect", "network ls", "network inspect", "system info", "system events", "system df", "version",
        "inspect", "search", "help", "builder du", "buildx ls", "buildx du", "buildx inspect", "buildx version",
        "service ls", "service inspect", "service logs", "service ps", "stack ls", "stack ps", "stack services",
        "stack config", "node ls", "node inspect", "node ps", "secret ls", "secret inspect", "config ls",
        "config inspect", "context ls", "context inspect", "context show", "plugin ls", "plugin inspect",
        "manifest inspect", "buildx imagetools", "checkpoint ls",
        "trust inspect", "context export", "container scout", "container attach", "buildx history",
        "container init", "container debug", "system dial-stdio",
    )
)  # fmt: skip
"""They change nothing."""
ADDS = frozenset(
    (
        "image pull", "image push", "image build", "image tag", "image load", "image import", "volume create",
        "network create", "buildx build", "builder build", "login", "logout", "secret create", "config create",
        "buildx bake", "buildx create", "buildx use", "buildx stop", "builder create", "manifest create",
        "manifest annotate", "manifest push", "context use", "context create", "context update", "context import",
        "swarm init", "swarm join", "swarm unlock", "swarm update", "plugin install", "plugin enable", "plugin create",
        "plugin push", "plugin set", "plugin upgrade", "trust key", "trust signer", "trust sign", "node promote",
        "node demote", "service create", "manifest rm", "plugin disable",
    )
)  # fmt: skip
"""They add something, and interrupt and delete nothing: a tag that moves leaves its image without a name."""

STOP = "-t --time N, -s --signal SIG"
PRUNE = "-f --force, --filter FILTER"
RUN = (
    "-a --attach L, --add-host H, --annotation M, --blkio-weight N, --blkio-weight-device L, --cap-add L, "
    "--cap-drop L, --cgroup-parent S, --cgroupns S, --cidfile S, --cpu-period N, --cpu-quota N, --cpu-rt-period N, "
    "--cpu-rt-runtime N, -c --cpu-shares N, --cpus D, --cpuset-cpus S, --cpuset-mems S, -d --detach, "
    "--detach-keys S, --device L, --device-cgroup-rule L, --device-read-bps L, --device-read-iops L, "
    "--device-write-bps L, --device-write-iops L, --disable-content-trust, --dns L, --dns-option L, "
    "--dns-search L, --domainname S, --entrypoint S, -e --env L, --env-file L, --expose L, --gpus G, "
    "--group-add L, --health-cmd S, --health-interval D, --health-retries N, --health-start-period D, "
    "--health-start-interval D, --health-timeout D, -h --hostname S, --init, -i --interactive, --ip S, --ip6 S, "
    "--ipc S, --isolation S, --kernel-memory B, -l --label L, --label-file L, --link L, --link-local-ip L, "
    "--log-driver S, --log-opt L, --mac-address S, -m --memory B, --memory-reservation B, --memory-swap B, "
    "--memory-swappiness N, --mount M, --name S, --net --network N, --net-alias --network-alias L, "
    "--no-healthcheck, --oom-kill-disable, --oom-score-adj N, --pid S, --pids-limit N, --platform S, --privileged, "
    "-p --publish L, -P --publish-all, --pull S, -q --quiet, --read-only, --restart S, --rm, --runtime S, "
    "--security-opt L, --shm-size B, --sig-proxy, --stop-signal S, --stop-timeout N, --storage-opt L, --sysctl M, "
    "--tmpfs L, -t --tty, --ulimit U, -u --user S, --userns S, --uts S, -v --volume L, --volume-driver S, "
    "--volumes-from L, -w --workdir S"
)
UPDATE = (
    "--blkio-weight N, --cpu-period N, --cpu-quota N, --cpu-rt-period N, --cpu-rt-runtime N, -c --cpu-shares N, "
    "--cpus D, --cpuset-cpus S, --cpuset-mems S, --kernel-memory B, -m --memory B, --memory-reservation B, "
    "--memory-swap B, --pids-limit N, --restart S"
)
SERVICE_UPDATE = (
    "--args S, --cap-add L, --cap-drop L, --config-add L, --config-rm L, --constraint-add L, --constraint-rm L, "
    "--container-label-add L, --container-label-rm L, --credential-spec S, -d --detach, --dns-add L, --dns-rm L, "
    "--dns-option-add L, --dns-option-rm L, --dns-search-add L, --dns-search-rm L, --endpoint-mode S, --entrypoint S, "
    "--env-add L, --env-rm L, --force, --generic-resource-add L, --generic-resource-rm L, --group-add L, --group-rm "
    "L, --health-cmd S, --health-interval D, --health-retries N, --health-start-period D, --health-start-interval D, "
    "--health-timeout D, --host-add L, --host-rm L, --hostname S, --image S, --init, --isolation S, --label-add L, "
    "--label-rm L, --limit-cpu D, --limit-memory B, --limit-pids N, --log-driver S, --log-opt L, --max-concurrent N, "
    "--mount-add L, --mount-rm L, --network-add L, --network-rm L, --no-healthcheck, --no-resolve-image, "
    "--placement-pref-add L, --placement-pref-rm L, --publish-add L, --publish-rm L, -q --quiet, --read-only, "
    "--replicas N, --replicas-max-per-node N, --reserve-cpu D, --reserve-memory B, --restart-condition S, "
    "--restart-delay D, --restart-max-attempts N, --restart-window D, --rollback, --rollback-delay D, "
    "--rollback-failure-action S, --rollback-max-failure-ratio D, --rollback-monitor D, --rollback-order S, "
    "--rollback-parallelism N, --secret-add L, --secret-rm L, --stop-grace-period D, --stop-signal S, --sysctl-add L, "
    "--sysctl-rm L, -t --tty, --ulimit-add L, --ulimit-rm L, --update-delay D, --update-failure-action S, "
    "--update-max-failure-ratio D, --update-monitor D, --update-order S, --update-parallelism N, -u --user S, "
    "--with-registry-auth, -w --workdir S, --oom-score-adj N"
)
EXEC = (
    "-d --detach, --detach-keys S, -e --env L, --env-file L, -i --interactive, --privileged, -t --tty, -u --user S, "
    "-w --workdir S"
)


def subcommand(words: tuple[Word, ...]) -> tuple[str, tuple[Word, ...]] | None:
    """The subcommand's full name and the words after it: `docker rm x` is "container rm"; None where not known."""
    first = words[0].text
    if first is None or words[0].globbing:
        return None
    if first not in GROUPS:
        if first in ("version", "inspect", "search", "help", "login", "logout"):
            return first, words[1:]
        return SHORT_FORMS.get(first, f"container {first}"), words[1:]
    if len(words) == 1:
        return "help", ()
    second = words[1].text
    if second is None or words[1].globbing:
        return None
    if second.startswith("-"):
        return ("help", ()) if second in ("--help", "-h") else (f"{first} {second}", words[2:])
    if first == "buildx" and second == "history" and len(words) > 2 and words[2].text == "rm":
        return "buildx history rm", words[3:]
    return f"{first} {ALIASES.get(second, second)}", words[2:]
