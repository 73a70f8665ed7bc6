"""Where a skip is none: the plugin that CI leans on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SKIPS = {
    "mark": "@pytest.mark.skipif(True, reason='no lamp')\ndef test_a(): pass\n",
    "call": "def test_a(): pytest.skip('no lamp')\n",
    "fixture": "@pytest.fixture\ndef lamp(): pytest.skip('no lamp')\n\ndef test_a(lamp): pass\n",
    "module": "pytest.importorskip('no_such_module', reason='no lamp')\n\ndef test_a(): pass\n",
}
PASSES = "@pytest.mark.xfail\ndef test_a(): assert False\n\ndef test_b(): pass\n"


def run(folder: Path, texts: Mapping[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    for name, text in texts.items():
        (folder / f"test_{name}.py").write_text(f"import pytest\n\n{text}")
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"PYTHONPATH": str(Path(__file__).parents[1]), **more}
    argv = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "support.skips", "-p", "no:cacheprovider", "."]
    options = ["--continue-on-collection-errors", "-c", os.devnull]
    return subprocess.run([*argv, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    """Of a test, in its body, in a fixture and of a whole module, each with its reason; what must fail is no skip."""
    done = run(tmp_path, {**SKIPS, "expected": PASSES}, CI="true")
    told = re.findall(r"a test that cannot run is a failure in CI: .*no lamp", done.stdout)
    assert len(told) == len(SKIPS), done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
    assert "1 passed, 1 xfailed" in done.stdout


def test_elsewhere_it_stays_a_skip(tmp_path: Path) -> None:
    """The tests that can run are run."""
    done = run(tmp_path, {**SKIPS, "expected": PASSES})
    assert (done.returncode, "4 skipped" in done.stdout) == (0, True), done.stdout
