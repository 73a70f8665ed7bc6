"""What the watch costs on a host with 200 units and up to 20,000 processes, beside what others cost there.

    sudo PYTHONPATH=tests .venv/bin/python tests/bench/watch_scale.py [--quick]

Everything runs in a VPS in a box (systemd in a container of its own, see tests/e2e/rig), from the built wheel; nothing
stays on the machine. CPU is read from the kernel's clock of each process, and each figure is a ratio to a C program
that opens, reads and closes every /proc/PID/stat in the same seconds: so it hardly depends on the machine. Writes
docs/performance.md, unless --quick is given (seconds instead of minutes, for trying it out). Without a C compiler it
says so and ends: there is no floor to compare with. The page also tells of a made-up week, and with --hours of real
ones (see soak.py).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bench import soak
from e2e.rig import extras, product
from e2e.rig.box import Box
from truth import pages, tables

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
PAGE = REPOSITORY / "docs" / "performance.md"
SOURCES = (
    "src/runaway_watchdog/watch",
    "src/runaway_watchdog/store",
    "tests/bench/watch_scale.py",
    "tests/bench/soak.py",
    "tests/bench/inside",
)

UNITS = 200
SPEED = 150.0  # of the clocks, for the endurance
SIZES = (200, 1000, 5000, 20000)
FULL = 5000
CROWD = "[Service]\nEnvironmentFile=/run/crowd\nExecStart=/opt/bench/crowd ${COUNT}\n"
SPIN = "[Service]\nExecStart=/bin/sh -c 'while :; do :; done'\n"
LOOP = "[Service]\nExecStart=/bin/sh -c 'timeout 0.3 sh -c \"while :; do :; done\"'\nRestart=always\nRestartSec=0.1\n"
FOLDER = "/var/tmp/bench"
CONFIG = f'[sampling]\ninterval = "1s"\n[[rule]]\ncpu = 90\nfor = "1h"\n[store]\npath = "{FOLDER}/watchdog.db"\n'
MONITRC = "set daemon 1\nset log /dev/null\ncheck process init with pidfile /run/none\n"

WATCH = ["runaway-watchdog", "run", "--config", "/etc/bench.toml"]
NO_GROUPS = ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /sys/fs/cgroup && exec {' '.join(WATCH)}"]
EXPORTER_URL = "http://127.0.0.1:9256/metrics"
OTHERS = {
    "top -b -d1": ["top", "-b", "-d1"],
    "pidstat 1": ["pidstat", "1"],
    "atop 1": ["atop", "1"],
    "glances -t 1": ["glances", "--stdout", "cpu.user", "-t", "1"],
    "monit, 1 s": ["monit", "-I", "-c", "/etc/bench.monitrc"],
    f"process-exporter, 1 scrape a second@{EXPORTER_URL}": [
        "prometheus-process-exporter",
        "--procnames",
        "bash,sh,crowd",
    ],
}


class Bench:
    """A box, its crowd, and how long to look."""

    def __init__(self, box: Box, seconds: float, settle_s: float) -> None:
        self._box, self._seconds, self._settle_s = box, seconds, settle_s

    def crowd(self, processes: int) -> None:
        """So many idle processes in `UNITS` units, the former ones gone."""
        self._box.run("systemctl stop 'crowd@*.service'", timeout=120)
        self._box.write("/run/crowd", f"COUNT={processes // UNITS}\n")
        self._box.run(f"systemctl start $(seq -f 'crowd@%g.service' {UNITS})", timeout=300)

    def cost(self, name: str, words: list[str]) -> dict[str, Any]:
        """What this program and the floor cost side by side, on a fresh store. See inside/measure.py."""
        self._box.run(f"rm -rf {FOLDER} && mkdir {FOLDER}")
        programs = {"floor": ["/opt/bench/scan"], name: words}
        order = {"programs": programs, "settle_s": self._settle_s, "seconds": self._seconds}
        limit = self._seconds + self._settle_s + 60
        done = self._box.run(["python3", "/opt/bench/measure.py"], input=json.dumps(order), timeout=limit)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def unit(self, verb: str, name: str) -> None:
        self._box.run(["systemctl", verb, name])

    def endure(self, ticks: int, speed: float) -> list[dict[str, float]]:
        words = [
            "/opt/runaway-watchdog/bin/python",
            "/opt/bench/endurance.py",
            str(ticks),
            str(speed),
            FOLDER,
        ]
        found: list[dict[str, float]] = json.loads(self._box.run(words, timeout=3 * ticks / speed + 120).stdout)
        return found

    def version(self, command: str) -> str:
        return self._box.run(command, check=False).stdout.strip()


class Row(NamedTuple):
    """One line of a table: what was measured beside the floor."""

    name: str
    processes: int
    floor_ms: float
    cpu_ms: float
    pss_mib: float
    idle_percent: float  # of the machine: others use it too

    @property
    def percent(self) -> float:
        return 100 * self.cpu_ms / self.floor_ms


def row(name: str, program: str, found: dict[str, Any]) -> Row:
    return Row(
        name, found["processes"], found["cpu_ms"]["floor"], found["cpu_ms"][program], found["pss_mib"][program],
        found["idle_percent"],
    )  # fmt: skip


# --- the runs ----------------------------------------------------------------------------------------------------


def of_the_watch(bench: Bench) -> list[Row]:
    """Idle and with one runaway, at each size; and at 5,000 without usable groups."""
    rows: list[Row] = []
    for size in SIZES:
        bench.crowd(size)
        rows.append(row("idle", "watch", bench.cost("watch", WATCH)))
        bench.unit("start", "spin.service")
        rows.append(row("one runaway", "watch", bench.cost("watch", WATCH)))
        if size == FULL:
            rows.append(row("one runaway, no groups", "watch", bench.cost("watch", NO_GROUPS)))
        bench.unit("stop", "spin.service")
        if size == FULL:
            rows.append(row("idle, no groups", "watch", bench.cost("watch", NO_GROUPS)))
        _say(rows[-4 if size == FULL else -2 :])
    return rows


def of_others(bench: Bench) -> list[Row]:
    """Each beside the floor, at 5,000 processes."""
    bench.crowd(FULL)
    rows: list[Row] = []
    for name, words in OTHERS.items():
        rows.append(row(name.partition("@")[0], name, bench.cost(name, words)))
        _say(rows[-1:])
    return rows


def _say(rows: list[Row]) -> None:
    for each in rows:
        print(
            f"{each.name:40} {each.processes:6} processes: {each.cpu_ms:7.2f} ms of CPU a second,"
            f" floor {each.floor_ms:6.2f}: {each.percent:6.1f} %; PSS {each.pss_mib:5.1f} MiB;"
            f" machine {each.idle_percent:.0f} % idle",
            flush=True,
        )


# --- the page ----------------------------------------------------------------------------------------------------

_INTRO = """\
# What the watch costs

