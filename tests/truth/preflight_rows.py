"""docs/preflight.md: one row for every command line that was foretold and then really run.

A test that is marked `truth` asks for the fixture `row` and tells it what was foretold and what was seen:

    def test_…(box: Box, row: Row) -> None:
        row("docker rm -f web", {"engine": "28.5.2"}, told(removes=["web"]), told(removes=["web"]))

Each module's rows are kept, with a hash of the code that they speak of. When the session ends, and every module that
uses `row` has rows of one and the same code, all of them together become the page. A run of a part (`-k`, one module
of several, a test that broke before it told its row) never takes the place of a whole one: it says what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
from truth import imports, pages, tables

SOURCES = ("src/runaway_watchdog/effects", "src/runaway_watchdog/preflight")
TESTS = tables.REPOSITORY / "tests"
PAGE = tables.REPOSITORY / "docs/preflight.md"
NOTHING = "nothing"
NOT_TOLD = "cannot tell"
"""As `predicted`, or at its end: the answer says that it does not know. It is neither right nor wrong."""
FOLDER = "preflight-rows"


@dataclass(frozen=True)
class OneRow:
    """A line, where it ran, and the two sides of the comparison."""

    line: str
    host: Mapping[str, str]  # what it ran on -> its version: {"engine": "28.5.2", "compose": "2.40.3"}
    predicted: str
    seen: str
    called: str = ""  # the preflight's verdict, where a test tells it: such a row speaks of lost data alone
    made: bool = False  # by a grammar

    @property
    def false_safe(self) -> bool:
        """Whether a loss was called harmless."""
        return self.called in ("safe", "interrupts") and self.seen != NOTHING

    @property
    def verdict(self) -> str:
        if self.predicted.endswith(NOT_TOLD):
            return "not told"
        return "as foretold" if self.predicted == self.seen else "**differs**"


class Row(Protocol):
    """The fixture `row`: call it once for each line, before the assertions, so that a fault is in the page too."""

    def __call__(
        self, line: str, host: Mapping[str, str], predicted: str, seen: str, *, called: str = "", made: bool = False
    ) -> None: ...


def told(**changes: Iterable[str]) -> str:
    """What happens as one short text: `told(removes=["volume a"], stops=["web"])` is "removes volume a; stops web"."""
    parts = {verb.replace("_", " "): sorted(set(names)) for verb, names in changes.items()}
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in sorted(parts.items()) if names) or NOTHING


# --- the page --------------------------------------------------------------------------------------------------------


def body(rows: Sequence[OneRow], machine: str) -> str:
    """The page below its header. Pure."""
    missed = sum(each.verdict == "**differs**" for each in rows)
    left_open = sum(each.verdict == "not told" for each in rows)
    hosts = ", ".join(f"{name} {version}" for name, version in versions(rows).items())
    lines = [
        "# What preflight foretold, and what then happened",
        "",
        "Every line below was judged by the preflight on a fresh host, then really run there; both sides are what",
        "became of the things that were there before. Written by `make truth`, never by hand.",
        "",
        *_false_safe(rows),
        f"{len(rows)} lines on {machine}: {len(rows) - missed - left_open} as foretold, {missed} otherwise, "
        f"{left_open} that the preflight said it could not tell. Versions: {hosts}.",
        "",
        "| line | on | foretold | seen | |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*lines, *map(_shown, rows)]) + "\n"


def _false_safe(rows: Iterable[OneRow]) -> list[str]:
    """The figures that count most: of the lines as people type them, and of those that a grammar made."""
    told_of = [row for row in rows if row.called]
    lines: list[str] = []
    typed = [row for row in told_of if not row.made and row.seen != NOTHING]
    made = [row for row in told_of if row.made]
    if typed:
        wrong = sum(row.false_safe for row in typed)
        lines += [
            f"Of {len(typed)} lines as people type them that lost data, {wrong} were called safe or interrupting."
        ]
    if made:
        losing = [row for row in made if row.seen != NOTHING]
        wrong = sum(row.false_safe for row in losing)
        lines += [
            f"Of {len(made)} lines made by a grammar {len(losing)} lost data: {wrong} of these were called safe or "
            "interrupting."
        ]
    return [*lines, ""] if lines else []


def _shown(row: OneRow) -> str:
    where = ", ".join(f"{name} {version}" for name, version in row.host.items())
    seen = "the same" if row.seen == row.predicted and row.seen != NOTHING else row.seen
    return f"| `{pages.cell(row.line)}` {pages.line(where, row.predicted, seen, row.verdict)}"


def versions(rows: Iterable[OneRow]) -> dict[str, str]:
    """What was used -> all of its versions, oldest first."""
    found: dict[str, set[str]] = {}
    for name, version in (item for each in rows for item in each.host.items()):
        found.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(found[name], key=_number)) for name in sorted(found)}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def machine_kind() -> str:
    """What the lines were run on, as far as a reader must know it to judge them."""
    return f"a Debian 12 host in a systemd-nspawn box (kernel {pages.kernel()})"


# --- collecting ------------------------------------------------------------------------------------------------------


@dataclass
class Recorder:
    """The rows of one session. `expected` and `told` are the tests, by module, that owe rows and that gave them."""

    hash: str
    expected: dict[str, set[str]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)  # modules of which not every test was chosen
    told: dict[str, dict[str, list[OneRow]]] = field(default_factory=dict)

    def add(self, module: str, test: str, row: OneRow) -> None:
        self.told.setdefault(module, {}).setdefault(test, []).append(row)

    def whole(self) -> dict[str, list[OneRow]]:
        """The rows of each module of which every test ran and told what it saw."""
        return {
            module: [row for test in self.told[module].values() for row in test]
            for module, tests in self.expected.items()
            if module not in self.left_out and tests <= set(self.told.get(module, ()))
        }


def keep(folder: Path, module: str, rows: Sequence[OneRow], code: str) -> None:
    """Keep a module's rows for the page; those of an earlier run give way."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"hash": code, "rows": [asdict(row) for row in rows]}
    (folder / f"{module}.json").write_text(json.dumps(kept))


