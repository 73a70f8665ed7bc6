"""A pytest plugin: what is tested is the package that is installed, and that is what src/ says.

`make test` installs the wheel; whoever installs src/ itself (`pip install --editable .`) tests that, except in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import runaway_watchdog

SOURCE = Path(__file__).resolve().parents[2] / "src" / "runaway_watchdog"
INSTALLED = Path(runaway_watchdog.__file__).resolve().parent


def difference(source: Path, installed: Path) -> str | None:
    """The first file of `source` that is not the same in `installed`, or that is there alone; None: there is none.

    The wheel also has data/, from other folders of the checkout.
    """
    ours, theirs = (
        {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if _counts(path)}
        for root in (source, installed)
    )
    missing = sorted(name for name in ours.keys() ^ theirs.keys() if not name.startswith("data/"))
    changed = (name for name in ours if ours[name].read_bytes() != theirs[name].read_bytes())
    return missing[0] if missing else next(changed, None)


def _counts(path: Path) -> bool:
    return path.is_file() and path.parent.name != "__pycache__"


def pytest_report_header() -> str:
    return f"runaway_watchdog: {INSTALLED}"


def pytest_sessionstart() -> None:
    if INSTALLED == SOURCE:
        if os.environ.get("CI") == "true":
            raise pytest.UsageError("src/ itself is installed: in CI the wheel is tested, run make test")
    elif name := difference(SOURCE, INSTALLED):
        raise pytest.UsageError(f"{name} is not what is installed: run make test ARGS=…, which installs it first")
