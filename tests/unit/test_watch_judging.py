"""Which rule means whom, and which work is ordinary."""

import os
from pathlib import Path

import pytest
from unit.watch_host import FakeHost

from runaway_watchdog import shipped
from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import GroupRate, HostLoad, ProcessRate, Rule, Sample
from runaway_watchdog.watch import judging
from runaway_watchdog.watch.harm import Judgement
from runaway_watchdog.watch.judging import Question, burns, usual_length_s, weigh, with_habit, with_length
from runaway_watchdog.watch.ordinary import is_programs_file, kind_of_work
from runaway_watchdog.watch.particulars import examine, own_service
from runaway_watchdog.watch.sample import HostFacts

UNIT = "/system.slice/ocr.service"
USERS = "/user.slice/user-1000.slice/user@1000.service/app.slice"
SCOPE = "/user.slice/user-0.slice/session-3.scope"


def rule(*only: tuple[str, str]) -> Rule:
    return Rule("r", 90.0, 300.0, "warning", by_harm=True, only=only)


class Judge:
    """What is read of a process, and what is made of it, as in a step."""

    def __init__(self, host: HostFacts, root: str = "") -> None:
        self.host, self.root = host, root
        self.lengths: judging.Lengths = {}
        self.habits: judging.Habits = {}

    def means(self, rule: Rule, finding: Finding) -> bool:
        particulars = examine(self.host, Question(finding, "", rule.only), self.root)
        return judging.means(rule, finding, particulars, own_service(self.host))

    def judge(
        self, finding: Finding, rule: Rule, sample: Sample, lineage: str, name: str, running_s: float
    ) -> Judgement:
        particulars = examine(self.host, Question(finding, name, rule.only), self.root)
        usual_s = usual_length_s(self.lengths, lineage)
        return weigh(finding, rule, sample, particulars, self.habits, running_s=running_s, usual_s=usual_s)

    def learn(self, group: str, percent: float, wall: float) -> None:
        self.habits = with_habit(self.habits, group, percent, wall)


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    host = FakeHost(tmp_path / "host")
    host.group(UNIT, 0.0)
    host.process(10, start_s=10.0, group=UNIT)
    os.symlink("/usr/bin/tesseract", tmp_path / "host" / "proc" / "10" / "exe")
    return Judge(host.host, str(tmp_path / "root"))


@pytest.fixture
def finding(tmp_path: Path) -> Finding:
    key = FakeHost(tmp_path / "other", version=None).process(10, start_s=10.0, group=UNIT)
    return Finding("sustained", "r", "warning", UNIT, key, 99.0, 300.0, 1e9)


@pytest.mark.parametrize(
    ("only", "means"),
    [
        ((("unit", "ocr.service"),), True),
        ((("unit", "*.scope"),), False),
        ((("exe", "*/tesseract"), ("unit", "ocr*")), True),
        ((("exe", "*/tesseract"), ("unit", "shop*")), False),
        ((("cmdline", "*--token=*"),), True),
        ((("cmdline", "tesseract*"),), False),
        ((("user", str(os.getuid())),), True),
        ((("user", "4294967294"),), False),
        ((("container", "shop-*"),), True),  # the case will see
    ],
)
def test_a_rule_means_what_all_of_its_matchers_fit(
    judge: Judge, finding: Finding, only: tuple[tuple[str, str], ...], means: bool
) -> None:
    """The whole name, with the shell's wildcards."""
    assert judge.means(rule(*only), finding) is means


def test_a_rule_about_a_program_means_no_other_that_got_its_pid(judge: Judge, finding: Finding) -> None:
    """And no group that no process stands for."""
    assert finding.key is not None
    other = finding._replace(key=finding.key._replace(start_ticks=1))
    assert not judge.means(rule(("exe", "*")), other)
    assert not judge.means(rule(("exe", "*")), finding._replace(key=None))


def test_no_rule_means_our_own_service(finding: Finding, tmp_path: Path) -> None:
    """Its cases would be the reason for more of them; a unit of another name is not meant."""
    for unit, means in ((shipped.UNIT, False), ("ocr.service", True)):
        host, group = FakeHost(tmp_path / unit), f"/system.slice/{unit}"
        host.group(group, 0.0)
        host.process(os.getpid(), start_s=10.0, group=group)
        judge = Judge(host.host)
        assert judge.means(rule(), finding._replace(group=group)) is means
        assert judge.means(rule(), finding._replace(group="/system.slice/other.service"))
        for own in ("runaway-watchdog-case@7-1.service", "runaway-watchdog-send@*.service"):
            assert judge.means(rule(), finding._replace(group=f"/system.slice/{own}")) is means
            assert judge.means(rule(), finding._replace(group=f"{USERS}/{own}")), "anybody may call a unit so"


