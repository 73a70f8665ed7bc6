"""Programs of supervisord.

Which ends it answers stands in `autorestart`, which its API does not tell: it is read from the configuration files.
Observed on 4.2.5: a death by any signal counts as unexpected (exit status -1), supervisord looks once a second, and
after `supervisorctl stop` a program stays stopped until supervisord itself starts anew.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Reason
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, siblings
from runaway_watchdog.owners.common.ending import Ending, How
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.supervisord import containment, left_behind
from runaway_watchdog.owners.supervisord.details import LeftBehind, Program
from runaway_watchdog.world import Unanswered, World, inside, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world import supervisord_conf
    from runaway_watchdog.world.supervisors import State

KINDS = (
    Kind(
        "supervisord-program",
        "supervisord program",
        line="supervisord program, {policy}",
        marks=("SUPERVISOR_ENABLED", "SUPERVISOR_GROUP_NAME", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_SERVER_URL"),
        advice=containment.advice,
    ),
)
LOOKS_EVERY_S = 1.0
STOPPING = "STOPPING"


def claim(facts: Facts) -> Claim | None:
    """Its parent is supervisord, by the name of its script: the program that runs is Python."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or not is_supervisord(parent):
        return left_behind.claim(facts)
    pid = facts.process.pid
    return Claim(
        "supervisord-program", str(pid), (f"/proc/{pid}/stat: its parent {parent.pid} is supervisord",), parent.pid
    )


def is_supervisord(process: Process) -> bool:
    return process.name == "supervisord" or "supervisord" in (base(word) for word in process.cmdline[:3])


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Program] | Read[LeftBehind] | None:
    """Read its configuration, and ask it. Raises Unanswered where the configuration cannot be read."""
    if claim.manager_pid is None:
        return left_behind.inspect(claim, facts, world)
    manager, main = siblings.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    path, conf = _configuration(view, manager, world)
    state = _asked(conf, view, main, world)
    group, name = (state.group, state.name) if state else _marked(main, world)
    if not name:
        raise Unanswered(Gap("supervisord", "which of its programs this is could not be read", "run it with sudo"))
    program = conf.program(group, name)
    full = name if group == name else f"{group}:{name}"
    details = Program(
        main_pid=main.pid,
        manager_pid=manager.pid,
        settings_in=path if program is None else program.section.path,
        asked=state is not None,
        state=state.state if state else "",
        in_container=bool(view.root),
        autorestart="" if program is None else program.autorestart,
        autostart=None if program is None else program.autostart,
        exit_codes=None if program is None else program.exit_codes,
        start_retries=None if program is None else program.number("startretries", 3),
        as_group=program is not None and (program.flag("stopasgroup") or program.flag("killasgroup")),
        changed_since=program is not None and _written_at(view, program.section.path) > main.started_at,
        ctl=containment.ctl(conf, path, view, manager, world),
        place=containment.place(program, view),
    )
    evidence = [*claim.evidence]
    if state:
        evidence.append(f"supervisord getAllProcessInfo: {full} is PID {state.pid}, {state.state}")
    if program is not None:
        evidence.append(f"{program.section.path}:{program.section.line}: autorestart={details.autorestart or '?'}")
    policy = f"autorestart={details.autorestart}" if details.autorestart else "not known"
    return Read("supervisord-program", full, full, policy, details, tuple(evidence))


def _marked(main: Process, world: World) -> tuple[str, str]:
    """The program's group and name, as supervisord wrote them into its environment."""
    marks = dict(procfs.marks(world.files, main.pid, KINDS[0].marks))
    return marks.get("SUPERVISOR_GROUP_NAME", ""), marks.get("SUPERVISOR_PROCESS_NAME", "")


def _configuration(view: inside.Inside, manager: Process, world: World) -> "tuple[str, supervisord_conf.Configuration]":
    """The file that it was started with, or the first of those that it looks for. Raises Unanswered."""
    from runaway_watchdog.world import supervisord_conf  # only where supervisord owns

    folder = ""
    paths = [_option(manager.cmdline)]
    if not paths[0]:
        paths = list(supervisord_conf.SEARCHED)
    elif not paths[0].startswith("/"):
        try:
            folder = world.files.target(f"{procfs.PROC}/{manager.pid}/cwd")
        except OSError:
            folder = "/"
        paths = [f"{folder}/{paths[0]}"]
    for path in paths:
        try:
            return path, supervisord_conf.read(view, path)
        except FileNotFoundError:
            continue
        except OSError:
            raise Unanswered(Gap("supervisord", f"{path} cannot be read", "run it with sudo")) from None
    raise Unanswered(
        Gap("supervisord", "its configuration file was not found", f"look: tr '\\0' ' ' </proc/{manager.pid}/cmdline")
    )


def _option(arguments: Sequence[str]) -> str:
    """The value of -c; "" without it."""
    for index, word in enumerate(arguments):
        if word in ("-c", "--configuration"):
            return arguments[index + 1] if index + 1 < len(arguments) else ""
        if word.startswith("--configuration="):
            return word.partition("=")[2]
        if word.startswith("-c") and not word.startswith("--"):
            return word[2:]
    return ""


