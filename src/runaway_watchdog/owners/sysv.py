"""What an init other than systemd starts again: `respawn` lines of /etc/inittab, and OpenRC's supervise-daemon.

Both are `openrc-service`: a `sysv-service` is one that systemd made from a script of /etc/init.d.

Recognised by what PID 1 is. The init of busybox was observed (in a container: a second after every end); sysvinit
and OpenRC are told from inittab(5) and supervise-daemon(8), and so never as certain.
"""

import re
from shlex import quote
from typing import Any, NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import BeginsWith, Containment, Fails, Says, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, siblings
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import Unanswered, World, inside

KINDS = (Kind("openrc-service", "openrc service", line="kept up by init: {policy}"),)
INITTAB = "a line of inittab"
"""The claim's reference for a child of init; a service has its name there."""
TABLE = "/etc/inittab"
SUPERVISOR = "supervise-daemon"
RUNLEVELS = ("default", "boot", "sysinit")
BUSYBOX_AFTER_S = 1.0


class Line(NamedTuple):
    """A `respawn` line. `command` is what init starts, through a shell where it must."""

    number: int  # from 1
    id: str
    command: str


class Table(NamedTuple):
    """An inittab, and the line that started it."""

    line: int
    text: str  # of the whole table, which may hold secrets

    def shown(self) -> dict[str, Any]:
        return {"table": TABLE, "line": self.line}


class Service(NamedTuple):
    """A service of OpenRC."""

    runlevels: tuple[str, ...]  # that it is started in at boot

    def shown(self) -> dict[str, Any]:
        return self._asdict()


class Child(NamedTuple):
    """What an init, or OpenRC's supervise-daemon, starts again."""

    main_pid: int
    manager_pid: int
    in_container: bool
    busybox: bool
    daemon: str
    by: Table | Service

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it."""
        shown = self._asdict()
        del shown["by"]
        return {**shown, **self.by.shown()}


def claim(facts: Facts) -> Claim | None:
    """A child of an init that reads inittab, or of a supervise-daemon."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None:
        return None
    pid = facts.process.pid
    if is_init(parent):
        return Claim(
            "openrc-service", INITTAB, (f"/proc/{pid}/stat: its parent {parent.pid} is {parent.exe}",), parent.pid
        )
    if base(parent.exe) == SUPERVISOR or parent.name == SUPERVISOR[:15]:
        evidence = f"/proc/{pid}/stat: its parent {parent.pid} is {SUPERVISOR}"
        return Claim("openrc-service", _service(parent), (evidence,), parent.pid)
    return None


def is_init(process: Process) -> bool:
    """PID 1, of the host or of its container, and neither systemd nor any program of its own."""
    named = base(process.cmdline[0].split(" ")[0]) if process.cmdline and process.cmdline[0] else process.name
    return process.namespace_pids[-1] == 1 and base(process.exe) in ("init", "busybox") and named == "init"


def _service(process: Process) -> str:
    words = [word for word in process.cmdline[1:] if not word.startswith("-")]
    return words[0] if words else process.name


def inspect(claim: Claim, facts: Facts, world: World) -> Owner | None:
    """None: an orphan that init only inherited. Raises Unanswered."""
    manager, main = siblings.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    busybox = base(manager.exe) == "busybox"
    if claim.ref != INITTAB:
        levels = tuple(level for level in RUNLEVELS if view.exists(f"/etc/runlevels/{level}/{claim.ref}"))
        child = Child(main.pid, manager.pid, bool(view.root), busybox, claim.ref, Service(levels))
        return Read("openrc-service", claim.ref, claim.ref, f"{SUPERVISOR} of OpenRC", child, claim.evidence)
    try:
        text = view.read(TABLE)
    except FileNotFoundError:
        return None
    except OSError:
        raise Unanswered(Gap("init", f"{TABLE} cannot be read", "run it with sudo")) from None
    line = next((each for each in parse(text) if _runs(each, main)), None)
    if line is None:
        return None
    evidence = (*claim.evidence, f"{TABLE}:{line.number}: respawn")
    name, policy = f"line {line.number} of {TABLE}", f"respawn in {TABLE}"
    child = Child(main.pid, manager.pid, bool(view.root), busybox, "init", Table(line.number, text))
    return Read("openrc-service", name, line.id, policy, child, evidence)


