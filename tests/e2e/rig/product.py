"""The product, installed from its wheel into layers over the base tree, before the boot (a box has no network)."""

from __future__ import annotations

import email
import hashlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from email.message import Message
from pathlib import Path

from . import base, cache
from .sources import SUITE, Suite

PREFIX = "/opt/runaway-watchdog"
COMMANDS = ("runaway-watchdog", "watchdog")

_NOT_PART_OF_A_BUILD = shutil.ignore_patterns(
    ".git", ".venv", "venv", "__pycache__", "*.egg-info", "build", "dist", ".*_cache"
)

# The wheel goes in and out again: what stays is what pip itself chose for it, markers and extras included.
_DEPENDENCIES = """
python3 -m venv {prefix}
{prefix}/bin/pip install --no-cache-dir '{wheel}{extras}'
{prefix}/bin/pip uninstall -q -y {name}
"""

# /usr/local/bin comes before /usr/bin on a user's PATH; Debian's own `watchdog` is not in the base.
_WHEEL = """
{prefix}/bin/pip install --no-cache-dir --no-deps '{wheel}'
for command in {commands}; do
    if test -e {prefix}/bin/$command; then ln -sf {prefix}/bin/$command /usr/local/bin/$command; fi
done
"""


def build_wheel(repo: Path) -> Path:
    """Build `repo`'s wheel into a new temporary folder, from a copy, so that the checkout stays clean."""
    scratch = Path(tempfile.mkdtemp(prefix="rig-wheel-"))
    shutil.copytree(repo, scratch / "source", ignore=_NOT_PART_OF_A_BUILD)
    argv = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(scratch / "wheel"),
        str(scratch / "source"),
    ]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    shutil.rmtree(scratch / "source")
    if done.returncode != 0:
        shutil.rmtree(scratch)
        raise RuntimeError(f"pip wheel of {repo} failed:\n{done.stdout[-4000:]}")
    (wheel,) = (scratch / "wheel").glob("*.whl")
    return wheel


def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def content_hash(wheel: Path) -> str:
    """A hash over the files in the wheel: two builds of the same source are the same, whatever their timestamps."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            digest.update(name.encode() + b"\0" + hashlib.sha256(archive.read(name)).digest())
    return digest.hexdigest()


def product_layers(wheel: Path, extras: Sequence[str] = (), suite: Suite = SUITE) -> tuple[Path, ...]:
    """The lower folders of a box that has `wheel` (with `extras`) installed, topmost first; built where absent, each
    by its suite's own Python."""
    bottom = base.ensure_base(suite)
    facts = metadata(wheel)
    wanted = f"[{','.join(extras)}]" if extras else ""
    needed = sorted(facts.get_all("Requires-Dist") or [])
    deps_key = cache.key(base.base_key(suite), _DEPENDENCIES, facts["Name"], wanted, *needed)
    script = _DEPENDENCIES.format(prefix=PREFIX, wheel=f"/var/tmp/rig/{wheel.name}", extras=wanted, name=facts["Name"])
    deps = cache.ensure("deps", deps_key, _layer(wheel, script, (bottom,))) / "fs"
    wheel_key = cache.key(deps_key, _WHEEL, content_hash(wheel))
    names = " ".join(map(shlex.quote, COMMANDS))
    script = _WHEEL.format(prefix=PREFIX, wheel=f"/var/tmp/rig/{wheel.name}", commands=names)
    top = cache.ensure("wheel", wheel_key, _layer(wheel, script, (deps, bottom))) / "fs"
    return (top, deps, bottom)


def _layer(wheel: Path, script: str, lower: Sequence[Path]) -> Callable[[Path], None]:
    """A builder for cache.ensure: `script` run over `lower`, what it changed kept in the folder's `fs`."""

    def build(folder: Path) -> None:
        scratch = folder / "scratch"
        scratch.mkdir()
        shutil.copy2(wheel, scratch / wheel.name)
        binds = [*base.pip_binds(scratch), f"{scratch}:/var/tmp/rig"]
        with cache.overlay(lower, folder / "fs", folder / "work", folder / "merged") as tree:
            cache.run_in_tree(tree, script, binds=binds)
        for leftover in ("scratch", "work", "merged"):
            shutil.rmtree(folder / leftover)

    return build
