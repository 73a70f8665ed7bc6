"""Steps that hold a second starter back, each with its undo."""

from collections.abc import Mapping, Sequence
from shlex import quote

from runaway_watchdog.model.plan import BeginsWith, Says, Step
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.cron import containment as cron
from runaway_watchdog.owners.steps import acting, edited, loops, units
from runaway_watchdog.owners.systemd import drop_ins
from runaway_watchdog.owners.systemd.containment import ESSENTIAL
from runaway_watchdog.owners.systemd.drop_ins import Words
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.crontabs import Line
from runaway_watchdog.world.startup import StartFile

MARK = ": # held: "
"""In a shell's file, where an empty block would be a syntax error."""


def line_of_cron(line: Line, world: World) -> tuple[Step, ...]:
    """Nothing where its table cannot be read."""
    try:
        found = cron.source(line, world)
    except Unanswered:
        return ()
    return () if found is None else (cron.not_started(found, "cron"),)


def script_of_cron(path: str) -> Step:
    return cron.off(path)


def unit(name: str, state: str, *, active: bool, systemctl: str = "systemctl") -> tuple[Step, ...]:
    """What runs is stopped, and what is enabled is disabled; nothing of what the whole host needs."""
    if ESSENTIAL.fullmatch(name):
        return ()
    stop = (units.stop(name, systemctl=systemctl),) if active else ()
    return (*stop, units.disable(name, systemctl)) if state == "enabled" else stop


def handler(name: str, words: Words) -> tuple[Step, ...]:
    """A unit that is started by the end of another one. Settings like OnFailure= cannot be emptied by a drop-in
    (systemd.unit(5)), and a mask has no effect on what is in /etc: so it is kept from starting itself."""
    if ESSENTIAL.fullmatch(name):
        return ()
    bar, unbar = drop_ins.barred(name, words)
    shown = f"{words.systemctl} show -p DropInPaths {quote(name)}"
    effect = f"until the next boot a drop-in turns every start of {name} into nothing, whoever asks for it"
    step = Step(f"Keep {name} from starting it", bar, effect, "none", unbar, Says(shown, (drop_ins.FILE,)))
    return (step,)


def stop_commands(unit: str, settings: Mapping[str, Sequence[str]], words: Words) -> tuple[Step, ...]:
    """`settings`: those of which a command starts it, each with the commands that are to stay."""
    lines = [line for name, kept in settings.items() for line in (f"{name}=", *(f"{name}={each}" for each in kept))]
    write, remove = drop_ins.set_to(unit, ("[Service]", *lines), words)
    shown = f"{words.systemctl} show -p DropInPaths {quote(unit)}"
    effect = f"until the next boot a drop-in takes that command out of its {' and '.join(settings)}=; the others stay"
    title = f"Keep {unit} from starting itself"
    return (Step(title, write, effect, "none", remove, Says(shown, (drop_ins.LINES_FILE,))),)


def script_that_runs(name: str, process: Process, above: Process | None) -> tuple[Step, ...]:
    """A loop that somebody left running, a child of `above`."""
    return (loops.held(process, above, f"{name}, which starts it"),)


def line_of_shell(file: StartFile, number: int, world: World) -> tuple[Step, ...]:
    """A line of a login's file, or of rc.local, as whose file it is."""
    user = None if file.user == "root" else file.user
    try:
        path = world.ownership.real(file.path)
        place = edited.Place(path, world.files.read(path), number, user=user)
    except (OSError, Unanswered):
        return ()
    step = edited.file(
        f"Keep {file.path} from starting it",
        place,
        f"{number}s/^/{MARK}/",
        effect=f"line {number} does nothing any more, and no other line changes",
        check=BeginsWith(acting.look(user, f"sed -n {number}p {quote(path)}"), MARK.strip()),
    )
    return (step._replace(phase="close"),)


def check_of_monit(check: str) -> Step:
    name = quote(check)
    return Step(
        f"Keep monit's check {check} from starting it",
        f"monit unmonitor {name}",
        "monit does not look at it any more, until monit itself is started again",
        "none",
        f"monit monitor {name}",
        Says(f"monit status {name}", ("Not monitored",)),
    )


def program_of_supervisord(program: str) -> Step:
    name = quote(program)
    return Step(
        f"Stop {program}, which starts it",
        f"supervisorctl stop {name}",
        "supervisord ends it, until it is started again itself",
        "interrupts",
        f"supervisorctl start {name}",
        Says(f"supervisorctl status {name}", ("STOPPED",)),
    )
