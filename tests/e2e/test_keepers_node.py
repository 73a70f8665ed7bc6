"""pm2, forever and nodemon: what they do about every end of their apps, really tried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.keepers import Action, Expected, carry_out, check, check_reboot, plan_of, undo
from e2e.rig.box import Box, Layout, MakeBox
from e2e.rig.workloads import Workload

APP = """\
process.on('SIGUSR1', () => process.exit(0));
process.on('SIGUSR2', () => process.exit(1));
setInterval(() => {}, 1000);
"""
FOLDER = "/srv/app"


@pytest.fixture(scope="module")
def node(make_box: MakeBox) -> Box:
    return make_box(extras=("node",), docker_up=False)


def pm2(box: Box, words: str) -> str:
    return box.run(f"cd {FOLDER} && pm2 {words}", env={"USER": "root"}, timeout=120).stdout


def start_pm2(box: Box, name: str, **settings: object) -> Workload:
    """An app of pm2, which has lived for a while."""
    box.write(f"{FOLDER}/{name}.js", APP)
    app = {"name": name, "script": f"{FOLDER}/{name}.js", "cwd": FOLDER, **settings}
    box.write(f"{FOLDER}/{name}.json", json.dumps({"apps": [app]}))
    pm2(box, f"start {name}.json")
    pid = box.wait_for("the app", lambda: int((pm2(box, f"pid {name}").split() or ["0"])[0]))
    box.run(["sleep", "1.5"])  # an app that lives for less than a second counts as unstable
    word = _word(box, pid, f"{FOLDER}/{name}.js")
    return Workload(pid, word, "pm2", ":/", ("pm2", "stop", name), ("pm2", "update"), f"{name} (pm2)")


def _word(box: Box, pid: int, path: str) -> str:
    """The one word of its command line that names it: Node.js may write its title over all of it."""
    words = box.read(f"/proc/{pid}/cmdline").split("\0")
    return next(word for word in words if path in word)


@contextmanager
def app(box: Box, name: str, **settings: object) -> Iterator[Workload]:
    try:
        yield start_pm2(box, name, **settings)
    finally:
        box.run(f"pm2 delete {name}", check=False, timeout=60)


PM2: list[tuple[dict[str, object], Action]] = [
    ({}, "sigkill"),
    ({}, "sigterm"),
    ({}, "clean-exit"),
    ({}, "failure-exit"),
    ({"autorestart": False}, "sigkill"),
    ({"stop_exit_codes": [0]}, "clean-exit"),
    ({"stop_exit_codes": [0]}, "failure-exit"),
    ({"stop_exit_codes": [0]}, "sigkill"),
    ({"restart_delay": 3000}, "sigkill"),
    ({"exec_mode": "cluster", "instances": 1}, "sigkill"),
    ({"exec_mode": "cluster", "instances": 1, "autorestart": False}, "sigterm"),
    ({}, "owner-stop"),
    ({}, "owner-daemon-restart"),
]


@pytest.mark.truth
@pytest.mark.parametrize(("settings", "action"), PM2, ids=str)
def test_pm2_does_what_is_foretold(node: Box, settings: dict[str, object], action: Action) -> None:
    """autorestart and stop_exit_codes against every end, in both modes; a signal counts as exit code 0."""
    with app(node, f"pm2-{PM2.index((settings, action))}", **settings) as work:
        policy = json.dumps(settings) if settings else "default"
        watch_s = 20 if "daemon" in action else 5
        check(node, work, action, kind="pm2-app", policy=policy, by="pm2", watch_s=watch_s)


@pytest.mark.truth
def test_a_plan_for_pm2_holds_over_its_restart(node: Box) -> None:
    """Stopped and saved as stopped; undone, it runs, and the list is saved as it was."""
    with app(node, "planned") as work:
        pm2(node, "save --force")
        before = node.read("/root/.pm2/dump.pm2")
        steps = plan_of(node, work.pid)
        assert [step["phase"] for step in steps] == ["relieve", "hold", "close"]
        carry_out(node, steps)
        pm2(node, "kill")
        pm2(node, "resurrect")
        assert node.pids(f"{FOLDER}/planned.js$") == []
        undo(node, steps)
        node.wait_for("it runs again", lambda: node.pids(f"{FOLDER}/planned.js$"))
        assert node.read("/root/.pm2/dump.pm2") == before


@pytest.mark.truth
@pytest.mark.parametrize("layout", ["v2", "v1"])
def test_pm2_and_a_reboot(make_box: MakeBox, layout: Layout) -> None:
    """Where pm2 runs in the unit of `pm2 startup`, what was saved comes back, and what was started since does not."""
    box = make_box(layout, extras=("node",), docker_up=False)
    box.run(["mkdir", "-p", FOLDER])
    pm2(box, "startup systemd")
    start_pm2(box, "first")
    pm2(box, "save --force")
    pm2(box, "kill")
    box.run("systemctl start pm2-root")
    box.wait_for("pm2 in its unit", lambda: box.pids(f"{FOLDER}/first.js$"), 60)
    saved = start_pm2(box, "saved")
    pm2(box, "save --force")
    unsaved = start_pm2(box, "unsaved")
    cases = [
        Expected(saved, "reboot", "pm2-app", "saved, pm2 startup"),
        Expected(unsaved, "reboot", "pm2-app", "not saved"),
    ]
    check_reboot(box, cases, 60)


# --- forever and nodemon -----------------------------------------------------------------------------------------


def by_node(box: Box, name: str, keeper: str) -> Workload:
    """An app of forever or nodemon that has lived for a while."""
    box.write(f"{FOLDER}/{name}/{name}.js", APP)
    words = f"{FOLDER}/{name}/{name}.js"
    start = f"forever start {words}" if keeper == "forever" else f"setsid nodemon {words}"
    box.run(f"cd {FOLDER}/{name} && {start} </dev/null >/dev/null 2>&1 &")
    pid = box.wait_for("the app", lambda: next(iter(box.pids(f"^/usr/bin/node {words}$")), None))
    box.run(["sleep", "2.5"])
    stop = f"forever stop {name}.js" if keeper == "forever" else f"pkill -f nodemon.*{name}"
    return Workload(pid, _word(box, pid, f"{name}.js"), keeper, ":/", ("sh", "-c", stop), (), f"{name} ({keeper})")


ENDS: list[Action] = ["sigkill", "sigterm", "clean-exit", "failure-exit"]


@pytest.mark.truth
@pytest.mark.parametrize("action", ENDS)
@pytest.mark.parametrize("keeper", ["forever", "nodemon"])
def test_forever_answers_and_nodemon_waits(node: Box, keeper: str, action: Action) -> None:
    """forever starts it again after every end, nodemon when a file changes."""
    name = f"{keeper}-{action}"
    work = by_node(node, name, keeper)
    try:
        check(node, work, action, kind="forever-app", policy=keeper, watch_s=3)
    finally:
        node.run(["pkill", "-9", "-f", "--", name], check=False)


@pytest.mark.truth
def test_a_plan_for_forever_holds(node: Box) -> None:
    """Frozen, it starts nothing; when it goes on, its app is back."""
    work = by_node(node, "held", "forever")
    steps = plan_of(node, work.pid)
    carry_out(node, steps)
    node.run("sleep 2")
    assert node.pids(f"^/usr/bin/node {FOLDER}/held/held.js$") == []
    undo(node, steps)
    node.wait_for("the app", lambda: node.pids(f"^/usr/bin/node {FOLDER}/held/held.js$"))
    node.run(["pkill", "-9", "-f", "--", "held.js"], check=False)
