"""A command that runs as another user (sudo, su, doas …), judged by one who may not look where it would act.

What is refused to be looked at is not absent: where a judgement met such a place, it proves nothing.
"""

from collections.abc import Callable, Sequence
from shlex import quote
from typing import Any, cast

from runaway_watchdog.effects import Outcome, table
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import LowRisk, Size, risk
from runaway_watchdog.world import Files, World, procfs

LONGEST = 200
"""Characters of a line that is given back to be typed."""


class WatchedFiles:
    """See `world.Files`. Keeps the places that may not be looked at; of /proc everybody is refused something."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.refused: list[str] = []

    def read(self, path: str) -> str:
        return cast(str, self._asked(self._files.read, path))

    def names(self, path: str) -> Sequence[str]:
        return cast(Sequence[str], self._asked(self._files.names, path))

    def target(self, path: str) -> str:
        return cast(str, self._asked(self._files.target, path))

    def status(self, path: str) -> Sequence[Any]:
        return cast(Sequence[Any], self._asked(self._files.status, path))

    def size(self, path: str, limit_s: float) -> Size:
        return cast(Size, self._asked(self._files.size, path, limit_s))

    def exists(self, path: str) -> bool:
        return self._files.exists(path)

    def variable(self, name: str) -> str | None:
        return self._files.variable(name)

    def user(self, uid: int) -> str:
        return self._files.user(uid)

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        return self._files.cpu_clock(pid)

    def _asked(self, question: Callable[..., object], path: str, *more: float) -> object:
        try:
            return question(path, *more)
        except PermissionError:
            if not path.startswith(f"{procfs.PROC}/"):
                self.refused.append(path)
            raise


def judged(command: Command, line: str, world: World, judge: Callable[[World], Outcome]) -> Outcome:
    """The outcome that `judge` finds, and that it could not be seen where it could not."""
    files = WatchedFiles(world.files)
    outcome = judge(world._replace(files=files))
    if not (files.refused or outcome.unknown) or procfs.own_uid(world.files) in (0, None):
        return outcome
    known = any(effect.data_lost for effect in outcome.effects) or table.destroys_nothing_else(command)
    if not outcome.unknown and known:
        return outcome
    gap = outcome.host.docker.gap
    if not files.refused and (gap is None or gap.absent):
        return outcome
    told = _told(command, line)
    low = bool(outcome.unknown) and risk(outcome.unknown) == "low"
    return outcome._replace(unknown=(LowRisk(told) if low else told, *outcome.unknown))


def _told(command: Command, line: str) -> str:
    again = quote(line) if 0 < len(line) <= LONGEST and "\n" not in line else "- < FILE"
    return (
        f"`{shown(command)}` runs as {command.user or 'another user'}, and what it would touch cannot be seen without "
        f"those rights; this shows it: sudo runaway-watchdog preflight {again}"
    )