`tests/bench/watch_scale.py` measures this and writes this page. Everything runs in a container of its own (systemd,
{units} units, one look a second), from the installed wheel. **Floor** is a C program that opens, reads and closes every
`/proc/PID/stat` once a second, in the same seconds and on the same cores, and does nothing else; every ratio is to
that. CPU is the kernel's own clock of each process, children not included; PSS counts a share of the libraries that
others use too.

{machine}

"idle" means that none of the {units} units burns. What the machine itself was doing beside it stands in the last
column: where others burn, the watch cannot skip the look at its groups, and "idle" costs more than on a quiet host.
What it costs together with its cases and senders where very many burn: [on a crowded host](crowded-host.md).
"""
_TARGETS = (  # what, of which row, the most percent of the floor
    ("an idle tick", "idle", 2.0),
    ("a tick with one runaway", "one runaway", 8.0),
    ("without usable groups, a tick with one runaway", "one runaway, no groups", 60.0),
)
MOST_PSS_MIB = 16.0


_SOAK = """\
Every look of those days at the default interval, on a made-up host: a container is deployed anew every ten minutes, a
cron job burns every five, a worker burns all day and is killed every four minutes, and one unit runs away each morning.
What is older than two days is pruned. CPU a look is that of the loop; `tests/bench/soak.py` measures this alone.
"""


def page(
    watch: list[Row],
    others: list[Row],
    endured: list[dict[str, float]],
    soaked: dict[str, list[soak.Figures]],
    versions: dict[str, str],
) -> str:
    """The whole page below its header; `soaked` by what it is called in the table of targets."""
    machine = (
        f"{os.cpu_count()} CPUs, {_memory_gib():.0f} GiB, kernel {versions['kernel']}, Python {versions['Python']}."
    )
    parts = [
        _INTRO.format(units=UNITS, machine=machine),
        "## Targets\n\n" + _targets(watch, endured, soaked),
        "## The watch\n\n" + _table(watch),
        f"## Others, {FULL:,} processes\n\n" + _table(others),
        f"## {endured[-1]['tick']:,.0f} looks\n\n" + _endurance(endured),
        f"## Days and hours\n\n{_SOAK}",
        *(f"{what[0].upper()}{what[1:]}:\n\n{soak.table(told)}" for what, told in soaked.items()),
    ]
    return "\n".join(parts)


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30


def _targets(watch: list[Row], endured: list[dict[str, float]], soaked: dict[str, list[soak.Figures]]) -> str:
    """Each target with what was found, met or not."""
    full = {each.name: each for each in watch if each.processes >= FULL and each.processes < 2 * FULL}
    idle = [each for each in watch if each.name == "idle"]
    least, most = min(each.cpu_ms for each in idle), max(each.cpu_ms for each in idle)
    growth = endured[-1]["pss_mib"] - endured[1]["pss_mib"]
    grown = f"{growth:+.2f} MiB since look {endured[1]['tick']:,.0f}"
    pss = max(each.pss_mib for each in watch)
    lines = [pages.line("target", "wanted", "found", "met"), "| --- | --- | --- | --- |"]
    for what, name, limit in _TARGETS:
        found = full[name].percent
        wanted = f"at most {limit:g} % of the floor"
        lines.append(pages.line(f"{what}, {FULL:,} processes", wanted, f"{found:.1f} %", _met(found <= limit)))
    lines += [
        pages.line("memory (PSS)", f"at most {MOST_PSS_MIB:g} MiB", f"{pss:.1f} MiB", _met(pss <= MOST_PSS_MIB)),
        pages.line(
            f"an idle look at {SIZES[0]} to {SIZES[-1]:,} processes", "the same", f"{least:.2f} to {most:.2f} ms",
            _met(most <= 1.5 * least),
        ),
        pages.line(f"memory over {endured[-1]['tick']:,.0f} looks", "flat", grown, _met(growth < 1)),
    ]  # fmt: skip
    for what, told in soaked.items():
        words, is_flat = soak.flat(told)
        lines.append(pages.line(what, "flat", f"{words} (last seven tenths)", _met(is_flat)))
    return "\n".join(lines) + "\n"


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def _table(rows: list[Row]) -> str:
    heads = (
        "what",
        "processes",
        "floor, ms of CPU a second",
        "ms of CPU a second",
        "of the floor",
        "PSS, MiB",
        "idle CPU of the machine",
    )
    lines = [pages.line(*heads), "| --- | --: | --: | --: | --: | --: | --: |"]
    for each in rows:
        figures = (f"{each.floor_ms:.1f}", f"{each.cpu_ms:.2f}", f"{each.percent:.1f} %", f"{each.pss_mib:.1f}")
        lines.append(pages.line(each.name, f"{each.processes:,}", *figures, f"{each.idle_percent:.0f} %"))
    return "\n".join(lines) + "\n"


def _endurance(endured: list[dict[str, float]]) -> str:
    """With one spinner and one unit that restarts again and again."""
    told = (
        f"One look a second by a clock that runs {SPEED:.0f} times as fast; one unit spins, and one ends and is"
        " restarted every 0.4 s (of the real clock) all the time. The store's size counts its write-ahead log.\n"
    )
    lines = [
        told,
        pages.line("look", "PSS, MiB", "descriptors", "store, KiB", "CPU so far, ms"),
        "| --: | --: | --: | --: | --: |",
    ]
    for each in endured:
        figures = (
            f"{each['pss_mib']:.2f}",
            f"{each['descriptors']:.0f}",
            f"{each['store_bytes'] / 1024:.0f}",
            f"{each['cpu_ms']:.0f}",
        )
        lines.append(pages.line(f"{each['tick']:,.0f}", *figures))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; writes nothing")
    parser.add_argument("--hours", type=float, help="of real time with an engine, beside the rest")
    asked = parser.parse_args()
    quick: bool = asked.quick
    compiler = shutil.which("cc")
    if compiler is None:
        print("no C compiler (apt-get install gcc libc6-dev): nothing to compare with", file=sys.stderr)
        return 1
    measured = tables.source_hash(SOURCES)  # of what the wheel is built from: the checkout may change meanwhile
    wheel = product.build_wheel(REPOSITORY)
    *tops, bottom = product.product_layers(wheel)
    with Box((*tops, *extras.layers(("monitors",)), bottom), docker=False) as box:
        _install(box, compiler)
        bench = Bench(box, *((6.0, 3.0) if quick else (17.0, 5.0)))
        watch = of_the_watch(bench)
        others = of_others(bench)
        bench.crowd(SIZES[0])
        bench.unit("start", "spin.service")
        bench.unit("start", "loop.service")
        endured = bench.endure(1000 if quick else 10_000, SPEED)
        for each in endured:
            print(each, flush=True)
        versions = _versions(bench)
    days = 0.05 if quick else 7.0
    soaked = {f"{days:g} made-up days, things come and go": soak.week(days)}
    if asked.hours is not None:
        soaked[f"{asked.hours:g} real hours, with an engine"] = soak.with_an_engine(asked.hours)
    if not quick:
        head = replace(tables.header(SOURCES, versions, datetime.now(UTC).date()), hash=measured)
        PAGE.write_text(tables.render(head, page(watch, others, endured, soaked, versions)))
    return 0


def _install(box: Box, compiler: str) -> None:
    """Programs, units and configurations of the benchmark, into the box."""
    target = box.root / "opt" / "bench"
    target.mkdir(parents=True)
    for name in ("scan", "crowd"):
        words = [compiler, "-O2", "-static", "-o", str(target / name), str(HERE / "inside" / f"{name}.c")]
        subprocess.run(words, check=True)
    for name in ("measure.py", "endurance.py"):
        shutil.copy(HERE / "inside" / name, target / name)
    for path, text in {
        "/etc/systemd/system/crowd@.service": CROWD,
        "/etc/systemd/system/spin.service": SPIN,
        "/etc/systemd/system/loop.service": f"[Unit]\nStartLimitIntervalSec=0\n{LOOP}",
        "/etc/bench.toml": CONFIG,
    }.items():
        box.write(path, text)
    box.write("/etc/bench.monitrc", MONITRC, 0o600)
    box.run("systemctl daemon-reload")


def _versions(bench: Bench) -> dict[str, str]:
    asked = "dpkg-query -W -f '${Version}' "
    packages = {
        "top": "procps", "pidstat": "sysstat", "atop": "atop", "glances": "glances", "monit": "monit",
        "process-exporter": "prometheus-process-exporter", "systemd": "systemd",
    }  # fmt: skip
    return {"kernel": pages.kernel(), "Python": bench.version("python3 -V").removeprefix("Python ")} | {
        name: bench.version(asked + package) for name, package in packages.items()
    }


if __name__ == "__main__":
    sys.exit(main())
