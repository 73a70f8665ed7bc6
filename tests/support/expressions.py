"""Every regular expression of the package, and the texts that each takes longest over."""

import ast
import importlib
import re
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final, NamedTuple

import runaway_watchdog
from runaway_watchdog.owners.common import worker_pools
from runaway_watchdog.patterns import Pattern

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import sre_constants
    import sre_parse

PACKAGE: Final = Path(runaway_watchdog.__file__).parent
_METHODS: Final = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
_SCANNING: Final = _METHODS - {"match", "fullmatch"}
_MAKERS: Final = ("compile", "Pattern")
_NAME: Final = "a"
"""Stands for what an expression that is put together at run time takes from elsewhere, escaped."""


class Expression(NamedTuple):
    """One expression as one way of calling uses it."""

    where: str  # file:line
    pattern: str
    flags: int
    how: str  # match, fullmatch, or search for all that look at every place

    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, self.flags)


class Unread(NamedTuple):
    """A call whose expression is known at run time alone."""

    where: str
    code: str


def of_package() -> tuple[list[Expression], list[Unread]]:
    """All that the code writes down, each by how it is used; and the calls whose expression comes from elsewhere."""
    found: dict[tuple[str, int, str], Expression] = {}
    unread: list[Unread] = []
    uses = _uses()
    for path in sorted(PACKAGE.rglob("*.py")):
        if not {"re", "Pattern"} & set(re.findall(r"\w+", path.read_text())):
            continue
        where = str(path.relative_to(PACKAGE))
        module = _module(path)
        for each in _of_file(ast.parse(path.read_text()), where, module, uses):
            if isinstance(each, Unread):
                unread.append(each)
            else:
                found.setdefault((each.pattern, each.flags, each.how), each)
    return list(found.values()), unread


def of_tables(known: Sequence[Expression]) -> list[Expression]:
    """Expressions that are values in the modules' tables: compiled there from strings, or written there as strings."""
    found: dict[str, Expression] = {}
    written = {each.pattern for each in known}
    for name, module in sorted(sys.modules.items()):
        if name.startswith("runaway_watchdog") and module is not None:
            for value in vars(module).values():
                for each in (one for one in _patterns_in(value, 4) if one.pattern not in written):
                    found.setdefault(each.pattern, Expression(name, each.pattern, each.flags, "search"))
    for master in worker_pools.MASTERS:
        for text in (master.process_title, master.worker):
            found.setdefault(text, Expression("worker_pools", text, re.DOTALL, "fullmatch"))
    return list(found.values())


def _patterns_in(value: object, depth: int) -> Iterator[re.Pattern[str]]:
    if isinstance(value, Pattern):
        value = value.compiled()
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, dict | tuple | list) and depth:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _patterns_in(each, depth - 1)


def _module(path: Path) -> ModuleType:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return importlib.import_module(".".join(part for part in parts if part != "__init__"))


def _uses() -> dict[str, set[str]]:
    """The methods that are called on anything of a name: of a public one in the whole package, of a private one in
    its file alone ("FILE:_NAME"); "FILE:" has all of a file."""
    uses: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in _METHODS:
                name = node.value
                last = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
                if node.attr != "split" and last != "re":  # texts have a split, too
                    uses.setdefault(f"{where}:", set()).add(node.attr)
                uses.setdefault(f"{where}:{last}" if last.startswith("_") else last, set()).add(node.attr)
    return uses


def _of_file(
    tree: ast.Module, where: str, module: ModuleType, uses: dict[str, set[str]]
) -> Iterator[Expression | Unread]:
    names = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        method = _called(node)
        if method is None or not isinstance(node, ast.Call):
            continue
        at = f"{where}:{node.lineno}"
        text = _text(node.args[0], module)
        if text is None:
            yield Unread(where, ast.unparse(node))
            continue
        flags = _flags(node, method, module)
        name = names.get(id(node), "")
        called = uses.get(f"{where}:{name}" if name.startswith("_") or not name else name) or {"match", "search"}
        for how in {method} if method in _METHODS else called:
            yield Expression(at, text, flags, "search" if how in _SCANNING else how)


