"""Units: what goes down together, what starts it again, what a verb leaves alone."""

from typing import Any, cast

import pytest
from preflight.host_world import FakeHost, FakeManager

from runaway_watchdog.preflight.helps import helps
from runaway_watchdog.preflight.sequence import Shell, judge
from runaway_watchdog.world import UserManagers, World
from runaway_watchdog.world.units import Unit, parse


def unit(name: str, **changes: Any) -> dict[str, Any]:
    return {"Id": name, "ActiveState": "active", "MainPID": 0, "KillMode": "control-group", **changes}


@pytest.fixture
def host() -> FakeHost:
    loaded = {
        "db.service": unit("db.service", RequiredBy=["app.service"], FragmentPath="/etc/systemd/system/db.service"),
        "app.service": unit("app.service", ConsistsOf=["helper.service"], TriggeredBy=["app.socket"]),
        "helper.service": unit("helper.service"),
        "app.socket": unit("app.socket"),
        "idle.service": unit("idle.service", ActiveState="inactive"),
        "held.service": unit("held.service", UpheldBy=["guard.service"]),
    }
    return FakeHost(manager=FakeManager(loaded))


CASES = [
    ("systemctl stop db", "db app helper", ""),
    ("systemctl stop idle", "", ""),
    ("systemctl stop nosuch", "", ""),
    ("systemctl stop 'h*'", "helper held", ""),
    ("systemctl restart app", "", "app helper"),
    ("systemctl try-restart idle", "", ""),
    ("systemctl disable db", "", ""),
    ("systemctl disable --now helper", "helper", ""),
    ("systemctl mask --now db", "", ""),  # refused: its unit file stands where the mask would go
    ("service helper stop", "helper", ""),
    ("/etc/init.d/helper stop", "helper", ""),
    ("invoke-rc.d helper restart", "", "helper"),
    ("systemctl stop helper; systemctl stop helper", "helper", ""),
    ("systemctl status db", "", ""),
    ("systemctl reload app", "", ""),
]


@pytest.mark.parametrize(("line", "stops", "restarts"), CASES, ids=[line for line, *_ in CASES])
def test_these_stop_and_these_restart(host: FakeHost, line: str, stops: str, restarts: str) -> None:
    """A stop goes on to who requires it and who is part of it."""
    found = host.judge(line)
    names = {verb: {each.name for each in found.effects if each.verb == verb} for verb in ("stop", "restart")}
    assert names["stop"] == {f"{name}.service" for name in stops.split()}
    assert names["restart"] == {f"{name}.service" for name in restarts.split()}
    assert found.unknown == ()


THAWED = "stop warm, change warm, restart warm"
FROZEN = [  # the line, its effects since systemd 256 and before, and whether anything is refused since
    ("systemctl stop cold", "", "stop cold", True),
    ("systemctl restart cold", "", "restart cold", True),
    ("systemctl reload-or-restart cold", "", "restart cold", True),
    ("systemctl start cold", "", "change cold", True),
    ("systemctl stop cold warm", "stop warm", "stop cold, stop warm", True),
    ("systemctl restart cold warm", "restart warm", "restart cold, restart warm", True),
    ("systemctl stop base", "stop base", "stop base, stop cold", False),  # cold needs it, and goes on
    ("systemctl disable --now cold", "change cold", "change cold, stop cold", True),
    ("systemctl thaw cold && systemctl stop cold", "change cold, stop cold", "change cold, stop cold", False),
    ("systemctl freeze warm; systemctl stop warm", "stop warm", "stop warm, stop warm", True),
    ("systemctl freeze warm; systemctl thaw warm; systemctl restart warm", THAWED, THAWED, False),
    ("systemctl stop stuck; systemctl start stuck", "", "stop stuck, change stuck", True),
]


@pytest.mark.parametrize(("line", "since", "before", "refused"), FROZEN, ids=[line for line, *_ in FROZEN])
def test_a_frozen_unit_refuses_since_256(line: str, since: str, before: str, refused: bool) -> None:
    """It has to be thawed first; an older systemd does that by itself. Where no release is said, nothing is claimed."""
    for release, effects in ((257, since), (252, before)):
        found = _with_frozen(release).judge(line)
        assert ", ".join(f"{each.verb} {each.name.removesuffix('.service')}" for each in found.effects) == effects
        assert (bool(found.nothing), found.unknown) == (refused and release == 257, ())
    assert bool(_with_frozen(None).judge(line).unknown) == (since != before)


@pytest.mark.parametrize("name", ["stuck", "sliced"])
def test_what_cannot_be_thawed_stays_frozen(name: str) -> None:
    """Neither what is down meanwhile, nor what is frozen with its slice."""
    found = _with_frozen(257).judge(f"systemctl thaw {name}; systemctl stop {name}")
    assert (found.effects, len(found.nothing), found.unknown) == ((), 2, ())


def _with_frozen(release: int | None) -> FakeHost:
    states = {"cold": "frozen", "warm": "running", "base": "running", "stuck": "frozen", "sliced": "frozen-by-parent"}
    loaded = {f"{name}.service": unit(f"{name}.service", FreezerState=state) for name, state in states.items()}
    loaded["stuck.service"] |= {"ActiveState": "activating"}
    loaded["base.service"] |= {"RequiredBy": ["cold.service"]}
    return FakeHost(manager=FakeManager(loaded, release))


