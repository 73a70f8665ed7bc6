"""Where a service's program may lie, and which commands mend a bad place."""

import os
import stat
from pathlib import Path

import pytest

from runaway_watchdog.install import location
from runaway_watchdog.install.location import Fault, Stat, faults

PROGRAM = "/opt/x/bin/runaway-watchdog"


def tree(special: dict[str, tuple[int, int]]) -> Stat:
    """Folders and programs of root with mode 0755, but for the paths in `special`: (mode, owner)."""

    def stat_of(path: str) -> os.stat_result:
        kind = stat.S_IFREG if path.endswith("runaway-watchdog") else stat.S_IFDIR
        mode, uid = special.get(path, (0o755, 0))
        return os.stat_result((kind | mode, 0, 0, 1, uid, 0, 0, 0, 0, 0))

    return stat_of


def look(special: dict[str, tuple[int, int]]) -> list[Fault]:
    return list(faults([Path(PROGRAM)], tree(special)))


def test_a_place_of_root_is_good() -> None:
    """Root's own folders all the way up, readable for all: no fault."""
    assert look({}) == []


@pytest.mark.parametrize("folder", ["/home/me", "/root", "/tmp/x", "/var/tmp", "/run/user/1000", "/dev/shm"])
def test_home_and_temporary_folders_are_refused(folder: str) -> None:
    """Whoever they belong to, and not mendable by modes: the place itself is wrong."""
    (fault,) = faults([Path(f"{folder}/venv/bin/runaway-watchdog")], tree({}))
    assert folder.startswith(fault.path)
    assert not fault.mendable


@pytest.mark.parametrize(
    "folder",
    ["/mnt", "/media/disk", "/boot", "/var/spool", "/var/log", "/var/backups", "/var/lib/docker/x", "/etc/ssh"],
)
def test_what_a_unit_hides_is_no_place_for_its_program(folder: str) -> None:
    """What explains or sends would not find it there."""
    (fault,) = faults([Path(f"{folder}/venv/bin/runaway-watchdog")], tree({}))
    assert f"{folder}/".startswith(f"{fault.path}/")
    assert not fault.mendable


def test_a_name_that_only_begins_alike_is_good() -> None:
    """/homestead is not below /home."""
    assert list(faults([Path("/homestead/bin/runaway-watchdog")], tree({}))) == []


@pytest.mark.parametrize(
    ("special", "problem"),
    [
        ({"/opt/x": (0o755, 1000)}, "belongs to user 1000"),
        ({PROGRAM: (0o755, 1000)}, "belongs to user 1000"),
        ({"/opt": (0o777, 0)}, "everybody may write"),
        ({PROGRAM: (0o750, 0)}, "other users may not execute it"),
        ({PROGRAM: (0o744, 0)}, "other users may not execute it"),
    ],
)
def test_what_others_could_rewrite_or_cannot_run_is_refused(special: dict[str, tuple[int, int]], problem: str) -> None:
    """Another owner, a folder open to all, a missing permission: anywhere on the way to the program."""
    (fault,) = look(special)
    assert problem in fault.problem
    assert fault.mendable


def test_a_sticky_folder_on_the_way_is_no_fault() -> None:
    """In a sticky folder nobody can replace what is root's."""
    assert look({"/opt": (0o1777, 0)}) == []


def test_a_link_is_judged_at_both_ends(tmp_path: Path) -> None:
    """A good name that leads to a bad place is a fault of that place."""
    link = tmp_path / "runaway-watchdog"
    link.symlink_to("/home/me/runaway-watchdog")
    found = faults([link], tree({}))
    assert "/home" in {fault.path for fault in found}


def test_modes_and_owners_are_mended_in_place() -> None:
    """Where only they are wrong, and only in this environment, the program stays where it is."""
    found = [Fault("/opt/x/bin", "…", mendable=True), Fault("/opt/x", "…", mendable=True)]
    assert location.fix(found, "/opt/x") == (
        "chown -R root:root /opt/x",
        "chmod -R go-w,a+rX /opt/x",
        "/opt/x/bin/runaway-watchdog install",
    )


@pytest.mark.parametrize("fault", [Fault("/root", "…"), Fault("/opt", "…", mendable=True)])
def test_a_bad_place_is_mended_by_a_new_environment(fault: Fault) -> None:
    """Three commands, the last of which is the installation itself; nothing above the environment is changed."""
    commands = location.fix([fault], "/opt/x")
    assert commands[0].endswith("-m venv /opt/runaway-watchdog")
    assert commands[1].startswith("/opt/runaway-watchdog/bin/pip install ")
    assert commands[2] == "/opt/runaway-watchdog/bin/runaway-watchdog install"


def test_everything_that_is_loaded_is_judged() -> None:
    """The interpreter and the folders of modules count as much as the command: a checkout in a home is seen."""
    loaded = location.loaded(Path(PROGRAM))
    assert Path(PROGRAM) in loaded
    assert Path(os.__file__).parent in loaded
