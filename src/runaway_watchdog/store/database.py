"""Opens the store: creates, migrates and repairs it for those who write, and tells readers why they cannot read."""

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Iterator

from runaway_watchdog.store.curves import forget_groups
from runaway_watchdog.store.schema import MIGRATIONS, SCHEMA_VERSION

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640
BUSY_TIMEOUT_MS = 2000
STORE_IS_DAMAGED = 3
"""The exit code of a case that has done its work, by which the watch learns that it has to set the file aside."""
_COMPANIONS = ("", "-wal", "-shm")  # the files of one SQLite database in WAL mode
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRUNE_AT_ONCE = 500  # rows of one kind in one transaction: a case waits for its turn meanwhile
_PROCESSES_KEPT = 500  # of one lineage: a crash loop makes thousands a day

Path = str | os.PathLike[str]


class StoreUnavailable(Exception):  # noqa: N818 - it is a state of the store, which the reader mends
    """The store cannot be used. `problem` and `mend` are sentences for the user."""

    def __init__(self, problem: str, mend: str, *, passing: bool = False) -> None:
        """`passing`: the disk may take it again later, without anybody changing the configuration."""
        super().__init__(f"{problem}; {mend}")
        self.problem = problem
        self.fix = mend
        self.passing = passing


def connect(path: Path, *, readonly: bool = False, repair: bool = False) -> sqlite3.Connection:
    """Open the store, in autocommit mode; more than one statement goes into `transaction()`.

    A writer creates and migrates it. `repair` is for the one process that holds the store's lock: a corrupted file
    is set aside as `….corrupt-<time>` and a new one started; to everybody else it is unavailable.

    Raises StoreUnavailable.
    """
    file = os.fspath(path)
    try:
        if readonly:
            return _open_reader(file)
        if repair and _is_damaged(file):
            quarantine(file)
        return _open_writer(file)
    except (sqlite3.Error, OSError) as fault:
        raise unavailable(fault, file) from fault


def prepare_directory(path: Path) -> None:
    """Make the store's directory. Raises OSError."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), DIRECTORY_MODE, exist_ok=True)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The store for one reading command. Whatever goes wrong inside comes out as StoreUnavailable."""
    connection = connect(path, readonly=True)
    try:
        yield connection
    except sqlite3.Error as fault:
        raise unavailable(fault, os.fspath(path)) from fault
    finally:
        connection.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:  # whatever it was, and also a signal: it goes on from here
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise


