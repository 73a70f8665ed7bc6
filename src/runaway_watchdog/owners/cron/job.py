"""Jobs of cron: a line of a table, found again from the process that it started.

Observed with Debian's cron: `cron -f` forks a child that calls itself CRON, which starts `SHELL -c LINE` in a session
of its own. No exit code and no signal keeps cron from starting the line again at its next time, and the next one
starts also while the last one still runs. A stop of cron.service (KillMode=process) leaves running jobs alone.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Advice, Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import identity
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World

if TYPE_CHECKING:
    from runaway_watchdog.owners.cron.details import AnacronJob, Job


def advice(owner: Owner, world: World) -> Iterable[Advice]:  # noqa: ARG001
    """The same line, once at a time; of anacron's there is one at a time as it is."""
    if isinstance(owner, Unread):
        return ()
    from runaway_watchdog.owners.cron import advice
    from runaway_watchdog.owners.cron.details import Job

    return advice.once_at_a_time(owner.details, owner.name) if isinstance(owner.details, Job) else ()


KINDS = (Kind("cron-job", "cron job", line='cron job, "{policy}"', by_the_clock="cron", advice=advice),)
DAEMONS = frozenset({"cron", "crond"})
UNITS = tuple(("system.slice", f"{name}.service") for name in ("cron", "crond", "cronie"))


def claim(facts: Facts) -> Claim | None:
    """A child of cron or anacron; or a process without a parent that is in cron's own unit."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or is_cron(facts.process):
        return None
    pid = facts.process.pid
    if parent.pid != 1 and (is_cron(parent) or is_anacron(parent)) and _is_roots(parent):
        evidence = f"/proc/{pid}/stat: its parent {parent.pid} is {parent.name}"
        return Claim("cron-job", str(pid), (evidence,), _daemon(facts).pid)
    if parent.pid == 1 and facts.process.control_group.segments in UNITS:
        return Claim("cron-job", str(pid), (f"/proc/{pid}/cgroup: {facts.process.cgroup}",))
    return None


def is_cron(process: Process) -> bool:
    """By the file that runs; by its own name where that is hidden, or a busybox."""
    program = base(process.exe)
    return program in DAEMONS or (program in ("", "busybox") and process.name in DAEMONS)


def _is_roots(daemon: Process) -> bool:
    """Whoever reads the host's tables is root's; in a container numbers are its own."""
    return daemon.uid == 0 or len(daemon.namespace_pids) > 1


def is_anacron(process: Process) -> bool:
    return base(process.exe) == "anacron" or (process.exe is None and process.name == "anacron")


def _daemon(facts: Facts) -> Process:
    """The uppermost of the crons above a job."""
    above = facts.ancestors[0]
    for each in facts.ancestors:
        if not is_cron(each):
            break
        above = each
    return above


def inspect(claim: Claim, facts: Facts, world: World) -> "Read[Job] | Read[AnacronJob] | None":
    """Find the line, by which the next run is known. None: its parent only bears cron's name. Raises Unanswered."""
    line = (facts.process, *facts.ancestors)
    process = next(each for each in line if str(each.pid) == claim.ref)
    daemon = next((each for each in line if each.pid == claim.manager_pid), None)
    if daemon is not None and not identity.genuine(daemon, world):
        return None
    if daemon is not None and is_anacron(daemon):
        from runaway_watchdog.owners.cron import anacron  # only where anacron owns

        return anacron.inspect(claim, process, daemon, world)
    from runaway_watchdog.owners.cron import reading  # only where cron owns

    return reading.inspect(claim, facts, process, daemon, world)


def outlook(owner: "Read[Job | AnacronJob] | Unread", facts: Facts, action: Action) -> Outlook | Deferred:
    """No end counts: it is started at its next time, as long as cron runs and the line is there."""
    if isinstance(owner, Unread):
        return _unread(facts, action)
    from runaway_watchdog.owners.cron import anacron, outlook
    from runaway_watchdog.owners.cron.details import Job

    job = owner.details
    if isinstance(job, Job):
        return outlook.outlook(job, owner.name, owner.policy, facts, action)
    return anacron.outlook(job, owner.policy, facts, action)


def _unread(facts: Facts, action: Action) -> Outlook:
    why = "cron's tables could not be read"
    if action in ("owner-stop", "owner-daemon-restart"):
        return Outlook.all_unknown(action, why)
    end = ending(facts.process, "sigkill" if action == "reboot" else action)
    if end.ends:
        return Outlook.not_known(action, (end.reason, why))
    return Outlook.goes_on(action, "unknown", (end.reason, why))


def contain(owner: "Read[Job | AnacronJob] | Unread", facts: Facts) -> Containment | None:
    if isinstance(owner, Unread):
        return Containment("Hold it still until cron's tables can be read", single.relieve(facts.process))
    from runaway_watchdog.owners.cron import anacron, containment
    from runaway_watchdog.owners.cron.details import Job

    job = owner.details
    if isinstance(job, Job):
        return containment.contain(job, owner.name, facts)
    return anacron.contain(job, owner.name, facts)
