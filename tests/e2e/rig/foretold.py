"""What `explain` foretells of one action, held against what really happens; every comparison becomes a row."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from .box import Box
from .workloads import Action, Observation, Workload, end_and_watch

DELAY_GRACE_S = 1.0
SEEN_WITHIN_S = 0.02  # the death is looked for every 4 ms, the start stands in ticks of 10 ms
DELAY_SHARE = 0.2
"""A delay is right within a second, or within a fifth of itself."""
ATTEMPTS = 5
WITH_GAPS = 4  # explain's exit code


@dataclass(frozen=True)
class Row:
    """One comparison, as docs/prognosis.md shows it."""

    test: str
    layout: str
    keeper: str
    policy: str
    action: str
    owner: str  # kind of the innermost owner, as explained
    predicted: str
    seen: str

    @property
    def right(self) -> bool:
        return not self.seen.startswith("otherwise")


ROWS: list[Row] = []
"""Of this test session; the page's writer reads them at its end."""


def explained(box: Box, *selection: int | str) -> dict[str, Any]:
    """`explain … --json` of a PID, or of what options such as "--container" choose.

    Gaps are a failure here: the box hides nothing from root. Only a host that was too slow to answer is asked again, as
    one that is emulated on a busy machine can be.
    """
    words = ["runaway-watchdog", "explain", *map(str, selection), "--json"]
    for _ in range(ATTEMPTS):
        done = box.run(words, check=False)
        if done.returncode != WITH_GAPS or not _only_slow(done.stdout):
            break
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _only_slow(document: str) -> bool:
    return all("did not answer within" in gap["problem"] for gap in json.loads(document)["gaps"])


def fate_of(document: dict[str, Any], action: str) -> dict[str, Any]:
    outlook: dict[str, Any] = next(each for each in document["prognosis"] if each["action"] == action)
    return outlook


def check(
    box: Box,
    workload: Workload,
    action: Action,
    *,
    kind: str,
    policy: str,
    by: str | None = None,
    watch_s: float = 2.5,
) -> tuple[dict[str, Any], Observation]:
    """Explain the workload, do `action`, watch, and assert that it went as foretold.

    `kind` is the innermost owner that must be named, `policy` the words for the table, `by` (a part of) who must be
    said to bring it back. Returns explain's document and what was seen.
    """
    document = explained(box, workload.pid)
    outlook = fate_of(document, action)
    seen = end_and_watch(box, workload, action, watch_s)
    right = _agree(outlook, seen) and document["owners"][0]["kind"] == kind
    told = words(outlook["ends"], outlook["returns"], outlook["after_s"])
    happened = words(seen.ended, seen.returned, seen.delay_s)
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    row = Row(
        test, box.layout, workload.keeper, policy, action, document["owners"][0]["kind"], told,
        happened if right else f"otherwise: {happened}",
    )  # fmt: skip
    ROWS.append(row)
    assert document["owners"][0]["kind"] == kind, document["owners"]
    assert right, (outlook, seen)
    if by is not None and outlook["returns"]:
        assert by in outlook["by"], outlook
    return document, seen


def _agree(outlook: dict[str, Any], seen: Observation) -> bool:
    if outlook["certainty"] == "unknown" or (outlook["ends"], outlook["returns"]) != (seen.ended, seen.returned):
        return False
    if not seen.returned or outlook["after_s"] is None:
        return True
    assert seen.delay_s is not None
    foretold = float(outlook["after_s"])
    return abs(seen.delay_s - foretold) <= max(DELAY_GRACE_S, DELAY_SHARE * foretold) + SEEN_WITHIN_S


def words(ends: bool, returns: bool | None, after_s: float | None) -> str:
    """What was told, or what happened."""
    if not ends:
        return "does not end"
    if returns is None:
        return "ends; whether it returns is not known"
    if not returns:
        return "ends, stays away"
    return "returns" if after_s is None else f"returns after {after_s:.1f} s"