def parse(text: str) -> tuple[Line, ...]:
    """The `respawn` lines of inittab(5): id, run levels, action, process. Busybox has the same four fields."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split(":", 3)
        if len(fields) == 4 and not line.lstrip().startswith("#") and fields[2].strip() == "respawn":
            found.append(Line(number, fields[0].strip(), fields[3].strip().lstrip("+-")))
    return tuple(found)


def _runs(line: Line, main: Process) -> bool:
    """Whether the process is the line's, started as it is or by `sh -c`."""
    words = " ".join(main.cmdline)
    plain = re.sub(r"\s+", " ", line.command)
    return bool(plain) and (words == plain or words.endswith(f"-c exec {plain}") or words.endswith(f"-c {plain}"))


def outlook(owner: Read[Child] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, f"{TABLE} could not be read")
    if action not in ("owner-stop", "owner-daemon-restart", "reboot"):
        end = exit_propagation.end_of(owner.details, facts, action, owner.details.daemon)
        return end if isinstance(end, Outlook) else _respawned(owner.details, action, end)
    if isinstance(owner.details.by, Service):
        return _openrc(owner.name, owner.details.by, action)
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "likely", "init keeps what it started when it reads its table anew")
    if action == "owner-stop" and not owner.details.in_container:
        why = "`telinit q`, once its line is commented out, ends it, and nothing starts it again"
        return Outlook.stays_away(action, "likely", why)
    return Deferred(action, True, f"init starts what {TABLE} says")


def _respawned(child: Child, action: Action, end: Ending) -> Outlook:
    by = "init" if isinstance(child.by, Table) else SUPERVISOR
    sure: Certainty = end.certainty if child.busybox and end.how != "own" else "likely"
    after = BUSYBOX_AFTER_S if child.busybox else None
    why = (end.reason, f"{by} starts it again after every end, and pauses where it ends too often")
    return Outlook.comes_back(action, by, sure, why, after_s=after)


def _openrc(name: str, service: Service, action: Action) -> Outlook:
    if action == "owner-stop":
        why = f"`rc-service {name} stop` ends it, and {SUPERVISOR} does not act on a stop"
        return Outlook.stays_away(action, "likely", why)
    if action == "owner-daemon-restart":
        return Outlook.comes_back(action, name, "likely", f"`rc-service {name} restart` starts it anew")
    if not service.runlevels:
        return Outlook.stays_away(action, "likely", "it is in no run level that OpenRC starts at boot")
    why = f"OpenRC starts it at boot: it is in the run level {service.runlevels[0]}"
    return Outlook.comes_back(action, "OpenRC", "likely", why)


def contain(owner: Read[Child] | Unread, facts: Facts) -> Containment | None:
    """None in a container: that is held."""
    if isinstance(owner, Unread):
        return single.until_read(TABLE, facts.process)
    by = owner.details.by
    if owner.details.in_container:
        return None
    if isinstance(by, Service):
        steps = (_stopped(owner.name), *_removed(owner.name, by))
        return Containment(f"Stop {owner.name} for good: over a reboot too", steps)
    keep = edited.file(
        "Keep init from starting it again", edited.Place(TABLE, by.text, by.line), f"{by.line}s/^/#/",
        effect="the line becomes a comment, and init reads its table anew and ends what the line had started",
        check=BeginsWith(f"sed -n {by.line}p {TABLE}", "#"),
        then="telinit q",
    )  # fmt: skip
    goal = f"Keep init from starting {owner.name} for good (it becomes a comment), then end what runs"
    return Containment(goal, (*single.relieve(facts.process), keep, single.end(facts.process)))


def _removed(service: str, of: Service) -> tuple[Step, ...]:
    name = quote(service)
    return tuple(
        Step(
            "Keep it stopped over a reboot",
            f"rc-update del {name} {level}",
            "OpenRC no longer starts it at boot",
            "none",
            f"rc-update add {name} {level}",
            Fails(f"rc-update show {level} | grep -w {name}"),
            phase="close",
        )
        for level in of.runlevels
    )


def _stopped(service: str) -> Step:
    name = quote(service)
    return Step(
        "Stop it",
        f"rc-service {name} stop",
        f"{SUPERVISOR} ends it and does not start it again",
        "interrupts",
        f"rc-service {name} start",
        Says(f"rc-service {name} status", ("stopped",)),
    )
