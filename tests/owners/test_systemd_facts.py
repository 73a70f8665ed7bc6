"""What is read of a unit: its triggers' next times, who asks for it at boot, and what was meant by nothing at all."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.owners.systemd import reading, service as systemd
from runaway_watchdog.owners.systemd.details import Service, Trigger
from runaway_watchdog.owners.systemd.manager import Source
from runaway_watchdog.world import Unanswered, World
from runaway_watchdog.world.systemd import PROPERTIES
from runaway_watchdog.world.units import NEVER_US, parse

NOW, MONOTONIC = 1_800_000_000.0, 5000.0
TIMER = {"ActiveState": "active", "WantedBy": ["timers.target"], "NextElapseUSecMonotonic": NEVER_US}


class Files:
    """A file system of names alone."""

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    def exists(self, path: str) -> bool:
        return path in self.paths

    def names(self, path: str) -> list[str]:
        if path not in self.paths:
            raise FileNotFoundError(path)
        return ["x"]

    def read(self, path: str) -> str:
        raise FileNotFoundError(path)

    def target(self, path: str) -> str:
        raise FileNotFoundError(path)

    def status(self, path: str) -> Any:
        raise FileNotFoundError(path)


def world(units: Mapping[str, Mapping[str, Any]], *paths: str, next_elapse: float | None = None) -> World:
    def elapse(calendar: str) -> float | None:
        if calendar == "unreadable":
            raise Unanswered(Gap("systemd", "no", "yes"))
        return next_elapse

    clock = SimpleNamespace(now=lambda: NOW, monotonic=lambda: MONOTONIC)
    parsed = {name: parse(unit) for name, unit in units.items()}
    manager = SimpleNamespace(unit=parsed.get, next_elapse=elapse)
    return cast(World, SimpleNamespace(files=Files(*paths), manager=manager, clock=clock))


def read(
    unit: Mapping[str, Any], units: Mapping[str, Mapping[str, Any]] | None = None, *paths: str, **how: Any
) -> Service:
    found = world(units or {}, *paths, **how)
    source = Source(
        found.manager.unit, systemd.BOOT_TARGETS, systemd.BUS_FOLDERS, trusted=True, version=lambda: how.get("version")
    )
    return reading.read(parse(unit), source, found)


def trigger(timer: Mapping[str, Any], service: Mapping[str, Any] | None = None, **how: Any) -> Trigger:
    unit = {"TriggeredBy": ["x.timer"], "MainPID": 3355, **(service or {})}
    (found,) = read(unit, {"x.timer": {**TIMER, **timer}}, **how).triggered_by
    return found


def us(seconds: float) -> int:
    return round(seconds * 1e6)


@pytest.mark.parametrize(
    ("timer", "next_in_s", "due", "at_boot"),
    [
        ({"TimersMonotonic": [["OnUnitInactiveUSec", us(90), 0]]}, 90.0, True, False),
        ({"TimersMonotonic": [["OnUnitActiveUSec", us(90), 0]]}, 30.0, True, False),
        ({"TimersMonotonic": [["OnUnitActiveUSec", us(20), 0]]}, 0.0, True, False),
        (
            {"TimersMonotonic": [["OnUnitActiveUSec", us(20), 0]], "LastTriggerUSecMonotonic": us(MONOTONIC - 8)},
            12.0,  # it elapsed while the service ran, and counts from there
            True,
            False,
        ),
        ({"TimersMonotonic": [["OnBootUSec", us(9), us(9)]]}, None, False, True),
        ({"TimersMonotonic": [["OnActiveUSec", us(60), us(MONOTONIC + 12)]]}, 12.0, True, True),
        ({"NextElapseUSecRealtime": us(NOW + 7), "TimersCalendar": [["OnCalendar", "daily", 0]]}, 7.0, True, True),
        ({"NextElapseUSecRealtime": NEVER_US, "TimersCalendar": [["OnCalendar", "daily", 0]]}, 600.0, True, True),
        ({"TimersCalendar": [["OnCalendar", "unreadable", 0]]}, None, True, True),
        ({}, None, False, False),
    ],
)
def test_a_timer_tells_when_it_would_come_if_the_service_ended_now(
    timer: dict[str, Any], next_in_s: float | None, due: bool, at_boot: bool
) -> None:
    """Its own answer is "never" while its service runs; the times are those that systemd 252 then kept."""
    begun = {"InactiveExitTimestampMonotonic": us(MONOTONIC - 60)}
    found = trigger(timer, begun, next_elapse=NOW + 600)
    assert (found.next_in_s, found.due, found.at_boot) == (next_in_s, due, at_boot)


def test_the_soonest_of_several_times_counts() -> None:
    """A timer may have many."""
    found = trigger({"TimersMonotonic": [["OnUnitInactiveUSec", us(90), 0], ["OnUnitInactiveUSec", us(5), 0]]})
    assert found.next_in_s == 5.0


@pytest.mark.parametrize(
    ("paths", "exists", "at_once"),
    [
        ([["PathExists", "/x"]], "/x", True),
        ([["PathExists", "/x"]], "/y", False),
        ([["DirectoryNotEmpty", "/x"]], "/x", True),
        ([["DirectoryNotEmpty", "/x"]], "/y", False),
        ([["PathChanged", "/x"]], "/x", False),
    ],
)
def test_a_path_whose_condition_holds_starts_it_at_once(paths: list[list[str]], exists: str, at_once: bool) -> None:
    """A change that is waited for is another matter."""
    (found,) = read({"TriggeredBy": ["x.path"], "MainPID": 1}, {"x.path": {"Paths": paths}}, exists).triggered_by
    assert found.at_once is at_once


@pytest.mark.parametrize(
    ("wanted_by", "units", "booted_by"),
    [
        (["multi-user.target"], {}, "multi-user.target"),
        (["near.target"], {"near.target": {"WantedBy": ["multi-user.target"]}}, "near.target"),
        (
            ["near.service"],
            {"near.service": {"RequiredBy": ["x.target"]}, "x.target": {"WantedBy": ["basic.target"]}},
            "near.service",
        ),
        (["far.target"], {"far.target": {}}, None),
        (["loop.target"], {"loop.target": {"WantedBy": ["loop.target"]}}, None),
        ([], {}, None),
    ],
)
def test_who_asks_for_it_at_boot(wanted_by: list[str], units: dict[str, Any], booted_by: str | None) -> None:
    """Up through those that want each other, to a target that every boot reaches."""
    assert read({"WantedBy": wanted_by, "MainPID": 1}, units).booted_by == booted_by


@pytest.mark.parametrize(
    ("unit", "file", "name"),
    [
        ({"BusName": "org.x"}, "/usr/share/dbus-1/system-services/org.x.service", "org.x"),
        ({"BusName": "org.x"}, "/nowhere", ""),
        ({"Names": ["x.service", "dbus-org.x.service"]}, "/usr/share/dbus-1/system-services/org.x.service", "org.x"),
        ({"BusName": "../../etc/passwd"}, "/nowhere", ""),
    ],
)
def test_a_bus_name_counts_where_a_call_would_start_it(unit: dict[str, Any], file: str, name: str) -> None:
    """Many services own a name that only a running one answers to."""
    assert read({**unit, "MainPID": 1}, {}, file).bus_name == name


def test_only_an_active_upholder_upholds() -> None:
    """One that is down starts nothing, until a boot starts it."""
    units: dict[str, dict[str, Any]] = {
        "up.service": {"ActiveState": "active"},
        "down.service": {"ActiveState": "inactive", "WantedBy": ["multi-user.target"]},
    }
    found = read({"UpheldBy": ["up.service", "down.service"], "MainPID": 1}, units)
    assert (found.upheld_by, found.upheld_at_boot) == (["up.service"], ["down.service"])


def test_a_mask_is_not_taken_for_the_definition() -> None:
    """Its path is that of a link to /dev/null, which nobody loses anything by."""
    found = read({"LoadState": "masked", "FragmentPath": "/etc/systemd/system/x.service", "MainPID": 1})
    assert (found.unit_file, found.link_target) == ("", None)


def test_a_delay_that_grows_is_the_next_one() -> None:
    """RestartSteps= (systemd 254): RestartUSecNext says how long by now."""
    assert read({"RestartUSec": us(1), "RestartUSecNext": us(4), "MainPID": 1}).restart_after_s == 4.0
    assert read({"RestartUSec": NEVER_US, "MainPID": 1}).restart_after_s is None


_VALUES = {
    "s": st.text(max_size=8),
    "b": st.booleans(),
    "t": st.integers(0, NEVER_US),
    "u": st.integers(0, 2**32 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "as": st.lists(st.text(max_size=12), max_size=3),
    "ay": st.just(""),
    "(aiai)": st.tuples(st.lists(st.integers(0, 255)), st.lists(st.integers(0, 64))).map(list),
    "a(ss)": st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)).map(list), max_size=2),
    "a(sst)": st.lists(
        st.tuples(st.text(max_size=8), st.text(max_size=8), st.integers(0, NEVER_US)).map(list), max_size=2
    ),
    "a(stt)": st.lists(
        st.tuples(st.text(max_size=8), st.integers(0, NEVER_US), st.integers(0, NEVER_US)).map(list), max_size=2
    ),
    "a(sasbttttuii)": st.integers(0, 3),
}


def properties(*interfaces: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={name: _VALUES[kind] for each in interfaces for name, kind in PROPERTIES[each].items()}
    )


@given(
    service=properties("Unit", "Service"),
    other=properties("Unit", "Timer", "Path", "Socket"),
    suffix=st.sampled_from((".timer", ".path", ".socket")),
)
def test_any_answer_of_the_right_types_is_read(service: dict[str, Any], other: dict[str, Any], suffix: str) -> None:
    """A user may answer for the bus: whatever comes, in the types that were asked for, is told without a fault."""
    unit = {**service, "TriggeredBy": [f"x{suffix}"]}
    names = [*unit.get("UpheldBy", []), *unit.get("WantedBy", []), f"x{suffix}"]
    read(unit, dict.fromkeys(names, other))


def test_a_group_that_leads_elsewhere_is_not_walked() -> None:
    """A user's manager may name any path as its unit's group."""
    unit = {"ControlGroup": "/../../home/bob/trap"}
    assert read(unit, {}, "/sys/fs/cgroup/../../home/bob/trap/cgroup.procs").processes is None
