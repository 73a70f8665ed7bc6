"""find's expression: what it asks of a file, what it does, in the order in which it does it (find(1)).

A test answers True, False, or None where it is not evaluated: then what follows it may happen.
"""

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from runaway_watchdog.model.command import Word
from runaway_watchdog.patterns import given
from runaway_watchdog.world.paths import Entry

DAY_S, MINUTE_S = 86400, 60
TYPES = {"f": "file", "d": "folder", "l": "link", "b": "device", "c": "device", "p": "other", "s": "other"}
UNITS = {"c": 1, "w": 2, "b": 512, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "": 512}


class Seen(NamedTuple):
    """A file as find comes by it."""

    path: str  # as find writes it
    entry: Entry
    is_empty: bool | None  # None: not looked
    now: float
    user: Callable[[int], str]


Test = Callable[[Seen], bool | None]


class Done(NamedTuple):
    """What became of one file: each action by its name, and whether it surely happened."""

    actions: tuple[tuple[str, bool], ...] = ()
    pruned: bool = False


class Step(NamedTuple):
    """A test, an action, or a list of alternatives that are each a list of steps."""

    negated: bool = False
    test: Test | None = None
    action: str | None = None
    group: "tuple[tuple[Step, ...], ...] | None" = None


class Expression(NamedTuple):
    alternatives: tuple[tuple[Step, ...], ...]
    actions: frozenset[str]
    least: int = 0
    most: int = 1 << 30
    depth_first: bool = False
    complete: bool = True  # every test is evaluated


PLAIN = frozenset(("-print", "-print0", "-ls", "-prune", "-delete", "-quit", "-true", "-false", "-printf"))
EXECUTES = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
WRITES = frozenset(("-fprint", "-fprint0", "-fprintf", "-fls"))
GLOBAL = frozenset(
    ("-noleaf", "-nowarn", "-warn", "-mount", "-xdev", "-depth", "-d", "-a", "-and", "-daystart", "-follow",
     "-ignore_readdir_race", "-noignore_readdir_race")
)  # fmt: skip
NOT_EVALUATED = frozenset(
    ("-group", "-gid", "-perm", "-newer", "-newermt", "-newerct", "-newerat", "-anewer", "-cnewer", "-atime", "-ctime",
     "-cmin", "-amin", "-inum", "-links", "-samefile", "-lname", "-ilname", "-fstype", "-regextype", "-used", "-xtype",
     "-context")
)  # fmt: skip
"""Tests with a value whose answer is not looked up."""


def parse(words: Sequence[Word]) -> Expression:
    """The expression behind the starting points."""
    reader = _Reader(list(words))
    alternatives = reader.alternatives()
    return Expression(
        alternatives, frozenset(reader.actions), reader.least, reader.most, reader.depth_first, reader.complete
    )


class _Reader:
    def __init__(self, pending: list[Word]) -> None:
        self._pending = pending
        self.actions: set[str] = set()
        self.least, self.most = 0, 1 << 30
        self.depth_first = False
        self.complete = True

    def alternatives(self) -> tuple[tuple[Step, ...], ...]:
        found: list[list[Step]] = [[]]
        negated = False
        while self._pending:
            name = self._pending.pop(0).text
            if name in (")", "\\)"):
                break
            if name in ("-o", "-or", ","):
                found.append([])
            elif name in ("!", "-not"):
                negated = not negated
            elif (step := self._step(name)) is not None:
                found[-1].append(step._replace(negated=negated))
                negated = False
        return tuple(map(tuple, found))

    def _step(self, name: str | None) -> Step | None:
        if name in ("(", "\\("):
            return Step(group=self.alternatives())
        if name in GLOBAL:
            self.depth_first |= name in ("-depth", "-d")
            return None
        if name in ("-mindepth", "-maxdepth"):
            self._limit(name)
            return None
        if name is not None and name in PLAIN | EXECUTES | WRITES:
            return self._action(name)
        return Step(test=self._test(name))

    def _limit(self, name: str) -> None:
        value = self._value()
        if value is None or not value.isdigit():
            self.complete = False
        elif name == "-mindepth":
            self.least = int(value)
        else:
            self.most = int(value)

    def _value(self) -> str | None:
        return self._pending.pop(0).text if self._pending else None

    def _action(self, name: str) -> Step:
        if name in EXECUTES:
            self._skip_command()
        elif name in WRITES or name == "-printf":
            self._value()
            if name == "-fprintf":
                self._value()
        if name == "-delete":
            self.depth_first = True
        self.actions.add(name)
        return Step(action=name)

    def _skip_command(self) -> None:
        before = None
        while self._pending:
            text = self._pending.pop(0).text
            if text == ";" or (text == "+" and before == "{}"):
                return
            before = text

    def _test(self, name: str | None) -> Test:
        if name == "-empty":
            return lambda seen: seen.entry.size == 0 if seen.entry.kind == "file" else seen.is_empty
        made = None
        if name in _VALUED:
            value = self._value()
            made = None if value is None else _VALUED[name](value)
        elif name in NOT_EVALUATED:
            self._value()
        if made is None:
            self.complete = False
            return lambda seen: None  # noqa: ARG005
        return made


