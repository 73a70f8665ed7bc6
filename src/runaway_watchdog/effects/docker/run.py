"""docker run, create, exec, cp: commands that bring something new, or work in a container, and what that reaches."""

from collections.abc import Iterable, Mapping, Sequence
from os.path import normpath

from runaway_watchdog.effects import Outcome, doubts
from runaway_watchdog.effects.docker import copying, state
from runaway_watchdog.effects.docker.call import Call, Room
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.effects.host import dumps, losing, places
from runaway_watchdog.effects.host.targets import spread
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.engines.model import RUNNING, Container, Mount
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import LowRisk

REACHES = (
    "privileged", "device", "volumes-from", "pid", "ipc", "userns", "cgroupns", "cap-add", "security-opt", "uts",
    "network", "link", "device-cgroup-rule", "runtime", "tmpfs-from",
)  # fmt: skip
"""Options of `docker run` with which a container gets at more than itself."""

PLAIN = frozenset(
    (
        "alpine", "busybox", "ubuntu", "debian", "centos", "fedora", "rockylinux", "almalinux", "amazonlinux",
        "archlinux", "opensuse", "bash", "python", "node", "ruby", "golang", "php", "openjdk", "eclipse-temurin",
    )
)  # fmt: skip
"""Images that have no entrypoint, or one that runs whatever it is given."""


ENTRYPOINTS = {
    **{
        name: name
        for name in (
            "ffmpeg", "curl", "restic", "rclone", "terraform", "kubectl", "helm", "mc", "git", "pandoc", "borg",
            "certbot", "jq", "yq", "mkcert",
        )
    },
    "aws-cli": "aws", "opentofu": "tofu", "imagemagick": "convert", "latex": "latexmk", "yt-dlp": "yt-dlp",
}  # fmt: skip
"""Images whose entrypoint is the program that they are called after: `restic/restic forget …`."""


def run(call: Call) -> Outcome:
    """A new container interrupts nothing and deletes nothing, as long as it cannot reach beyond itself.

    A program that is named in the line, and known, is judged over what is mounted. What it would lose is told; that it
    loses nothing is only known where the image runs the words of the line as they are: `sync` may be a word for its
    entrypoint. What any other does in a folder or volume that is mounted for writing is its own, and cannot be told;
    and it may speak to a database over the network.
    """
    options = call.options
    if not options.rest:
        return call.outcome()
    judged = _in_the_new_one(call)
    if judged is not None and not judged.unknown and (_lost(judged) or _runs_as_given(call)):
        return judged
    told = _beyond(call)
    if judged is None:
        return told
    return judged._replace(unknown=tuple(dict.fromkeys((*judged.unknown, *told.unknown))))


def _lost(judged: Outcome) -> bool:
    return any(each.data_lost for each in judged.effects)


def _runs_as_given(call: Call) -> bool:
    return call.options.has("entrypoint") or _image(call) in (*PLAIN, *ENTRYPOINTS) or _shell(call.options.rest[1:])


def _shell(words: Sequence[Word]) -> bool:
    """No other program's subcommand is called so."""
    return bool(words) and (words[0].text or "").rpartition("/")[2] in ("sh", "bash", "ash", "dash")


def _beyond(call: Call) -> Outcome:
    """What is not known of an image's own work: of low risk, unless it is told to delete, or works on a database's
    data."""
    options = call.options
    disturbed = _disturbed(call)
    if disturbed:
        return call.not_known(f"{disturbed}: two databases on the same files destroy them")
    why = _not_told(call)
    if why is None:
        return call.outcome()
    sentence = f"{call.name}: {why}"
    return call.outcome(unknown=(sentence if doubts.may_delete(options.rest[1:]) else LowRisk(sentence),))


