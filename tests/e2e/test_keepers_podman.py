"""Podman: its own restarts, the units that run its containers, a user's own; foretold and then really done."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from e2e.keepers import Action, Expected, OnTerm, carry_out, check, check_reboot, found, plan_of, program, undo
from e2e.rig import foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Workload, again, end_and_watch

pytestmark = pytest.mark.truth  # its layer would have to be built on each fresh machine

IMPORT = """
set -e
d=$(mktemp -d)
mkdir -p $d/bin $d/tmp $d/etc
chmod 755 $d; chmod 1777 $d/tmp
cp /bin/busybox $d/bin/
for applet in $(/bin/busybox --list); do test $applet = busybox || ln -s busybox $d/bin/$applet; done
tar -C $d -c . > /srv/bb.tar
podman import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' /srv/bb.tar bb:1
"""
SPLIT = """[Service]
Restart=on-failure
Type=notify
NotifyAccess=all
Delegate=yes
KillMode=mixed
ExecStop=/usr/bin/podman rm -f -i -t 2 --cidfile=%t/%N.cid
ExecStopPost=-/usr/bin/podman rm -f -i --cidfile=%t/%N.cid
ExecStart=/usr/bin/podman run --name={name} --cidfile=%t/%N.cid --replace --rm --cgroups=split --network=none \
--sdnotify=conmon -d bb:1 {command}
"""
"""As Quadlet writes it (podman-systemd.unit(5)); Debian 12's Podman has everything but the generator."""
numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["v2", pytest.param("v1", marks=pytest.mark.truth)])
def host(request: pytest.FixtureRequest, make_box: MakeBox) -> Box:
    box = make_box(request.param, extras=("podman",), docker_up=False)
    box.write("/etc/systemd/system.conf.d/rig.conf", "[Manager]\nDefaultTimeoutStopSec=6s\n")
    box.run("systemctl daemon-reexec; systemctl stop docker.socket docker.service containerd")
    box.run(IMPORT)
    return box


on_v2 = pytest.mark.parametrize("host", ["v2"], indirect=True)


@contextmanager
def container(
    box: Box, policy: str = "no", on_term: OnTerm = "default", options: Sequence[str] = ()
) -> Iterator[Workload]:
    name = f"pod-{next(numbers)}"
    words = ["podman", "run", "-d", f"--name={name}", f"--restart={policy}", "--network=none", *options, "bb:1"]
    box.run([*words, *program(marker(name), on_term)])
    try:
        yield of_container(box, name)
    finally:
        box.run(["podman", "rm", "-f", "-t", "0", "-v", name], check=False)


def marker(name: str) -> str:
    """The program's own word: conmon, beside it, bears the container's name."""
    return f"work-of-{name}"


def of_container(box: Box, name: str) -> Workload:
    stop = ("podman", "stop", "-t", "2", name)
    return Workload(found(box, marker(name)), marker(name), "podman", "libpod", stop, (), f"{name} (podman run)")


def name_of(work: Workload) -> str:
    return work.name.removeprefix("work-of-")


@contextmanager
def unit(box: Box, text: str, name: str) -> Iterator[Workload]:
    """A container that a unit runs, which is stopped by Podman: the unit's own stop is systemd's matter."""
    box.write(f"/etc/systemd/system/{name}.service", text)
    box.run(f"systemctl daemon-reload && systemctl start {name}")
    try:
        yield of_container(box, name)
    finally:
        box.run(f"systemctl disable --now {name}; podman rm -f -i -t 0 {name}; systemctl reset-failed", check=False)
        box.run(f"rm -f /etc/systemd/system/{name}.service; systemctl daemon-reload")


def generated(box: Box, name: str, options: str, on_term: OnTerm = "default") -> str:
    """As `podman generate systemd` writes it."""
    box.run(["podman", "create", f"--name={name}", "--network=none", "bb:1", *program(marker(name), on_term)])
    text = box.run(f"podman generate systemd {options} --name {name}").stdout
    if "--new" in options:
        box.run(["podman", "rm", name])
    return text


