"""Opening, repairing and pruning the store."""

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import database, outbox, records
from runaway_watchdog.store.database import StoreUnavailable, connect, prune, reading, transaction
from runaway_watchdog.store.records import IncidentRecord, LineageRecord, ProcessRecord
from runaway_watchdog.store.schema import SCHEMA_VERSION

DAY = 86400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "watchdog.db"


def test_a_writer_creates_the_store_for_its_group_alone(file: Path) -> None:
    """Directory and file are closed to others: command lines are nobody's business."""
    before = os.umask(0)
    try:
        connect(file).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o750
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_the_store_is_opened_in_wal_mode_at_our_version(file: Path) -> None:
    """Readers are not blocked, foreign keys hold, and the version is written down."""
    with closing(connect(file)) as store:
        assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert store.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert store.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_second_writer_finds_it_done(file: Path) -> None:
    """Opening it again changes nothing."""
    with closing(connect(file)) as first, closing(connect(file)) as second:
        records.put_lineage(first, LineageRecord("k", "/g", "n"), 1.0)
        assert second.execute("SELECT count(*) FROM lineage").fetchone() == (1,)


def test_a_newer_store_is_left_alone(file: Path) -> None:
    """Neither writer nor reader touches what a later version wrote, and both say so."""
    with closing(connect(file)) as store:
        store.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    for readonly in (False, True):
        with pytest.raises(StoreUnavailable, match=r"newer runaway-watchdog.*upgrade"):
            connect(file, readonly=readonly)


