"""What happens to the store's file or disk: the alert is out all the same, and what can be kept is kept."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from faults.service import NOTHING, STATE, STORE, Account, Service

from runaway_watchdog import case
from runaway_watchdog.explain.records import Records
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.store import database, outbox, queries, records, schema
from runaway_watchdog.store.writer import Writer
from runaway_watchdog.world import World, live

rig = pytest.mark.rig

HOLD = """
import sqlite3, sys, time
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""
SMALL_DISK = "mount -t tmpfs -o size=1500k,mode=750,uid=$(id -u runaway-watchdog),gid=$(id -g runaway-watchdog)"


@contextmanager
def small_disk(service: Service) -> Iterator[None]:
    """A disk of its own for the state, of a megabyte and a half, and empty; the old state is back at the end."""
    with service.stopped():
        service.box.run(f"{SMALL_DISK} tmpfs {STATE}")
    try:
        yield
    finally:
        with service.stopped():
            service.box.run(["umount", STATE])


def fill(service: Service) -> None:
    """Until not one byte more goes in."""
    service.box.run(f"cat /dev/zero > {STATE}/fill; rm -f {STATE}/.probe; sync", check=False)
    assert service.box.run(f"echo x > {STATE}/.probe", check=False).returncode != 0


def free(service: Service) -> None:
    service.box.run(f"rm -f {STATE}/fill {STATE}/.probe")


def aside(service: Service) -> list[str]:
    """The files that were set aside."""
    return service.box.run(f"ls {STORE}.corrupt-* 2>/dev/null", check=False).stdout.split()


@rig
def test_a_full_disk(service: Service) -> None:
    """The alert goes out from memory; once there is room, the incident is in the history and no write is missing."""
    with small_disk(service):
        account, before = Account(service), service.log()
        fill(service)
        with service.burning("on-a-full-disk") as pid:
            service.wait_told(pid)
            service.wait_log("store-not-writable", after=before)
            before = service.log()
            free(service)
            service.wait_log("store-writable-again", after=before, timeout=60)
            lost = account.lost(pid)
    assert lost == NOTHING, f"lost by a full disk: {lost}"


@rig
@pytest.mark.truth
def test_a_start_on_a_full_disk(service: Service) -> None:
    """It watches and tells without any store, and writes what it knows once there is room."""
    box = service.box
    with small_disk(service):
        account = Account(service)
        box.run(f"systemctl stop runaway-watchdog && rm -f {STATE}/*")
        fill(service)
        box.run("systemctl start runaway-watchdog")
        with service.burning("without-a-store") as pid:
            service.wait_told(pid)
            free(service)
            service.wait_alive()
            box.wait_for("its incident", lambda: service.knows(pid), timeout=60)
            lost = account.lost(pid)
    assert lost == NOTHING, f"lost by a start on a full disk: {lost}"


@rig
@pytest.mark.truth
def test_a_start_on_a_read_only_disk(service: Service) -> None:
    """As one mounts a disk that fails: it watches and tells; once mended, it starts with a history, and tells again."""
    box, before = service.box, service.log()
    with small_disk(service):
        account = Account(service)
        box.run(f"systemctl stop runaway-watchdog && rm -f {STATE}/* && mount -o remount,ro {STATE}")
        try:
            box.run("systemctl start runaway-watchdog")
            with service.burning("on-a-read-only-disk") as pid:
                service.wait_told(pid)
                service.wait_log("is read-only", after=before)
                box.run(f"mount -o remount,rw {STATE}; systemctl restart runaway-watchdog")
                box.wait_for("its incident", lambda: service.knows(pid), timeout=90)
                lost = account.lost(pid)
        finally:
            box.run(f"mount -o remount,rw {STATE}")
    assert lost._replace(repeats=0) == NOTHING, f"lost by a read-only disk: {lost}"
    assert lost.repeats <= 1


