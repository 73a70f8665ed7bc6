"""What every generated page needs: cells that cannot break a table, and the name of what it was run on."""

from __future__ import annotations

import os


def cell(text: str) -> str:
    """One line that Markdown shows as it is, inside a table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")


def line(*cells: str) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(cell, cells))} |"


def kernel() -> str:
    """The kernel of the machine that this runs on, and so of every box on it."""
    names = os.uname()
    return f"{names.release.partition('-')[0]}, {names.machine}"
