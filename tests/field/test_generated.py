"""Lines that the grammar makes: the same for the same seed, of every kind, and judged without a fault."""

import re
from functools import cache

import pytest

from field import generated, verdicts
from field.cases import Case, kinds
from field.judging import Judged, judge
from runaway_watchdog.preflight.shell import parse
from runaway_watchdog.world.recorded import NotRecordedError


def test_a_seed_makes_the_same_lines_again() -> None:
    """And another one others; none of them twice."""
    once, again, other = (generated.lines(200, seed) for seed in (1, 1, 2))
    assert once == again
    assert len({(case.folder, case.line, case.files) for case in once}) == 200
    assert {case.line for case in once} != {case.line for case in other}


def test_every_slot_has_words() -> None:
    """Each that is named anywhere; and each list of words is used."""
    grammar = generated.grammar()
    texts = [text for words in grammar.words.values() for text in words]
    texts += [text for acts in grammar.acts.values() for _, commands in acts for text in commands]
    used = {found[1] for text in texts for found in re.finditer(r"«[~?]?([^«»]+)»", text)}
    assert used == set(grammar.words)
    assert set(grammar.acts) <= set(kinds())


CASES = generated.lines(150, 7)


@cache
def _judged(case: Case) -> Judged | None:
    """None: the host was never asked about what the line needs to know."""
    try:
        return judge(verdicts.over_the_picture()(), case)
    except NotRecordedError:
        return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_can_be_judged(case: Case) -> None:
    """Whatever stands around a command: read and judged, over the picture of the host as far as that reaches. Each
    answer agrees with itself: what is lost is what destroys, and nothing is safe of which anything is not known."""
    script = parse(case.line, environment={}, folder=case.folder, home="/root")
    assert script.commands or script.unknown
    assert not any("«" in text for text in (case.line, *(text for _, text in case.files)))
    found = _judged(case)
    if found is None:
        return  # see the next test
    assert (found.verdict == "destroys-data") == bool(found.lost)
    assert found.verdict != "unknown" or found.unknown
    if found.verdict in ("safe", "interrupts", "nothing"):
        assert not found.unknown
    if found.verdict == "safe":
        assert (found.permission, found.guard) == ("allow", "silent")
    if found.verdict == "destroys-data":
        assert found.permission != "allow"


def test_the_picture_answers_for_most_lines() -> None:
    """What one line asks beyond it is no reason to judge none."""
    assert sum(_judged(case) is not None for case in CASES) > 0.85 * len(CASES)
