"""systemd services: the matrix of Restart= as it was observed, the overrides, and all that starts a unit again."""

from typing import Any

import pytest
from support.builders import make_facts, make_process, make_service

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.interface import Read, Unread
from runaway_watchdog.owners.systemd import service as systemd
from runaway_watchdog.owners.systemd.details import Trigger

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
    assert systemd.outlook(make_service(policy), make_facts(), action).returns is expected


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
    assert systemd.outlook(make_service(policy, **override), make_facts(), "sigkill").returns is returns


def test_a_handled_sigterm_is_likely_at_most() -> None:
    """Its exit code is the program's own: under always it returns either way, under on-failure nobody knows."""
    facts = make_facts(make_process(sigterm="handled"))
    always = systemd.outlook(make_service("always"), facts, "sigterm")
    on_failure = systemd.outlook(make_service("on-failure"), facts, "sigterm")
    assert (always.returns, always.certainty) == (True, "likely")
    assert (on_failure.returns, on_failure.certainty) == (None, "unknown")


def test_a_timer_brings_a_restart_no_service_back() -> None:
    """Restart=no is not enough: a timer starts it again at its next time, also after a stop."""
    timer = Trigger("burn.timer", True, "enabled", 90.0)
    for action in ("sigkill", "owner-stop"):
        outlook = systemd.outlook(make_service("no", triggered_by=[timer]), make_facts(), action)
        assert (outlook.returns, outlook.by, outlook.after_s) == (True, "burn.timer", 90.0)


def test_an_upheld_unit_returns_even_after_a_stop() -> None:
    """Upholds= starts it again whatever happens."""
    outlook = systemd.outlook(make_service("no", upheld_by=["guard.service"]), make_facts(), "owner-stop")
    assert (outlook.returns, outlook.by) == (True, "guard.service")


def test_systemd_does_not_act_on_a_process_beside_the_main_one() -> None:
    """Whether its parent starts it again is not guessed."""
    parent = make_process(4000, name="gunicorn")
    outlook = systemd.outlook(make_service("always", main_pid=4000), make_facts(parent=parent), "sigkill")
    assert outlook.returns is None
    assert "gunicorn (4000)" in outlook.why


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
    assert systemd.outlook(make_service("always", **changes), make_facts(), "reboot").returns is returns


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
    assert systemd.outlook(owner, make_facts(), "owner-stop").ends is ends


def test_systemd_may_give_up_instead() -> None:
    """Where this life began within the interval that the limit counts over, the return is not certain."""
    limit = {"start_limit_burst": 2, "start_limit_interval_s": 3600.0, "up_s": 60.0}
    outlook = systemd.outlook(make_service("always", **limit, restarts_counted=1), make_facts(), "sigkill")
    assert (outlook.returns, outlook.certainty) == (None, "unknown")
    usual = {"start_limit_burst": 5, "start_limit_interval_s": 10.0, "up_s": 60.0}
    assert systemd.outlook(make_service("always", **usual, restarts_counted=9), make_facts(), "sigkill").returns is True


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
    assert systemd.outlook(make_service("always", **changes), make_facts(), "reboot").returns is returns


def test_a_scope_is_ended_by_its_stop() -> None:
    """systemd sends SIGKILL where SIGTERM is ignored."""
    owner = Read("systemd-scope", "x.scope", "x.scope", "none", unmanaged.ORPHAN, ())
    outlook = systemd.outlook(owner, make_facts(make_process(sigterm="ignored")), "owner-stop")
    assert (outlook.ends, outlook.returns) == (True, False)


@pytest.mark.parametrize(
    ("changes", "action", "returns"),
    [
        ({"type": "oneshot"}, "sigterm", True),  # there no signal is clean
        ({"type": "oneshot"}, "clean-exit", False),
        ({"restart_after_s": None}, "sigkill", False),  # RestartSec=infinity
        ({"prevent": [[], [9]], "force": [[], [9]]}, "sigkill", False),
    ],
)
def test_settings_that_change_what_an_end_is(changes: dict[str, Any], action: Action, returns: bool) -> None:
    """As observed under Restart=on-failure."""
    assert systemd.outlook(make_service("on-failure", **changes), make_facts(), action).returns is returns


@pytest.mark.parametrize(("action", "returns"), [("sigterm", False), ("clean-exit", False), ("sigkill", True)])
def test_a_unit_that_remains_after_a_clean_exit_is_not_started(action: Action, returns: bool) -> None:
    """Restart=always does not act, and no timer starts what is active already."""
    timer = Trigger("burn.timer", True, "enabled", 9.0, due=True)
    owner = make_service("always", remain_after_exit=True, triggered_by=[timer])
    assert systemd.outlook(owner, make_facts(), action).returns is returns


