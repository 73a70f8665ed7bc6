"""Programs of supervisord.

Which ends it answers stands in `autorestart`, which its API does not tell: it is read from the configuration files.
Observed on 4.2.5: a death by any signal counts as unexpected (exit status -1), supervisord looks once a second, and
after `supervisorctl stop` a program stays stopped until supervisord itself starts anew.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Reason, reasons
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation as passing, siblings as beside
from runaway_watchdog.owners.common.ending import Ending, How
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.supervisord import containment as supervisord_hold, left_behind as supervisord_left
from runaway_watchdog.world import Unanswered, World, inside, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world.supervisord_conf import Configuration, Program

KINDS = ("supervisord-program",)
LOOKS_EVERY_S = 1.0
STOPPING = "STOPPING"


def claim(facts: Facts) -> Claim | None:
    """Its parent is supervisord, by the name of its script: the program that runs is Python."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or not is_supervisord(parent):
        return supervisord_left.claim(facts)
    pid = facts.process.pid
    return Claim(
        "supervisord-program", str(pid), (f"/proc/{pid}/stat: its parent {parent.pid} is supervisord",), parent.pid
    )


def is_supervisord(process: Process) -> bool:
    return process.name == "supervisord" or "supervisord" in (base(word) for word in process.cmdline[:3])


def inspect(claim: Claim, facts: Facts, world: World) -> Owner | None:
    """Read its configuration, and ask it. Raises Unanswered where the configuration cannot be read."""
    if claim.manager_pid is None:
        return supervisord_left.inspect(claim, facts, world)
    manager, main = beside.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    path, conf = _configuration(view, manager, world)
    told = _told(conf, view, main, world)
    marks = dict(procfs.marks(world.files, main.pid))
    group = str(told["group"]) if told else marks.get("SUPERVISOR_GROUP_NAME", "")
    name = str(told["name"]) if told else marks.get("SUPERVISOR_PROCESS_NAME", "")
    if not name:
        raise Unanswered(Gap("supervisord", "which of its programs this is could not be read", "run it with sudo"))
    program = conf.program(group, name)
    full = name if group == name else f"{group}:{name}"
    found = {
        "main_pid": main.pid,
        "manager_pid": manager.pid,
        "settings_in": [path if program is None else program.section.path],
        "asked": told is not None,
        "state": str(told["statename"]) if told else "",
        "in_container": bool(view.root),
        "daemon": "supervisord",
        **_policy(program),
    }
    found["changed_since"] = program is not None and _written_at(view, program.section.path) > main.started_at
    evidence = [*claim.evidence]
    if told:
        evidence.append(f"supervisord getAllProcessInfo: {full} is PID {told['pid']}, {told['statename']}")
    if program is not None:
        evidence.append(f"{program.section.path}:{program.section.line}: autorestart={found['autorestart'] or '?'}")
    raw = supervisord_hold.raw(program, conf, path, view, manager, world)
    policy = f"autorestart={found['autorestart']}" if found["autorestart"] else "not known"
    return Read("supervisord-program", full, full, policy, Bag(found, raw), tuple(evidence))


def _configuration(view: inside.Inside, manager: Process, world: World) -> "tuple[str, Configuration]":
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


def _told(conf: "Configuration", view: inside.Inside, main: Process, world: World) -> Mapping[str, Any] | None:
    """What supervisord itself says of the process; None where it cannot be asked, or does not know it."""
    server = conf.server()
    if server is None:
        return None
    url, user, password = server
    try:
        if url.startswith("unix://"):
            url = f"unix://{view.path(url.removeprefix('unix://'))}"
        elif view.root:
            return None  # an address inside the container's own network
        known = world.supervisors.supervisord(url, user, password)
    except (Unanswered, OSError):
        return None
    return next((each for each in known if each.get("pid") == main.namespace_pids[-1]), None)


def _written_at(view: inside.Inside, path: str) -> float:
    try:
        return view.written_at(path)
    except OSError:
        return 0.0


def _policy(program: "Program | None") -> dict[str, Any]:
    if program is None:
        return {"autorestart": "", "autostart": None, "exit_codes": None, "start_retries": None, "as_group": False}
    return {
        "autorestart": program.autorestart,
        "autostart": program.autostart,
        "exit_codes": None if program.exit_codes is None else list(program.exit_codes),
        "start_retries": program.number("startretries", 3),
        "as_group": program.flag("stopasgroup") or program.flag("killasgroup"),
    }


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    """By autorestart for an end; by autostart for whatever starts supervisord anew."""
    if not owner.facts:
        return passing.unread(facts, action, "supervisord's configuration could not be read")
    if owner.facts.get("left_behind"):
        return supervisord_left.outlook(owner, facts, action)
    if action == "reboot":
        return Deferred(action, _along(owner, facts), _autostart(owner))
    if action == "owner-daemon-restart":
        return _started_anew(owner, facts)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = passing.end_of(owner, facts, action, "supervisord")
    if isinstance(end, Outlook):
        return end
    return _restarted(owner, action, end)


