"""What belongs to another engine or machine: recognised by its cgroup, its shim or its environment, and not asked.

Their cgroups hold paths that look like units of this host ("/payload/system.slice/dbus.service"): claimed here, so
that no unit of this host is ever blamed for them. Of the future only that is told which holds for every such manager,
and as likely at most; what decides there, and how a person asks for it, is told instead.

Shapes: those of the managers' own sources (kubelet's pkg/kubelet/cm, runc's systemd driver, lxc's cgfsng.c, libvirt's
virsystemd.c, nomad's client/lib/cgroupslib), and of systemd-nspawn as it was seen.
"""

import json
import re
from collections.abc import Mapping
from shlex import quote
from typing import Any, NamedTuple

from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, KindName, Outlook
from runaway_watchdog.model.plan import Containment, Prints, Says, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import shims
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.partly import PartlyAnswered
from runaway_watchdog.owners.interface import NOT_READ, Kind, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import World

DOCKERS, KUBERNETES = "moby", "k8s.io"
"""Namespaces of containerd that are another engine's."""
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
STATIC_POD = Pattern(r"[0-9a-f]{32}")
"""kubelet makes a static pod's UID from its manifest: a bare MD5, where the API server gives UUIDs."""
NSPAWN_UNIT = Pattern(r"systemd-nspawn@.+\.service")
MOST_OF_A_CONFIG = 1_000_000


class Manager(NamedTuple):
    """A cgroup path's beginning, and how a person asks the manager that owns it. `{name}` is what the path names."""

    kind: KindName
    path: Pattern
    ask: str
    decides: str  # what makes the same work come back there


_POD = r"pod(?P<pod>[0-9a-f]{8}[-_0-9a-f]+|[0-9a-f]{32})"
_RUNTIME = r"(?:cri-containerd|crio|cri-o|docker)"
MANAGERS = (
    Manager(
        "kubernetes-pod",
        Pattern(
            rf"(?:/kubelet\.slice|/system\.slice/[^/]+\.service)?/(?:kubelet-)?kubepods(?:\.slice)?/(?:[^/]+/)?[^/]*{_POD}(?:\.slice)?/(?:{_RUNTIME}[-:])?(?P<name>[0-9a-f]{{64}})(?:\.scope)?(?:/.*)?"
        ),
        "kubectl get pods -A -o wide; or on this host: crictl inspect {short}",
        "the kubelet decides, by the pod's restartPolicy",
    ),
    Manager(
        "kubernetes-pod",  # any other shape below a kubelet's own folder
        Pattern(r"/kubepods(?:\.slice)?/(?:.*/)?(?P<name>[^/]+)"),
        "kubectl get pods -A -o wide",
        "the kubelet decides, by the pod's restartPolicy",
    ),
    Manager(
        "containerd-container",
        Pattern(r"(?:/[^/]+\.slice)*/nerdctl-(?P<name>[0-9a-f]{64})\.scope(?:/.*)?"),
        "nerdctl inspect {short}",
        "containerd's restart plugin decides, by the container's restart label",
    ),
    Manager(
        "lxc-container",
        Pattern(r"/lxc(?:\.payload[./]|/)(?P<name>[^/]+)(?P<inside>/.*)?"),
        "lxc-ls -f, incus list, lxc list or pct list",
        "the container's own init decides",
    ),
    Manager(
        "vm-guest",
        Pattern(
            r"/machine\.slice/machine-qemu(?P<name>[^/]+)\.scope(?:/.*)?|/machine/qemu-(?P<old>[^/]+)\.libvirt-qemu(?:/.*)?"
        ),
        "virsh dominfo {name}",
        "libvirt decides, by on_crash and autostart",
    ),
    Manager(
        "vm-guest",
        Pattern(r"/qemu\.slice/(?P<name>\d+)\.scope(?:/.*)?"),
        "qm status {name}",
        "Proxmox decides, by the guest's onboot",
    ),
    Manager(
        "nspawn-machine",
        Pattern(
            r"/(?:machine\.slice/(?:machine-|systemd-nspawn@)(?P<name>[^/]+)\.(?:scope|service)|payload)(?P<inside>/.*)?"
        ),
        "machinectl list",
        "the machine's own systemd decides",
    ),
    Manager(
        "nomad-task",
        Pattern(
            r"/nomad(?:\.slice)?/(?:[^/]+\.slice/)?(?P<alloc>[0-9a-f-]{36})[.-](?P<name>[^/]+?)(?:\.scope)?(?:/.*)?"
        ),
        "nomad alloc status {alloc}",
        "Nomad decides, by the job's restart and reschedule stanzas",
    ),
)
PLAIN_LXC = "lxc-ls -f; lxc-stop -n {name} stops it"
LXC_FOLDERS = {"/incus/": "incus list", "/lxd/": "lxc list", "/var/lib/lxc ": PLAIN_LXC}
PROXMOX_GUEST = Pattern(r"/lxc/\d+(?:/.*)?")
KINDS = (
    Kind("kubernetes-pod", "Kubernetes pod", daemon="the kubelet"),
    Kind("containerd-container", "containerd container", daemon="containerd"),
    Kind("lxc-container", "LXC container", daemon="LXC"),
    Kind("vm-guest", "virtual machine", daemon="libvirt"),
    Kind("nspawn-machine", "systemd-nspawn machine"),
    Kind("nomad-task", "Nomad task", daemon="Nomad", marks=("NOMAD_ALLOC_ID",)),
)


