"""A week of the watch in minutes, on a made-up host where things come and go; or hours in real time, with an engine.

    PYTHONPATH=src:tests .venv/bin/python tests/bench/soak.py [--days 7]
    sudo PYTHONPATH=tests .venv/bin/python tests/bench/soak.py --hours 1

Prints what the watch holds and costs, a line for each tenth of the time: memory, descriptors, database and CPU a look
have to stay where they are. `watch_scale.py` puts both into docs/performance.md. The week takes every one of its looks
(see inside/week.py). The hours run in a VPS in a box, from the built wheel, as the installed service: containers of a
real engine are made and removed all the time, a unit ends and is restarted, and one spins now and then.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from e2e.rig import docker, product
from e2e.rig.box import Box
from truth import pages

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
UNIT = "runaway-watchdog.service"
STORE = "/var/lib/runaway-watchdog/watchdog.db"
PARTS = 10
SETTLED = 3  # tenths of the time, after which nothing may grow any more
MOST_GROWTH_MIB = 1.0
CONFIG = '[[rule]]\ncpu = 90\nfor = "1m"\n'
CHURN = f"""\
[Service]
ExecStart=/bin/sh -c 'while :; do docker run --rm {docker.IMAGE} true; sleep 10; done'
"""
FLAPS = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sleep 5\nRestart=always\nRestartSec=1\n"
SPINS = "[Service]\nExecStart=/bin/sh -c 'while :; do timeout 180 sh -c \"while :; do :; done\"; sleep 300; done'\n"
UNITS = {"churn": CHURN, "flaps": FLAPS, "spins": SPINS}

Figures = dict[str, float]


def week(days: float) -> list[Figures]:
    """So many days on the made-up host, in a process of its own."""
    path = os.pathsep.join((str(REPOSITORY / "src"), str(REPOSITORY / "tests")))
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        words = [sys.executable, str(HERE / "inside" / "week.py"), str(days), folder]
        done = subprocess.run(words, env=os.environ | {"PYTHONPATH": path}, check=True, stdout=subprocess.PIPE)
    told: list[Figures] = json.loads(done.stdout)
    return told


def hours(box: Box, length: float) -> list[Figures]:
    """So many hours of the installed service in a box with an engine."""
    box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    box.run("runaway-watchdog install", timeout=120)
    for name, text in UNITS.items():
        box.write(f"/etc/systemd/system/soak-{name}.service", text)
    box.run(f"systemctl daemon-reload && systemctl start {' '.join(f'soak-{name}' for name in UNITS)}")
    told: list[Figures] = []
    began, before = time.monotonic(), (0.0, 0.0)
    for part in range(PARTS + 1):
        time.sleep(max(0.0, began + part * length * 3600 / PARTS - time.monotonic()))
        now = _watch(box)
        looks, cpu_ms = now["looks"] - before[0], now["cpu_ms"] - before[1]
        before = now["looks"], now["cpu_ms"]
        if part:  # the first is what it has cost to start
            told.append({"day": part * length / PARTS / 24, **now, "look_ms": cpu_ms / max(1.0, looks)})
    return told


def _watch(box: Box) -> Figures:
    """The service now, as the kernel and its own store tell."""
    pid = int(box.run(f"systemctl show -P MainPID {UNIT}").stdout)
    smaps = box.read(f"/proc/{pid}/smaps_rollup").splitlines()
    threads = box.run(["sh", "-c", f"cat /proc/{pid}/task/*/schedstat"]).stdout.splitlines()
    files = box.run(f"stat -c %s {STORE} {STORE}-wal", check=False).stdout.split()
    asked = "SELECT ticks, (SELECT coalesce(max(id), 0) FROM incident) FROM beat"
    looks, incidents = box.run(["sqlite3", "-separator", " ", STORE, asked]).stdout.split()
    return {
        "pss_mib": next(int(line.split()[1]) for line in smaps if line.startswith("Pss:")) / 1024,
        "descriptors": len(box.run(f"ls /proc/{pid}/fd").stdout.split()),
        "store_bytes": sum(map(int, files)),
        "cpu_ms": sum(int(line.split()[0]) for line in threads) / 1e6,
        "looks": float(looks),
        "incidents": float(incidents),
    }


def flat(told: list[Figures]) -> tuple[str, bool]:
    """What it has grown by once it had settled, in words; and whether that is nothing to speak of."""
    since, until = told[SETTLED - 1], told[-1]
    pss, store = until["pss_mib"] - since["pss_mib"], (until["store_bytes"] - since["store_bytes"]) / 2**20
    descriptors, cpu = until["descriptors"] - since["descriptors"], until["look_ms"] / since["look_ms"]
    words = f"memory {pss:+.2f} MiB, {descriptors:+.0f} descriptors, database {store:+.2f} MiB, CPU a look x {cpu:.2f}"
    return words, pss < MOST_GROWTH_MIB and descriptors <= 0 and store < MOST_GROWTH_MIB and cpu < 1.5


def table(told: list[Figures]) -> str:
    """As Markdown; days, or hours where it was less than two."""
    short = told[-1]["day"] < 2
    lines = [
        pages.line("hour" if short else "day", "PSS, MiB", "descriptors", "store, KiB", "CPU a look, ms", "incidents"),
        "| --: | --: | --: | --: | --: | --: |",
    ]
    for each in told:
        lines.append(
            pages.line(
                f"{each['day'] * 24:.2f}" if short else f"{each['day']:.1f}", f"{each['pss_mib']:.2f}",
                f"{each['descriptors']:.0f}", f"{each['store_bytes'] / 1024:.0f}", f"{each['look_ms']:.2f}",
                f"{each['incidents']:.0f}",
            )
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=float, default=7.0, help="of the made-up host")
    parser.add_argument("--hours", type=float, help="in real time instead, with an engine, as root")
    asked = parser.parse_args()
    told = week(asked.days) if asked.hours is None else with_an_engine(asked.hours)
    words, is_flat = flat(told)
    print(f"{table(told)}\nsince the first {SETTLED} tenths: {words}")
    return 0 if is_flat else 1


def with_an_engine(length: float) -> list[Figures]:
    """The hours, in a box made for them."""
    *tops, bottom = product.product_layers(product.build_wheel(REPOSITORY))
    with Box((*tops, bottom)) as box:
        docker.import_image(box)
        return hours(box, length)


if __name__ == "__main__":
    sys.exit(main())
