"""Processes that monit started, and starts again when one of its looks does not find them.

Observed with monit 5.33: what it starts leaves it (its parent is PID 1) and keeps MONIT_SERVICE in its environment;
a stop of monit leaves it running. It comes back at monit's next look, whichever way it ended. `monit unmonitor` and
`monit stop` are forgotten when monit is restarted: it works out the boot's time anew, and one second more or less
makes it believe in a reboot. `mode passive` in its control file holds.
"""

from collections.abc import Mapping
from itertools import pairwise
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, identity, siblings
from runaway_watchdog.owners.common.advice import ENOUGH, fixed
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.cron.job_daemons import DaemonUnit, unit_of
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import acting, edited, single
from runaway_watchdog.world import Unanswered, World, inside, processes, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world.monitrc import Check, Control

KINDS = (
    Kind(
        "monit-service",
        "monit service",
        line="watched by monit: {policy}",
        marks=("MONIT_SERVICE",),
        advice=fixed(ENOUGH, "monit's check of {name}", "if 3 restarts within 5 cycles then unmonitor"),
    ),
)
PIDFILES = ("/run/monit.pid", "/var/run/monit.pid")
RESTARTS = frozenset({"restart", "start"})
MOST_MEMBERS = 200


class Service(NamedTuple):
    """What is known of a process that monit checks."""

    main_pid: int
    manager_pid: int | None  # None: monit does not run
    monitored: bool | None
    check: "Check"
    cycle_s: float | None  # between two looks; None where that cannot be told
    in_container: bool
    unit: DaemonUnit
    control: str  # the control file that monit reads
    place: edited.Place | None  # the check's last line; None in a container, or where nothing can go below it

    def shown(self) -> Mapping[str, Any]:
        check = self.check
        return {
            "main_pid": self.main_pid,
            "manager_pid": self.manager_pid,
            "monit_runs": self.manager_pid is not None,
            "monitored": self.monitored,
            "starts": check.starts,
            "stops": check.stops,
            "passive": check.passive,
            "when_gone": check.when_gone,
            "cycle_s": self.cycle_s,
            "settings_in": [check.path],
            "line": check.line,
            "boots": self.boots,
            "in_container": self.in_container,
            **self.unit._replace(daemon="monit", stopped_as=check.name).shown(),
        }

    @property
    def boots(self) -> bool:
        """Whether monit starts it after a boot."""
        return "nostart" not in self.check.words


def claim(facts: Facts) -> Claim | None:
    """By the mark in its environment: nothing else ties it to monit."""
    name = facts.mark("MONIT_SERVICE")
    if not name:
        return None
    return Claim("monit-service", name, (f"/proc/{facts.process.pid}/environ: MONIT_SERVICE={name}",))


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Service] | None:
    """Find monit, and what its control file says of the process. None: it has no such check. Raises Unanswered."""
    view = inside.of(world.files, facts.process)
    manager = _manager(facts, view, world)
    path, control = _control(view, manager)
    check = control.check(claim.ref)
    if check is None or not _is_its(facts, manager, view, check):
        return None
    every = check.every
    details = Service(
        _main(facts, view, check),
        None if manager is None else manager.pid,
        _watched(view, control, check),
        check,
        None if control.cycle_s is None or every is None else control.cycle_s * every,
        bool(view.root),
        unit_of(manager, facts.process, world),
        path,
        None if view.root else _place(view, check, manager, world),
    )
    evidence = (*claim.evidence, f"{check.path}:{check.line}: check process {check.name}")
    policy = "passive" if check.passive else f"if it does not exist then {check.when_gone}"
    return Read("monit-service", check.name, check.name, policy, details, evidence)


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
        same_room = len(found.namespace_pids) == len(facts.process.namespace_pids)
        fits = is_monit(found) and identity.may_start(found, facts.process) and identity.genuine(found, world)
        if same_room and fits:
            return found
    return None


def is_monit(process: Process) -> bool:
    return base(process.exe) == "monit" or (process.exe is None and process.name == "monit")


def _control(view: inside.Inside, manager: Process | None) -> "tuple[str, Control]":
    """Raises Unanswered."""
    from runaway_watchdog.world import monitrc  # only where monit owns

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


def _watched(view: inside.Inside, control: "Control", check: "Check") -> bool | None:
    from runaway_watchdog.world import monitrc

    try:
        return monitrc.monitored(view.read(control.state), check.name)
    except OSError:
        return None


def _is_its(facts: Facts, manager: Process | None, view: inside.Inside, check: "Check") -> bool:
    """Whether more ties it to monit than its own environment, which is a hint: it stayed in monit's control group, or
    the check's PID file names it or an ancestor. What is in a container is reached through its engine alone."""
    pid = _pid(view, check)
    named = any(each.namespace_pids[-1] == pid for each in (facts.process, *facts.ancestors) if each.pid != 1)
    stayed = manager is not None and facts.process.cgroup not in ("", "/") and facts.process.cgroup == manager.cgroup
    return bool(view.root) or named or stayed


def _pid(view: inside.Inside, check: "Check") -> int:
    """What the PID file says; 0 where it says nothing."""
    try:
        return int(view.read(check.pidfile).strip()) if check.pidfile else 0
    except (OSError, ValueError):
        return 0


