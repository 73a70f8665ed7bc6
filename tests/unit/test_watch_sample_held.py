"""The sampler where something is held back, comes back, or is hidden in a coarse group: on made-up hosts."""

import shutil
from pathlib import Path

import pytest
from unit.watch_host import CPUS, FakeHost

from runaway_watchdog.linux import cgroup_cpu, loadavg, pressure
from runaway_watchdog.linux.schedstat import read_threads
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.watch import contention as held, families

UNIT = "/system.slice/ocr.service"
SESSION = "/user.slice/user-0.slice/session-3.scope"


def with_controller(root: Path) -> FakeHost:
    """A host with cgroup v2 and its CPU controller."""
    host = FakeHost(root)
    (host.cgroups / "cgroup.controllers").write_text("cpu memory\n")
    host.sampler = type(host.sampler)(host.host, 90.0)
    return host


def write(host: FakeHost, group: str, name: str, text: str) -> None:
    (host.cgroups / group.lstrip("/") / name).write_text(text)


def test_every_spinner_on_a_full_host_is_found(tmp_path: Path) -> None:
    """Eight on four CPUs get half a core each, and wanted a whole one; a victim with many threads wanted little."""
    host = FakeHost(tmp_path)
    pids = range(10, 18)
    host.group("/system.slice", 0.0)
    host.group("/system.slice/web.service", 0.0)
    host.process(30, start_s=1.0, group="/system.slice/web.service")
    for pid in pids:
        host.group(f"/system.slice/u{pid}.service", 0.0)
        host.process(pid, start_s=1.0, group=f"/system.slice/u{pid}.service")
    host.crowd(9.0, 9, 99.0)
    for number in range(1, 12):
        for pid in pids:
            host.used_ns[pid] += 950_000_000
            host.waited(pid, number * 1.05)
            host.group(f"/system.slice/u{pid}.service", number * 0.95)
        host.used_ns[30] += 400_000_000
        host.waited(30, *([number * 1.0] * 20))
        host.group("/system.slice/web.service", number * 0.4)
        host.group("/system.slice", number * 8.0)
        sample = host.look(2.0, 2.0 * CPUS)
    wanted = {each.key.pid: each.demand for each in sample.processes}
    assert {pid for pid, demand in wanted.items() if demand >= 90} == set(pids)
    assert sample.load.waiting == 99.0
    assert wanted[10] == pytest.approx(100)


@pytest.mark.parametrize(("share", "waits", "hot"), [(0.024, 0.65, False), (0.06, 0.85, True), (0.24, 0.76, True)])
def test_timers_on_a_full_host_want_what_they_would_use_alone(
    tmp_path: Path, share: float, waits: float, hot: bool
) -> None:
    """Four loops that run 1.5 of each 21.5 ms wait long for their turn, and sleep on in between; spinners do not."""
    host = FakeHost(tmp_path)
    groups = ("/user.slice", "/user.slice/user-0.slice", SESSION)
    pids = range(10, 14)
    for group in groups:
        host.group(group, 0.0)
    for pid in pids:
        host.process(pid, start_s=1.0, group=SESSION)
    host.crowd(40.0, 40, 99.0)
    for number in range(1, 30):
        ran = number * 2.0 * share
        for pid in pids:
            host.used_ns[pid] = round(ran * 1e9)
            host.waited(pid, number * 2.0 * waits, ran=ran)
        for group in groups:
            host.group(group, ran * 4)
        full = round(number * 2.0 * (1 - share * 4) * 0.95 * 1e6)
        write(host, SESSION, "cpu.pressure", f"some avg10=0 avg60=0 avg300=0 total={full}\nfull total={full}\n")
        sample = host.look(2.0, 2.0 * CPUS)
    (session,) = sample.groups
    assert (session.demand >= 90) is hot
    assert hot or all(each.demand < 15 for each in sample.processes)