def evaluated(expression: Expression, seen: Seen) -> Done:
    """What find does to this file, from the left to the right."""
    actions: list[tuple[str, bool]] = []
    _any(expression.alternatives, seen, actions, certain=True)
    pruned = ("-prune", True) in actions and not expression.depth_first
    return Done(tuple(actions), pruned)


def _any(
    alternatives: Sequence[Sequence[Step]], seen: Seen, actions: list[tuple[str, bool]], *, certain: bool
) -> bool | None:
    """The first alternative that holds ends it."""
    answer: bool | None = False
    for each in alternatives:
        held = _all(each, seen, actions, certain=certain and answer is False)
        if held:
            return True if answer is False else None
        answer = None if held is None or answer is None else answer
    return answer


def _all(steps: Sequence[Step], seen: Seen, actions: list[tuple[str, bool]], *, certain: bool) -> bool | None:
    answer: bool | None = True
    for step in steps:
        held = _one(step, seen, actions, certain=certain and answer is True)
        held = held if held is None or not step.negated else not held
        if held is False:
            return False
        answer = None if held is None else answer
    return answer


def _one(step: Step, seen: Seen, actions: list[tuple[str, bool]], *, certain: bool) -> bool | None:
    if step.group is not None:
        return _any(step.group, seen, actions, certain=certain)
    if step.action is not None:
        actions.append((step.action, certain))
        return None if step.action in EXECUTES else step.action != "-false"
    return step.test(seen) if step.test is not None else True


def _pattern(value: str, *, whole: bool = False, fold: bool = False) -> Test:
    pattern = (value.lower() if fold else value).replace("[^", "[!")

    def fits(seen: Seen) -> bool:
        subject = seen.path if whole else seen.path.rstrip("/").rpartition("/")[2] or "/"
        return fnmatchcase(subject.lower() if fold else subject, pattern)

    return fits


def _type(value: str) -> Test | None:
    kinds = {TYPES[each] for each in value.split(",") if each in TYPES}
    return (lambda seen: seen.entry.kind in kinds) if kinds else None


def _regex(value: str, flags: re.RegexFlag = re.NOFLAG) -> Test | None:
    """Emacs' expressions, as far as they are Python's too: without groups and alternatives, which are written apart."""
    if re.search(r"\\[^.*+?\[\]/_-]|[{}()|]", value):
        return None
    try:
        expression = given(value, flags)
    except re.error:
        return None
    return lambda seen: expression.fullmatch(seen.path) is not None


def _compared(value: str, unit: float, figure: Callable[[Seen], float], *, up: bool = False) -> Test | None:
    """find's +n, -n and n: in whole units, rounded down for times and up for sizes."""
    found = re.fullmatch(r"([+-]?)(\d+)", value)
    if found is None:
        return None
    sign, wanted = found[1], int(found[2])

    def fits(seen: Seen) -> bool:
        exact = figure(seen) / unit
        units = -int(-exact // 1) if up else int(exact // 1)
        return units > wanted if sign == "+" else units < wanted if sign == "-" else units == wanted

    return fits


def _size(value: str) -> Test | None:
    found = re.fullmatch(r"([+-]?\d+)([cwbkMG]?)", value)
    return None if found is None else _compared(found[1], UNITS[found[2]], lambda seen: seen.entry.size, up=True)


def _age(value: str, unit: float) -> Test | None:
    return _compared(value, unit, lambda seen: seen.now - min(seen.entry.written_at, seen.now))


_VALUED: dict[str | None, Callable[[str], Test | None]] = {
    "-name": _pattern,
    "-iname": lambda value: _pattern(value, fold=True),
    "-path": lambda value: _pattern(value, whole=True),
    "-wholename": lambda value: _pattern(value, whole=True),
    "-ipath": lambda value: _pattern(value, whole=True, fold=True),
    "-iwholename": lambda value: _pattern(value, whole=True, fold=True),
    "-regex": _regex,
    "-iregex": lambda value: _regex(value, re.IGNORECASE),
    "-type": _type,
    "-size": _size,
    "-mtime": lambda value: _age(value, DAY_S),
    "-mmin": lambda value: _age(value, MINUTE_S),
    "-user": lambda value: lambda seen: value in (seen.user(seen.entry.uid), str(seen.entry.uid)),
    "-uid": lambda value: lambda seen: value == str(seen.entry.uid) if value.isdigit() else None,
}
