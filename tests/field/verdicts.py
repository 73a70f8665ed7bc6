"""The verdicts of the field's lines over the picture of its host, and the files that hold what they are today.

`verdicts.json` is golden: `RUNAWAY_UPDATE_GOLDEN=1` writes it anew; look at the difference before you commit it.
Two lists never grow: `called_harmless.txt` names the lines that lose data and are called safe or interrupting all the
same, `foretold_otherwise.txt` those of which it is said that they lose more, or less, than was seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from runaway_watchdog.world import World

from . import pictured
from .cases import HERE
from .judging import Judged

PICTURE = HERE / "host.json.gz"
VERDICTS = HERE / "verdicts.json"
CALLED_HARMLESS = HERE / "called_harmless.txt"
FORETOLD_OTHERWISE = HERE / "foretold_otherwise.txt"
ANONYMOUS = re.compile(r"[0-9a-f]{64}")
GOLDEN = ("verdict", "permission", "guard", "lost")


def over_the_picture() -> Callable[[], World]:
    """Makes a world of its own for each line."""
    picture = pictured.load(PICTURE)
    tree = pictured.tree_of(picture)
    return lambda: pictured.world_of(picture, tree)


def golden(judged: Sequence[Judged]) -> str:
    """One line of JSON for each line of the field: two changes then seldom meet."""
    rows = (f" {json.dumps(each.id)}: {json.dumps(_part(each), ensure_ascii=False)}" for each in judged)
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _part(judged: Judged) -> dict[str, object]:
    """An anonymous volume has another name on each machine that builds the host."""
    lost = [ANONYMOUS.sub("ANONYMOUS", each) for each in judged.lost]
    return {name: getattr(judged, name) for name in GOLDEN} | {"lost": lost}


def called_harmless() -> set[str]:
    return set(CALLED_HARMLESS.read_text().split())


def foretold_otherwise() -> set[str]:
    return set(FORETOLD_OTHERWISE.read_text().split())
