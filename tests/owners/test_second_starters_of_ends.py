"""What a unit's own settings start after it: handlers of its end, told, and held back by the plan."""

from __future__ import annotations

import pytest
from owners.test_second_starters import Host, ghost

from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners.starters import specifiers

ACTIONS: tuple[Action, ...] = ("owner-stop", "sigterm", "sigkill", "clean-exit", "failure-exit")
FAILURES = {"sigkill", "failure-exit"}


def handled(setting: str, name: str, runs: str, file: str = "", **changes: object) -> Host:
    host = ghost(**{"Restart": "no", setting: [name], **changes})
    host.scripts = {**host.scripts, "/usr/local/bin/again.sh": '#!/bin/sh\nexec systemctl restart "$1"\n'}
    host.start("unit", f"/etc/systemd/system/{file or name}", f"[Service]\nType=oneshot\nExecStart={runs}\n")
    return host


def returned(host: Host, by: str) -> set[str]:
    """The ends after which that one starts it again."""
    return {each for each in ACTIONS if (found := host.predicted(each)).returns and found.by == by}


@pytest.mark.parametrize(("setting", "acts"), [("OnFailure", FAILURES), ("OnSuccess", {*ACTIONS} - FAILURES)])
def test_a_handler_of_its_end(setting: str, acts: set[str]) -> None:
    """A failure starts one, a clean end and a stop the other; the plan bars it before it stops the unit."""
    host = handled(setting, "again.service", "/bin/systemctl start ghost")
    assert returned(host, "again.service") == acts
    assert all(host.predicted(each).returns is False for each in ACTIONS if each not in acts)
    assert (
        f"again.service starts it again ({setting}=)"
        in host.predicted("sigkill" if acts == FAILURES else "sigterm").why
    )
    steps = host.held().steps
    titles = [step.title for step in steps]
    assert titles.index("Keep again.service from starting it") < titles.index("Stop it")
    bar = steps[titles.index("Keep again.service from starting it")]
    assert "> /run/systemd/system/again.service.d/zz-hold.conf && systemctl daemon-reload" in bar.command
    assert bar.undo is not None
    assert host.predicted("reboot").by != "again.service"


@pytest.mark.parametrize(
    ("name", "runs", "file"),
    [
        ("again@ghost.service.service", "/bin/systemctl restart %i", "again@.service"),
        ("again@ghost.service", "/bin/systemctl --no-block restart %I.service", "again@.service"),
        ("ghost-again.service", "/bin/systemctl restart %p", ""),
        ("again.service", "/bin/sh -c 'systemctl start \"$$MONITOR_UNIT\"'", ""),
        ("again.service", "/bin/systemctl start ${MONITOR_UNIT}", ""),
        ("again.service", "/usr/local/bin/keep.sh", ""),
        ("again@ghost.service", "/usr/local/bin/again.sh %i", "again@.service"),
        ("again.service", "/opt/ghost/ghostd --serve", ""),
    ],
)
def test_the_ways_in_which_it_names_the_unit(name: str, runs: str, file: str) -> None:
    """By its instance, by the variable that systemd sets for it, by a script; or it runs the program itself."""
    acts = returned(handled("OnFailure", name, runs, file), name)
    assert acts == (set() if "%p" in runs else FAILURES)


def test_a_handler_that_only_tells_somebody() -> None:
    """A mail for each failure is no start, and the unit stays away."""
    host = handled("OnFailure", "mail@ghost.service", "/usr/bin/mail -s 'systemctl restart %i' root", "mail@.service")
    assert returned(host, "mail@ghost.service") == set()
    assert host.held().steps == ghost(Restart="no").held().steps


def test_a_handler_of_what_restarts_itself() -> None:
    """Only an end that Restart= does not act on reaches it."""
    host = handled("OnFailure", "again.service", "/bin/systemctl start ghost", Restart="on-failure")
    assert (host.predicted("sigkill").by, host.predicted("sigterm").returns) == ("systemd", False)


