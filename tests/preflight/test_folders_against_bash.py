"""Lines that move between folders, made by chance and run by a real bash: what is judged to be lost nowhere is kept."""

import random
import shutil
from pathlib import Path

import pytest
from preflight import real_bash
from preflight.host_world import FakeHost

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
LINES = 300  # of each seed
FILES = ("a/f", "a/list", "a/b/f", "a/b/list", "d/f", "d/list", "list")
EMPTY = ("e", "a/e")
MOVES = ("cd a", "cd d", "cd e", "cd b", "cd ..", "cd -", "cd nowhere", "cd a/b", "cd ../d", "pushd a >/dev/null",
         "pushd e >/dev/null", "popd >/dev/null", "x=d; cd $x", "cd $(echo e)", "for i in a e; do cd $i; done",
         "f() { cd d; }; f", "(cd d)", "cd d | true", "cd e &", "eval 'cd e'", "true > note && cd e")  # fmt: skip
CONDITIONS = ("true", "false", "test -e f", "test -d b", "[ -e list ]", "! true", "! test -e f")
AROUND = ("%", "%", "? && %", "? || %", "if ?; then %; fi", "if ?; then %; else %; fi", "( % )", "{ %; }", "% || exit",
          "? && { %; }", "? || { %; }", "while ?; do %; break; done", "case x in ?) %;; esac", "! %")  # fmt: skip
REMOVALS = (
    "rm -f f",
    "rm -f ./*",
    "ls | xargs rm -f",
    "find . -name f | xargs rm -f",
    "find . -type f -delete",
    "find . -type f -exec rm {} +",
    "find . -name f -execdir rm {} ';'",
    "rm -f $(ls)",
    "rm -rf -- *",
    "for each in *; do rm -f $each; done",
    "ls | while read each; do rm -f $each; done",
    "xargs rm -f < list",
    "while read each; do rm -f $each; done < list",
    "xargs -a list rm -f",
    "rm -f $(cat list)",
    'rm -f "$PWD/f"',
    "rm -f $(pwd)/f",
    "rm -f ${OLDPWD:-.}/f",
    "rm -f ../f",
    "rm -rf b",
    "> f",
    'mapfile -t all < <(ls); rm -f "${all[@]}"',
    "bash -c 'ls | xargs rm -f'",
    "cat list | xargs rm -f",
)
SIGNS = ("; ", "; ", " && ", " || ", "\n")


def move(chance: random.Random) -> str:
    around = chance.choice(AROUND)
    if around.startswith("case"):
        around = around.replace("?", chance.choice(("x", "y", "*")))
    while "%" in around or "?" in around:
        around = around.replace("%", chance.choice(MOVES), 1).replace("?", chance.choice(CONDITIONS), 1)
    return around


def made(chance: random.Random) -> str:
    line = move(chance)
    for _ in range(chance.choice((0, 1, 1, 2))):
        line += chance.choice(SIGNS) + move(chance)
    return f"{line}{chance.choice(SIGNS)}{chance.choice(REMOVALS)}"


def lost(line: str, folder: Path) -> bool:
    """Whether a file with data in it is gone or empty after a bash has run the line."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in (*FILES, *(f"{each}/x" for each in EMPTY)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("f\n")
    for each in EMPTY:
        (folder / each / "x").unlink()
    real_bash.run(line, folder)
    return not all((folder / name).is_file() and (folder / name).read_text() for name in FILES)


@pytest.mark.parametrize("seed", range(2))
def test_a_line_that_is_judged_to_lose_nothing_loses_nothing(seed: int, tmp_path: Path) -> None:
    """Wherever the shell is by then."""
    chance = random.Random(seed)
    host = FakeHost()
    host.files.add("/proc/self/status", "Uid:\t0\t0\t0\t0\n")
    top, there = "/srv/1/2/3/4/5/6/shop", tmp_path / "1/2/3/4/5/6/shop"  # as deep as a line may go up
    for name in FILES:
        host.files.add(f"{top}/{name}", "f\n")
    host.files.folders.update(f"{top}/{each}" for each in EMPTY)
    harmless = 0
    for _ in range(LINES):
        line = made(chance)
        found = host.judge(line, top)
        if found.lost or found.unknown:
            continue
        harmless += 1
        assert not lost(line, there), line
    assert harmless >= 10
