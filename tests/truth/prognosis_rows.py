"""docs/prognosis.md: one row for every future that `explain` foretold and that was then brought about.

A test compares by `foretold.check`, or appends to `foretold.ROWS` itself; this plugin gives each row to the test in
which it came. A module's rows are kept with a hash of the code that they speak of, test by test: the quick tests and
the long ones may run in two sessions. When every module that leans on `foretold` has the rows of all its tests, told by
one and the same code, all of them together become the page. A part never takes the place of the whole: a run that
leaves something out says what is missing.

Keepers that no rig can run stand in tests/hosts as recordings of hosts that were made by hand (support.foreign_hosts);
they are listed below the table.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from e2e.rig import foretold
from e2e.rig.foretold import Row
from truth import imports, pages, tables
from truth.told import Recorder

TESTS = tables.REPOSITORY / "tests"
FORETELLERS = ("explain/condition.py", "explain/prognosis.py", "owners", "world")
SOURCES = tuple(f"src/runaway_watchdog/{part}" for part in FORETELLERS)
PAGE = tables.REPOSITORY / "docs/prognosis.md"
MARKER = "prognosis"
NEAR_MISS = "-near-miss"
"""How the name of a host ends that only looks like one with such a keeper."""


class Recorded(NamedTuple):
    """A keeper that is told from a recorded host."""

    kind: str
    about: str
    folder: str


# --- the page --------------------------------------------------------------------------------------------------------


def body(rows: Sequence[Row], recorded: Sequence[Recorded], machine: str) -> str:
    """The page below its header. Pure."""
    lines = [
        "# What explain foretold, and what then happened",
        "",
        "In every case a process was really started under its keeper, explained, really ended in the way named, and",
        "watched. A delay is as foretold within a second or a fifth of itself. Written by `make truth`, never by hand.",
        "",
        f"{_counts(rows)}, on {machine}.",
        "",
        "| cgroups | cases | as foretold | otherwise |",
        "| --- | --- | --- | --- |",
        *_by_layout(rows),
        "",
        "| keeper | policy | what was done | cgroups | owner named | foretold | seen |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_shown, sorted(rows, key=lambda row: (row.keeper, row.policy, row.action, row.layout, row.test))),
    ]
    if recorded:
        lines += [
            "",
            "## Told from a recorded host, not run",
            "",
            "| owner named | host | what it is, and the source of its shape |",
            "| --- | --- | --- |",
            *(
                pages.line(each.kind, f"tests/hosts/{each.folder}", each.about)
                for each in sorted(recorded, key=lambda each: (each.kind, each.folder))
            ),
        ]
    return "\n".join(lines) + "\n"


def _counts(rows: Sequence[Row]) -> str:
    right = sum(row.right for row in rows)
    return f"{len(rows)} cases: {right} as foretold, {len(rows) - right} otherwise"


def _by_layout(rows: Sequence[Row]) -> Iterable[str]:
    total = Counter(row.layout for row in rows)
    right = Counter(row.layout for row in rows if row.right)
    for layout in sorted(total):
        numbers = (total[layout], right[layout], total[layout] - right[layout])
        yield pages.line(layout, *map(str, numbers))


def _shown(row: Row) -> str:
    seen = row.seen if row.right else f"**{row.seen}**"
    return pages.line(row.keeper, row.policy, row.action, row.layout, row.owner, row.predicted, seen)


def recorded_only(hosts: Path, names: Iterable[str]) -> list[Recorded]:
    """Of the recordings with these names, those that stand for a keeper."""
    found: list[Recorded] = []
    for name in names:
        if not name.endswith(NEAR_MISS):
            about = json.loads((hosts / name / "recording.json").read_text())["about"]
            owners = json.loads((hosts / name / "explain.json").read_text())["owners"]
            found.append(Recorded(owners[0]["kind"], about, name))
    return found


# --- collecting ------------------------------------------------------------------------------------------------------


RECORDER = pytest.StashKey[Recorder[Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}: tells rows of docs/prognosis.md (set by its plugin)")
    helper = Path(foretold.__file__)
    config.stash[RECORDER] = Recorder(imports.users(TESTS / "e2e", helper, TESTS), SOURCES, Row)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note which tests there are, before -k and -m leave any out."""
    for item in config.stash[RECORDER].collected(items, config.args):
        item.add_marker(MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """The rows that come while a test runs are its own. One that failed before it told any still owes them."""
    told = item.config.stash[RECORDER].session.get(item.path.stem)
    before = len(foretold.ROWS)
    passed = False
    try:
        result = yield
        passed = True
        return result
    finally:
        rows = foretold.ROWS[before:]
        if "machine" in getattr(item, "fixturenames", ()):
            rows = [replace(row, layout=f"{row.layout}, virtual machine") for row in rows]
        if told is not None and (passed or rows):
            told.rows[item.nodeid] = rows


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Keep what this session told, and write the page once it is whole."""
    rows = config.stash[RECORDER].whole(config, terminalreporter, "prognosis")
    if rows:
        write(rows)
        terminalreporter.write_line(f"docs/prognosis.md: written, {_counts(rows)}")


def write(rows: Sequence[Row], page: Path = PAGE) -> None:
    """Write the page with its header (see truth.tables)."""
    from support.foreign_hosts import FOREIGN

    machine = f"Debian 12 hosts (boxes: kernel {pages.kernel()}; machines: Debian's own)"
    head = tables.header(SOURCES, {"machine": machine}, datetime.now(UTC).date())
    page.parent.mkdir(exist_ok=True)
    page.write_text(tables.render(head, body(rows, recorded_only(TESTS / "hosts", FOREIGN), machine)))
