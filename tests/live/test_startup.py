"""What starts programs on this very host: bounded, and nothing of it opened that is no ordinary file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from runaway_watchdog.world import startup
from runaway_watchdog.world.ownership import ROOT_ONLY, Holders, LiveOwnership
from runaway_watchdog.world.startup import LiveStartFiles


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[str, Holders]:
    """Who can change a path; root alone where a test says nothing."""
    holders: dict[str, Holders] = {}
    monkeypatch.setattr(LiveOwnership, "of", lambda _self, path: holders.get(path, ROOT_ONLY))
    return holders


def test_this_host_is_read_within_its_bounds() -> None:
    """Each file once, in little time; what is asked again costs nothing."""
    files = LiveStartFiles()
    begun = time.monotonic()
    found = files.found()
    assert time.monotonic() - begun < 10 * startup.MOST_SECONDS
    assert len({each.path for each in found.files}) == len(found.files) <= startup.MOST_FILES
    assert files.found() is found


def test_a_script_is_read_where_nobody_else_writes_it(tmp_path: Path, held: dict[str, Holders]) -> None:
    """Others could have it say anything."""
    path = tmp_path / "keep.sh"
    path.write_text("#!/bin/sh\n")
    assert LiveStartFiles().script(str(path), "root") == "#!/bin/sh\n"
    held[str(path)] = Holders((), anyone=True)
    assert LiveStartFiles().script(str(path), "root") is None
    held[str(path)] = Holders((os.getuid() or 12345,))
    assert LiveStartFiles().script(str(path), "root") is None


@pytest.mark.usefixtures("held")
def test_a_pipe_a_program_and_a_giant_are_no_scripts(tmp_path: Path) -> None:
    """A pipe would never answer."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "program").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "giant").write_text("x" * (startup.MOST_BYTES + 1))
    files = LiveStartFiles()
    assert [files.script(str(tmp_path / name), "root") for name in ("pipe", "program", "giant", "none")] == [None] * 4
