"""Services of a user's own systemd: who is asked, what a boot brings, and how root speaks to it."""

from collections.abc import Sequence

import pytest
from support.builders import make_facts, make_process, make_service

from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.systemd import service as systemd, user_service as systemd_user
from runaway_watchdog.owners.systemd.details import User, UsersService

PATH = "/user.slice/user-1000.slice/user@1000.service/app.slice/burn.service"


def hers(
    policy: str = "always", *, user: str = "bob", lingers: bool = True, upheld_by: Sequence[str] = ()
) -> Read[UsersService]:
    unit = make_service(policy, cpu_controller=False, booted_by="default.target", upheld_by=upheld_by).details
    details = UsersService(unit, User(user, 1000, lingers))
    return Read("systemd-user-service", "burn.service", "user@1000.service/burn.service", policy, details, ())


@pytest.mark.parametrize(
    ("path", "ref"),
    [
        (PATH, "user@1000.service/burn.service"),
        (f"{PATH}/sub", "user@1000.service/burn.service"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.slice/x@1.service",
            "user@1000.service/x@1.service",
        ),
        ("/user.slice/user-1000.slice/user@1001.service/app.slice/burn.service", None),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", None),
        ("/user.slice/user-1000.slice/session-3.scope", None),
        ("/lxc.payload.x/user.slice/user-1000.slice/user@1000.service/app.slice/burn.service", None),
    ],
)
def test_a_users_unit_is_claimed_by_its_path(path: str, ref: str | None) -> None:
    """Anchored, and the user's manager itself is not one of its units."""
    claim = systemd_user.claim(make_facts(make_process(cgroup=path)))
    assert (claim.ref if claim else None) == ref


def test_the_next_layer_is_the_users_manager() -> None:
    """A service of the system's, which is never stopped to get rid of one unit."""
    claim = systemd_user.outer(hers())
    assert claim is not None
    assert claim.ref == "user@1000.service"
    manager = make_service("no")._replace(name="user@1000.service")
    assert not any(" stop " in step.command for step in systemd.contain(manager, make_facts()).steps)


def test_the_same_rules_hold_as_for_the_systems_units() -> None:
    """And it is told whose systemd acts."""
    outlook = systemd_user.outlook(hers("on-failure"), make_facts(), "sigkill")
    assert (outlook.returns, outlook.by) == (True, "systemd of bob")
    assert systemd_user.outlook(hers("on-failure"), make_facts(), "sigterm").returns is False


def test_without_lingering_nothing_runs_before_the_login() -> None:
    """A reboot alone brings nothing back; a restart of the user's manager does."""
    assert systemd_user.outlook(hers(), make_facts(), "reboot").returns is True
    away = systemd_user.outlook(hers(lingers=False), make_facts(), "reboot")
    assert (away.returns, "bob logs in" in away.why) == (False, True)
    assert systemd_user.outlook(hers(lingers=False), make_facts(), "owner-daemon-restart").returns is True


def test_the_steps_speak_to_the_users_systemd() -> None:
    """From a root shell."""
    commands = [step.command for step in systemd_user.contain(hers(), make_facts()).steps]
    systemctl = "systemctl --user -M bob@"
    freeze, thaw, stop, disable = (f"{systemctl} {verb} burn.service" for verb in ("freeze", "thaw", "stop", "disable"))
    assert commands == [freeze, f"{thaw} && {stop}", disable]


@pytest.mark.parametrize("user", ["bob@corp.example", "DOM\\bob", "$(reboot)", "b ob"])
def test_a_name_that_systemctl_would_misread_is_a_number(user: str) -> None:
    """`-M NAME@` splits at the first @."""
    assert "-M 1000@ stop" in systemd_user.contain(hers(user=user), make_facts()).steps[1].command


def test_the_drop_in_lies_where_the_users_manager_reads_it() -> None:
    """And its condition is written with that manager's own specifier."""
    _, step = systemd_user.contain(hers(upheld_by=["top.service"]), make_facts()).steps
    assert "!%%t/systemd/user/%%n.d/zz-hold.conf" in step.command
    assert "> /run/user/1000/systemd/user/burn.service.d/zz-hold.conf" in step.command
