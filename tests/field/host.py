"""The field's host: built once a machine, booted in seconds, any number of them side by side."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from e2e.rig import base, cache, extras, product
from e2e.rig.box import Box

INSIDE = Path(__file__).parent / "inside"
PARTS = ("files", "docker", "pg", "my", "redis", "units")
"""What reset.sh can bring back, one by one."""
SCRIPTS = "/opt/field"


def layers(wheel: Path) -> tuple[Path, ...]:
    """The lower folders of a box with the state and the product in it, topmost first; built where absent."""
    *tops, bottom = product.product_layers(wheel)
    packages = extras.layers(("field",))
    return (*tops, _state((*packages, bottom)), *packages, bottom)


def _state(lower: Sequence[Path]) -> Path:
    """The state's own layer over `lower`: made in a box by build.sh, kept as golden.sh left it."""
    scripts = (INSIDE / name for name in ("build.sh", "golden.sh"))
    key = cache.key(base.base_key(), *map(str, lower), *(each.read_text() for each in scripts))

    def build(folder: Path) -> None:
        with Box(lower) as box:
            give_scripts(box)
            for script in ("build.sh", "golden.sh"):
                box.run(["bash", f"{SCRIPTS}/{script}"], timeout=600)
            box.run("rm -rf /tmp/* /var/log/journal/*; sync", check=False)
            subprocess.run(["cp", "-a", str(box.folder / "upper"), str(folder / "fs")], check=True)

    return cache.ensure("field", key, build) / "fs"


def give_scripts(box: Box) -> None:
    """What runs inside, in the version of this checkout."""
    shutil.copytree(INSIDE, f"{box.root}{SCRIPTS}", dirs_exist_ok=True)


@contextmanager
def field_host(wheel: Path) -> Iterator[Box]:
    """A box with the state, everything in it up."""
    with Box(layers(wheel)) as box:
        give_scripts(box)
        reset(box)
        yield box


def reset(box: Box, parts: Sequence[str] = PARTS) -> None:
    """Bring these parts of the host back to the golden copy."""
    box.run(["bash", f"{SCRIPTS}/reset.sh", *(part for part in PARTS if part in parts)], check=False, timeout=300)