@rig
@pytest.mark.truth
def test_a_store_that_another_program_locks(service: Service) -> None:
    """For longer than anybody waits: told from memory; then everything is written, and nothing twice."""
    box, account = service.box, Account(service)
    box.write("/opt/rig/hold.py", HOLD)
    box.run(f"systemd-run --quiet --collect --unit=holds-the-store python3 /opt/rig/hold.py {STORE} 600")
    try:
        box.wait_for("the lock", lambda: "held" in box.run("journalctl -u holds-the-store -ocat").stdout)
        with service.burning("while-locked") as pid:
            service.wait_told(pid)
            box.run("systemctl stop holds-the-store")
            box.wait_for("its incident", lambda: service.knows(pid), timeout=60)
            lost = account.lost(pid)
    finally:
        box.run("systemctl stop holds-the-store", check=False)
    assert lost == NOTHING, f"lost by a lock: {lost}"


@rig
@pytest.mark.truth
def test_a_store_that_was_damaged_while_nobody_watched(service: Service) -> None:
    """Set aside byte for byte, a new one started, and what burns is told."""
    box, known = service.box, set(aside(service))
    with service.stopped():
        box.run(f"head -c 65536 /dev/urandom | dd of={STORE} bs=4096 seek=1 conv=notrunc status=none")
        damaged = box.run(["sha256sum", STORE]).stdout.split()[0]
    account = Account(service)
    (moved,) = [each for each in aside(service) if each not in known and not each.endswith(("-wal", "-shm"))]
    assert box.run(["sha256sum", moved]).stdout.split()[0] == damaged
    with service.burning("after-the-damage") as pid:
        service.wait_told(pid)
        lost = account.lost(pid)
    assert lost == NOTHING, f"lost by a damaged store: {lost}"


@rig
@pytest.mark.truth
def test_a_store_that_is_damaged_under_the_watch(service: Service) -> None:
    """Overwritten from outside while it is open: the watch sets it aside, goes on with a new one, and tells."""
    box, known, account = service.box, set(aside(service)), Account(service)
    box.run(f"size=$(stat -c %s {STORE}); head -c $size /dev/urandom | dd of={STORE} conv=notrunc status=none")
    with service.burning("under-damage") as pid:
        service.wait_told(pid)
        box.wait_for("a new store", lambda: set(aside(service)) - known, timeout=60)
        service.wait_alive()
        box.wait_for("its incident", lambda: service.knows(pid), timeout=60)
        lost = account.lost(pid)
    assert lost == NOTHING, f"lost by damage under the watch: {lost}"


# --- damage that only some of the readers see: no rig is needed ---


def damaged(file: Path) -> None:
    """Everything but the first page, of a store that is larger than what its writer keeps in memory."""
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)


def fill_with_lineages(file: Path) -> None:
    with closing(database.connect(file)) as store, database.transaction(store):
        for number in range(500):
            records.put_lineage(store, records.LineageRecord(f"key {number}", "/g" * 50, "n"), 1.0)


def holds(file: Path, words: bytes) -> bool:
    """The log comes and goes while the store is opened."""
    with suppress(FileNotFoundError):
        return words in file.read_bytes()
    return False


