"""What the Docker Engine tells, from the JSON of its API (docs.docker.com/reference/api/engine).

Everything raises Unanswered: where the engine does not answer, and where nobody could read what it answers.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from runaway_watchdog.engines.fields import (
    UNREADABLE,
    Json,
    items,
    labels,
    number,
    objects,
    part,
    required,
    seconds,
    text,
    texts,
)
from runaway_watchdog.engines.model import (
    Container,
    HealthCheck,
    Info,
    Inspected,
    Mount,
    Published,
    Volume,
)
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World

if TYPE_CHECKING:
    from runaway_watchdog.engines.kept import Image, Network, Service

DELETED = 2
"""The kind of a change that leaves nothing."""
HEALTH_CHECK_NS = 30_000_000_000
"""How often a health check runs that does not say it."""
Parsed = TypeVar("Parsed")


def api(world: World) -> tuple[int, int]:
    """The engine's own API version."""
    return _parsed(_api, world.engine.version())


def info(world: World) -> Info:
    return _parsed(_info, world.engine.info())


def containers(world: World) -> tuple[Container, ...]:
    """Every container, the stopped ones too."""
    return _parsed(_each(_container), world.engine.containers())


def container(world: World, reference: str) -> Inspected | None:
    """One, by its ID, its name or the start of its ID; None where the engine knows none."""
    found = world.engine.container(reference)
    return None if found is None else _parsed(inspected, found)


def changes(world: World, identifier: str) -> tuple[tuple[str, ...], int | None]:
    """What a container has changed of its image: the paths that are there now, folders too, and their bytes in all.

    Bytes are None where the engine does not tell.
    """
    listed, sized = world.engine.changes(identifier), world.engine.sized(identifier)
    paths = _parsed(lambda found: tuple(text(one, "Path") for one in found if number(one, "Kind") != DELETED), listed)
    return paths, _parsed(lambda found: number(found, "SizeRw") if "SizeRw" in found else None, sized or {})


def volumes(world: World) -> tuple[Volume, ...]:
    return _parsed(_each(volume), world.engine.volumes())


def images(world: World) -> "tuple[Image, ...]":
    return _parsed(_each(_image), world.engine.images())


def networks(world: World) -> "tuple[Network, ...]":
    return _parsed(_each(_network), world.engine.networks())


def services(world: World) -> "tuple[Service, ...]":
    """The swarm's; none on a node that does not manage one."""
    return _parsed(_each(_service), world.engine.services())


def _each(parse: Callable[[Json], Parsed]) -> Callable[[Any], tuple[Parsed, ...]]:
    return lambda listed: tuple(map(parse, listed))


def _parsed(parse: Callable[[Any], Parsed], answer: Any) -> Parsed:
    try:
        return parse(answer)
    except UNREADABLE as fault:
        problem = f"the Docker Engine's answer cannot be read ({type(fault).__name__})"
        raise Unanswered(Gap("docker", problem, "check it: docker version")) from fault


# --- the engine itself -----------------------------------------------------------------------------------------------


def _api(found: Json) -> tuple[int, int]:
    major, minor = required(found, "ApiVersion").split(".")[:2]
    return int(major), int(minor)


def _info(found: Json) -> Info:
    swarm = part(found, "Swarm")
    active = swarm.get("LocalNodeState") == "active"
    return Info(
        version=text(found, "ServerVersion"),
        root=text(found, "DockerRootDir"),
        rootless=any(each.startswith("name=rootless") for each in texts(found, "SecurityOptions")),
        live_restore=bool(found.get("LiveRestoreEnabled")),
        cpu_limit=bool(found.get("CpuCfsQuota")),
        swarm="" if not active else "manager" if swarm.get("ControlAvailable") else "worker",
        nodes=number(swarm, "Nodes"),
    )


# --- containers ------------------------------------------------------------------------------------------------------


def _container(listed: Json) -> Container:
    identifier = required(listed, "Id")
    mounts = objects(listed, "Mounts")
    names = texts(listed, "Names") or (identifier[:12],)
    return Container(
        id=identifier,
        name=min(names, key=lambda name: name.count("/")).lstrip("/"),  # links show as /other/alias
        image=text(listed, "Image"),
        image_id=text(listed, "ImageID"),
        state=text(listed, "State"),
        labels=labels(listed),
        volumes=tuple(required(each, "Name") for each in mounts if each.get("Type") == "volume" and each.get("Name")),
        binds=tuple(required(each, "Source") for each in mounts if each.get("Type") == "bind"),
        networks=tuple(map(str, part(part(listed, "NetworkSettings"), "Networks"))),
        created=seconds(listed, "Created"),
        network_mode=text(part(listed, "HostConfig"), "NetworkMode"),
        sources=tuple(text(each, "Source") for each in mounts),
    )


