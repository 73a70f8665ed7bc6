"""Judges every line of the field as `preflight` and `guard` would, without running any.

On the host itself, where `python -m field.judging` prints the answers as JSON, each line is asked of a world of its
own; over a picture the same host answers in milliseconds.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import chdir, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from runaway_watchdog.guard import hook
from runaway_watchdog.guard.decide import Ask, Decision, Hold, decide
from runaway_watchdog.guard.words import feared, suspicious
from runaway_watchdog.preflight import sequence
from runaway_watchdog.preflight.document import to_json
from runaway_watchdog.preflight.safer import safer
from runaway_watchdog.world import World, live

from .cases import Case, cases

HOME = "/root"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
}
"""Of the shell that every line is typed into."""


class Judged(NamedTuple):
    """What was said of one line. The fields are JSON's types alone."""

    id: str
    verdict: str
    permission: str  # of `guard --check`
    guard: str  # what the shell's guard does: silent, note (idle files go), cannot judge, ask, hold
    lost: list[str]  # "TYPE NAME" of each thing that would be lost
    unknown: list[str]
    seconds: float


def judge_all(world: Callable[[], World], of: Iterable[Case]) -> list[Judged]:
    """Each line in a world that is made for it: what one line asked is not known to the next."""
    return [judge(world(), case) for case in of]


def judge(world: World, case: Case) -> Judged:
    """One line, as it would be typed into root's shell in its folder."""
    started = time.monotonic()
    document = preflight(world, case)
    return _judged(case, document, time.monotonic() - started, partial(_holds_data, world, case.folder))


def preflight(world: World, case: Case) -> dict[str, Any]:
    """The document of `preflight --json`."""
    shell = sequence.Shell({**ENVIRONMENT, "PWD": case.folder}, case.folder, HOME)

    def judged(line: str) -> sequence.Preflight:
        return sequence.judge(line, world, shell)

    found = judged(case.line)
    return to_json(found, None, safer(found, world, None, judged))


def _judged(case: Case, document: dict[str, Any], seconds: float, empties: Callable[[str], bool]) -> Judged:
    decision = decide(document)
    words = suspicious(case.line, empties)
    return Judged(
        case.id,
        document["verdict"],
        hook.answer(decision, feared=feared(case.line, empties)).permission,
        _guard(decision, feared(case.line, empties)) if words else "silent",
        sorted({f"{each['type']} {each['name']}" for each in document["effects"] if each["data_lost"]}),
        document["unknown"],
        round(seconds, 3),
    )


def _holds_data(world: World, folder: str, target: str) -> bool:
    """As the shell would see it: a file that is not empty, or a disk."""
    try:
        kind, size, _, _ = world.files.status(str(Path(folder) / target))
    except OSError:
        return False
    return bool(kind == "block" or (kind == "file" and size > 0))


def _guard(decision: Decision, known_destroyer: bool) -> str:
    if isinstance(decision, Hold):
        return "hold"
    if isinstance(decision, Ask):
        return "ask"
    if decision.cannot_judge is not None and known_destroyer:
        return "cannot judge"
    return "note" if decision.idle else "silent"


@contextmanager
def put(files: Sequence[tuple[str, str]]) -> Iterator[None]:
    """What a line finds there, for as long as it is judged. Folders that are there already stay, and what was in them.

    Raises FileExistsError for a file that is there already: it is not the test's to write over.
    """
    folders = [folder for folder in {Path(path).parent for path, _ in files} if not folder.exists()]
    made = [Path(path) for path, _ in files]
    written: list[Path] = []
    try:
        for folder in folders:
            folder.mkdir(exist_ok=True)
        for path, (_, text) in zip(made, files, strict=True):
            with path.open("x") as file:
                written.append(path)
                file.write(text)
            path.chmod(0o755)
        yield
    finally:
        for path in written:
            path.unlink(missing_ok=True)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """On the host: in the folder of each line, as `preflight` is. A word is the ID of a case, or a case as JSON."""
    wanted = set(sys.argv[1:])
    given = [Case(*json.loads(word)) for word in sys.argv[1:] if word.startswith("[")]
    found: list[Judged] = []
    for case in given or [case for case in cases() if not wanted or case.id in wanted]:
        with chdir(case.folder if Path(case.folder).is_dir() else "/"), put(case.files):
            found.append(judge(live(), case))
    print(json.dumps([each._asdict() for each in found]))


if __name__ == "__main__":
    main()
