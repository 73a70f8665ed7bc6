"""The page that the benchmark writes: figures beside their targets, met or not."""

import json
from pathlib import Path

import pytest
from bench import soak
from bench.inside import week
from bench.watch_scale import FULL, MOST_PSS_MIB, SIZES, Row, page

VERSIONS = {"kernel": "6.1, x86_64", "Python": "3.11.2"}
ENDURED = [
    {"tick": 1000.0 * each, "pss_mib": 9.0, "descriptors": 8.0, "store_bytes": 4e6, "cpu_ms": 5.0}
    for each in range(1, 11)
]


WEEK = "7 made-up days"
SOAKED: list[soak.Figures] = [
    {"day": 0.7 * each, "pss_mib": 9.0, "descriptors": 8, "store_bytes": 4e6, "look_ms": 0.5, "incidents": each}
    for each in range(1, 11)
]


def _rows(idle_ms: float, pss_mib: float = 9.0) -> list[Row]:
    sized = [Row("idle", size + 13, 33.0, idle_ms, pss_mib, 99.0) for size in SIZES]
    runaway = Row("one runaway", FULL + 14, 33.0, 1.3, 9.0, 50.0)
    return [*sized, runaway, Row("one runaway, no groups", FULL + 14, 33.0, 15.0, 9.0, 50.0)]


def _told(text: str, what: str) -> str:
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {what}"))
    return line


def test_targets_that_are_met_are_told_with_their_figures() -> None:
    """Of the row with 5,000 processes, whatever else was measured."""
    text = page(_rows(0.5), [Row("top -b -d1", FULL, 33.0, 75.0, 8.9, 9.0)], ENDURED, {WEEK: SOAKED}, VERSIONS)
    assert _told(text, "an idle tick,").endswith("| at most 2 % of the floor | 1.5 % | yes |")
    assert _told(text, "memory over 10,000").endswith("| +0.00 MiB since look 2,000 | yes |")
    flat = "memory +0.00 MiB, +0 descriptors, database +0.00 MiB, CPU a look x 1.00 (last seven tenths)"
    assert _told(text, WEEK).endswith(f"| flat | {flat} | yes |")
    assert "| 7.0 | 9.00 | 8 | 3906 | 0.50 | 10 |" in text
    assert "| top -b -d1 | 5,000 | 33.0 | 75.00 | 227.3 % |" in text


def test_a_target_that_is_missed_is_told_as_missed() -> None:
    """The true figure, and no word that hides it."""
    grown = [*ENDURED[:-1], {**ENDURED[-1], "pss_mib": 12.0}]
    text = page(_rows(0.9, MOST_PSS_MIB + 1), [], grown, {WEEK: SOAKED}, VERSIONS)
    assert _told(text, "an idle tick,").endswith("| 2.7 % | **no** |")
    assert _told(text, "memory (PSS)").endswith("| 17.0 MiB | **no** |")
    assert _told(text, "memory over 10,000").endswith("| **no** |")
    assert _told(text, "a tick with one runaway,").endswith("| yes |")


@pytest.mark.parametrize(
    "more",
    [{"pss_mib": 10.5}, {"descriptors": 9}, {"store_bytes": 6e6}, {"look_ms": 0.8}],
    ids=lambda more: next(iter(more)),
)
def test_what_grows_after_it_has_settled_is_not_flat(more: soak.Figures) -> None:
    """Each of the four by itself; what grew before does not count."""
    settling = [{**SOAKED[0], **dict.fromkeys(more, 0.1)}, *SOAKED[1:]]
    assert soak.flat(settling)[1]
    assert not soak.flat([*SOAKED[:-1], {**SOAKED[-1], **more}])[1]


def test_a_made_up_quarter_of_an_hour_is_watched_as_days_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worker that burns and is killed again and again is one incident, and ten tenths are told."""
    week.main(1 / 96, tmp_path)
    told = json.loads(capsys.readouterr().out)
    assert [round(each["day"] * 960) for each in told] == list(range(1, 11))
    assert told[-1]["incidents"] == 1
    assert all(each["look_ms"] > 0 and each["store_bytes"] > 0 for each in told)
