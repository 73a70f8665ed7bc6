"""systemd services: the matrix of Restart= as it was observed, the overrides, the triggers, and the steps."""

from dataclasses import replace
from typing import Any

import pytest
from support.builders import make_facts, make_process, make_service

from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners import systemd

# One row for each end, one column for each Restart=: as observed on systemd 252.
COLUMNS = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")
MATRIX: dict[Action, str] = {
    "clean-exit": "-R----R",
    "failure-exit": "--R---R",
    "sigterm": "-R----R",
    "sigkill": "--RR-RR",
    "owner-stop": "-------",
}


@pytest.mark.parametrize("action", MATRIX)
@pytest.mark.parametrize("policy", COLUMNS)
def test_restart_answers_each_end_as_observed(action: Action, policy: str) -> None:
    """kill ends an on-failure service for good, kill -9 revives it; on-success is the other way round."""
    expected = MATRIX[action][COLUMNS.index(policy)] == "R"
    assert systemd.fate(make_service(policy), make_facts(), action).returns is expected


@pytest.mark.parametrize(
    ("policy", "override", "returns"),
    [
        ("always", {"prevent": [[], [9]]}, False),
        ("no", {"force": [[], [9]]}, True),
        ("on-failure", {"success": [[], [9]]}, False),
        ("always", {"prevent": [[], [9]], "force": [[], [9]]}, False),
        ("always", {"prevent": [[3], []]}, True),
    ],
)
def test_the_overrides_win(policy: str, override: dict[str, Any], returns: bool) -> None:
    """RestartPreventExitStatus wins, then RestartForceExitStatus; SuccessExitStatus makes an end clean."""
    assert systemd.fate(make_service(policy, **override), make_facts(), "sigkill").returns is returns


def test_a_handled_sigterm_is_likely_at_most() -> None:
    """Its exit code is the program's own: under always it returns either way, under on-failure nobody knows."""
    facts = make_facts(make_process(sigterm="handled"))
    always = systemd.fate(make_service("always"), facts, "sigterm")
    on_failure = systemd.fate(make_service("on-failure"), facts, "sigterm")
    assert (always.returns, always.certainty) == (True, "likely")
    assert (on_failure.returns, on_failure.certainty) == (None, "unknown")


def test_a_timer_brings_a_restart_no_service_back() -> None:
    """Restart=no is not enough: a timer starts it again at its next time, also after a stop."""
    timer = {"unit": "burn.timer", "active": True, "unit_file_state": "enabled", "next_in_s": 90.0}
    for action in ("sigkill", "owner-stop"):
        fate = systemd.fate(make_service("no", triggered_by=[timer]), make_facts(), action)
        assert (fate.returns, fate.by, fate.after_s) == (True, "burn.timer", 90.0)


def test_an_upheld_unit_returns_even_after_a_stop() -> None:
    """Upholds= starts it again whatever happens."""
    fate = systemd.fate(make_service("no", upheld_by=["guard.service"]), make_facts(), "owner-stop")
    assert (fate.returns, fate.by) == (True, "guard.service")


def test_systemd_does_not_act_on_a_process_beside_the_main_one() -> None:
    """Whether its parent starts it again is not guessed."""
    parent = make_process(4000, name="gunicorn")
    fate = systemd.fate(make_service("always", main_pid=4000), make_facts(parent=parent), "sigkill")
    assert fate.returns is None
    assert "gunicorn (4000)" in fate.why


@pytest.mark.parametrize(
    ("changes", "returns"),
    [
        ({}, True),
        ({"unit_file_state": "disabled", "wanted_by": []}, False),
        ({"unit_file_state": "static", "wanted_by": ["multi-user.target"]}, True),
        ({"transient": True, "unit_file_state": "transient"}, False),
    ],
)
def test_a_reboot_starts_what_is_asked_for_at_boot(changes: dict[str, Any], returns: bool) -> None:
    """Enabled, or wanted by something that boots; a transient unit is forgotten."""
    assert systemd.fate(make_service("always", **changes), make_facts(), "reboot").returns is returns


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/burn.service", "burn.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/system.slice/docker.service/sub", "docker.service"),
        ("/user.slice/user-0.slice/session-3.scope", "session-3.scope"),
    ],
)
def test_a_unit_is_claimed_from_the_start_of_the_path(path: str, unit: str) -> None:
    """Below slices, the first service or scope is the unit."""
    claim = systemd.claim(make_facts(make_process(cgroup=path)))
    assert claim is not None
    assert claim.ref == unit


@pytest.mark.parametrize("path", ["/payload/system.slice/dbus.service", "/lxc/x/system.slice/cron.service", "/", ""])
def test_a_unit_of_another_machine_is_not_ours(path: str) -> None:
    """A process in a container never blames a unit of the host with the same name."""
    assert systemd.claim(make_facts(make_process(cgroup=path))) is None


