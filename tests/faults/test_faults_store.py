"""What happens to the store's file or disk: the alert is out all the same, and what can be kept is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from faults.service import NOTHING, STATE, STORE, Account, Service

from runaway_watchdog.store import database, outbox, queries, records, schema

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
@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_start_on_a_disk_that_takes_nothing(service: Service, kind: str) -> None:
    """It watches and tells without any store, and writes what it knows once the disk takes it."""
    box = service.box
    with small_disk(service):
        account = Account(service)
        box.run("systemctl stop runaway-watchdog")
        box.run(f"rm -f {STATE}/*")
        fill(service) if kind == "full" else box.run(f"mount -o remount,ro {STATE}")
        box.run("systemctl start runaway-watchdog")
        with service.burning(f"on-a-{kind}-disk") as pid:
            service.wait_told(pid)
            free(service) if kind == "full" else box.run(f"mount -o remount,rw {STATE}")
            service.wait_alive()
            box.wait_for("its incident", lambda: service.knows(pid), timeout=60)
            lost = account.lost(pid)
    assert lost == NOTHING, f"lost by a start on a {kind} disk: {lost}"


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