def test_an_exit_code_that_a_list_names_is_one_of_the_possible() -> None:
    """A program that handles SIGTERM may exit with 143, and then Restart=always does not act."""
    owner = make_service("always", prevent=[[143], []])
    outlook = systemd.outlook(owner, make_facts(make_process(sigterm="handled")), "sigterm")
    assert (outlook.returns, outlook.certainty) == (None, "unknown")


def test_a_young_unit_may_have_been_started_by_hand() -> None:
    """Those starts count for the limit too, and nothing tells how many there were."""
    limit = {"start_limit_burst": 5, "start_limit_interval_s": 10.0}
    young = systemd.outlook(make_service("always", **limit, up_s=3.0), make_facts(), "sigkill")
    old = systemd.outlook(make_service("always", **limit, up_s=60.0), make_facts(), "sigkill")
    slow = systemd.outlook(make_service("always", **limit, up_s=3.0, restart_after_s=30.0), make_facts(), "sigkill")
    assert [each.certainty for each in (young, old, slow)] == ["likely", "certain", "certain"]
    assert "unless it ends 5 times within 10 s" in old.why
    assert "however often it ends" in slow.why


@pytest.mark.parametrize(
    ("door", "returns"),
    [
        (Trigger("x.timer", True, "static", None, due=False), False),
        (Trigger("x.timer", True, "static", None, due=True), True),
        (Trigger("x.path", True, "static", at_once=True), True),
        (Trigger("x.path", True, "static", at_once=False), True),
        (Trigger("x.socket", True, "static", one_connection=False), True),
        (Trigger("x.socket", True, "static", one_connection=True), False),
    ],
)
def test_doors_of_every_kind(door: Trigger, returns: bool) -> None:
    """A timer whose time is over opens no more; a server of one connection ends with it."""
    assert systemd.outlook(make_service("no", triggered_by=[door]), make_facts(), "sigkill").returns is returns
    closed = door._replace(active=False)
    assert systemd.outlook(make_service("no", triggered_by=[closed]), make_facts(), "sigkill").returns is False


def test_a_handler_of_failures_is_told() -> None:
    """Whatever it does: it may start the unit again."""
    owner = make_service("no", on_failure=["mail.service"])
    failed, clean = (systemd.outlook(owner, make_facts(), action) for action in ("sigkill", "sigterm"))
    assert ("mail.service" in failed.why, failed.certainty) == (True, "likely")
    assert ("mail.service" in clean.why, clean.certainty) == (False, "certain")


@pytest.mark.parametrize(("setting", "returns"), [("reboot", True), ("poweroff", False)])
def test_a_failure_that_takes_the_host_down_is_told(setting: str, returns: bool) -> None:
    """FailureAction=: after a reboot, what is enabled is there again."""
    for policy in ("no", "always"):  # it comes before Restart=
        owner = make_service(policy, failure_action=setting)
        outlook = systemd.outlook(owner, make_facts(), "sigkill")
        assert (outlook.returns, f"whole host: {setting}" in outlook.why) == (returns, True)
        assert setting not in systemd.outlook(owner, make_facts(), "sigterm").why
        handled = systemd.outlook(owner, make_facts(make_process(sigterm="handled")), "sigterm")
        assert (handled.returns, setting in handled.why) == (None, True)


@pytest.mark.parametrize(("policy", "told"), [("always", True), ("no", False)])
def test_a_restart_is_a_success_on_its_way(policy: str, told: bool) -> None:
    """SuccessAction= acts on a failure that Restart= answers, as systemd 252 was seen to do it."""
    outlook = systemd.outlook(make_service(policy, success_action="poweroff"), make_facts(), "sigkill")
    assert ("whole host: poweroff" in outlook.why) is told


@pytest.mark.parametrize(
    ("policy", "action", "returns"),
    [
        ("on-failure", "sigterm", True),
        ("on-abort", "sigterm", True),
        ("on-success", "sigterm", False),
        ("on-success", "clean-exit", False),
        ("on-failure", "failure-exit", True),
    ],
)
def test_what_a_start_waits_for(policy: str, action: Action, returns: bool) -> None:
    """ExecStartPre=: its death by SIGTERM fails the start, as SIGKILL does."""
    owner = make_service(policy, main_pid=0, control_pid=3355, sub_state="start-pre", active_state="activating")
    assert systemd.outlook(owner, make_facts(), action).returns is returns