def test_the_plan_stops_the_timer_with_the_service() -> None:
    """In one command, as their undo is: a socket unit, for one, cannot be started while its service runs."""
    timer = {"unit": "burn.timer", "active": True, "unit_file_state": "enabled", "next_in_s": 90.0}
    held = systemd.hold(make_service("always", triggered_by=[timer], cpu_controller=False), make_facts())
    assert [step.command for step in held.steps] == [
        "systemctl stop burn.timer burn.service",
        "systemctl disable burn.service burn.timer",
    ]
    assert [step.undo for step in held.steps] == [
        "systemctl start burn.timer burn.service",
        "systemctl enable burn.service burn.timer",
    ]


def test_only_what_was_enabled_is_disabled() -> None:
    """The undo must restore what was, and enable nothing that was not."""
    held = systemd.hold(make_service("always", unit_file_state="static", cpu_controller=False), make_facts())
    assert [step.command for step in held.steps] == ["systemctl stop burn.service"]


def test_the_host_is_not_told_to_stop_what_it_needs() -> None:
    """A busy dockerd or journald works for somebody else: the plan never stops it."""
    owner = replace(make_service("on-failure"), name="docker.service")
    assert not any("stop" in step.command for step in systemd.hold(owner, make_facts()).steps)


def test_a_transient_unit_is_never_stopped() -> None:
    """Its definition would be gone, and no start could undo that."""
    held = systemd.hold(make_service("always", transient=True), make_facts())
    assert held.steps[-1].command == "systemctl freeze burn.service"
    assert not any(" stop " in step.command for step in held.steps)


@pytest.mark.parametrize(
    ("changes", "main", "ends"),
    [
        ({"kill_mode": "none"}, True, False),
        ({"kill_mode": "process"}, True, True),
        ({"kill_mode": "process"}, False, False),
        ({"refuse_manual_stop": True}, True, False),
        ({}, False, True),
    ],
)
def test_a_stop_does_not_reach_everything(changes: dict[str, Any], main: bool, ends: bool) -> None:
    """KillMode= keeps processes from it (a running cron job survives), and some units refuse it."""
    owner = make_service("no", **changes, main_pid=3355 if main else 17)
    assert systemd.fate(owner, make_facts(), "owner-stop").ends is ends


def test_a_unit_that_refuses_is_frozen() -> None:
    """`systemctl stop` would only be refused."""
    steps = systemd.hold(make_service("always", refuse_manual_stop=True, cpu_controller=False), make_facts()).steps
    assert [step.command for step in steps] == ["systemctl freeze burn.service"]


def test_systemd_may_give_up_instead() -> None:
    """Where this life began within the interval that the limit counts over, the return is not certain."""
    limit = {"start_limit_burst": 2, "start_limit_interval_s": 3600.0, "up_s": 60.0}
    fate = systemd.fate(make_service("always", **limit, restarts_counted=1), make_facts(), "sigkill")
    assert (fate.returns, fate.certainty) == (None, "unknown")
    usual = {"start_limit_burst": 5, "start_limit_interval_s": 10.0, "up_s": 60.0}
    assert systemd.fate(make_service("always", **usual, restarts_counted=9), make_facts(), "sigkill").returns is True


@pytest.mark.parametrize(
    ("changes", "returns"),
    [
        ({"unit_file_state": "enabled-runtime"}, False),
        ({"wanted_by": ["never.target"]}, None),
        ({"unit_file_state": "static", "wanted_by": ["other.service"]}, None),
    ],
)
def test_a_boot_is_not_promised_where_it_is_not_known(changes: dict[str, Any], returns: bool | None) -> None:
    """A link in /run is gone at boot, and not every target is reached."""
    assert systemd.fate(make_service("always", **changes), make_facts(), "reboot").returns is returns


def test_the_undo_starts_what_stopped_with_it() -> None:
    """Units that require it go down with it, and nothing but the undo brings them back."""
    owner = make_service("always", stops_with_it=["dep.service"], forgets=["/run/burn"], cpu_controller=False)
    stop = systemd.hold(owner, make_facts()).steps[0]
    assert stop.undo == "systemctl start burn.service dep.service"
    assert "dep.service stops with it" in stop.effect
    assert "/run/burn" in stop.effect


def test_a_unit_enabled_by_its_path_is_enabled_by_its_path_again() -> None:
    """`disable` removes the link that was its only name."""
    owner = make_service("always", link_target="/srv/app/burn.service", cpu_controller=False)
    disable = systemd.hold(owner, make_facts()).steps[-1]
    assert disable.undo == "systemctl enable /srv/app/burn.service"


def test_a_scope_is_ended_by_its_stop() -> None:
    """systemd sends SIGKILL where SIGTERM is ignored."""
    owner = replace(make_service("none"), kind="systemd-scope", name="x.scope", facts={})
    fate = systemd.fate(owner, make_facts(make_process(sigterm="ignored")), "owner-stop")
    assert (fate.ends, fate.returns) == (True, False)
