"""Three hosts tell one place: Debian's Prometheus asks for their metrics, a pair of Alertmanagers is called."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from e2e.rig import monitoring, relay
from e2e.rig.box import Box, MakeBox, NotSeenError
from support.ports import free_port

pytestmark = pytest.mark.truth

HOSTS = 3
METRICS = 9764
PAIR = (9093, 9094)  # as the boxes see them
RULES = Path(__file__).parents[2] / "config/prometheus-alerts.yml"
PROGRAM = "/opt/runaway-watchdog/bin/runaway-watchdog"
SERVICE = "runaway-watchdog-metrics.service"
STORE = "/var/lib/runaway-watchdog/watchdog.db"
BURN = "fleet-burn"
CONFIG = f"""\
[sampling]
interval = "1s"

[[rule]]
name = "sustained-cpu"
cpu = 5       # two cores are shared by three hosts
for = "4s"
severity = "critical"
cmdline = "*{BURN}"

[alerts]
urls = [{", ".join(f'"alertmanager://127.0.0.1:{port}"' for port in PAIR)}]
"""
ROUTE = """\
route:
  receiver: us
  group_by: [alertname]
  group_wait: 15s
  group_interval: 15s
  repeat_interval: 4h
receivers:
  - name: us
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""


class Fleet(NamedTuple):
    """The hosts, and who is told."""

    boxes: tuple[Box, ...]
    notified: monitoring.Notified
    pair: tuple[int, ...]  # ports on this machine
    processes: tuple[subprocess.Popen[bytes], ...]  # of the pair

    @property
    def names(self) -> set[str]:
        return {box.name for box in self.boxes}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("monitoring")
    for package in ("prometheus", "prometheus-alertmanager"):
        monitoring.unpacked(package, folder)
    return folder


@pytest.fixture(scope="module")
def fleet(make_box: MakeBox, tree: Path) -> Iterator[Fleet]:
    """Three hosts with the service, which sends to both of a pair of Alertmanagers that know of each other."""
    with ExitStack() as stack:
        notified = stack.enter_context(monitoring.Notified())
        pair, gossip = [free_port() for _ in PAIR], [free_port() for _ in PAIR]
        processes = []
        for number, port in enumerate(pair):
            options = (
                f"--cluster.listen-address=127.0.0.1:{gossip[number]}",
                f"--cluster.peer=127.0.0.1:{gossip[1 - number]}",
            )
            route = ROUTE.format(url=notified.url)
            processes.append(stack.enter_context(monitoring.alertmanager(tree, port, route, options)))
        boxes = tuple(make_box(docker_up=False) for _ in range(HOSTS))
        for box in boxes:
            box.run(["hostname", box.name])  # all were made of the same tree, which has a name
            for seen, port in zip(PAIR, pair, strict=True):
                stack.enter_context(relay.out_of(box, seen, port))
            box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
            box.run([PROGRAM, "install", "--metrics", "--no-self-test"], timeout=120)
        yield Fleet(boxes, notified, tuple(pair), tuple(processes))
        for box in boxes:
            print(box.run("journalctl -u runaway-watchdog --no-pager -n 30", check=False).stdout)


def burn(box: Box) -> None:
    """A unit that uses what is left of the cores, until it is stopped."""
    argv = ["systemd-run", "--quiet", f"--unit={BURN}", "--nice=10", "--property=RuntimeMaxSec=600"]
    box.run([*argv, "/bin/sh", "-c", "while :; do :; done", BURN])


def standing(port: int, name: str = "RunawayProcess") -> list[dict[str, Any]]:
    """The alerts of this name that one Alertmanager has now."""
    alerts: list[dict[str, Any]] = monitoring.asked(f"http://127.0.0.1:{port}/api/v2/alerts")
    return [each for each in alerts if each["labels"]["alertname"] == name]


def awaited(what: str, seen: Callable[[], Any], timeout: float = 120) -> Any:
    """Ask until it is true; what was seen last otherwise."""
    until = time.monotonic() + timeout
    while not (last := seen()):
        if time.monotonic() > until:
            raise NotSeenError(f"{what}: not within {timeout:g} s; last: {last!r}")
        time.sleep(0.5)
    return last


Told = frozenset[tuple[str, str]]


def contents(notified: monitoring.Notified) -> list[Told]:
    """Which hosts each notification of the watch told of so far, and whether it is firing or resolved there."""
    return [
        frozenset((each["labels"]["host"], each["status"]) for each in one["alerts"])
        for one in notified.received
        if one["groupLabels"] == {"alertname": "RunawayProcess"}
    ]


def every(fleet: Fleet, status: str) -> Told:
    return frozenset((name, status) for name in fleet.names)


def test_three_hosts_are_one_group_and_the_pair_calls_once(fleet: Fleet) -> None:
    """Both of the pair have one alert of each host; whoever calls tells all of them, and the other one keeps quiet."""
    for box in fleet.boxes:
        burn(box)
    for port in fleet.pair:
        awaited("an alert of each host", partial(hosts_standing, port, fleet.names))
        assert sorted(each["annotations"]["owner"] for each in standing(port)) == [f"{BURN}.service"] * HOSTS
    awaited("one notification of all", lambda: every(fleet, "firing") in contents(fleet.notified))
    time.sleep(35)  # longer than the second of the pair waits for the first, and than the next turn of the group
    told = contents(fleet.notified)
    assert len(told) == len(set(told)), f"the same was told twice: {told}"
    assert told[-1] == every(fleet, "firing")


