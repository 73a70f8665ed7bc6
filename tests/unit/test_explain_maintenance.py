"""Package maintenance is told as that, and never stopped half way."""

from typing import Any

import pytest
from preflight.host_world import LINK, FakeHost

from runaway_watchdog import owners
from runaway_watchdog.explain import maintenance
from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.model.plan import Plan

UNIT = "/system.slice/apt-daily-upgrade.service"


def host(lock: str = "/var/lib/dpkg/lock-frontend", comm: str = "unattended-upgr", **changes: Any) -> FakeHost:
    """A script of a package (80) burns, below dpkg (70), below unattended-upgrade (60), which holds the lock."""
    found = FakeHost()
    found.process(1, "/sbin/init", comm="systemd", ppid=0)
    found.process(60, "/usr/bin/python3 /usr/bin/unattended-upgrade", comm=comm, cgroup=UNIT, **changes)
    found.process(70, "/usr/bin/dpkg --unpack x.deb", comm="dpkg", ppid=60, cgroup=UNIT, **changes)
    found.process(80, "/usr/bin/mandb -pq", comm="mandb", ppid=70, cgroup=UNIT, **changes)
    found.files.add("/proc/60/fd/5", f"{LINK}{lock}")
    return found


@pytest.mark.parametrize("pid", [60, 70, 80])
def test_what_a_package_manager_does_is_slowed_down_and_no_more(pid: int) -> None:
    """Itself, and all that it started; each is told as what it is."""
    case = explain(host().world, NoRecords(), pid)
    assert case.condition == (
        "is package maintenance: unattended-upgr (PID 60) holds the lock of the packages' database",
    )
    commands = [step.command for step in case.plan.steps]
    assert len(commands) == 1
    assert f"renice -n 19 -p {pid}" in commands[0]
    assert "dpkg --configure -a" in case.plan.goal


def test_as_nice_as_can_be_it_is_only_looked_at() -> None:
    """Nothing is left to take from it."""
    found = host()
    facts = owners.facts(found.world, 80)[0]
    at_work = maintenance.at_work(found.world.files, facts)
    plan = maintenance.adapted(Plan("stop it", (), ()), at_work, facts.process._replace(nice=19))
    assert [(step.risk, step.phase) for step in plan.steps] == [("none", "look")]


@pytest.mark.parametrize(
    "other",
    [
        {"lock": "/var/lib/dpkg/status"},  # who only reads
        {"lock": "/home/ann/var/lib/dpkg/lock"},
        {"comm": "evil"},
        {"uid": 1000},
        {"namespaces": (60, 7)},  # of a container: its build starts from the beginning
    ],
)
def test_a_name_makes_no_maintenance(other: dict[str, Any]) -> None:
    """Whoever calls himself so, or looks into the database, is stopped as any other."""
    found = host(**other)
    assert maintenance.at_work(found.world.files, owners.facts(found.world, 80)[0]) is None