def _not_told(call: Call) -> str | None:
    options = call.options
    mounted = [each for each in (*options.values("volume"), *options.values("mount")) if not _read_only(each)]
    if mounted:
        return f"what the new container does in what it mounts ({mounted[0]}) is only known when it runs"
    reaching = [name for name in REACHES if options.has(name) and options.value(name) not in ("none", "private")]
    if reaching:
        return f"with --{reaching[0]} the new container reaches beyond itself"
    if len(options.rest) > 1 and options.value("network") != "none":
        program = " ".join(word.raw for word in options.rest[1:4])
        return f"what `{program}` does inside the new container, or over the network, is not known"
    return None


SERVERS = frozenset(
    ("postgres", "mysqld", "mariadbd", "mongod", "redis-server", "valkey-server", "docker-entrypoint.sh")
)


def _disturbed(call: Call) -> str | None:
    """A database's server on the files of another one, which runs, or is of another make."""
    kind = dumps.seems([_image(call)])
    first = call.options.rest[1].text if len(call.options.rest) > 1 else None
    if kind is None or not kind.name or (first is not None and not first.startswith("-") and first not in SERVERS):
        return None
    for mount in _mounts(call) or ():
        if not mount.writable or not mount.source:
            continue
        users = [each.name for each in call.docker.containers if each.state in RUNNING and _works_on(mount, each)]
        if users:
            return f"{users[0]} works on {mount.name or mount.source}"
        there = {name for mark, name in places.DATABASES.items() if call.world.files.exists(f"{mount.source}/{mark}")}
        if there and not any(kind.name in each for each in there):
            return f"{mount.name or mount.source} holds {there.pop()}'s data"
    return None


def _works_on(mount: Mount, container: Container) -> bool:
    return mount.name in container.volumes if mount.type == "volume" else mount.source in container.binds


def _image(call: Call) -> str:
    """The image's name without its registry and tag."""
    return (call.options.rest[0].text or "").partition("@")[0].rpartition("/")[2].partition(":")[0]


def _in_the_new_one(call: Call) -> Outcome | None:
    """What a program that the line names does in the mounts; None where it names none, or a mount is not known."""
    options = call.options
    words = _with_entrypoint(options, options.rest[1:])
    own = ENTRYPOINTS.get(_image(call))
    if own is not None and not options.has("entrypoint") and words and words[0].text != own and not _shell(words):
        words = (Word(own, own), *words)
    mounts = _mounts(call)
    if (
        not words
        or mounts is None
        or call.inside is None
        or options.has("privileged")
        or options.value("pid") == "host"
    ):
        return None
    room = Room(None, mounts, options.value("workdir") or "/", environment(options))
    return call.inside(passed_in(call, words), room, call.host._replace(docker=call.docker))


def _with_entrypoint(options: Options, words: Sequence[Word]) -> tuple[Word, ...]:
    entry = options.value("entrypoint")
    return (Word(entry, entry), *words) if entry else tuple(words)


def environment(options: Options) -> Mapping[str, str]:
    """What `-e NAME=VALUE` gives; a name alone passes on a value of whoever asks, which is not looked up."""
    return dict(each.split("=", 1) for each in options.values("env") if "=" in each)


def passed_in(call: Call, words: Sequence[Word]) -> Command:
    """The command that runs inside: patterns are the host's shell's, and so are the redirections."""
    command = call.command._replace(words=tuple(words), truncates=(), appends=(), environment=())
    spread_out = spread(command, places.tree(call.host, call.world))
    literal = tuple(word._replace(globbing=False) for word in spread_out.words)
    return spread_out._replace(words=literal, text=" ".join(word.raw for word in words), folder=None, user=None)


def _mounts(call: Call) -> tuple[Mount, ...] | None:
    """None where one is not known."""
    found: list[Mount] = []
    for each in call.options.values("volume"):
        source, target, writable = _parted(each)
        if not target:
            if not each:
                return None
            continue  # a volume of its own
        mount = _mount(call, source, target, writable=writable)
        if mount is None:
            return None
        found += [mount] if mount.source else []
    for each in call.options.values("mount"):
        fields = dict(part.partition("=")[::2] for part in each.split(","))
        source = next((fields[key] for key in ("source", "src") if key in fields), "")
        target = next((fields[key] for key in ("target", "destination", "dst") if key in fields), "")
        if not target:
            return None
        mount = _mount(call, source, target, writable=not _read_only(each)) if source else None
        if source and mount is None:
            return None
        found += [mount] if mount is not None and mount.source else []
    return (*found, *_of_others(call))


