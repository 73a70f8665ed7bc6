"""Steps in another user's folder, really run by root: what that user put there gets nothing of root's."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from runaway_watchdog.model.plan import ByEye, Step
from runaway_watchdog.owners.steps import acting, edited

NOBODY = 65534
TEXT = "[program:web]\ncommand=web\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of nobody's, which nobody gets to."""
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    found = tmp_path / "its own"
    found.mkdir()
    os.chown(found, NOBODY, NOBODY)
    return found


def step(path: Path, user: str | None = "nobody") -> Step:
    place = edited.Place(str(path), TEXT, 1, user=user)
    return edited.file("t", place, place.sed("autostart=false"), effect="e", check=ByEye(""))


def run(command: str | None) -> subprocess.CompletedProcess[str]:
    assert command is not None
    environment = {**os.environ, "SECRET": "of root's"}
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=environment)


def write(path: Path, text: str = TEXT, uid: int = NOBODY) -> Path:
    path.write_text(text)
    os.chown(path, uid, uid)
    return path


def test_a_users_file_is_changed_as_that_user_and_put_back(folder: Path) -> None:
    """Its copy is that user's too, and the undo gives the same bytes."""
    path = write(folder / "a b.conf")
    assert run(step(path).command).returncode == 0
    assert path.read_text() == TEXT.replace("\n", "\nautostart=false\n", 1)
    assert {each.stat().st_uid for each in folder.iterdir()} == {NOBODY}
    assert run(step(path).undo).returncode == 0
    assert path.read_text() == TEXT


@pytest.mark.parametrize("user", [None, "nobody"])
def test_a_link_and_a_file_of_others_are_left_alone(folder: Path, tmp_path: Path, user: str | None) -> None:
    """Though what is read through them is what was read before: by root as by the user."""
    theirs = write(tmp_path / "root.conf", uid=0 if user else NOBODY)
    (folder / "link.conf").symlink_to(theirs)
    for path in (folder / "link.conf", theirs):
        for command in (step(path, user).command, step(path, user).undo):
            assert run(command).returncode != 0
    assert theirs.read_text() == TEXT


def test_a_file_that_was_edited_is_left_alone(folder: Path) -> None:
    """It is looked at again before it is written."""
    path = write(folder / "a.conf", "[program:other]\n")
    done = run(step(path).command)
    assert (done.returncode != 0, "not done" in done.stdout) == (True, True)
    assert path.read_text() == "[program:other]\n"


def test_a_users_program_has_nothing_of_roots(folder: Path) -> None:
    """Not its user, not its environment, and not its session: with that it could type on root's terminal."""
    program = write(folder / "tell", "#!/bin/sh\nid -u; env; ps -o sid= -p $$ || cut -d' ' -f6 /proc/$$/stat\n")
    program.chmod(0o755)
    done = run(acting.run("nobody", shlex.quote(str(program)), "HERE=1"))
    uid, *told = done.stdout.split("\n")
    assert uid == str(NOBODY)
    assert "HERE=1" in told
    assert "SECRET" not in done.stdout
    assert str(os.getsid(0)) not in [each.strip() for each in told]


def test_a_copy_of_a_table_is_read_by_nobody_else(tmp_path: Path) -> None:
    """What is written is closed to others, whatever the shell's umask, and what is started later keeps that umask."""
    copy, later = tmp_path / "copy", tmp_path / "later"
    subprocess.run(["sh", "-c", f"umask 022; {edited.unread(f'echo x >{copy}')} && echo y >{later}"], check=True)
    assert (copy.stat().st_mode & 0o777, later.stat().st_mode & 0o777) == (0o600, 0o644)
    table = edited.crontab("t", "ann", "a\n", "1d", effect="", check=ByEye(""))
    saved = edited.saved("crontab-ann", "a\n")
    assert f"(umask 077; crontab -u ann -l >{saved})" in (table.command or "")
