"""Which files of the program pages, docstrings and comments name, and where such a name may lead to."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src/runaway_watchdog"
FOREIGN: Final = {
    "supervisor/options.py", # of supervisord itself
    "services/", "a/",  # of Slack's addresses; what an rsync names
    "jeepney.py",  # whoever would be imported in its place
    "runaway_watchdog/data/",  # made for the wheel
    "src/x.py", "src/p/a.py", "src/p/b.py",  # invented where the tests of the tables speak of any file
}  # fmt: skip
_FILE = re.compile(r"(?<![\w./~$*{}<>-])(?:[\w-]+/)*[\w-]+\.(?:py|j2)\b(?![\w/])")
_FOLDER = re.compile(r"`((?:[a-z_]+/)+)`")


def named(text: str) -> Iterator[str]:
    """Files of code, with or without their folders; and folders in backticks, with a slash at their end."""
    yield from _FILE.findall(text)
    yield from _FOLDER.findall(text)


def lacking(text: str, beside: Path) -> list[str]:
    """What the text names and nobody finds: from the top, in the package, in tests/, or in the text's own folder."""
    places = (ROOT, PACKAGE, ROOT / "tests", beside)
    return [name for name in named(text) if name not in FOREIGN and not any((each / name).exists() for each in places)]


def told_in(source: str) -> str:
    """The docstrings and comments of a Python file."""
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, _DOCUMENTED))
    docstrings = [ast.get_docstring(node) or "" for node in nodes]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join([*docstrings, *(token.string for token in tokens if token.type == tokenize.COMMENT)])


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
