"""The reversible way out, and what never to do here."""

from collections.abc import Sequence

from runaway_watchdog.effects import compose
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Owner
from runaway_watchdog.model.plan import Never, Plan
from runaway_watchdog.owners import Layer, hold
from runaway_watchdog.world import Unanswered, World


def plan(layers: Sequence[Layer], world: World) -> tuple[Plan, tuple[Gap, ...]]:
    """Steps from the innermost owner that can be held; warnings from every layer; and what could not be looked up."""
    held = hold(layers)
    nevers: list[Never] = []
    gaps: list[Gap] = []
    for layer in layers:
        try:
            nevers += _compose(layer.owner, world)
        except Unanswered as unanswered:
            gaps.append(unanswered.gap)
    for layer in layers:
        nevers += _unit_file(layer.owner, world)
    return Plan(held.goal, held.steps, tuple(nevers)), tuple(gaps)


def _compose(owner: Owner, world: World) -> tuple[Never, ...]:
    """`docker compose down -v`: the command that people paste when it came back once more."""
    if owner.kind != "compose-service" or not owner.facts:
        return ()
    project = str(owner.facts["project"])
    docker, files = str(owner.raw["docker"]), owner.facts["config_files"]
    line = compose.command(world, docker, project, files, "down -v")
    effects = compose.down_volumes(world, line, project)
    containers = sum(effect.type == "container" for effect in effects.effects)
    count = f"{containers} containers" if containers > 1 else "its only container"
    loss = "and deletes this data for good" if effects.lost else "with what was written outside volumes"
    return (Never(line, f"it removes the whole project {project} ({count}) {loss}", effects.lost),)


def _unit_file(owner: Owner, world: World) -> tuple[Never, ...]:
    """Deleting the unit file leaves the process running and its definition gone."""
    if owner.kind != "systemd-service" or not owner.facts or not owner.facts["unit_file"].startswith("/etc/"):
        return ()
    if owner.facts.get("link_target"):
        return ()  # a link to the definition, which lies elsewhere
    path = str(owner.facts["unit_file"])
    try:
        size = Size(len(world.files.read(path).encode("utf-8", "surrogateescape")))
    except OSError:
        size = Size(None)
    lost = Effect("delete", "path", path, True, "the service's only definition", size, (owner.name,))
    why = "the running process stays, and what describes the service is gone: no command brings it back"
    return (Never(f"rm {path}", why, (lost,)),)
