"""docker run, create, exec, cp: commands that bring something new, and what that can reach."""

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.docker import state, view as views
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.effects.host import files
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.model import Container
from runaway_watchdog.model.command import Command, Word

REACHES = (
    "privileged", "device", "volumes-from", "pid", "ipc", "userns", "cgroupns", "cap-add", "security-opt", "uts",
    "network", "link", "device-cgroup-rule", "runtime", "tmpfs-from",
)  # fmt: skip
"""Options of `docker run` with which a container gets at more than itself."""


def run(call: Call) -> Outcome:
    """A new container interrupts nothing and deletes nothing, as long as it cannot reach beyond itself.

    A program that is named in the line is judged with the files that it mounts; what the image's own program does
    there cannot be told.
    """
    options = call.options
    if not options.rest:
        return call.outcome()
    words = _program(call)
    view = views.new(options, call.docker, call.command.folder)
    judged = call.inside(_within(call, words), view, call.host) if call.inside and words and view else None
    reaching = [name for name in REACHES if options.has(name) and options.value(name) not in ("none", "private")]
    if reaching:
        told = call.not_known(f"with --{reaching[0]} the new container reaches beyond itself")
        return told if judged is None else judged._replace(unknown=(*told.unknown, *judged.unknown))
    if judged is not None:
        return judged
    mounted = [each for each in (*options.values("volume"), *options.values("mount")) if not _read_only(each)]
    if mounted:
        return call.not_known(
            f"what the new container does in what it mounts ({mounted[0]}) is only known when it runs"
        )
    if words and options.value("network") != "none":
        program = " ".join(word.raw for word in words[:3])
        return call.not_known(f"what `{program}` does inside the new container, or over the network, is not known")
    return call.outcome()


def _program(call: Call) -> tuple[Word, ...]:
    """What the line tells it to run: after the image, with --entrypoint before it."""
    entrypoint = call.options.value("entrypoint")
    first = (Word(entrypoint, entrypoint),) if entrypoint else ()
    return (*first, *call.options.rest[1:])


def _within(call: Call, words: tuple[Word, ...]) -> Command:
    """The command inside: the environment is another one, and the folder is still the host's, for its patterns."""
    return call.command._replace(words=words, environment=(), truncates=(), appends=(), or_folders=())


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
    if len(call.options.rest) < 2:
        return call.outcome()
    return inside(call, container, call.options.rest[1:])


def inside(call: Call, container: Container, words: tuple[Word, ...]) -> Outcome:
    """A command in a container that runs."""
    known = engine.container(call.world, container.id)
    workdir = call.options.value("workdir")
    view = None if known is None else views.of(container, known, workdir)
    judged = call.inside(_within(call, words), view, call.host) if call.inside and view else None
    if judged is not None:
        return judged
    program = " ".join(word.raw for word in words[:3])
    return call.not_known(f"what `{program}` does inside {container.name} is not known")


def copy(call: Call) -> Outcome:
    """`docker cp`: files that are there already are overwritten, in the container or here; judged as cp is."""
    if len(call.options.operands) != 2:
        return call.outcome()
    into = call.options.operands[1]
    if into == "-":
        return call.outcome()
    paths = [None if each == "-" else _outside(call, each) for each in call.options.operands]
    words = [Word(path, path) for path in paths if path is not None]
    if len(words) < len(paths):
        return call.not_known(f"which files under {into} it overwrites is not known")
    copied = call.command._replace(words=(Word("cp", "cp"), Word("-r", "-r"), *words), truncates=(), appends=())
    return files.effects(copied, call.host._replace(docker=call.docker), call.world)


def _outside(call: Call, path: str) -> str | None:
    """`CONTAINER:PATH` as a path of this host; None where it is not known."""
    reference, colon, inner = path.partition(":")
    if not colon or path.startswith(("/", ".")):
        return path
    container = state.container(call.docker, reference)
    known = None if container is None else engine.container(call.world, container.id)
    if container is None or known is None:
        return None
    slash = "/" if inner.endswith("/") else ""
    view = views.of(container, known)
    found = view.outside(f"/{inner}")
    return None if not known.pid and found.startswith(view.root) else found + slash
