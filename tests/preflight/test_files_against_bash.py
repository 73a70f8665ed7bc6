"""Lines that make, move, link and copy by chance, run by a real bash: what is judged to be lost nowhere is kept."""

import random
import shutil
from pathlib import Path

import pytest
from preflight import real_bash
from preflight.host_world import FakeHost

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
LINES = 150  # of each seed
DATA = {"f": "top", "g": "gg", "a/f": "af", "a/b/f": "abf", "a/g": "ag", "d/f": "df"}
LISTS = {"list": "f\n", "a/list": "f\n", "d/list": "f\n"}
MAKES = (
    "mv f h", "mv a/f f2", "mv a/f a/h", "mv a x", "mv d a", "mv d e", "mv -n f g", "mv f e/", "mv -t e f", "mkdir n",
    "mkdir -p a/n", "ln -s d s", "ln -s a/f s", "ln -sfn d e/s", "ln f hard", "touch n", "echo f > list",
    "echo a/f >> list", "ls > list", "ls a > list", "find . -name f > list", "printf '%s\\n' a/f d/f > list",
    "cp list list2", "cp -r a a2", "cp -r a e", "cp -a d/. e", "rm list", "rmdir e", "rmdir a/e", "echo d > name",
    "x=$(cat name); true", "x=$(ls a)", "cd a", "cd d", "cd ..", "cd e", "cd s", "tar cf t.tar a",
    "tar cf t.tar a d f", "cat f > k", "cp f k", "cp a/f k", "gzip -k f", "tee k < f >/dev/null", "install -D f e/f",
    "rsync -a a/ e/", "mv k f", "mv list k", "unlink hard", "ln -s list l2", "cp --backup f g", "mv -b f g",
    "cp -n f e/f", "true", "false", "dd if=f of=k status=none", "cat a/f d/f > k", "sed -i s/x/y/ list", "split f",
    "exec 3< list",
)  # fmt: skip
REMOVALS = (
    "rm -f f", "rm -rf a", "rm -rf d", "rm -f k", "rm -rf e", "rm -rf x", "rm -f h", "rm -rf s/", "rm -rf s/*",
    "rm s", "rm -f *", "xargs rm -f < list", "xargs rm -rf < list", "rm -f $(cat list)", "rm -rf $(cat name)",
    "rm -rf $x", "rm -f $x", "find . -delete", "find . -type l -delete", "find -L . -type f -delete",
    "find . -newer list -delete", "find . -name '*.tar' -delete", "find s/ -delete", "rm -f list2",
    "while read each; do rm -f $each; done < list", "for each in $(cat list); do rm -f $each; done",
    "ls | xargs rm -f", "rm -f hard", "rm -rf a2", "rm -f f2", "> f", "> k", "> s", "cp g f", "cp list f", "mv g f",
    "mv -f f g", "mv a/f d/f", "mv k f", "cat list > f", "tee f < list >/dev/null", "truncate -s0 f", "ln -sf d f",
    "ln -f g f", "sort -o f list", "rsync -a --delete e/ a/", "rsync -a --delete a/ e/", "cp -r d/. a", "cp -r e/. a",
    "mv -t d f", "mv f d", "mv a/f d/", "tar xf t.tar", "tar xf t.tar -C d --strip-components 1",
    "dd if=list of=f status=none", "install list f", "shred -u f", "find e -type f -exec rm {} +",
    "find . -name k -exec rm {} ';'", "rmdir d", "rm -d d", "unlink f", "sed -i d f", "split -b 1 f f", "mv list f",
    "cp --remove-destination list f", "cat list | tee f d/f >/dev/null", "exec > f", "test -e list2 && rm -rf a",
    "test -L s && rm s", "[ -d e/f ] || rm -f f",
)  # fmt: skip
AROUND = (
    "%", "%", "%", "%", "? && %", "? || %", "if ?; then %; fi", "( % )", "{ %; }", "% || exit",
    "for i in 1 2; do %; done", "% &", "% & wait", "! %", "f() { %; }; f", "cd a && %", "(cd e && %)", "x=$(%)",
    "eval '%'", "% | cat", "true | %",
)  # fmt: skip
CONDITIONS = (
    "true", "false", "test -e f", "test -e x", "[ -s k ]", "[ -d n ]", "[ -L s ]", "test -f list2",
)  # fmt: skip
SIGNS = ("; ", "; ", " && ", " && ", " || ", "\n")
TOP = "1/2/3/shop"  # as deep as a line may go up


def statement(chance: random.Random, what: tuple[str, ...]) -> str:
    around = chance.choice(AROUND).replace("?", chance.choice(CONDITIONS))
    inner = chance.choice(what)
    return inner if "'" in around and "'" in inner else around.replace("%", inner)


def made(chance: random.Random) -> str:
    line = statement(chance, MAKES)
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        line += chance.choice(SIGNS) + statement(chance, chance.choice((MAKES, MAKES, REMOVALS)))
    return line + chance.choice(SIGNS) + statement(chance, REMOVALS)


def lost(line: str, folder: Path) -> list[str]:
    """Whose text is nowhere any more after a bash has run the line."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    for name, text in {**DATA, **LISTS}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "e").mkdir()
    real_bash.run(line, folder)
    left = [path.read_bytes() for path in folder.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    return [name for name, text in DATA.items() if text.encode() not in b"\0".join(left)]


@pytest.mark.parametrize("seed", range(2))
def test_a_line_that_is_judged_to_lose_nothing_loses_nothing(seed: int, tmp_path: Path) -> None:
    """Whichever of it runs, and however often."""
    chance = random.Random(seed)
    host = FakeHost()
    host.files.add("/proc/self/status", "Uid:\t0\t0\t0\t0\n")
    for name, text in {**DATA, **LISTS}.items():
        host.files.add(f"/srv/{TOP}/{name}", text)
    host.files.folders.add(f"/srv/{TOP}/e")
    harmless = 0
    for _ in range(LINES):
        line = made(chance)
        found = host.judge(line, f"/srv/{TOP}")
        if found.lost or found.unknown:
            continue
        harmless += 1
        assert not lost(line, tmp_path / TOP), line
    assert harmless >= 10
