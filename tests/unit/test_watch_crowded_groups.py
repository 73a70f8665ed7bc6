"""Groups of short-lived programs where more want to use a CPU than can: what the sampler says that they want."""

from pathlib import Path

import pytest
from unit.watch_host import CPUS, FakeHost

from runaway_watchdog.model.sampling import Sample

LOOP = "/system.slice/loop.service"


def short_lives(host: FakeHost, *, running: bool, told: float = 0.6, looks: int = 12) -> Sample:
    """A shell that waits for one program after the other, each of them new at each look.

    `told`: what the kernel tells of the time in which the group waits, as it weighs the CPUs by their share of it.
    """
    for group in ("/system.slice", LOOP):
        host.group(group, 0.0)
    host.process(10, start_s=1.0, group=LOOP, state="S")
    host.crowd(40.0, 40, 99.0)
    for number in range(1, looks):
        pid = 100 + number
        host.process(pid, start_s=host.now, group=LOOP, state="R" if running else "S")
        host.waited(10, 0.0)
        host.waited(pid, 0.1, ran=0.01)
        host.group(LOOP, number * 0.16)
        host.group("/system.slice", number * 8.0)
        if host.version == 2:
            full = round(number * 2.0 * told * 1e6)
            pressure = host.cgroups / LOOP.lstrip("/") / "cpu.pressure"
            pressure.write_text(f"some avg10=0 avg60=0 avg300=0 total={full}\nfull total={full}\n")
        sample = host.look(2.0, 2.0 * CPUS, groups=(LOOP,))
        host.end(pid, LOOP)
    return sample


@pytest.mark.parametrize("version", [1, 2])
def test_a_program_that_is_ready_now_wants_a_cpu_now(tmp_path: Path, version: int) -> None:
    """8 % of a core, and ready all the time; pressure says less, or nothing with the first version of groups."""
    (group,) = short_lives(FakeHost(tmp_path, version=version), running=True).groups
    assert (round(group.percent), round(group.demand)) == (8, 100)


def test_who_sleeps_just_now_is_told_by_the_pressure(tmp_path: Path) -> None:
    """The near miss."""
    (group,) = short_lives(FakeHost(tmp_path), running=False).groups
    assert (round(group.percent), round(group.demand)) == (8, 68)


def test_where_pressure_says_enough_nobody_is_looked_at(tmp_path: Path) -> None:
    (group,) = short_lives(FakeHost(tmp_path), running=False, told=0.9).groups
    assert round(group.demand) == 98
