"""A loop in a shell script: what its child's end leads to, and in which order the two are held."""

from typing import Any

import pytest
from preflight.host_world import LINK, FakeHost

from runaway_watchdog import owners
from runaway_watchdog.model.owner import Action, Outlook
from runaway_watchdog.owners.common import rooms, shells
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.world import procfs


def host(text: str, *, line: str = "/bin/sh /srv/loop.sh", **changes: Any) -> FakeHost:
    """A script (PID 50) that reads `text`, its child `burn` (PID 60)."""
    found = FakeHost()
    found.process(1, "/sbin/init", comm="systemd", ppid=0)
    found.process(50, line, comm="dash", **changes)
    found.process(60, "/usr/bin/burn --fast", ppid=50, comm="burn", **changes)
    found.files.add("/proc/50/fd/10", text)
    links = {"/proc/50/fd/10": "/srv/loop.sh"}
    found.files.add("/proc/50/fdinfo/10", "pos:\t17\nflags:\t0100000\n")
    found.files.target = lambda path, old=found.files.target: links.get(path) or old(path)  # type: ignore[method-assign,misc]
    return found


def outlook(found: FakeHost, action: Action = "sigkill", pid: int = 60) -> tuple[tuple[owners.Layer, ...], Outlook]:
    facts, _ = owners.facts(found.world, pid)
    layers, _ = owners.layers(facts, found.world)
    return layers, owners.outlook(layers, action)


def test_an_endless_loop_starts_it_again() -> None:
    """After its pause, by the script, whose name and file are shown."""
    layers, killed = outlook(host("while true; do burn --fast; sleep 3; done"))
    assert [layer.owner.kind for layer in layers] == ["shell-loop", "unmanaged"]
    assert layers[0].owner.told().facts["script"] == "/srv/loop.sh"
    assert (killed.returns, killed.by, killed.certainty) == (True, "loop.sh (50)", "likely")
    assert killed.after_s == pytest.approx(3.1)


@pytest.mark.parametrize(
    ("text", "action", "returns"),
    [
        ("until burn; do sleep 1; done", "sigkill", True),
        ("until burn; do sleep 1; done", "clean-exit", False),
        ("while burn; do :; done", "sigkill", False),
        ("while burn; do :; done", "clean-exit", True),
        ("while true; do burn || break; done", "sigkill", False),
        ("while true; do burn || break; done", "clean-exit", True),
        ("for f in *; do burn $f; done", "sigkill", None),
        ("while test -e x; do burn; done", "sigkill", None),
    ],
)
def test_the_way_it_ends_decides_where_the_loop_asks(text: str, action: Action, returns: bool | None) -> None:
    """`until` repeats what fails, `while` what succeeds; items may run out."""
    assert outlook(host(text), action)[1].returns is returns


def test_a_script_without_a_loop_is_no_owner() -> None:
    """On a closer look it is not the loop's child, and the next layer comes first."""
    layers, _ = outlook(host("burn --fast\nother\n"))
    assert [layer.owner.kind for layer in layers] == ["unmanaged"]


def test_the_line_of_sh_c_is_read_from_its_arguments() -> None:
    """No file is asked for that."""
    found = host("")
    found.files.add("/proc/50/cmdline", "sh\0-c\0while :; do burn; done\0")
    assert outlook(found)[1].returns is True


def test_waiting_wrappers_pass_the_end_on() -> None:
    """`timeout` ends with its child, and then the loop goes round."""
    found = host("while true; do timeout 60 burn; done")
    found.process(60, "timeout 60 burn", ppid=50, comm="timeout")
    found.process(70, "/usr/bin/burn", ppid=60, comm="burn")
    layers, killed = outlook(found, pid=70)
    assert layers[0].owner.kind == "shell-loop"
    assert killed.returns is True
    assert "timeout ends with it" in killed.why


def test_watch_runs_it_after_its_interval() -> None:
    """`watch -n 7`: every seven seconds, whatever becomes of the last one."""
    found = host("", line="watch -d -n 7 burn")
    found.process(50, "watch -d -n 7 burn", comm="watch")
    killed = outlook(found)[1]
    assert killed.returns is True
    assert killed.after_s == pytest.approx(7.1)


def test_the_loop_is_held_before_its_child() -> None:
    """Killed first, the child would only be started again; every step checks that the PID is still that process."""
    layers, _ = outlook(host("while true; do burn; done"))
    containment = owners.contain(layers)
    signals = [step.command.partition("kill ")[2] for step in containment.steps if "kill " in step.command]
    assert signals[0].startswith("-STOP 60")
    assert signals[1].startswith("-STOP 50")
    assert signals[2].startswith("60 ")
    assert all("/proc/" in step.command for step in containment.steps)


CONTAINER = f"/system.slice/docker-{'ab' * 32}.scope"


