"""Which processes a signal reaches: the tools' own rules for names, patterns, users and groups."""

import re

import pytest
from preflight.host_world import FakeHost

from runaway_watchdog.model.effect import Effect


@pytest.fixture
def host() -> FakeHost:
    found = FakeHost()
    found.process(10, "/usr/bin/python3 worker.py", start=5)
    found.process(11, "/usr/bin/python3 web.py", start=9, uid=33)
    found.process(12, "/opt/very-long-program-name --x", comm="very-long-progr")
    found.process(13, "nginx", group=77, ppid=10)
    found.process(14, "nginx", group=77, caught="4000")  # handles SIGTERM
    found.process(15, "stubborn", ignored="4000")
    return found


def killed(effects: tuple[Effect, ...]) -> set[int]:
    return {int(re.findall(r"\d+", each.name)[-1]) for each in effects if each.verb == "kill"}


CASES = [
    ("kill 10", {10}),
    ("kill -9 10 11", {10, 11}),
    ("kill -s KILL 15", {15}),
    ("kill 15", set()),
    ("kill -TERM -77", {13, 14}),
    ("kill -- -77", {13, 14}),
    ("kill -0 10", set()),
    ("kill -l", set()),
    ("kill 4000000", set()),
    ("kill -9 -1", {10, 11, 12, 13, 14, 15}),
    ("pkill python3", {10, 11}),
    ("pkill -u www-data python", {11}),
    ("pkill -f worker", {10}),
    ("pkill -x python", set()),
    ("pkill -x 'python[0-9]'", {10, 11}),
    ("pkill -n python", {11}),
    ("pkill -o python", {10}),
    ("pkill -P 10", {13}),
    ("pkill -9 stubborn", {15}),
    ("pkill --signal KILL stubborn", {15}),
    ("pkill very-long-program-name", set()),
    ("killall nginx", {13, 14}),
    ("killall very-long-program-name", {12}),
    ("killall very-long", set()),
    ("killall -r 'ngi.*'", {13, 14}),
    ("killall -s KILL -I STUBBORN", {15}),
    ("killall -u www-data", {11}),
    ("kill $(pgrep -f web.py)", {11}),
    ("ps aux | grep nginx | awk '{print $2}' | xargs kill", {13, 14}),
    ("kill 10; kill 10", {10}),
    ("kill $(pidof nginx)", {13, 14}),
]


@pytest.mark.parametrize(("line", "pids"), CASES, ids=[line for line, _ in CASES])
def test_exactly_these_end(host: FakeHost, line: str, pids: set[int]) -> None:
    """By number, by group, by name, by pattern."""
    found = host.judge(line)
    assert killed(found.effects) == pids
    assert found.unknown == ()


@pytest.mark.parametrize("line", ["kill $PID", "kill %1", "pkill -t pts/1", "pkill $X", "fuser -k 80/tcp", "kill 0"])
def test_what_cannot_be_known_is_said(host: FakeHost, line: str) -> None:
    assert host.judge(line).unknown
