"""Which containers `compose up` makes anew: those whose definition or image is no longer what they were made of.

Compose keeps the hash of a service's definition in a label of its containers, and tells the present one itself. That
is another start of Compose, so it is only asked where something would go with a container.
"""

from collections.abc import Collection, Mapping, Sequence

from runaway_watchdog.effects.compose import project as projects
from runaway_watchdog.effects.compose.project import CONFIG_HASH, SERVICE, Compose, Project, Unclear
from runaway_watchdog.effects.docker import containers, layer, state, volumes
from runaway_watchdog.effects.docker.layer import Written
from runaway_watchdog.effects.host import places
from runaway_watchdog.engines.model import RUNNING, Container
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import Unanswered

RENEWED = "what its anonymous volumes held stays behind in volumes that nothing refers to any more"


def effects(
    compose: Compose, project: Project, found: Sequence[Container], forced: Collection[str]
) -> tuple[list[Effect], list[str]]:
    """What `up` does to the containers that are there, and what of it is not known. `forced` are services.

    Raises Unanswered.
    """
    call = compose.call
    until = layer.deadline(call.world)
    held = {each.id: layer.of(each, call.docker, call.world, until) for each in found}
    keeps = call.options.has("no-recreate")
    asked = [each for each in found if held[each.id] and each.labels[SERVICE] not in forced and not keeps]
    hashes = _hashes(compose) if asked else {}
    told: list[Effect] = []
    unknown: list[str] = []
    for each in found:
        anew: str | None = ""
        if each.labels[SERVICE] in forced:
            anew = "it is made anew"
        elif each in asked:
            anew = _anew(compose, project, each, hashes.get(each.labels[SERVICE]))
        if anew is None:
            unknown.append(f"{call.name}: whether {each.name} is made anew is not known: {_gone(held[each.id])}")
        told += _told(compose, each, anew or "", held[each.id])
    return told, unknown


def _gone(written: Written | None) -> str:
    return f"then {volumes.OUTSIDE}: {written.told if written else ''}"


def _told(compose: Compose, container: Container, anew: str, held: Written | None) -> list[Effect]:
    options = compose.call.options
    renews = f"; {RENEWED}" if options.has("renew-anon-volumes") else "; its volumes are kept"
    if anew:
        effect = Effect("restart", "container", container.name, False, f"{anew}, and {volumes.OUTSIDE}")
        return [containers.with_layer(effect, held, renews)]
    if options.has("no-recreate"):
        started = Effect("change", "container", container.name, False, "it is started")
        return [] if container.state in RUNNING else [started]
    why = f"it is started, or made anew if its definition or image changed: then {volumes.OUTSIDE}{renews}"
    return [Effect("change", "container", container.name, False, why)]


def _hashes(compose: Compose) -> Mapping[str, str]:
    """Service -> the hash of its definition now; empty where Compose does not tell."""
    try:
        return projects.hashes(compose)
    except (Unanswered, Unclear):
        return {}


def _rewritten(compose: Compose, container: Container) -> bool:
    """Whether the line itself has written in the folder of its files: Compose is asked before that happens."""
    host = compose.call.host
    files = container.labels.get(places.CONFIG_FILES, "").split(",")
    folders = {each.rpartition("/")[0] for each in files if "/" in each}
    changed = (*host.deleted, *host.made, *host.edited, *(new for new, _ in host.moved))
    return any(path.rpartition("/")[0] in folders for path in changed)


def _anew(compose: Compose, project: Project, container: Container, now: str | None) -> str | None:
    """Why it is made anew; "": it is not; None: that is not known."""
    options = compose.call.options
    service = project.services[container.labels[SERVICE]]
    if now is not None and now != container.labels[CONFIG_HASH]:
        return "it is made anew, since its definition changed"
    image = state.image(compose.call.docker, service.image) if service.image else None
    if image is not None and container.image_id and image.id != container.image_id:
        return "it is made anew, since its image changed"
    if _rewritten(compose, container):
        return "it is made anew where its definition is another one by then"
    builds = service.built and options.has("build")
    if compose.call.host.pulled or builds or options.value("pull") == "always":
        return "it is made anew where its image is another one by then"
    return None if now is None else ""
