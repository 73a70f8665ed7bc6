"""A line that is too long or nested too deep is never let through because reading it took too long."""

import json
import subprocess
import sys
import time

import pytest

from runaway_watchdog.guard import words

LINES = {
    "a hundred thousand words": "docker volume rm x " + "a " * 100_000,
    "substitutions": "rm -rf /srv " + "$(" * 20_000 + ")" * 20_000,
    "quoted substitutions": "rm -rf /srv " + '"$(' * 3000 + ')"' * 3000,
    "subshells": "( " * 10_000 + "rm -rf /srv" + " )" * 10_000,
    "braces": "rm -rf /srv/" + "{a," * 3000 + "}" * 3000,
    "parameters": "rm " + "${a:-" * 5000 + "}" * 5000,
    "conditions": "if true; then " * 3000 + "rm x" + "; fi" * 3000,
    "here-documents": "rm x " + "".join(f"<<E{number} " for number in range(3000)),
    "pipes": "rm x" + "|cat" * 20_000,
    "a name of a megabyte": "rm -rf /srv/" + "x" * (1 << 20),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_line_that_cannot_be_read_is_asked_about(line: str) -> None:
    """Held, within the guard's own time."""
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "runaway_watchdog", "guard", "--check"],
        input=json.dumps({"command": line}).encode(), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert any(f'"{said}"'.encode() in done.stdout for said in ("ask", "deny"))
    assert time.monotonic() - before < 30


def test_the_test_of_the_words_takes_one_pass() -> None:
    """A hundred thousand redirections, and a megabyte without a blank."""
    before = time.thread_time()
    assert words.feared("rm x " + "> /nowhere/a " * 100_000)
    words.suspicious("git" + "x" * (1 << 20))
    assert time.thread_time() - before < 10
