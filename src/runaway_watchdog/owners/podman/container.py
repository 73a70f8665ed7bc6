"""Podman containers: no daemon keeps them, but each one's own `conmon`, and a systemd unit where one runs them.

Observed on Podman 4.3, as root and as a user. When the main process ends, conmon's clean-up starts the container again
by its restart policy, and never after a `podman stop`. Under a unit (generated, or Quadlet's) conmon is the unit's main
process and ends with the container's exit code: then `Restart=` decides, also after a `podman stop`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from shlex import quote
from typing import Any

from runaway_watchdog.linux.cgroup import CgroupPath, is_unit
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.ending import Ending, How, ending
from runaway_watchdog.owners.docker import details as docker_facts
from runaway_watchdog.owners.interface import Bag, Kind, Owner, Read
from runaway_watchdog.owners.podman import containment as podman_hold
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World

KINDS = (
    Kind(
        "podman-container",
        "Podman container",
        daemon="Podman",
        doers=(("podman", "Podman"),),
        marks=("PODMAN_SYSTEMD_UNIT",),
    ),
)
SCOPE = re.compile(r"libpod-(?:conmon-)?(?P<id>[0-9a-f]{64})\.scope")
"""A scope of its own, or that of the conmon that looks after it."""
PAYLOAD = re.compile(r"libpod-payload-(?P<id>[0-9a-f]{64})")
"""Below the unit that runs it (`--cgroups=split`, as Quadlet does)."""
WITHOUT_SYSTEMD = re.compile(r"libpod-(?P<id>[0-9a-f]{64})")
CONMON = "conmon"
CONMONS_OWN = re.compile(r"libpod-conmon-[0-9a-f]{64}\.scope")
RESTART_UNIT = "podman-restart.service"
UNIT_FOLDERS = ("/usr/lib/systemd/system", "/lib/systemd/system")
BOOT_LINKS = tuple(
    f"/etc/systemd/system/{target}.wants/{RESTART_UNIT}" for target in ("default.target", "multi-user.target")
)
FIRST_DELAY_S = 0.3
"""From the death of the main process to the new one: the clean-up is a start of the podman program."""
ANEW_S = 0.9
"""What `podman rm` and `podman run` take when a unit starts a container anew."""
_BY_EXIT: Mapping[How, Action] = {"clean": "clean-exit", "own": "sigterm"}
"""What conmon does to its unit: it ends with the container's exit code; "its own choice" is told as of one that
handles SIGTERM. Every signal's is a failure (137, 143)."""


def claim(facts: Facts) -> Claim | None:
    """Anchored: what another machine's or container's cgroup holds is its own."""
    group = facts.process.control_group
    own = group.users_own
    found = _container_id(group) or (None if own is None else _container_id(own)) or _without_systemd(group)
    if found is None:
        return None
    return Claim("podman-container", found, (f"/proc/{facts.process.pid}/cgroup: {group.path}",))


def _container_id(group: CgroupPath) -> str | None:
    """As the manager that this path begins at knows it."""
    found = SCOPE.fullmatch(group.unit)
    if found is None and group.unit.endswith(".service") and len(group.below) > 1:
        found = PAYLOAD.fullmatch(group.below[1])
    return None if found is None else found["id"]


def _without_systemd(group: CgroupPath) -> str | None:
    inside = group.segments[1] if group.segments[:1] == ("libpod_parent",) and len(group.segments) > 1 else ""
    found = WITHOUT_SYSTEMD.fullmatch(inside)
    return None if found is None else found["id"]


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Ask the Podman of whoever asks; another user's raises Unanswered, as one that does not answer does."""
    container = world.podman.container(claim.ref)
    if container is None:
        raise Unanswered(_another_ones(claim, facts, world))
    found = _facts(container, facts, world)
    evidence = (
        *claim.evidence,
        f"podman inspect {claim.ref[:12]}: RestartPolicy={found['policy']}, State.Pid={found['main_pid']}, "
        f"RestartCount={found['restart_count']}",
    )
    return Read("podman-container", found["container"], claim.ref, found["policy"], Bag(found), evidence)


def _another_ones(claim: Claim, facts: Facts, world: World) -> Gap:
    """Each user has a Podman of their own; conmon's command line tells the name all the same."""
    words = next((each.cmdline for each in facts.ancestors if each.name == CONMON), ())
    named = {words[i + 1] for i, word in enumerate(words[:-1]) if word == "-n"}
    name = next(iter(named), claim.ref[:12])
    uid = facts.process.control_group.uid
    if uid is None or world.podman.rootless():
        return Gap("podman", f"this Podman does not know container {name}", "look for it: podman ps -a, as each user")
    login = world.files.user(uid)
    asking = f"XDG_RUNTIME_DIR=/run/user/{uid} runaway-watchdog explain {facts.process.pid}"
    mend = f"ask as that user: runuser -l {quote(login)} -c {quote(asking)}"
    return Gap("podman", f"container {name} is {login}'s own, and only {login}'s Podman knows it", mend)


