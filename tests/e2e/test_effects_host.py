"""Signals and the engine's own end: which processes and containers a line hits, told, then really done."""

from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from e2e.rig import docker
from e2e.rig.box import Box, MakeBox
from e2e.rig.host_lines import names, preflight
from e2e.rig.workloads import running
from truth.preflight_rows import NOT_TOLD, Row, told

pytestmark = pytest.mark.truth  # twenty lines, really run

WAIT_S = 2.0


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    return make_box(extras=("keepers",))  # for fuser and killall


def killed(document: dict[str, Any]) -> set[int]:
    return {int(name.rpartition("(")[2].rstrip(")")) for name in names(document, "process", "kill")}


def start_ticks(box: Box, pid: int) -> str:
    """Which process a PID is; "" where there is none, or only its remains."""
    text = box.run(f"cat /proc/{pid}/stat", check=False).stdout.rpartition(")")[2].split()
    return text[19] if text and text[0] != "Z" else ""


KILLS: list[tuple[str, set[str]]] = [
    ("pkill -9 -f ' victim-[a-z]*$'", {"alone", "unit", "always"}),
    ("pkill -f ' victim-alone$'", {"alone"}),
    ("kill -9 {alone} {unit}", {"alone", "unit"}),
    ("kill {always}", set()),  # PID 1 of a container without a handler
    ("kill -s HUP {alone}", {"alone"}),
    ("ps aux | grep victim-always | grep -v grep | awk '{{print $2}}' | xargs kill -9", {"always"}),
    ("killall -9 busybox", {"alone", "unit", "always"}),
    ("fuser -k /tmp/victim-alone.pipe", {"alone"}),
    ("fuser -k -TERM /tmp/victim-alone.pipe", {"alone"}),
    ("kill -STOP {alone}", set()),
    ("for p in $(pgrep -f victim-unit); do kill -KILL $p; done", {"unit"}),
    ("docker exec victim-always kill -9 1", set()),
]


@pytest.mark.parametrize(("line", "expected"), KILLS, ids=[line for line, _ in KILLS])
def test_signals_end_those_that_are_named(box: Box, row: Row, line: str, expected: set[str]) -> None:
    """Across the host, its units and its containers: the PIDs that are foretold die, no other does."""
    with ExitStack() as stack:
        all_ = {
            "alone": stack.enter_context(running(box, "unmanaged", name="victim-alone", work="sleep")),
            "unit": stack.enter_context(
                running(box, "systemd", name="victim-unit", service_lines=["Restart=always", "RestartSec=100ms"])
            ),
            "always": stack.enter_context(running(box, "docker-run", name="victim-always", restart="always")),
        }
        ready = line.format(**{name: each.pid for name, each in all_.items()})
        document = preflight(box, ready)
        before = {name: start_ticks(box, each.pid) for name, each in all_.items()}
        box.run(["bash", "-c", ready], check=False)
        wanted = {name for name in expected if start_ticks(box, all_[name].pid) == before[name]}
        if wanted:
            box.wait_for(
                "the end",
                lambda: all(start_ticks(box, all_[name].pid) != before[name] for name in wanted),
                timeout=WAIT_S,
            )
        died = {name for name, each in all_.items() if start_ticks(box, each.pid) != before[name]}
        by_pid = {each.pid: name for name, each in all_.items()}
        foretold = {by_pid.get(pid, str(pid)) for pid in killed(document)}
        shown = line.format(**{name: f"PID-OF-{name.upper()}" for name in all_})
        row(shown, {"host": "Debian 12"}, NOT_TOLD if document["unknown"] else told(ends=foretold), told(ends=died))
        assert document["unknown"] == []
        assert died == expected
        assert killed(document) == {all_[name].pid for name in died}
        box.run(f"kill -CONT {all_['alone'].pid}", check=False)
        for name in died - {"alone"}:
            box.wait_for(f"{name} again", partial(box.pids, f" victim-{name}$"), timeout=5)
            kind, subject = ("unit", "victim-unit.service") if name == "unit" else ("container", "victim-always")
            assert subject in names(document, kind, "restart")


def test_whether_it_helps(box: Box) -> None:
    """kill -9 of a container's process ends it for a moment; the proposal ends it for good; another's stop does not."""
    with (
        running(box, "docker-run", name="hot", restart="always", on_term="exit-0") as hot,
        running(box, "docker-run", name="cold", restart="always", on_term="exit-0"),
    ):
        chosen = ("--for", str(hot.pid))
        moment = preflight(box, f"kill -9 {hot.pid}", *chosen)
        assert (moment["helps"]["ends"], moment["helps"]["returns"]) == (True, True)
        other = preflight(box, "docker stop cold", *chosen)
        assert other["helps"]["ends"] is False
        assert "hot" in other["helps"]["why"]
        assert "cold" in other["helps"]["why"]
        (proposal, *_) = moment["safer"]
        told = preflight(box, proposal["command"], *chosen)
        assert (told["helps"]["ends"], told["helps"]["returns"]) == (True, False)
        box.run(proposal["command"], timeout=30)
        assert docker.info(box, "hot").status == "exited"


def test_the_engine_takes_its_containers_along(box: Box, row: Row) -> None:
    """`systemctl stop docker.socket docker` stops every container; a restart brings back those with a policy."""
    with running(box, "docker-run", name="without"), running(box, "docker-run", name="with", restart="always"):
        document = preflight(box, "systemctl restart docker")
        assert names(document, "container", "stop") == {"without"}
        assert names(document, "container", "restart") == {"with"}
        stopped = preflight(box, "systemctl stop docker")
        assert names(stopped, "container", "stop") == {"with", "without"}
        assert "docker.socket starts it again" in stopped["effects"][0]["why"]
        box.run("systemctl restart docker", timeout=60)
        status = {name: docker.info(box, name).status for name in ("without", "with")}
        row(
            "systemctl restart docker", {"engine": "20.10"},
            told(stops=names(document, "container", "stop"), restarts=names(document, "container", "restart")),
            told(**{{"exited": "stops", "running": "restarts"}[state]: [name] for name, state in status.items()}),
        )  # fmt: skip
        assert status == {"without": "exited", "with": "running"}


def test_an_answer_comes_at_once(box: Box) -> None:
    """`docker compose -p x down -v` costs less than half a second of user CPU, the start of Python included.

    CPU and not the clock: the machine is shared by whatever else is tested.
    """
    box.run("runaway-watchdog preflight 'docker compose -p x down -v'", check=False)
    took = box.run(
        ["bash", "-c", "TIMEFORMAT=%U; time runaway-watchdog preflight 'docker compose -p x down -v' >/dev/null"],
        check=False,
    ).stderr
    assert float(took.split()[-1]) < 0.5
