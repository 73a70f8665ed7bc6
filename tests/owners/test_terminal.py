"""What was started at a terminal: by ssh, on a console, in tmux or screen, and after that was gone."""

import pytest
from preflight.host_world import FakeHost
from support.builders import make_facts, make_process

from runaway_watchdog import owners
from runaway_watchdog.model.owner import Outlook
from runaway_watchdog.owners import terminal, unmanaged

SCOPE = "/user.slice/user-0.slice/session-7.scope"


def host(server: str, comm: str, *, cgroup: str = "/", shell: str = "bash") -> FakeHost:
    """`server` (PID 40) holds a shell (50), which somebody typed `burn` into (60)."""
    found = FakeHost()
    found.process(1, "/sbin/init", comm="systemd", ppid=0)
    found.process(40, server, comm=comm, cgroup=cgroup)
    found.process(50, shell, comm="bash", ppid=40, cgroup=cgroup)
    found.process(60, "/usr/bin/burn", ppid=50, cgroup=cgroup)
    found.manager.loaded = {"session-7.scope": {"ActiveState": "active"}}
    return found


def outlooks(found: FakeHost, pid: int = 60) -> tuple[tuple[owners.Layer, ...], Outlook, Outlook]:
    facts, _ = owners.facts(found.world, pid)
    layers, _ = owners.layers(facts, found.world)
    return layers, owners.outlook(layers, "sigkill"), owners.outlook(layers, "owner-stop")


@pytest.mark.parametrize(
    ("server", "comm", "cgroup", "via"),
    [
        ("tmux new -s work", "tmux: server", "/", "tmux"),
        ("SCREEN -S work", "screen", SCOPE, "screen"),
        ("sshd: root@pts/0", "sshd", SCOPE, "ssh"),
        ("sshd: root@pts/0", "sshd", "/system.slice/ssh.service", "ssh"),
        ("/bin/login -p --", "login", SCOPE, "tty"),
        ("tmux", "tmux: server", "/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope", "tmux"),
    ],
)
def test_the_way_to_the_terminal_is_told(server: str, comm: str, cgroup: str, via: str) -> None:
    """By its server among the ancestors; the shell there starts nothing again."""
    layers, killed, _ = outlooks(host(server, comm, cgroup=cgroup))
    assert layers[0].owner.kind == "session"
    assert layers[0].owner.told().facts["via"] == via
    assert (killed.returns, killed.certainty) == (False, "likely")


@pytest.mark.parametrize(
    "cgroup",
    [
        "/system.slice/tmux.service",
        f"/system.slice/docker-{'ab' * 32}.scope",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/tmux.service",
        "/payload/user.slice/user-0.slice/session-7.scope",
    ],
)
def test_a_managers_group_says_more_than_the_terminal(cgroup: str) -> None:
    """The near misses: a unit or a container that a tmux runs in is the owner."""
    facts, _ = owners.facts(host("tmux", "tmux: server", cgroup=cgroup).world, 60)
    assert terminal.claim(facts) is None


def test_the_end_of_tmux_hangs_up() -> None:
    """And who ignores that goes on."""
    found = host("tmux", "tmux: server")
    assert outlooks(found)[2].ends is True
    found.process(60, "/usr/bin/burn", ppid=50, ignored="1")
    assert outlooks(found)[2].ends is False


def test_a_login_that_is_over_is_known_by_the_environment() -> None:
    """Its ancestors are gone; what ssh wrote down stays."""
    process = make_process(cgroup=SCOPE)
    facts = make_facts(process)._replace(marks=(("SSH_CONNECTION", "203.0.113.5 51000 10.0.0.1 22"),))
    found = FakeHost()
    found.process(3355, "/usr/bin/burn", cgroup=SCOPE)
    found.manager.loaded = {"session-7.scope": {}}
    claim = terminal.claim(facts)
    assert claim is not None
    shown = terminal.inspect(claim, facts, found.world).told().facts
    assert (shown["via"], shown["from"], shown["over"]) == ("ssh", "203.0.113.5", True)


def test_a_parent_that_may_act_is_not_judged() -> None:
    """A program that is no shell may start it again, at a terminal too."""
    found = host("tmux", "tmux: server")
    found.process(50, "python3 /srv/agent.py", comm="python3", ppid=40)
    assert outlooks(found)[1].returns is None


@pytest.mark.parametrize(
    ("words", "nothing"),
    [
        (("bash",), True),
        (("-zsh",), True),
        (("sh", "-c", "burn; echo done"), True),
        (("sh", "-c", "while true; do burn; done"), False),
        (("sh", "/srv/x.sh"), False),
        (("timeout", "60", "burn"), True),
        (("python3", "agent.py"), False),
    ],
)
def test_who_starts_nothing_again(words: tuple[str, ...], nothing: bool) -> None:
    """Typed shells, lines without a loop and waiting wrappers; of a script only its text would tell."""
    parent = make_process(50, exe=f"/usr/bin/{words[0].lstrip('-')}", cmdline=words)
    assert unmanaged.starts_nothing_again(parent) is nothing