def is_corrupt(fault: BaseException) -> bool:
    """Is the file itself damaged, or not a database at all?"""
    return isinstance(fault, sqlite3.DatabaseError) and getattr(fault, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def unavailable(fault: BaseException, file: str) -> StoreUnavailable:
    """What an error of SQLite or the file system means to the user."""
    code = getattr(fault, "sqlite_errorcode", 0) & 0xFF
    if isinstance(fault, StoreUnavailable):
        return fault
    if isinstance(fault, FileNotFoundError):
        return StoreUnavailable(
            f"there is no store at {file}: nothing has been watched yet",
            "start the watch with `runaway-watchdog run`, or install it with `sudo runaway-watchdog install`",
        )
    if isinstance(fault, PermissionError) or code in (sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StoreUnavailable(f"no permission for the store {file}", "run it with sudo")
    if is_corrupt(fault):
        return StoreUnavailable(
            f"the store {file} is damaged",
            "restart the watch: it sets the damaged file aside, keeps it, and starts a new one",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreUnavailable(
            f"the store {file} is locked by another program", "try again in a few seconds", passing=True
        )
    if code == sqlite3.SQLITE_FULL or getattr(fault, "errno", 0) == errno.ENOSPC:
        return StoreUnavailable(
            f"the disk of {file} is full", "free some space; it is used again by itself", passing=True
        )
    if _is_on_readonly_disk(file):
        return StoreUnavailable(
            f"the disk of {file} is read-only",
            "make it writable and restart the watch, or set another store.path",
            passing=True,
        )
    failing = code == sqlite3.SQLITE_IOERR or getattr(fault, "errno", 0) == errno.EIO
    return StoreUnavailable(
        f"the store {file} cannot be used: {fault}", "`runaway-watchdog doctor` tells more", passing=failing
    )


def _is_on_readonly_disk(file: str) -> bool:
    """A kernel mounts a disk read-only when it fails; a service's own protection does so with foreign folders."""
    try:
        return bool(os.statvfs(os.path.dirname(os.path.abspath(file))).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def quarantine(file: str) -> str:
    """Set a damaged store aside, with what belongs to it, and return its new name. Nothing is deleted."""
    aside = f"{file}.corrupt-{int(time.time())}"
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            os.replace(file + companion, aside + companion)
    return aside


def prune(connection: sqlite3.Connection, now: float, keep_s: float) -> int:
    """Delete what is older than `keep_s`, and all but the newest processes of a lineage; never an open incident.

    At most a few hundred rows of each kind at once, so that nobody waits; returns how many rows went.
    """
    values = {"before": now - keep_s, "most": _PRUNE_AT_ONCE, "processes": _PROCESSES_KEPT}
    rows = 0
    for statement in _PRUNE:
        rows += connection.execute(statement, values).rowcount
    rows += forget_groups(connection)
    connection.execute("PRAGMA incremental_vacuum(256)").fetchall()
    return rows


_PRUNE = (
    """DELETE FROM incident WHERE id IN
        (SELECT id FROM incident WHERE state = 'resolved' AND resolved_at < :before LIMIT :most)""",
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE max(created_at, next_at) < :before LIMIT :most)",
    """DELETE FROM process WHERE rowid IN
        (SELECT rowid FROM process WHERE coalesce(died_at, seen_at) < :before LIMIT :most)""",
    """DELETE FROM process WHERE rowid IN (
        SELECT rowid FROM (
            SELECT rowid, row_number() OVER (PARTITION BY lineage_id ORDER BY started_at DESC) AS place FROM process)
        WHERE place > :processes LIMIT :most)""",
    """DELETE FROM lineage WHERE id IN (
        SELECT id FROM lineage WHERE last_seen < :before
            AND NOT EXISTS (SELECT 1 FROM incident WHERE incident.lineage_id = lineage.id)
            AND NOT EXISTS (SELECT 1 FROM process WHERE process.lineage_id = lineage.id)
        LIMIT :most)""",
)


def _open_reader(file: str) -> sqlite3.Connection:
    with open(file, "rb"):  # SQLite says "unable to open" for all of absent, forbidden and busy
        pass
    try:
        return _checked_reader(file, "mode=ro")
    except sqlite3.OperationalError as fault:
        # Nobody has it open, and a reader that may not write here cannot make the WAL's index: the file is all.
        if fault.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        if os.path.exists(f"{file}-wal"):
            raise PermissionError(fault) from fault
        return _checked_reader(file, "immutable=1")


def _checked_reader(file: str, mode: str) -> sqlite3.Connection:
    escaped = file.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite3.connect(f"file:{escaped}?{mode}", uri=True, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        _refuse_other(_version(connection), file)
    except BaseException:  # it goes on from here; nobody else could close it
        connection.close()
        raise
    return connection


def _open_writer(file: str) -> sqlite3.Connection:
    prepare_directory(file)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        version = _version(connection)
        _refuse_newer(version, file)
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only before the first table
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last commits, never the file
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -512")  # KiB: the watch keeps this connection for ever
        _migrate(connection)
    except BaseException:  # it goes on from here; nobody else could close it
        connection.close()
        raise
    return connection


def _is_damaged(file: str) -> bool:
    """Look through the whole file: it has a few megabytes, and a damaged page would only show when it is needed.

    A quick check would not see an index that has lost a row (https://sqlite.org/pragma.html#pragma_quick_check).
    """
    if not os.path.exists(file):
        return False
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
    except sqlite3.DatabaseError as fault:
        if not is_corrupt(fault):
            raise
        return True
    finally:
        connection.close()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_other(version: int, file: str) -> None:
    """A reader takes only the version that it knows."""
    _refuse_newer(version, file)
    if version == 0:
        raise StoreUnavailable(
            f"the store {file} is still empty", "the watch is just starting: try again in a few seconds", passing=True
        )
    if version < SCHEMA_VERSION:
        raise StoreUnavailable(
            f"the store {file} is of an older version ({version}, not {SCHEMA_VERSION})",
            "restart the watch: it brings the store up to date",
        )


def _refuse_newer(version: int, file: str) -> None:
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"the store {file} was written by a newer runaway-watchdog (version {version}, this one knows "
            f"{SCHEMA_VERSION})",
            "upgrade runaway-watchdog, or set another store.path",
        )


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring an older store up to date. Two writers may try at once: the second finds it done."""
    if _version(connection) == SCHEMA_VERSION:
        return
    with transaction(connection):
        version = _version(connection)
        for script in MIGRATIONS[version:]:
            for statement in script.split(";\n"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
