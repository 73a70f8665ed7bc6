"""One request, or one task, that never ends: the plan ends just that, and everything else goes on."""

from __future__ import annotations

from typing import Any

import pytest
from e2e import stuck_requests
from e2e.rig import foretold, plans
from e2e.rig.box import Box, MakeBox
from e2e.stuck_requests import POOLS, Pool


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    found = make_box(extras=("masters",), docker_up=False)
    stuck_requests.prepare(found)
    return found


def main_pid(box: Box, pool: Pool) -> str:
    return box.run(["systemctl", "show", "-P", "MainPID", pool.unit]).stdout.strip()


def ordinary(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in document["plan"]["steps"] if step["phase"] != "last-resort"]


FEW = ("php8.2-fpm", "guni-threads", "celery-stuck")
MANY = [pytest.param(pool, marks=() if pool.unit in FEW else pytest.mark.truth, id=pool.unit) for pool in POOLS]


@pytest.mark.parametrize("pool", MANY)
def test_only_the_request_ends(box: Box, pool: Pool) -> None:
    """Nothing burns any more, the service is the same one, and who asks for something else gets it."""
    with stuck_requests.stuck(box, pool) as pid:
        master = main_pid(box, pool)
        document = foretold.explained(box, pid)
        owner = document["owners"][0]
        assert (owner["kind"], owner["facts"]["program"]) == ("app-master", pool.program)
        assert owner["facts"]["current"]["folder"] == pool.folder
        for action in ("sigkill", "failure-exit"):
            fate = foretold.fate_of(document, action)
            assert (fate["ends"], fate["returns"], fate["certainty"]) == (True, False, "likely"), fate
        plans.carry_out(box, ordinary(document))
        box.run(["sleep", "2"])
        assert stuck_requests.burning(box, pool) is None
        assert main_pid(box, pool) == master
        assert stuck_requests.answers(box, pool)
        assert not pool.other_url or stuck_requests.answers(box, pool, pool.other_url)


def test_a_connection_that_is_kept_open_is_no_request(box: Box) -> None:
    """What burns is a thread of the worker's own; where a request burns beside it, that is told."""
    pool = next(each for each in POOLS if each.unit == "guni-threads")
    drop_in = f"/etc/systemd/system/{pool.unit}.service.d/keep.conf"
    box.write(drop_in, f"[Service]\nExecStart=\nExecStart=/usr/bin/{pool.command} --keep-alive 300\n")
    box.run(["systemctl", "daemon-reload"])
    try:
        with stuck_requests.started(box, pool):
            stuck_requests.keep_open(box, pool)
            pid = box.wait_for("a thread burning", lambda: stuck_requests.burning(box, pool))
            document = foretold.explained(box, pid)
            now = document["owners"][0]["facts"]["current"]
            assert (now["work"], len(now["clients"])) == ("connections", 1)
            assert foretold.fate_of(document, "sigkill")["certainty"] == "unknown"
            stuck_requests.ask(box, pool)
            box.run(["sleep", "1"])
            now = foretold.explained(box, pid)["owners"][0]["facts"]["current"]
            assert (now["work"], len(now["clients"])) == ("request", 2)
            plans.carry_out(box, ordinary(document))
            assert stuck_requests.answers(box, pool)
    finally:
        box.run(f"rm {drop_in} && systemctl daemon-reload")


@pytest.mark.truth
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_sigterm_does_as_foretold(box: Box, pool: Pool) -> None:
    """Some let a request finish first, which this one never does."""
    with stuck_requests.stuck(box, pool) as pid:
        fate = foretold.fate_of(foretold.explained(box, pid), "sigterm")
        box.run(["kill", str(pid)])
        box.run(["sleep", "3"])
        assert (fate["ends"], fate["returns"]) == (stuck_requests.burning(box, pool) is None, False)


def test_the_last_resort_is_asked_for(box: Box) -> None:
    """The script stops the service only when it is told to, and starts it again."""
    pool = POOLS[0]
    with stuck_requests.stuck(box, pool) as pid:
        box.run(f"runaway-watchdog plan {pid} --script > /root/plan.sh")
        box.run("sh /root/plan.sh")
        assert stuck_requests.burning(box, pool) is None
        assert stuck_requests.answers(box, pool)
        box.run("sh /root/plan.sh last-resort")
        assert not stuck_requests.answers(box, pool)
        steps = box.run("grep -c '^step_' /root/plan.sh").stdout.strip()
        box.run(f"sh /root/plan.sh undo {steps}")
        assert box.wait_for("the sites", lambda: stuck_requests.answers(box, pool))


def test_a_worker_that_burns_by_itself_is_its_masters(box: Box) -> None:
    """The near miss: no request is to blame, and the next worker burns too."""
    text = "import threading\n\ndef burn():\n    while True:\n        pass\n\nthreading.Thread(target=burn).start()\n"
    pool = next(each for each in POOLS if each.unit == "guni-stuck")
    app = box.read("/srv/app/app.py")
    box.write("/srv/app/app.py", text + app)
    try:
        box.run(["systemctl", "start", pool.unit])
        pid = box.wait_for("a worker burning", lambda: stuck_requests.burning(box, pool))
        document = foretold.explained(box, pid)
        assert foretold.fate_of(document, "sigkill")["returns"] is True
        assert any(f"systemctl stop {pool.unit}" in step["command"] for step in ordinary(document))
        box.run(["kill", "-9", str(pid)])
        assert box.wait_for("the next one", lambda: stuck_requests.burning(box, pool) not in (None, pid))
    finally:
        box.run(["systemctl", "kill", "-s", "KILL", pool.unit], check=False)
        box.run(["systemctl", "stop", pool.unit], check=False)
        box.write("/srv/app/app.py", app)