class Pod(NamedTuple):
    uid: str
    names: tuple[str, str, str] | None  # namespace, pod and container, as containerd keeps them beside the container

    @property
    def name(self) -> str:
        """ "" where it is not to be read."""
        return "" if self.names is None else "/".join(self.names[:2])

    @property
    def static(self) -> bool:
        return STATIC_POD.fullmatch(self.uid) is not None

    def shown(self) -> dict[str, Any]:
        names = {} if self.names is None else dict(zip(("namespace", "pod", "container"), self.names, strict=True))
        return {"pod_uid": self.uid, "static": self.static, **names}


class Machine(NamedTuple):
    inside: str | None  # the unit inside the machine, which is none of this host's
    unit: str | None  # the unit of this host that runs it
    plain_lxc: bool = False  # of the lxc tools, which start a container at boot alone (lxc.start.auto)

    def shown(self) -> dict[str, Any]:
        return {"inside": self.inside, **({} if self.unit is None else {"unit": self.unit})}


class Guest(NamedTuple):
    proxmox: bool

    def shown(self) -> dict[str, Any]:
        return {"proxmox": self.proxmox}


class Task(NamedTuple):
    """Of Nomad."""

    allocation: str  # by which it is asked
    name: str  # "" where its path tells

    def shown(self) -> dict[str, Any]:
        return {"allocation": self.allocation}


class Container(NamedTuple):
    """One of which nothing more is known."""

    def shown(self) -> dict[str, Any]:
        return {}


What = Pod | Machine | Guest | Task | Container
"""What a manager that is not asked keeps."""


class Foreign(NamedTuple):
    """Of a manager that is not asked."""

    what: What
    ask: str  # how a person asks it
    decides: str

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it."""
        return {**self.what.shown(), "ask": self.ask, "decides": self.decides}


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


def _lxc_tools(facts: Facts) -> str | None:
    """How this LXC container is asked for, by where its monitor keeps it (`[lxc monitor] /var/lib/lxc NAME`, which
    lxc's lxccontainer.c writes over its command line); None where that is not to be seen."""
    if PROXMOX_GUEST.fullmatch(facts.process.control_group.path):
        return "pct list"
    for each in facts.ancestors:
        said = " ".join(each.cmdline)
        if said.startswith("[lxc monitor] "):
            return next((ask for folder, ask in LXC_FOLDERS.items() if folder in said), None)
    return None


def _by_shim(facts: Facts) -> Claim | None:
    """A container of a containerd that is asked by `ctr` or `nerdctl`: its shim names the namespace and the ID. The
    shim of a pod is one for all of its containers, and names the one that only holds the pod's place."""
    shim = next((each for each in (facts.process, *facts.ancestors) if each.name.startswith(shims.NAME)), None)
    if shim is None or (shim == facts.process and not shims.is_one(facts)):
        return None
    namespace, reference = shims.argument(shim, "-namespace"), shims.argument(shim, "-id")
    if not namespace or not reference or namespace == DOCKERS or (namespace == KUBERNETES and shim != facts.process):
        return None
    kind: KindName = "kubernetes-pod" if namespace == KUBERNETES else "containerd-container"
    return Claim(kind, reference, (f"its shim {shim.pid}: -namespace {namespace} -id {reference}",))


def _name(kind: KindName, name: str) -> str:
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
    what = _what(claim, parts, facts, world)
    asked = {
        "namespace": shims.argument(facts.process, "-namespace"),
        "name": claim.ref,
        "short": claim.ref[:12],
        "alloc": str(parts.get("alloc") or claim.ref),
    }
    ask, decides = manager.ask, manager.decides
    if claim.kind == "lxc-container":
        ask = _lxc_tools(facts) or ask
    if shims.is_one(facts):
        ask = shims.ASK[claim.kind]
    if isinstance(what, Machine) and what.plain_lxc:
        decides = "the container's own init decides, and nothing starts the container itself again"
    ask = ask.format(**{key: quote(value) for key, value in asked.items()})
    own = what.name if isinstance(what, Pod | Task) else ""
    name = own or (claim.ref[:12] if re.fullmatch(r"[0-9a-f]{64}", claim.ref) else claim.ref)
    owner = Read(claim.kind, name, claim.ref, NOT_READ, Foreign(what, ask, decides), claim.evidence)
    problem = f"the manager of {name} ({claim.kind.replace('-', ' ')}) is not asked by this version"
    raise PartlyAnswered(Gap(claim.kind, problem, f"ask it yourself: {ask}"), owner)


def _what(claim: Claim, parts: Mapping[str, str | None], facts: Facts, world: World) -> What:
    """What the path and the host's own files tell of it."""
    group = facts.process.control_group
    if claim.kind == "kubernetes-pod":
        return Pod((parts.get("pod") or "").replace("_", "-"), _annotations(claim.ref, world))
    if claim.kind in ("lxc-container", "nspawn-machine"):
        units = re.findall(r"/([^/]+\.(?:service|scope))(?=/|$)", parts.get("inside") or "")
        runs_it = group.slices == ("machine.slice",) and NSPAWN_UNIT.fullmatch(group.unit)
        plain = claim.kind == "lxc-container" and _lxc_tools(facts) == PLAIN_LXC
        return Machine(units[0] if units else None, group.unit if runs_it else None, plain)
    if claim.kind == "vm-guest":
        return Guest(group.slices == ("qemu.slice",))
    if claim.kind != "nomad-task":
        return Container()
    by_path = parts.get("alloc")  # what only its environment tells has no task's name
    return Task(by_path or claim.ref, "" if by_path else facts.process.name)


def _annotations(container_id: str, world: World) -> tuple[str, str, str] | None:
    """Of the whole configuration, whose environment may hold secrets, three names are looked at."""
    for folder in STATE_FOLDERS:
        try:
            text = world.files.read(f"{folder}/io.containerd.runtime.v2.task/k8s.io/{container_id}/config.json")
            annotations = json.loads(text[:MOST_OF_A_CONFIG]).get("annotations") or {}
            namespace, pod, container = (str(annotations.get(key) or "") for key in ANNOTATIONS)
        except (OSError, ValueError, AttributeError):
            continue
        return (namespace, pod, container) if namespace and pod else None
    return None


def outer(owner: Read[Foreign]) -> Claim | None:
    """A machine that a unit of this host runs has that as its next layer."""
    unit = owner.details.what.unit if isinstance(owner.details.what, Machine) else None
    return None if unit is None else Claim("systemd-service", unit, ("the unit that runs the machine",))


def outlook(owner: Read[Foreign], facts: Facts, action: Action) -> Outlook:
    what, asked = owner.details.what, (owner.details.decides, "it was not asked")
    if shims.is_one(facts):
        return shims.outlook(owner.name, facts, action, asked, pod=isinstance(what, Pod))
    if isinstance(what, Machine) and what.plain_lxc:
        return _plain_lxc(facts, action, asked)
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "likely", "such a manager leaves what runs alone when it is restarted itself")
    if action in ("owner-stop", "reboot"):
        return Outlook.not_known(action, asked)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if isinstance(what, Pod) and what.static and facts.process.is_namespace_init:
        why = (end.reason, "it is a static pod's: the kubelet runs whatever has a manifest on this host")
        return Outlook.comes_back(action, "kubelet", "likely", why)
    if isinstance(what, Guest):
        return Outlook.not_known(action, ("for the guest that is a power cut", *asked))
    return Outlook.not_known(action, asked)


