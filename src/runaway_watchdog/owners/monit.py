"""Processes that monit started, and starts again when one of its looks does not find them.

Observed with monit 5.33: what it starts leaves it (its parent is PID 1) and keeps MONIT_SERVICE in its environment;
a stop of monit leaves it running. It comes back at monit's next look, whichever way it ended. `monit unmonitor` and
`monit stop` are forgotten when monit is restarted: it works out the boot's time anew, and one second more or less
makes it believe in a reboot. `mode passive` in its control file holds.
"""

from itertools import pairwise
from shlex import quote
from typing import Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook, reasons
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation as passing, siblings as beside
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.cron import job_daemons as spooled
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import Unanswered, World, inside, monitrc, processes, procfs
from runaway_watchdog.world.monitrc import Check, Control

KINDS = ("monit-service",)
PIDFILES = ("/run/monit.pid", "/var/run/monit.pid")
RESTARTS = frozenset({"restart", "start"})
MOST_MEMBERS = 200


def claim(facts: Facts) -> Claim | None:
    """By the mark in its environment: nothing else ties it to monit."""
    name = facts.mark("MONIT_SERVICE")
    if not name:
        return None
    return Claim("monit-service", name, (f"/proc/{facts.process.pid}/environ: MONIT_SERVICE={name}",))


def inspect(claim: Claim, facts: Facts, world: World) -> Owner | None:
    """Find monit, and what its control file says of the process. None: it has no such check. Raises Unanswered."""
    view = inside.of(world.files, facts.process)
    manager = _manager(facts, view, world)
    path, control = _control(view, manager)
    check = control.check(claim.ref)
    if check is None:
        return None
    watched = _watched(view, control, check)
    main_pid = _main(facts, view, check)
    shown: dict[str, Any] = {
        "main_pid": main_pid,
        "manager_pid": None if manager is None else manager.pid,
        "monit_runs": manager is not None,
        "monitored": watched,
        "starts": check.starts,
        "stops": check.stops,
        "passive": check.passive,
        "when_gone": check.when_gone,
        "cycle_s": None if control.cycle_s is None or check.every is None else control.cycle_s * check.every,
        "settings_in": [check.path],
        "line": check.line,
        "boots": "nostart" not in check.words,
        "in_container": bool(view.root),
    }
    shown |= spooled.unit_facts(manager, facts.process, world) | {"daemon": "monit", "stopped_as": check.name}
    evidence = (*claim.evidence, f"{check.path}:{check.line}: check process {check.name}")
    policy = "passive" if check.passive else f"if it does not exist then {check.when_gone}"
    raw = {} if view.root else {"control": path, "file": _file(view, check)}
    return Read("monit-service", check.name, check.name, policy, Bag(shown, raw), evidence)


def _manager(facts: Facts, view: inside.Inside, world: World) -> Process | None:
    """The running monit: above the process, beside it in its control group, or in its PID file."""
    pids = [each.pid for each in facts.ancestors if is_monit(each)]
    pids += processes.members(world.files, facts.process.cgroup)[:MOST_MEMBERS]
    if not view.root:
        for path in PIDFILES:
            try:
                pids.append(int(view.read(path).strip()))
            except (OSError, ValueError):
                continue
    for pid in pids:
        try:
            found, _ = procfs.process(world.files, pid)
        except (procfs.NoSuchProcessError, Unanswered):
            continue
        if is_monit(found) and len(found.namespace_pids) == len(facts.process.namespace_pids):
            return found
    return None


def is_monit(process: Process) -> bool:
    return base(process.exe) == "monit" or (process.exe is None and process.name == "monit")


def _control(view: inside.Inside, manager: Process | None) -> tuple[str, Control]:
    """Raises Unanswered."""
    words = () if manager is None else manager.cmdline
    named = [after for word, after in pairwise(words) if word == "-c" and after.startswith("/")]
    for path in (*named, *monitrc.SEARCHED):
        try:
            return path, monitrc.read(view, path)
        except FileNotFoundError:
            continue
        except OSError:
            raise Unanswered(Gap("monit", f"{path} cannot be read", "run it with sudo")) from None
    raise Unanswered(Gap("monit", "its control file was not found", "ask it yourself: monit summary"))


def _watched(view: inside.Inside, control: Control, check: Check) -> bool | None:
    try:
        return monitrc.monitored(view.read(control.state), check.name)
    except OSError:
        return None


def _main(facts: Facts, view: inside.Inside, check: Check) -> int:
    """The process that the PID file names, else the uppermost that monit's environment reaches."""
    line = [each for each in (facts.process, *facts.ancestors) if each.pid != 1 and not is_monit(each)]
    try:
        pid = int(view.read(check.pidfile).strip()) if check.pidfile else 0
    except (OSError, ValueError):
        pid = 0
    same = next((each.pid for each in line if each.namespace_pids[-1] == pid), None)
    if same is None and pid > 1 and not view.root:
        return pid  # another process than this one and those above it
    return line[-1].pid if same is None else same


