"""The page that the benchmark writes: figures beside their targets, met or not."""

from bench.watch_scale import FULL, MOST_PSS_MIB, SIZES, Row, page

VERSIONS = {"kernel": "6.1, x86_64", "Python": "3.11.2"}
ENDURED = [
    {"tick": 1000.0 * each, "pss_mib": 9.0, "descriptors": 8.0, "store_bytes": 4e6, "cpu_ms": 5.0}
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
    text = page(_rows(0.5), [Row("top -b -d1", FULL, 33.0, 75.0, 8.9, 9.0)], ENDURED, VERSIONS)
    assert _told(text, "an idle tick,").endswith("| at most 2 % of the floor | 1.5 % | yes |")
    assert _told(text, "memory over 10,000").endswith("| +0.00 MiB since look 2,000 | yes |")
    assert "| top -b -d1 | 5,000 | 33.0 | 75.00 | 227.3 % |" in text


def test_a_target_that_is_missed_is_told_as_missed() -> None:
    """The true figure, and no word that hides it."""
    text = page(_rows(0.9, MOST_PSS_MIB + 1), [], [*ENDURED[:-1], {**ENDURED[-1], "pss_mib": 12.0}], VERSIONS)
    assert _told(text, "an idle tick,").endswith("| 2.7 % | **no** |")
    assert _told(text, "memory (PSS)").endswith("| 17.0 MiB | **no** |")
    assert _told(text, "memory over 10,000").endswith("| **no** |")
    assert _told(text, "a tick with one runaway,").endswith("| yes |")
