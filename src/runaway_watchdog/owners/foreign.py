"""What belongs to another engine or machine: recognised by its cgroup, its shim or its environment, and not asked.

Their cgroups hold paths that look like units of this host ("/payload/system.slice/dbus.service"): claimed here, so
that no unit of this host is ever blamed for them. Of the future only that is told which holds for every such manager,
and as likely at most; what decides there, and how a person asks for it, is told instead.

Shapes: those of the managers' own sources (kubelet's pkg/kubelet/cm, runc's systemd driver, lxc's cgfsng.c, libvirt's
virsystemd.c, nomad's client/lib/cgroupslib), and of systemd-nspawn as it was seen.
"""

import json
import re
from collections.abc import Callable, Mapping
from shlex import quote
from typing import Any, NamedTuple

from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Kind, Outlook, Why
from runaway_watchdog.model.plan import Containment, Prints, Says, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.partly import PartlyAnswered
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World

SHIM = "containerd-shim"
NOT_OURS = ("moby", "k8s.io")
"""Namespaces of containerd that are another engine's: Docker's, and Kubernetes'."""
STATE_FOLDERS = (
    "/run/containerd",
    "/run/k3s/containerd",
    "/var/snap/microk8s/common/run/containerd",
    "/run/k0s/containerd",
)
ANNOTATIONS = (
    "io.kubernetes.cri.sandbox-namespace",
    "io.kubernetes.cri.sandbox-name",
    "io.kubernetes.cri.container-name",
)
STATIC_POD = re.compile(r"[0-9a-f]{32}")
"""kubelet makes a static pod's UID from its manifest: a bare MD5, where the API server gives UUIDs."""
NSPAWN_UNIT = re.compile(r"systemd-nspawn@.+\.service")
MOST_OF_A_CONFIG = 1_000_000


class Manager(NamedTuple):
    """A cgroup path's beginning, and how a person asks the manager that owns it. `{name}` is what the path names."""

    kind: Kind
    path: re.Pattern[str]
    ask: str
    decides: str  # what makes the same work come back there


_POD = r"pod(?P<pod>[0-9a-f]{8}[-_0-9a-f]+|[0-9a-f]{32})"
_RUNTIME = r"(?:cri-containerd|crio|cri-o|docker)"
MANAGERS = (
    Manager(
        "kubernetes-pod",
        re.compile(
            rf"(?:/kubelet\.slice|/system\.slice/[^/]+\.service)?/(?:kubelet-)?kubepods(?:\.slice)?/(?:[^/]+/)?[^/]*{_POD}(?:\.slice)?/(?:{_RUNTIME}[-:])?(?P<name>[0-9a-f]{{64}})(?:\.scope)?(?:/.*)?"
        ),
        "kubectl get pods -A -o wide; or on this host: crictl inspect {short}",
        "the kubelet decides, by the pod's restartPolicy",
    ),
    Manager(
        "kubernetes-pod",  # any other shape below a kubelet's own folder
        re.compile(r"/kubepods(?:\.slice)?/(?:.*/)?(?P<name>[^/]+)"),
        "kubectl get pods -A -o wide",
        "the kubelet decides, by the pod's restartPolicy",
    ),
    Manager(
        "containerd-container",
        re.compile(r"(?:/[^/]+\.slice)*/nerdctl-(?P<name>[0-9a-f]{64})\.scope(?:/.*)?"),
        "nerdctl inspect {short}",
        "containerd's restart plugin decides, by the container's restart label",
    ),
    Manager(
        "lxc-container",
        re.compile(r"/lxc(?:\.payload[./]|/)(?P<name>[^/]+)(?P<inside>/.*)?"),
        "incus list, lxc list or pct list",
        "the container's own init decides",
    ),
    Manager(
        "vm-guest",
        re.compile(
            r"/machine\.slice/machine-qemu(?P<name>[^/]+)\.scope(?:/.*)?|/machine/qemu-(?P<old>[^/]+)\.libvirt-qemu(?:/.*)?"
        ),
        "virsh dominfo {name}",
        "libvirt decides, by on_crash and autostart",
    ),
    Manager(
        "vm-guest",
        re.compile(r"/qemu\.slice/(?P<name>\d+)\.scope(?:/.*)?"),
        "qm status {name}",
        "Proxmox decides, by the guest's onboot",
    ),
    Manager(
        "nspawn-machine",
        re.compile(
            r"/(?:machine\.slice/(?:machine-|systemd-nspawn@)(?P<name>[^/]+)\.(?:scope|service)|payload)(?P<inside>/.*)?"
        ),
        "machinectl list",
        "the machine's own systemd decides",
    ),
    Manager(
        "nomad-task",
        re.compile(
            r"/nomad(?:\.slice)?/(?:[^/]+\.slice/)?(?P<alloc>[0-9a-f-]{36})[.-](?P<name>[^/]+?)(?:\.scope)?(?:/.*)?"
        ),
        "nomad alloc status {alloc}",
        "Nomad decides, by the job's restart and reschedule stanzas",
    ),
)
KINDS = tuple(dict.fromkeys(manager.kind for manager in MANAGERS))


