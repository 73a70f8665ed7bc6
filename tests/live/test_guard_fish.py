"""The guard in a real fish under a pseudo-terminal, with a stand-in for the preflight."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.guarded_shell import ASKS, DESTROYER, Shell
from support.terminal import Terminal

from runaway_watchdog.guard import typed

pytestmark = pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")


@pytest.fixture
def fish(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell("fish", tmp_path)
    with Terminal(["fish", "--no-config", "-i"], env=shell.env, cwd=str(tmp_path)) as shell.terminal:
        shell.terminal.quiet(1.5)
        enter(shell, "function fish_prompt; echo -n 'P> '; end; function fish_right_prompt; end")
        enter(shell, "runaway-watchdog guard fish | source")
        yield shell


def enter(shell: Shell, line: str) -> str:
    shell.terminal.press(line + "\r")
    return shell.terminal.quiet(1.2)


def ran(said: str, output: str) -> bool:
    return re.search(rf"\n[\r]*{re.escape(output)}\r", said) is not None


def test_a_line_is_held_until_its_name_is_typed(fish: Shell) -> None:
    """Refused it stays in the editor; named it runs; an ordinary line starts nothing."""
    assert ran(enter(fish, "echo hello; git status >/dev/null 2>&1; docker-ps; ls | grep x"), "hello")
    assert fish.asked() == []
    told = fish.asks(DESTROYER)
    assert "volume shop_pgdata" in told
    said = fish.answers("yes\r")
    assert "Nothing was run" in said
    assert DESTROYER in said
    fish.terminal.press("\r")
    fish.terminal.wait_for(ASKS)
    assert ran(fish.answers("shop_pgdata\r"), "rm shop_pgdata")


def test_what_only_fish_reads_is_asked_about(fish: Shell) -> None:
    """Its own `set`, substitutions and functions mean something else to the shell that the preflight reads."""
    fish.asks("function mine; echo rm $argv; end")
    fish.answers("run\r")
    for line in ("set x shop; rm -f $x", "rm -f (echo nothing)", "mine nothing"):
        assert "could not check this command" in fish.asks(line)
        fish.answers("\x03")
        fish.terminal.press("\x15")
        fish.terminal.quiet(0.3)
    assert fish.asked() == []


def test_lines_that_go_on_and_switching_off(fish: Shell) -> None:
    """A block is looked at when it is whole; off means off."""
    enter(fish, "for v in shop_pgdata")
    fish.terminal.press("echo rm $v; end\r")
    fish.terminal.wait_for(ASKS)
    assert ran(fish.answers("run\r"), "rm shop_pgdata")
    enter(fish, "set RUNAWAY_WATCHDOG_GUARD off")
    assert ran(enter(fish, DESTROYER), "rm shop_pgdata")
    enter(fish, "set -e RUNAWAY_WATCHDOG_GUARD; runaway_watchdog_guard_off")
    assert ran(enter(fish, DESTROYER), "rm shop_pgdata")
    assert ran(enter(fish, "functions -n | string match '*runaway*' | count"), "0")


@pytest.mark.parametrize(
    "line", ["rm x", "docker compose down -v; ls", "git clean -fdx && ls", "rm $x > y", "kill 1 | cat"]
)
def test_what_reads_alike(line: str) -> None:
    """These mean the same to both."""
    assert typed.Typed(line).reads_alike_in_fish()


@pytest.mark.parametrize(
    "line",
    ["set x y; rm $x", "rm (ls)", "if true; rm x; end", "rm **", "rm 'a\\'b'", "false; or rm x", "begin; rm x; end",
     "rm $x[1]", "rm $status", "rm x\nrm y", "echo x >?y", "eval rm x"],
)  # fmt: skip
def test_what_reads_otherwise(line: str) -> None:
    """These do not."""
    assert not typed.Typed(line).reads_alike_in_fish()