def kept(folder: Path, code: str, modules: Iterable[str]) -> tuple[list[OneRow], list[str]]:
    """All rows that speak of this code, and the modules whose rows are missing or speak of other code."""
    rows: list[OneRow] = []
    missing: list[str] = []
    for module in modules:
        file = folder / f"{module}.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        if found.get("hash") != code:
            missing.append(module)
        else:
            rows += [OneRow(**each) for each in found["rows"]]
    return rows, missing


RECORDER = pytest.StashKey[Recorder]()


def pytest_configure(config: pytest.Config) -> None:
    """The hash is taken before the wheel is built: the rows speak of the code that was run."""
    config.stash[RECORDER] = Recorder(tables.source_hash(SOURCES))


def _owes_rows(item: pytest.Item) -> bool:
    return "row" in getattr(item, "fixturenames", ()) and item.get_closest_marker("truth") is not None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note who owes rows, before -k and -m leave any out."""
    recorder = config.stash[RECORDER]
    for item in filter(_owes_rows, items):
        recorder.expected.setdefault(item.path.stem, set()).add(item.nodeid)
    chosen = {Path(each.partition("::")[0]).stem for each in config.args if "::" in each}
    recorder.left_out |= chosen & set(recorder.expected)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in filter(_owes_rows, items):
        item.config.stash[RECORDER].left_out.add(item.path.stem)


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Row:
    """See `Row`."""
    recorder, item = request.config.stash[RECORDER], request.node

    def add(
        line: str, host: Mapping[str, str], predicted: str, seen: str, *, called: str = "", made: bool = False
    ) -> None:
        recorder.add(item.path.stem, item.nodeid, OneRow(line, dict(host), predicted, seen, called, made))

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Keep what this session told, and write the page once it is whole."""
    recorder = config.stash[RECORDER]
    if not recorder.told:
        return
    folder = config.cache.mkdir(FOLDER)
    if tables.source_hash(SOURCES) != recorder.hash:
        terminalreporter.write_line("docs/preflight.md stays as it is: the code was changed while the tests ran")
        return
    for module, rows in recorder.whole().items():
        keep(folder, module, rows, recorder.hash)
    rows, missing = kept(folder, recorder.hash, sorted(imports.users(TESTS / "e2e", Path(__file__), TESTS)))
    if missing:
        terminalreporter.write_line(
            f"docs/preflight.md stays as it is: not every line of {', '.join(missing)} was run with this code"
        )
        return
    write(rows)
    terminalreporter.write_line(f"docs/preflight.md: written, {len(rows)} lines")


def write(rows: Sequence[OneRow], page: Path = PAGE) -> None:
    """Write the page with its header (see truth.tables)."""
    machine = machine_kind()
    head = tables.header(SOURCES, {**versions(rows), "machine": machine}, datetime.now(UTC).date())
    page.parent.mkdir(exist_ok=True)
    page.write_text(tables.render(head, body(rows, machine)))