def inspected(found: Json, stop_signal: str = "SIGTERM") -> Inspected:
    """From an inspection. Podman's are alike; `stop_signal` is what the engine sends where nothing else is said.

    Raises KeyError for one that does not tell how it was made, or how it is: a missing restart policy is not "no".
    """
    host, state, config = (_there(found, name) for name in ("HostConfig", "State", "Config"))
    network = part(found, "NetworkSettings")
    return Inspected(
        id=text(found, "Id"),
        name=text(found, "Name").lstrip("/"),
        image=text(config, "Image"),
        image_id=text(found, "Image"),
        created=text(found, "Created"),
        state=text(state, "Status"),
        pid=number(state, "Pid"),
        started=text(state, "StartedAt"),
        exit_code=number(state, "ExitCode"),
        restart_count=number(found, "RestartCount"),
        health=text(part(state, "Health"), "Status") or None,
        policy=_policy(part(host, "RestartPolicy")),
        auto_remove=bool(host.get("AutoRemove")),
        init=bool(host.get("Init")),
        stop_signal=text(config, "StopSignal") or stop_signal,
        nano_cpus=number(host, "NanoCpus"),
        cpu_quota=number(host, "CpuQuota"),
        cpu_period=number(host, "CpuPeriod"),
        health_check=_health_check(part(config, "Healthcheck")),
        labels=labels(config),
        mounts=tuple(map(_mount, objects(found, "Mounts"))),
        networks=tuple(map(str, part(network, "Networks"))),
        published=tuple(_published(network.get("Ports"))),
        in_memory=tuple(map(str, part(host, "Tmpfs"))),
        given=_given(host),
        volumes_from=bool(host.get("VolumesFrom")),
        environment=texts(config, "Env"),
        words=(text(found, "Path"), *texts(found, "Args")),
        user=text(config, "User"),
        folder=text(config, "WorkingDir"),
        log=text(found, "LogPath"),
        layer=text(part(part(found, "GraphDriver"), "Data"), "UpperDir"),
    )


def _there(found: Json, name: str) -> Json:
    if found[name] is None:
        raise KeyError(name)
    return part(found, name)


def _policy(restart: Json) -> str:
    name, limit = text(restart, "Name") or "no", number(restart, "MaximumRetryCount")
    return f"{name}:{limit}" if limit else name


def _health_check(check: Json) -> HealthCheck | None:
    test = texts(check, "Test")
    return HealthCheck(test, (number(check, "Interval") or HEALTH_CHECK_NS) / 1e9) if test else None


def _mount(found: Json) -> Mount:
    return Mount(
        type=text(found, "Type"),
        name=text(found, "Name"),
        source=text(found, "Source"),
        target=text(found, "Destination"),
        writable=found.get("RW") is not False,
    )


def _published(found: Any) -> Iterator[Published]:
    """Of `{"6379/tcp": [{"HostIp": "0.0.0.0", "HostPort": "16379"}], "80/tcp": null}`."""
    for inner, bound in found.items() if isinstance(found, dict) else ():
        number, _, protocol = str(inner).partition("/")
        for each in bound if isinstance(bound, list) else ():
            outer = text(each, "HostPort") if isinstance(each, dict) else ""
            if protocol in ("", "tcp") and number.isdecimal() and outer.isdecimal():
                yield Published(int(number), int(outer), text(each, "HostIp"))


def _given(host: Json) -> frozenset[str]:
    """What `-v NAME:/path` and `--mount source=NAME` named."""
    binds = (each.partition(":")[0] for each in texts(host, "Binds"))
    return frozenset((*binds, *(text(each, "Source") for each in objects(host, "Mounts"))))


# --- what they need --------------------------------------------------------------------------------------------------


def volume(listed: Json) -> Volume:
    """As Podman tells of one too."""
    return Volume(
        required(listed, "Name"),
        text(listed, "Driver"),
        text(listed, "Mountpoint"),
        labels(listed),
        labels(listed, "Options"),
    )


def _image(listed: Json) -> "Image":
    from runaway_watchdog.engines.kept import Image

    return Image(
        required(listed, "Id"),
        tuple(each for each in texts(listed, "RepoTags") if each != "<none>:<none>"),
        texts(listed, "RepoDigests"),
        labels(listed),
        seconds(listed, "Created"),
    )


def _network(listed: Json) -> "Network":
    from runaway_watchdog.engines.kept import Network

    return Network(
        required(listed, "Id"),
        required(listed, "Name"),
        labels(listed),
        text(listed, "Driver"),
        text(listed, "Scope"),
        bool(listed.get("Ingress")),
        text(listed, "Created"),
    )


def _service(listed: Json) -> "Service":
    from runaway_watchdog.engines.kept import Service

    specification = part(listed, "Spec")
    task = part(specification, "TaskTemplate")
    contained, restart = part(task, "ContainerSpec"), part(task, "RestartPolicy")
    return Service(
        text(listed, "ID"),
        text(specification, "Name"),
        labels(specification),
        frozenset(text(each, "SecretName") for each in items(contained, "Secrets")),
        frozenset(text(each, "ConfigName") for each in items(contained, "Configs")),
        text(restart, "Condition") or "any",
        number(restart, "Delay") / 1e9 if restart.get("Delay") is not None else None,
        number(restart, "MaxAttempts"),
    )
