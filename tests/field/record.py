"""Takes the picture of the field's host anew: `tests/field/host.json.gz`, over which the quick tests judge every line.

    cd tests && ../.venv/bin/python -m field.record

As root; boots a box. Needed when a judgement asks what the picture does not hold (NotRecordedError).
"""

from __future__ import annotations

import json
import shutil
import sys

from e2e.rig import product

from . import host, live, pictured
from .cases import cases
from .judging import Judged, judge_all
from .verdicts import PICTURE, over_the_picture


def main() -> int:
    """0; 1 where a line is judged otherwise over the picture than on the host itself."""
    wheel = product.build_wheel(live.REPOSITORY)
    with host.field_host(wheel) as box:
        on_the_host = live.judged(box)
        picture = json.loads(live.ask(box, "field.photograph"))
    shutil.rmtree(wheel.parent.parent)
    pictured.save(PICTURE, picture)
    over_it = judge_all(over_the_picture(), cases())
    otherwise = [(a, b) for a, b in zip(on_the_host, over_it, strict=True) if _told(a) != _told(b)]
    for there, here in otherwise:
        print(f"{there.id}: on the host {_told(there)}, over the picture {_told(here)}", file=sys.stderr)
    return 1 if otherwise else 0


def _told(judged: Judged) -> Judged:
    return judged._replace(seconds=0.0)


if __name__ == "__main__":
    sys.exit(main())
