"""Stopping one program of supervisord and keeping it stopped, reversibly."""

from shlex import quote

from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.model.plan import Advice, Containment, Prints, Says, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation
from runaway_watchdog.owners.common.advice import ENOUGH
from runaway_watchdog.owners.docker import container, containment as docker_containment
from runaway_watchdog.owners.steps import acting, edited, single
from runaway_watchdog.owners.supervisord.details import Program
from runaway_watchdog.world import Unanswered, World, inside, supervisord_conf

FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/venv/bin")
ON_PATH = ("/usr/bin", "/usr/local/bin")


def ctl(
    conf: supervisord_conf.Configuration, path: str, view: inside.Inside, manager: Process, world: World
) -> str | None:
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
        return acting.run(acting.user_of(manager), called)
    found = container.container_id(manager.control_group)
    if found is None:
        return None
    return f"{docker_containment.client(world)} exec {found[:SHORT_ID]} {called}"


def place(
    program: supervisord_conf.Program | None, view: inside.Inside, manager: Process, world: World
) -> edited.Place | None:
    """Where autostart stands in the program's section, else that section's header; None where its supervisord is not
    the only one to write there."""
    if program is None or view.root:
        return None
    section = program.section
    stands = section.settings.get("autostart")
    at, line = (section.path, section.line) if stands is None else (stands.path, stands.line)
    try:
        real, user = world.ownership.real(at), acting.user_of(manager)
        if not all(world.ownership.of(path).only(manager.uid) for path in (at, real)):
            return None
        return edited.Place(real, view.read(at), line, stands is not None, user)
    except (OSError, Unanswered):
        return None


def contain(program: Program, name: str, facts: Facts) -> Containment | None:
    """Stop it, then see that no later start of supervisord starts it. In a container only the first: None where it
    has no supervisorctl that could be asked, so that the container is held."""
    if program.ctl is None:
        return None
    reached = program.as_group or exit_propagation.reaches(facts, program)
    stop = (_stop(name, program.ctl), *(() if reached else (single.end(facts.process),)))
    if program.in_container:
        door = "a start of its container, or of supervisord in it"
        return Containment(f"Stop {name} until its container, or supervisord in it, is started again", stop, (door,))
    if program.autostart is not False and program.place is None:
        doors = ("a start of supervisord, as at the next boot",)
        return Containment(f"Stop {name} until supervisord is started again", stop, doors)
    keep = () if program.autostart is False or program.place is None else (_keep(program.place),)
    return Containment(f"Stop {name} for good: over a restart of supervisord and a reboot too", (*stop, *keep))


def _stop(program: str, ctl: str) -> Step:
    name = quote(program)
    return Step(
        "Stop it",
        f"{ctl} stop {name}",
        "supervisord ends the program, and autorestart does not act on a stop",
        "interrupts",
        f"{ctl} start {name}",
        Says(f"{ctl} status {name}", ("STOPPED",)),
    )


def _keep(place: edited.Place) -> Step:
    setting = "autostart=false"
    step = edited.file(
        "Keep it stopped",
        place,
        place.sed(setting),
        effect="autostart=false: the next start of supervisord, and the next boot, leave it stopped; so does "
        "`supervisorctl update`, and every process of this program is meant",
        check=Prints(acting.look(place.user, f"sed -n {place.number}p {quote(place.path)}"), (setting,)),
    )
    return step._replace(phase="close")


def advice(place: edited.Place, name: str) -> Advice:
    """For its own section."""
    lines = ("autorestart=unexpected", "startsecs=10", "startretries=3")
    program = name.rpartition(":")[2]
    return Advice(ENOUGH, f"{place.path}, the section of {program}; then: supervisorctl update", lines)
