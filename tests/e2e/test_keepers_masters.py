"""Masters with workers, shell loops and terminals: each really started, explained, ended and watched."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from e2e.keepers_masters import in_tmux, looped, prepare, worker
from e2e.rig import foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import Action, Workload


class Case(NamedTuple):
    """A worker of a master, and what is done to it."""

    name: str
    action: Action

    def __str__(self) -> str:
        return f"{self.name} {self.action}"


FEW = [Case("gunicorn", "sigkill"), Case("postgres client", "sigterm")]
WORKERS = [
    Case("gunicorn", "sigterm"),
    Case("gunicorn", "owner-stop"),
    Case("gunicorn", "owner-daemon-restart"),
    Case("nginx", "sigkill"),
    Case("nginx", "sigterm"),
    Case("nginx", "owner-stop"),
    Case("php-fpm", "sigkill"),
    Case("php-fpm", "sigterm"),
    Case("apache", "sigkill"),
    Case("apache", "sigterm"),
    Case("uwsgi", "sigkill"),
    Case("postgres background", "sigkill"),
    Case("postgres background", "sigterm"),
    Case("postgres client", "sigkill"),
]
LOOPS = [
    ("bash", "while true; do @; done", "sigkill"),
    ("bash", "while true; do @; sleep 1.5; done", "sigterm"),
    ("dash", "while :\ndo\n  @ # once more\ndone", "sigkill"),
    ("busybox", "while sleep 0.2; do @; done", "sigkill"),
    ("-c", "until @; do sleep 1; done", "sigkill"),
    ("-c", "while @; do :; done", "sigkill"),
    ("-c", "while true; do @ || break; done", "sigkill"),
    ("dash", "set -e\nwhile true; do @; done", "sigkill"),
    ("dash", "while true; do timeout 100 @; done", "sigkill"),
    ("line", "watch -n 2 @", "sigkill"),
    ("dash", "while true; do @; done", "owner-stop"),
    ("unit", "while true; do @; done", "sigkill"),
    ("unit", "while true; do @; done", "owner-stop"),
    ("container", "while true; do sleep 1007; done", "sigkill"),
    ("container", "while true; do sleep 1009; done", "owner-stop"),
    ("container", "while true; do sleep 1013; done", "owner-daemon-restart"),
]


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    found = make_box(extras=("masters", "keepers"))
    prepare(found)
    return found


def check(box: Box, case: Case) -> None:
    with worker(box, case.name) as workload:
        foretold.check(box, workload, case.action, kind="app-master", policy="-", watch_s=6)


@pytest.mark.parametrize("case", FEW, ids=str)
def test_a_worker_is_replaced_as_foretold(box: Box, case: Case) -> None:
    """The most telling ones: a killed worker is there again at once, and one ended session of PostgreSQL is not."""
    check(box, case)


@pytest.mark.truth
@pytest.mark.parametrize("case", WORKERS, ids=str)
def test_every_master_does_as_foretold(box: Box, case: Case) -> None:
    """Each as Debian ships it."""
    check(box, case)


@pytest.mark.truth
@pytest.mark.parametrize(("way", "text", "action"), LOOPS, ids=[f"{row[0]} {row[2]} {row[1]}" for row in LOOPS])
def test_a_loop_does_as_its_text_says(box: Box, way: str, text: str, action: Action) -> None:
    """Read from the script that runs, from the line of `sh -c`, or known of the program."""
    with looped(box, way, text) as workload:
        # `docker` waits ten seconds for a PID 1 that takes no SIGTERM.
        watch_s = 15 if action == "owner-daemon-restart" else 5
        foretold.check(box, workload, action, kind="shell-loop", policy=text, watch_s=watch_s)


def test_a_script_without_a_loop_keeps_nothing_alive(box: Box) -> None:
    """The near miss: the same shell, and its child stays away."""
    with looped(box, "-c", "@; true") as workload:
        foretold.check(box, workload, "sigkill", kind="unmanaged", policy="no loop")


@pytest.mark.truth
@pytest.mark.parametrize("action", ["sigterm", "sigkill", "owner-stop"])
def test_what_is_typed_in_tmux_does_not_return(box: Box, action: Action) -> None:
    """The shell waits for the next line; the end of tmux hangs up on it."""
    with in_tmux(box) as workload:
        document, _ = foretold.check(box, workload, action, kind="session", policy="tmux")
        assert document["owners"][0]["facts"]["via"] == "tmux"


@pytest.mark.truth
def test_a_loop_that_is_typed_in_tmux_is_found_too(box: Box) -> None:
    """A script in tmux: the loop is inside, the terminal around it."""
    with in_tmux(box, lambda path: f"sh -c 'while true; do {path}; done'") as workload:
        document, _ = foretold.check(box, workload, "sigkill", kind="shell-loop", policy="sh -c in tmux")
        assert [owner["kind"] for owner in document["owners"]] == ["shell-loop", "session"]


@pytest.mark.truth
def test_nobody_waits_for_what_nohup_left(box: Box) -> None:
    """Its caller is gone; it stays away when it is ended, and the explanation says that nobody waits."""
    with looped(box, "line", "nohup @") as workload:
        document, _ = foretold.check(box, workload, "sigterm", kind="unmanaged", policy="nohup")
        assert "nobody waits" in document["left_behind"]["why"]


@pytest.mark.truth
def test_a_reboot_starts_the_master_and_so_its_workers(make_box: MakeBox) -> None:
    """Where the master's unit is enabled; a loop that somebody started is gone."""
    own = make_box(extras=("masters", "keepers"), docker_up=False)
    prepare(own)
    own.run(["systemctl", "enable", "guni.service"])
    with worker(own, "gunicorn") as workload, looped(own, "dash", "while true; do @; done") as loop:
        told = {each.keeper: foretold.fate_of(foretold.explained(own, each.pid), "reboot") for each in (workload, loop)}
        own.reboot()
        assert told["gunicorn"]["returns"] is True
        assert own.wait_for("gunicorn's workers", lambda: len(own.pids("gunicorn -w 2")) == 3)
        assert told["dash loop"]["returns"] is False
        assert own.pids(loop.name) == []


