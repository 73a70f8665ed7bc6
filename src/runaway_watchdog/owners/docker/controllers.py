"""Who else acts on a container: programs that start, restart or re-create containers beside the engine's own policy.

Recognised by labels and folders that they give to what they make, by containers that run beside, and by lines of the
host's crontabs, units and git hooks that start this very container. What each does is its own documentation's word
(named beside it); what was tried on the rig says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runaway_watchdog.model.owner import Claim, Outlook, reasons
from runaway_watchdog.owners.docker import compose as compose_facts
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.world import World

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker import container_starters as starters

Json = Mapping[str, Any]
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

    @property
    def told(self) -> str:
        return f"{self.name} {self.does}"


def acting_on(container: Json, facts: Json, world: World) -> tuple[Acting, ...]:
    """All that act on this container, those that bring it back first. Raises Unanswered."""
    from runaway_watchdog.owners.docker import (
        container_starters as starters,  # 3 ms, only where an engine told of a container
    )

    others = [
        each for each in world.engine.containers() if each["Id"] != container["Id"] and each.get("State") == "running"
    ]
    found: list[Acting | starters.Starter] = [*starters.starting(facts, world), *_makers(container, facts)]
    for each in others:
        found += _beside(each, container, facts, world)
    return tuple(sorted((_acting(each) for each in found), key=lambda each: not each.revives))


def _acting(found: "Acting | starters.Starter") -> Acting:
    if isinstance(found, Acting):
        return found
    until = "" if found.revives else found.until
    return Acting(found.name, found.does, found.evidence, until, found.revives, found.at_boot, found.unit)


# --- those whose mark it bears -----------------------------------------------------------------------------------


def _makers(container: Json, facts: Json) -> Iterator[Acting]:
    labels = container["Config"].get("Labels") or {}
    folder = str(facts.get("working_dir", ""))
    if labels.get("coolify.managed") == "true" or labels.get("coolify.proxy") == "true":
        yield _coolify(str(facts["container"]), labels)
    if app := labels.get("com.dokku.app-name"):
        does = f"makes it anew at each deploy and `ps:rebuild` of {app}: stop it with `dokku ps:stop {app}`"
        yield Acting("Dokku", does, f"label com.dokku.app-name={app}", "until the next deploy by Dokku")
    if str(labels.get(SWARM_SERVICE, "")).startswith("srv-captain--"):
        does = "updates its swarm service at each deploy"
        yield Acting("CapRover", does, f"label {SWARM_SERVICE}={labels[SWARM_SERVICE]}", "until the next deploy by it")
    if allocation := labels.get("com.hashicorp.nomad.alloc_id"):
        does = "starts its task again, as the job's restart and reschedule stanzas say: stop the job in Nomad"
        yield Acting("Nomad", does, f"label com.hashicorp.nomad.alloc_id={allocation}", revives=True)
    if maker := next((name for start, name in _FOLDERS if folder.startswith(start)), None):
        does = "re-creates its stack when it is deployed again, and that undoes `docker update`"
        evidence = f"label {compose_facts.WORKING_DIR}={folder}"
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


def _beside(other: Json, container: Json, facts: Json, world: World) -> Iterator[Acting]:
    program = str(other.get("Image", "")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    if "autoheal" in program:
        yield from _autoheal(other, container, facts, world)
    elif program == "watchtower":
        yield from _watchtower(other, container, world)


def _autoheal(other: Json, container: Json, facts: Json, world: World) -> Iterator[Acting]:
    """willfarrell/docker-autoheal: the label `autoheal`, or that of AUTOHEAL_CONTAINER_LABEL, "all" for every one."""
    wanted = _variable(other, "AUTOHEAL_CONTAINER_LABEL", world) or "autoheal"
    labels = container["Config"].get("Labels") or {}
    if facts.get("health") is None or (wanted != "all" and labels.get(wanted) != "true"):
        return
    name = _name(other)
    does = "restarts it whenever its health check fails; a stopped one it leaves alone"
    evidence = f"container {name}: image {other.get('Image')}, AUTOHEAL_CONTAINER_LABEL={wanted}"
    yield Acting(name, does, evidence)


def _watchtower(other: Json, container: Json, world: World) -> Iterator[Acting]:
    """It re-creates running containers whose image has a new version; WATCHTOWER_LABEL_ENABLE turns its label from
    an opt-out into an opt-in, WATCHTOWER_REVIVE_STOPPED makes it start stopped ones (containrrr.dev/watchtower)."""
    labels = container["Config"].get("Labels") or {}
    wanted = labels.get(WATCHTOWER_LABEL)
    opt_in = _is_true(_variable(other, "WATCHTOWER_LABEL_ENABLE", world))
    if wanted == "false" or (opt_in and wanted != "true") or _is_true(_variable(other, _ONLY_TELLS, world)):
        return
    name = _name(other)
    does = "re-creates it when its image has a new version"
    revives = _is_true(_variable(other, "WATCHTOWER_REVIVE_STOPPED", world))
    until = f"until {name} finds a new version of its image" if revives else ""
    yield Acting(name, does, f"container {name}: image {other.get('Image')}", until)


_ONLY_TELLS = "WATCHTOWER_MONITOR_ONLY"


def _variable(listed: Json, name: str, world: World) -> str | None:
    """One variable of another container's configuration; no other one is looked at. Raises Unanswered."""
    found = world.engine.container(str(listed["Id"])) or {}
    pairs = (str(each).partition("=") for each in (found.get("Config") or {}).get("Env") or [])
    return next((value for key, _, value in pairs if key == name), None)


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in TRUE


def _name(listed: Json) -> str:
    return str((listed.get("Names") or [listed["Id"][:12]])[0]).lstrip("/")


# --- as layers, and in what an action leads to -------------------------------------------------------------------


def claim(acting: Sequence[Acting], engine_unit: str | None) -> Claim | None:
    """The layer around a container, or around the controller before: the next one, and at last the engine's unit."""
    if acting:
        return Claim("controller", acting[0].name, (acting[0].evidence,))
    if engine_unit is None:
        return None
    return Claim("systemd-service", engine_unit, ("the Docker Engine's own unit",))


def started_again(owner: Owner, outlook: Outlook) -> Outlook:
    """The engine leaves the container stopped: does a controller?"""
    acting: Sequence[Acting] = owner.raw.get("controllers") or ()
    if not outlook.ends or outlook.returns is not False or owner.facts.get("auto_remove"):
        return outlook
    if reviving := next((each for each in acting if each.revives), None):
        return outlook._replace(returns=True, by=reviving.name, certainty="likely", reasons=reasons(reviving.told))
    if later := next((each for each in acting if each.until), None):
        return outlook._replace(
            certainty="likely" if outlook.certainty == "certain" else outlook.certainty,
            reasons=(*outlook.reasons[:-1], outlook.reasons[-1].with_more(f", {later.until}")),
        )
    return outlook


def started_at_boot(owner: Owner, outlook: Outlook) -> Outlook:
    """The engine's start leaves it stopped: does a unit or a line of a crontab start it at boot?"""
    acting: Sequence[Acting] = owner.raw.get("controllers") or ()
    starting = next((each for each in acting if each.at_boot or each.revives), None)
    if starting is None or outlook.returns is not False:
        return outlook
    return outlook._replace(
        returns=True, by=starting.name, after_s=None, certainty="likely", reasons=reasons(starting.told)
    )
