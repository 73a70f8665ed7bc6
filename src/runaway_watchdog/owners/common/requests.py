"""What one worker of a pool is at just now, and how that alone is ended: its master has an idle worker at once.

What burns in a pool is a request most often, and the pool goes on without it. The service is only the last resort.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.owner import Action, Outlook
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.common.worker_pools import Master, OnSigterm, Work
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Files, procfs
from runaway_watchdog.world.sockets import awaited, sockets

IDLE: Final = ("sleeping", "idle")
"""States of a process that waits: a worker of tasks waits for the next one."""
FOLDER_SHOWN: Final = 80


class Current(NamedTuple):
    """The request or the task, told from outside."""

    work: Work
    folder: str | None  # the worker's working folder: PHP's is the script's, the others' the application's
    clients: tuple[str, ...]  # who waits for an answer; several where the worker has threads
    on_sigterm: OnSigterm

    def shown(self) -> Mapping[str, Any]:
        """As the owner's facts of the JSON have it."""
        return {"work": self.work, "folder": self.folder, "clients": list(self.clients)}

    @property
    def told(self) -> str:
        """`the request in /var/www/shop`."""
        what = "worker" if self.work == "connections" else self.work
        return f"the {what}{f' in {clean(self.folder, FOLDER_SHOWN)}' if self.folder else ''}"


def current(kind: Master, worker: Process, files: Files) -> Current | None:
    """None: nothing that it could be seen at, so that what burns may be the worker itself."""
    work = kind.works_on
    clients = sockets(files, worker.pid).clients if work == "request" else ()
    if work is None or (work == "request" and not clients):
        return None
    if work == "task" and worker.state in IDLE:
        return None
    if work == "request" and {each.inode for each in clients} <= awaited(files, worker.pid):
        work = "connections"
    return Current(work, _folder(files, worker.pid), tuple(each.peer for each in clients), kind.on_sigterm)


def _folder(files: Files, pid: int) -> str | None:
    try:
        return files.target(f"{procfs.PROC}/{pid}/cwd")
    except OSError:
        return None


def outlook(now: Current, program: str, action: Action, end: Ending) -> Outlook:
    """Of a worker that ends by `action`: an idle one takes its place, which is no return of the work."""
    if now.work == "connections":
        open_ones = "its connections may all be idle, so that the worker itself burns and not a request"
        return Outlook.not_known(
            action, (end.reason, open_ones, f"{program} starts another worker, which may burn too")
        )
    if action == "sigterm" and now.on_sigterm == "finishes":
        return Outlook.goes_on(action, "likely", f"{program} lets it finish {now.told} first")
    again = f"the {now.work} comes back only when somebody asks for it again"
    if program == "celery":
        again = "the task is queued again only where it is set to (acks_late and task_reject_on_worker_lost)"
    if action == "sigterm" and now.on_sigterm == "may-jam":
        jam = f"it may take a lock of {program}'s pool with it, so that no further {now.work} is done until a restart"
        return Outlook.stays_away(action, "likely", (f"{now.told} ends", jam, again))
    idle = f"only {now.told} ends, and {program} has an idle worker in its place"
    seen = () if action == "sigterm" and end.how == "own" else (end.reason,)  # what its handler does was seen
    return Outlook.stays_away(action, "likely", (idle, again, *seen))


_WORDS: Final[Mapping[Work, tuple[str, str, str]]] = {
    "request": ("request", "its client gets an error", "whoever asks for the same again"),
    "task": ("task", "it counts as failed", "whoever queues the same task again"),
    "connections": ("worker", "its connections are closed", "a new worker, where it was not a request that burned"),
}
"""What ends, what that means, and what may bring it back."""


def containment(now: Current, program: str, process: Process) -> Containment:
    """End this one; whoever asked gets an error, everybody else an answer."""
    others = len(now.clients) - 1
    also = f"; {others} more in the same process end with it" if others > 0 else ""
    what, lost, again = _WORDS[now.work]
    step = Step(
        f"End this one {what}",
        single.ended(process, patient=now.on_sigterm == "ends"),
        f"{lost}, and {program} has an idle worker in its place{also}; there is no undo",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {process.pid}", ("Z", "nothing")),
        final=True,
    )
    goal = f"End {now.told}: {program} and everything else that it serves go on"
    return Containment(goal, (*single.renice(process), step), (again,), calm=True, part=True)
