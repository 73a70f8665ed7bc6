"""The recorder of docs/preflight.md: what a row says, and when a run is whole."""

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given, strategies as st
from truth.preflight_rows import NOT_TOLD, NOTHING, OneRow, Recorder, body, keep, kept, told, versions

NEW, OLD = {"engine": "28.5.2"}, {"engine": "20.10.24", "compose": "2.26.1"}
ROWS = [
    OneRow("docker rm -fv a", NEW, "removes container a", "removes container a"),
    OneRow("docker rm -fv b", OLD, NOTHING, "removes container b"),
    OneRow("docker service scale c=1", NEW, NOT_TOLD, NOTHING),
]


def test_what_happens_in_one_text() -> None:
    """Verbs and names in one order, whatever the order they come in; nothing is said of a verb without names."""
    assert told(stops=["b", "a"], removes=["c", "c"], may_restart=()) == "removes c; stops a, b"
    assert told(stops=[]) == NOTHING


def test_the_verdict_of_a_row() -> None:
    """Not knowing is neither right nor wrong, whatever was seen."""
    assert [each.verdict for each in ROWS] == ["as foretold", "**differs**", "not told"]
    assert OneRow("x", NEW, f"stops a; the rest: {NOT_TOLD}", "stops a, b").verdict == "not told"


def test_the_page_counts_what_it_holds() -> None:
    """Lines, faults and open answers at its top; every version that was used, oldest first."""
    page = body(ROWS, "a box")
    assert "3 lines on a box: 1 as foretold, 1 otherwise, 1 that" in page
    assert versions(ROWS) == {"compose": "2.26.1", "engine": "20.10.24 and 28.5.2"}


def test_the_page_begins_with_the_losses_that_were_called_harmless() -> None:
    """Of the lines whose verdict was told, and that lost data; a line of which nothing was lost is none of them."""
    told_of = [
        OneRow("cd x; rm *", OLD, NOTHING, "loses path /srv/a", "safe"),
        OneRow("rm /srv/a", OLD, "loses path /srv/a", "loses path /srv/a", "destroys-data"),
        OneRow("ls", OLD, NOTHING, NOTHING, "safe"),
    ]
    assert "Of 2 lines as people type them that lost data, 1 were called" in body([*ROWS, *told_of], "a box")
    assert "as people type them" not in body(ROWS, "a box")
    made = [replace(row, made=True) for row in told_of]
    assert "Of 3 lines made by a grammar 2 lost data: 1 of these were called" in body([*ROWS, *made], "a box")
    assert "as people type them" not in body(made, "a box")


@given(st.text(), st.text(), st.text())
def test_no_text_breaks_the_table(line: str, predicted: str, seen: str) -> None:
    """Five cells, on one line, whatever is in them."""
    last = body([OneRow(line, NEW, predicted, seen)], "a box").removesuffix("\n").rsplit("\n", 1)[-1]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", last)) == 6


def test_a_module_is_whole_once_every_test_told_its_row() -> None:
    """Not while one is missing, and not when -k or a single name chose among them."""
    recorder = Recorder("0123", {"one": {"a", "b"}, "two": {"c"}})
    recorder.add("one", "a", ROWS[0])
    recorder.add("two", "c", ROWS[1])
    assert recorder.whole() == {"two": [ROWS[1]]}
    recorder.add("one", "b", ROWS[2])
    assert recorder.whole() == {"one": [ROWS[0], ROWS[2]], "two": [ROWS[1]]}
    recorder.left_out.add("two")
    assert list(recorder.whole()) == ["one"]


def test_rows_of_other_code_are_missing(tmp_path: Path) -> None:
    """A page never mixes what two states of the code foretold."""
    keep(tmp_path, "one", ROWS[:1], "0123")
    keep(tmp_path, "two", ROWS[1:], "4567")
    assert kept(tmp_path, "0123", ["one", "two", "three"]) == (ROWS[:1], ["two", "three"])
    keep(tmp_path, "two", ROWS[1:], "0123")
    assert kept(tmp_path, "0123", ["one", "two"]) == (ROWS, [])