def claim(facts: Facts) -> Claim | None:
    process = facts.process
    found = _by_path(process.control_group)
    if found is not None:
        manager, parts = found
        name = parts.get("name") or parts.get("old") or "systemd-nspawn"
        return Claim(manager.kind, _name(manager.kind, name), (f"/proc/{process.pid}/cgroup: {process.cgroup}",))
    if allocation := facts.mark("NOMAD_ALLOC_ID"):
        if len(process.namespace_pids) == 1:
            evidence = f"/proc/{process.pid}/environ: NOMAD_ALLOC_ID={allocation}"
            return Claim("nomad-task", allocation, (evidence,))
        return None
    return _by_shim(facts)


def _by_path(group: CgroupPath) -> tuple[Manager, Mapping[str, str | None]] | None:
    for manager in MANAGERS:
        found = manager.path.fullmatch(group.path)
        if found:
            return manager, found.groupdict()
    return None


def _by_shim(facts: Facts) -> Claim | None:
    """A container of a containerd that is asked by `ctr` or `nerdctl`: its shim names the namespace and the ID."""
    shim = next((each for each in facts.ancestors if each.name.startswith(SHIM)), None)
    if shim is None:
        return None
    namespace, reference = _argument(shim, "-namespace"), _argument(shim, "-id")
    if not namespace or not reference or namespace in NOT_OURS:
        return None
    return Claim("containerd-container", reference, (f"its shim {shim.pid}: -namespace {namespace} -id {reference}",))


def _argument(process: Process, option: str) -> str:
    words = process.cmdline
    return next((words[i + 1] for i, word in enumerate(words[:-1]) if word == option), "")


def _name(kind: Kind, name: str) -> str:
    """libvirt escapes a guest's name as systemd does, and puts a number before it: `\\x2d3\\x2dweb` is web."""
    plain = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), name)
    if kind == "vm-guest" and not plain.isdigit():
        return re.sub(r"^-?\d+-", "", plain)
    return plain


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Raises PartlyAnswered always: this manager is not asked, and saying so is the honest answer."""
    found = _by_path(facts.process.control_group)
    manager = found[0] if found else next(each for each in MANAGERS if each.kind == claim.kind)
    parts = dict(found[1]) if found else {}
    read = _FACTS.get(claim.kind, _others_facts)(claim, parts, facts, world)
    asked = {"name": claim.ref, "short": claim.ref[:12], "alloc": str(parts.get("alloc") or claim.ref)}
    shown = {
        "ask": manager.ask.format(**{key: quote(value) for key, value in asked.items()}),
        "decides": manager.decides,
    }
    name = read.pop("name", "") or (claim.ref[:12] if re.fullmatch(r"[0-9a-f]{64}", claim.ref) else claim.ref)
    owner = Read(claim.kind, str(name), claim.ref, "not read", Bag({**read, **shown}), claim.evidence)
    problem = f"the manager of {name} ({claim.kind.replace('-', ' ')}) is not asked by this version"
    raise PartlyAnswered(Gap(claim.kind, problem, f"ask it yourself: {shown['ask']}"), owner)


Parts = Mapping[str, str | None]


def _pod_facts(claim: Claim, parts: Parts, facts: Facts, world: World) -> dict[str, Any]:  # noqa: ARG001
    """The pod's name as containerd keeps it beside the container; its UID tells a static pod."""
    uid = (parts.get("pod") or "").replace("_", "-")
    found: dict[str, Any] = {"pod_uid": uid, "static": STATIC_POD.fullmatch(uid) is not None}
    names = _annotations(claim.ref, world)
    if names:
        namespace, pod, container = names
        found |= {"namespace": namespace, "pod": pod, "container": container, "name": f"{namespace}/{pod}"}
    return found


