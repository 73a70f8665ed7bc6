"""The files of a picture answer as the host's own did, and what the picture does not hold is never guessed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from field import pictured
from field.pictured import Entry, PicturedFiles, Tree
from runaway_watchdog.world import Files
from runaway_watchdog.world.filesystem import LiveFiles
from runaway_watchdog.world.recorded import NotRecordedError, replay

LIMIT_S = 1.0


def taken(root: Path) -> Tree:
    """A picture of a folder and all below it."""
    tree = {str(root): _entry(str(root))}
    for folder, folders, names in os.walk(root):
        tree |= {path: _entry(path) for path in (f"{folder}/{name}" for name in (*folders, *names))}
    return tree


def _entry(path: str) -> Entry:
    kind, size, written_at, uid = LiveFiles().status(path)
    if kind == pictured.FOLDER:
        return Entry(kind, size, written_at, uid, more=True)
    text = os.readlink(path) if kind == pictured.LINK else LiveFiles().read(path)
    return Entry(kind, size, written_at, uid, text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files, folders, links to both, a link to nothing and a ring of links."""
    (tmp_path / "a/deep").mkdir(parents=True)
    (tmp_path / "a/one").write_bytes(b"one \xff")
    (tmp_path / "a/deep/two").write_text("two!")
    (tmp_path / "empty").mkdir()
    for name, target in {"file": "a/one", "folder": "a", "nothing": "gone", "up": "a/deep/..", "ring": "ring"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "absolute").symlink_to(tmp_path / "a")
    return tmp_path


PATHS = (
    "", "a", "a/", "a/one", "a/deep", "a/deep/two", "a/deep/../one", "empty", "file", "folder", "folder/one", "folder/",
    "up/one", "absolute/deep/two", "nothing", "nothing/x", "gone", "gone/x", "a/one/x", "ring", "ring/x",
)  # fmt: skip
QUESTIONS: dict[str, Callable[[Files, str], object]] = {
    "read": lambda files, path: files.read(path),
    "names": lambda files, path: sorted(files.names(path)),
    "target": lambda files, path: files.target(path),
    "exists": lambda files, path: files.exists(path),
    "status": lambda files, path: list(files.status(path)),
    "size": lambda files, path: files.size(path, LIMIT_S),
}


def _answer(question: Callable[[Files, str], object], files: Files, path: str) -> object:
    try:
        return question(files, path)
    except OSError as fault:
        return fault.errno


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("path", PATHS)
def test_a_picture_answers_as_the_disk(root: Path, question: str, path: str) -> None:
    """Every question about every sort of path: the same answer, or the same errno."""
    files = cast(Files, PicturedFiles(taken(root), replay({"host": "", "asked": {}}).files))
    at = f"{root}/{path}" if path else str(root)
    assert _answer(QUESTIONS[question], files, at) == _answer(QUESTIONS[question], LiveFiles(), at)


def test_what_was_not_listed_is_asked_of_the_recording(root: Path) -> None:
    """A folder that was not listed, a file without its text, and all that lies beside the picture."""
    tree = dict(taken(root))
    tree[f"{root}/empty"] = tree[f"{root}/empty"]._replace(more=False)
    tree[f"{root}/a/one"] = tree[f"{root}/a/one"]._replace(more=None)
    files = PicturedFiles(tree, replay({"host": "", "asked": {}}).files)
    for question in (
        lambda: files.names(f"{root}/empty"),
        lambda: files.size(str(root), LIMIT_S),
        lambda: files.read(f"{root}/empty/x"),
        lambda: files.read(f"{root}/a/one"),
        lambda: files.exists("/elsewhere/x"),
    ):
        with pytest.raises(NotRecordedError):
            question()


def test_a_picture_is_the_same_file_each_time(tmp_path: Path) -> None:
    """Packed with no date in it; bytes that are no text come back as they were."""
    picture = {"host": "h", "now": 1.5, "tree": {"/": ["folder", 0, 0.0, 0, True], "/x": ["file", 1, 0.0, 0, "\udcff"]}}
    for name in ("a", "b"):
        pictured.save(tmp_path / name, {**picture, "asked": {}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert pictured.load(tmp_path / "a") == {**picture, "asked": {}}
    assert pictured.tree_of(picture)["/x"].more == "\udcff"
