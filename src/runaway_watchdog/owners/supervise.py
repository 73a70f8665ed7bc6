"""Services of runit, s6 and daemontools: one small supervisor for each service, all under one that scans a folder.

They are the same but for their programs' names, the file that tells what is wanted, and how long they wait.
Observed on Debian 12 (runit 2.1.2, s6 2.11, daemontools 0.76): every end is answered, also exit code 0; `once` (s6:
`-O`) lets it run and does not start it again; a file `down` keeps a new supervisor from starting it.
"""

from collections.abc import Callable
from shlex import quote
from typing import Any, NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Kind, Outlook, reasons
from runaway_watchdog.model.plan import Containment, Says, Step, Succeeds
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation as passing
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World, inside, procfs

KINDS = ("runit-service", "s6-service", "daemontools-service")
UP, DOWN, ONCE = "up", "down", "once"


def _runit_wants(status: bytes) -> str | None:
    """supervise/status of runit: 20 bytes, the 18th says "u" or "d"."""
    return {ord("u"): UP, ord("d"): DOWN}.get(status[17]) if len(status) == 20 else None


def _daemontools_wants(status: bytes) -> str | None:
    """supervise/status of daemontools: 18 bytes; a zero at the end: neither up nor down is wanted (`svc -o`)."""
    return {ord("u"): UP, ord("d"): DOWN, 0: ONCE}.get(status[17]) if len(status) == 18 else None


def _s6_wants(status: bytes) -> str | None:
    """supervise/status of s6: 35 bytes, 43 in newer ones; the third bit of the last one is "wanted up"."""
    return (UP if status[-1] & 4 else DOWN) if len(status) in (35, 43) else None


class Suite(NamedTuple):
    """One of the three: its programs, and what its users type."""

    kind: Kind
    supervisor: str
    scanner: str
    comm: str  # as the kernel cuts the supervisor's name
    wants: Callable[[bytes], str | None]
    down: str
    up: str
    status: str
    after_s: float  # from an end to the next start, for a service that ran for longer than a second


SUITES = (
    Suite("runit-service", "runsv", "runsvdir", "runsv", _runit_wants, "sv down", "sv up", "sv status", 0.1),
    Suite(
        "s6-service", "s6-supervise", "s6-svscan", "s6-supervise", _s6_wants, "s6-svc -d", "s6-svc -u", "s6-svstat", 1.0
    ),
    Suite(
        "daemontools-service", "supervise", "svscan", "supervise", _daemontools_wants, "svc -d", "svc -u", "svstat", 0.1
    ),
)
BY_KIND = {suite.kind: suite for suite in SUITES}


def claim(facts: Facts) -> Claim | None:
    """Its parent is one of the three supervisors, by the file that runs."""
    parent = facts.ancestors[0] if facts.ancestors else None
    suite = None if parent is None or parent.pid == 1 else _suite(parent)
    if parent is None or suite is None:
        return None
    pid = facts.process.pid
    evidence = f"/proc/{pid}/stat: its parent {parent.pid} is {suite.supervisor}"
    return Claim(suite.kind, str(pid), (evidence,), _outermost(facts, suite).pid)


def _outermost(facts: Facts, suite: Suite) -> Process:
    """The scanner, which starts the supervisor; the supervisor itself where that runs without one."""
    parent, *above = facts.ancestors
    scanner = above[0] if above else parent
    return scanner if base(scanner.exe) == suite.scanner or scanner.name == suite.scanner else parent