def spin_at_the_limit(host: FakeHost, looks: int) -> Sample:
    """A fifth of a core, all that the unit may use; the host is otherwise idle."""
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    write(host, UNIT, "cpu.max", "20000 100000\n")
    host.process(10, start_s=1.0, group=UNIT)
    for number in range(1, looks + 1):
        host.used_ns[10] += 400_000_000
        host.group("/system.slice", number * 0.4)
        host.group(UNIT, number * 0.4)
        with (host.cgroups / UNIT.lstrip("/") / "cpu.stat").open("a") as stat:
            stat.write(f"nr_periods {number * 20}\nnr_throttled {number * 19}\n")
        sample = host.look(2.0, 0.42)
    return sample


def test_a_spinner_at_its_own_small_limit_is_found_on_an_idle_host(tmp_path: Path) -> None:
    """It passes no proof about the host: its group is looked at for its own sake, at every look."""
    sample = spin_at_the_limit(with_controller(tmp_path), 40)
    (group,), (process,) = sample.groups, sample.processes
    assert (group.group, round(group.percent), round(group.demand), group.held.limit) == (UNIT, 20, 100, 20.0)
    assert group.held.throttled == pytest.approx(95)
    assert (process.key.pid, round(process.percent), round(process.demand)) == (10, 20, 100)


def test_under_steal_a_spinner_is_found_by_its_share_of_what_is_left(tmp_path: Path) -> None:
    """And the steal is told."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    host.process(10, start_s=1.0, group=UNIT)
    for number in range(1, 5):
        host.used_ns[10] += 1_200_000_000
        host.stolen_s += 0.4 * 2.0 * CPUS
        host.group("/system.slice", number * 1.2)
        host.group(UNIT, number * 1.2)
        sample = host.look(2.0, 1.2 + 0.4 * 2.0 * CPUS)
    assert sample.load.steal == pytest.approx(40, abs=1)
    (process,) = sample.processes
    assert (round(process.percent), round(process.demand)) == (60, 100)


def test_a_group_that_was_made_anew_has_restarted(tmp_path: Path) -> None:
    """Seen when groups are listed, however little it used; a new group is no restart, and neither is one that stays."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    assert host.look(31.0, 0.1).restarted == ()
    for _ in range(3):
        old = host.cgroups / UNIT.lstrip("/")
        old.rename(tmp_path / "gone")  # its number stays in use, so that the new one gets another
        host.group(UNIT, 0.0)
        shutil.rmtree(tmp_path / "gone")
        assert host.look(31.0, 0.1).restarted == (UNIT,)
    assert host.look(31.0, 0.1).restarted == ()


@pytest.mark.parametrize(
    ("anew", "counts"),
    [
        ("/user.slice/user-1.slice/user@1.service", False),  # each login and logout makes all of it anew
        ("/user.slice/user-1.slice/user@1.service/app.slice/bot.service", True),  # its manager goes on
        ("/system.slice/user-runtime-dir@1.service", False),
    ],
)
def test_a_login_is_no_restart_loop(tmp_path: Path, anew: str, counts: bool) -> None:
    """What a user's manager keeps starting again is one, as long as that manager itself stays."""
    host = FakeHost(tmp_path)
    app = "/user.slice/user-1.slice/user@1.service/app.slice"
    own, along = f"{app}/bot.service", (f"{app}/a.socket", f"{app}/dbus.socket", f"{app}/../init.scope")
    for path in ("/user.slice", "/user.slice/user-1.slice", app, own, *along, "/system.slice", anew):
        host.group(path, 0.0)
    assert host.look(31.0, 0.1).restarted == ()
    seen: list[str] = []
    for number in range(4):
        (host.cgroups / anew.lstrip("/")).rename(tmp_path / f"gone-{number}")
        for path in (anew, own, *along):
            host.group(path, 0.0)
        if number % 2:  # a look while the manager has not started all of it yet
            (host.cgroups / own.lstrip("/")).rename(tmp_path / f"late-{number}")
            seen += host.look(31.0, 0.1).restarted
            (tmp_path / f"late-{number}").rename(host.cgroups / own.lstrip("/"))
        seen += host.look(31.0, 0.1).restarted
    assert bool(seen) is counts, seen


