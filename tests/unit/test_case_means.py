"""Whom a rule speaks of, where only the engine can say so."""

from types import SimpleNamespace
from typing import Any

import pytest

from runaway_watchdog.case import means


def case(*facts: dict[str, Any]) -> Any:
    """As much of a case as is asked for."""
    return SimpleNamespace(owners=tuple(SimpleNamespace(facts=each) for each in facts))


OCR = {"container": "ocr-worker-1", "project": "ocr", "image": "ocr:latest"}
UNIT: dict[str, Any] = {"unit": "docker.service"}


@pytest.mark.parametrize(
    ("only", "told"),
    [
        ({}, True),
        ({"unit": "x", "exe": "y"}, True),  # the watch has seen to these
        ({"container": "ocr-*"}, True),
        ({"container": "ocr-*", "image": "*:latest", "project": "ocr"}, True),
        ({"container": "ocr-*", "project": "shop"}, False),
        ({"image": "postgres:*"}, False),
    ],
)
def test_one_owner_has_to_fit_all_that_its_engine_knows(only: dict[str, str], told: bool) -> None:
    """The whole name, with the shell's wildcards; layers around it do not count."""
    assert means(only, case(OCR, UNIT)) is told


def test_what_no_engine_keeps_is_not_meant_by_a_rule_about_containers() -> None:
    """A unit has no image."""
    assert not means({"image": "*:*"}, case(UNIT))
