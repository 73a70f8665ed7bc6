"""Which command of a line is certain to have run before which other: what a copy that the line keeps depends on."""

from runaway_watchdog.effects.known_programs import changes_nothing
from runaway_watchdog.model.command import Word
from runaway_watchdog.preflight.flow import MOVING, TESTS, ExitStates, Frame, Sink, behind, unchanged
from runaway_watchdog.preflight.state import ShellState

_NUMBERED = frozenset(
    ("mktemp", "cp", "install", "cat", "tar", "bsdtar", "crontab", "at", "pg_dump", "mysqldump", "mariadb-dump")
)


class Ordering:
    """The numbers of the commands that may keep a copy, and what stands against one of them."""

    def __init__(self) -> None:
        self._numbers = 0  # of commands that were found so far
        self._left: list[frozenset[int]] = []  # what had succeeded at each `return`, `break` and `continue`
        self._ends: list[frozenset[int]] = []  # the same at each `exit` and `exec`
        self.settled = True  # nothing runs beside what comes next, or after it, that may take a copy away

    def number(self, word: Word, frame: Frame) -> int:
        """Of the next command; 0: what it makes is not counted on."""
        self._numbers += 1
        name = (word.text or "").removeprefix("/usr").removeprefix("/bin/")
        counts = not frame.unordered and (name in {MOVING, *TESTS} or (self.settled and name in _NUMBERED))
        return self._numbers if counts else 0

    def beside(self, sink: Sink, since: int) -> None:
        """What was found since then runs beside what comes next, or after it: a copy may go at any time by it."""
        found = (command for command, _ in sink.commands[since:])
        self.settled &= all(changes_nothing(each.program) and not (each.truncates or each.appends) for each in found)

    @property
    def exits(self) -> int:
        """How often a function or a loop was left early so far."""
        return len(self._left)

    def leave(self, state: ShellState) -> None:
        self._left.append(state.succeeded)

    @property
    def ends(self) -> tuple[int, int]:
        """How often a shell was ended early so far, and how often a function or a loop was left: in a subshell that
        ends it too."""
        return len(self._ends), len(self._left)

    def end(self, state: ShellState) -> None:
        self._ends.append(state.succeeded)

    def behind_shell(self, state: ShellState, inside: ExitStates, since: tuple[int, int]) -> ExitStates:
        """Where a shell of its own was started in this state: what is certain to have succeeded if it did, however it
        ended, by any of those early ends too; and what has succeeded in any case (mv)."""
        early = (*self._ends[since[0] :], *self._left[since[1] :])
        success = frozenset() if inside.success.ended else inside.success.succeeded.intersection(*early)
        always = success.intersection(*(each.succeeded for each in inside if each is not None))
        if any(each is not None and each.doubtful for each in inside):
            always = frozenset()
        return unchanged(behind(state, always))._replace(success=behind(state, success))

    def after(self, state: ShellState, exits: int) -> ShellState:
        """The state behind a function or a loop that may have been left early: at any exit since there were so many."""
        early = self._left[exits:]
        return state._replace(succeeded=state.succeeded.intersection(*early), never=state.never and not early)