def test_a_shell_loop_in_a_session_is_named_by_its_shell(tmp_path: Path) -> None:
    """Nobody who burns lives long enough; the shell has buried them all."""
    host = FakeHost(tmp_path)
    for group in ("/user.slice", "/user.slice/user-0.slice", SESSION):
        host.group(group, 0.0)
    shell = host.process(10, start_s=1.0, group=SESSION)
    host.process(11, start_s=1.0, group=SESSION)
    for number in range(1, 20):
        for group in ("/user.slice", "/user.slice/user-0.slice", SESSION):
            host.group(group, number * 1.98)
        host.buried(10, number * 1.96)
        sample = host.look(2.0, 2.0)
    assert [(each.key, round(each.percent)) for each in sample.processes] == [(shell, 98)]


def test_a_shell_loop_is_named_on_a_host_that_lets_it_run_now_and_then(tmp_path: Path) -> None:
    """Its group has nothing at two looks of three; all of the time, the shell stands for what its group used."""
    host = FakeHost(tmp_path)
    groups = ("/user.slice", "/user.slice/user-0.slice", SESSION)
    for group in groups:
        host.group(group, 0.0)
    shell = host.process(10, start_s=1.0, group=SESSION)
    used_s, told_s = 0.0, 0.0
    for number in range(120):
        used_s += 6.0 * (number % 3 == 0)
        for group in groups:
            host.group(group, used_s)
        host.buried(10, used_s)
        sample = host.look(2.0, 6.0 * (number % 3 == 0), {shell: SESSION}, (SESSION,))
        told_s += sum(each.percent * each.span_s / 100 for each in sample.processes) if number >= 30 else 0.0
    assert told_s == pytest.approx(180.0, rel=0.03)


def test_a_loop_of_programs_that_outlive_a_look_is_named_by_its_shell(tmp_path: Path) -> None:
    """Each of them is hot, and explains its group; none of them lasts."""
    host = FakeHost(tmp_path)
    groups = ("/user.slice", "/user.slice/user-0.slice", SESSION)
    for group in groups:
        host.group(group, 0.0)
    shell = host.process(10, start_s=1.0, group=SESSION)
    told: list[float] = []
    for number in range(1, 60):
        if number > 1:
            host.end(99 + number, SESSION)
        host.process(100 + number, start_s=host.now, group=SESSION)
        host.buried(10, (number - 1) * 6.0)
        for third in range(1, 4):
            host.used_ns[100 + number] = third * 2_000_000_000
            for group in groups:
                host.group(group, (number - 1) * 6.0 + third * 2.0)
            sample = host.look(2.0, 2.0, {shell: SESSION}, (SESSION,))
            told += (each.percent for each in sample.processes if each.key == shell and number > 10)
    assert min(told) >= 50.0
    assert sum(told) / len(told) == pytest.approx(95.0, abs=5.0)


def test_a_shell_loop_is_named_where_there_are_no_groups(tmp_path: Path) -> None:
    """A minimal container, or the root of any host."""
    host = FakeHost(tmp_path, version=None)
    shell = host.process(10, start_s=1.0)
    for number in range(1, 20):
        host.buried(10, number * 1.96)
        sample = host.look(2.0, 2.0)
    assert [(each.key, round(each.percent)) for each in sample.processes] == [(shell, 98)]


