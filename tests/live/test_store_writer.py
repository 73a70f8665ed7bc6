"""The store's thread: nothing that happens to the disk reaches the producer."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runaway_watchdog.store import records
from runaway_watchdog.store.database import StoreUnavailable, connect
from runaway_watchdog.store.records import LineageRecord
from runaway_watchdog.store.writer import Operation, Writer

QUICK = (0.02,)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "watchdog.db"


def lineage(key: str) -> Operation:
    return lambda store: records.put_lineage(store, LineageRecord(key, "/g", "n"), 1.0)


def keys(file: Path) -> list[str]:
    with closing(connect(file, readonly=True)) as store:
        return [row[0] for row in store.execute("SELECT key FROM lineage ORDER BY id")]


def holds(file: Path, *expected: str) -> bool:
    """Are exactly these written? A store that is not there or still empty holds nothing."""
    try:
        return keys(file) == list(expected)
    except StoreUnavailable:
        return False


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def test_operations_are_written_in_their_order(file: Path) -> None:
    """Closing writes what is left."""
    writer = Writer(str(file))
    for number in range(1000):
        assert writer.put(lineage(f"{number:04}"))
    assert writer.close(10.0)
    assert keys(file) == [f"{number:04}" for number in range(1000)]
    assert (writer.dropped, writer.problem) == (0, None)


def test_readers_and_the_writer_do_not_hinder_each_other(file: Path) -> None:
    """Many readers see whole transactions while the writer goes on."""
    connect(file).close()
    writer = Writer(str(file))
    stop, faults = threading.Event(), list[BaseException]()

    def read() -> None:
        try:
            while not stop.is_set():
                keys(file)
        except (sqlite3.Error, StoreUnavailable) as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(300):
        writer.put(lineage(str(number)))
    assert writer.close(20.0)
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert len(keys(file)) == 300


def test_a_full_queue_drops_and_counts_and_never_waits(file: Path) -> None:
    """A disk that hangs costs writes, not time."""
    hang, reached = threading.Event(), threading.Event()

    def slow(store: sqlite3.Connection) -> None:
        reached.set()
        hang.wait(20)

    writer = Writer(str(file), capacity=10)
    writer.put(slow)
    assert reached.wait(10)
    before = time.monotonic()
    taken = [writer.put(lineage(str(number))) for number in range(50)]
    assert time.monotonic() - before < 10  # of the 20 that the disk hangs
    assert taken == [True] * 10 + [False] * 40
    assert writer.dropped == 40
    hang.set()
    assert writer.close(10.0)
    assert keys(file) == [str(number) for number in range(10)]


def failing(error: str, code: int, times: int) -> Operation:
    """Fails as the disk would, so many times."""
    left = [times]

    def operation(store: sqlite3.Connection) -> None:
        if left[0]:
            left[0] -= 1
            fault = sqlite3.OperationalError(error)
            fault.sqlite_errorcode = code
            raise fault

    return operation


@pytest.mark.parametrize(
    ("error", "code"),
    [("database or disk is full", sqlite3.SQLITE_FULL), ("disk I/O error", sqlite3.SQLITE_IOERR), ("locked", 5)],
)
def test_a_failing_disk_is_tried_again_and_nothing_is_lost_or_doubled(file: Path, error: str, code: int) -> None:
    """The batch that failed is written later, whole and once."""
    writer = Writer(str(file), retry_s=QUICK)
    writer.put(lambda store: [lineage("first")(store), failed(store)])
    failed = failing(error, code, 3)
    writer.put(lineage("second"))
    wait_for(lambda: holds(file, "first", "second"))
    wait_for(lambda: writer.problem is None)
    assert writer.close(10.0)
    assert writer.dropped == 0


def test_a_failing_disk_is_told(file: Path) -> None:
    """While it lasts, `problem` says why; closing does not wait for ever, and says that not all got written."""
    writer = Writer(str(file), retry_s=(60.0,))
    writer.put(failing("database or disk is full", sqlite3.SQLITE_FULL, 1000))
    wait_for(lambda: writer.problem)
    assert writer.problem == "database or disk is full"
    assert not writer.close(5.0)


def test_a_store_that_cannot_be_opened_is_tried_again(file: Path) -> None:
    """The watch may start before its disk is there."""
    refusals = [StoreUnavailable("the disk is full", "free some space")] * 3

    def open_store() -> sqlite3.Connection:
        if refusals:
            raise refusals.pop()
        return connect(file)

    writer = Writer(str(file), retry_s=QUICK, open_store=open_store)
    writer.put(lineage("late"))
    wait_for(lambda: not refusals)
    wait_for(lambda: holds(file, "late"))
    assert writer.close(10.0)


@pytest.mark.parametrize(
    "bad",
    [
        lambda store: store.execute("INSERT INTO beat (id) VALUES (7)"),
        lambda store: store.execute("INSERT INTO no_such_table VALUES (1)"),
        lambda store: store.execute("SELECT ?", ("\udcff",)),
        lambda store: store.execute("SELECT ?", (2**70,)),
        lambda store: [store, 1 // 0],
    ],
)
def test_one_bad_operation_goes_alone(file: Path, bad: Operation) -> None:
    """Its own writes are undone, the others of the batch are kept, and the thread lives."""
    writer = Writer(str(file))
    writer.put(lineage("before"))
    writer.put(lambda store: [lineage("half")(store), bad(store)])
    writer.put(lineage("after"))
    assert writer.close(10.0)
    assert keys(file) == ["before", "after"]
    assert writer.dropped == 1
    assert writer.refusal


def test_a_store_that_is_deleted_is_made_anew(file: Path) -> None:
    """Somebody removed the files: we do not go on writing into nowhere."""
    writer = Writer(str(file))
    writer.put(lineage("old"))
    wait_for(lambda: holds(file, "old"))
    for each in file.parent.iterdir():
        each.unlink()
    writer.put(lineage("new"))
    wait_for(lambda: holds(file, "new"))
    assert writer.close(10.0)


def test_a_store_that_is_overwritten_is_set_aside(file: Path) -> None:
    """Damage under a running watch: the broken file is kept, a new store begun."""
    writer = Writer(str(file), retry_s=QUICK)
    writer.put(lineage("old"))
    wait_for(lambda: holds(file, "old"))
    garbage = file.parent / "garbage"
    garbage.write_bytes(b"no database " * 1000)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink()
    shutil.move(garbage, file)
    writer.put(lineage("new"))
    wait_for(lambda: list(file.parent.glob("*.corrupt-*")))
    assert writer.close(10.0)
    assert keys(file) == ["new"]


def test_after_closing_nothing_is_taken(file: Path) -> None:
    """What comes too late is counted."""
    writer = Writer(str(file))
    assert writer.close(10.0)
    assert not writer.put(lineage("late"))
    assert writer.dropped == 1