@pytest.mark.parametrize(
    ("group", "name", "terminal", "kind"),
    [
        ("/system.slice/apt-daily-upgrade.service", "apt.systemd.dai", False, "package maintenance"),
        (SCOPE, "dpkg", True, "package maintenance"),
        ("/system.slice/nightly-backup.service", "sh", False, "backup"),
        ("/system.slice/app.service", "pg_dump", False, ""),
        ("/system.slice/report.service", "pg_dump", False, "backup"),
        ("/system.slice/cron.service", "restic", False, "backup"),
        (SCOPE, "rsync", True, "backup"),
        (SCOPE, "rsync", False, ""),
        (f"{USERS}/my-backup.service", "sh", False, ""),
        (f"{USERS}/report.service", "php", False, ""),
        (f"{USERS}/cron.service", "php", False, ""),
        ("/system.slice/docker-1.scope", "restic", False, ""),
        ("/system.slice/docker-1.scope/system.slice/nightly-backup.service", "sh", False, ""),
        ("/machine.slice/machine-box.scope/payload/system.slice/apt-daily.service", "apt", False, ""),
        ("/system.slice/nightly-backup.scope", "sh", False, ""),
        (SCOPE, "cc1plus", True, "build in a session"),
        (SCOPE, "cc1plus", False, ""),
        ("/system.slice/ci.service", "cc1plus", False, ""),
        ("/system.slice/cron.service", "php", False, "cron job"),
        ("/system.slice/report.service", "php", False, "timer job"),
        ("/system.slice/report@de.service", "php", False, ""),
        ("/system.slice/invoices.service", "php", False, "timer job"),
        ("/system.slice/mirror@de.service", "php", False, "timer job"),
        ("/system.slice/moved.service", "php", False, "timer job"),
        ("/system.slice/invoices", "php", False, ""),
        ("/system.slice/commented.service", "php", False, ""),
        (UNIT, "tesseract", False, ""),
        ("", "tesseract", False, ""),
        ("/system.slice/docker-1.scope", "node", False, ""),
    ],
)
def test_ordinary_work_is_known_by_unit_program_or_timer(
    tmp_path: Path, group: str, name: str, terminal: bool, kind: str
) -> None:
    """And nothing else is."""
    units = tmp_path / "etc" / "systemd" / "system"
    units.mkdir(parents=True)
    (units / "report.timer").touch()
    (units / "every-night.timer").write_text("[Timer]\nUnit = invoices.service\n# Unit=commented.service")
    (units / "sync@.timer").write_text("[Timer]\nOnCalendar=daily\nUnit=mirror@%i.service\n")
    (units / "other.timer.d").mkdir()
    (units / "other.timer.d" / "unit.conf").write_text("[Timer]\nUnit=moved.service\n")
    assert kind_of_work(group, name, terminal=terminal, genuine=lambda: True, root=str(tmp_path)) == kind


@pytest.mark.parametrize(
    ("group", "name", "terminal", "kind"),
    [
        (SCOPE, "rsync", True, ""),
        (SCOPE, "dpkg", True, ""),
        ("/system.slice/cron.service", "restic", False, "cron job"),
        ("/system.slice/nightly-backup.service", "restic", False, "backup"),
    ],
)
def test_a_name_without_its_file_buys_no_time(tmp_path: Path, group: str, name: str, terminal: bool, kind: str) -> None:
    """Where the schedule or the unit is what speaks for it, the name is not needed."""
    assert kind_of_work(group, name, terminal=terminal, genuine=lambda: False, root=str(tmp_path)) == kind


