"""Days of the watch in minutes: every look of them, on a made-up host where things come and go.

    PYTHONPATH=src:tests python tests/bench/inside/week.py DAYS FOLDER

Time is an argument, and so is what the host does; everything else is as on a real host: counters in files, the store's
thread, the default rules. Cases write their messages, and senders say that these were sent. On this host

- a web unit uses 12 % of a core, and every night at three 70 % for half an hour;
- a container is deployed anew every ten minutes, and a cron job burns for a minute and a half every five;
- a worker burns all day, is killed every four minutes, and is back at the next look;
- at nine each day a unit runs away for three quarters of an hour.

Writes a JSON list of {"day", "pss_mib", "descriptors", "store_bytes", "look_ms", "store_ms", "incidents"}, one for each
tenth of the time: CPU a look by the loop and by the store's thread, incidents in all so far.
"""

import json
import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from bench.inside.endurance import compiled, left
from unit.watch_host import FakeHost

from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.store import outbox, queries
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.writer import Writer
from runaway_watchdog.watch.driver import Driver
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.recorder import Recorder

LOOK_S = 2.0
DAY_S = 86400.0
SLICE = "/system.slice"
WEB, WORKER, NIGHTLY, CRON = (f"{SLICE}/{name}.service" for name in ("web", "worker", "report", "cron"))
CONFIG = '[store]\nkeep = "2d"\n'
PARTS = 10
LIVENESS_LOOKS, PRUNE_LOOKS = 5, 1800  # ten seconds and an hour, as in the loop


class Churn:
    """What the host does from one look to the next."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self._used_s = dict.fromkeys((SLICE, WEB, WORKER, NIGHTLY, CRON), 0.0)
        self._last_pid = 100
        self._running: dict[str, int] = {}
        self._container = ""
        for group in self._used_s:
            host.group(group, 0.0)
        for group in (WEB, WORKER, NIGHTLY):
            self._start(group)
        self._deploy(0)

    def passes(self, second: float) -> None:
        """Two seconds, of which the first is this one."""
        moment, web = second % DAY_S, 0.7 if 3.0 <= second % DAY_S / 3600 < 3.5 else 0.12
        if moment % 600 == 0:
            self._deploy(int(second))
        if moment % 240 == 0:
            self._end(WORKER)
            self._start(WORKER)
        if moment % 300 == 0:
            self._start(CRON)
        if moment % 300 == 90 and CRON in self._running:
            self._end(CRON)
        shares = {WEB: web, WORKER: 0.95, self._container: 0.05}
        if CRON in self._running:
            shares[CRON] = 0.9
        if 9.0 <= moment / 3600 < 9.75:
            shares[NIGHTLY] = 0.99
        for group, share in shares.items():
            self._burn(group, share * LOOK_S)
        busy_s = sum(shares.values()) * LOOK_S
        self._used_s[SLICE] += busy_s
        self._host.group(SLICE, self._used_s[SLICE])
        self._host.passes(LOOK_S, busy_s)
        self._host.reads.clear()  # what it notes for tests would be the only thing here that grows

    def _burn(self, group: str, seconds: float) -> None:
        self._used_s[group] += seconds
        self._host.group(group, self._used_s[group])
        self._host.used_ns[self._running[group]] += int(seconds * 1e9)

    def _start(self, group: str) -> None:
        self._last_pid += 1
        self._running[group] = self._last_pid
        self._host.process(self._last_pid, start_s=self._host.now, group=group)

    def _end(self, group: str) -> None:
        self._host.end(self._running.pop(group), group)

    def _deploy(self, second: int) -> None:
        """The container before this one goes, with its group."""
        if self._container:
            self._end(self._container)
            del self._used_s[self._container]
            shutil.rmtree(self._host.cgroups / self._container.lstrip("/"))
        self._container = f"{SLICE}/docker-{second:064x}.scope"
        self._used_s[self._container] = 0.0
        self._host.group(self._container, 0.0)
        self._start(self._container)


class Week:
    """The watch on that host."""

    def __init__(self, folder: Path) -> None:
        config = folder / "config.toml"
        config.write_text(CONFIG)
        self.store = str(folder / "watchdog.db")
        self.host = FakeHost(folder / "host")
        self.churn = Churn(self.host)
        self.writer = Writer(self.store)
        clocks = self.host.host.clocks
        self.recorder = Recorder(self.writer, clocks.boottime, clocks.wall)
        self.configuration = compiled(str(config))
        log = Log(os.open(os.devnull, os.O_WRONLY), "")
        self.driver = Driver(self.host.host, self.configuration, self.recorder, log, self._case)

    def look(self, number: int) -> float:
        """Two seconds pass, and the watch looks. Returns the CPU of that look in milliseconds."""
        self.churn.passes(number * LOOK_S)
        began = time.thread_time()
        self.driver.tick()
        if number % LIVENESS_LOOKS == 0:
            self.recorder.liveness(number)
            self.recorder.ask_outbox(lambda _: None)
            self.recorder.ask_user_input(self.driver.hear)
        if number % PRUNE_LOOKS == 0:
            self.recorder.prune(self.configuration.keep_s)
        return (time.thread_time() - began) * 1000

    def store_ms(self) -> float:
        """CPU of the store's thread so far."""
        statistics = Path(f"/proc/self/task/{self.writer._thread.native_id}/schedstat").read_text()
        return int(statistics.split()[0]) / 1e6

    def _case(self, request: CaseRequest, *_: object) -> None:
        now = self.host.host.clocks.wall()

        def write(store: sqlite3.Connection) -> None:
            outbox.enqueue(store, request.incident_id, request.kind, "terminal", '{"text": "x"}', now)
            for each in outbox.due(store, now):
                outbox.mark_sent(store, each.id, now)

        if request.incident_id:
            self.writer.put(write)


def main(days: float, folder: Path) -> None:
    week, told = Week(folder), []
    looks = int(days * DAY_S / LOOK_S)
    part, loop_ms, store_ms = looks // PARTS, 0.0, week.store_ms()
    for number in range(1, part * PARTS + 1):
        loop_ms += week.look(number)
        while len(week.writer._queue) > 1000:  # a real second leaves it time
            time.sleep(0.01)
        if number % part == 0:
            before, store_ms = store_ms, week.store_ms()
            with closing(connect(week.store, readonly=True)) as store:
                incidents = queries.incidents(store)
            newest = max((each.id for each in incidents), default=0)
            figures = {"look_ms": loop_ms / part, "store_ms": (store_ms - before) / part, "incidents": newest}
            told.append({"day": number * LOOK_S / DAY_S, **left(week.store), **figures})
            loop_ms = 0.0
            print(told[-1], file=sys.stderr, flush=True)
    week.writer.close(30)
    print(json.dumps(told))


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
