"""Hosts that no rig runs: Kubernetes, LXC, virtual machines, Nomad, snaps … and what only looks like them.

    cd tests && python -m support.foreign_hosts [NAME …]

writes the recordings of tests/hosts anew: each is the explanation's own questions, put to a host that is made here by
hand. `about` names the source of its shapes; nothing in them was seen on a running one, except where it says so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.world.recorded import recorder
from support.made_world import HANDLED, NOW, Made, made_world

HOSTS = Path(__file__).parent.parent / "hosts"
ID = "4f5c0c2e9d1b7a38" * 4
UID = "8d4e2f0a-1b3c-4d5e-8f90-a1b2c3d4e5f6"
STATIC_UID = "5b3e1a9c8d7f6e5d4c3b2a1908f7e6d5"
ALLOCATION = "2b1c9f04-7a35-4e8b-9c6d-0e1f2a3b4c5d"
KUBELET = "kubelet, pkg/kubelet/cm/cgroup_manager_linux.go"


@dataclass(frozen=True)
class Host:
    """A process to explain (the last one), its line of ancestors, and what else the host answers."""

    about: str
    processes: Sequence[Made]
    texts: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)


def v2(path: str) -> str:
    return f"0::{path}\n"


def v1(path: str) -> str:
    """Every hierarchy of its own, and systemd's named one."""
    names = ("pids", "cpu,cpuacct", "memory", "name=systemd")
    return "".join(f"{number}:{name}:{path}\n" for number, name in zip((12, 6, 4, 1), names, strict=True)) + "0::/\n"


def hybrid(path: str) -> str:
    """The unified hierarchy has the path; the numbered ones say nothing."""
    return "".join(f"{number}:{name}:/\n" for number, name in ((9, "name=systemd"), (4, "memory"))) + f"0::{path}\n"