def split(name: str, on_term: OnTerm = "default") -> str:
    command = (
        " ".join(json.dumps(word) for word in program(marker(name), on_term)).replace("%", "%%").replace("$", "$$")
    )
    return SPLIT.format(name=name, command=command)


ENDS: tuple[tuple[OnTerm, Action], ...] = (
    ("default", "sigkill"),
    ("default", "sigterm"),
    ("exit-0", "clean-exit"),
    ("exit-0", "failure-exit"),
    ("default", "owner-stop"),
)
POLICIES = ("no", "always", "on-failure", "unless-stopped")


def test_podman_starts_it_again(host: Box) -> None:
    """restart policy always, after SIGKILL; by its name it is found as by its PID."""
    with container(host, "always") as work:
        named = json.loads(host.run(["runaway-watchdog", "explain", "--container", name_of(work), "--json"]).stdout)
        assert named["process"]["pid"] == work.pid
        check(host, work, "sigkill", kind="podman-container", policy="always", by="podman")


@pytest.mark.truth
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("on_term", "action"), ENDS)
def test_every_policy_answers_every_end_as_foretold(host: Box, policy: str, on_term: OnTerm, action: Action) -> None:
    """No daemon watches it: its conmon's clean-up starts it again."""
    with container(host, policy, on_term) as work:
        watch_s = 6 if action == "owner-stop" else 3
        check(host, work, action, kind="podman-container", policy=policy, watch_s=watch_s)


@pytest.mark.truth
def test_the_restarts_of_on_failure_are_used_up(host: Box) -> None:
    """on-failure:1 returns once."""
    with container(host, "on-failure:1") as work:
        _, seen = check(host, work, "sigkill", kind="podman-container", policy="on-failure:1")
        told = "on-failure:1, used up"
        _, seen = check(host, again(work, seen), "sigkill", kind="podman-container", policy=told)
        assert not seen.returned


@pytest.mark.truth
def test_what_podman_exec_put_there_does_not_return(host: Box) -> None:
    """It is no child of the container's main process."""
    with container(host, "always") as work:
        host.run(["podman", "exec", "-d", name_of(work), *program(f"{work.name}-stray")])
        stray = replace(work, pid=found(host, f"{work.name}-stray"), name=f"{work.name}-stray")
        check(host, stray, "sigkill", kind="podman-container", policy="always, podman exec")


UNITS = [
    ("always", "default", "sigkill"),
    ("always", "default", "owner-stop"),
    ("always", "exit-0", "clean-exit"),
    ("on-failure", "default", "sigkill"),
    ("on-failure", "exit-0", "clean-exit"),
    ("on-failure", "default", "owner-stop"),
    ("no", "default", "sigkill"),
]


@pytest.mark.truth
@pytest.mark.parametrize(("restart", "on_term", "action"), UNITS)
def test_a_generated_unit_decides(host: Box, restart: str, on_term: OnTerm, action: Action) -> None:
    """conmon is its main process, and ends as the container does: `podman stop` is answered by `Restart=` too."""
    name = f"gen-{next(numbers)}"
    with unit(host, generated(host, name, f"--new --restart-policy {restart}", on_term), name) as work:
        policy = f"no; unit: Restart={restart}"
        document, _ = check(host, work, action, kind="podman-container", policy=policy, watch_s=6)
        assert document["owners"][1]["name"] == f"{name}.service"


@pytest.mark.truth
@on_v2  # crun and runc take --cgroups=split there only
@pytest.mark.parametrize(
    ("on_term", "action"), [("default", "sigkill"), ("exit-0", "clean-exit"), ("default", "owner-stop")]
)
def test_quadlets_layout_is_known(host: Box, on_term: OnTerm, action: Action) -> None:
    """--cgroups=split: the container is in the unit's own group, and yet it is Podman's first."""
    name = f"split-{next(numbers)}"
    with unit(host, split(name, on_term), name) as work:
        document, _ = check(
            host,
            replace(work, owner=f"{name}.service"),
            action,
            kind="podman-container",
            policy="no; Quadlet: Restart=on-failure",
            watch_s=6,
        )
        assert [each["kind"] for each in document["owners"]] == ["podman-container", "systemd-service"]


