"""A day of ordinary load, replayed at the default rules; and the same day with something in it that is not ordinary.

Samples are made up, as the sampler would tell them; detection, restart loops and judgement are the product's own.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from runaway_watchdog.config.compile import compile_configuration
from runaway_watchdog.config.load import Configuration
from runaway_watchdog.config.locate import Surroundings
from runaway_watchdog.config.schema import Config
from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, HostLoad, ProcessRate, Rule, Sample
from runaway_watchdog.watch import detect, harm, returns
from runaway_watchdog.watch.configuration import parse_configuration
from runaway_watchdog.watch.judging import burns
from runaway_watchdog.watch.ordinary import kind_of_work

HOUR: Final = 3600.0
DAY_S: Final = 24 * HOUR
INTERVAL_S: Final = 2.0
CPUS: Final = 4
SHOWN: Final = 20.0  # percent: colder subjects are left out of samples, see `Sampler`
WEB = "/system.slice/docker-web.scope"
SESSION = "/user.slice/user-0.slice/session-3.scope"
CRON = "/system.slice/cron.service"
DEPLOYED = "/system.slice/api.service"


class Load(NamedTuple):
    """One piece of work: from when, for how long, by whom, and how much of a core."""

    group: str
    name: str  # the program's
    start_s: float
    lasts_s: float
    percent: float
    every_s: float = DAY_S
    terminal: bool = False
    alone: bool = True  # one process is most of it, or stands for the children that it has waited for
    waiting: float = 0.0  # percent of the time in which somebody waits for a CPU meanwhile

    def at(self, now: float) -> float | None:
        """For how long this round of it has been running; None: it is not."""
        running_s = (now - self.start_s) % self.every_s
        return running_s if now >= self.start_s and running_s < self.lasts_s else None


ORDINARY = (
    Load("/system.slice/backup.service", "restic", 2 * HOUR, 25 * 60, 140, waiting=10),
    Load("/system.slice/apt-daily-upgrade.service", "unattended-upgr", 6 * HOUR, 7 * 60, 97),
    Load("/system.slice/man-db.service", "mandb", 0.5 * HOUR, 4 * 60, 99),
    Load("/system.slice/logrotate.service", "gzip", 0.1 * HOUR, 90, 99),
    Load(CRON, "php", 600.0, 8 * 60, 98, every_s=HOUR),
    Load(CRON, "sh", 10.0, 12, 60, every_s=60.0),
    Load(SESSION, "make", 10 * HOUR, 22 * 60, 370, terminal=True, waiting=45),
    Load(SESSION, "cargo", 15 * HOUR, 12 * 60, 390, terminal=True, waiting=55),
    Load(SESSION, "apt-get", 16 * HOUR, 6 * 60, 96, terminal=True),
    Load("/system.slice/mysql.service", "mysqld", 3 * HOUR, 4 * 60, 100, every_s=5 * HOUR),  # a heavy query
)
RUNAWAY = Load("/system.slice/docker-ocr.scope", "tesseract", 12 * HOUR, 12 * 60, 99)
ENDLESS = Load("/system.slice/backup.service", "restic", 2 * HOUR, 50 * 60, 140)
SWARM = Load("/system.slice/docker-swarm.scope", "", 20 * HOUR, 9 * 60, 98, alone=False)


class Alarm(NamedTuple):
    """A message that somebody would have got."""

    rule: str
    group: str
    hour: float


def web_server(now: float, chance: random.Random) -> float:
    """Under the threshold: busiest at two in the afternoon, up and down from look to look, with bursts of a minute."""
    by_day = max(0.0, 1 - abs(now - 14 * HOUR) / (9 * HOUR))
    burst = 60 if now % 700 < 60 else 0
    return max(0.0, 15 + 50 * by_day + burst * by_day + chance.gauss(0, 12))


def samples(loads: Sequence[Load]) -> Iterator[tuple[Sample, dict[ProcKey, tuple[Load, float]]]]:
    """The day, look by look, and which process is what, with the time for which it has been at it."""
    chance = random.Random(6)
    for number in range(int(DAY_S / INTERVAL_S)):
        now = number * INTERVAL_S
        web = web_server(now, chance)
        used, waiting = {WEB: web}, 5.0
        processes = [ProcessRate(ProcKey("", 80 + worker, 1), WEB, web / 2, INTERVAL_S) for worker in range(2)]
        who: dict[ProcKey, tuple[Load, float]] = {}
        for pid, load in enumerate(loads, 100):
            running_s = load.at(now)
            if running_s is None:
                continue
            percent = load.percent * chance.uniform(0.97, 1.0)
            used[load.group] = used.get(load.group, 0.0) + percent
            waiting = max(waiting, load.waiting)
            key = ProcKey("", pid, 1 + int((now - running_s) * 100))
            who[key] = load, running_s
            if load.alone:
                processes.append(ProcessRate(key, load.group, percent, INTERVAL_S))
        steal = 25.0 if 9 * HOUR <= now < 9 * HOUR + 240 else 4.0
        yield Sample(
            now, now, CPUS, min(100.0 * CPUS, sum(used.values()) + 12),
            tuple(each for each in processes if each.percent >= SHOWN),
            tuple(GroupRate(group, percent, INTERVAL_S) for group, percent in used.items() if percent >= SHOWN),
            HostLoad(1.0, waiting, steal),
        ), who  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> tuple[Rule, ...]:
    compiled = compile_configuration(Configuration(Config(), (), ()), Surroundings({}, 0, Path("/root")))
    return parse_configuration(compiled).rules


def alarms(loads: Sequence[Load], rules: Sequence[Rule], deploys_at: Sequence[float] = ()) -> list[Alarm]:
    """What would have been sent, in its order; what is open and burns is judged anew at every look, as in sweeps."""
    state, restarts = detect.DetectState(), returns.ReturnState()
    by_name = {rule.name: rule for rule in rules}
    quiet: dict[tuple[str, str], Finding] = {}
    sent: list[Alarm] = []
    for sample, who in samples(loads):
        state, findings = detect.detect(state, sample, rules)
        deployed = [DEPLOYED for at in deploys_at if at <= sample.at < at + INTERVAL_S]
        restarts, looping = returns.detect(
            returns.note(restarts, deployed, "group", sample.at), sample.at, sample.wall, rules
        )
        for finding in (*findings, *looping):
            if finding.stage == "sustained":
                quiet[finding.rule, finding.group] = finding
            elif finding.stage == "resolved":
                quiet.pop((finding.rule, finding.group), None)
        for finding in [each for each in quiet.values() if burns(each, by_name[each.rule], sample)]:
            judged = harm.judge(finding, sample, circumstances(finding, who), by_harm=by_name[finding.rule].by_harm)
            if judged.push:
                sent.append(Alarm(finding.rule, finding.group, round(sample.at / HOUR, 1)))
                del quiet[finding.rule, finding.group]
    return sent


def circumstances(finding: Finding, who: dict[ProcKey, tuple[Load, float]]) -> harm.Circumstances:
    """Nothing is known of it from the days before."""
    if finding.key not in who:
        return harm.Circumstances(
            ordinary=kind_of_work(finding.group, "", terminal=False, genuine=genuine, root="/nowhere")
        )
    load, running_s = who[finding.key]
    kind = kind_of_work(load.group, load.name, terminal=load.terminal, genuine=genuine, root="/nowhere")
    return harm.Circumstances(ordinary=kind, running_s=running_s)


def genuine() -> bool:
    """Each program is what it is called."""
    return True


def test_a_day_of_ordinary_load_raises_no_alarm(rules: tuple[Rule, ...]) -> None:
    """Compiling, a backup, package maintenance, cron jobs, a busy web server, a deploy, a short steal."""
    assert alarms(ORDINARY, rules, deploys_at=(11 * HOUR, 11 * HOUR + 40, 11 * HOUR + 90)) == []


def test_what_is_not_ordinary_is_told_on_the_same_day(rules: tuple[Rule, ...]) -> None:
    """One message each: a runaway, a backup that does not end, a swarm of short lives, a service that flaps."""
    flapping = [22 * HOUR + 30 * number for number in range(6)]
    others = [load for load in ORDINARY if load.group != ENDLESS.group]
    assert alarms((*others, RUNAWAY, ENDLESS, SWARM), rules, flapping) == [
        ("sustained-cpu", ENDLESS.group, 2.5),
        ("sustained-cpu", RUNAWAY.group, 12.1),
        ("sustained-cpu", SWARM.group, 20.1),
        ("restart-loop", DEPLOYED, 22.0),
    ]
