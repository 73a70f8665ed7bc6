"""Which test modules lean on a helper, read from their imports: a list kept by hand would forget the newest one."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path


def users(folder: Path, helper: Path, root: Path) -> dict[str, Path]:
    """Name -> file of every test module in `folder` that imports `helper`, itself or by way of other files below
    `root`, the folder that the imports start from."""
    return {path.stem: path for path in sorted(folder.glob("test_*.py")) if helper in _reached(path, root, set())}


def _reached(path: Path, root: Path, seen: set[Path]) -> set[Path]:
    """The files below `root` that `path` imports, and those that they import."""
    for each in _imported(path, root):
        if each not in seen:
            seen.add(each)
            _reached(each, root, seen)
    return seen


@functools.cache  # every run of tests asks this of every file, and most are reached by many ways
def _imported(path: Path, root: Path) -> tuple[Path, ...]:
    return tuple(_files_named(path, root))


def _files_named(path: Path, root: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = path.parent.relative_to(root).parts
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (above, node.module)))
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        for name in names:
            file = root.joinpath(*name.split(".")).with_suffix(".py")
            if file.is_file():
                yield file
