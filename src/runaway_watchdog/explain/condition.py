"""What is odd about a process's state: why a signal may not reach it, or what it only seems to be."""

import signal
from collections.abc import Iterator, Sequence

from runaway_watchdog.linux import status
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.systemd.details import service_of
from runaway_watchdog.world import Files, procfs

WCHAN_LIMIT = 60


def condition(files: Files, process: Process, owners: Sequence[Owner] = ()) -> tuple[str, ...]:
    """One sentence for each oddity; none for an ordinary process."""
    return (*_sentences(files, process), *(told for owner in owners for told in _frozen(owner, process)))


def _frozen(owner: Owner, process: Process) -> Iterator[str]:
    """Of its unit; a container that is paused tells it by its own state."""
    unit = service_of(owner)
    group = process.control_group
    if unit is None or not unit.freezer or owner.name not in (group.unit, group.users_own and group.users_own.unit):
        return
    by_slice = unit.freezer == "frozen-by-parent"
    state, first = ("frozen with its slice", "thaw that") if by_slice else ("frozen (systemctl freeze)", "thaw it")
    if unit.refuses_frozen:
        yield f"{owner.name} is {state}: {first} before any stop or restart; killed, it stays down until a boot"
    else:
        yield f"{owner.name} is {state}: it uses no CPU and keeps what it knows until it is thawed"


def _sentences(files: Files, process: Process) -> Iterator[str]:
    folder = f"{procfs.PROC}/{process.pid}"
    if process.state == "disk-sleep":
        where = _read(files, f"{folder}/wchan").strip("0 \n")[:WCHAN_LIMIT]
        at = f" (in {where})" if where else ""
        yield f"waits inside the kernel{at}, mostly for a disk or a network share: no signal ends it before that"
    elif process.state == "traced":
        yield _traced(files, folder)
    elif process.state == "stopped":
        yield "somebody stopped it (SIGSTOP): it uses no CPU until SIGCONT, and SIGTERM waits until then"
    elif process.state == "zombie":
        yield _zombie(files, process)


def _traced(files: Files, folder: str) -> str:
    pid = status.parse(_read(files, f"{folder}/status")).get("TracerPid", "0")
    name = _read(files, f"{procfs.PROC}/{pid}/comm").strip()
    tracer = f"{name} (PID {pid})" if name else "a debugger"
    return f"{tracer} traces it and holds it still: SIGTERM waits, kill -9 works"


def _zombie(files: Files, process: Process) -> str:
    """Whom it waits for, and how it ended."""
    parent = _read(files, f"{procfs.PROC}/{process.ppid}/comm").strip()
    who = f"its parent {parent} (PID {process.ppid})" if parent else "its parent"
    try:
        code = procfs.stat_of(files, process.pid).exit_code
    except (OSError, ValueError):
        code = None
    return f"dead already{_ended(code)}: {who} has not asked for its exit code, and it goes when that one does or ends"


def _ended(code: int | None) -> str:
    if code is None:
        return ""
    number = code & 0x7F
    if not number:
        return f", it exited with {code >> 8}"
    try:
        return f", ended by {signal.Signals(number).name}"
    except ValueError:
        return f", ended by signal {number}"


def _read(files: Files, path: str) -> str:
    try:
        return files.read(path)
    except OSError:
        return ""
