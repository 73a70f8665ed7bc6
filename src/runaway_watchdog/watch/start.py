"""Puts the watch together and runs it: one for each store."""

import contextlib
import errno
import fcntl
import os
import select
import sys
import time
from typing import NamedTuple

from runaway_watchdog import starting
from runaway_watchdog.linux import exits
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.store import records
from runaway_watchdog.store.database import StoreUnavailable, connect, prepare_directory, transaction
from runaway_watchdog.store.writer import Writer
from runaway_watchdog.watch.children import RETRY_S, Children, Modules
from runaway_watchdog.watch.clocks import system_clocks
from runaway_watchdog.watch.configuration import Configuration, ConfigurationError, read_configuration
from runaway_watchdog.watch.driver import Driver
from runaway_watchdog.watch.lineage import MOST_TRACKED
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.loop import Loop, Parts
from runaway_watchdog.watch.notify import Notifier
from runaway_watchdog.watch.pidfds import Tellers
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.sample import HostFacts, this_host
from runaway_watchdog.watch.signals import Wakeup

STOPPED, FAILED, BAD_CONFIGURATION = 0, 1, 2
_CLOSE_S = 5.0


class CannotStartError(Exception):
    """Why, and what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.fix = mend


class Arguments(NamedTuple):
    """What to watch with: `config_fd` holds the compiled configuration."""

    config_fd: int
    config_arguments: tuple[str, ...]  # of `runaway-watchdog run`, for a reload
    modules: Modules = Modules()
    retry_s: float = RETRY_S  # of a failed case
    units: str | None = None  # the folder of the sockets that start what is short-lived; None: as children
    paths: Paths = Paths()


def watch(arguments: Arguments, log: Log) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    try:
        configuration = read_configuration(arguments.config_fd)
    except ConfigurationError as fault:
        log.fault("no-configuration", problem=fault, mend="start it with `runaway-watchdog run`")
        return BAD_CONFIGURATION
    os.set_inheritable(arguments.config_fd, False)  # children get it by name
    try:
        lock = _lock(configuration.store_path)
        host = this_host(arguments.paths, system_clocks())
        left = _what_was_left(configuration.store_path, host, log)
    except CannotStartError as fault:
        log.fault("cannot-start", problem=fault, mend=fault.fix)
        return FAILED
    writer = Writer(configuration.store_path)
    try:
        sys.path_importer_cache.clear()  # the names of all files that could be imported: 33 KiB, and hardly ever again
        with contextlib.closing(Wakeup()) as wakeup:
            _loop(arguments, configuration, log, host, writer, left, wakeup).run()
    finally:
        if not writer.close(_CLOSE_S):
            log.fault("store-not-closed", problem=writer.problem, dropped=writer.dropped)
        if lock is not None:
            os.close(lock)
    log.info("stopped")
    return STOPPED


def _loop(
    arguments: Arguments, configuration: Configuration, log: Log, host: HostFacts, writer: Writer,
    left: records.Resumed, wakeup: Wakeup,
) -> Loop:  # fmt: skip
    """The parts, put together; the signals of `wakeup` are caught already."""
    poll = select.poll()
    starter = starting.starter(arguments.units)
    children = Children(poll, arguments.config_fd, starter, arguments.modules, arguments.retry_s)
    recorder = Recorder(writer, host.clocks.boottime, host.clocks.wall)
    driver = Driver(host, configuration, recorder, log, children.request_case)
    log.info(
        "watching",
        rules=", ".join(f"{rule.name} {rule.cpu:g} % for {rule.for_s:g} s" for rule in configuration.rules),
        channels=", ".join(configuration.channels),
        store=configuration.store_path,
        groups=host.tree.root if host.tree else "none",
    )
    driver.resume(left)
    notifier = Notifier(dict(os.environ))
    parts = Parts(poll, wakeup, driver, recorder, writer, children, notifier, log, _tellers(notifier))
    return Loop(parts, configuration, arguments.config_arguments, heartbeat_failed_at=left.heartbeat_failed_at)


def _tellers(notifier: Notifier) -> Tellers:
    given = notifier.given(os.environ)
    listening = exits.listen(given.get(starting.EXITS))
    if starting.SENT_SIGNALS not in given:
        return Tellers(listening)
    from runaway_watchdog.linux.sent_signals import SentSignals

    return Tellers(listening, SentSignals(given[starting.SENT_SIGNALS]))


def _lock(store_path: str) -> int | None:
    """Only one watch may write a store. None: the disk takes no lock file now, which must not stop the watch."""
    try:
        prepare_directory(store_path)
        fd = os.open(f"{store_path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    except PermissionError as fault:
        raise CannotStartError(
            f"no permission for {fault.filename}", "run it with sudo, or set store.path to a place of yours"
        ) from fault
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
            return None
        raise CannotStartError(
            f"the store's directory cannot be used: {fault.strerror} ({fault.filename})", "set another store.path"
        ) from fault
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        os.close(fd)
        raise CannotStartError(
            f"another watch is running on the store {store_path}",
            "`runaway-watchdog explain` and `incidents` use it as it is; or stop that one first",
        ) from fault
    return fd


def _what_was_left(store_path: str, host: HostFacts, log: Log) -> records.Resumed:
    """The open incidents of this boot. A disk that is full or failing does not stop the watch: it starts without."""
    clocks = host.clocks
    booted_at = clocks.wall() - clocks.boottime()
    try:
        store = connect(store_path, repair=True)
    except StoreUnavailable as fault:
        if not fault.passing:
            raise CannotStartError(fault.problem, fault.fix) from fault
        log.fault("store-not-readable", problem=fault.problem, mend=fault.fix)
        # Numbers that no earlier incident can have, for the day when the disk takes them.
        return records.Resumed(int(time.time()), (), ())
    try:
        with transaction(store):
            return records.resume(store, host.boot_id, booted_at, clocks.wall(), MOST_TRACKED // 2)
    finally:
        store.close()
