"""Runs inside the box: start programs side by side, and read what CPU each has used by the kernel's clock.

Reads {"programs": {NAME: [WORD, …]}, "settle_s", "seconds"} from standard input; a name that ends in "@URL" is asked
for that URL once a second by us. Writes {"cpu_ms": {NAME: a second}, "pss_mib": {NAME: …}, "idle_percent": of all CPUs,
"processes": how many there are}.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from typing import Any


def cpu_ns(pid: int) -> int:
    return time.clock_gettime_ns((~pid << 3) | 2)  # user + system of all threads, children not included


def pss_mib(pid: int) -> float:
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def idle_ticks() -> int:
    with open("/proc/stat") as file:
        return sum(map(int, file.readline().split()[4:6]))


def passes(seconds: float, urls: list[str]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for url in urls:
            with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:  # our own program's, on loopback
                answer.read()
        time.sleep(min(1.0, left))


def start(words: list[str]) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(words, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def measure(order: dict[str, Any]) -> dict[str, Any]:
    running = {name: start(words) for name, words in order["programs"].items()}
    urls = [name.partition("@")[2] for name in running if "@" in name]
    try:
        passes(order["settle_s"], urls)
        before, idle, began = {name: cpu_ns(each.pid) for name, each in running.items()}, idle_ticks(), time.monotonic()
        passes(order["seconds"], urls)
        after, lasted = {name: cpu_ns(each.pid) for name, each in running.items()}, time.monotonic() - began
        return {
            "cpu_ms": {name: (after[name] - before[name]) / 1e6 / lasted for name in running},
            "pss_mib": {name: pss_mib(each.pid) for name, each in running.items()},
            "idle_percent": 100 * (idle_ticks() - idle) / os.sysconf("SC_CLK_TCK") / lasted / (os.cpu_count() or 1),
            "processes": sum(name.isdigit() for name in os.listdir("/proc")),
        }
    finally:
        for each in running.values():
            each.terminate()
        for each in running.values():
            with suppress(subprocess.TimeoutExpired):
                each.wait(10)
            each.kill()


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin))))
