"""What is read on the field's host, before a line and after it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from field.compare import Lost, losses
from field.inside import contents

NAME = "/srv/client data.db"


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("CREATE TABLE IF NOT EXISTS n(y)", False),
        ("INSERT INTO t VALUES (3)", False),
        ("DELETE FROM t WHERE x = 1", True),
        ("UPDATE t SET x = 9", True),
        ("DROP TABLE t", True),
    ],
)
def test_a_row_more_is_no_loss_of_a_database(tmp_path: Path, line: str, lost: bool) -> None:
    path = str(tmp_path / "client data.db")

    def seen(statements: str) -> dict[str, object]:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(statements)
        empty: dict[str, object] = {key: {} for key in ("heads", "layers", "databases")}
        found = contents.content(path), contents.text(path)
        lists: dict[str, object] = {"committed": [], "volumes": [], "journal": []}
        return {**empty, **lists, "files": {NAME: found[0]}, "texts": {NAME: found[1]}}

    before = seen("CREATE TABLE t(x); INSERT INTO t VALUES (1),(2);")
    assert losses(before, seen(line)) == ([Lost("path", NAME)] if lost else [])


def test_another_file_of_such_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database")
    assert contents.text(str(tmp_path / "a.db")) is None
