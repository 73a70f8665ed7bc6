"""The rig's cache folder: one lock, trees and layers that appear whole or not at all, and pruning of old ones."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# How many of each kind stay, of all suites together: a base or a disk is about 1 GB, a layer of the product's own files
# well under 1 MB.
KEPT = {"base": 4, "extra": 16, "deps": 4, "wheel": 12, "kernel": 2, "disk": 2, "field": 2}


def folder() -> Path:
    """`$RUNAWAY_RIG_CACHE`, or the default; made when absent."""
    path = Path(os.environ.get("RUNAWAY_RIG_CACHE") or "/var/cache/runaway-watchdog-rig")
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    return path.resolve()


def key(*parts: str) -> str:
    """A short stable name for a recipe and its inputs."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextmanager
def locked(name: str = "lock") -> Iterator[None]:
    """Hold the cache's lock; a second builder waits here instead of building the same twice."""
    with (folder() / name).open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure(kind: str, recipe_key: str, build: Callable[[Path], None]) -> Path:
    """The tree `kind`-`recipe_key`, built by `build(empty folder)` when absent, then renamed into place."""
    final = folder() / f"{kind}-{recipe_key}"
    with locked():
        if not final.exists():
            _remove_leftovers()
            unfinished = folder() / f"unfinished-{kind}-{recipe_key}"
            unfinished.mkdir(mode=0o755)
            try:
                build(unfinished)
                unfinished.rename(final)
            finally:
                _remove(unfinished)
        # The time of last use, for prune().
        os.utime(final)
        _prune(kind, spare=final)
    return final


def _remove_leftovers() -> None:
    """What a builder that was killed left behind; safe because the lock is held."""
    for path in folder().glob("unfinished-*"):
        _remove(path)


def _remove(path: Path) -> None:
    if path.exists():
        for mounted in sorted(mounts_under(path), reverse=True):
            subprocess.run(["umount", mounted], check=True)
        shutil.rmtree(path)


def mounts_under(path: Path) -> list[str]:
    """Mount points at or below `path`, as this process sees them."""
    prefix = f"{path}/"
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [point for point in points if f"{point}/".startswith(prefix)]


def _prune(kind: str, spare: Path) -> None:
    """Delete all but the newest few of `kind`, never one that a box stands on."""
    in_use = {spare}
    for record in folder().glob("boxes/*/box.json"):
        try:
            in_use.update(map(Path, json.loads(record.read_text())["lower"]))
        except (OSError, ValueError, KeyError):
            continue
    newest_first = sorted(folder().glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[KEPT[kind] :]:
        if not any(used.is_relative_to(path) for used in in_use):
            _remove(path)


@contextmanager
def overlay(lower: Sequence[Path], upper: Path, work: Path, merged: Path) -> Iterator[Path]:
    """`lower` (topmost first) under a writable `upper`, mounted at `merged` for the time of the block."""
    mount_overlay(lower, upper, work, merged)
    try:
        yield merged
    finally:
        subprocess.run(["umount", str(merged)], check=True)


def mount_overlay(lower: Sequence[Path], upper: Path, work: Path, merged: Path) -> None:
    """Mount it; the three folders are made when absent."""
    for path in (upper, work, merged):
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True)


class TreeError(RuntimeError):
    """A script inside a tree that is not booted failed; the message ends with its last output."""


def run_in_tree(tree: Path, script: str, *, binds: Sequence[str] = (), timeout: float = 900) -> None:
    """Run `script` with `sh -ec` inside `tree`, with this machine's network; raises TreeError."""
    argv = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--pipe", "-D", str(tree)]
    argv += [f"--bind-ro={bind}" for bind in binds]
    done = subprocess.run(
        [*argv, "sh", "-ec", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "SYSTEMD_SECCOMP": "0"},
    )
    forget_machine(tree.name)
    if done.returncode != 0:
        raise TreeError(f"exit code {done.returncode} in {tree}:\n{done.stdout[-4000:]}")


def forget_machine(name: str) -> None:
    """Remove the empty folders that nspawn keeps for the machine `name`; it will not itself where /run is on a disk."""
    for kept in ("propagate", "unix-export"):
        with suppress(OSError):
            (Path("/run/systemd/nspawn") / kept / name).rmdir()
