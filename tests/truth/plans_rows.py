"""docs/plans.md: one row for every plan that was really carried out, watched over a restart and a boot, and undone.

A test tells each outcome by the fixture `tell`. The rows are kept as those of docs/prognosis.md are: the page is
written once all tests of its module were run with one state of the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from e2e.rig.plans import Outcome
from truth import imports, pages, tables
from truth.told import Recorder

TESTS = tables.REPOSITORY / "tests"
SOURCES = tuple(f"src/runaway_watchdog/{part}" for part in ("explain", "owners"))
PAGE = tables.REPOSITORY / "docs/plans.md"
SEEN = ("stays away", "after daemon restart", "after reboot", "others untouched", "data same", "undone")
NOT_COME_TO = "not come to"


@dataclass(frozen=True)
class PlanRow:
    """One plan, as the page shows it; `seen` are the cells of SEEN."""

    keeper: str
    steps: list[str]
    relieved: str
    seen: list[str]
    right: bool


def row_of(outcome: Outcome) -> PlanRow:
    relieved = "no" if outcome.relieved_s is None else f"{outcome.relieved_s:.1f}"
    seen = [outcome.seen.get(what, NOT_COME_TO) for what in SEEN]
    steps = [str(step["title"]) for step in outcome.steps]
    return PlanRow(outcome.case.keeper, steps, relieved, seen, outcome.right and NOT_COME_TO not in seen)


def body(rows: Sequence[PlanRow], machine: str) -> str:
    """The page below its header. Pure."""
    right = sum(row.right for row in rows)
    lines = [
        "# What plans did, really carried out",
        "",
        "In every case a program burned a whole core under its keeper. Its plan was carried out as `runaway-watchdog",
        "plan` prints it, each step proved by its own check; then the host was watched for longer than the keeper",
        "takes to start its work again, the keeper's daemon and the host were restarted, and every undo was carried",
        "out, last step first. Undone: the work runs again, and policy, limits, enabled state and files are as before.",
        "As told: it came back by a door that the plan itself named. Written by `make truth`, never by hand.",
        "",
        f"{len(rows)} plans on {machine}: {right} as they should be, {len(rows) - right} otherwise.",
        "",
        pages.line("keeper", "steps", "load gone after (s)", *SEEN),
        pages.line(*["---"] * (3 + len(SEEN))),
        *map(_shown, sorted(rows, key=lambda row: row.keeper)),
    ]
    return "\n".join(lines) + "\n"


def _shown(row: PlanRow) -> str:
    cells = [cell if not cell.startswith("no") else f"**{cell}**" for cell in (row.relieved, *row.seen)]
    return pages.line(row.keeper, "; ".join(row.steps), *cells)


# --- collecting ------------------------------------------------------------------------------------------------------


class Tell(Protocol):
    """The fixture `tell`: call it once for each plan, before the assertions, so that a fault is in the page too."""

    def __call__(self, outcome: Outcome) -> None: ...


RECORDER = pytest.StashKey[Recorder[PlanRow]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RECORDER] = Recorder(imports.users(TESTS / "e2e", Path(__file__), TESTS), SOURCES, PlanRow)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note who owes rows, before -k and -m leave any out."""
    owing = [item for item in items if "tell" in getattr(item, "fixturenames", ())]
    config.stash[RECORDER].collected(owing, config.args)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """See `Tell`."""
    told = request.config.stash[RECORDER].session[request.node.path.stem]
    rows = told.rows.setdefault(request.node.nodeid, [])

    def add(outcome: Outcome) -> None:
        rows.append(row_of(outcome))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Keep what this session told, and write the page once it is whole."""
    rows = config.stash[RECORDER].whole(config, terminalreporter, "plans")
    if rows:
        write(rows)
        terminalreporter.write_line(f"docs/plans.md: written, {len(rows)} plans")


def write(rows: Sequence[PlanRow], page: Path = PAGE) -> None:
    """Write the page with its header (see truth.tables)."""
    machine = f"Debian 12 and 13 hosts in systemd-nspawn boxes (kernel {pages.kernel()})"
    head = tables.header(SOURCES, {"machine": machine}, datetime.now(UTC).date())
    page.parent.mkdir(exist_ok=True)
    page.write_text(tables.render(head, body(rows, machine)))