def test_a_reader_does_not_migrate(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store is told to be one."""
    connect(file).close()
    monkeypatch.setattr(database, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(StoreUnavailable, match=r"older version.*restart the watch"):
        connect(file, readonly=True)


def test_a_store_without_tables_is_told_to_be_starting(file: Path) -> None:
    """The watch has made the file, and not yet what is in it."""
    file.parent.mkdir()
    file.touch()
    with pytest.raises(StoreUnavailable, match="just starting"):
        connect(file, readonly=True)


def test_an_absent_store_is_told_with_its_mend(file: Path) -> None:
    """A reader never creates one."""
    with pytest.raises(StoreUnavailable) as caught:
        connect(file, readonly=True)
    assert "there is no store" in caught.value.problem
    assert "runaway-watchdog run" in caught.value.fix
    assert not file.parent.exists()


def test_a_reader_cannot_write(file: Path) -> None:
    """It is opened read-only, not only meant to be."""
    connect(file).close()
    with closing(connect(file, readonly=True)) as store, pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.execute("DELETE FROM lineage")


def test_a_reader_sees_what_the_writer_has_committed(file: Path) -> None:
    """Both at once, without waiting for each other."""
    with closing(connect(file)) as writer, closing(connect(file, readonly=True)) as reader:
        with transaction(writer):
            records.put_lineage(writer, LineageRecord("k", "/g", "n"), 1.0)
            assert reader.execute("SELECT count(*) FROM lineage").fetchone() == (0,)
        assert reader.execute("SELECT count(*) FROM lineage").fetchone() == (1,)


@contextmanager
def as_a_stranger(store: Path) -> Iterator[None]:
    """With the rights that modes give to others. Root, whom modes do not bind, becomes another user for it."""
    is_root = os.geteuid() == 0
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (*store.parent.iterdir(), store.parent)}
    for path, mode in () if is_root else modes.items():
        path.chmod((mode & 0o7) * 0o111)
    if is_root:
        os.setegid(65534)
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
            os.setegid(0)
        for path in () if is_root else reversed(modes):
            path.chmod(modes[path])


@pytest.fixture
def shared() -> Iterator[Path]:
    """In a directory that every user can enter, but only we can write to."""
    directory = Path(tempfile.mkdtemp(prefix="runaway-store-"))
    directory.chmod(0o755)
    yield directory / "watchdog.db"
    shutil.rmtree(directory)


def test_a_store_that_is_not_ours_to_read_asks_for_sudo(shared: Path) -> None:
    """The mend is a command, not an errno."""
    connect(shared).close()
    with as_a_stranger(shared), pytest.raises(StoreUnavailable, match="run it with sudo"):
        connect(shared, readonly=True)


def test_a_directory_that_is_not_ours_asks_for_sudo(shared: Path) -> None:
    """The same where the file cannot even be seen."""
    connect(shared).close()
    shared.parent.chmod(0o700)
    with as_a_stranger(shared), pytest.raises(StoreUnavailable, match="run it with sudo"):
        connect(shared, readonly=True)


def test_a_store_that_nobody_has_open_is_read_without_write_access(shared: Path) -> None:
    """A reader that may not create the index of the log reads the file alone."""
    connect(shared).close()
    shared.chmod(0o644)
    with as_a_stranger(shared), closing(connect(shared, readonly=True)) as store:
        assert store.execute("SELECT count(*) FROM lineage").fetchone() == (0,)


def test_a_store_in_use_is_read_without_write_access(shared: Path) -> None:
    """The log of the running watch is read along."""
    with closing(connect(shared)) as writer:
        records.put_lineage(writer, LineageRecord("k", "/g", "n"), 1.0)
        for each in shared.parent.iterdir():
            each.chmod(0o644)
        with as_a_stranger(shared), closing(connect(shared, readonly=True)) as store:
            assert store.execute("SELECT count(*) FROM lineage").fetchone() == (1,)


def _not_a_database(file: Path) -> None:
    file.write_bytes(b"this is not a database, by no means\n" * 200)


def _damaged_inside(file: Path) -> None:
    with closing(connect(file)) as store:
        for number in range(500):
            records.put_lineage(store, LineageRecord(f"key {number}", "/g" * 50, "n"), 1.0)
    content = bytearray(file.read_bytes())
    content[8192 : len(content) - 4096] = b"\xff" * (len(content) - 12288)
    file.write_bytes(content)


def _an_index_short_of_a_row(file: Path) -> None:
    with closing(connect(file)) as store:
        for number in range(20):
            records.put_lineage(store, LineageRecord(f"key {number}", "/g", "n"), 1.0)
        page = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_lineage_1'").fetchone()
        size = store.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(file.read_bytes())
    at = content.index(b"key 7", (page[0] - 1) * size)
    content[at : at + 5] = b"key x"
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [_not_a_database, _damaged_inside, _an_index_short_of_a_row])
def test_a_damaged_store_is_set_aside_by_the_watch_alone(file: Path, damage: Callable[[Path], None]) -> None:
    """Nothing is deleted; a reader or a case does not move the file from under the watch."""
    file.parent.mkdir()
    damage(file)
    broken = file.read_bytes()
    if damage is _not_a_database:
        for readonly in (True, False):
            with pytest.raises(StoreUnavailable, match=r"damaged.*sets the damaged file aside"):
                connect(file, readonly=readonly)
    with closing(connect(file, repair=True)) as store:
        assert store.execute("SELECT count(*) FROM lineage").fetchone() == (0,)
    aside = [each for each in file.parent.iterdir() if ".corrupt-" in each.name]
    assert [each.read_bytes() for each in aside if each.name[-1].isdigit()] == [broken]


def test_a_healthy_store_is_not_set_aside(file: Path) -> None:
    """Repair looks first."""
    with closing(connect(file)) as store:
        records.put_lineage(store, LineageRecord("k", "/g", "n"), 1.0)
    with closing(connect(file, repair=True)) as store:
        assert store.execute("SELECT count(*) FROM lineage").fetchone() == (1,)


def test_reading_turns_every_fault_into_a_sentence(file: Path) -> None:
    """A command that fails in the middle has a problem and a mend to print."""
    connect(file).close()
    with pytest.raises(StoreUnavailable, match="cannot be used") as caught, reading(file) as store:
        store.execute("SELECT * FROM no_such_table")
    assert "doctor" in caught.value.fix


def test_a_locked_store_is_told_to_be_passing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer holds it: try again."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    with closing(connect(file)) as first, closing(connect(file)) as second:
        first.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            second.execute("BEGIN IMMEDIATE")
        told = database.unavailable(caught.value, str(file))
        assert told.passing
        assert "try again" in told.fix


def test_a_path_in_place_of_the_directory_is_told(tmp_path: Path) -> None:
    """No traceback where store.path leads through a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        connect(tmp_path / "file" / "watchdog.db")


def test_a_name_with_marks_of_a_uri_is_read(tmp_path: Path) -> None:
    """A question mark in the path is no parameter."""
    file = tmp_path / "what?#50%" / "watch dog.db"
    connect(file).close()
    connect(file, readonly=True).close()


def process(pid: int, lineage: str, at: float) -> ProcessRecord:
    return ProcessRecord(ProcKey("boot", pid, pid), LineageRecord(lineage, "/g", "n"), "[]", at, at)


def incident(number: int, lineage: str, at: float) -> IncidentRecord:
    return IncidentRecord(number, LineageRecord(lineage, "/g", "n"), "r", "warning", "s", at, 99.0, 300.0, 1, 1)


def test_pruning_deletes_the_old_and_keeps_open_incidents(file: Path) -> None:
    """What is older than `keep` goes, with its lineage once nothing refers to it."""
    now = 100 * DAY
    with closing(connect(file)) as store:
        for number, (lineage, at) in enumerate((("old", 1 * DAY), ("open", 1 * DAY), ("new", 99 * DAY)), 1):
            records.put_process(store, process(number, lineage, at), at)
            records.open_incident(store, incident(number, lineage, at))
            outbox.enqueue(store, number, "opened", "terminal", "{}", at)
            if lineage != "open":
                records.resolve_incident(store, number, at + 60)
        assert prune(store, now, 30 * DAY) > 0
        assert store.execute("SELECT key FROM lineage ORDER BY key").fetchall() == [("new",), ("open",)]
        assert store.execute("SELECT id FROM incident ORDER BY id").fetchall() == [(2,), (3,)]
        assert store.execute("SELECT pid FROM process").fetchall() == [(3,)]
        assert store.execute("SELECT incident_id FROM outbox").fetchall() == [(3,)]


def test_pruning_bounds_a_crash_loop(file: Path) -> None:
    """The newest processes of a lineage stay; its returns are counted elsewhere."""
    with closing(connect(file)) as store:
        with transaction(store):
            for number in range(900):
                records.put_process(store, process(number, "loop", float(number)), 1000.0)
            records.put_process(store, process(5000, "other", 1.0), 1000.0)
        prune(store, 1000.0, 30 * DAY)
        assert store.execute("SELECT count(*), min(pid), max(pid) FROM process").fetchone() == (501, 400, 5000)