def _file(*, uid: int = 0, mode: int = 0o755, inode: int = 5) -> os.stat_result:
    return os.stat_result((0o100000 | mode, inode, 1, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("path", "uid", "runs", "there", "its"),
    [
        ("/usr/bin/rsync", 1000, _file(), _file(), True),
        ("/usr/lib/postgresql/15/bin/rsync", 1000, _file(), _file(), True),
        ("/home/eve/rsync", 1000, _file(), _file(), False),
        ("/tmp/rsync", 0, _file(), _file(), False),
        ("/opt/eve/rsync", 1000, _file(uid=1000), _file(uid=1000), False),
        ("/usr/local/bin/rsync", 1000, _file(mode=0o775), _file(mode=0o775), False),
        ("/usr/bin/rsync", 0, _file(inode=9), _file(), False),  # a container's, or a mount that only it sees
        ("/usr/bin/xmrig", 1000, _file(), _file(), False),
        ("/usr/bin/python3.11", 1000, _file(), _file(), False),
        ("/usr/bin/python3.11", 0, _file(), _file(), True),
        ("/usr/bin/perl", 0, _file(), _file(), True),
        ("/bin/busybox", 0, _file(), _file(), True),
        ("/usr/bin/node", 0, _file(), _file(), False),
    ],
)
def test_a_program_is_what_it_is_called_by_its_file(
    path: str, uid: int, runs: os.stat_result, there: os.stat_result, its: bool
) -> None:
    """Root's, where programs are, and the host's own; an interpreter says what it likes, and so only root's counts."""
    assert is_programs_file("rsync", path, uid, runs, there) is its


def test_ordinary_work_is_quiet_until_it_takes_too_long(judge: Judge, finding: Finding) -> None:
    """Three times its usual length, once that is known. In any other unit the program's name says nothing."""
    sample = Sample(0.0, 1e9, 2, 100.0, (), (), HostLoad())
    assert judge.judge(finding, rule(), sample, "l", "rsync", 700.0).push
    finding = finding._replace(group="/system.slice/nightly-backup.service")
    assert not judge.judge(finding, rule(), sample, "l", "rsync", 700.0).push
    for seconds in (100.0, 120.0, 500.0):
        judge.lengths = with_length(judge.lengths, "l", seconds)
    assert judge.judge(finding, rule(), sample, "l", "rsync", 700.0).push
    assert not judge.judge(finding, rule(), sample, "l", "rsync", 300.0).push


def test_what_its_group_usually_uses_at_this_hour_is_told(judge: Judge, finding: Finding) -> None:
    """Beside what it uses now, and for an hour; nothing of other groups, or of what is not about CPU."""
    sample = Sample(0.0, 1e9, 2, 150.0, (), (GroupRate(UNIT, 99.4, 2.0),), HostLoad())
    without = judge.judge(finding, rule(), sample, "l", "php", 700.0).why
    judge.learn(UNIT, 12.3, 1e9)
    judge.learn("/system.slice/other.service", 0.2, 1e9)
    told = judge.judge(finding, rule(), sample, "l", "php", 700.0)
    assert told.why == f"{without}; normally 12 % at this hour, now 99 %"
    assert judge.judge(finding, rule(), sample._replace(wall=1e9 + 3600), "l", "php", 700.0).why == without
    pressure = finding._replace(kind="pressure")
    assert "normally" not in judge.judge(pressure, rule(), sample, "l", "php", 700.0).why
    other = finding._replace(group="/system.slice/other.service")
    assert judge.judge(other, rule(), sample, "l", "php", 700.0).why.endswith(
        "normally less than 1 % at this hour, now 99 %"
    )


def test_habits_take_little_memory(judge: Judge, finding: Finding) -> None:
    """Those that were learnt first go."""
    sample = Sample(0.0, 1e9, 2, 150.0, (), (), HostLoad())
    judge.learn(UNIT, 12.0, 1e9)
    for number in range(100):
        judge.learn(str(number), 1.0, 1e9)
    assert "normally" not in judge.judge(finding, rule(), sample, "l", "php", 700.0).why
    assert len(judge.habits) == 64


def test_what_is_usual_takes_three_runs_and_little_memory() -> None:
    """One run is no habit; old lineages are dropped."""
    lengths = with_length(with_length({}, "a", 10.0), "a", 20.0)
    assert usual_length_s(lengths, "a") is None
    lengths = with_length(lengths, "a", 90.0)
    assert usual_length_s(lengths, "a") == 20.0
    for number in range(1000):
        lengths = with_length(lengths, str(number), 1.0)
    assert usual_length_s(lengths, "a") is None
    assert len(lengths) == 256


def test_what_has_ended_or_calmed_down_burns_no_more(finding: Finding) -> None:
    """A process by itself, a group as a whole; at a limit or on a full host, by what it wanted."""
    assert finding.key is not None
    busy = ProcessRate(finding.key, UNIT, 45.0, 2.0, demand=95.0)
    group = GroupRate(UNIT, 99.0, 2.0)
    sample = Sample(0.0, 1e9, 2, 100.0, (busy,), (group,), HostLoad())
    assert burns(finding, rule(), sample)
    assert not burns(finding, rule(), sample._replace(processes=()))
    assert not burns(finding, rule(), sample._replace(processes=(busy._replace(demand=50.0),)))
    assert burns(finding._replace(key=None), rule(), sample._replace(processes=()))
    assert not burns(finding._replace(key=None), rule(), sample._replace(groups=()))
    of_hosts = finding._replace(kind="pressure", key=None), finding._replace(kind="steal", key=None)
    for of_host, load in zip(of_hosts, (HostLoad(waiting=95.0), HostLoad(steal=95.0)), strict=True):
        assert burns(of_host, rule(), sample._replace(load=load, busy_percent=200.0))
        assert not burns(of_host, rule(), sample._replace(busy_percent=200.0))
