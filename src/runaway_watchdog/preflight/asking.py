"""The questions that are asked of the host while a line is read, each with what the line has run before it."""

from collections.abc import Sequence

from runaway_watchdog.model.command import Script, Word
from runaway_watchdog.preflight import feeders, output
from runaway_watchdog.preflight.budget import TURNS
from runaway_watchdog.preflight.flow import ExitStates, Frame
from runaway_watchdog.preflight.inputs import Inputs
from runaway_watchdog.preflight.lookup import Lookup
from runaway_watchdog.preflight.state import ShellState

Words = tuple[Word, ...]


class Asking:
    """What a part of the line prints, is given, and matches; None where it is only known when the line runs."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.inputs = Inputs()

    def gone(self, outcome: ExitStates, state: ShellState, frame: Frame) -> ExitStates:
        """`cd` fails where the folder is not there: then the shell stays where it is, and goes on."""
        moved = outcome.success
        if moved.folder is None or (moved.folder == state.folder and not moved.or_folders):
            return outcome
        there = {each: self.is_folder(each, frame) for each in (moved.folder, *sorted(moved.or_folders))}
        possible = [each for each, found in there.items() if found is not False]
        if not possible:
            return ExitStates(state._replace(never=True), state, state)
        moved = moved._replace(folder=possible[0], or_folders=frozenset(possible[1:]))
        return ExitStates(moved, outcome.failure, outcome.doubt if all(there.values()) else state)

    def is_folder(self, path: str, frame: Frame) -> bool | None:
        return self._lookup.is_folder(path, frame.sink.so_far())

    def home(self, user: str) -> str | None:
        return self._lookup.home(user)

    def lines(self, script: Script, frame: Frame) -> tuple[str, ...] | None:
        """What these commands print; None where that is only known when they run."""
        printed = output.known(script)
        if printed is not None:
            return tuple(printed.removesuffix("\n").split("\n")) if printed else ()
        return self._lookup.printed(script, frame.sink.so_far())

    def given(self, frame: Frame) -> tuple[str, ...] | None:
        """The lines on standard input; None where they are only known when the line runs."""
        frame = self.inputs.left(frame)
        if frame.reads is not None:
            return self.lines(frame.reads, frame)
        return None if frame.here is None else tuple(frame.here.removesuffix("\n").split("\n"))

    def names(self, word: Word, state: ShellState, frame: Frame) -> tuple[str, ...] | None:
        """The names that a pattern stands for, as the shell would put them into the line."""
        pattern = word.text or ""
        here = state.only_folder
        above = "" if pattern.startswith("/") else None if here is None else f"{here.rstrip('/')}/"
        found = None if above is None else self._lookup.names(above + pattern, frame.sink.so_far())
        if found is None or above is None:
            return None
        return tuple(name.removeprefix(above) for name in found) or (pattern,)

    def each(self, words: Words, state: ShellState, frame: Frame) -> Words:
        """Each pattern replaced by the names that it stands for, as long as these are no more than turns are read."""
        found: list[Word] = []
        for word in words:
            names = self.names(word, state, frame) if word.globbing else None
            if names is None or len(names) > TURNS:
                found.append(word)
            else:
                found += [Word(name, word.raw) for name in names]
        return tuple(found) if len(found) <= TURNS else words

    def found(self, action: feeders.Action, state: ShellState, frame: Frame) -> Sequence[tuple[Words, str | None]]:
        """What find runs, and where: once for each file, as long as these are no more than turns are read."""
        paths = None if action.before is None else self.lines(action.before, frame)
        if paths is None or len(paths) > TURNS:
            return [(action.spread(), None if action.in_folder else state.only_folder)]
        if not action.each:
            return [(action.of(*paths), state.only_folder)] if paths else []
        if action.in_folder:
            parts = [feeders.parted(path, state.only_folder) for path in paths]
            return [(action.of(f"./{name}"), folder) for folder, name in parts]
        return [(action.of(path), state.only_folder) for path in paths]
