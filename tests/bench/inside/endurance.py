"""Runs inside the box: so many looks of the watch, with clocks that run faster, and what they leave behind.

    endurance.py TICKS SPEED FOLDER

One look a second by a clock that runs SPEED times as fast, so that ten thousand of them take minutes. CPU counters are
read times SPEED as well: what burns a core burns a core in that time too. Writes a JSON list of {"tick", "pss_mib",
"descriptors", "store_bytes", "cpu_ms"}, one for each tenth.
"""

import json
import os
import subprocess
import sys
import time

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.store.writer import Writer
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.clocks import Clocks, process_cpu_ns
from runaway_watchdog.watch.configuration import Configuration, parse_configuration
from runaway_watchdog.watch.driver import Driver
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.sample import this_host

LIVENESS_TICKS, PRUNE_TICKS = 10, 600


def main(ticks: int, speed: float, folder: str) -> None:
    began, boot, wall = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), time.time()

    def passed() -> float:
        return (time.monotonic() - began) * speed

    def cpu_ns(pid: int) -> int | None:
        used = process_cpu_ns(pid)
        return None if used is None else int(used * speed)

    def usage_ns(tree: groups.Tree, group: str) -> int | None:
        used = real_usage(tree, group)
        return None if used is None else int(used * speed)

    real_usage, groups.usage_ns = groups.usage_ns, usage_ns
    clocks = Clocks(lambda: began + passed(), lambda: boot + passed(), lambda: wall + passed(), cpu_ns)
    store = f"{folder}/endurance.db"
    configuration = compiled("/etc/bench.toml")
    writer = Writer(store)
    recorder = Recorder(writer, clocks.boottime, clocks.wall)
    host = this_host(Paths(), clocks)
    driver = Driver(host, configuration, recorder, Log(os.open(os.devnull, os.O_WRONLY), ""), lambda *_: None)
    told = []
    for tick in range(1, ticks + 1):
        time.sleep(max(0.0, (tick - passed()) / speed))
        driver.tick()
        if tick % LIVENESS_TICKS == 0:
            recorder.liveness(tick)
        if tick % PRUNE_TICKS == 0:
            recorder.prune(configuration.keep_s)
        if tick % (ticks // 10) == 0:
            told.append({"tick": tick, **left(store)})
    writer.close(10)
    print(json.dumps(told))


def compiled(file: str) -> Configuration:
    """In a process of its own, as the watch has it: what compiles the configuration is larger than the watch."""
    compiling = [sys.executable, "-m", "runaway_watchdog", "run", "--config", file, "--compile"]
    done = subprocess.run(compiling, check=True, capture_output=True)
    return parse_configuration(json.loads(done.stdout))


def left(store: str) -> dict[str, float]:
    """What this process holds, and what it has left in its store."""
    with open("/proc/self/smaps_rollup") as file:
        pss = next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    size = sum(os.path.getsize(store + end) for end in ("", "-wal") if os.path.exists(store + end))
    return {
        "pss_mib": round(pss, 2),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "store_bytes": size,
        "cpu_ms": round(time.process_time() * 1000),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
