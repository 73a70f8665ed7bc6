"""docker rmi: which image goes, which only loses a name, and what is refused."""

from typing import TYPE_CHECKING

from runaway_watchdog.effects import Docker, Outcome
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.docker.call import Call
from runaway_watchdog.engines.model import IMAGE_ID, RUNNING
from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.model.effect import Effect

if TYPE_CHECKING:
    from runaway_watchdog.engines.kept import Image


def removed(image: "Image", why: str) -> tuple[Effect, ...]:
    """One effect for each name of an image that goes. No data: an image comes back by a pull or a build."""
    back = (
        "a pull brings it back"
        if image.digests
        else "it was never in a registry: only the build, import or commit that made it brings it back"
    )
    names = image.tags or (image.id.removeprefix(IMAGE_ID)[:SHORT_ID],)
    return tuple(Effect("remove", "image", name, False, f"{why}; {back}") for name in names)


def registry_name(tag: str) -> str:
    """The name in full, by which the engine sorts: "bb:1" is "docker.io/library/bb:1"."""
    host, slash, _ = tag.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return tag
    return f"docker.io/{tag}" if slash else f"docker.io/library/{tag}"


def remove(call: Call) -> Outcome:
    """`docker rmi`, `docker image rm`. Volumes are never touched."""
    effects: list[Effect] = []
    docker = call.docker
    for reference in call.options.operands:
        found, docker = removing(docker, reference, force=call.options.has("force"))
        effects += found
    return call.outcome(effects, docker)


def removing(docker: Docker, reference: str, *, force: bool) -> tuple[tuple[Effect, ...], Docker]:
    """One reference, as the engine's image store decides it. Pure.

    By name: the name goes, and with the last name the image, unless a container that runs is made of it; without
    force the last name of an image that any container is made of is refused. By ID: all names in one repository, or
    with force every name; refused while a container runs, and without force for one that is stopped too.
    """
    image = state.image(docker, reference)
    if image is None:
        return (), docker
    made_of_it = [each for each in docker.containers if each.image_id == image.id]
    runs = any(each.state in RUNNING for each in made_of_it)
    tags = image.tags
    tag = state.full_tag(reference)
    if tag in tags:
        if len(tags) > 1:
            return _untagged(docker, image, tag)
        if made_of_it and not force:
            return (), docker
        if runs:
            return _untagged(docker, image, tag)
        return removed(image, _why(docker, image)), state.without_images(docker, {image.id})
    several = len({name.rpartition(":")[0] for name in tags}) > 1 or len(tags) > 1
    if runs or ((made_of_it or several) and not force):
        return (), docker
    return removed(image, _why(docker, image)), state.without_images(docker, {image.id})


def _untagged(docker: Docker, image: "Image", tag: str) -> tuple[tuple[Effect, ...], Docker]:
    left = tuple(each for each in image.tags if each != tag)
    changed = tuple(each._replace(tags=left) if each.id == image.id else each for each in docker.images)
    why = "only this name goes; the image stays, under its ID or another name"
    return (Effect("remove", "image", tag, False, why),), docker._replace(images=changed)


def _why(docker: Docker, image: "Image") -> str:
    stopped = [each for each in docker.containers if each.image_id == image.id]
    return f"{state.names(stopped)} cannot be created anew without it" if stopped else "no container is made of it"
