"""A shell's loop where people have it: in tmux and screen, put into a container by `docker exec`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from e2e.keepers import carry_out, undo
from e2e.rig import docker, foretold
from e2e.rig.box import Box, MakeBox

HOLDS_S = 10
BURNER = "^sh -c while :; do :; done$"
LOOP = 'while :; do sh -c "while :; do :; done"; sleep 1; done'
START = {
    "tmux": "tmux new-session -d -s w /root/run.sh",
    "tmux-line": f"tmux new-session -d -s w {shlex.quote(LOOP)}",
    "tmux-typed": "tmux new-session -d -s w bash; sleep 1; tmux send-keys -t w /root/run.sh Enter",
    "screen": "screen -dmS w /root/run.sh",
    "exec": f"docker exec -d loopc sh -c {shlex.quote(LOOP)}",
    "exec-init": f"docker exec -d loopi sh -c {shlex.quote(LOOP)}",
}
CONTAINERS = {"exec": "loopc", "exec-init": "loopi"}


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    found = make_box(extras=("keepers",))
    found.write("/root/run.sh", f"#!/bin/bash\n{LOOP}\n", 0o755)
    found.run(f"docker run -d --name loopc {docker.IMAGE} sleep 99999")
    found.run(f"docker run -d --init --name loopi {docker.IMAGE} sleep 99999")
    return found


def burner(box: Box) -> int | None:
    return next(iter(box.pids(BURNER)), None)


@contextmanager
def looping(box: Box, way: str) -> Iterator[int]:
    """The PID of what burns below the loop."""
    box.run(["setsid", "sh", "-c", START[way]])
    try:
        yield box.wait_for("the loop's child", lambda: burner(box))
    finally:
        box.run("tmux kill-server; screen -S w -X quit; pkill -9 -f '[r]un.sh'", check=False)
        box.run(["pkill", "-9", "-f", "--", "while :; do sh -c"], check=False)
        box.run(["pkill", "-9", "-f", "--", BURNER], check=False)


def burnt(box: Box, seconds: float = HOLDS_S) -> int:
    """Ticks that the burners of now use within that time; a new one counts too."""
    total = f"t=0; for p in $(pgrep -f -- {shlex.quote(BURNER)}); do "
    total += "set -- $(cat /proc/$p/stat 2>/dev/null); t=$((t + ${14:-0})); done; echo $t"
    before = int(box.run(total).stdout)
    box.run(["sleep", str(seconds)])
    return int(box.run(total).stdout) - before


FEW = ("tmux", "exec")
MANY = [pytest.param(way, marks=() if way in FEW else pytest.mark.truth, id=way) for way in START]


@pytest.mark.parametrize("way", MANY)
def test_the_plan_holds(box: Box, way: str) -> None:
    """Carried out step by step, nothing burns for ten seconds after the first, nor after the last."""
    with looping(box, way) as pid:
        steps = foretold.explained(box, pid)["plan"]["steps"]
        carry_out(box, steps[:1])
        assert steps[0]["phase"] == "relieve"
        assert burnt(box) == 0
        carry_out(box, steps[1:])
        assert burnt(box) == 0
        assert not box.pids(BURNER)


@pytest.mark.parametrize("way", MANY)
def test_the_plan_is_undone(box: Box, way: str) -> None:
    """What can be undone lets it burn on; a step that ends the loop for good has no undo."""
    with looping(box, way) as pid:
        steps = [step for step in foretold.explained(box, pid)["plan"]["steps"] if step["undo"]]
        carry_out(box, steps)
        assert burnt(box, 2) == 0
        undo(box, steps)
        assert burnt(box, 3) > 0


@pytest.mark.truth
@pytest.mark.parametrize("way", CONTAINERS)
def test_the_end_of_such_a_loop_leaves_its_child(box: Box, way: str) -> None:
    """`docker exec` put it there: the container goes on, and what the loop started burns on."""
    with looping(box, way) as pid:
        fate = foretold.fate_of(foretold.explained(box, pid), "owner-stop")
        assert (fate["ends"], fate["returns"]) == (False, False), fate
        box.run(["kill", "-9", box.run(["ps", "-o", "ppid=", "-p", str(pid)]).stdout.strip()])
        assert burnt(box, 2) > 0
        assert burner(box) == pid
        assert docker.info(box, CONTAINERS[way]).status == "running"