@pytest.mark.parametrize(("watchdog", "told"), [(2_000_000, True), (0, False), (2**64 - 1, False)])
def test_a_freeze_says_what_a_watchdog_makes_of_it(watchdog: int, told: bool) -> None:
    """Zero and infinity are none."""
    manager = FakeManager({"x.service": unit("x.service", WatchdogUSec=watchdog)})
    (effect,) = FakeHost(manager=manager).judge("systemctl freeze x").effects
    assert ("WatchdogSec=" in effect.why) == told


def test_who_starts_it_again_is_told(host: FakeHost) -> None:
    """A socket, an upholding unit; not one that the same line stops."""
    assert "app.socket starts it again" in host.judge("systemctl stop app").effects[0].why
    assert "guard.service upholds it" in host.judge("systemctl stop held").effects[0].why
    alone = host.judge("systemctl stop app.socket app").effects
    assert all("starts it again" not in each.why for each in alone)


@pytest.mark.parametrize(
    "line", ["systemctl -H web stop x", "systemctl --user stop x", "systemctl stop $U", "systemctl frob x"]
)
def test_another_systemd_or_another_word_is_unknown(host: FakeHost, line: str) -> None:
    assert host.judge(line).unknown


@pytest.mark.parametrize(
    "line", ["reboot", "shutdown -r now", "systemctl poweroff", "init 6", "systemctl isolate reboot.target"]
)
def test_the_whole_host(host: FakeHost, line: str) -> None:
    assert host.judge(line).effects[0].type == "host"


def test_a_shutdown_that_is_called_off(host: FakeHost) -> None:
    assert host.judge("shutdown -c").effects == ()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("systemctl mask db", "refused"),
        ("systemctl mask --runtime db", "has no effect"),
        ("systemctl mask helper", "nobody can start it"),
        ("systemctl mask --runtime helper", "nobody can start it"),
    ],
)
def test_a_mask_beside_a_unit_file_in_etc_does_not_hold(host: FakeHost, line: str, told: str) -> None:
    """It is refused, or with --runtime made in silence and passed over."""
    (effect,) = host.judge(line).effects
    assert told in effect.why


class AnasManager:
    """The systemd of uid 1000, whose own app.service is named as the system's is."""

    def unit(self, uid: int, name: str) -> Unit | None:
        return parse(unit(name, MainPID=77, Restart="no")) if (uid, name) == (1000, "app.service") else None


@pytest.fixture
def with_ana(host: FakeHost) -> World:
    """Her app.service has the main process 77."""
    slices = "/user.slice/user-1000.slice/user@1000.service/app.slice"
    host.process(77, "/home/ana/app", uid=1000, cgroup=f"{slices}/app.service")
    return host.world._replace(users=cast(UserManagers, AnasManager()))


def test_a_users_unit_goes_down_with_its_main_process(with_ana: World) -> None:
    """Told as that user's: the system's unit of the same name runs on."""
    found = judge("kill -9 77", with_ana, Shell({}, "/srv", "/root"))
    stopped = [(each.type, each.name) for each in found.effects if each.verb == "stop"]
    assert stopped == [("unit", "user@1000.service/app.service")]
    assert found.host.stopped_units == {"user@1000.service/app.service"}


def test_a_stop_of_the_systems_unit_does_not_help_against_a_users(with_ana: World) -> None:
    """The two have no more than their name in common."""
    found = judge("systemctl stop app", with_ana, Shell({}, "/srv", "/root"))
    assert "app.service" in found.host.stopped_units
    assert helps(found, 77, with_ana).ends is False


def test_a_file_with_a_process_s_number_in_its_name_is_not_that_process() -> None:
    """What a file is called says nothing of a process: this line touches a file, and 9526 goes on."""
    host = FakeHost()
    host.files.add("/srv/aes/a (9526)", "x")
    host.process(9526, "/usr/bin/burn")
    found = helps(host.judge("rm '/srv/aes/a (9526)'"), 9526, host.world)
    assert found.ends is False
    assert "deleted" not in found.why


@pytest.mark.parametrize(
    ("line", "stopped"),
    [
        ("apt remove -y helper-tools", "helper"),
        ("apt-get purge helper-tools:amd64", "helper"),
        ("sudo apt autoremove --purge helper-tools", "helper"),
        ("dpkg -r helper-tools", "helper"),
        ("dpkg -P helper-tools", "helper"),
        ("apt install helper-tools", ""),
        ("apt -s remove helper-tools", ""),
        ("apt remove absent", ""),
        ("dpkg -l helper-tools", ""),
        ("dpkg --dry-run -r helper-tools", ""),
    ],
)
def test_a_package_that_goes_stops_its_units(host: FakeHost, line: str, stopped: str) -> None:
    """Its own scripts do, before its files are gone; what it has written stays, unless it is purged."""
    files = "/lib/systemd/system/helper.service\n/usr/lib/systemd/system/idle.service\n/usr/bin/helper\n"
    host.files.add("/var/lib/dpkg/info/helper-tools.list", files)
    found = host.judge(line)
    assert [each.name for each in found.effects if each.verb == "stop"] == ([f"{stopped}.service"] if stopped else [])
