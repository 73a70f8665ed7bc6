"""What is said of the field's lines, over the picture of its host: nothing is run and no box is needed.

cd tests && ../.venv/bin/python -m field [ID … | KIND …]     one line for each, with what would be lost
cd tests && ../.venv/bin/python -m field --board             the table by kinds
"""

from __future__ import annotations

import sys

from .board import board, shown
from .cases import cases
from .judging import judge_all
from .verdicts import over_the_picture


def main(words: list[str]) -> None:
    if words == ["--board"]:
        chosen = cases()
        print(board(judge_all(over_the_picture(), chosen), chosen), end="")
        return
    chosen = [case for case in cases() if not words or case.id in words or case.kind in words]
    for case, said in zip(chosen, judge_all(over_the_picture(), chosen), strict=True):
        print(shown(case, said))


if __name__ == "__main__":
    main(sys.argv[1:])