@pytest.fixture(scope="module")
def box_v1(make_box: MakeBox) -> Box:
    found = make_box("v1", extras=("masters", "keepers"))
    prepare(found)
    return found


@pytest.mark.truth
@pytest.mark.parametrize("case", [FEW[0], *WORKERS[3:14:3]], ids=str)
def test_masters_on_cgroup_v1(box_v1: Box, case: Case) -> None:
    """Nothing in it depends on the layout."""
    check(box_v1, case)


@pytest.mark.truth
@pytest.mark.parametrize(("way", "text", "action"), LOOPS[1::4], ids=[f"{row[0]} {row[1]}" for row in LOOPS[1::4]])
def test_loops_on_cgroup_v1(box_v1: Box, way: str, text: str, action: Action) -> None:
    """Nor in these."""
    with looped(box_v1, way, text) as workload:
        foretold.check(box_v1, workload, action, kind="shell-loop", policy=text, watch_s=5)


# --- the plans, pasted as they are ---------------------------------------------------------------------------------


def paste(box: Box, step: dict[str, Any]) -> None:
    box.run(["bash", "-c", step["command"]])


def undo(box: Box, steps: list[dict[str, Any]]) -> None:
    for step in reversed(steps):
        if step["undo"] is not None:
            box.run(["bash", "-c", step["undo"]])


def alive(box: Box, workload: Workload) -> list[int]:
    """PIDs of the program that run: a zombie that a frozen parent did not fetch is no more."""
    states = {
        pid: box.run(["ps", "-o", "state=", "-p", str(pid)], check=False).stdout.strip()
        for pid in _named(box, workload)
    }
    return [pid for pid, state in states.items() if state not in ("", "Z")]


def _named(box: Box, workload: Workload) -> list[int]:
    return box.pids(f"python3 {workload.name}$")


@pytest.mark.truth
def test_the_plan_for_a_loop_ends_both_and_is_undone(box: Box) -> None:
    """The loop stands still, its child is gone and stays so; continued, the loop starts it again."""
    with looped(box, "bash", "while true; do @; done") as workload:
        steps = foretold.explained(box, workload.pid)["plan"]["steps"]
        for step in steps:
            paste(box, step)
        box.wait_for("the child's end", lambda: not alive(box, workload))
        box.run(["sleep", "3"])
        assert alive(box, workload) == []
        undo(box, steps)
        assert box.wait_for("the loop's next round", lambda: alive(box, workload))


@pytest.mark.truth
def test_the_plan_for_a_worker_is_its_masters(box: Box) -> None:
    """The unit is stopped and stays so, also when systemd restarts itself; undone, the workers are back."""
    with worker(box, "gunicorn") as workload:
        steps = foretold.explained(box, workload.pid)["plan"]["steps"]
        assert any("systemctl stop guni.service" in step["command"] for step in steps)
        for step in steps:
            paste(box, step)
        box.run(["systemctl", "daemon-reexec"])
        box.run(["sleep", "3"])
        assert box.pids("gunicorn -w 2") == []
        undo(box, steps)
        assert box.wait_for("gunicorn's workers", lambda: len(box.pids("gunicorn -w 2")) == 3)


@pytest.mark.truth
def test_the_plan_for_a_query_spares_the_database(box: Box) -> None:
    """Cancelled by SIGINT: the query is gone, and every other process of PostgreSQL is the one that it was."""
    with worker(box, "postgres client") as workload:
        before = set(box.pids("^postgres: 15/main: (walwriter|checkpointer)"))
        steps = foretold.explained(box, workload.pid)["plan"]["steps"]
        assert steps[-1]["title"].startswith("If that is not enough")
        for step in steps[:-1]:
            paste(box, step)
        box.wait_for("the query's end", lambda: not box.pids("^postgres: .* SELECT"))  # and with psql's, its session's
        assert set(box.pids("^postgres: 15/main: (walwriter|checkpointer)")) == before