def _restarted(owner: Owner, action: Action, end: Ending) -> Outlook:
    """What autorestart makes of the end of the program's own process."""
    policy = owner.facts["autorestart"]
    told = f"{end.why}; autorestart={policy}"
    if not policy:
        return Outlook.not_known(action, (end.reason, "its autorestart could not be read"))
    if owner.facts["state"] == STOPPING:
        return Outlook.stays_away(action, "likely", (end.reason, "supervisord is stopping it already"))
    certainty = _certainty(owner, end)
    possible: tuple[How, ...] = ("clean", "failure") if end.how == "own" else (end.how,)
    answers = {_answers(owner, how) for how in possible}
    if len(answers) > 1 or None in answers:
        why = (end.reason, f"autorestart={policy} depends on the code it exits with")
        return Outlook.not_known(action, why, by="supervisord")
    if answers == {False}:
        return Outlook.stays_away(action, certainty, f"{told} leaves it ended")
    tries = owner.facts["start_retries"]
    limit = "" if tries is None else f"; it gives up after {tries} starts that fail at once"
    return Outlook.comes_back(action, "supervisord", certainty, f"{told} starts it again{limit}", after_s=LOOKS_EVERY_S)


def _answers(owner: Owner, how: How) -> bool | None:
    """Whether it is started again after such an end; None: not known."""
    policy, codes = owner.facts["autorestart"], owner.facts["exit_codes"]
    if policy != "unexpected":
        return bool(policy == "true")
    if how in ("sigterm", "sigkill"):
        return True  # exit status -1, which no list of codes holds
    return None if codes is None else (0 if how == "clean" else 1) not in codes


def _certainty(owner: Owner, end: Ending) -> Certainty:
    """A file that was edited after the start may not be what supervisord goes by; nor what could not be confirmed."""
    if end.how == "own" or owner.facts["changed_since"] or not owner.facts["asked"]:
        return "likely" if end.certainty == "certain" else end.certainty
    return end.certainty


def _stopped(owner: Owner, facts: Facts) -> Outlook:
    line, main = f"`supervisorctl stop {owner.name}`", owner.facts["main_pid"]
    reached = owner.facts["as_group"] or passing.reaches(facts, main, owner.facts["manager_pid"])
    if reached is False:
        why = f"{line} signals {main} alone (stopasgroup=false), and this one goes on without it"
        return Outlook.goes_on("owner-stop", "likely", why)
    if reached is None:
        why = f"{line} signals {main} alone (stopasgroup=false): what that does with this one is its own"
        return Outlook.not_known("owner-stop", why)
    why = f"{line} ends it, with SIGKILL in the end, and autorestart does not act on a stop"
    return Outlook.stays_away("owner-stop", "certain", why)


def _autostart(owner: Owner) -> str:
    word = {True: "true", False: "false", None: "not known"}[owner.facts["autostart"]]
    return f"autostart={word} of {owner.name}"


def _along(owner: Owner, facts: Facts) -> bool | None:
    """Whether a new supervisord brings this process back."""
    started: bool | None = owner.facts["autostart"]
    main = facts.process.pid == owner.facts["main_pid"] or passing.waits(facts, owner.facts["manager_pid"])
    return started if main or started is False else None


def _started_anew(owner: Owner, facts: Facts) -> Outlook:
    """A restart of supervisord stops its programs, as `supervisorctl stop` does, and starts those with autostart."""
    stop, along = _stopped(owner, facts), _along(owner, facts)
    if not stop.ends:
        return stop._replace(
            action="owner-daemon-restart", reasons=(*stop.reasons, Reason(f"{_autostart(owner)} starts a second one"))
        )
    why = f"supervisord ends its programs when it is restarted; {_autostart(owner)} decides over its start"
    certainty: Certainty = "unknown" if along is None else "likely"
    return Outlook("owner-daemon-restart", True, along, "supervisord" if along else None, None, certainty, reasons(why))


def contain(owner: Owner, facts: Facts) -> Containment | None:
    if owner.facts.get("left_behind"):
        return supervisord_left.contain(owner, facts)
    return supervisord_hold.contain(owner, facts)
