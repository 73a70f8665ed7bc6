"""What the tests of a module told of one state of the code: rows, kept from session to session until all are there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import pytest
from truth import tables

R = TypeVar("R")


@dataclass
class Told(Generic[R]):
    """What one module's tests have told: `expected` are all of them, None while nobody collected the whole module."""

    hash: str
    expected: list[str] | None = None
    rows: dict[str, list[R]] = field(default_factory=dict)  # test -> its rows; a test that has none is there too

    @property
    def whole(self) -> bool:
        return self.expected is not None and set(self.expected) <= set(self.rows)

    def joined(self, later: Told[R]) -> Told[R]:
        """Both sessions together: the later one's word counts, and another code's word does not."""
        if self.hash != later.hash:
            return later
        expected = self.expected if later.expected is None else later.expected
        return Told(self.hash, expected, {**self.rows, **later.rows})

    def of_expected(self) -> list[R]:
        """The rows of the tests that there are; those of a test that was renamed stay out."""
        return [row for test in self.expected or () for row in self.rows.get(test, ())]


def keep(file: Path, told: Told[R]) -> None:
    """Write it for the next session. A row is a dataclass of what JSON knows."""
    file.write_text(json.dumps(asdict(told)))


def kept(file: Path, row: Callable[..., R]) -> Told[R] | None:
    """What earlier sessions told."""
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    rows = {test: [row(**each) for each in told] for test, told in found["rows"].items()}
    return Told(found["hash"], found["expected"], rows)


class Recorder(Generic[R]):
    """The rows of one session, of test modules by their names: rows that speak of `sources`, each read by `row`.

    The hashes are taken before the wheel is built: they are of the code that is run.
    """

    def __init__(self, modules: dict[str, Path], sources: Sequence[str], row: Callable[..., R]) -> None:
        self._modules, self._sources, self._row = modules, sources, row
        self.session: dict[str, Told[R]] = {module: Told(self._hash(module)) for module in modules}

    def _hash(self, module: str) -> str:
        test_file = str(self._modules[module].relative_to(tables.REPOSITORY))
        return tables.source_hash((*self._sources, test_file))

    def changed(self) -> list[str]:
        """Modules whose code, or whose own text, is no longer what was run."""
        return [module for module, told in self.session.items() if told.rows and told.hash != self._hash(module)]

    def tell(self, folder: Path) -> tuple[list[R], list[str]]:
        """Keep what this session told; returns all rows of this code, and the modules that still owe some."""
        rows: list[R] = []
        missing: list[str] = []
        for module, told in self.session.items():
            file = folder / f"{module}.json"
            before = kept(file, self._row)
            now = told if before is None else before.joined(told)
            if told.rows:
                keep(file, now)
            if now.whole:
                rows += now.of_expected()
            else:
                missing.append(module)
        return rows, missing

    def whole(self, config: pytest.Config, reporter: pytest.TerminalReporter, page: str) -> list[R]:
        """Keep what this session told; returns all rows, or none, saying why `page` stays as it is."""
        if not any(told.rows for told in self.session.values()):
            return []
        if self.changed():
            reporter.write_line(f"docs/{page}.md stays as it is: the code was changed while the tests ran")
            return []
        rows, missing = self.tell(config.cache.mkdir(f"{page}-rows"))
        if not missing:
            return rows
        wanting = ", ".join(missing)
        reporter.write_line(f"docs/{page}.md stays as it is: not every case of {wanting} was run with this code")
        return []

    def collected(self, items: Iterable[pytest.Item], arguments: Iterable[str]) -> list[pytest.Item]:
        """Note which tests there are, before -k and -m leave any out; returns those that owe rows.

        Whoever names one test in `arguments` has not seen how many its module holds.
        """
        picked = {Path(each.partition("::")[0]).stem for each in arguments if "::" in each}
        owing = [item for item in items if item.path.stem in self.session]
        for item in owing:
            told = self.session[item.path.stem]
            if item.path.stem not in picked:
                told.expected = [*(told.expected or ()), item.nodeid]
        return owing
