"""The lines of the field, with the folder that each is typed in and what became of the host when it was run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
EVERYDAY = "everyday"


class Case(NamedTuple):
    """One line. `kind` is a key of preflight.json's `kinds`, or "everyday"; `loses_data` was seen, not guessed."""

    id: str
    kind: str
    folder: str
    line: str
    loses_data: bool
    files: tuple[tuple[str, str], ...] = ()  # path -> text: what is put there first


def cases() -> list[Case]:
    """All of them, in the files' order: first those that were chosen for what they lose."""
    field = json.loads((HERE / "preflight.json").read_text())["cases"]
    everyday = json.loads((HERE / "everyday.json").read_text())["everyday"]
    return [
        *(Case(each["id"], each["kind"], each["folder"], each["line"], each["loses_data"]) for each in field),
        *(Case(each["id"], EVERYDAY, each["folder"], each["line"], False) for each in everyday),
    ]


def kinds() -> dict[str, str]:
    """Kind -> what goes wrong there."""
    found: dict[str, str] = json.loads((HERE / "preflight.json").read_text())["kinds"]
    return found
