"""A line that only reads is answered by its words alone: what the preflight would say, whatever is on the host."""

import pytest
from hypothesis import given, strategies as st
from support.unseen_host import unseen_host

from runaway_watchdog.effects import harmless
from runaway_watchdog.effects.known_programs import WRITES, changes_nothing
from runaway_watchdog.effects.programs import FAMILIES
from runaway_watchdog.guard.reads import PROGRAMS, only_reads
from runaway_watchdog.preflight import sequence
from runaway_watchdog.preflight.verdict import verdict
from runaway_watchdog.preflight.wrappers import WRAPPERS

NOWHERE = sequence.Shell({}, "/srv", "/root")


WORDS = st.sampled_from(
    ("-la", "-rf", "--delete", "/srv/x", "*.py", "'a; rm -rf /'", '"down -v"', "2>&1", ">/dev/null", "2>/dev/null",
     "-exec", "a=b", "~", "@x", "+3", "rm", "-o", "--output=/srv/x", "..")
)  # fmt: skip
COMMANDS = st.builds(lambda name, words: " ".join((name, *words)), st.sampled_from(sorted(PROGRAMS)), st.lists(WORDS))


@given(st.lists(COMMANDS, min_size=1, max_size=4), st.sampled_from((" | ", " && ", " || ", "; ", ";")))
def test_the_preflight_calls_it_safe_on_a_host_that_nobody_sees(commands: list[str], between: str) -> None:
    line = between.join(commands)
    if only_reads(line):
        assert verdict(sequence.judge(line, unseen_host(), NOWHERE)) == "safe"


@pytest.mark.parametrize(
    "line",
    [
        "ls",
        "ls -la /srv | head -3",
        "grep 'a b' x.log | wc -l; df -h",
        "cat x 2>/dev/null && echo yes || echo no",
        "ps aux",
    ],
)
def test_what_is_typed_all_day_is_told_by_its_words(line: str) -> None:
    assert only_reads(line)


@pytest.mark.parametrize(
    "line",
    ["", "rm x", "ls; rm x", "ls && rm x", "ls | tee x", "ls > x", "ls >> x", "ls 2>/dev/nullx", "ls &>x", "./ls",
     "cat $(rm x)", "cat `rm x`", 'cat "$(rm x)"', "cat <(rm x)", "ls\nrm x", "ls & rm x", "ls &", "X=1 ls", "sudo ls",
     "cd /; ls", "if ls", "ls |", "ls ;; ls", "ls 'x", "ls \\; rm", "echo {a,b}", "date -s 10:00", "find . -delete",
     "sort -o x x", "tree -o x", "docker ps", "ls # x", "ls !$", "échо x", "ls $X"],
)  # fmt: skip
def test_everything_else_is_the_preflights_to_judge(line: str) -> None:
    assert not only_reads(line)


def test_its_programs_change_nothing_whatever_they_are_given() -> None:
    judged_otherwise = {*harmless._CAREFUL, *FAMILIES, *WRITES, *WRAPPERS}
    assert [name for name in sorted(PROGRAMS) if name in judged_otherwise or not changes_nothing(name)] == []


def test_a_long_line_is_told_at_once() -> None:
    assert not only_reads("ls " + "'a'" * 1300 + "'")
