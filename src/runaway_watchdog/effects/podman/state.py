"""What Podman holds, in the types that Docker's families use, so that their decisions serve here too.

Seen on Podman 4.3: its own JSON, which differs from the Docker Engine's in names, letters and types.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from runaway_watchdog.effects import Container, Docker, HostState, Pod, Podman, Volume
from runaway_watchdog.effects.docker import state
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
"""Says which unit runs the container (quadlet, `podman generate systemd --new`)."""
LOCAL = "localhost/"
STATES: Mapping[str, str] = {"configured": "created", "stopped": "exited", "initialized": "created"}
"""Podman's words for what Docker's families call otherwise."""


def current(host: HostState, world: World) -> Podman:
    """Podman as the commands so far would have left it; asked when the first command speaks of it."""
    return read(world) if host.podman is None else host.podman


def read(world: World) -> Podman:
    """Never raises: what could not be asked, or answers nonsense, is the state's `gap`."""
    try:
        return _read(world)
    except Unanswered as unanswered:
        return Podman(Docker(gap=unanswered.gap))
    except (AttributeError, LookupError, TypeError, ValueError) as fault:
        problem = f"its answer cannot be read ({type(fault).__name__})"
        return Podman(Docker(gap=Gap("podman", problem, "check it: podman version")))


def _read(world: World) -> Podman:
    podman = world.podman
    volumes = tuple(_volume(each) for each in podman.volumes())
    unnamed = frozenset(each["Name"] for each in podman.volumes() if each.get("Anonymous"))
    docker = Docker(
        containers=tuple(_container(each, podman.container(str(each["Id"])), unnamed) for each in podman.containers()),
        volumes=volumes,
        images=tuple(_image(each) for each in podman.images()),
        networks=tuple(_network(each) for each in podman.networks()),
    )
    pods = tuple(_pod(each, podman.containers()) for each in podman.pods())
    return Podman(docker, pods, rootless=podman.rootless())


def _container(listed: Mapping[str, Any], inspected: Mapping[str, Any] | None, unnamed: frozenset[str]) -> Container:
    if inspected is None:
        raise LookupError(str(listed["Id"]))  # it went away between the two questions
    mounts = inspected.get("Mounts") or []
    volumes = tuple(str(each["Name"]) for each in mounts if each.get("Type") == "volume")
    status = str(listed["State"]).lower()
    return Container(
        id=str(listed["Id"]),
        name=str((listed.get("Names") or [listed["Id"][:12]])[0]),
        image=str(listed.get("Image") or ""),
        image_id=_image_id(listed.get("ImageID")),
        state=STATES.get(status, status),
        labels={str(key): str(value) for key, value in (listed.get("Labels") or {}).items()},
        volumes=volumes,
        binds=tuple(str(each["Source"]) for each in mounts if each.get("Type") == "bind"),
        networks=tuple(map(str, (inspected.get("NetworkSettings") or {}).get("Networks") or {})),
        auto_remove=bool(listed.get("AutoRemove")),
        unnamed=unnamed & frozenset(volumes),
        created=float(listed.get("Created") or 0),
    )


def _image_id(given: object) -> str:
    text = str(given or "")
    return text if not text or text.startswith(state.IMAGE_ID) else state.IMAGE_ID + text


def _volume(listed: Mapping[str, Any]) -> Volume:
    return Volume(
        str(listed["Name"]),
        str(listed.get("Driver", "")),
        str(listed.get("Mountpoint", "")),
        dict(listed.get("Labels") or {}),
        dict(listed.get("Options") or {}),
    )


def _image(listed: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "Id": _image_id(listed["Id"]),
        "RepoTags": list(listed.get("Names") or listed.get("RepoTags") or []),
        "Labels": listed.get("Labels") or {},
        "Created": listed.get("Created") or 0,
    }


def _network(listed: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keys are in small letters since 4.0."""
    return {
        "Id": str(listed.get("id") or listed.get("Id") or listed.get("name")),
        "Name": str(listed.get("name") or listed.get("Name")),
        "Labels": listed.get("labels") or {},
    }


def _pod(listed: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> Pod:
    own = str(listed["Id"])
    members = frozenset(str(each["Id"]) for each in containers if each.get("Pod") and own.startswith(str(each["Pod"])))
    return Pod(own, str(listed["Name"]), members, str(listed.get("InfraId") or ""))


# --- what a word of a command means ---------------------------------------------------------------------------------


def image(docker: Docker, reference: str) -> Mapping[str, Any] | None:
    """By ID or its start, or by name: "bb:1" is also "localhost/bb:1" and "docker.io/library/bb:1"."""
    tag = state.full_tag(reference)
    for wanted in (tag, LOCAL + tag, f"docker.io/library/{tag}", f"docker.io/{tag}"):
        found = next((each for each in docker.images if wanted in each["RepoTags"]), None)
        if found is not None:
            return found
    return state.image(docker, reference)


def pod(podman: Podman, reference: str) -> Pod | None:
    exact = next((each for each in podman.pods if reference in (each.id, each.name)), None)
    short = [each for each in podman.pods if reference and each.id.startswith(reference)]
    return exact or (short[0] if len(short) == 1 else None)


def in_pods(podman: Podman) -> frozenset[str]:
    """The IDs of all containers that are in a pod."""
    return frozenset[str]().union(*(each.members for each in podman.pods))


def infra(podman: Podman) -> frozenset[str]:
    """The containers that only hold a pod's namespaces; they go with their pod and never alone."""
    return frozenset(each.infra for each in podman.pods if each.infra)


def without_pods(podman: Podman, ids: Collection[str]) -> Podman:
    return podman._replace(pods=tuple(each for each in podman.pods if each.id not in ids))
