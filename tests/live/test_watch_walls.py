"""What the resident watch may stand on, and what its decisions may not touch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runaway_watchdog import watch

FOLDER = Path(watch.__file__).parent
OURS = ("watch", "store", "linux", "hostile", "masking", "programs", "patterns", "starting",
        "logfmt")  # fmt: skip
MODEL = ("events", "identity", "sampling", "user_input")
PURE = (
    "concluding", "demand", "detect", "effects", "events", "harm", "incidents", "judging", "lineage", "observer",
    "resuming", "returns", "state",
)  # fmt: skip
IMPURE = {"fcntl", "glob", "io", "os", "pathlib", "psutil", "random", "select", "signal", "socket", "sqlite3", "sys",
          "threading", "time"}  # fmt: skip
READERS = ("clocks", "contention", "driver", "gate", "groups", "identity", "load", "particulars", "recorder", "sample")


def imported(file: Path) -> Iterator[str]:
    """The full name of each thing that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def is_allowed(name: str) -> bool:
    top, *rest = name.split(".")
    if top != "runaway_watchdog":
        return top in sys.stdlib_module_names or top == "psutil"
    return rest[0] in OURS or (rest[0] == "model" and rest[1] in MODEL)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_the_watch_stands_on_little(file: Path) -> None:
    """The standard library, psutil, the store, the kernel's texts, the model's small types, and what runs programs."""
    assert [name for name in imported(file) if not is_allowed(name)] == []


def test_what_the_watch_imports_stands_on_as_little() -> None:
    """Also what those import that it imports: nothing else of ours, and of others' nothing, is loaded."""
    code = (
        "import sys; before = set(sys.modules); import runaway_watchdog.watch.__main__; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    loaded = [name for name in done.stdout.split() if name not in ("runaway_watchdog", "runaway_watchdog.model")]
    assert "runaway_watchdog.watch.observer" in loaded
    assert [name for name in loaded if not is_allowed(name)] == []


@pytest.mark.parametrize("name", PURE)
def test_what_decides_reads_nothing(name: str) -> None:
    """No clock, no file and no kernel: time and what was read are arguments."""
    names = list(imported(FOLDER / f"{name}.py"))
    assert [each for each in names if each.split(".")[0] in IMPURE] == []
    functions = {f"runaway_watchdog.watch.{reader}" for reader in READERS}
    constants_and_types = ("clocks.CLOCK_TICKS", "clocks.GRAIN_S", "clocks.ProcessStat")
    reads = [each for each in names if each.rpartition(".")[0] in functions or each in functions]
    assert [each for each in reads if not each.endswith(constants_and_types)] == []
