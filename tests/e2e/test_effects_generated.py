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
from field.trial import Trial, try_all
from truth.preflight_rows import NOT_TOLD, Row, told

pytestmark = pytest.mark.truth  # a hundred lines, each on the host as it was built

CASES = generated.lines(
    int(os.environ.get("RUNAWAY_GENERATED") or 100), int(os.environ.get("RUNAWAY_GENERATED_SEED") or 1)
)
HOST = {"host": "Debian 12", "engine": "20.10", "compose": "2.26.1"}
BOXES = int(os.environ.get("RUNAWAY_RIG_BOXES") or os.cpu_count() or 1)


@pytest.fixture(scope="module")
def trials(request: pytest.FixtureRequest, wheel: Path) -> dict[str, Trial]:
    """Of the lines that were chosen, in as many boxes as there are processors."""
    names = {item.name.partition("[")[2] for item in request.session.items if item.path == request.path}
    chosen = [case for case in CASES if f"{case.id}]" in names]
    return {trial.case.id: trial for trial in try_all(wheel, chosen, boxes=BOXES)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_no_loss_is_called_harmless(trials: dict[str, Trial], row: Row, case: Case) -> None:
    """What a line lost is at least not known before; what is known beside it is in the page."""
    trial = trials[case.id]
    predicted = told(loses=trial.judged.lost)
    if trial.judged.unknown:
        predicted = f"{predicted}; the rest: {NOT_TOLD}" if trial.judged.lost else NOT_TOLD
    seen = told(loses=in_foretold_words(trial.judged.lost, trial.lost))
    shown = " ".join([case.line, *(f"({path}: {text})" for path, text in case.files[-1:])])
    row(shown, HOST, predicted, seen, called=trial.judged.verdict, made=True)
    assert not trial.false_safe, trial
    assert not trial.let_through, trial