def test_hidden_processes_leave_their_group_to_be_told(tmp_path: Path) -> None:
    """hidepid: the group's counter is readable, its members are not."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    host.process(10, start_s=1.0, group=UNIT)
    shutil.rmtree(tmp_path / "proc" / "10")
    for number in range(1, 4):
        host.used_ns[10] += 2_000_000_000
        host.group("/system.slice", number * 2.0)
        host.group(UNIT, number * 2.0)
        sample = host.look(2.0, 2.0)
    assert (sample.processes, [each.group for each in sample.groups]) == ((), [UNIT])


def test_after_a_suspend_rates_are_of_the_time_that_the_host_was_awake(tmp_path: Path) -> None:
    """The monotonic clock stands still meanwhile; the wall clock jumps, and no rate is made of it."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    key = host.process(10, start_s=1.0, group=UNIT)
    asleep_s = 0.0
    clocks = host.clocks()._replace(boottime=lambda: host.now + asleep_s, wall=lambda: 1e9 + host.now - 7 * asleep_s)
    host.sampler = type(host.sampler)(host.host._replace(clocks=clocks), 90.0)
    for number in range(1, 5):
        asleep_s = 36000.0 if number > 2 else 0.0
        host.used_ns[10] += 2_000_000_000
        host.group("/system.slice", number * 2.0)
        host.group(UNIT, number * 2.0)
        sample = host.look(2.0, 2.0)
    assert [(each.key, round(each.percent), each.span_s) for each in sample.processes] == [(key, 100, 2.0)]


def test_a_virtual_proc_stat_proves_nothing(tmp_path: Path) -> None:
    """lxcfs: what it says is idle is another's idle; every look goes down, and no steal is told."""
    mounts = tmp_path / "proc" / "self" / "mounts"
    host = FakeHost(tmp_path)
    mounts.write_text("lxcfs /proc/stat fuse.lxcfs rw 0 0\n")
    host.sampler = type(host.sampler)(host.host, 90.0)
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    host.look(2.0, 0.0)
    host.stolen_s += 4.0
    host.group("/system.slice", 2.0)
    host.group(UNIT, 2.0)
    sample = host.look(2.0, 0.0)
    assert sample.busy_percent is None
    assert sample.load.steal == 0
    assert [each.group for each in sample.groups] == [UNIT]


def test_missed_looks_make_a_longer_span_not_a_higher_rate(tmp_path: Path) -> None:
    """A stall of a minute is one rate over a minute."""
    host = FakeHost(tmp_path)
    host.group("/system.slice", 0.0)
    host.group(UNIT, 0.0)
    key = host.process(10, start_s=1.0, group=UNIT)
    host.look(2.0, 0.0)
    for used, seconds in ((2.0, 2.0), (62.0, 60.0)):
        host.used_ns[10] = round(used * 1e9)
        host.group("/system.slice", used)
        host.group(UNIT, used)
        sample = host.look(seconds, seconds)
    assert [(each.key, round(each.percent), each.span_s) for each in sample.processes] == [(key, 100, 60.0)]


@pytest.mark.parametrize(
    ("text", "limit"),
    [(b"50000 100000\n", 50.0), (b"max 100000\n", None), (b"-1\n 100000\n", None), (b"", None), (b"1 0", None)],
)
def test_limits_of_both_versions_are_read(text: bytes, limit: float | None) -> None:
    """Quota and period; no quota is no limit."""
    assert cgroup_cpu.parse_limit(text) == limit


def test_a_group_of_v1_has_its_limit_beside_the_counters(tmp_path: Path) -> None:
    """In the `cpu` hierarchy, in two files."""
    host = FakeHost(tmp_path, version=1)
    directory = tmp_path / "cgroup" / "cpu" / UNIT.lstrip("/")
    directory.mkdir(parents=True)
    (tmp_path / "cgroup" / "cpu" / "cgroup.procs").touch()
    (directory / "cpu.cfs_quota_us").write_text("25000\n")
    (directory / "cpu.cfs_period_us").write_text("100000\n")
    assert held.Holds(host.host.paths, host.host.tree).limit(UNIT) == 25.0


