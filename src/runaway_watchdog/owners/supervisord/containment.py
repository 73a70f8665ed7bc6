"""Stopping one program of supervisord and keeping it stopped, reversibly."""

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from runaway_watchdog.model.plan import Containment, Prints, Says, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation as passing
from runaway_watchdog.owners.docker import container as docker, containment as docker_hold
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import World, inside

if TYPE_CHECKING:
    from runaway_watchdog.world.supervisord_conf import Configuration, Program

FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/venv/bin")
ON_PATH = ("/usr/bin", "/usr/local/bin")


def raw(
    program: "Program | None", conf: "Configuration", path: str, view: inside.Inside, manager: Process, world: World
) -> Mapping[str, Any]:
    """What hold() needs: how supervisorctl is called here, and the file whose line keeps the program down."""
    return {"ctl": _ctl(conf, path, view, manager, world), "file": _file(program, view)}


def _ctl(conf: "Configuration", path: str, view: inside.Inside, manager: Process, world: World) -> str | None:
    """supervisorctl as it is called here; None where it is not there, or would find no server to talk to."""
    if conf.server() is None or conf.section("supervisorctl") is None:
        return None
    beside = [word.rpartition("/")[0] for word in manager.cmdline[:2] if word.endswith("/supervisord")]
    folder = next((each for each in (*beside, *FOLDERS) if view.exists(f"{each}/supervisorctl")), None)
    if folder is None:
        return None
    on_path = folder in ON_PATH and not view.root  # a container's PATH is its own
    program = "supervisorctl" if on_path else quote(f"{folder}/supervisorctl")
    called = f"{program} -c {quote(path)}"
    if not view.root:
        return called
    container = docker.container_id(manager.control_group)
    if container is None:
        return None
    return f"{docker_hold.client(world.engine.endpoint())} exec {container[:12]} {called}"


def _file(program: "Program | None", view: inside.Inside) -> tuple[str, str, int, bool] | None:
    """Path, text, line, and whether autostart stands on that line already (else it is the section's header)."""
    if program is None or view.root:
        return None
    section = program.section
    stands = section.settings.get("autostart")
    at, line = (section.path, section.line) if stands is None else (stands.path, stands.line)
    try:
        return at, view.read(at), line, stands is not None
    except OSError:
        return None


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """Stop it, then see that no later start of supervisord starts it. In a container only the first: None where it
    has no supervisorctl that could be asked, so that the container is held."""
    if not owner.facts:
        return Containment("Hold it still until supervisord's configuration can be read", single.relieve(facts.process))
    ctl = owner.raw["ctl"]
    if ctl is None:
        return None
    reached = owner.facts["as_group"] or passing.reaches(facts, owner.facts["main_pid"], owner.facts["manager_pid"])
    stop = (_stop(owner, ctl), *(() if reached else (single.end(facts.process),)))
    if owner.facts["in_container"]:
        door = "a start of its container, or of supervisord in it"
        return Containment(
            f"Stop {owner.name} until its container, or supervisord in it, is started again", stop, (door,)
        )
    if owner.facts["autostart"] is not False and owner.raw["file"] is None:
        doors = ("a start of supervisord, as at the next boot",)
        return Containment(f"Stop {owner.name} until supervisord is started again", stop, doors)
    keep = () if owner.facts["autostart"] is False else (_keep(owner),)
    return Containment(f"Stop {owner.name} for good: over a restart of supervisord and a reboot too", (*stop, *keep))


def _stop(owner: Owner, ctl: str) -> Step:
    name = quote(owner.name)
    return Step(
        "Stop it",
        f"{ctl} stop {name}",
        "supervisord ends the program, and autorestart does not act on a stop",
        "interrupts",
        f"{ctl} start {name}",
        Says(f"{ctl} status {name}", ("STOPPED",)),
    )


def _keep(owner: Owner) -> Step:
    path, text, line, stands = owner.raw["file"]
    sed = f"{line}s/.*/autostart=false/" if stands else f"{line}a autostart=false"
    step = edited.file(
        "Keep it stopped",
        path,
        text,
        sed,
        effect="autostart=false: the next start of supervisord, and the next boot, leave it stopped; so does "
        "`supervisorctl update`, and every process of this program is meant",
        check=Prints(f"sed -n {line if stands else line + 1}p {quote(path)}", ("autostart=false",)),
    )
    return step._replace(phase="close")
