"""A script's text: which loop runs a program, when it goes round again, and how soon."""

import time

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.owners.common.shell_text import has_loop, read


@pytest.mark.parametrize(
    ("text", "mode", "pause"),
    [
        ("while true; do burn; done", "always", 0),
        ("while :\ndo\n  /srv/bin/burn --fast\n  sleep 5\ndone", "always", 5),
        ("while sleep 0.5; do burn; done", "always", 0.5),
        ("until false; do 'burn'; sleep 2m; done", "always", 120),
        ("for ((;;)); do burn; done", "always", 0),
        ("while [ 1 ]; do burn & wait; done", "always", 0),
        ("until burn; do sleep 1; done", "until-success", 1),
        ("while ! burn; do sleep 1; done", "until-success", 1),
        ("while burn; do :; done", "while-success", 0),
        ("for f in *.png; do burn $f; done", "items", 0),
        ("while [ -f /run/go ]; do burn; done", "condition", 0),
        ("while true; do for f in *; do burn $f; done; sleep 9; done", "always", None),
        ("while true; do burn; sleep $N; done", "always", None),
        ('while true; do out="$(burn x)"; done', "always", 0),
        ("cat <<EOF\nwhile true; do nothing; done\nEOF\nuntil burn; do :; done", "until-success", 0),
        ("# while true; do x; done\nwhile true # for ever\ndo burn # again\ndone", "always", 0),
    ],
)
def test_a_loop_is_read_as_it_is_written(text: str, mode: str, pause: float | None) -> None:
    """The mode says when it goes round again, the pause what it sleeps in between."""
    loop = read(text, ["burn"]).loop
    assert loop is not None
    assert (loop.mode, loop.pause_s) == (mode, pause)


@pytest.mark.parametrize(
    "text",
    [
        "burn; echo done",
        "exec burn",
        "burn\nwhile true; do other; done",
        "echo 'while true; do burn; done'",
        "cat <<'X'\nwhile true; do burn; done\nX\nburn",
        "# while true; do burn; done\nburn",
    ],
)
def test_no_loop_runs_it(text: str) -> None:
    """A loop in a comment, in a text or beside it is none."""
    reading = read(text, ["burn"])
    assert (reading.loop, reading.other) == (None, False)


@pytest.mark.parametrize(
    "text",
    ["work() { burn; }\nwhile true; do work; done", "while true; do $PROGRAM; done", 'while :; do "$@"; done'],
)
def test_what_is_not_written_down_is_not_guessed(text: str) -> None:
    """A function or a variable may run it: there is a loop, and that is all that can be said."""
    reading = read(text, ["burn"])
    assert (reading.loop, reading.other) == (None, True)


@pytest.mark.parametrize(
    ("text", "leaves", "on_failure"),
    [
        ("while true; do burn || break; done", True, True),
        ("while true; do burn; if [ -f stop ]; then exit 0; fi; done", True, False),
        ("set -eu\nwhile true; do burn; done", False, True),
        ("while true; do burn; done; exit 1", False, False),
    ],
)
def test_the_ways_out_of_a_loop_are_seen(text: str, leaves: bool, on_failure: bool) -> None:
    """`|| break` and -e end it when the program fails; another break may."""
    loop = read(text, ["burn"]).loop
    assert loop is not None
    assert (loop.leaves, loop.leaves_on_failure) == (leaves, on_failure)


@given(st.text(alphabet=st.sampled_from("while do done;\n(){}`'\"\\$<EOF#& |burn"), max_size=300))
def test_any_text_is_survived(text: str) -> None:
    """Whatever a script holds, reading it says something."""
    read(text, ["burn"])


@pytest.mark.parametrize("piece", ["while ", "<<EOF\n", "'", '"', "$(", "(", "`", "do ", "\\", "{ ", "for x in "])
def test_hostile_text_is_read_in_no_time(piece: str) -> None:
    """Much of one thing does not keep the explanation waiting."""
    begun = time.process_time()
    has_loop(piece * 20_000)
    read(piece * 20_000, ["burn"])
    assert time.process_time() - begun < 3
