"""Trials as rows of docs/preflight.md: those of the tests that were chosen, and what was foretold of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from truth.preflight_rows import NOT_TOLD, told

from .cases import Case
from .trial import Trial, try_all

BOXES = int(os.environ.get("RUNAWAY_RIG_BOXES") or os.cpu_count() or 1)


def try_the_chosen(request: pytest.FixtureRequest, wheel: Path, cases: Sequence[Case]) -> dict[str, Trial]:
    """The lines of the asking file's tests that run, in as many boxes as there are processors; by the line's ID."""
    names = {item.name.partition("[")[2] for item in request.session.items if item.path == request.path}
    chosen = [case for case in cases if f"{case.id}]" in names]
    return {trial.case.id: trial for trial in try_all(wheel, chosen, boxes=BOXES)}


def foretold(trial: Trial) -> str:
    """What the preflight said that it loses; that the rest is not known, where it is not."""
    predicted = told(loses=trial.judged.lost)
    if not trial.judged.unknown:
        return predicted
    return f"{predicted}; the rest: {NOT_TOLD}" if trial.judged.lost else NOT_TOLD