@pytest.mark.parametrize(("caught", "returns"), [("0000000000004000", None), ("0000000000000000", False)])
def test_how_it_answers_a_stop_decides(caught: str, returns: bool | None) -> None:
    """What exits with 1 on SIGTERM has failed by its stop."""
    host = handled("OnFailure", "again.service", "/bin/systemctl start ghost")
    host.process(60, "/opt/ghost/ghostd --serve", cgroup="/system.slice/ghost.service", ppid=1, caught=caught)
    stop = host.predicted()
    assert (stop.returns, stop.by) == (returns, "again.service" if returns is None else None)


def test_specifiers() -> None:
    """As a unit file's manual has them."""
    assert specifiers.filled("%n %N %p %i %I %% %u", "a-b@c-d\\x2de.service") == (
        "a-b@c-d\\x2de.service a-b@c-d\\x2de a-b c-d\\x2de c/d-e % %u"
    )
    assert specifiers.filled("%j", "a-b.service") == "b"
    assert specifiers.template("a@b.service") == "a@.service"


def stopping(commands: str, **changes: object) -> Host:
    host = ghost(**{"Restart": "no", **changes})
    text = f"[Service]\nExecStart=/opt/ghost/ghostd --serve\n{commands}"
    host.start("unit", "/etc/systemd/system/ghost.service", text)
    return host


@pytest.mark.parametrize(
    "command",
    [
        "/bin/systemctl --no-block start ghost",
        "-/bin/systemctl restart %n",
        "+/usr/local/bin/keep.sh",
        "/bin/sh -c 'sleep 5; systemctl --no-block \\\n  start %N'",
        "/usr/bin/systemd-run --on-active=5 systemctl start ghost",
    ],
)
def test_a_command_after_its_end(command: str) -> None:
    """Whatever ends it: the plan takes this one out of the unit first, for a stop would be cancelled by it."""
    host = stopping(f"ExecStopPost=/bin/rm -f /run/%N.pid\nExecStopPost={command}\n")
    assert returned(host, "ExecStopPost= of ghost.service") == {*ACTIONS}
    steps = host.held().steps
    titles = [step.title for step in steps]
    out = steps[titles.index("Keep ghost.service from starting itself")]
    assert titles.index(out.title) < titles.index("Stop it")
    assert "'%s\\n' '[Service]' ExecStopPost= 'ExecStopPost=/bin/rm -f /run/%N.pid' > " in out.command
    assert out.undo is not None
    assert host.predicted("reboot").by != "ExecStopPost= of ghost.service"


def test_a_command_of_its_stop() -> None:
    """It is run at a stop and after a clean end, and after no other one."""
    host = stopping("ExecStop=/bin/systemctl --no-block restart ghost\n", ExecStop=1)
    assert returned(host, "ExecStop= of ghost.service") == {*ACTIONS} - FAILURES


@pytest.mark.parametrize(
    "commands",
    [
        "ExecStopPost=/bin/rm -f /run/ghost.pid\n",
        "ExecStopPost=/bin/systemctl start ghost\nExecStopPost=\n",
        "ExecStopPost=/bin/systemctl stop ghost\n",
        "ExecStopPost=/opt/ghost/ghostd --serve\n",
        "User=bob\nExecStopPost=/bin/systemctl start ghost\n",
    ],
)
def test_a_command_after_its_end_that_does_not_start_it(commands: str) -> None:
    """One that cleans up, that is taken back, that a stop ends along, or that may not."""
    assert returned(stopping(commands), "ExecStopPost= of ghost.service") == set()
    assert not any(step.title.startswith("Keep ghost") for step in stopping(commands).held().steps)


def test_a_program_that_its_own_end_leaves_running() -> None:
    """KillMode=process: what a stop command started stays."""
    host = stopping("ExecStopPost=/bin/sh -c '/opt/ghost/ghostd --serve &'\n", KillMode="process")
    assert host.predicted("sigkill").by == "ExecStopPost= of ghost.service"