def _main(facts: Facts, view: inside.Inside, check: "Check") -> int:
    """The process that the PID file names, else the uppermost that monit's environment reaches."""
    line = [each for each in (facts.process, *facts.ancestors) if each.pid != 1 and not is_monit(each)]
    pid = _pid(view, check)
    same = next((each.pid for each in line if each.namespace_pids[-1] == pid), None)
    if same is None and pid > 1 and not view.root:
        return pid  # another process than this one and those above it
    return line[-1].pid if same is None else same


def _place(view: inside.Inside, check: "Check", manager: Process | None, world: World) -> edited.Place | None:
    if check.last_line is None:
        return None
    user = None if manager is None else acting.user_of(manager)
    try:
        return edited.Place(world.ownership.real(check.path), view.read(check.path), check.last_line, user=user)
    except OSError:
        return None


def outlook(owner: Read[Service] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """At monit's next look, whichever way it ended."""
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, "monit's control file could not be read")
    service = owner.details
    if action == "owner-stop":
        return _stopped(service)
    if action == "owner-daemon-restart":
        return _restarted(service)
    if action == "reboot":
        return _booted(service)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if facts.process.pid != service.main_pid:
        return siblings.not_main(facts, action, end, f"monit looks for {service.main_pid} alone")
    return _looked_for(service, action, end)


def _looked_for(service: Service, action: Action, end: Ending) -> Outlook:
    """What monit does when it does not find it."""
    stays = _stays(service)
    if stays is not None:
        return Outlook.stays_away(action, end.certainty, (end.reason, stays))
    if service.check.when_gone not in RESTARTS:
        why = f"monit then does what its control file says: {service.check.when_gone}"
        return Outlook.not_known(action, (end.reason, why), by="monit")
    certainty = end.certainty if service.monitored or end.certainty != "certain" else "likely"
    return Outlook.comes_back(action, "monit", certainty, (end.reason, f"monit starts it {_within(service)}"))


def _within(service: Service) -> str:
    """When the next look is: only how often it looks is known, not when it looked last."""
    every = service.cycle_s
    return "at its next look" if every is None else f"at its next look, within {every:g} s"


def _stays(service: Service) -> str | None:
    """Why monit would not start it again; None: it would, or that is not known."""
    check = service.check
    if service.manager_pid is None:
        return "monit does not run now"
    if service.monitored is False:
        return "monit does not watch it now (`monit unmonitor`, or `monit stop`, was typed)"
    if check.passive:
        return "monit only looks at it (mode passive)"
    if not check.starts:
        return "monit knows no program that starts it"
    if check.when_gone in ("alert", "stop", "unmonitor", "ignore"):
        return f"monit's answer to that is: {check.when_gone}"
    return None


def _stopped(service: Service) -> Outlook:
    line = f"`monit stop {service.check.name}`"
    if not service.check.stops:
        return Outlook.all_unknown("owner-stop", f"{line}: monit knows no program that stops it")
    why = f"{line} runs its stop program, and monit does not watch it any more until it is restarted itself"
    return Outlook.stays_away("owner-stop", "likely", why)


def _restarted(service: Service) -> Outlook:
    action: Action = "owner-daemon-restart"
    unit, check = service.unit, service.check
    if unit.survives_stop is None:
        why = "monit has no unit of its own here: what ends with it is not known"
        return Outlook.not_known(action, why)
    line = f"`systemctl restart {unit.daemon_unit}`"
    if unit.survives_stop:
        return Outlook.goes_on(action, "certain", f"{line} leaves what monit started alone")
    again = (f"{line} ends it", "monit starts what it does not find")
    return Outlook.ended(action, "likely", again, returns=check.starts and not check.passive, by="monit")


def _booted(service: Service) -> Outlook | Deferred:
    check = service.check
    starts = check.when_gone in RESTARTS and not check.passive and check.starts and service.boots
    why = f"monit {'starts' if starts else 'does not start'} it when it finds it gone after a boot"
    return Deferred("reboot", starts, why)


def contain(owner: Read[Service] | Unread, facts: Facts) -> Containment | None:
    """`mode passive` for every later look, then this one process. None in a container: that is held."""
    relief, end = single.relieve(facts.process), single.end(facts.process)
    if isinstance(owner, Unread):
        return Containment("Hold it still until monit's control file can be read", relief)
    service = owner.details
    if service.in_container:
        return None
    stays = _stays(service)
    if stays is not None:
        return Containment(f"End it: {stays}", (*relief, end))
    if service.place is None:
        goal = f"Hold it still until monit's check of {owner.name} was made passive by hand"
        return Containment(goal, relief, ("monit starts it again when it does not find it",))
    goal = f"Keep monit from starting {owner.name} for good: over a restart of monit and a reboot too; end what runs"
    return Containment(goal, (*relief, _make_passive(service, service.place), end))


def _make_passive(service: Service, place: edited.Place) -> Step:
    from runaway_watchdog.world import monitrc

    control = service.control
    called = "monit" if control in monitrc.SEARCHED else f"monit -c {quote(control)}"
    monit = acting.run(place.user, called)
    return edited.file(
        "Keep monit from starting it again",
        place,
        place.sed("mode passive"),
        effect="monit goes on looking at it and does nothing any more; what runs now goes on",
        check=Prints(f"{monit} status {quote(service.check.name)} | grep -c 'mode *passive'", ("1",)),
        then=f"{called} reload",
    )
