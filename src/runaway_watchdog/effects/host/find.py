"""find with -delete or -exec: many files at once."""

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain, pairwise

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import places, rsync, uses
from runaway_watchdog.effects.host.targets import Target, existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree

WALK_LIMIT = 20_000
NAMED = 5
"""So many files are named one by one; of more, the folder is named and the number."""
DAY_S, MINUTE_S = 86400, 60
UNJUDGED = frozenset(("-fprint", "-fprint0", "-fprintf", "-fls", "-exec", "-execdir", "-ok", "-okdir"))
TYPES = {"f": "file", "d": "folder", "l": "link"}
UNITS = {"c": 1, "w": 2, "b": 512, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30, "": 512}

Test = Callable[[str, Entry, float], bool]


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What find or rsync deletes."""
    return rsync.effects(command, host, world) if command.program == "rsync" else _find(command, host, world)


def _find(command: Command, host: HostState, world: World) -> Outcome:
    """-delete; what -exec runs is a command of its own, and was told apart before."""
    starts, expression = _split(command.words[1:])
    actions = {word.text for word in expression}
    if actions & UNJUDGED:
        return Outcome((), host, (f"what `{shown(command)}` does to the files that it finds is not judged",))
    if "-delete" not in actions:
        return Outcome((), host)
    tests, complete = _tests(expression)
    tree = places.tree(host, world)
    targets = existing(starts or [Word(".", ".")], command, tree)
    found: list[Effect] = []
    unknown = list(targets.unknown)
    for start in targets.found:
        matching = list(_matching(start, tests, _depths(expression), tree, world))
        if len(matching) >= WALK_LIMIT:
            unknown.append(f"{start.written} holds more files than could be looked at")
        gone, host = _gone(start, matching, host, world)
        found += gone
    if not complete and found:
        unknown.append(f"some tests of `{shown(command)}` are not evaluated: it may be less")
    return Outcome(tuple(found), host, tuple(unknown))


def answer(command: Command, host: HostState, world: World) -> tuple[str, ...] | None:
    """What find would print; None where a test is not evaluated or the files are too many."""
    starts, expression = _split(command.words[1:])
    tests, complete = _tests(expression)
    tree = places.tree(host, world)
    targets = existing(starts or [Word(".", ".")], command, tree)
    if targets.unknown or not complete or any(word.text in UNJUDGED for word in expression):
        return None
    found: list[str] = []
    for start in targets.found:
        matching = list(_matching(start, tests, _depths(expression), tree, world))
        if len(matching) >= WALK_LIMIT:
            return None
        found += [start.written.rstrip("/") + path[len(start.real) :] for path, _ in matching]
    return tuple(found)


def _split(words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """The starting points, and the expression: from the first word that starts with "-", "(" or "!"."""
    pending = list(words)
    while pending and pending[0].text in ("-H", "-L", "-P"):
        pending.pop(0)
    at = next((i for i, word in enumerate(pending) if (word.text or "")[:1] in ("-", "(", "!", ")")), len(pending))
    return pending[:at], pending[at:]


def _depths(expression: Sequence[Word]) -> tuple[int, int]:
    """-mindepth and -maxdepth."""
    least, most = 0, 1 << 30
    for word, value in pairwise(expression):
        if word.text in ("-mindepth", "-maxdepth") and (value.text or "").isdigit():
            number = int(value.text or 0)
            least, most = (number, most) if word.text == "-mindepth" else (least, number)
    return least, most


def _tests(expression: Sequence[Word]) -> tuple[list[Test], bool]:
    """The tests that are evaluated, all of which must hold, and whether those were all."""
    tests: list[Test] = []
    complete = True
    pending = list(expression)
    while pending:
        name = pending.pop(0).text
        if name in ("-delete", "-print", "-print0", "-noleaf", "-nowarn", "-mount", "-xdev", "-depth", "-a", "-and"):
            continue
        if name in ("-maxdepth", "-mindepth"):
            pending[:1] = []
        elif name == "-empty":
            tests.append(lambda path, entry, now: entry.kind == "file" and entry.size == 0)  # noqa: ARG005
        else:
            value = pending.pop(0).text if pending and (name in _VALUED or name in NOT_EVALUATED) else None
            made = _VALUED[name](value) if name in _VALUED and value is not None else None
            complete = complete and made is not None
            if made is not None:
                tests.append(made)
            elif name in ("-o", "-or", "!", "-not", "(", ")"):
                return [], False  # an alternative widens what matches: everything may
    return tests, complete


def _pattern(value: str, *, whole: bool = False, fold: bool = False) -> Test:
    pattern = value.lower() if fold else value

    def fits(path: str, entry: Entry, now: float) -> bool:  # noqa: ARG001
        subject = path if whole else path.rpartition("/")[2]
        return fnmatchcase(subject.lower() if fold else subject, pattern.replace("[^", "[!"))

    return fits


def _type(value: str) -> Test | None:
    kinds = {TYPES[each] for each in value.split(",") if each in TYPES}
    return (lambda path, entry, now: entry.kind in kinds) if kinds else None  # noqa: ARG005


def _compared(value: str, unit: float, figure: Callable[[Entry, float], float], *, up: bool = False) -> Test | None:
    """find's +n, -n and n: in whole units, rounded down for times and up for sizes."""
    found = re.fullmatch(r"([+-]?)(\d+)", value)
    if found is None:
        return None
    sign, wanted = found[1], int(found[2])

    def fits(path: str, entry: Entry, now: float) -> bool:  # noqa: ARG001
        exact = figure(entry, now) / unit
        units = -int(-exact // 1) if up else int(exact // 1)
        return units > wanted if sign == "+" else units < wanted if sign == "-" else units == wanted

    return fits


def _size(value: str) -> Test | None:
    found = re.fullmatch(r"([+-]?\d+)([cwbkMG]?)", value)
    if found is None:
        return None
    return _compared(found[1], UNITS[found[2]], lambda entry, now: entry.size, up=True)  # noqa: ARG005


NOT_EVALUATED = frozenset(
    (
        "-user", "-group", "-uid", "-gid", "-perm", "-newer", "-newermt", "-anewer", "-cnewer", "-regex", "-iregex",
        "-atime", "-ctime", "-cmin", "-amin", "-inum", "-links", "-samefile", "-ipath",
        "-lname", "-fstype", "-regextype",
    )
)  # fmt: skip
_VALUED: dict[str | None, Callable[[str], Test | None]] = {
    "-name": _pattern,
    "-iname": lambda value: _pattern(value, fold=True),
    "-path": lambda value: _pattern(value, whole=True),
    "-wholename": lambda value: _pattern(value, whole=True),
    "-type": _type,
    "-size": _size,
    "-mtime": lambda value: _compared(value, DAY_S, lambda entry, now: now - entry.written_at),
    "-mmin": lambda value: _compared(value, MINUTE_S, lambda entry, now: now - entry.written_at),
}


def _matching(
    start: Target, tests: Sequence[Test], depths: tuple[int, int], tree: Tree, world: World
) -> Iterator[tuple[str, Entry]]:
    now = world.clock.now()
    everything = [(start.real, start.entry)]
    if start.entry.kind == "folder":
        everything += tree.below(start.real, WALK_LIMIT)
    for path, entry in everything:
        depth = path[len(start.real) :].count("/")
        written = start.written.rstrip("/") + path[len(start.real) :]
        if depths[0] <= depth <= depths[1] and all(test(written, entry, now) for test in tests):
            yield path, entry


def _gone(
    start: Target, matching: Sequence[tuple[str, Entry]], host: HostState, world: World
) -> tuple[tuple[Effect, ...], HostState]:
    """The deletion of what matches: a few files by name, or the folder and their number."""
    why = "find deletes it"
    files = [(path, entry) for path, entry in matching if entry.kind != "folder"]
    if not files:
        return (), host
    after = places.without(host, *(path for path, _ in files))
    among = uses.table(world)
    if len(files) <= NAMED:
        lost = (places.lost(path, entry, why, host, world, among) for path, entry in files)
        return tuple(chain.from_iterable(lost)), after
    size = _together(files)
    what, users = places.meaning(start.real, start.entry, host, world)
    told = f"find deletes {len(files)} files in it" + (f": {what}" if what else "")
    used = uses.of(start.real, world, among)
    needed = places.in_use(what, users, used)
    data_lost = size.bytes != 0 and (what is not None or not places.passing(start.real))
    return (Effect("delete", "path", start.real, data_lost, told, size, (*users, *used.by), needed),), after


def _together(files: Sequence[tuple[str, Entry]]) -> Size:
    newest = max(entry.written_at for _, entry in files)
    return Size(sum(entry.size for _, entry in files), len(files) >= WALK_LIMIT, newest)