def in_container(parent: int, **processes: str) -> FakeHost:
    """The loop (PID 50, by its parent) and its child in a container whose PID 1 is `main`, or an init above it."""
    found = host("while true; do burn; done", cgroup=CONTAINER, namespaces=(50, 12))
    found.process(30, "/usr/bin/containerd-shim-runc-v2", comm="containerd-shim")
    found.process(40, processes["main"], ppid=30, comm=processes["main"], cgroup=CONTAINER, namespaces=(40, 1))
    found.process(50, "/bin/sh /srv/loop.sh", ppid=parent, comm="dash", cgroup=CONTAINER, namespaces=(50, 12))
    return found


def around(found: FakeHost, pid: int = 60) -> bool:
    layer = outlook(found, pid=pid)[0][0]
    assert layer.owner.kind == "shell-loop"
    assert isinstance(layer.owner, Read)
    return bool(layer.owner.details.around)


def test_in_a_service_the_room_is_held() -> None:
    """Its own manager stops loop and child together, and keeps them stopped."""
    found = host("while true; do burn; done", cgroup="/system.slice/burn.service")
    found.manager.loaded = {"burn.service": {"ActiveState": "active"}}
    assert around(found) is True


@pytest.mark.parametrize(
    ("group", "held"),
    [
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/burn.service", True),
        ("/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope", False),
        ("/user.slice/user-1000.slice/session-7.scope", False),
        ("/system.slice/ssh.service", False),
        (f"/kubepods.slice/cri-containerd-{'ab' * 32}.scope", True),
    ],
)
def test_a_login_is_not_ended_for_its_loop(group: str, held: bool) -> None:
    """Only a service's manager stops it and keeps it stopped; a login goes on."""
    found = host("while true; do burn; done", cgroup=group)
    facts, _ = owners.facts(found.world, 60)
    assert rooms.held_around(facts, facts.ancestors[0], found.world) is held


@pytest.mark.parametrize(("parent", "main"), [(30, "nginx"), (40, "nginx"), (30, "tini")])
def test_a_container_that_does_not_live_by_the_loop_does_not_stop_it(parent: int, main: str) -> None:
    """`docker exec` put it there, or the main program: the burner is frozen first, then the loop."""
    found = in_container(parent, main=main)
    assert around(found) is False
    layers, stopped = outlook(found, "owner-stop")
    assert (stopped.ends, stopped.returns) == (False, False)
    commands = [step.command for step in owners.contain(layers).steps]
    assert ["kill -STOP 60" in commands[0], "kill -STOP 50" in commands[1], "kill 60" in commands[2]] == [True] * 3


def test_a_container_that_lives_by_the_loop_stops_it() -> None:
    """As its PID 1, or as the program that an init was started for; what an init adopted later is none."""
    found = in_container(40, main="tini")
    found.files.add("/proc/40/task/40/children", "50 55 ")
    assert around(found) is True
    found.files.add("/proc/40/task/40/children", "45 50 ")
    assert around(found) is False
    found.process(50, "/bin/sh /srv/loop.sh", ppid=30, comm="dash", cgroup=CONTAINER, namespaces=(50, 1))
    assert around(found) is True


@pytest.mark.parametrize("server", ["tmux: server", "screen"])
def test_below_a_terminals_server_the_loop_is_ended(server: str) -> None:
    """It continues at once what is only frozen; the child may go with its terminal, which is no failure."""
    found = host("while true; do burn; done")
    found.process(40, server, comm=server)
    found.process(50, "/bin/sh /srv/loop.sh", ppid=40, comm="dash")
    frozen, ended, end = owners.contain(outlook(found)[0]).steps
    assert "kill -STOP 60" in frozen.command
    assert "kill -KILL 50" in ended.command
    assert (ended.final, ended.undo) == (True, None)
    assert "is gone" in end.command
    assert "false" not in end.command


def test_a_shell_that_is_typed_into_is_no_loop() -> None:
    """Nobody is blamed for what a person types."""
    for words in (["bash"], ["-bash"], ["bash", "-i"], ["sh", "-s"]):
        found = FakeHost()
        found.process(1, "/sbin/init", comm="systemd", ppid=0)
        found.process(50, " ".join(words), comm="bash")
        started = shells.shell(procfs.process(found.files, 50)[0])
        assert started is not None
        assert started.way == "typed"


def test_a_pipe_is_never_opened() -> None:
    """A script on standard input or a terminal could keep the explanation waiting for ever."""
    found = host("while true; do burn; done")
    found.files.add("/proc/50/fdinfo/10", "pos:\t0\nflags:\t0100000\n")
    assert outlook(found)[0][0].owner.kind == "unmanaged"


def test_hostile_names_stay_text() -> None:
    """A script may be called anything; commands hold PIDs alone."""
    found = host("while true; do burn; done")
    found.files.add("/proc/50/cmdline", "sh\0/srv/$(reboot)'\n.sh\0")
    layers, killed = outlook(found)
    assert killed.returns is True
    assert not any("reboot" in step.command for step in owners.contain(layers).steps)
    assert LINK not in layers[0].owner.name
