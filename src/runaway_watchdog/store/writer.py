"""The watch's writer: a thread with a bounded queue, so that the loop never waits for the disk.

Where the disk is full, slow or gone, the loop goes on: what does not fit into the queue is counted as dropped, the
rest is written as soon as the disk takes it again.
"""

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from runaway_watchdog.store.database import StoreUnavailable, connect, transaction

Operation = Callable[[sqlite3.Connection], object]
"""One small write, part of a transaction that it does not end. It may be tried again after a failed one."""

Open = Callable[[], sqlite3.Connection]

CAPACITY: Final = 2048
_BATCH: Final = 256
_RETRY_S: Final = (1.0, 5.0, 30.0)
_OF_THE_FILE: Final = (
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
)  # fmt: skip
_OF_THE_DISK: Final = (
    *_OF_THE_FILE, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
)  # fmt: skip


class Writer:
    """Takes operations from one producer and commits them in batches, in their order."""

    def __init__(
        self,
        path: str,
        *,
        capacity: int = CAPACITY,
        retry_s: tuple[float, ...] = _RETRY_S,
        open_store: Open | None = None,
    ) -> None:
        """Start the thread. It opens the store itself; `open_store` stands in for that in tests."""
        self._path = path
        self._open = open_store or (lambda: connect(path, repair=True))
        self._capacity = capacity
        self._retry_s = retry_s
        self._queue: deque[Operation] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self._dropped = 0
        self._problem: str | None = None
        self._refusal: str | None = None
        self._file: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._work, name="store", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many operations were never written: no room for them, or refused by the store."""
        return self._dropped

    @property
    def problem(self) -> str | None:
        """Why nothing can be written at the moment; None while it can."""
        return self._problem

    @property
    def refusal(self) -> str | None:
        """Why the store last refused one single operation."""
        return self._refusal

    def put(self, operation: Operation) -> bool:
        """Hand over one operation, at once. False: the queue is full, and it is dropped."""
        with self._wake:
            if self._closing or len(self._queue) >= self._capacity:
                self._dropped += 1
                return False
            self._queue.append(operation)
            self._wake.notify()
        return True

    def look_again(self) -> None:
        """Open the file anew before the next write, and repair it: somebody else could not use it.

        A page that was damaged under us may never be read again by this connection, which has its own copy.
        """
        self._file = None

    def close(self, timeout: float) -> bool:
        """Write what is left, for at most `timeout` seconds. False: not everything got written."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self._queue

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        failures = 0
        while (batch := self._next_batch()) is not None:
            try:
                # Deleted or replaced under us: we would go on writing into nowhere.
                if connection is None or _identity(self._path) != self._file:
                    connection = self._reopened(connection)
                self._write(connection, batch)
            except (sqlite3.Error, OSError, StoreUnavailable) as fault:
                self._put_back(batch)
                self._problem = str(fault)
                if connection is not None and _needs_new_connection(fault):
                    connection.close()
                    connection = None
                failures += 1
                if not self._pause(self._retry_s[min(failures, len(self._retry_s)) - 1]):
                    break
            else:
                failures, self._problem = 0, None
        if connection is not None:
            connection.close()

    def _next_batch(self) -> list[Operation] | None:
        """Wait for work; None at the end."""
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            if not self._queue:
                return None
            return [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH))]

    def _put_back(self, batch: list[Operation]) -> None:
        with self._wake:
            self._queue.extendleft(reversed(batch))

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try. False: it is closing, and there is no next one."""
        until = time.monotonic() + seconds
        with self._wake:
            while not self._closing and (left := until - time.monotonic()) > 0:
                self._wake.wait(left)
            return not self._closing

    def _reopened(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        if connection is not None:
            connection.close()
        fresh = self._open()
        self._file = _identity(self._path)
        return fresh

    def _write(self, connection: sqlite3.Connection, batch: list[Operation]) -> None:
        """One transaction. An operation that the store refuses for what it is goes alone; the others are written."""
        refused = 0
        with transaction(connection):
            for operation in batch:
                connection.execute("SAVEPOINT operation")
                try:
                    operation(connection)
                except Exception as fault:  # hostile text or a bug of ours must not end the thread
                    if _code(fault) in _OF_THE_DISK:
                        raise
                    connection.execute("ROLLBACK TO operation")
                    refused += 1
                    self._refusal = f"{type(fault).__name__}: {fault}"
                connection.execute("RELEASE operation")
        self._dropped += refused


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is there now; None: none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _code(fault: BaseException) -> int:
    """SQLite's primary error code; 0 where it was not SQLite."""
    return int(getattr(fault, "sqlite_errorcode", 0)) & 0xFF


def _needs_new_connection(fault: BaseException) -> bool:
    """A full disk is tried again on the same connection; a damaged or vanished file is opened anew, and repaired."""
    return _code(fault) in _OF_THE_FILE