def test_the_writer_looks_again_when_others_cannot_read(tmp_path: Path) -> None:
    """It goes on with its own copy of the pages until it is told; then the file is set aside and a new one has all."""
    file = tmp_path / "watchdog.db"
    fill_with_lineages(file)
    writer = Writer(str(file))
    try:
        writer.put(lambda store: records.put_lineage(store, records.LineageRecord("before", "/g", "n"), 1.0))
        deadline = time.monotonic() + 20
        while not holds(Path(f"{file}-wal"), b"before"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        damaged(file)
        writer.look_again()
        writer.put(lambda store: records.put_lineage(store, records.LineageRecord("after", "/g", "n"), 1.0))
    finally:
        assert writer.close(20.0)
    assert len(list(tmp_path.glob("*.corrupt-*[0-9]"))) == 1
    assert writer.dropped == 0, f"lost: {writer.dropped} writes"
    with closing(database.connect(file, readonly=True)) as store:
        assert store.execute("SELECT key FROM lineage").fetchall() == [("after",)]


def test_a_case_explains_without_a_history_that_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The damage shows only when a page is read: the explanation names it as a gap, and the watch is told."""
    file = tmp_path / "watchdog.db"
    fill_with_lineages(file)
    damaged(file)
    asked: list[Records] = []

    def investigate(world: World, known: Records, case_request: CaseRequest) -> CaseFile | None:
        asked.append(known)
        trace = known.trace(case_request.pid)
        return None if trace is None else trace.last

    monkeypatch.setattr(case, "investigate", investigate)
    order = CaseRequest(1, "opened", "r", "warning", 10, 100, "/g", "lineage", 99.0, 300.0, 1e9)
    told, is_damaged = case._with_what_is_kept(live(), file, order)
    assert (told, is_damaged) == (None, True)
    (gap,) = asked[1].gaps()
    assert "is damaged" in gap.problem


# --- older versions: no rig is needed ---

Row = tuple[object, ...]
ROWS: dict[str, Row] = {
    "lineage": (1, "k", "/system.slice/old.service", "spin", 100.0, 900.0, 3, 0.2, 4.5),
    "process": ("b", 42, 4200, 1, "spin", '["spin"]', 99.0, 110.0, 99.5, 10.0, 900.0, 901.0, 1, 41, 4100, 0.2),
    "incident": (7, 1, "sustained-cpu", "warning", "open", "spin burns", 120.0, None, 99.5, 300.0, 42, 4200),
    "case_file": (1, 130.0, '{"schema_version": 1}'),
    "outbox": (5, 7, "opened", "json(127.0.0.1)", "{}", 120.0, 120.0, 2, None, "refused"),
    "beat": (1, 99, 100.0, 900.0, 450, 0),
    "watched": (10, 100, 10.0),
    "curve_group": (1, "/system.slice/old.service"),
    "curve": (10, 100, 1, 9.9),
}
"""One row for each table of the earlier versions, in the columns that it had when it was made."""


def store_of(version: int, file: Path) -> dict[str, Row]:
    """A file as that version left it, made by its own migrations; the rows in it, by their tables."""
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        for script in schema.MIGRATIONS[:version]:
            for statement in script.split(";\n"):
                old.execute(statement)
        tables = {row[0] for row in old.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        put = {table: row for table, row in ROWS.items() if table in tables}
        for table, row in put.items():
            names = ", ".join(columns(old, table)[: len(row)])
            old.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", row)
        old.execute(f"PRAGMA user_version = {version}")
        return put


def columns(store: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in store.execute(f"PRAGMA table_info({table})")]


def missing(store: sqlite3.Connection, put: dict[str, Row]) -> list[str]:
    """The tables that no longer hold what was put into them."""
    kept = {table: store.execute(f"SELECT * FROM {table}").fetchall() for table in put}
    return [table for table, row in put.items() if [each[: len(row)] for each in kept[table]] != [row]]


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION))
def test_an_upgrade_from_every_earlier_version(version: int, tmp_path: Path) -> None:
    """Every row is there afterwards, and the incident is open, told of, and taken up again."""
    file = tmp_path / "watchdog.db"
    put = store_of(version, file)
    assert len(put) >= 6
    with closing(database.connect(file, repair=True)) as store:
        lost = missing(store, put)
        left = records.resume(store, "b", 50.0, 1000.0, 100)
        assert not lost, f"{len(lost)} of {len(put)} tables lost their row: {lost}"
        assert [each.id for each in left.incidents] == [7]
        assert [row.id for row in outbox.due(store, 1000.0)] == [5]
    with closing(database.connect(file, readonly=True)) as reader:
        assert queries.incidents(reader)[0].summary == "spin burns"


@pytest.mark.parametrize("version", range(1, schema.SCHEMA_VERSION))
def test_an_upgrade_that_is_cut_off(version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is what it was, and the next try succeeds: a step is taken whole or not at all."""
    file = tmp_path / "watchdog.db"
    put = store_of(version, file)
    whole = schema.MIGRATIONS
    broken = (*whole[:-1], whole[-1] + ";\nINSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(database, "MIGRATIONS", broken)
    with pytest.raises(database.StoreUnavailable):
        database.connect(file, repair=True)
    with closing(sqlite3.connect(file)) as left:
        assert left.execute("PRAGMA user_version").fetchone() == (version,)
        assert missing(left, put) == []
    monkeypatch.setattr(database, "MIGRATIONS", whole)
    with closing(database.connect(file, repair=True)) as store:
        assert missing(store, put) == []