def _facts(container: Mapping[str, Any], facts: Facts, world: World) -> dict[str, Any]:
    host, state, config = container.get("HostConfig") or {}, container["State"], container.get("Config") or {}
    labels = config.get("Labels") or {}
    rootless = world.podman.rootless()
    enabled = not rootless and any(world.files.exists(link) for link in BOOT_LINKS)
    uid = facts.process.uid if (owners := facts.process.control_group.uid) is None else owners
    return {
        "container": str(container["Name"]),
        "image": str(container.get("ImageName", "")),
        "policy": docker_facts.policy(host),
        "state": state.get("Status", ""),
        "restart_count": container.get("RestartCount", 0),
        "main_pid": state.get("Pid", 0),
        "up_s": round(max(0.0, world.clock.now() - _time(state.get("StartedAt", ""))), 1),
        "auto_remove": bool(host.get("AutoRemove")),
        "stop_signal": str(config.get("StopSignal") or "15"),
        "pod": str(container.get("Pod") or "")[:12],
        "run_by": _run_by(facts),
        "unit_label": labels.get("PODMAN_SYSTEMD_UNIT"),
        "conmon_pid": state.get("ConmonPid", 0),
        "user": world.files.user(uid) if rootless else None,
        "uid": uid if rootless else 0,
        "restart_unit_enabled": None if rootless else enabled,
        "started_at_boot": None if rootless else enabled and _is_started(docker_facts.policy(host), world),
    }


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _run_by(facts: Facts) -> str | None:
    """The unit whose main process its conmon may be: the one in whose group that is."""
    conmon = next((each for each in facts.ancestors if each.name == CONMON), None)
    names = () if conmon is None else conmon.control_group.segments
    if not names or any(CONMONS_OWN.fullmatch(each) for each in names):
        return None
    inside = names[-1] in ("runtime", "supervisor") or names[-1].startswith("libpod-")
    unit = next(iter(names[-2:-1] if inside else names[-1:]), "")
    return unit if is_unit(unit) and unit.endswith(".service") and not unit.startswith("user@") else None


def _is_started(policy: str, world: World) -> bool | None:
    """Whether podman-restart.service starts containers with this policy; None where its file was not found."""
    for folder in UNIT_FOLDERS:
        try:
            text = world.files.read(f"{folder}/{RESTART_UNIT}")
        except OSError:
            continue
        return f"restart-policy={policy.partition(':')[0]}" in text
    return None


def outer(owner: Owner) -> Claim | None:
    """The unit that runs it, by its conmon, which is one of the process's ancestors."""
    unit = owner.facts.get("run_by")
    if unit is None:
        return None
    return Claim(
        "systemd-service", unit, (f"its conmon ({owner.facts['conmon_pid']}) is in {unit}",), owner.facts["conmon_pid"]
    )


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "certain", "Podman has no daemon: its containers go on")
    if not owner.facts:
        return _unread(owner, facts, action)
    if action == "reboot":
        return _reboot(owner, facts)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if is_conmon(owner, facts):
        why = (end.reason, "it looks after the container, which nobody would start again without it")
        return Outlook.not_known(action, why)
    if facts.process.pid != owner.facts["main_pid"]:
        return _not_main(owner, facts, action, end)
    return _policy(owner, action, end)


def is_conmon(owner: Owner, facts: Facts) -> bool:
    """Whether it is the process that holds the container's output and waits for its end."""
    return bool(facts.process.pid == owner.facts["conmon_pid"])


def _unread(owner: Owner, facts: Facts, action: Action) -> Outlook:
    why = f"the restart policy of {owner.name} could not be read"
    if action not in ("owner-stop", "reboot"):
        end = ending(facts.process, action)
        if not end.ends:
            return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, why)


