"""A pytest plugin: which lines the quick layers reach; `--coverage-floor PERCENT` fails below it.

Only those layers are measured, in the one run that there is: the others start the program as processes of its own.
Each lane of that run (support.lanes) tells what it reached.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import coverage
import pytest

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

QUICK = ("unit", "owners", "hosts", "preflight")
TESTS = Path(__file__).resolve().parents[1]
REACHED = "lines that the quick layers reach"


class _Measure:
    def __init__(self, floor: float) -> None:
        self._floor = floor
        self._coverage = coverage.Coverage(data_file=None, source_pkgs=["runaway_watchdog"], branch=False)
        self._coverage.start()
        self._running = True
        self._share: float | None = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._run(item.path.relative_to(TESTS).parts[0] in QUICK)
        return (yield)

    def _run(self, wanted: bool) -> None:
        if wanted != self._running:
            (self._coverage.start if wanted else self._coverage.stop)()
            self._running = wanted

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """A lane has ended; one that broke tells nothing."""
        self._coverage.get_data().add_lines(getattr(node, "workeroutput", {}).get(REACHED, {}))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._run(False)
        told_above = getattr(session.config, "workeroutput", None)
        if told_above is not None:
            data = self._coverage.get_data()
            told_above[REACHED] = {file: data.lines(file) for file in data.measured_files()}
            return
        self._share = self._coverage.report(file=io.StringIO())
        if session.exitstatus == pytest.ExitCode.OK and self._share < self._floor:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._share is not None:
            verdict = "below" if self._share < self._floor else "at least"
            layers = ", ".join(QUICK)
            terminalreporter.write_line(
                f"{layers} reach {self._share:.1f} % of the lines: {verdict} {self._floor:.1f} %"
            )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--coverage-floor", type=float, required=True, metavar="PERCENT", help="of lines, by quick layers")


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any file imports the package: its own lines are reached then."""
    floor = early_config.known_args_namespace.coverage_floor
    early_config.pluginmanager.register(_Measure(floor), "coverage-floor-measure")