def _asked(conf: "supervisord_conf.Configuration", view: inside.Inside, main: Process, world: World) -> "State | None":
    """What supervisord itself says of the process; None where it cannot be asked, or does not know it."""
    server = conf.server()
    if server is None:
        return None
    url, user, password = server
    from runaway_watchdog.world import supervisors  # only where supervisord owns

    try:
        if url.startswith("unix://"):
            url = f"unix://{view.path(url.removeprefix('unix://'))}"
        elif view.root:
            return None  # an address inside the container's own network
        known = supervisors.states(world.supervisors.supervisord(url, user, password))
    except (Unanswered, OSError):
        return None
    return next((each for each in known if each.pid == main.namespace_pids[-1]), None)


def _written_at(view: inside.Inside, path: str) -> float:
    try:
        return view.written_at(path)
    except OSError:
        return 0.0


def outlook(owner: Read[Program | LeftBehind] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """By autorestart for an end; by autostart for whatever starts supervisord anew."""
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, "supervisord's configuration could not be read")
    details = owner.details
    if isinstance(details, LeftBehind):
        return left_behind.outlook(details, facts, action)
    if action == "reboot":
        return Deferred(action, _along(details, facts), _autostart(owner.name, details))
    if action == "owner-daemon-restart":
        return _started_anew(owner.name, details, facts)
    if action == "owner-stop":
        return _stopped(owner.name, details, facts)
    end = exit_propagation.end_of(details, facts, action, "supervisord")
    return end if isinstance(end, Outlook) else _restarted(details, action, end)


def _restarted(program: Program, action: Action, end: Ending) -> Outlook:
    """What autorestart makes of the end of the program's own process."""
    policy = f"autorestart={program.autorestart}"
    if not program.autorestart:
        return Outlook.not_known(action, (end.reason, "its autorestart could not be read"))
    if program.state == STOPPING:
        return Outlook.stays_away(action, "likely", (end.reason, "supervisord is stopping it already"))
    possible: tuple[How, ...] = ("clean", "failure") if end.how == "own" else (end.how,)
    answers = {_answers(program, how) for how in possible}
    if len(answers) > 1 or None in answers:
        return Outlook.not_known(action, (end.reason, f"{policy} depends on the code it exits with"), by="supervisord")
    certainty = _certainty(program, end)
    if answers == {False}:
        return Outlook.stays_away(action, certainty, (end.reason, f"{policy} leaves it ended"))
    tries = program.start_retries
    limit = () if tries is None else (f"it gives up after {tries} starts that fail at once",)
    why = (end.reason, f"{policy} starts it again", *limit)
    return Outlook.comes_back(action, "supervisord", certainty, why, after_s=LOOKS_EVERY_S)


def _answers(program: Program, how: How) -> bool | None:
    """Whether it is started again after such an end; None: not known."""
    if program.autorestart != "unexpected":
        return program.autorestart == "true"
    if how in ("sigterm", "sigkill"):
        return True  # exit status -1, which no list of codes holds
    return None if program.exit_codes is None else (0 if how == "clean" else 1) not in program.exit_codes


def _certainty(program: Program, end: Ending) -> Certainty:
    """A file that was edited after the start may not be what supervisord goes by; nor what could not be confirmed."""
    if end.how == "own" or program.changed_since or not program.asked:
        return "likely" if end.certainty == "certain" else end.certainty
    return end.certainty


def _stopped(name: str, program: Program, facts: Facts) -> Outlook:
    line, main = f"`supervisorctl stop {name}`", program.main_pid
    reached = program.as_group or exit_propagation.reaches(facts, program)
    if reached is False:
        why = f"{line} signals {main} alone (stopasgroup=false), and this one goes on without it"
        return Outlook.goes_on("owner-stop", "likely", why)
    if reached is None:
        why = f"{line} signals {main} alone (stopasgroup=false): what that does with this one is its own"
        return Outlook.not_known("owner-stop", why)
    why = f"{line} ends it, with SIGKILL in the end, and autorestart does not act on a stop"
    return Outlook.stays_away("owner-stop", "certain", why)


def _autostart(name: str, program: Program) -> str:
    word = {True: "true", False: "false", None: "not known"}[program.autostart]
    return f"autostart={word} of {name}"


def _along(program: Program, facts: Facts) -> bool | None:
    """Whether a new supervisord brings this process back."""
    return exit_propagation.comes_along(facts, program, program.autostart)


def _started_anew(name: str, program: Program, facts: Facts) -> Outlook:
    """A restart of supervisord stops its programs, as `supervisorctl stop` does, and starts those with autostart."""
    action: Action = "owner-daemon-restart"
    stop, along, autostart = _stopped(name, program, facts), _along(program, facts), _autostart(name, program)
    if not stop.ends:
        return stop._replace(action=action, reasons=(*stop.reasons, Reason(f"{autostart} starts a second one")))
    why = ("supervisord ends its programs when it is restarted", f"{autostart} decides over its start")
    return Outlook.ended(action, "unknown" if along is None else "likely", why, returns=along, by="supervisord")


def contain(owner: Read[Program | LeftBehind] | Unread, facts: Facts) -> Containment | None:
    if isinstance(owner, Unread):
        return Containment("Hold it still until supervisord's configuration can be read", single.relieve(facts.process))
    details = owner.details
    if isinstance(details, LeftBehind):
        return left_behind.contain(owner.name, facts)
    return containment.contain(details, owner.name, facts)
