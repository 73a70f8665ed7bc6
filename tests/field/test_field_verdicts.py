"""Every line of the field, judged over the picture of its host: as golden, and no loss called harmless anew."""

import os
import re

import pytest

from field import board, cases, judging, verdicts

UPDATE = os.environ.get("RUNAWAY_UPDATE_GOLDEN") == "1"


@pytest.fixture(scope="module")
def judged() -> list[judging.Judged]:
    """NotRecordedError here: a line asks what the picture does not hold; `python -m field.record` takes it anew."""
    return judging.judge_all(verdicts.over_the_picture(), cases.cases())


def test_every_line_is_judged_as_it_was(judged: list[judging.Judged]) -> None:
    """Verdict, permission, what the shell's guard does, and what would be lost."""
    found = verdicts.golden(judged)
    if UPDATE:
        verdicts.VERDICTS.write_text(found)
    assert found.splitlines() == verdicts.VERDICTS.read_text().splitlines()


def test_no_other_loss_is_called_harmless(judged: list[judging.Judged]) -> None:
    """Those that are called so today are named; one that is told by now leaves the list, and none comes to it."""
    wrong, known = set(board.false_safe(judged, cases.cases())), verdicts.called_harmless()
    assert wrong <= known
    if UPDATE:
        verdicts.CALLED_HARMLESS.write_text("".join(f"{each}\n" for each in sorted(wrong)))
    assert wrong == verdicts.called_harmless()


def test_the_lines_are_well_formed() -> None:
    """One ID each, of a kind that is told of; and there are lines."""
    found = cases.cases()
    assert len({case.id for case in found}) == len(found) > 200
    assert {case.kind for case in found} <= {*cases.kinds(), cases.EVERYDAY}


def test_the_board_counts_every_line(judged: list[judging.Judged]) -> None:
    """Each line stands in one row by its kind, and once more among the IDs."""
    found = board.board(judged, cases.cases())
    counts = re.findall(r"^\| (?!all)[\w ]+ \| (\d+) \|", found, re.MULTILINE)
    assert sum(map(int, counts)) == len(judged)
    assert all(re.search(rf"\b{each.id}\b", found) for each in judged)
