"""PID 1, zombies, the stopped, and what belongs to managers that are not asked."""

import pytest
from support.builders import make_facts, make_process

from runaway_watchdog import owners
from runaway_watchdog.model.owner import ACTIONS, Owner
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import foreign, single, unmanaged


def unclaimed(facts: Facts) -> Owner:
    return Owner("unmanaged", facts.process.name, str(facts.process.pid), "none", unmanaged.parent_facts(facts), ())


def test_nothing_ends_pid_1() -> None:
    """Nobody is told to freeze or kill the host's init."""
    facts = make_facts(make_process(1, name="systemd"))
    assert unmanaged.hold(unclaimed(facts), facts).steps == ()
    for action in ACTIONS:
        fate = unmanaged.fate(unclaimed(facts), facts, action)
        assert fate.ends is (action == "reboot")


def test_a_zombie_is_not_frozen() -> None:
    """It is dead; only its parent can clear it away."""
    facts = make_facts(make_process(state="zombie"), make_process(50, name="careless"))
    held = unmanaged.hold(unclaimed(facts), facts)
    assert held.steps == ()
    assert "careless" in held.goal


def test_the_stopped_are_not_frozen() -> None:
    """The undo of a freeze would make them run."""
    assert not any("STOP" in step.command for step in single.still(make_process(state="stopped")))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/ub.service", "systemd-user-service"),
        (f"/machine.slice/libpod-{'ab' * 32}.scope/container", "podman-container"),
        ("/kubepods.slice/kubepods-burstable.slice/pod1.slice/cri-containerd-x.scope", "kubernetes-pod"),
        ("/lxc.payload.web/system.slice/nginx.service", "lxc-container"),
        ("/payload/system.slice/dbus.service", "nspawn-machine"),
        ("/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator", "vm-guest"),
    ],
)
def test_others_are_recognised_and_nothing_is_promised(path: str, kind: str) -> None:
    """No unit of this host is blamed, a signal does what it does, and the rest is unknown."""
    facts = make_facts(make_process(cgroup=path))
    claim = foreign.claim(facts)
    assert claim is not None
    assert claim.kind == kind
    owner = Owner(claim.kind, claim.ref, claim.ref, "not read", {}, claim.evidence)
    term, kill = (owners.fate([owners.Layer(owner, facts)], action) for action in ("sigterm", "sigkill"))
    assert (term.ends, term.returns, kill.ends, kill.returns) == (True, None, True, None)
