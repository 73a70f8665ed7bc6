"""Tests in two lanes: who takes which file, and that an interrupted run takes down what its tests have set up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("xdist")

TESTS = Path(__file__).resolve().parents[1]
LONGER_THAN_XDIST_WAITS_S = 6
"""Five seconds after it was told to end, a lane gets another Ctrl-C from execnet, whatever it is doing."""
ONE_FILE = """
import os, pathlib, time, pytest

HERE = pathlib.Path(__file__).parent

def test_it():
    with (HERE / os.environ["PYTEST_XDIST_WORKER"]).open("a") as lane:
        lane.write(pathlib.Path(__file__).stem + " ")
    time.sleep(0.1)
"""
SET_UP = f"""
import os, pathlib, time, pytest

HERE = pathlib.Path(__file__).parent

@pytest.fixture(scope="module")
def box():
    lane = HERE / os.environ["PYTEST_XDIST_WORKER"]
    lane.touch()
    yield
    time.sleep({LONGER_THAN_XDIST_WAITS_S})
    lane.unlink()

def test_it(box):
    time.sleep(60)
"""


def lanes(folder: Path) -> subprocess.Popen[str]:
    words = ["-n2", "--dist=loadfile", "-p", "xdist", "-p", "support.lanes", "-p", "no:cacheprovider", "-o", "addopts="]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *words], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, process_group=0,
    )  # fmt: skip


def test_one_lane_takes_the_first_files_and_the_other_the_last(tmp_path: Path) -> None:
    for letter in "abcdef":
        (tmp_path / f"test_{letter}.py").write_text(ONE_FILE)
    output, _ = lanes(tmp_path).communicate(timeout=300)
    assert "6 passed" in output
    taken = [(tmp_path / lane).read_text().split() for lane in ("gw0", "gw1")]
    first, last = sorted(taken)
    assert sorted(first + last) == [f"test_{letter}" for letter in "abcdef"]
    assert first == sorted(first)
    assert last == sorted(last, reverse=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_takes_down_what_it_set_up(number: signal.Signals, tmp_path: Path) -> None:
    """As Ctrl-C on a terminal and as a cancelled job: every process of the run is told at once."""
    for letter in "ab":
        (tmp_path / f"test_{letter}.py").write_text(SET_UP)
    run = lanes(tmp_path)
    deadline = time.monotonic() + 300
    while len(list(tmp_path.glob("gw*"))) < 2:
        assert run.poll() is None and time.monotonic() < deadline, run.communicate()[0]
        time.sleep(0.05)
    os.killpg(run.pid, number)
    output, _ = run.communicate(timeout=300)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert not list(tmp_path.glob("gw*")), output
