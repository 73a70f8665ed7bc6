"""Who else acts on a container: programs that start, restart or re-create containers beside the engine's own policy.

Recognised by labels and folders that they give to what they make, by containers that run beside, and by lines of the
host's crontabs, units and git hooks that start this very container. What each does is its own documentation's word
(named beside it); what was tried on the rig says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from runaway_watchdog.engines import docker
from runaway_watchdog.engines.model import Container, Inspected
from runaway_watchdog.model.owner import Claim, Outlook, reasons
from runaway_watchdog.model.plan import Step
from runaway_watchdog.owners.docker import container_starters
from runaway_watchdog.owners.docker.compose import WORKING_DIR
from runaway_watchdog.owners.docker.container_starters import Starter
from runaway_watchdog.world import World

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerDetails

SWARM_SERVICE = "com.docker.swarm.service.name"
WATCHTOWER_LABEL = "com.centurylinklabs.watchtower.enable"
TRUE = ("1", "t", "true", "yes", "on")


class Acting(NamedTuple):
    """One that acts on the container. `does` is what, with the container as "it"."""

    name: str
    does: str
    evidence: str
    until: str = ""  # "until the next deploy by Coolify": how long a stop by hand holds; "" where it is not touched
    revives: bool = False  # it starts a container that is stopped, by itself
    at_boot: bool = False  # it starts it at boot, whatever its policy
    unit: str = ""  # the systemd unit that it is
    deletes_stopped: bool = False
    close: tuple[Step, ...] = ()  # what holds it back

    @property
    def told(self) -> str:
        return f"{self.name} {self.does}"


def acting_on(
    container: Inspected, details: "ContainerDetails", others: Sequence[Container], world: World
) -> tuple[Acting, ...]:
    """All that act on this container, those that bring it back first. Raises Unanswered."""
    starters = container_starters.starting(details.container, details.compose, world)
    found = [*map(_starter, starters), *_makers(container, details)]
    for each in others:
        if each.state == "running":
            found += _beside(each, container, world)
    return tuple(sorted(found, key=lambda each: not each.revives))


def _starter(found: Starter) -> Acting:
    until = "" if found.revives else found.until
    return Acting(
        found.name, found.does, found.evidence, until, found.revives, found.at_boot, found.unit, close=found.close
    )


# --- those whose mark it bears -----------------------------------------------------------------------------------


def _makers(container: Inspected, details: "ContainerDetails") -> Iterator[Acting]:
    labels = container.labels
    folder = "" if details.compose is None else details.compose.working_dir
    if labels.get("coolify.managed") == "true" or labels.get("coolify.proxy") == "true":
        yield _coolify(details.container, labels)
    if app := labels.get("com.dokku.app-name"):
        does = f"makes it anew at each deploy and `ps:rebuild` of {app}: stop it with `dokku ps:stop {app}`"
        yield Acting("Dokku", does, f"label com.dokku.app-name={app}", "until the next deploy by Dokku")
    if labels.get(SWARM_SERVICE, "").startswith("srv-captain--"):
        does = "updates its swarm service at each deploy"
        yield Acting("CapRover", does, f"label {SWARM_SERVICE}={labels[SWARM_SERVICE]}", "until the next deploy by it")
    if allocation := labels.get("com.hashicorp.nomad.alloc_id"):
        does = "starts its task again, as the job's restart and reschedule stanzas say: stop the job in Nomad"
        yield Acting("Nomad", does, f"label com.hashicorp.nomad.alloc_id={allocation}", revives=True)
    if maker := next((name for start, name in _FOLDERS if folder.startswith(start)), None):
        does = "re-creates its stack when it is deployed again, and that undoes `docker update`"
        evidence = f"label {WORKING_DIR}={folder}"
        yield Acting(maker, does, evidence, f"until the next deploy by {maker}")


_FOLDERS = (
    ("/data/compose/", "Portainer"),  # portainer/portainer#5810
    ("/etc/dokploy/", "Dokploy"),
    ("/opt/stacks/", "Dockge"),
    ("/etc/komodo/", "Komodo"),
)
"""Folders in which such programs keep the stacks that they deploy."""


def _coolify(name: str, labels: Mapping[str, str]) -> Acting:
    """Its proxy and its agent are back 10 to 20 minutes after a stop by hand (coollabsio/coolify#6050); what it deploys
    gets its settings anew at each deploy (#10258), and its clean-up removes containers that are stopped
    (`docker container prune` with its label)."""
    evidence = next(f"label {key}={value}" for key, value in labels.items() if key.startswith("coolify."))
    if name in ("coolify-proxy", "coolify-sentinel"):
        does = "starts it again by itself, 10 to 20 minutes after a stop by hand: stop it in Coolify"
        return Acting("Coolify", does, evidence, revives=True)
    does = "makes it anew at each deploy, which undoes `docker update`, and its clean-up deletes what is stopped"
    return Acting("Coolify", does, evidence, "until the next deploy by Coolify", deletes_stopped=True)


# --- those that run beside ---------------------------------------------------------------------------------------


def _beside(other: Container, container: Inspected, world: World) -> Iterator[Acting]:
    program = other.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if "autoheal" in program:
        yield from _autoheal(other, container, world)
    elif program == "watchtower":
        yield from _watchtower(other, container, world)


def _autoheal(other: Container, container: Inspected, world: World) -> Iterator[Acting]:
    """willfarrell/docker-autoheal: the label `autoheal`, or that of AUTOHEAL_CONTAINER_LABEL, "all" for every one."""
    wanted = _variable(other, "AUTOHEAL_CONTAINER_LABEL", world) or "autoheal"
    if container.health is None or (wanted != "all" and container.labels.get(wanted) != "true"):
        return
    does = "restarts it whenever its health check fails; a stopped one it leaves alone"
    evidence = f"container {other.name}: image {other.image}, AUTOHEAL_CONTAINER_LABEL={wanted}"
    yield Acting(other.name, does, evidence)


def _watchtower(other: Container, container: Inspected, world: World) -> Iterator[Acting]:
    """It re-creates running containers whose image has a new version; WATCHTOWER_LABEL_ENABLE turns its label from
    an opt-out into an opt-in, WATCHTOWER_REVIVE_STOPPED makes it start stopped ones (containrrr.dev/watchtower)."""
    wanted = container.labels.get(WATCHTOWER_LABEL)
    opt_in = _is_true(_variable(other, "WATCHTOWER_LABEL_ENABLE", world))
    if wanted == "false" or (opt_in and wanted != "true") or _is_true(_variable(other, _ONLY_TELLS, world)):
        return
    does = "re-creates it when its image has a new version"
    revives = _is_true(_variable(other, "WATCHTOWER_REVIVE_STOPPED", world))
    until = f"until {other.name} finds a new version of its image" if revives else ""
    yield Acting(other.name, does, f"container {other.name}: image {other.image}", until)


_ONLY_TELLS = "WATCHTOWER_MONITOR_ONLY"


def _variable(listed: Container, name: str, world: World) -> str | None:
    """One variable of another container's configuration; no other one is looked at. Raises Unanswered."""
    found = docker.container(world, listed.id)
    pairs = (each.partition("=") for each in (() if found is None else found.environment))
    return next((value for key, _, value in pairs if key == name), None)


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in TRUE


# --- as layers, and in what an action leads to -------------------------------------------------------------------


def claim(acting: Sequence[Acting], engine_unit: str | None) -> Claim | None:
    """The layer around a container, or around the controller before: the next one, and at last the engine's unit."""
    if acting:
        return Claim("controller", acting[0].name, (acting[0].evidence,))
    if engine_unit is None:
        return None
    return Claim("systemd-service", engine_unit, ("the Docker Engine's own unit",))


def started_again(details: "ContainerDetails", outlook: Outlook) -> Outlook:
    """The engine leaves the container stopped: does a controller?"""
    if not outlook.ends or outlook.returns is not False or details.auto_remove:
        return outlook
    if reviving := next((each for each in details.controllers if each.revives), None):
        return outlook._replace(returns=True, by=reviving.name, certainty="likely", reasons=reasons(reviving.told))
    if later := next((each for each in details.controllers if each.until), None):
        return outlook._replace(
            certainty="likely" if outlook.certainty == "certain" else outlook.certainty,
            reasons=(*outlook.reasons[:-1], outlook.reasons[-1].with_more(f", {later.until}")),
        )
    return outlook


def started_at_boot(details: "ContainerDetails", outlook: Outlook) -> Outlook:
    """The engine's start leaves it stopped: does a unit or a line of a crontab start it at boot?"""
    starting = next((each for each in details.controllers if each.at_boot or each.revives), None)
    if starting is None or outlook.returns is not False:
        return outlook
    return outlook._replace(
        returns=True, by=starting.name, after_s=None, certainty="likely", reasons=reasons(starting.told)
    )