def _parted(volume: str) -> tuple[str, str, bool]:
    parts = volume.split(":")
    return (parts[0], parts[1], not _read_only(volume)) if len(parts) > 1 else ("", "", True)


def _mount(call: Call, source: str, target: str, *, writable: bool) -> Mount | None:
    """A folder of the host, or a volume; one that is not there yet has no source. None: which one is not known."""
    target = target.rstrip("/") or "/"
    if source.startswith(("/", ".")):
        folder = call.command.folder
        if not source.startswith("/") and folder is None:
            return None
        return Mount("bind", "", normpath(f"{folder or ''}/{source}" if source[0] == "." else source), target, writable)
    volume = next((each for each in call.docker.volumes if each.name == source), None)
    return Mount("volume", source, volume.mountpoint if volume is not None else "", target, writable)


def _of_others(call: Call) -> tuple[Mount, ...]:
    """What `--volumes-from` brings."""
    found: list[Mount] = []
    for reference in call.options.values("volumes-from"):
        container = state.container(call.docker, reference.partition(":")[0])
        known = engine.container(call.world, container.id) if container is not None else None
        found += known.mounts if known is not None else ()
    return tuple(found)


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
    if not call.options.rest or call.options.rest[0].text is None or call.options.rest[0].globbing:
        return call.not_known("which container it runs in is only known when the line runs")
    container = state.container(call.docker, call.options.rest[0].text)
    if container is None or container.state != "running":
        return call.outcome()  # refused
    words = call.options.rest[1:]
    return within(call, container, words) if words else call.outcome()


def within(call: Call, container: Container, words: Sequence[Word]) -> Outcome:
    """A command inside a container that runs, in the folder that -w says."""
    folder = call.options.value("workdir")
    if call.options.values("workdir") and not folder:
        return call.not_known("which folder it runs in is only known when the line runs")
    room = Room(container, (), f"/{folder.lstrip('/')}" if folder else None, environment(call.options))
    judged = call.inside(passed_in(call, words), room, call.host._replace(docker=call.docker)) if call.inside else None
    if judged is not None:
        return judged
    program = " ".join(word.raw for word in words[:3])
    return call.not_known(f"what `{program}` does inside {container.name} is not known")


def in_a_service(call: Call, of: Iterable[Container], words: Sequence[Word]) -> Outcome | None:
    """`compose run`: a further container of a service, with the mounts of one that is there; None where none is."""
    container = next(iter(of), None)
    known = None if container is None else engine.container(call.world, container.id)
    more = _mounts(call)
    words = _with_entrypoint(call.options, words)
    if known is None or more is None or call.inside is None or not words:
        return None
    given = dict(each.partition("=")[::2] for each in known.environment)
    folder = call.options.value("workdir") or known.folder or "/"
    room = Room(None, (*known.mounts, *more), folder, {**given, **environment(call.options)})
    judged = call.inside(passed_in(call, words), room, call.host._replace(docker=call.docker))
    certain = judged is not None and (_lost(judged) or _shell(words) or call.options.has("entrypoint"))
    return judged if certain else None


def copy(call: Call) -> Outcome:
    """`docker cp`: files that are there already are overwritten, in the container or here."""
    if call.options.unread:
        return call.outcome()
    if len(call.options.operands) != 2:
        return call.outcome()
    source, target = (copying.end(call, each) for each in call.options.operands)
    if (source.container is None) == (target.container is None):
        return call.outcome()  # refused
    return copying.copied(call, source, target)


def save(call: Call) -> Outcome:
    """`docker save -o FILE`, `docker export -o FILE`: a file of that name is written over."""
    into = call.options.value("output")
    if not into or not call.options.operands:
        return call.outcome()
    known = call.host._replace(docker=call.docker)
    return losing.overwritten([Word(into, into)], call.command, known, call.world, f"{call.name} writes over it")