def _policy(owner: Owner, action: Action, end: Ending) -> Outlook | Deferred:
    name, _, limit = owner.policy.partition(":")
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    if name in ("always", "unless-stopped"):
        why = f"{end.why}; restart policy {name} starts the container again"
        return Outlook.comes_back(action, "podman", certainty, why, after_s=FIRST_DELAY_S)
    if name == "no":
        return _left(owner, action, end, certainty, f"{end.why}; restart policy no leaves it stopped")
    if limit and owner.facts["restart_count"] >= int(limit):
        why = f"{end.why}; the {limit} restarts that {owner.policy} allows are used up"
        return _left(owner, action, end, certainty, why)
    if end.how == "own":
        why = f"{end.why}; {owner.policy} restarts it only if that is not 0"
        return Outlook.not_known(action, why, by="podman")
    if end.how == "clean":
        return _left(owner, action, end, certainty, f"{end.why}; {owner.policy} does not act on exit code 0")
    return Outlook.comes_back(
        action, "podman", certainty, (end.reason, f"{owner.policy} starts it again"), after_s=FIRST_DELAY_S
    )


def _left(owner: Owner, action: Action, end: Ending, certainty: Certainty, why: str) -> Outlook | Deferred:
    """Podman leaves it stopped; where a unit runs it, conmon's end is the end of that unit's main process."""
    unit = owner.facts.get("run_by")
    if unit is None:
        gone = ", and --rm removes the container" if owner.facts["auto_remove"] else ""
        return Outlook.stays_away(action, certainty, why + gone)
    why = f"{why}, and conmon, which {unit} runs, ends with it"
    return Deferred(_BY_EXIT.get(end.how, "failure-exit"), True, why, ends=True, more_s=ANEW_S)


def _stopped(owner: Owner, facts: Facts) -> Outlook | Deferred:
    """`podman stop`: the policy does not act on that, and a unit does as on any end."""
    end = ending(facts.process, "sigterm")
    if owner.facts["stop_signal"] not in ("15", "SIGTERM"):
        end = end._replace(how="own", certainty="likely")
    elif not end.ends:
        end = Ending(True, "sigkill", "certain", "")
    why = "`podman stop` ends the container, and its restart policy does not act on that"
    return _left(owner, "owner-stop", end, "certain", why)


def _not_main(owner: Owner, facts: Facts, action: Action, end: Ending) -> Outlook:
    main = owner.facts["main_pid"]
    beside = f"{end.why}; it is not the container's main process ({main})"
    if main not in (ancestor.pid for ancestor in facts.ancestors):
        why = f"{beside} but one that `podman exec` put there, so nobody starts it again"
        return Outlook.stays_away(action, end.certainty, why)
    parent = facts.ancestors[0]
    why = f"{beside}; whether its parent {parent.name} ({parent.pid}) inside the container starts it again is not known"
    return Outlook.not_known(action, why)


def _reboot(owner: Owner, facts: Facts) -> Outlook | Deferred:
    if facts.process.pid != owner.facts["main_pid"]:
        why = "whether a boot brings the container back, and this process with it, is not known"
        return Outlook.not_known("reboot", why)
    if owner.facts.get("run_by") is not None:
        return Deferred("reboot", True, f"{owner.facts['run_by']} runs it", ends=True)
    name, starts = owner.policy.partition(":")[0], owner.facts["started_at_boot"]
    if starts is None and name != "no":
        why = f"whether {RESTART_UNIT} of that user is enabled was not looked up"
        return Outlook.not_known("reboot", why)
    if starts:
        why = f"{RESTART_UNIT} is enabled: it starts every container with policy {name}, also a stopped one"
        return Outlook.comes_back("reboot", RESTART_UNIT, "certain", why)
    not_by = f"does not start policy {name}" if owner.facts.get("restart_unit_enabled") else "is not enabled"
    why = f"no unit runs it, and {RESTART_UNIT} {not_by}"
    return Outlook.stays_away("reboot", "certain" if name == "no" else "likely", why)


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """The container for its main process, by its unit where that is what brings it back; else the process alone."""
    if not owner.facts:
        return Containment("Hold it still until its Podman can be asked what it is", single.relieve(facts.process))
    if facts.process.pid == owner.facts["main_pid"]:
        return podman_hold.contain(owner)
    if is_conmon(owner, facts):
        goal = f"Leave it: it carries what {owner.name} writes, look at that: {podman_hold.logs(owner)}"
        return Containment(goal, single.renice(facts.process))
    killed = outlook(owner, facts, "sigkill")
    if isinstance(killed, Outlook) and killed.returns is False:
        goal = f"Hold this one process still, then end it: {owner.name} itself goes on, and nothing starts it again"
        return Containment(goal, (*single.relieve(facts.process), single.end(facts.process)))
    goal = f"Hold this one process still: {owner.name} itself goes on; whether something starts it again is not known"
    return Containment(goal, single.relieve(facts.process))
