"""Services of runit, s6 and daemontools: one small supervisor for each service, all under one that scans a folder.

They are the same but for their programs' names, the file that tells what is wanted, and how long they wait.
Observed on Debian 12 (runit 2.1.2, s6 2.11, daemontools 0.76): every end is answered, also exit code 0; `once` (s6:
`-O`) lets it run and does not start it again; a file `down` keeps a new supervisor from starting it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from shlex import quote
from typing import Any, NamedTuple

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, KindName, Outlook
from runaway_watchdog.model.plan import Advice, Containment, Says, Step, Succeeds
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, identity
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.docker import container, containment as docker_containment
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import acting, single
from runaway_watchdog.world import Unanswered, World, inside, procfs

UP, DOWN, ONCE = "up", "down", "once"
FOLDERS = ("/command", "/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin")
"""Where a container may have the suite's programs; the first is s6-overlay's."""


def _runit_wants(status: bytes) -> str | None:
    """supervise/status of runit: 20 bytes, the 18th says "u" or "d"."""
    return {ord("u"): UP, ord("d"): DOWN}.get(status[17]) if len(status) == 20 else None


def _daemontools_wants(status: bytes) -> str | None:
    """supervise/status of daemontools: 18 bytes; a zero at the end: neither up nor down is wanted (`svc -o`)."""
    return {ord("u"): UP, ord("d"): DOWN, 0: ONCE}.get(status[17]) if len(status) == 18 else None


def _s6_wants(status: bytes) -> str | None:
    """supervise/status of s6: 35 bytes, 43 in newer ones; the third bit of the last one is "wanted up"."""
    return (UP if status[-1] & 4 else DOWN) if len(status) in (35, 43) else None


def _pid(status: bytes) -> int:
    """Of the service, in supervise/status: little-endian and 32 bits wide, after a time of 12 bytes; of s6 after two
    such times, big-endian and 64 bits wide. 0: it does not run, or that is not told."""
    if len(status) in (18, 20):
        return int.from_bytes(status[12:16], "little")
    return int.from_bytes(status[24:32], "big") if len(status) in (35, 43) else 0


class Suite(NamedTuple):
    """One of the three: its programs, and what its users type."""

    kind: KindName
    supervisor: str
    scanner: str
    comm: str  # as the kernel cuts the supervisor's name
    wants: Callable[[bytes], str | None]
    down: str
    up: str
    once: str
    status: str
    after_s: float  # from an end to the next start, for a service that ran for longer than a second


SUITES = (
    Suite(
        "runit-service", "runsv", "runsvdir", "runsv", _runit_wants,
        "sv down", "sv up", "sv once", "sv status", 0.1,
    ),
    Suite(
        "s6-service", "s6-supervise", "s6-svscan", "s6-supervise", _s6_wants,
        "s6-svc -d", "s6-svc -u", "s6-svc -O", "s6-svstat", 1.0,
    ),
    Suite(
        "daemontools-service", "supervise", "svscan", "supervise", _daemontools_wants,
        "svc -d", "svc -u", "svc -o", "svstat", 0.1,
    ),
)  # fmt: skip
BY_KIND = {suite.kind: suite for suite in SUITES}


class Service(NamedTuple):
    """What is known of one service."""

    main_pid: int
    manager_pid: int
    folder: str
    wants: str  # up, down, once; "" where that could not be read
    down_file: bool  # keeps a new supervisor from starting it
    finish: bool  # a script runs after each end
    daemon: str  # the scanner
    in_container: bool
    user: str | None = None  # whose supervisor it is; None: root's
    tools: str = ""  # what the suite's commands begin with here: `docker exec ID /command/`

    def shown(self) -> Mapping[str, Any]:
        shown = self._asdict()
        del shown["user"], shown["tools"]
        return shown


def claim(facts: Facts) -> Claim | None:
    """Its parent is one of the three supervisors, by the file that runs."""
    parent = facts.ancestors[0] if facts.ancestors else None
    suite = None if parent is None or parent.pid == 1 else _suite(parent)
    if parent is None or suite is None or not identity.may_start(parent, facts.process):
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


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Service] | None:
    """Read the service's folder, which is its supervisor's working directory. None: it only bears the name of one.
    Raises Unanswered."""
    line = (facts.process, *facts.ancestors)
    main = next(each for each in line if str(each.pid) == claim.ref)
    manager = line[line.index(main) + 1]
    suite = BY_KIND[claim.kind]
    if not identity.genuine(manager, world):
        return None
    folder = f"{procfs.PROC}/{manager.pid}/cwd"
    try:
        shown = world.files.target(folder)
        status = world.files.read(f"{folder}/supervise/status").encode("utf-8", "surrogateescape")
        down_file = world.files.exists(f"{folder}/down")
        finish = world.files.exists(f"{folder}/finish")
    except OSError:
        raise Unanswered(Gap(suite.scanner, "the folder of its service cannot be read", "run it with sudo")) from None
    wants = suite.wants(status) or ""
    view = inside.of(world.files, manager)
    user, tools = acting.user_of(manager), _tools(suite, view, manager, world) if view.root else ""
    details = Service(
        main.pid, manager.pid, shown, wants, down_file, finish, suite.scanner, bool(view.root), user, tools
    )
    policy = f"wanted {wants or 'not known'}"
    evidence = (*claim.evidence, f"{shown}/supervise/status: {policy}")
    return Read(claim.kind, base(shown) or claim.ref, shown, policy, details, evidence)


def _tools(suite: Suite, view: inside.Inside, manager: Process, world: World) -> str:
    """How its container is had to run them; "" where that is not known. `docker exec` does not know s6-overlay's
    /command, which is on the PATH of what runs in it alone."""
    container_id = container.container_id(manager.control_group)
    folder = next((each for each in FOLDERS if view.exists(f"{each}/{suite.down.split()[0]}")), None)
    if container_id is None or folder is None:
        return ""
    try:
        client = docker_containment.client(world)
    except Unanswered:
        return ""
    return f"{client} exec {container_id[:SHORT_ID]} {folder}/"


def found(suite: Suite, folder: str, user: str | None, world: World) -> Service:
    """A service of a scanner that runs, as its own files tell it. Up is not wanted where they do not."""
    try:
        status = world.files.read(f"{folder}/supervise/status").encode("utf-8", "surrogateescape")
    except OSError:
        status = b""
    down, finish = (world.files.exists(f"{folder}/{name}") for name in ("down", "finish"))
    wants = suite.wants(status) or ""
    return Service(_pid(status), 0, folder, wants, down, finish, suite.scanner, in_container=False, user=user)


def stopped(suite: Suite, service: Service) -> tuple[Step, ...]:
    """Down now, and at every later start; what is down already is kept so."""
    keep = () if service.down_file else (_keep(service),)
    return (_down(suite, service), *keep) if service.wants == UP else keep


def outlook(owner: Read[Service] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """Up is wanted: every end is answered. A `down` file decides over every new start of the supervisor."""
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, "its supervisor's folder could not be read")
    service, suite = owner.details, BY_KIND[owner.kind]
    if action == "reboot":
        return Deferred(action, _along(service, facts), _start(service))
    if action == "owner-daemon-restart":
        return _started_anew(suite, service, facts)
    if action == "owner-stop":
        return _stopped(suite, service, facts)
    end = exit_propagation.end_of(service, facts, action, suite.supervisor)
    return end if isinstance(end, Outlook) else _answered(suite, service, action, end)


def _answered(suite: Suite, service: Service, action: Action, end: Ending) -> Outlook:
    by = suite.supervisor
    if not service.wants:
        return Outlook.not_known(action, (end.reason, f"whether {by} wants it up could not be read"))
    if service.wants != UP:
        why = f"{by} does not want it up again (`{suite.once}` was typed)"
        return Outlook.stays_away(action, end.certainty, (end.reason, why))
    finish = ", once its finish script has run" if service.finish else ""
    certainty = "likely" if service.finish and end.certainty == "certain" else end.certainty
    again = (end.reason, f"{by} starts it again after every end{finish}")
    return Outlook.comes_back(action, by, certainty, again, after_s=suite.after_s)


def _stopped(suite: Suite, service: Service, facts: Facts) -> Outlook:
    line, alone = f"`{suite.down} {service.folder}`", f"signals {service.main_pid} alone"
    reached = exit_propagation.reaches(facts, service)
    if reached is False:
        return Outlook.goes_on("owner-stop", "likely", f"{line} {alone}, and this one goes on without it")
    if reached is None:
        return Outlook.not_known("owner-stop", f"{line} {alone}: what that does with this one is its own")
    end = ending(facts.process, "sigterm")
    waits = f"{line} sends SIGTERM and waits: {end.why}"
    if not end.ends:
        return Outlook.goes_on("owner-stop", "likely", waits)
    if end.how == "own":
        return Outlook.stays_away("owner-stop", "likely", waits)
    return Outlook.stays_away("owner-stop", "certain", f"{line} ends it, and it is not wanted up any more")


def _start(service: Service) -> str:
    down = "keeps it down" if service.down_file else "is not there, so it is started"
    return f"{service.folder}/down {down}"


def _along(service: Service, facts: Facts) -> bool | None:
    """Whether a new supervisor starts this process again."""
    return exit_propagation.comes_along(facts, service, not service.down_file)


def _started_anew(suite: Suite, service: Service, facts: Facts) -> Outlook:
    """The scanner is restarted as its unit does it: every supervisor stops its service, and a new one starts it."""
    action: Action = "owner-daemon-restart"
    scanner = service.daemon
    if suite.kind == "daemontools-service":
        return Outlook.goes_on(action, "likely", f"supervise and its service go on without {scanner}")
    along = _along(service, facts)
    why = (f"a new {scanner} starts a new supervisor", _start(service))
    return Outlook.ended(action, "unknown" if along is None else "likely", why, returns=along, by=scanner)


def contain(owner: Read[Service] | Unread, facts: Facts) -> Containment | None:
    """Down now, then `down` in the folder for every later start. In a container only the first: None where it cannot
    be told so, and the container is held."""
    if isinstance(owner, Unread):
        return Containment("Hold it still until the folder of its service can be read", single.relieve(facts.process))
    service = owner.details
    if service.in_container and not service.tools:
        return None
    goal = f"Stop {owner.name} for good: over a reboot too"
    left = () if exit_propagation.reaches(facts, service) else (single.end(facts.process),)
    down = _down(BY_KIND[owner.kind], service)
    if service.in_container:
        door = f"a start of its container, or of {service.daemon} in it"
        goal = f"Stop {owner.name} until its container, or {service.daemon} in it, is started again"
        return Containment(goal, (down, *left), (door,))
    keep = () if service.down_file else (_keep(service),)
    return Containment(goal, (down, *left, *keep))


def _keep(service: Service) -> Step:
    file = quote(f"{service.folder}/down")
    return Step(
        "Keep it down later too",
        acting.look(service.user, f"touch {file}") if service.user else f"[ ! -L {file} ] && touch {file}",
        "a new supervisor, or the next boot, does not start it; now nothing changes",
        "none",
        acting.look(service.user, f"rm {file}"),
        Succeeds(acting.look(service.user, f"ls {file}")),
        phase="close",
    )


def _down(suite: Suite, service: Service) -> Step:
    undo = suite.up if service.wants == UP else suite.once

    def told(command: str) -> str:
        line = f"{service.tools}{command} {quote(service.folder)}"
        return line if service.tools else acting.run(service.user, line)

    return Step(
        "Stop it",
        told(suite.down),
        f"{suite.supervisor} ends it and does not start it again",
        "interrupts",
        told(undo),
        Says(told(suite.status), ("down",)),
    )


def advice(owner: Owner, world: World) -> Iterator[Advice]:
    """Less weight, where its run script is a shell's and ends with a plain `exec`."""
    service = owner.details if isinstance(owner, Read) else None
    if not isinstance(service, Service) or service.in_container:
        return
    path = f"{service.folder}/run"
    try:
        first, *others = [line for line in lines_of(world.files.read(path)) if line.strip()]
    except (OSError, ValueError):
        return
    last = EXEC.fullmatch(others[-1]) if others and SCRIPT.match(first) else None
    if last is None or last["command"].startswith("nice ") or (first, *others)[-2].endswith("\\"):
        return
    line = f"exec nice -n 19 {last['command']}"
    yield Advice("less weight from its next start on", f"{path}: its last line", (line,))


SCRIPT = re.compile(r"#!\s*\S*/(?:env\s+)?(?:ba|da|k|z)?sh\b")
EXEC = re.compile(r"\s*exec\s+(?P<command>[A-Za-z/.\"'$].*)")
KINDS = (
    Kind("runit-service", "runit service", line="runit service, {policy}", advice=advice),
    Kind("s6-service", "s6 service", line="s6 service, {policy}", advice=advice),
    Kind("daemontools-service", "daemontools service", line="daemontools service, {policy}", advice=advice),
)