def _plain_lxc(facts: Facts, action: Action, asked: tuple[str, ...]) -> Outlook:
    """lxc.container.conf(5), lxc-autostart(1): `lxc.start.auto` is for the boot, and nothing watches a container."""
    if action == "owner-daemon-restart":
        return Outlook.all_unknown(
            action, "lxc.service ends the containers that have lxc.start.auto; that was not read"
        )
    if action == "reboot":
        return Outlook.not_known(action, "by lxc.start.auto of its configuration, which was not read")
    if action == "owner-stop":
        return Outlook.stays_away(action, "likely", "lxc-stop ends it, and lxc.start.auto is for the boot alone")
    end = ending(facts.process, action)
    if end.ends and facts.process.is_namespace_init:
        return Outlook.stays_away(
            action, "likely", (end.reason, "its container ends with it, and LXC starts none again")
        )
    return Outlook.not_known(action, asked) if end.ends else Outlook.goes_on(action, end.certainty, end.why)


def contain(owner: Read[Foreign], facts: Facts) -> Containment:
    """What can be undone from outside without the manager noticing: it goes on, with lower priority."""
    what, ask, _ = owner.details
    if isinstance(what, Guest):
        return _pause_the_guest(owner.name, proxmox=what.proxmox)
    goal = f"Ask its own manager first: {ask}"
    if shims.is_one(facts):
        goal = f"Leave {facts.process.name} alone, with it ends what is in it, and look there: {ask}"
    if isinstance(what, Pod) and what.static:
        goal = f"Take the pressure off; a static pod stops only when its manifest leaves the kubelet's folder: {ask}"
    slower = single.renice(facts.process)
    if slower and not shims.is_one(facts) and not (isinstance(what, Machine) and what.plain_lxc):
        goal += " (a freeze would fail its health checks, and its manager would start it again)"
    return Containment(goal, slower, ("its own manager, which decides as it is set",), calm=True)


def _pause_the_guest(guest: str, *, proxmox: bool) -> Containment:
    """The CPU is the guest's own work: look inside it, and never kill it."""
    name = quote(guest)
    command, back, check = (
        (f"qm suspend {name}", f"qm resume {name}", Says(f"qm status {name} --verbose", ("paused",)))
        if proxmox
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
    goal = f"Look inside the guest {guest}: the CPU is its own work, and killing this is a power cut to it"
    return Containment(goal, (pause,), calm=True)
