"""Whose files are, on a host that is made by hand: root's, but for what a test says."""

from collections.abc import Mapping
from typing import cast

from runaway_watchdog.world import Ownership
from runaway_watchdog.world.ownership import ROOT_ONLY, Holders


class Owned:
    """By the longest folder that is named; `executables` by PID."""

    def __init__(self, folders: Mapping[str, Holders] | None = None, executables: Mapping[int, int] | None = None):
        self._folders, self._executables = folders or {}, executables or {}

    def of(self, path: str) -> Holders:
        above = [each for each in self._folders if path == each or path.startswith(f"{each}/")]
        return self._folders[max(above, key=len)] if above else ROOT_ONLY

    def real(self, path: str) -> str:
        return path

    def executable(self, pid: int) -> int:
        return self._executables.get(pid, 0)


def owned(folders: Mapping[str, Holders] | None = None, executables: Mapping[int, int] | None = None) -> Ownership:
    return cast(Ownership, Owned(folders, executables))