SCRAPES = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: {pair}}}]}}]}}
scrape_configs:
  - job_name: runaway-watchdog
    static_configs: {hosts}
"""


@pytest.fixture(scope="module")
def prometheus(fleet: Fleet, tree: Path) -> Iterator[int]:
    """The port of a Prometheus that asks all three, by the rules of config/ with every wait made short."""
    rules = tree / "alerts.yml"
    rules.write_text(re.sub(r"for: \d+m", "for: 2s", RULES.read_text()))
    port = free_port()
    with ExitStack() as stack:
        hosts = []
        for box in fleet.boxes:
            door = stack.enter_context(relay.into(box, METRICS))
            hosts.append({"targets": [f"127.0.0.1:{door}"], "labels": {"instance": box.name}})
        pair = json.dumps([f"127.0.0.1:{each}" for each in fleet.pair])
        configuration = SCRAPES.format(rules=rules, pair=pair, hosts=json.dumps(hosts))
        stack.enter_context(monitoring.prometheus(tree, port, configuration))
        yield port
        for box in fleet.boxes:
            print(box.run(f"journalctl -u {SERVICE} --no-pager -n 20", check=False).stdout)


def told_of(port: int, expression: str) -> dict[str, float]:
    """The value of an expression for each host now."""
    query = urllib.parse.urlencode({"query": expression})
    answer = monitoring.asked(f"http://127.0.0.1:{port}/api/v1/query?{query}")
    return {each["metric"]["instance"]: float(each["value"][1]) for each in answer["data"]["result"]}


def is_told_of(names: set[str], port: int, expression: str) -> bool:
    return set(told_of(port, expression)) == names


def firing(port: int) -> set[tuple[str, str]]:
    """Name and host of each alert that fires now."""
    alerts = monitoring.asked(f"http://127.0.0.1:{port}/api/v1/alerts")["data"]["alerts"]
    return {(each["labels"]["alertname"], each["labels"]["instance"]) for each in alerts if each["state"] == "firing"}


def test_prometheus_asks_them_all(fleet: Fleet, prometheus: int) -> None:
    """Each host answers from its confined service: it watches, it has found something, and what it costs is there."""
    for expression in (
        "runaway_watchdog_up == 1",
        'runaway_watchdog_incidents{state="open", severity="critical"} == 1',
    ):
        awaited(expression, partial(is_told_of, fleet.names, prometheus, expression))
    assert all(0 < value < 600 for value in told_of(prometheus, "runaway_watchdog_cpu_seconds_total").values())
    assert all(1 << 20 < value < 200 << 20 for value in told_of(prometheus, "runaway_watchdog_memory_bytes").values())
    series = told_of(prometheus, 'count by (instance) ({__name__=~"runaway_watchdog_.*"})')
    assert all(value < 40 for value in series.values()), series


def test_its_rules_fire(fleet: Fleet, prometheus: int) -> None:
    """An incident; then one host whose watch was stopped, one whose history is hidden, one that does not answer."""
    stopped, hidden, silent = fleet.boxes
    incident = {("RunawayWatchdogIncident", box.name) for box in fleet.boxes}
    awaited("an incident of each host", lambda: firing(prometheus) == incident)
    for port in fleet.pair:
        awaited("the pair is told", partial(standing, port, "RunawayWatchdogIncident"))
    stopped.run(["systemctl", "stop", "runaway-watchdog"])
    hidden.run(["chmod", "000", STORE])
    silent.run(["systemctl", "stop", SERVICE])
    wrong = {
        ("RunawayWatchdogDown", stopped.name),
        ("RunawayWatchdogBlind", hidden.name),
        ("RunawayWatchdogGone", silent.name),
    }
    awaited("each fault told of its host", lambda: firing(prometheus) - incident == wrong)
    stopped.run(["systemctl", "start", "runaway-watchdog"])
    hidden.run(["chmod", "640", STORE])
    silent.run(["systemctl", "start", SERVICE])
    awaited("all is well again", lambda: firing(prometheus) == incident)


def test_it_goes_on_with_one_of_the_pair(fleet: Fleet) -> None:
    """The end of all three is told though one Alertmanager is gone; what it missed waits for it in the outbox."""
    gone = fleet.processes[0]
    gone.terminate()
    gone.wait(20)
    for box in fleet.boxes:
        box.run(["systemctl", "stop", BURN])
    over = every(fleet, "resolved")
    awaited("the end of all", lambda: over <= frozenset().union(*contents(fleet.notified)))
    assert standing(fleet.pair[1]) == []
    for box in fleet.boxes:
        waiting = json.loads(box.run([PROGRAM, "status", "--json"], check=False).stdout)["waiting"]
        assert [each["channel"] for each in waiting] == ["alertmanager"]


def hosts_standing(port: int, names: set[str]) -> bool:
    return {each["labels"]["host"] for each in standing(port)} == names
