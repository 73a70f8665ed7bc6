"""What a unit's own settings start after it: handlers of its end and its stop commands, really tried and held."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from e2e.keepers import SIGNALS, Action, carry_out, program, running, undo
from e2e.rig import foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.plans import Steps
from e2e.test_keepers_starters import of_user
from e2e.test_keepers_supervisors import SUITES

UNITS = "/etc/systemd/system"
ENDS: tuple[Action, ...] = ("owner-stop", "sigterm", "sigkill", "clean-exit", "failure-exit")
SETTLED_S = 4
"""Within which a handler has done its work."""


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    return make_box(docker_up=False)


@pytest.fixture
def built(host: Box) -> Iterator[Box]:
    yield host
    host.run(f"systemctl stop ghost; rm -rf {UNITS}/ghost.service* {UNITS}/again* && systemctl daemon-reload")
    host.run("systemctl reset-failed", check=False)


def build(box: Box, settings: str, units: Mapping[str, str] | None = None, *, unit: str = "") -> None:
    words = shlex.join(program("ghost")).replace("$", "$$")
    box.write(f"{UNITS}/ghost.service", f"[Unit]\n{unit}\n[Service]\nExecStart={words}\n{settings}")
    for name, text in (units or {}).items():
        box.write(f"{UNITS}/{name}", text)
    box.run("systemctl daemon-reload; systemctl restart ghost")


def ended(box: Box, action: Action) -> bool:
    """Whether it is there again, ended like that."""
    (pid,) = box.wait_for("ghost", lambda: running(box, "ghost"))
    if action == "owner-stop":
        box.run("systemctl stop ghost", check=False)
    else:
        box.run(["kill", f"-{SIGNALS[action]}", str(pid)])
    time.sleep(SETTLED_S)
    return running(box, "ghost") not in ([], [pid])


def foretold_and_seen(box: Box) -> dict[Action, tuple[Any, str]]:
    """Each end, foretold and then done: whether it came back, and by whom it was to."""
    outlooks = {each: foretold.fate_of(explained(box), each) for each in ENDS}
    seen = {}
    for each in ENDS:
        seen[each] = ended(box, each)
        box.run("systemctl reset-failed ghost; systemctl start ghost", check=False)
    told = {each: outlook["returns"] for each, outlook in outlooks.items()}
    assert told == seen, {each: outlook["why"] for each, outlook in outlooks.items()}
    return {each: (seen[each], outlooks[each]["by"]) for each in ENDS}


def explained(box: Box) -> dict[str, Any]:
    return foretold.explained(box, "--unit", "ghost")


def held_and_undone(box: Box) -> Steps:
    """The plan keeps it away, and its undo leaves nothing behind."""
    files = (
        f"find {UNITS} /run/systemd/system | sort; systemctl show -p ExecStopPost,ExecStop,OnFailure,OnSuccess ghost"
    )
    before = box.run(files).stdout
    steps: Steps = explained(box)["plan"]["steps"]
    carry_out(box, steps)
    time.sleep(SETTLED_S)
    assert running(box, "ghost") == []
    undo(box, steps)
    box.wait_for("ghost", lambda: running(box, "ghost"))
    strip = [line.partition(" ; start_time")[0] for line in box.run(files).stdout.splitlines()]
    assert strip == [line.partition(" ; start_time")[0] for line in before.splitlines()]
    return steps


HANDLERS = {
    "template": ("OnFailure=again@%n.service", "again@.service", "/bin/systemctl restart %i"),
    "variable": ("OnFailure=again.service", "again.service", "/bin/sh -c 'systemctl start \"$$MONITOR_UNIT\"'"),
    "argument": ("OnFailure=again@%p.service", "again@.service", "/usr/local/bin/again.sh %i"),
    "success": ("OnSuccess=again.service", "again.service", "/bin/systemctl start ghost"),
}


def some(ways: Iterable[str], *always: str) -> list[Any]:
    """Half a minute each: the others belong to the long matrices."""
    return [each if each in always else pytest.param(each, marks=pytest.mark.truth) for each in ways]


@pytest.mark.parametrize("way", some(HANDLERS, "template", "success"))
def test_a_handler_of_its_end(built: Box, way: str) -> None:
    """OnFailure= acts on a failure and not on a stop, OnSuccess= on a clean end and on a stop too."""
    setting, name, runs = HANDLERS[way]
    built.write("/usr/local/bin/again.sh", '#!/bin/sh\nsystemctl is-active -q "$1" || systemctl start "$1"\n', 0o755)
    build(built, "", {name: f"[Service]\nType=oneshot\nExecStart={runs}\n"}, unit=setting)
    found = foretold_and_seen(built)
    by = {"template": "again@ghost.service.service", "argument": "again@ghost.service"}.get(way, "again.service")
    acts = {"owner-stop", "sigterm", "clean-exit"} if way == "success" else {"sigkill", "failure-exit"}
    assert {each for each in ENDS if found[each] == (True, by)} == acts
    assert {each for each in ENDS if not found[each][0]} == set(ENDS) - acts
    held_and_undone(built)


def test_a_handler_of_a_stop_that_fails(built: Box) -> None:
    """What exits with 1 on SIGTERM has failed by its stop, and is started again after it."""
    text = "[Service]\nType=oneshot\nExecStart=/bin/systemctl start ghost\n"
    words = shlex.join(program("ghost", "exit-1")).replace("$", "$$")
    build(built, f"ExecStart=\nExecStart={words}\n", {"again.service": text}, unit="OnFailure=again.service")
    stop = foretold.fate_of(explained(built), "owner-stop")
    assert stop["returns"] is not False, stop
    assert ended(built, "owner-stop")
    held_and_undone(built)


AFTER = "ExecStopPost=/bin/touch /run/ghost-cleaned\n"
STOPS = {
    "post": f"{AFTER}ExecStopPost=/bin/systemctl --no-block start ghost\n",
    "waiting": f"TimeoutStopSec=2\n{AFTER}ExecStopPost=-/bin/systemctl start %n\n",
    "script": f"{AFTER}ExecStopPost=+/usr/local/bin/after-ghost.sh %N\n",
    "stop": "ExecStop=/bin/systemctl --no-block restart ghost\n",
}


@pytest.mark.parametrize("way", some(STOPS, "post"))
def test_a_stop_command_that_starts_it(built: Box, way: str) -> None:
    """A stop cancels itself: the plan takes that command alone out of the unit, and its undo puts it back."""
    built.write("/usr/local/bin/after-ghost.sh", "#!/bin/sh\nsystemctl --no-block start ghost\n", 0o755)
    build(built, STOPS[way])
    found = foretold_and_seen(built)
    acts = {"owner-stop", "sigterm", "clean-exit"} if way == "stop" else {*ENDS}
    assert {each for each in ENDS if found[each][0]} == acts
    built.run("rm -f /run/ghost-cleaned")
    steps = held_and_undone(built)
    assert way == "stop" or built.run("ls /run/ghost-cleaned").stdout
    assert "ExecStop" in "".join(step["command"] for step in steps)


KEEP_RUN = "#!/bin/sh\nexec 2>&1\nsystemctl is-active -q ghost || systemctl start ghost\nexec sleep 1\n"


@pytest.mark.parametrize(
    "suite", ["runit", *(pytest.param(each, marks=pytest.mark.truth) for each in ("s6", "daemontools"))]
)
def test_a_service_folder_that_starts_it(make_box: MakeBox, built: Box, suite: str) -> None:
    """Its supervisor runs the script again and again; the plan has it down first, and up again by its undo."""
    box = built if suite == "runit" else make_box(extras=("keepers",), docker_up=False)
    how = SUITES[suite]
    build(box, "")
    box.write("/srv/scanned/keep/run", KEEP_RUN, 0o755)
    unit = f"[Service]\nExecStart=/usr/bin/{how.scanner} /srv/scanned\n{how.lines}\n"
    box.write(f"{UNITS}/scan.service", unit)
    box.run("systemctl daemon-reload; systemctl start scan; sleep 3")
    try:
        stop = foretold.fate_of(explained(box), "owner-stop")
        supervisor = {"runit": "runsv", "s6": "s6-supervise", "daemontools": "supervise"}[suite]
        assert (stop["returns"], stop["by"]) == (True, f"keep of {supervisor}"), stop
        assert ended(box, "owner-stop")
        held_and_undone(box)
        assert ended(box, "sigkill")
    finally:
        box.run("systemctl stop scan; systemctl kill -s KILL scan; rm -rf /srv/scanned", check=False)
        box.run(f"rm {UNITS}/scan.service; systemctl daemon-reload")


LEFT = {
    "unit": (
        "kept.service",
        {
            "kept.service": "[Service]\nKillMode=none\nExecStart=/bin/sh /home/{user}/loop.sh\n"
            "[Install]\nWantedBy=default.target\n"
        },
    ),
    "timer": (
        "look.timer",
        {
            "look.service": "[Service]\nType=oneshot\nKillMode=none\n"
            "ExecStart=/bin/sh -c 'pgrep -f \"^/bin/sh /home\" >/dev/null || setsid /bin/sh /home/{user}/loop.sh &'\n",
            "look.timer": "[Timer]\nOnActiveSec=1\nOnUnitActiveSec=600\nAccuracySec=1\n"
            "[Install]\nWantedBy=timers.target\n",
        },
    ),
}


@pytest.mark.parametrize("way", LEFT)
def test_a_loop_that_a_users_unit_leaves_behind(host: Box, way: str) -> None:
    """KillMode=none: a stop of the unit lets it go on, so that it is held itself, and runs once after the undo."""
    by, units = LEFT[way]
    words = shlex.join(program(f"left-{way}")).replace("$", "$$")
    user = f"left-by-{way}"
    loop = "#!/bin/sh\nwhile :; do systemctl --user start mine; sleep 1; done\n"
    host.write(f"/home/{user}/loop.sh", loop, 0o755)
    texts = {name: text.replace("{user}", user) for name, text in units.items()}
    systemctl = of_user(host, user, {"mine.service": f"[Service]\nExecStart={words}\n", **texts}, by)
    try:
        (pid,) = host.wait_for("mine", lambda: running(host, f"left-{way}"))
        stop = foretold.fate_of(foretold.explained(host, str(pid)), "owner-stop")
        assert stop["returns"] is True, stop
        host.run(f"{systemctl} stop mine")
        (pid,) = host.wait_for("mine again", lambda: running(host, f"left-{way}"), 15)
        steps: Steps = foretold.explained(host, str(pid))["plan"]["steps"]
        carry_out(host, steps)
        time.sleep(2 * SETTLED_S)
        assert running(host, f"left-{way}") == []
        undo(host, steps)
        assert host.run(f"{systemctl} is-active {by} mine").stdout == "active\nactive\n"
        assert len(host.pids("^/bin/sh /home/.*/loop.sh")) == 1
        host.run(f"{systemctl} stop mine")
        host.wait_for("mine again", lambda: running(host, f"left-{way}"), 15)
    finally:
        host.run(f"{systemctl} disable --now {by}; pkill -9 -f [l]oop.sh; {systemctl} stop mine", check=False)
