"""docker run, create, exec, cp: commands that bring something new, and what that can reach."""

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.docker.call import Call

REACHES = (
    "privileged", "device", "volumes-from", "pid", "ipc", "userns", "cgroupns", "cap-add", "security-opt", "uts",
    "network", "link", "device-cgroup-rule", "runtime", "tmpfs-from",
)  # fmt: skip
"""Options of `docker run` with which a container gets at more than itself."""


def run(call: Call) -> Outcome:
    """A new container interrupts nothing and deletes nothing, as long as it cannot reach beyond itself.

    What the program does in a folder or volume that is mounted for writing is its own, and cannot be told; a program
    that is named in the line may speak to a database over the network.
    """
    options = call.options
    if not options.rest:
        return call.outcome()
    mounted = [each for each in (*options.values("volume"), *options.values("mount")) if not _read_only(each)]
    if mounted:
        return call.not_known(
            f"what the new container does in what it mounts ({mounted[0]}) is only known when it runs"
        )
    reaching = [name for name in REACHES if options.has(name) and options.value(name) not in ("none", "private")]
    if reaching:
        return call.not_known(f"with --{reaching[0]} the new container reaches beyond itself")
    if len(options.rest) > 1 and options.value("network") != "none":
        program = " ".join(word.raw for word in options.rest[1:4])
        return call.not_known(f"what `{program}` does inside the new container, or over the network, is not known")
    return call.outcome()


def _read_only(mount: str) -> bool:
    """`-v A:B:ro`, `--mount …,readonly`; `-v /data` alone is a new volume of its own."""
    if "=" in mount and "," in mount:
        fields = mount.lower().split(",")
        return any(each in ("readonly", "ro", "readonly=true", "ro=true") for each in fields)
    parts = mount.split(":")
    return len(parts) == 1 or (len(parts) > 2 and "ro" in parts[2].split(","))


def create(call: Call) -> Outcome:
    """It does not run yet; `docker start` of it is then a start like any other."""
    return call.outcome()


def execute(call: Call) -> Outcome:
    """`docker exec`: judged by whoever knows the program, as a command inside that container."""
    if not call.options.rest or call.options.rest[0].text is None:
        return call.not_known("which container it runs in is only known when the line runs")
    container = state.container(call.docker, call.options.rest[0].text)
    if container is None or container.state != "running":
        return call.outcome()  # refused
    words = call.options.rest[1:]
    if not words:
        return call.outcome()
    inner = call.command._replace(words=words, folder=None, environment=())
    judged = call.inside(inner, container, call.host) if call.inside else None
    if judged is not None:
        return judged
    program = " ".join(word.raw for word in words[:3])
    return call.not_known(f"what `{program}` does inside {container.name} is not known")


def copy(call: Call) -> Outcome:
    """`docker cp`: files that are there already are overwritten, in the container or here."""
    if len(call.options.operands) != 2:
        return call.outcome()
    target = call.options.operands[1]
    reference, colon, path = target.partition(":")
    container = state.container(call.docker, reference) if colon and not target.startswith(("/", ".")) else None
    if container is not None:
        return call.not_known(f"which files under {path} of {container.name} it overwrites is not known")
    if target == "-":
        return call.outcome()
    path = target if target.startswith("/") else f"{call.command.folder}/{target}"
    if call.command.folder is None or call.world.files.exists(path):
        return call.not_known(f"which files under {target} it overwrites is not known")
    return call.outcome()
