"""Hosts that were seen once, explained again: the answer is the golden one beside the recording.

`RUNAWAY_UPDATE_GOLDEN=1` writes the golden answers anew; look at the difference before you commit it.
"""

import json
import os
from pathlib import Path

import pytest

from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.text import ROWS, text
from runaway_watchdog.world.recorded import replay

HOSTS = sorted(path.parent for path in Path(__file__).parent.glob("*/recording.json"))


def _golden(path: Path, found: str) -> None:
    if os.environ.get("RUNAWAY_UPDATE_GOLDEN") == "1":
        path.write_text(found)
    assert found == path.read_text()


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.name)
def test_a_recorded_host_is_explained_as_it_was(host: Path) -> None:
    """The whole pipeline, from the recorded answers of the host to the JSON and the text."""
    recording = json.loads((host / "recording.json").read_text())
    world = replay(recording)
    case = explain(world, NoRecords(), recording["pid"])
    _golden(host / "explain.json", json.dumps(to_json(case), indent=2, ensure_ascii=False) + "\n")
    shown = text(case, now=recording["now"])
    _golden(host / "explain.txt", shown + "\n")
    assert len(shown.splitlines()) <= ROWS, "it fits no screen"


def test_there_are_hosts() -> None:
    """An empty folder must not pass for a tested one."""
    assert len(HOSTS) >= 8
