"""This layer itself: its tests start no program, speak to nobody, and wait for nothing."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

MODULES = frozenset(("asyncio", "http.server", "multiprocessing", "pty", "socket", "subprocess", "threading"))
RECORDS = frozenset(("CompletedProcess",))
"""What may be taken from them: it does nothing."""


def impure(text: str) -> Iterator[str]:
    """What a file imports or calls that does not belong here."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield from (f"{node.module}.{each.name}" for each in node.names if each.name not in RECORDS)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "time.sleep":
            yield "time.sleep"


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.rglob("*.py")), ids=lambda file: file.stem)
def test_no_file_here_is_impure(file: Path) -> None:
    """Another folder has place for it: tests/live."""
    assert list(impure(file.read_text())) == []


def test_what_is_impure_is_seen() -> None:
    """However it is imported."""
    text = "import subprocess, os\nfrom socket import socket\nfrom subprocess import CompletedProcess\ntime.sleep(1)\n"
    assert sorted(impure(text)) == ["socket.socket", "subprocess", "time.sleep"]


def test_a_program_is_refused_while_a_test_runs() -> None:
    """Whoever starts it."""
    with pytest.raises(AssertionError, match="tests/live"):
        os.posix_spawn("/bin/true", ["true"], {})