def _suite(process: Process) -> Suite | None:
    name = base(process.exe) or process.name
    return next((suite for suite in SUITES if name in (suite.supervisor, suite.comm)), None)


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Read the service's folder, which is its supervisor's working directory. Raises Unanswered."""
    line = (facts.process, *facts.ancestors)
    main = next(each for each in line if str(each.pid) == claim.ref)
    manager = line[line.index(main) + 1]
    suite = BY_KIND[claim.kind]
    folder = f"{procfs.PROC}/{manager.pid}/cwd"
    try:
        shown = world.files.target(folder)
        status = world.files.read(f"{folder}/supervise/status").encode("utf-8", "surrogateescape")
        down_file = world.files.exists(f"{folder}/down")
        finish = world.files.exists(f"{folder}/finish")
    except OSError:
        raise Unanswered(Gap(suite.scanner, "the folder of its service cannot be read", "run it with sudo")) from None
    wants = suite.wants(status)
    name = base(shown) or claim.ref
    found: dict[str, Any] = {
        "main_pid": main.pid,
        "manager_pid": manager.pid,
        "folder": shown,
        "wants": wants or "",
        "down_file": down_file,
        "finish": finish,
        "daemon": suite.scanner,
        "in_container": bool(inside.of(world.files, manager).root),
    }
    evidence = (*claim.evidence, f"{shown}/supervise/status: wanted {wants or 'not known'}")
    return Read(claim.kind, name, shown, f"wanted {wants or 'not known'}", Bag(found), evidence)


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    """Up is wanted: every end is answered. A `down` file decides over every new start of the supervisor."""
    if not owner.facts:
        return passing.unread(facts, action, "its supervisor's folder could not be read")
    if action == "reboot":
        return Deferred(action, _along(owner, facts), _start(owner))
    if action == "owner-daemon-restart":
        return _started_anew(owner, facts)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = passing.end_of(owner, facts, action, BY_KIND[owner.kind].supervisor)
    if isinstance(end, Outlook):
        return end
    return _answered(owner, action, end)


def _answered(owner: Owner, action: Action, end: Ending) -> Outlook:
    suite, wants = BY_KIND[owner.kind], owner.facts["wants"]
    if not wants:
        why = f"{end.why}; whether {suite.supervisor} wants it up could not be read"
        return Outlook.not_known(action, why)
    if wants != UP:
        why = f"{end.why}; {suite.supervisor} does not want it up again (`{_words(suite)[1]}` was typed)"
        return Outlook.stays_away(action, end.certainty, why)
    why = f"{end.why}; {suite.supervisor} starts it again after every end"
    certainty = end.certainty
    if owner.facts["finish"]:
        why = f"{why}, once its finish script has run"
        certainty = "likely" if certainty == "certain" else certainty
    return Outlook.comes_back(action, suite.supervisor, certainty, why, after_s=suite.after_s)


def _words(suite: Suite) -> tuple[str, str]:
    """How a service is stopped, and how it is told to run just once."""
    return suite.down, {"sv down": "sv once", "s6-svc -d": "s6-svc -O", "svc -d": "svc -o"}[suite.down]


def _stopped(owner: Owner, facts: Facts) -> Outlook:
    line = f"`{BY_KIND[owner.kind].down} {owner.facts['folder']}`"
    reached = passing.reaches(facts, owner.facts["main_pid"], owner.facts["manager_pid"])
    if reached is False:
        why = f"{line} signals {owner.facts['main_pid']} alone, and this one goes on without it"
        return Outlook.goes_on("owner-stop", "likely", why)
    if reached is None:
        why = f"{line} signals {owner.facts['main_pid']} alone: what that does with this one is its own"
        return Outlook.not_known("owner-stop", why)
    end = ending(facts.process, "sigterm")
    if not end.ends or end.how == "own":
        why = f"{line} sends SIGTERM and waits: {end.why}"
        return Outlook("owner-stop", end.ends, False, None, None, "likely", reasons(why))
    return Outlook.stays_away("owner-stop", "certain", f"{line} ends it, and it is not wanted up any more")


def _start(owner: Owner) -> str:
    down = "keeps it down" if owner.facts["down_file"] else "is not there, so it is started"
    return f"{owner.facts['folder']}/down {down}"


def _along(owner: Owner, facts: Facts) -> bool | None:
    """Whether a new supervisor starts this process again."""
    if owner.facts["down_file"]:
        return False
    main = facts.process.pid == owner.facts["main_pid"]
    return True if main or passing.waits(facts, owner.facts["manager_pid"]) else None


def _started_anew(owner: Owner, facts: Facts) -> Outlook:
    """The scanner is restarted as its unit does it: every supervisor stops its service, and a new one starts it."""
    action: Action = "owner-daemon-restart"
    along = _along(owner, facts)
    scanner = owner.facts["daemon"]
    why = f"a new {scanner} starts a new supervisor; {_start(owner)}"
    if owner.kind == "daemontools-service":
        return Outlook.goes_on(action, "likely", f"supervise and its service go on without {scanner}")
    if along is None:
        return Outlook.not_known(action, why)
    return Outlook(action, True, along, scanner if along else None, None, "likely", reasons(why))


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """Down now, then `down` in the folder for every later start. None in a container: that is held."""
    if owner.facts.get("in_container"):
        return None
    if not owner.facts:
        return Containment("Hold it still until the folder of its service can be read", single.relieve(facts.process))
    goal = f"Stop {owner.name} for good: over a reboot too"
    reached = passing.reaches(facts, owner.facts["main_pid"], owner.facts["manager_pid"])
    left = () if reached else (single.end(facts.process),)
    keep = () if owner.facts["down_file"] else (_keep(owner),)
    return Containment(goal, (_down(owner), *left, *keep))


def _keep(owner: Owner) -> Step:
    file = quote(f"{owner.facts['folder']}/down")
    return Step(
        "Keep it down later too",
        f"touch {file}",
        "a new supervisor, or the next boot, does not start it; now nothing changes",
        "none",
        f"rm {file}",
        Succeeds(f"ls {file}"),
        phase="close",
    )


def _down(owner: Owner) -> Step:
    suite, folder = BY_KIND[owner.kind], quote(owner.facts["folder"])
    undo = suite.up if owner.facts["wants"] == UP else _words(suite)[1]
    return Step(
        "Stop it",
        f"{suite.down} {folder}",
        f"{suite.supervisor} ends it and does not start it again",
        "interrupts",
        f"{undo} {folder}",
        Says(f"{suite.status} {folder}", ("down",)),
    )
