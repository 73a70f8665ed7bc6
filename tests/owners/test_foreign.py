"""What other engines and machines own: recognised by its shape, never mistaken for a unit of this host."""

import json

import pytest
from hypothesis import given, strategies as st
from support.builders import make_facts, make_process
from support.foreign_hosts import FOREIGN, ID, UID, hybrid, v1, v2
from support.made_world import Made, made_world

from runaway_watchdog import owners
from runaway_watchdog.linux.cgroup import owner_path
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import foreign
from runaway_watchdog.owners.common import shims

POD = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
SHAPES = [
    (f"{POD}/cri-containerd-{ID}.scope", "kubernetes-pod", ID),
    (f"{POD}/crio-{ID}.scope/container", "kubernetes-pod", ID),
    (f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope", "kubernetes-pod", ID),
    (f"/kubepods/besteffort/pod{UID}/{ID}", "kubernetes-pod", ID),
    (
        f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/x-pod{UID}.slice/cri-containerd-{ID}.scope",
        "kubernetes-pod",
        None,
    ),
    ("/kubepods.slice/kubepods-burstable.slice/pod1.slice/nginx.service", "kubernetes-pod", "nginx.service"),
    (f"/system.slice/nerdctl-{ID}.scope", "containerd-container", ID),
    ("/lxc.payload.web/system.slice/nginx.service", "lxc-container", "web"),
    ("/lxc/101/ns/system.slice/nginx.service", "lxc-container", "101"),
    ("/payload/system.slice/dbus.service", "nspawn-machine", "systemd-nspawn"),
    ("/machine.slice/machine-web.scope/payload/system.slice/dbus.service", "nspawn-machine", "web"),
    ("/machine.slice/machine-qemu\\x2d1\\x2dweb\\x2d01.scope/libvirt/emulator", "vm-guest", "web-01"),
    ("/machine/qemu-12-web.libvirt-qemu/vcpu0", "vm-guest", "web"),
    ("/qemu.slice/100.scope", "vm-guest", "100"),
    ("/nomad.slice/2b1c9f04-7a35-4e8b-9c6d-0e1f2a3b4c5d.web.scope", "nomad-task", "web"),
]
NEAR_MISSES = [
    "/system.slice/docker.service",
    "/system.slice/containerd.service",
    "/system.slice/kubepods-exporter.service",
    "/system.slice/lxc-net.service",
    "/system.slice/libvirtd.service",
    "/system.slice/nomad.service",
    "/system.slice/qemu-guest-agent.service",
    f"/system.slice/var-lib-containers-{ID}.mount",
    f"/system.slice/nerdctl-{ID[:12]}.scope",
    "/machine.slice",
    "/user.slice/user-1000.slice/session-3.scope",
]


@pytest.mark.parametrize(("path", "kind", "name"), SHAPES)
def test_a_shape_names_its_owner(path: str, kind: str, name: str | None) -> None:
    """On every layout the path that names the owner is the same."""
    for text in (v1(path), v2(path), hybrid(path)):
        claim = foreign.claim(make_facts(make_process(cgroup=owner_path(text))))
        if name is None:
            assert claim is None or claim.kind == kind
            continue
        assert claim is not None
        assert (claim.kind, claim.ref) == (kind, name)


@pytest.mark.parametrize("path", NEAR_MISSES)
def test_a_near_miss_is_left_to_the_others(path: str) -> None:
    """A unit of this host is this host's, whatever it is called."""
    assert foreign.claim(make_facts(make_process(cgroup=path))) is None


@given(st.text(max_size=200))
def test_any_path_is_read_without_harm(path: str) -> None:
    """A container may name its own groups as it likes."""
    claim = foreign.claim(make_facts(make_process(cgroup=path)))
    assert claim is None or claim.kind in {each.name for each in foreign.KINDS}


def shimmed(namespace: str) -> Facts:
    words = ("/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", "resize", "-address", "x")
    return make_facts(make_process(cgroup="/batch/resize"), make_process(800, name="containerd-shim", cmdline=words))


def test_a_shims_own_words_name_the_container() -> None:
    """Of Docker's and Kubernetes' shims nothing is taken: those have their own files."""
    claim = foreign.claim(shimmed("batch"))
    assert claim is not None
    assert (claim.kind, claim.ref) == ("containerd-container", "resize")
    assert foreign.claim(shimmed("moby")) is None
    assert foreign.claim(shimmed("k8s.io")) is None


@pytest.mark.parametrize(
    ("namespace", "kind"), [("batch", "containerd-container"), ("k8s.io", "kubernetes-pod"), ("moby", None)]
)
def test_a_shim_is_its_containers(namespace: str, kind: str | None) -> None:
    """Ending it kills the container, or the whole pod; a program of that name that is not root's is none."""
    words = ("/usr/bin/containerd-shim-runc-v2", "-namespace", namespace, "-id", "resize", "-address", "x")
    shim = make_process(
        800, name="containerd-shim", cmdline=words, exe=words[0], cgroup="/system.slice/containerd.service"
    )
    claim = foreign.claim(make_facts(shim._replace(uid=0)))
    assert (claim and claim.kind) == kind
    assert foreign.claim(make_facts(shim._replace(uid=1000))) is None
    assert foreign.claim(make_facts(shim._replace(uid=0, exe="/tmp/x"))) is None
    killed = shims.outlook("resize", make_facts(shim._replace(uid=0)), "sigkill", ("not asked",), pod=False)
    assert (killed.ends, killed.returns) == (True, None)
    assert "container resize, which is killed with it" in killed.why


def test_only_names_are_read_of_a_pods_configuration() -> None:
    """Its environment, which may hold secrets, goes nowhere; nonsense in it is no answer."""
    path = f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json"
    process = Made(900, 1, "worker", ("/app",), v2(f"{POD}/cri-containerd-{ID}.scope"), (1,))
    annotations = {"io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.sandbox-name": "x'; rm -rf /"}
    text = json.dumps({"annotations": annotations, "process": {"env": ["PASSWORD=hunter2"]}})
    for content, name in ((text, "shop/x'; rm -rf /"), ("{", ID[:12]), ('{"annotations": 3}', ID[:12])):
        world = made_world([process], texts={path: content})
        facts, _ = owners.facts(world, 900)
        (layer,), gaps = owners.layers(facts, world)
        assert layer.owner.name == name
        assert "hunter2" not in repr(layer.owner)
        assert [gap.source for gap in gaps] == ["kubernetes-pod"]


@pytest.mark.parametrize("name", FOREIGN)
def test_what_was_not_asked_is_never_certain(name: str) -> None:
    """A signal does what it does; whether the work returns is likely at most."""
    host = FOREIGN[name]
    world = made_world(host.processes, texts=host.texts, units=host.units, users=host.users)
    facts, _ = owners.facts(world, host.processes[-1].pid)
    layers, _ = owners.layers(facts, world)
    if layers[0].owner.kind not in {each.name for each in foreign.KINDS}:
        assert "near-miss" in name or name == "snap-service"
        return
    for action in ("sigkill", "owner-stop", "reboot"):
        outlook = owners.outlook(layers, action)
        assert outlook.ends
        assert outlook.certainty != "certain"
        assert outlook.returns is not False


def test_a_guest_is_paused_and_never_killed() -> None:
    """Its name is quoted; to the guest a kill is a power cut."""
    facts = make_facts(
        make_process(cgroup="/machine.slice/machine-qemu\\x2d1\\x2da\\x20b.scope/libvirt/emulator", name="qemu")
    )
    layers, _ = owners.layers(facts, made_world([]))
    containment = owners.contain(layers)
    assert containment.steps[-1].command == "virsh suspend 'a b'"
    assert containment.steps[-1].undo == "virsh resume 'a b'"
    assert not any("kill" in step.command for step in containment.steps)
    assert "power cut" in owners.outlook(layers, "sigkill").why


MONITORS = [
    (("[lxc monitor] /var/lib/lxc web",), "lxc-ls -f; lxc-stop -n web stops it"),
    (("[lxc monitor] /var/lib/incus/containers web",), "incus list"),
    (("[lxc monitor] /var/snap/lxd/common/lxd/containers web",), "lxc list"),
    (("[lxc monitor] /home/ann/.local/share/lxc web",), "lxc-ls -f, incus list, lxc list or pct list"),
    (("/usr/bin/lxc-start",), "lxc-ls -f, incus list, lxc list or pct list"),
]


@pytest.mark.parametrize(("monitor", "ask"), MONITORS)
def test_an_lxc_container_is_asked_for_by_the_tools_that_keep_it(monitor: tuple[str, ...], ask: str) -> None:
    """Where its monitor says that it lies; plain LXC starts nothing again, and a stop of it holds."""
    made = [
        Made(700, 1, "lxc-start", monitor, v2("/lxc.monitor.web")),
        Made(900, 700, "worker", ("/app/worker",), v2("/lxc.payload.web/init.scope"), (1,)),
    ]
    world = made_world(made)
    facts, _ = owners.facts(world, 900)
    layers, gaps = owners.layers(facts, world)
    assert gaps[0].fix == f"ask it yourself: {ask}"
    plain = ask.startswith("lxc-ls -f;")
    for action in ("owner-stop", "sigkill"):
        found = owners.outlook(layers, action)
        assert (found.returns, found.certainty) == ((False, "likely") if plain else (None, "unknown"))
    assert ("its manager would start it again" in owners.contain(layers).goal) is not plain
    assert owners.outlook(layers, "reboot").returns is None
