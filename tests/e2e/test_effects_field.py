"""The field's lines, really run: what each lost, by content, held against what the preflight had said of it.

The lines lie in tests/field, with the host that they are typed on; every line finds it as it was built.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from field import verdicts
from field.cases import EVERYDAY, Case, cases
from field.compare import in_foretold_words
from field.table import foretold, try_the_chosen
from field.trial import Trial
from truth.preflight_rows import Row, told

pytestmark = pytest.mark.truth  # ninety lines, a fresh state for each

CASES = [case for case in cases() if case.kind != EVERYDAY]
HOST = {"host": "Debian 12", "engine": "20.10", "compose": "2.26.1"}


AT_TIMES = {"eng63"}
"""A reboot ends a container of `--rm` for good in any case; whether the engine still comes to its anonymous volumes
before it is stopped itself is a race (seen both ways with Engine 20.10)."""


@pytest.fixture(scope="module")
def trials(request: pytest.FixtureRequest, wheel: Path) -> dict[str, Trial]:
    return try_the_chosen(request, wheel, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_lost_was_told(trials: dict[str, Trial], row: Row, case: Case) -> None:
    """No loss is called harmless, but those that are known to be; and what a line loses here is what its case says."""
    trial = trials[case.id]
    seen = told(loses=in_foretold_words(trial.judged.lost, trial.lost))
    row(case.line, HOST, foretold(trial), seen, called=trial.judged.verdict)
    assert bool(trial.lost) == case.loses_data or case.id in AT_TIMES, trial
    assert not trial.false_safe or case.id in verdicts.called_harmless()
    if trial.judged.verdict == "destroys-data":
        known = case.id in verdicts.foretold_otherwise() or case.id in AT_TIMES
        assert trial.told.right or known, trial.told