def _annotations(container_id: str, world: World) -> tuple[str, ...]:
    """Of the whole configuration, whose environment may hold secrets, three names are looked at."""
    for folder in STATE_FOLDERS:
        try:
            text = world.files.read(f"{folder}/io.containerd.runtime.v2.task/k8s.io/{container_id}/config.json")
            annotations = json.loads(text[:MOST_OF_A_CONFIG]).get("annotations") or {}
            found = tuple(str(annotations.get(key) or "") for key in ANNOTATIONS)
        except (OSError, ValueError, AttributeError):
            continue
        return found if all(found[:2]) else ()
    return ()


def _machine_facts(claim: Claim, parts: Parts, facts: Facts, world: World) -> dict[str, Any]:  # noqa: ARG001
    """The unit inside the machine, which is none of this host's."""
    units = re.findall(r"/([^/]+\.(?:service|scope))(?=/|$)", parts.get("inside") or "")
    found: dict[str, Any] = {"inside": units[0] if units else None}
    group = facts.process.control_group
    runs_it = group.slices == ("machine.slice",) and NSPAWN_UNIT.fullmatch(group.unit)
    return found | ({"unit": group.unit} if runs_it else {})


def _guest_facts(claim: Claim, parts: Parts, facts: Facts, world: World) -> dict[str, Any]:  # noqa: ARG001
    return {"proxmox": facts.process.control_group.slices == ("qemu.slice",)}


def _others_facts(claim: Claim, parts: Parts, facts: Facts, world: World) -> dict[str, Any]:  # noqa: ARG001
    """Of Nomad: the allocation, by which it is asked; what only its environment tells has no task's name."""
    if claim.kind != "nomad-task":
        return {}
    by_path = parts.get("alloc")
    return {"allocation": by_path or claim.ref, "name": "" if by_path else facts.process.name}


_FACTS: Mapping[str, Callable[[Claim, Parts, Facts, World], dict[str, Any]]] = {
    "kubernetes-pod": _pod_facts,
    "lxc-container": _machine_facts,
    "nspawn-machine": _machine_facts,
    "vm-guest": _guest_facts,
}


def outer(owner: Owner) -> Claim | None:
    """A machine that a unit of this host runs has that as its next layer."""
    unit = owner.facts.get("unit")
    return None if unit is None else Claim("systemd-service", unit, ("the unit that runs the machine",))


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:
    decides = owner.facts.get("decides", f"the manager of this {owner.kind.replace('-', ' ')} decides")
    asked = f"{decides}; it was not asked"
    if action == "owner-daemon-restart":
        why: Why = "such a manager leaves what runs alone when it is restarted itself"
        return Outlook.goes_on(action, "likely", why)
    if action in ("owner-stop", "reboot"):
        return Outlook.not_known(action, asked)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if owner.kind == "kubernetes-pod" and owner.facts.get("static") and facts.process.is_namespace_init:
        why = (end.reason, "it is a static pod's: the kubelet runs whatever has a manifest on this host")
        return Outlook.comes_back(action, "kubelet", "likely", why)
    if owner.kind == "vm-guest":
        asked = f"for the guest that is a power cut; {asked}"
    return Outlook.not_known(action, asked)


def contain(owner: Owner, facts: Facts) -> Containment:
    """What can be undone from outside without the manager noticing: it goes on, with lower priority."""
    ask = owner.facts.get("ask", "its own manager")
    if owner.kind == "vm-guest" and owner.facts:
        return _pause_the_guest(owner)
    goal = f"Ask its own manager first: {ask}"
    if owner.facts.get("static"):
        goal = f"Take the pressure off; a static pod stops only when its manifest leaves the kubelet's folder: {ask}"
    slower = single.renice(facts.process)
    if slower:
        goal += " (a freeze would fail its health checks, and its manager would start it again)"
    return Containment(goal, slower, ("its own manager, which decides as it is set",), calm=True)


def _pause_the_guest(owner: Owner) -> Containment:
    """The CPU is the guest's own work: look inside it, and never kill it."""
    name = quote(owner.name)
    command, back, check = (
        (f"qm suspend {name}", f"qm resume {name}", Says(f"qm status {name} --verbose", ("paused",)))
        if owner.facts["proxmox"]
        else (f"virsh suspend {name}", f"virsh resume {name}", Prints(f"virsh domstate {name}", ("paused",)))
    )
    pause = Step(
        "Pause the guest",
        command,
        "the whole guest stands still and keeps its memory; its clients wait",
        "interrupts",
        back,
        check,
        phase="relieve",
    )
    goal = f"Look inside the guest {owner.name}: the CPU is its own work, and killing this is a power cut to it"
    return Containment(goal, (pause,), calm=True)