def _called(node: ast.AST) -> str | None:
    """The function of `re`, or `compile` for what makes an expression."""
    if not isinstance(node, ast.Call) or not node.args:
        return None
    match node.func:
        case ast.Attribute(value=ast.Name(id="re"), attr=name) if name in _METHODS or name == "compile":
            return name
        case ast.Attribute(value=ast.Name(id="patterns"), attr="Pattern") | ast.Name(id="Pattern"):
            return "compile"
    return None


def _text(node: ast.expr, module: ModuleType) -> str | None:
    """What the expression's argument is; None where only a run tells."""
    if isinstance(node, ast.JoinedStr):
        parts = [_part(each, module) for each in node.values]
        return "".join(part for part in parts if part is not None) if None not in parts else None
    try:
        value = eval(ast.unparse(node), dict(vars(module)))
    except NameError:
        return None
    return value if isinstance(value, str) else None


def _part(node: ast.expr, module: ModuleType) -> str | None:
    """One part of an f-string: a constant of the module as it is, a text that is escaped as a name."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)
    if ast.unparse(node.value).startswith("re.escape("):
        return _NAME
    return _text(node.value, module)


def _flags(node: ast.Call, method: str, module: ModuleType) -> int:
    at = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(method, 2)
    given = [each.value for each in node.keywords if each.arg == "flags"] or node.args[at : at + 1]
    try:
        return int(eval(ast.unparse(given[0]), {**vars(module), "re": re})) if given else 0
    except NameError:  # the caller's choice
        return 0


# What takes long ---------------------------------------------------------------------------------------------------

_LETTERS: Final = [chr(code) for code in range(128)] + ["\x85", "é", "İ", "\u2028", "\U0001f600"]
_MOST: Final = 8
"""As many letters that an expression tells apart, and as many beginnings, as are combined with each other."""


class _Shape:
    """The parts of an expression: what each letter is to it, and what can stand before each repeat."""

    def __init__(self, expression: Expression) -> None:
        self.flags = expression.flags
        self.atoms: list[Any] = []
        self.begins: list[str] = [""]
        self.bodies: list[str] = []
        self._groups: dict[int | None, str] = {}
        self.sample = self._walk(sre_parse.parse(expression.pattern, expression.flags), "")

    def letters(self) -> list[str]:
        """One letter for each way of belonging to the expression's classes and literals; frequent ones first."""
        by_kind: dict[tuple[bool, ...], str] = {}
        for letter in _LETTERS:
            # What stands at a line's or a word's end is no atom, and tells them apart all the same.
            kind = (*(self._holds(atom, letter) for atom in self.atoms), letter == "\n", letter.isalnum())
            old = by_kind.get(kind)
            if old is None or (letter.isalnum() and not old.isprintable()):
                by_kind[kind] = letter
        return [letter for _, letter in sorted(by_kind.items(), key=lambda each: -sum(each[0]))][:_MOST]

    def refused(self) -> str:
        """The letter that fewest of the expression's classes and literals are."""
        return min(_LETTERS, key=lambda letter: sum(self._holds(atom, letter) for atom in self.atoms))

    def _holds(self, atom: Any, letter: str) -> bool:
        kind, value = atom
        if kind is sre_constants.LITERAL:
            return chr(value) == letter
        if kind is sre_constants.NOT_LITERAL:
            return chr(value) != letter
        if kind is sre_constants.ANY:
            return letter != "\n"
        return any(self._in(each, letter) for each in value if each[0] is not sre_constants.NEGATE) != (
            value[0][0] is sre_constants.NEGATE
        )

    def _in(self, item: Any, letter: str) -> bool:
        kind, value = item
        if kind is sre_constants.LITERAL:
            return chr(value) == letter
        if kind is sre_constants.RANGE:
            return bool(value[0] <= ord(letter) <= value[1])
        name = str(value).rpartition("_")[2].lower()
        word = letter.isalnum() or letter == "_"
        holds = {"digit": letter.isdecimal(), "space": letter.isspace(), "word": word}[name]
        return holds != ("NOT" in str(value))

    def _walk(self, items: Any, before: str) -> str:
        text = ""
        for kind, value in items:
            text += self._one(kind, value, before + text)
        return text

    def _one(self, kind: Any, value: Any, before: str) -> str:  # noqa: PLR0911 - one for each kind of node
        c = sre_constants
        if kind in (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN):
            self.atoms.append((kind, value))
            return next((each for each in "a" + "".join(_LETTERS) if self._holds((kind, value), each)), "")
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            least, most, body = value
            self.begins.append(before)
            once = self._walk(body, before)
            if most > 20:
                self.bodies.append(once)
                self.begins.append(before + once)
            return once * int(min(max(least, 1), 20))
        if kind is c.SUBPATTERN:
            text = self._walk(value[3], before)
            self._groups[value[0]] = text
            return text
        if kind is c.ATOMIC_GROUP:
            return self._walk(value, before)
        if kind is c.BRANCH:
            ways = [self._walk(each, before) for each in value[1]]
            self.bodies += ways
            return ways[0]
        if kind in (c.ASSERT, c.ASSERT_NOT):
            self._walk(value[1], before)
            return ""
        if kind is c.GROUPREF:
            return str(self._groups.get(value, ""))
        if kind is c.GROUPREF_EXISTS:
            return self._walk(value[1], before)
        return ""