@pytest.mark.truth
def test_what_a_boot_brings_back(host: Box) -> None:
    """podman-restart.service starts `always`, also a stopped one; an enabled unit starts its own."""
    host.run("podman rm -fa -t 0; systemctl enable podman-restart.service")
    names = {"boot-always": "always", "boot-unless": "unless-stopped", "boot-no": "no"}
    for name, policy in names.items():
        words = ["podman", "run", "-d", f"--name={name}", f"--restart={policy}", "--network=none", "bb:1"]
        host.run([*words, *program(marker(name), "exit-0")])
    text = generated(host, "boot-unit", "--new", "exit-0")
    host.write("/etc/systemd/system/boot-unit.service", text.replace("default.target", "multi-user.target"))
    host.run("systemctl daemon-reload; systemctl enable --now boot-unit")
    works = names | {"boot-unit": "no; enabled unit"}
    cases = [Expected(of_container(host, name), "reboot", "podman-container", told) for name, told in works.items()]
    check_reboot(host, cases, 30)
    host.run("systemctl disable --now boot-unit podman-restart; podman rm -fa -t 0")


@pytest.mark.truth
def test_plans_hold(host: Box) -> None:
    """Pasted as written it stays away; undone it is as it was: by Podman, by the unit, or paused."""
    with container(host, "always", "exit-0") as work:
        steps = plan_of(host, work.pid)
        carry_out(host, steps)
        host.run("sleep 3")
        assert not host.pids(f" {work.name}$")
        undo(host, steps)
        found(host, work.name)
    name = f"gen-{next(numbers)}"
    with unit(host, generated(host, name, "--restart-policy always", "exit-0"), name) as work:
        steps = plan_of(host, work.pid)
        assert any(f"systemctl stop {name}.service" in step["command"] for step in steps)
        carry_out(host, steps)
        host.run("sleep 3")
        assert not host.pids(f" {work.name}$")
        undo(host, steps)
        found(host, work.name)
    with container(host, "no", "exit-0", ["--rm"]) as work:
        steps = plan_of(host, work.pid)
        carry_out(host, steps)
        assert host.run(["podman", "inspect", "-f", "{{.State.Status}}", name_of(work)]).stdout.strip() == "paused"
        undo(host, steps)
        assert host.run(["podman", "inspect", "-f", "{{.State.Status}}", name_of(work)]).stdout.strip() == "running"


@pytest.mark.truth
@on_v2  # on v1 a rootless container has no group of its own
def test_a_users_own_podman_is_asked_as_that_user(host: Box) -> None:
    """root's Podman does not know it: the gap names the command that does, and that one is right."""
    host.run("useradd -m alice; loginctl enable-linger alice")
    uid = host.run(["id", "-u", "alice"]).stdout.strip()
    host.wait_for("alice's systemd", lambda: host.exists(f"/run/user/{uid}/bus"))

    def alice(line: str) -> str:
        session = f"XDG_RUNTIME_DIR=/run/user/{uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus"
        return host.run(["runuser", "-l", "alice", "-c", f"{session} {line}"], timeout=120).stdout

    alice("podman import --change 'ENV PATH=/bin' /srv/bb.tar bb:1")
    alice(f"podman run -d --name own --restart always --network none bb:1 {shlex.join(program(marker('own')))}")
    work = Workload(found(host, marker("own")), marker("own"), "podman", "libpod", (), (), "own (rootless)")
    done = host.run(["runaway-watchdog", "explain", str(work.pid), "--json"], check=False)
    document = json.loads(done.stdout)
    assert done.returncode == 4
    assert document["owners"][0]["kind"] == "podman-container"
    assert foretold.fate_of(document, "sigkill")["returns"] is None
    (gap,) = [each for each in document["gaps"] if each["source"] == "podman"]
    assert "own" in gap["problem"]
    line = gap["mend"].partition(": ")[2].rstrip("'") + " --json'"
    outlook = foretold.fate_of(json.loads(host.run(line, check=False).stdout), "sigkill")
    assert (outlook["returns"], outlook["by"]) == (True, "podman")
    seen = end_and_watch(host, work, "sigkill", 6)
    assert (seen.ended, seen.returned) == (True, True)