def _file(view: inside.Inside, check: Check) -> tuple[str, str, int] | None:
    """The file that holds the check, its text, and the line that the check ends with."""
    try:
        return None if check.last_line is None else (check.path, view.read(check.path), check.last_line)
    except OSError:
        return None


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    """At monit's next look, whichever way it ended."""
    if not owner.facts:
        return passing.unread(facts, action, "monit's control file could not be read")
    if action == "owner-stop":
        return _stopped(owner)
    if action == "owner-daemon-restart":
        return _restarted(owner)
    if action == "reboot":
        return _booted(owner)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if facts.process.pid != owner.facts["main_pid"]:
        where = f"monit looks for {owner.facts['main_pid']} alone"
        return beside.not_main(facts, action, end, where)
    return _looked_for(owner, action, end)


def _looked_for(owner: Owner, action: Action, end: Ending) -> Outlook:
    """What monit does when it does not find it."""
    stays = _stays(owner)
    if stays is not None:
        return Outlook.stays_away(action, end.certainty, (end.reason, f"{stays}"))
    if owner.facts["when_gone"] not in RESTARTS:
        why = (end.reason, f"monit then does what its control file says: {owner.facts['when_gone']}")
        return Outlook.not_known(action, why, by="monit")
    certainty = end.certainty if owner.facts["monitored"] or end.certainty != "certain" else "likely"
    return Outlook.comes_back(action, "monit", certainty, (end.reason, f"monit starts it {_within(owner)}"))


def _within(owner: Owner) -> str:
    """When the next look is: only how often it looks is known, not when it looked last."""
    every = owner.facts["cycle_s"]
    return "at its next look" if every is None else f"at its next look, within {every:g} s"


def _stays(owner: Owner) -> str | None:
    """Why monit would not start it again; None: it would, or that is not known."""
    found = owner.facts
    if not found["monit_runs"]:
        return "monit does not run now"
    if found["monitored"] is False:
        return "monit does not watch it now (`monit unmonitor`, or `monit stop`, was typed)"
    if found["passive"]:
        return "monit only looks at it (mode passive)"
    if not found["starts"]:
        return "monit knows no program that starts it"
    if found["when_gone"] in ("alert", "stop", "unmonitor", "ignore"):
        return f"monit's answer to that is: {found['when_gone']}"
    return None


def _stopped(owner: Owner) -> Outlook:
    line = f"`monit stop {owner.name}`"
    if not owner.facts["stops"]:
        why = f"{line}: monit knows no program that stops it"
        return Outlook("owner-stop", False, None, None, None, "unknown", reasons(why))
    why = f"{line} runs its stop program, and monit does not watch it any more until it is restarted itself"
    return Outlook.stays_away("owner-stop", "likely", why)


def _restarted(owner: Owner) -> Outlook:
    action: Action = "owner-daemon-restart"
    if owner.facts["survives_stop"] is None:
        why = "monit has no unit of its own here: what ends with it is not known"
        return Outlook.not_known(action, why)
    if owner.facts["survives_stop"]:
        why = f"`systemctl restart {owner.facts['daemon_unit']}` leaves what monit started alone"
        return Outlook.goes_on(action, "certain", why)
    returns = owner.facts["starts"] and not owner.facts["passive"]
    why = f"`systemctl restart {owner.facts['daemon_unit']}` ends it; monit starts what it does not find"
    return Outlook(action, True, returns, "monit" if returns else None, None, "likely", reasons(why))


def _booted(owner: Owner) -> Outlook | Deferred:
    answers = owner.facts["when_gone"] in RESTARTS and not owner.facts["passive"]
    starts = answers and owner.facts["starts"] and owner.facts["boots"]
    why = f"monit {'starts' if starts else 'does not start'} it when it finds it gone after a boot"
    return Deferred("reboot", starts, why)


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """`mode passive` for every later look, then this one process. None in a container: that is held."""
    if owner.facts.get("in_container"):
        return None
    if not owner.facts:
        return Containment("Hold it still until monit's control file can be read", single.relieve(facts.process))
    relief, end = single.relieve(facts.process), single.end(facts.process)
    if _stays(owner) is not None:
        return Containment(f"End it: {_stays(owner)}", (*relief, end))
    if owner.raw["file"] is None:
        goal = f"Hold it still until monit's check of {owner.name} was made passive by hand"
        return Containment(goal, relief, ("monit starts it again when it does not find it",))
    goal = f"Keep monit from starting {owner.name} for good: over a restart of monit and a reboot too; end what runs"
    return Containment(goal, (*relief, _make_passive(owner), end))


def _make_passive(owner: Owner) -> Step:
    path, text, line = owner.raw["file"]
    control = owner.raw["control"]
    monit = "monit" if control in monitrc.SEARCHED else f"monit -c {quote(control)}"
    return edited.file(
        "Keep monit from starting it again",
        path,
        text,
        f"{line}a mode passive",
        effect="monit goes on looking at it and does nothing any more; what runs now goes on",
        check=Prints(f"{monit} status {quote(owner.name)} | grep -c 'mode *passive'", ("1",)),
        then=f"{monit} reload",
    )
