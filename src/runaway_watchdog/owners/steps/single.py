"""Steps for one process that has no owner to be asked: each checks that the PID is still that very process.

PIDs are reused within minutes, and an alert is read hours later: `kill 3355` may hit another client's database. So
every command first compares the start time (field 22 of /proc/PID/stat, the 20th after the last parenthesis).
"""

from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Process

IDLE_NICE = 19


def guarded(process: Process, command: str) -> str:
    """A shell line that runs `command` only while the PID still is this process; else it says so, and fails.

    A process may put a line break into its name, so those go first.
    """
    return _if_still(process, command, f'echo "not done: PID {process.pid} is no longer this process"; false')


def ended(process: Process, *, patient: bool) -> str:
    """Ends it: where it is `patient`, SIGTERM first, and SIGKILL if it is still there after five seconds."""
    if not patient:
        return guarded(process, f"kill -KILL {process.pid}")
    still = f'[ "{_start(process)}" = {process.key.start_ticks} ]'
    wait = f"for second in 1 2 3 4 5; do {still} || break; sleep 1; done"
    return guarded(process, f"kill {process.pid}; {wait}; if {still}; then kill -KILL {process.pid}; fi")


def undoing(process: Process, command: str) -> str:
    """The undo of a guarded command: where the process is gone, there is nothing to undo, and that is no failure."""
    return _if_still(process, command, f'echo "nothing to undo: PID {process.pid} is gone"')


def if_there(process: Process, command: str) -> str:
    """One that has nothing to do where the process is gone by itself."""
    return _if_still(process, command, f'echo "PID {process.pid} is gone"')


def _if_still(process: Process, command: str, otherwise: str) -> str:
    return f'if [ "{_start(process)}" = {process.key.start_ticks} ]; then {command}; else {otherwise}; fi'


def _start(process: Process) -> str:
    """What prints the start time of whoever has the PID now."""
    return f"$(tr '\\n' ' ' </proc/{process.pid}/stat | sed 's/.*) //' | cut -d' ' -f20)"


def relieve(process: Process) -> tuple[Step, ...]:
    """Freeze it, within a moment and with all that it knows; nothing where it stands still already or never could."""
    if process.pid <= 1 or process.kernel_thread or process.state in ("stopped", "traced", "zombie", "dead"):
        return ()
    return (freeze(process),)


def until_read(what: str, process: Process) -> Containment:
    """For what an owner that did not answer keeps: all that can be undone without it."""
    return Containment(f"Hold it still until {what} can be read", relieve(process))


def held_still(limit: tuple[Step, ...], freeze: tuple[Step, ...]) -> tuple[Step, ...]:
    """For what must not be stopped: a limit takes the pressure off, and standing still is what holds it."""
    return (*limit, *(each._replace(phase="hold") for each in freeze)) if limit else freeze


def awake(process: Process, command: str) -> str:
    """A command that ends a frozen process in an orderly way: frozen, it would hear of SIGTERM only after its end.

    Nothing is compared here: SIGCONT does nothing to a process that runs.
    """
    return f"kill -CONT {process.pid} 2>/dev/null; {command}"


def relieved(containment: Containment, process: Process) -> Containment:
    """The same with this one process frozen first, where no step takes the pressure off in another way; the first
    step that ends anything lets it go on."""
    if containment.calm or not containment.steps or any(step.phase == "relieve" for step in containment.steps):
        return containment
    relief = relieve(process)
    ending = next((step for step in containment.steps if step.phase == "hold" and step.risk == "interrupts"), None)
    if not relief or ending is None or "kill -CONT" in ending.command:
        return containment._replace(steps=(*relief, *containment.steps))
    steps = (
        each._replace(command=awake(process, each.command)) if each is ending else each for each in containment.steps
    )
    return containment._replace(steps=(*relief, *steps))


def renice(process: Process) -> tuple[Step, ...]:
    """Let everything else go first, for what must not stand still; nothing where it is as nice as it can be."""
    if process.nice >= IDLE_NICE:
        return ()
    return (
        Step(
            "Take the pressure off",
            guarded(process, f"renice -n {IDLE_NICE} -p {process.pid}"),
            "it runs only on what the others leave; it goes on working",
            "slows",
            undoing(process, f"renice -n {process.nice} -p {process.pid}"),
            Prints(f"ps -o ni= -p {process.pid}", (str(IDLE_NICE),)),
            phase="relieve",
        ),
    )


def freeze(process: Process) -> Step:
    """Stop it where it stands, with all that it knows."""
    return Step(
        "Freeze it",
        guarded(process, f"kill -STOP {process.pid}"),
        "it stands still and keeps its memory and files; nothing is lost, nothing is ended",
        "interrupts",
        undoing(process, f"kill -CONT {process.pid}"),
        Prints(f"ps -o state= -p {process.pid}", ("T",)),
        phase="relieve",
    )


def end(process: Process, *, may_be_gone: bool = False) -> Step:
    """End it, for a process that nobody would start again. `may_be_gone`: by an earlier step, which is no failure."""
    ask = f"kill {process.pid} && kill -CONT {process.pid}"
    return Step(
        "End it, when you are sure",
        if_there(process, ask) if may_be_gone else guarded(process, ask),
        "it is asked to exit; what it had only in memory is gone, so there is no undo",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {process.pid}", ("Z", "nothing")),  # Z until its parent asks, which may stand still
        final=True,
    )