@pytest.mark.parametrize("text", [b"", b"x", b"1 2 3", b"a b c d/e", b"nan 0 0 1/2", b"-1 0 0 1/2", b"\xff" * 9])
def test_any_text_may_stand_where_the_load_is_read(text: bytes) -> None:
    """What cannot be read is no crowd."""
    assert loadavg.parse(text) is None
    assert pressure.parse_some(text) is None
    assert pressure.parse_full(text) is None
    assert cgroup_cpu.parse_throttling(text) is None


def test_pressure_is_read_by_its_kind() -> None:
    """`some` of the host, `full` of a group."""
    text = b"some avg10=1.00 avg60=2.50 avg300=3.00 total=40\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
    assert pressure.parse_some(text) == 2.5
    assert pressure.parse_full(text) == 7


def test_waiting_is_told_of_each_thread(tmp_path: Path) -> None:
    """And not known where the kernel does not tell."""
    host = FakeHost(tmp_path)
    host.process(10, start_s=1.0)
    assert read_threads(host.host.paths, 10) == {}
    host.waited(10, 1.5, 0.25, ran=0.5)
    assert read_threads(host.host.paths, 10) == {"10": (500_000_000, 1_500_000_000), "11": (500_000_000, 250_000_000)}
    assert len(read_threads(host.host.paths, 10, 1)) == 1


@pytest.mark.parametrize(
    ("group", "coarse"),
    [("", True), ("/system.slice/cron.service", True), (SESSION, True), (UNIT, False), ("/docker/1", False)],
)
def test_coarse_groups_are_known_by_name(group: str, coarse: bool) -> None:
    """Cron's, sessions, and the root."""
    assert families.is_coarse(group) is coarse


def test_a_sweep_tells_what_a_group_far_from_hot_has_used(tmp_path: Path) -> None:
    """For its curve: 12 % of a core since the last sweep, once; what hardly does anything is not told."""
    host = FakeHost(tmp_path)
    told_s: dict[str, float] = {}
    for number in range(61):
        for group, share in (("/system.slice", 0.125), (UNIT, 0.12), ("/system.slice/quiet.service", 0.005)):
            host.group(group, number * 2.0 * share)
        for each in host.look(2.0, 0.3).used:
            assert each.span_s == 30.0
            told_s[each.group] = told_s.get(each.group, 0.0) + each.cpu_s
    assert told_s == {UNIT: pytest.approx(4 * 30 * 0.12)}


def test_what_makes_a_group_hot_is_of_the_time_in_which_the_host_was_busy(tmp_path: Path) -> None:
    """Nobody came to read it in the calm half minute before: as much as the host has used since is new."""
    host = FakeHost(tmp_path)
    for group in ("/system.slice", UNIT):
        host.group(group, 0.0)
    for _ in range(30):
        host.look(2.0, 0.1)
    for group in ("/system.slice", UNIT):
        host.group(group, 2.0)
    newest = host.look(2.0, 2.0, {}, (UNIT,)).used[0]
    assert (newest.group, newest.span_s) == (UNIT, 2.0)
    assert newest.cpu_s == pytest.approx(2.0)


def test_a_group_that_was_found_is_asked_whether_it_is_starved(tmp_path: Path) -> None:
    """It hardly runs, and has work all the time; who was never found is not asked."""
    host = FakeHost(tmp_path)
    for group in ("/system.slice", UNIT, "/system.slice/other.service"):
        host.group(group, 0.0)
    host.crowd(40.0, 40, 99.0)
    for number in range(1, 5):
        for group in (UNIT, "/system.slice/other.service"):
            host.group(group, number * 0.02)
            write(host, group, "cpu.pressure", f"full avg10=0 avg60=0 avg300=0 total={number * 1_980_000}\n")
        host.group("/system.slice", number * 8.0)
        sample = host.look(2.0, 2.0 * CPUS, groups=(UNIT,))
    assert [(each.group, round(each.percent), round(each.held.waited)) for each in sample.groups] == [(UNIT, 1, 99)]