def unit(name: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """A unit of this host as its manager tells it."""
    told = {
        "Id": name, "ActiveState": "active", "LoadState": "loaded", "UnitFileState": "enabled", "Type": "simple",
        "FragmentPath": f"/etc/systemd/system/{name}", "Restart": "always", "RestartUSec": 100_000, "MainPID": 900,
        "WantedBy": ["multi-user.target"], "KillMode": "control-group",
    }  # fmt: skip
    return {name: told | changes}


def shim(cgroup: str, namespace: str, reference: str = ID) -> Made:
    words = ("/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", reference, "-address", "/run/x.sock")
    return Made(800, 1, "containerd-shim", words, cgroup, exe="/usr/bin/containerd-shim-runc-v2", sigterm=HANDLED)


def burner(cgroup: str, ppid: int = 800, inner: Sequence[int] = (1,), **more: Any) -> Made:
    return Made(900, ppid, "worker", ("/app/worker", "--queue", "scans"), cgroup, inner, state="R", **more)


def pod(qos: str, uid: str = UID) -> str:
    inner = uid.replace("-", "_")
    return f"/kubepods.slice/kubepods-{qos}.slice/kubepods-{qos}-pod{inner}.slice"


def config(**names: str) -> str:
    keys = {
        "namespace": "io.kubernetes.cri.sandbox-namespace",
        "pod": "io.kubernetes.cri.sandbox-name",
        "container": "io.kubernetes.cri.container-name",
    }
    return json.dumps({"ociVersion": "1.1.0", "annotations": {keys[key]: value for key, value in names.items()}})


STATE = f"io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"
OCR = config(namespace="shop", pod="ocr-6c9d7b5f4-x2x7k", container="worker")
GUEST = ("/usr/bin/qemu-system-x86_64", "-name", "guest=web,debug-threads=on", "-m", "2048")


def guest(cgroup: str) -> Made:
    return Made(900, 1, "qemu-system-x86", GUEST, cgroup, uid=64055, exe=GUEST[0], sigterm=HANDLED, state="R")


FOREIGN: dict[str, Host] = {
    "kubernetes-pod-v2": Host(
        f"a pod's container under containerd's systemd driver ({KUBELET}; names: containerd's CRI annotations)",
        [
            shim(v2("/system.slice/containerd.service"), "k8s.io"),
            burner(v2(f"{pod('burstable')}/cri-containerd-{ID}.scope")),
        ],
        {f"/run/containerd/{STATE}": OCR},
    ),
    "kubernetes-pod-v1": Host(
        f"the same under the cgroupfs driver on cgroup v1 ({KUBELET}); its state folder cannot be found",
        [shim(v1("/system.slice/containerd.service"), "k8s.io"), burner(v1(f"/kubepods/burstable/pod{UID}/{ID}"))],
    ),
    "kubernetes-k3s-hybrid": Host(
        "k3s on a hybrid host, with containerd's state below /run/k3s (k3s-io/k3s, pkg/agent/containerd)",
        [
            shim(hybrid("/system.slice/k3s.service"), "k8s.io"),
            burner(hybrid(f"{pod('besteffort')}/cri-containerd-{ID}.scope")),
        ],
        {f"/run/k3s/containerd/{STATE}": OCR},
        unit("k3s.service"),
    ),
    "kubernetes-microk8s-v2": Host(
        "microk8s, whose containerd lives in the snap (canonical/microk8s, containerd's state folder)",
        [
            shim(v2("/system.slice/snap.microk8s.daemon-containerd.service"), "k8s.io"),
            burner(v2(f"/kubepods/burstable/pod{UID}/{ID}")),
        ],
        {f"/var/snap/microk8s/common/run/containerd/{STATE}": OCR},
    ),
    "kubernetes-static-pod": Host(
        "kubeadm's own API server: a static pod's UID is an MD5 (kubelet, pkg/kubelet/config/common.go)",
        [
            shim(v2("/system.slice/containerd.service"), "k8s.io"),
            burner(v2(f"{pod('burstable', STATIC_UID)}/cri-containerd-{ID}.scope")),
        ],
        {
            f"/run/containerd/{STATE}": config(
                namespace="kube-system", pod="kube-apiserver-vps", container="kube-apiserver"
            )
        },
    ),
    "kubernetes-pod-with-systemd-inside": Host(
        "a pod that runs a systemd of its own: nginx.service inside it is none of this host's",
        [
            shim(v2("/system.slice/containerd.service"), "k8s.io"),
            burner(v2(f"{pod('burstable')}/cri-containerd-{ID}.scope/system.slice/nginx.service"), inner=(77,)),
        ],
        units=unit("nginx.service"),
    ),
    "kubernetes-near-miss": Host(
        "a unit of this host that is only called like a pod's slice",
        [Made(900, 1, "exporter", ("/usr/bin/exporter",), v2("/system.slice/kubepods-exporter.service"), state="R")],
        units=unit("kubepods-exporter.service"),
    ),
    "containerd-nerdctl-v2": Host(
        "nerdctl run: a scope that bears its name (containerd/nerdctl, pkg/cmd/container/create.go)",
        [shim(v2("/system.slice/containerd.service"), "default"), burner(v2(f"/system.slice/nerdctl-{ID}.scope"))],
    ),
    "containerd-ctr-v1": Host(
        "ctr run: the folder is the namespace's, and only the shim tells what it is (containerd, contrib of ctr)",
        [shim(v1("/system.slice/containerd.service"), "batch", "resize"), burner(v1("/batch/resize"))],
    ),
    "lxc-v2": Host(
        "an Incus container with a systemd inside (lxc, src/lxc/cgroups/cgfsng.c)",
        [
            Made(
                700,
                1,
                "incusd",
                ("[lxc", "monitor]", "/var/lib/incus/containers", "shop"),
                v2("/lxc.monitor.shop"),
                exe="/usr/sbin/incusd",
            ),
            burner(v2("/lxc.payload.shop/system.slice/nginx.service"), 700, (212,), uid=1_000_000),
        ],
        units=unit("nginx.service"),
    ),
    "lxc-v1": Host(
        "a Proxmox container on cgroup v1 (lxc, src/lxc/cgroups/cgfsng.c: lxc.cgroup.dir)",
        [burner(v1("/lxc/101/ns/system.slice/cron.service"), 1, (88,), uid=100_000)],
    ),
    "lxc-near-miss": Host(
        "LXC's own network service is a unit of this host",
        [
            Made(
                900,
                1,
                "dnsmasq",
                ("dnsmasq", "--conf-file=/etc/lxc/dnsmasq.conf"),
                v2("/system.slice/lxc-net.service"),
                state="R",
            )
        ],
        units=unit("lxc-net.service", Type="oneshot", Restart="no", MainPID=0, RemainAfterExit=True),
    ),
    "nspawn-unit-v2": Host(
        "a machine that systemd-nspawn@.service runs; nginx.service is its own (systemd-nspawn, seen as /payload/…)",
        [
            Made(
                850,
                1,
                "systemd-nspawn",
                ("systemd-nspawn", "--machine=web"),
                v2("/machine.slice/systemd-nspawn@web.service/supervisor"),
                sigterm=HANDLED,
            ),
            Made(
                860,
                850,
                "systemd",
                ("/lib/systemd/systemd",),
                v2("/machine.slice/systemd-nspawn@web.service/payload/init.scope"),
                (1,),
                sigterm=HANDLED,
            ),
            burner(v2("/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service"), 860, (45,)),
        ],
        units=unit("systemd-nspawn@web.service", MainPID=850, Restart="no") | unit("nginx.service"),
    ),
    "nspawn-payload-hybrid": Host(
        "a machine without a unit: /payload/system.slice/docker.service is not this host's (seen on the rig)",
        [burner(hybrid("/payload/system.slice/docker.service"), 1, (45,))],
        units=unit("docker.service"),
    ),
    "libvirt-v2": Host(
        "a guest of libvirt (libvirt, src/util/virsystemd.c: machine-qemu, the number, the name, escaped)",
        [guest(v2("/machine.slice/machine-qemu\\x2d3\\x2dweb\\x2d01.scope/libvirt/emulator"))],
        users={64055: "libvirt-qemu"},
    ),
    "libvirt-v1": Host(
        "the same without systemd's registration (libvirt, src/util/vircgroup.c)",
        [guest(v1("/machine/qemu-3-web.libvirt-qemu/emulator"))],
        users={64055: "libvirt-qemu"},
    ),
    "proxmox-guest": Host(
        "a guest of Proxmox VE (qemu-server, PVE/QemuServer.pm: the slice qemu, a scope named by the guest's number)",
        [guest(v2("/qemu.slice/100.scope"))],
    ),
    "libvirt-near-miss": Host(
        "the agent inside a guest is an ordinary service",
        [Made(900, 1, "qemu-ga", ("/usr/sbin/qemu-ga",), v2("/system.slice/qemu-guest-agent.service"), state="R")],
        units=unit("qemu-guest-agent.service"),
    ),
    "nomad-v2": Host(
        "a task of Nomad's exec driver (hashicorp/nomad, client/lib/cgroupslib)",
        [
            Made(700, 1, "nomad", ("/usr/bin/nomad", "agent"), v2("/system.slice/nomad.service"), sigterm=HANDLED),
            burner(
                v2(f"/nomad.slice/share.slice/{ALLOCATION}.worker.scope"), 700, environ={"NOMAD_ALLOC_ID": ALLOCATION}
            ),
        ],
    ),
    "nomad-v1": Host(
        "a raw_exec task: only its environment tells (NOMAD_ALLOC_ID, Nomad's runtime environment)",
        [
            Made(700, 1, "nomad", ("/usr/bin/nomad", "agent"), v1("/system.slice/nomad.service"), sigterm=HANDLED),
            burner(v1("/system.slice/nomad.service"), 700, (), environ={"NOMAD_ALLOC_ID": ALLOCATION}),
        ],
        units=unit("nomad.service", MainPID=700),
    ),
    "snap-service": Host(
        "Docker from a snap: the engine is the snap's service (snapd, wrappers/services.go)",
        [
            Made(
                900,
                1,
                "dockerd",
                ("dockerd", "--group", "docker"),
                v2("/system.slice/snap.docker.dockerd.service"),
                sigterm=HANDLED,
                state="R",
            )
        ],
        units=unit("snap.docker.dockerd.service", Restart="on-failure"),
    ),
    "snap-near-miss": Host(
        "snapd itself is an ordinary service",
        [
            Made(
                900,
                1,
                "snapd",
                ("/usr/lib/snapd/snapd",),
                v2("/system.slice/snapd.service"),
                sigterm=HANDLED,
                state="R",
            )
        ],
        units=unit("snapd.service"),
    ),
}


def record(name: str, host: Host) -> None:
    """Explain it, and keep every question with its answer."""
    real = made_world(host.processes, texts=host.texts, units=host.units, users=host.users)
    world, asked = recorder(real)
    pid = host.processes[-1].pid
    explain(world, NoRecords(), pid)
    recording = {"about": host.about, "host": real.host, "pid": pid, "now": NOW, "asked": asked}
    folder = HOSTS / name
    folder.mkdir(exist_ok=True)
    (folder / "recording.json").write_text(json.dumps(recording, indent=1, sort_keys=True) + "\n")


def main(names: Sequence[str]) -> None:
    for name, host in FOREIGN.items():
        if not names or name in names:
            record(name, host)


if __name__ == "__main__":
    main(sys.argv[1:])
