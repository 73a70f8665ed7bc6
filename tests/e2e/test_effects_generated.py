"""Lines that a grammar makes of the field's kinds, really run: no loss is called harmless, whatever it is spelled like.

`RUNAWAY_GENERATED` says how many, `RUNAWAY_GENERATED_SEED` which.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from field import generated
from field.cases import Case
from field.compare import in_foretold_words
from field.table import foretold, try_the_chosen
from field.trial import Trial
from truth.preflight_rows import Row, told

pytestmark = pytest.mark.truth  # a hundred lines, each on the host as it was built

CASES = generated.lines(
    int(os.environ.get("RUNAWAY_GENERATED") or 100), int(os.environ.get("RUNAWAY_GENERATED_SEED") or 1)
)
HOST = {"host": "Debian 12", "engine": "20.10", "compose": "2.26.1"}


@pytest.fixture(scope="module")
def trials(request: pytest.FixtureRequest, wheel: Path) -> dict[str, Trial]:
    return try_the_chosen(request, wheel, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_no_loss_is_called_harmless(trials: dict[str, Trial], row: Row, case: Case) -> None:
    """What a line lost is at least not known before; what is known beside it is in the page."""
    trial = trials[case.id]
    seen = told(loses=in_foretold_words(trial.judged.lost, trial.lost))
    shown = " ".join([case.line, *(f"({path}: {text})" for path, text in case.files[-1:])])
    row(shown, HOST, foretold(trial), seen, called=trial.judged.verdict, made=True)
    assert not trial.false_safe, trial
    assert not trial.let_through, trial
