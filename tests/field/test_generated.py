"""Lines that the grammar makes: the same for the same seed, of every kind, and judged without a fault."""

import re

import pytest

from field import generated, verdicts
from field.cases import Case, kinds
from field.judging import judge
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


@pytest.mark.parametrize("case", generated.lines(150, 7), ids=lambda case: case.id)
def test_a_line_can_be_judged(case: Case) -> None:
    """Whatever stands around a command: read and judged, over the picture of the host as far as that reaches."""
    assert parse(case.line, environment={}, folder=case.folder, home="/root").commands or "«" not in case.line
    try:
        assert judge(verdicts.over_the_picture()(), case).verdict
    except NotRecordedError:  # the host was never asked about that
        return