def worst_pieces(expression: Expression) -> list[tuple[str, str, str]]:
    """Beginnings, what is repeated after each, and ends that nothing fits."""
    shape = _Shape(expression)
    letters = shape.letters()
    begins = list(dict.fromkeys(shape.begins))[:_MOST]
    words = [*filter(None, begins), *filter(None, shape.bodies), shape.sample or "a"]
    pumps = list(dict.fromkeys([*letters, *words]))
    pairs = [one + other for one in letters for other in letters if one != other]
    end = "\n\x00"
    found = [(begin, pump, end) for begin in begins for pump in (letters if begin else pumps[: 2 * _MOST])]
    found += [("", pump, shape.refused()) for pump in letters]  # where a class is all but a few, the end fits it
    if expression.how != "search":
        found += [(begin, pump, "") for begin in begins for pump in letters]
    blanks = [letter for letter in letters if not letter.isalnum()][:4]
    pairs += [word + blank for word in dict.fromkeys(words) for blank in blanks]
    return found + [("", pump, end) for pump in pairs]


def text_of(pieces: tuple[str, str, str], length: int) -> str:
    begin, pump, end = pieces
    return begin + pump * (length // len(pump)) + end


class TooLongError(Exception):
    """The processor time is over."""


def _over(_number: int, _frame: FrameType | None) -> None:
    raise TooLongError


def within(seconds: float, run: Callable[[], object]) -> bool:
    """Whether it ends in this much processor time: how long the machine lets us wait is not counted."""
    before = signal.signal(signal.SIGVTALRM, _over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        run()
        return True
    except TooLongError:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def used(expression: Expression, text: str) -> Callable[[], object]:
    """The call that the code makes; what looks at every place is asked for all of them."""
    compiled = expression.compiled()
    if expression.how == "search":
        return lambda: sum(1 for _ in compiled.finditer(text))
    return lambda: getattr(compiled, expression.how)(text)


def too_slow(
    expression: Expression, pieces: Sequence[tuple[str, str, str]], length: int, seconds: float
) -> tuple[str, str, str] | None:
    """The first of these texts whose time grows faster than its length, among those that take this long at all."""
    for each in pieces:
        if not within(seconds, used(expression, text_of(each, length))) and _grows(expression, each, length, seconds):
            return each
    return None


def _grows(expression: Expression, pieces: tuple[str, str, str], length: int, seconds: float) -> bool:
    """Whether four times the length takes more than eight times the time: of what grows with the square, 16 times."""
    short = used(expression, text_of(pieces, length // 4))
    before = time.thread_time()
    if not within(30 * seconds, short):
        return True
    return not within(max(8 * (time.thread_time() - before), seconds), used(expression, text_of(pieces, length)))


def slowest(
    expression: Expression, pieces: Sequence[tuple[str, str, str]], length: int, count: int
) -> list[tuple[str, str, str]]:
    """Those that take the most time at this length."""

    def cost(each: tuple[str, str, str]) -> float:
        run, before = used(expression, text_of(each, length)), time.thread_time()
        run()
        return time.thread_time() - before

    return sorted(pieces, key=cost, reverse=True)[:count]
