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
from runaway_watchdog.owners.common import exit_propagation as passing, siblings as beside
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import Unanswered, World, inside

KINDS = ("openrc-service",)
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
    manager, main = beside.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    shown: dict[str, Any] = {
        "main_pid": main.pid,
        "manager_pid": manager.pid,
        "in_container": bool(view.root),
        "busybox": base(manager.exe) == "busybox",
        "daemon": "init" if claim.ref == INITTAB else claim.ref,
    }
    if claim.ref != INITTAB:
        levels = [level for level in RUNLEVELS if view.exists(f"/etc/runlevels/{level}/{claim.ref}")]
        shown["runlevels"] = levels
        return Read("openrc-service", claim.ref, claim.ref, f"{SUPERVISOR} of OpenRC", Bag(shown), claim.evidence)
    try:
        text = view.read(TABLE)
    except FileNotFoundError:
        return None
    except OSError:
        raise Unanswered(Gap("init", f"{TABLE} cannot be read", "run it with sudo")) from None
    line = next((each for each in parse(text) if _runs(each, main)), None)
    if line is None:
        return None
    shown |= {"table": TABLE, "line": line.number}
    evidence = (*claim.evidence, f"{TABLE}:{line.number}: respawn")
    raw = {} if view.root else {"text": text, "line": line.number}
    return Read(
        "openrc-service", f"line {line.number} of {TABLE}", line.id, f"respawn in {TABLE}", Bag(shown, raw), evidence
    )


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


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    if not owner.facts:
        return passing.unread(facts, action, f"{TABLE} could not be read")
    if "table" not in owner.facts and action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return _openrc(owner, action)
    if action == "owner-stop" and not owner.facts["in_container"]:
        why = "`telinit q`, once its line is commented out, ends it, and nothing starts it again"
        return Outlook.stays_away(action, "likely", why)
    if action in ("owner-stop", "reboot"):
        return Deferred(action, True, f"init starts what {TABLE} says")
    if action == "owner-daemon-restart":
        why = "init keeps what it started when it reads its table anew"
        return Outlook.goes_on(action, "likely", why)
    end = passing.end_of(owner, facts, action, str(owner.facts["daemon"]))
    if isinstance(end, Outlook):
        return end
    return _respawned(owner, action, end)


def _respawned(owner: Owner, action: Action, end: Ending) -> Outlook:
    by = "init" if "table" in owner.facts else SUPERVISOR
    sure: Certainty = end.certainty if owner.facts["busybox"] else "likely"
    after = BUSYBOX_AFTER_S if owner.facts["busybox"] else None
    why = (end.reason, f"{by} starts it again after every end, and pauses where it ends too often")
    return Outlook.comes_back(action, by, "likely" if end.how == "own" else sure, why, after_s=after)


def _openrc(owner: Owner, action: Action) -> Outlook:
    if action == "owner-stop":
        why = f"`rc-service {owner.name} stop` ends it, and {SUPERVISOR} does not act on a stop"
        return Outlook.stays_away(action, "likely", why)
    if action == "owner-daemon-restart":
        why = f"`rc-service {owner.name} restart` starts it anew"
        return Outlook.comes_back(action, owner.name, "likely", why)
    levels = owner.facts["runlevels"]
    if not levels:
        return Outlook.stays_away(action, "likely", "it is in no run level that OpenRC starts at boot")
    why = f"OpenRC starts it at boot: it is in the run level {levels[0]}"
    return Outlook.comes_back(action, "OpenRC", "likely", why)


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """None in a container: that is held."""
    if owner.facts.get("in_container"):
        return None
    if not owner.facts:
        return Containment(f"Hold it still until {TABLE} can be read", single.relieve(facts.process))
    if "table" not in owner.facts:
        return Containment(f"Stop {owner.name} for good: over a reboot too", (_stopped(owner), *_removed(owner)))
    sed = f"{owner.raw['line']}s/^/#/"
    keep = edited.file(
        "Keep init from starting it again", TABLE, owner.raw["text"], sed,
        effect="the line becomes a comment, and init reads its table anew and ends what the line had started",
        check=BeginsWith(f"sed -n {owner.raw['line']}p {TABLE}", "#"),
        then="telinit q",
    )  # fmt: skip
    goal = f"Keep init from starting {owner.name} for good (it becomes a comment), then end what runs"
    return Containment(goal, (*single.relieve(facts.process), keep, single.end(facts.process)))


def _removed(owner: Owner) -> tuple[Step, ...]:
    name = quote(owner.name)
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
        for level in owner.facts["runlevels"]
    )


def _stopped(owner: Owner) -> Step:
    name = quote(owner.name)
    return Step(
        "Stop it",
        f"rc-service {name} stop",
        f"{SUPERVISOR} ends it and does not start it again",
        "interrupts",
        f"rc-service {name} start",
        Says(f"rc-service {name} status", ("stopped",)),
    )
