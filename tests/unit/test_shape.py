"""The shape of the code: nothing is decided on a sentence, answers have types, each kind is known in its room."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runaway_watchdog import owners

PACKAGE = Path(owners.__file__).parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))
SENTENCES = frozenset({"why", "told", "verify", "goal", "title"})
CUTTING = frozenset(
    {"startswith", "endswith", "replace", "partition", "rpartition", "split", "rsplit", "removeprefix", "removesuffix"}
)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def is_sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in SENTENCES


def decisions(tree: ast.Module) -> Iterator[str]:
    """Tests, cuts and rewrites of a text that is made for people."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_text = node.func.attr in CUTTING and is_sentence(node.func.value)
            of_pattern = node.func.attr in ("match", "fullmatch", "search", "sub", "findall") and any(
                map(is_sentence, node.args)
            )
            if of_text or of_pattern:
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Compare):
            pairs = zip(node.ops, node.comparators, strict=True)
            if any(isinstance(op, ast.In | ast.NotIn) and is_sentence(right) for op, right in pairs):
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_decided_on_a_sentence(path: Path) -> None:
    """Types carry meaning; sentences are made last."""
    assert list(decisions(parsed(path))) == []


def test_the_test_itself_sees_such_decisions() -> None:
    """Each form that the code once had."""
    code = "a.why.replace('x', 'y'); 'main' in e.why; re.match(p, step.verify); s.told.startswith('port')"
    assert len(list(decisions(ast.parse(code)))) == 4


def test_no_file_is_too_long_to_be_read_in_one_sitting() -> None:
    """400 lines: then a file has become two."""
    assert [(str(path), lines) for path in FILES if (lines := path.read_text().count("\n")) > 400] == []


@pytest.mark.parametrize("room", ["owners", "effects", "explain"])
def test_answers_have_types(room: str) -> None:
    """Bags of strings end at the border: world/ and the writers of JSON."""
    found = [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "Mapping[str, Any]" in line and "def shown(" not in line
    ]
    assert found == []


def test_each_kind_is_known_in_its_own_room_alone() -> None:
    """The names of owner kinds stand in owners/, in the model's groups of containers, and in an invented example."""
    names = "|".join(re.escape(f'"{name}"') for name in owners.KINDS if "-" in name)
    elsewhere = [path for path in FILES if path.relative_to(PACKAGE).parts[0] != "owners"]
    allowed = {"model/container.py", "alerts/example.py"}
    allowed |= {"model/casefile.py", "explain/changed.py"}  # a kind of change is called as one of owners
    found = [
        f"{path.relative_to(PACKAGE)}: {match[0]}"
        for path in elsewhere
        if str(path.relative_to(PACKAGE)) not in allowed
        for match in re.finditer(names, path.read_text())
    ]
    assert found == []


OWN_TEXT = {
    "cli/manual.py": "splitlines: the manual's own text",
    "config/sample.py": "splitlines: docstrings of the schema",
    "config/locate.py": "read_text: TOML, which tomllib reads",
    "config/urls.py": "read_text: the configuration's own file",
    "guard/script.py": "read_text: the program's own file",
    "install/location.py": "read_text: what pip wrote of the program itself",
    "render/markup.py": "read_text: the program's own templates",
    "shipped.py": "read_text: the program's own files",
    "world/patience.py": "open: numbers of the kernel's",
    "atomic_write.py": "open: it writes",
    "cli/__init__.py": "open: it writes",
}
"""Files that may split or read a text as Python does, and which: none of them is a system's."""


def split_as_python_does(tree: ast.Module) -> Iterator[str]:
    """`splitlines` ends a line at eight characters more than the kernel does, and text that is opened as such at one:
    whoever names a control group, a user's field or a program writes lines of their own with them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("splitlines", "read_text"):
            yield f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            words = {each.arg: each.value for each in node.keywords}
            mode = next(
                (ast.unparse(each) for each in [*node.args[1:2], *words.values()] if "b" in ast.unparse(each)), ""
            )
            if (name in ("open", "os.fdopen", "io.open") and "b" not in mode) or "universal_newlines" in words:
                yield f"line {node.lineno}: {ast.unparse(node)}"
            if name.startswith("subprocess.") and {"text", "encoding"} & words.keys():
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_systems_text_is_split_where_the_system_splits_it(path: Path) -> None:
    """At a line feed alone: linux.text.lines."""
    assert list(split_as_python_does(parsed(path))) == [] or str(path.relative_to(PACKAGE)) in OWN_TEXT


def test_each_exception_is_needed() -> None:
    """A file that was mended leaves the list."""
    assert [name for name in OWN_TEXT if not list(split_as_python_does(parsed(PACKAGE / name)))] == []


def test_the_test_sees_each_way_of_splitting() -> None:
    """Each form that the code once had."""
    code = (
        "a.splitlines(); p.read_text(); open(p); open(p, encoding='ascii'); open(p, 'rb'); subprocess.run(a, text=True)"
    )
    assert len(list(split_as_python_does(ast.parse(code)))) == 5
