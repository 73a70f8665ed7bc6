"""What may not have been moved or taken away: where it is not certain, what comes next finds it in its place.

A move is taken to succeed where it runs (a file that cannot be moved is seldom one that can be lost next).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.flow import MOVING, TESTS
from runaway_watchdog.preflight.questions import tree_of
from runaway_watchdog.world import World

_KINDS: Final = {"-e": ("file", "folder"), "-f": ("file",), "-d": ("folder",)}
"""What a test that succeeds says a name to be."""


MOST_WAYS = 32
"""How often a line is judged at most: each of its commands that may not run doubles that."""


class Place(NamedTuple):
    """Where in a line a command is that may not run."""

    nested: bool
    at: int
    text: str


class Doubt:
    """Of the commands of a line that may not run and change what its names lead to."""

    def __init__(self) -> None:
        self._found: list[Place] = []
        self._left: frozenset[Place] = frozenset()  # they are taken not to run

    def each_way(self, judge: Callable[[], Outcome]) -> Outcome:
        """With all that may not run, and what else is lost or unknown without one, some or all of it."""
        moved = judge()
        ways = [frozenset((each,)) for each in self._found]
        seen = {frozenset[Place](), *ways}
        for way in ways:
            if len(seen) > MOST_WAYS:
                return moved._replace(unknown=(*moved.unknown, "more of it may not run than can be judged each way"))
            self._found, self._left = [], way
            moved = _with(moved, judge())
            more = {way | {each} for each in self._found} - seen
            ways += sorted(more, key=sorted)
            seen |= more
        return moved

    def leave_out(
        self, commands: Sequence[Command], at: int, before: HostState, outcome: Outcome, world: World, *, nested: bool
    ) -> bool:
        """Whether that one of a script's commands is taken not to run. `nested`: more may come after the script."""
        if not _leads_elsewhere(before, outcome) or not _doubtful(commands, at, nested=nested):
            return False
        if at and _tested(commands[at - 1], commands[at], before, world):
            return False
        place = Place(nested, at, commands[at].text)
        if place not in self._left and place not in self._found:
            self._found.append(place)
        return place in self._left


def _with(moved: Outcome, unmoved: Outcome) -> Outcome:
    told = {(each.type, each.name, each.kept_in) for each in moved.effects if each.data_lost}
    more = tuple(
        each._replace(why=f"{each.why}, if what moves or deletes it before does not run")
        for each in unmoved.effects
        if each.data_lost and (each.type, each.name, each.kept_in) not in told
    )
    unknown = tuple(dict.fromkeys((*moved.unknown, *unmoved.unknown)))
    return moved._replace(effects=(*moved.effects, *more), unknown=unknown)


def _leads_elsewhere(before: HostState, outcome: Outcome) -> bool:
    """Whether a name is gone, or means another file than before; where data is lost with it, that is told already."""
    after = outcome.host
    if after.moved != before.moved:
        return True
    linked = any(what.entry.kind == "link" for path, what in after.made.items() if before.made.get(path) is not what)
    return (linked or after.deleted != before.deleted) and not any(each.data_lost for each in outcome.effects)


def _doubtful(commands: Sequence[Command], at: int, *, nested: bool) -> bool:
    command, later = commands[at], commands[at + 1 :]
    may_not_run = command.conditional or command.unordered
    if command.program != MOVING or not command.number:
        return may_not_run and (nested or bool(later))
    return (nested and may_not_run) or any(command.number not in each.succeeded for each in later)


def _tested(test: Command, command: Command, host: HostState, world: World) -> bool:
    """`[ -e A ] && mv A B`: what is there is moved."""
    words = [word for word in test.words[1:] if word.text != "]"]
    if test.program not in TESTS or test.conditional or test.number not in command.succeeded or len(words) != 2:
        return False
    operands = [word.text for word in command.words[1:] if not word.raw.startswith("-")]
    path, kinds = absolute(words[1], test), _KINDS.get(words[0].text or "", ())
    if path is None or {*operands[: -1 if command.program == MOVING else None]} != {words[1].text}:
        return False
    try:
        tree = tree_of(host, world)
        entry = tree.entry(tree.real(path))
    except OSError:
        return False
    return entry is not None and entry.kind in kinds
