"""Lines made by chance, run by a real bash whose copies fail: one that is judged to lose nothing keeps the data.

The programs are stubs: those that copy fail at the turns that a test chooses, and what they do is done in a folder of
the test.
"""

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from preflight.host_world import FakeHost

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
LINES = 200  # of each seed
COPIES = ("cp f k", "cp f k", "cp f k", "cat f > k", "exec cp f k", "nohup cp f k", "cp f k | true", "eval 'cp f k'",
          "x=$(cp f k)", "bash -c 'cp f k'", "cp f k || exit 1", "cp f k || exit 0", "cp f k || return 1")  # fmt: skip
LOSSES = ("rm f", "rm f", "> f", "mv f o", "mv f o", "rm k", "> k", "mv k o", "rm f k", "bash -c 'rm f'", "cp e k")
OTHERS = ("true", "false", "exit", "exit 0", "exit 1", "return", "return 1", "set -e", "set +e", "f", "f", "break",
          "continue", "wait", "trap 'rm f' EXIT", "trap 'exit 0' EXIT", "trap 'exit 0' ERR", "trap - EXIT", "exec true",
          "test -s k", "[[ -e k ]]", "cd d", "cd nowhere", "false | true", "x=$(exit 1)", "eval 'exit 0'")  # fmt: skip
AROUND = ("( % )", "( % )", "( % )", "{ %; }", "{ %; }", "if %; then %; fi", "if %; then %; else %; fi",
          "while %; do %; break; done", "for i in 1 2; do %; done", "f() { %; }", "f() ( % )", "! { %; }", "x=$( % )",
          "case $x in '') %;; *) %;; esac", "{ %; } > k", "( % ) | true", "until %; do %; break; done")  # fmt: skip
SIGNS = ("; ", "; ", " && ", " && ", " || ", "\n", " & ")
LINE = ("%; % && rm f", "( %; % ) && rm f", "( %\n% ) && > f", "if ( % && % ); then rm f; fi", "%; %; rm f",
        "{ % && %; } && rm f", "set -e; ( % && % )\nrm f", "f() { %; %; }; f && rm f", "% || % && rm f")  # fmt: skip
"""First a copy is made, then something else is done."""
FAILING = ("1 2 3 4 5 6 7 8 9", "1", "2", "1 3", "")
"""The turns at which a copy fails; it fails after the ninth one."""
STUB = """#!/bin/sh
printf x >> "$TURNS"; n=$(wc -c < "$TURNS"); [ "$n" -lt 10 ] || exit 1
case " $FAILING " in *" $n "*) exit 1;; esac
exec {} "$@"
"""


def statement(chance: random.Random, depth: int) -> str:
    if depth and chance.random() < 0.45:
        parts = chance.choice(AROUND).split("%")
        return parts[0] + "".join(listed(chance, depth - 1) + part for part in parts[1:])
    return chance.choice(chance.choice((COPIES, COPIES, LOSSES, OTHERS)))


def listed(chance: random.Random, depth: int) -> str:
    line = statement(chance, depth)
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        line += chance.choice(SIGNS) + statement(chance, depth)
    return line


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("rm", "mv", "bash", "sh", "nohup", "test", "wc"):
        (folder / name).symlink_to(shutil.which(name) or name)
    for name in ("cp", "cat"):
        (folder / name).write_text(STUB.format(shutil.which(name)))
        (folder / name).chmod(0o755)
    return folder


def kept(line: str, failing: str, programs: Path) -> bool:
    """Whether the data is anywhere after a bash has run the line."""
    turns, folder = programs.parent / "turns", programs.parent / "work"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "d").mkdir(parents=True)
    turns.write_text("")
    (folder / "f").write_text("DATA")
    (folder / "e").write_text("OTHER")
    environment = {"PATH": str(programs), "TURNS": str(turns), "FAILING": failing}
    bash = subprocess.Popen(
        ["bash", "--norc", "-c", line], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        bash.communicate(timeout=20)  # until all that it has started is over: that holds the pipe too
    finally:
        if bash.poll() is None:
            os.killpg(bash.pid, signal.SIGKILL)
    return any("DATA" in (folder / name).read_text() for name in ("f", "k", "o") if (folder / name).is_file())


@pytest.mark.parametrize("seed", range(2))
def test_a_line_that_is_judged_to_lose_nothing_keeps_the_data(seed: int, programs: Path) -> None:
    """Whichever of its copies fail."""
    chance = random.Random(seed)
    host = FakeHost()
    host.files.add("/proc/self/status", "Uid:\t0\t0\t0\t0\n")
    host.files.add("/srv/f", "DATA")
    host.files.add("/srv/e", "OTHER")
    host.files.folders.add("/srv/d")
    credited = 0
    for _ in range(LINES):
        line = chance.choice(LINE).replace("%", chance.choice(COPIES), 1).replace("%", listed(chance, 2))
        found = host.judge(line)
        if found.lost or found.unknown:
            continue
        credited += any(effect.kept_in for effect in found.effects)
        for failing in FAILING:
            assert kept(line, failing, programs), (line, failing)
    assert credited >= 10
