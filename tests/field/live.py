"""Judges lines on the real host in a box, with the code of this checkout, and prints what `python -m field` prints.

    cd tests && ../.venv/bin/python -m field.live [ID …]

As root; boots a box of its own, half a minute in all.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from e2e.rig import product
from e2e.rig.box import Box

from . import host
from .board import shown
from .cases import cases
from .judging import ENVIRONMENT, Judged

REPOSITORY = Path(__file__).parents[2]
PYTHON = f"{product.PREFIX}/bin/python"
_CODE = {"src": REPOSITORY / "src", "tests/field": REPOSITORY / "tests/field"}


def give_code(box: Box) -> None:
    """This checkout's code in the box, in place of the wheel's."""
    for name, folder in _CODE.items():
        there = Path(f"{box.root}{host.SCRIPTS}/code/{name}")
        shutil.rmtree(there, ignore_errors=True)
        shutil.copytree(folder, there, ignore=shutil.ignore_patterns("__pycache__"))


def ask(box: Box, module: str, *words: str) -> str:
    """What a module of this folder prints in the box, in the shell's own environment."""
    code = f"{host.SCRIPTS}/code"
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{code}/src:{code}/tests"}
    return box.run([PYTHON, "-m", module, *words], timeout=900, env=environment).stdout


def judged(box: Box, ids: Sequence[str] = ()) -> list[Judged]:
    """What this checkout says there of these lines, or of all."""
    give_code(box)
    return [Judged(**each) for each in json.loads(ask(box, "field.judging", *ids))]


def main(ids: Sequence[str]) -> None:
    wheel = product.build_wheel(REPOSITORY)
    with host.field_host(wheel) as box:
        found = {each.id: each for each in judged(box, ids)}
    shutil.rmtree(wheel.parent.parent)
    for case in cases():
        if case.id in found:
            print(shown(case, found[case.id]))


if __name__ == "__main__":
    main(sys.argv[1:])