@pytest.mark.parametrize(
    ("policy", "count", "returns"),
    [("always", 1, True), ("on-success", 1, True), ("on-failure", 1, False), ("always", 2, False)],
)
def test_a_unit_without_a_known_main_process(policy: str, count: int, returns: bool) -> None:
    """Type=forking with several children: the end of the last one is a success to systemd, the others' are nothing."""
    owner = make_service(policy, main_pid=0, processes=count, type="forking")
    assert systemd.outlook(owner, make_facts(), "sigkill").returns is returns


def test_what_was_left_behind_is_reached_by_no_stop() -> None:
    """KillMode=process: the unit is down, and one of its processes burns on."""
    owner = make_service("always", main_pid=0, processes=1, active_state="inactive", kill_mode="process")
    stop, kill = (systemd.outlook(owner, make_facts(), action) for action in ("owner-stop", "sigkill"))
    assert (stop.ends, kill.returns) == (False, False)
    assert "left behind" in kill.why


@pytest.mark.parametrize(
    ("policy", "action", "returns"), [("on-failure", "sigterm", True), ("on-success", "sigkill", False)]
)
def test_a_start_script_ends_with_what_it_waits_for(policy: str, action: Action, returns: bool) -> None:
    """A shell that runs a script exits with 128 and the signal: a failure, whatever the signal."""
    script = make_process(4000, name="start.sh", exe="/usr/bin/dash", cmdline=("/bin/sh", "/opt/start.sh"))
    outlook = systemd.outlook(make_service(policy, main_pid=4000), make_facts(parent=script), action)
    assert (outlook.returns, outlook.certainty) == (returns, "likely")


@pytest.mark.parametrize(
    ("changes", "returns", "certainty"),
    [
        ({"load_state": "not-found"}, False, "certain"),
        ({"unit_file_state": "masked"}, False, "certain"),
        ({"unit_file_state": "masked-runtime"}, True, "likely"),
        ({"unit_file_state": "generated"}, True, "certain"),
        ({"unit_file_state": "enabled", "wanted_by": []}, None, "unknown"),
        ({"unit_file_state": "static", "wanted_by": [], "upheld_at_boot": ["x.service"]}, True, "likely"),
        ({"unit_file_state": "static", "wanted_by": [], "bus_name": "org.x"}, None, "unknown"),
        ({"main_pid": 17}, None, "unknown"),
    ],
)
def test_what_a_boot_brings(changes: dict[str, Any], returns: bool | None, certainty: str) -> None:
    """Masks, generated units, upholders, and a process that is not the main one."""
    outlook = systemd.outlook(make_service("always", **changes), make_facts(), "reboot")
    assert (outlook.returns, outlook.certainty) == (returns, certainty)


@pytest.mark.parametrize(("at_boot", "returns"), [(True, True), (False, False)])
def test_a_timer_that_boots_brings_it_back(at_boot: bool, returns: bool) -> None:
    """One that counts only from a run of its service never elapses after a boot."""
    timer = Trigger("x.timer", True, "enabled", 5.0, at_boot=at_boot)
    owner = make_service("no", unit_file_state="static", wanted_by=[], triggered_by=[timer])
    assert systemd.outlook(owner, make_facts(), "reboot").returns is returns


def test_an_init_script_is_trusted_to_stop_what_it_started() -> None:
    """KillMode=process and no main process: systemd itself ends nothing."""
    owner = make_service(
        "no", main_pid=0, processes=1, kill_mode="process", stop_command=True, source="/etc/init.d/burn"
    )._replace(
        kind="sysv-service",
    )
    outlook = systemd.outlook(owner, make_facts(), "owner-stop")
    assert (outlook.ends, outlook.returns, outlook.certainty) == (True, False, "likely")
    assert "/etc/init.d/burn stop" in outlook.why


@pytest.mark.parametrize(
    ("path", "kind", "ref"),
    [
        ("/system.slice/snap.lxd.daemon.service", "snap-service", "snap.lxd.daemon.service"),
        ("/system.slice/snap.service", "systemd-service", "snap.service"),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", "systemd-service", "user@1000.service"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope",
            "systemd-scope",
            "user@1000.service/x.scope",
        ),
    ],
)
def test_kinds_by_the_path(path: str, kind: str, ref: str) -> None:
    """A user's manager itself is a service of the system's; a scope of it is not."""
    claim = systemd.claim(make_facts(make_process(cgroup=path)))
    assert claim is not None
    assert (claim.kind, claim.ref) == (kind, ref)


@pytest.mark.parametrize("action", ["sigkill", "owner-stop", "reboot"])
def test_a_unit_that_was_not_read_has_no_future(action: Action) -> None:
    """What could not be asked is not guessed."""
    owner = Unread("systemd-service", "burn.service", "burn.service", (), Gap("systemd", "no bus", "look"))
    assert systemd.outlook(owner, make_facts(), action).returns is None
