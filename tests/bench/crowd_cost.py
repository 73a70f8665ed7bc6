"""What the whole service costs on a host that more want to use than can: the watch, its cases and its senders.

    sudo PYTHONPATH=tests .venv/bin/python tests/bench/crowd_cost.py [--seconds 600] [--of CHECKOUT] [--write]

Ten owners burn at once on a VPS in a box, at a load of 20: units, containers, a login, and three that burn through
programs of 50 to 200 ms (a unit, a container, a cron job). From the first moment on, the control groups of the watch,
of all cases and of all senders are read for ten minutes; a slice of systemd's keeps what each of them has used. Then
the engine is stopped with SIGSTOP, and `explain` is asked about one of its containers. Everything runs from the wheel
of CHECKOUT, this one unless another is named. `--write` writes docs/crowded-host.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from e2e.rig import docker, product, sinks
from e2e.rig.box import Box
from e2e.rig.workloads import program
from truth import pages, tables

REPOSITORY = Path(__file__).parent.parent.parent
PAGE = REPOSITORY / "docs" / "crowded-host.md"
SOURCES = (
    "src/runaway_watchdog/alerts/send.py",
    "src/runaway_watchdog/case.py",
    "src/runaway_watchdog/watch",
    "tests/bench/crowd_cost.py",
)
LOAD = 20
OWNERS = 10
LIVES_MS = (50, 100, 200)
PARTS = {"watch": "runaway-watchdog", "cases": "runaway-watchdog-case@", "senders": "runaway-watchdog-send@"}
SLICE = "system-measured{}.slice"
GROUPS = "/sys/fs/cgroup/system.slice"
CONFIG = f"""\
[[rule]]
name = "sustained-cpu"
cpu = 90
for = "1m"
[[rule]]
name = "pressure"
kind = "pressure"
cpu = 60
for = "1m"
[alerts]
urls = ["json://127.0.0.1:{sinks.HTTP_PORT}/told"]
"""
TARGET_PERCENT = 1.0
MOST_PSS_MIB = 16.0


class Cost(NamedTuple):
    """CPU seconds that were used since the burst began."""

    after_s: float
    cpu_s: dict[str, float]  # of each of PARTS
    started: dict[str, int]  # cases and senders
    load: float

    @property
    def percent(self) -> float:
        """Of a core, all together."""
        return 100 * sum(self.cpu_s.values()) / self.after_s


def install(box: Box) -> None:
    """The service, each of its parts in a slice of its own, which outlives the processes in it."""
    sinks.start_sinks(box)
    box.write("/etc/runaway-watchdog/config.toml", CONFIG, 0o600)
    for part, unit in PARTS.items():
        box.write(f"/etc/systemd/system/{unit}.service.d/measured.conf", f"[Service]\nSlice={SLICE.format(part)}\n")
        box.run(f"systemctl start {SLICE.format(part)}")
    box.run("runaway-watchdog install --no-self-test", timeout=120)


def short_lives(name: str, life_ms: int) -> list[str]:
    """A shell that starts one program after the other, each of which spins for so long of its own CPU time."""
    limit = f"import time\nwhile time.process_time() < {life_ms / 1000}: pass"
    return ["/bin/busybox", "sh", "-c", f"while :; do python3 -S -c {shlex.quote(limit)}; done", name]


def counted_lives(name: str, life_ms: int) -> list[str]:
    """The same where there is only busybox: its shell counts some 600,000 a second."""
    child = shlex.quote(f"i=0; while [ $i -lt {600 * life_ms} ]; do i=$((i+1)); done")
    return ["/bin/busybox", "sh", "-c", f"while :; do busybox sh -c {child}; done", name]


def unit(box: Box, name: str, argv: list[str]) -> None:
    command = " ".join(json.dumps(word.replace("$", "$$").replace("%", "%%")) for word in argv)
    box.write(f"/etc/systemd/system/{name}.service", f"[Service]\nExecStart={command}\n")


def prepare(box: Box) -> tuple[str, str]:
    """The shell lines that set all of them going, and that end them."""
    singles = [f"spin-{letter}" for letter in "abcd"]
    for name in singles:
        unit(box, name, program(name))
    unit(box, "short-unit", short_lives("short-unit", LIVES_MS[0]))
    others = " & ".join(shlex.join(program(f"many-{number}")) for number in range(LOAD - 9))
    unit(box, "many", ["/bin/sh", "-c", f"{others} & wait"])
    script = f"#!/bin/sh\nexec flock -n /run/short {shlex.join(short_lives('short-cron', LIVES_MS[2]))}\n"
    box.write("/usr/local/bin/short-cron.sh", script, 0o755)
    for name, argv in {
        "box-a": program("box-a"), "box-b": program("box-b"), "short-box": counted_lives("short-box", LIVES_MS[1]),
    }.items():  # fmt: skip
        box.run(["docker", "create", f"--name={name}", "--restart=always", docker.IMAGE, *argv])
    box.run("systemctl daemon-reload; systemctl start cron")
    units = " ".join((*singles, "short-unit", "many"))
    begin = (
        f"systemctl start {units}; docker start box-a box-b short-box;"
        " echo '* * * * * root /usr/local/bin/short-cron.sh' > /etc/cron.d/short"
    )
    return begin, f"systemctl stop {units} cron; docker rm -f -v box-a box-b short-box"


def used_s(box: Box) -> dict[str, float]:
    read = "; ".join(f"grep usage_usec {GROUPS}/{SLICE.format(part)}/cpu.stat" for part in PARTS)
    return {
        part: int(line.split()[1]) / 1e6 for part, line in zip(PARTS, box.run(read).stdout.splitlines(), strict=True)
    }


def started(box: Box) -> dict[str, int]:
    read = "; ".join(f"systemctl show -P NAccepted runaway-watchdog-{name}.socket" for name in ("case", "send"))
    return {part: int(line) for part, line in zip(("cases", "senders"), box.run(read).stdout.split(), strict=True)}


def cost(box: Box, began: float, used: dict[str, float], was: dict[str, int]) -> Cost:
    now, runs = used_s(box), started(box)
    return Cost(
        time.monotonic() - began,
        {part: now[part] - used[part] for part in PARTS},
        {part: runs[part] - was[part] for part in was},
        float(box.read("/proc/loadavg").split()[0]),
    )


def watch_pss_mib(box: Box) -> float:
    pid = int(box.run("systemctl show -P MainPID runaway-watchdog").stdout)
    smaps = box.read(f"/proc/{pid}/smaps_rollup").splitlines()
    return next(int(line.split()[1]) for line in smaps if line.startswith("Pss:")) / 1024


def asked_of_a_frozen_engine(box: Box) -> tuple[float, list[str]]:
    """How many seconds `explain` takes, and the sources that it says did not answer."""
    (pid,) = box.pids(" box-a$")
    box.run("systemctl kill --kill-who=main --signal=STOP docker.service")
    try:
        begun = time.monotonic()
        done = box.run(["runaway-watchdog", "explain", str(pid), "--json"], check=False, timeout=90)
        taken = time.monotonic() - begun
    finally:
        box.run("systemctl kill --kill-who=main --signal=CONT docker.service")
    return taken, [f"{gap['source']}: {gap['problem']}" for gap in json.loads(done.stdout)["gaps"]]


def give_a_share(box: Box) -> None:
    """Half of a machine that others use as well: with the share of one program, twenty would not seem to want much."""
    shares = Path("/sys/fs/cgroup/cpu") / box.name / "cpu.shares"
    if shares.exists():
        shares.write_text(str(4 * 1024))


def measure(box: Box, seconds: float) -> dict[str, Any]:
    give_a_share(box)
    docker.import_image(box)
    install(box)
    begin, end = prepare(box)
    time.sleep(10)  # what the start has cost is none of the burst's
    used, was, began = used_s(box), started(box), time.monotonic()
    box.run(begin)
    told: list[Cost] = []
    while time.monotonic() - began < seconds:
        time.sleep(min(60.0, max(0.5, began + seconds - time.monotonic())))
        told.append(cost(box, began, used, was))
        print(told[-1], f"{told[-1].percent:.2f} %", flush=True)
    listed = json.loads(box.run("runaway-watchdog incidents --json").stdout)["incidents"]
    print(*(f"{each['id']} {each['severity']} {each['summary']}" for each in listed), sep="\n")
    pss = watch_pss_mib(box)
    frozen_s, gaps = asked_of_a_frozen_engine(box)
    print(f"PSS {pss:.1f} MiB; explain with a frozen engine: {frozen_s:.1f} s", *gaps, sep="\n  ", flush=True)
    print(box.run("journalctl -u 'runaway-watchdog*' --no-pager -o short-precise | tail -150", check=False).stdout)
    box.run(end, check=False, timeout=120)
    return {"costs": told, "incidents": listed, "pss_mib": pss, "frozen_s": frozen_s, "gaps": gaps}


_INTRO = """\
# What the service costs on a crowded host

`tests/bench/crowd_cost.py` measures this and writes this page. Ten owners burn at once on a host with {cpus} CPUs, at a
load of {load} and more: units, one of them with many processes, containers, and three that burn through programs of
{lives} ms of CPU each (a unit, a container, a cron job). The rule is 90 % of a core for a minute, so that all that
follows falls into the first ten minutes; one channel. Everything runs in a container of its own (systemd, Docker), from
the installed wheel, which gets about half of a machine that others use as well.

CPU is what the kernel has charged to the control groups of the watch, of all cases and of all senders, systemd's own
part of their start included.
"""


def page(found: dict[str, Any]) -> str:
    """The whole page below its header."""
    costs: list[Cost] = found["costs"]
    of_owners = sum(each["rule"] != "pressure" for each in found["incidents"])
    last = costs[-1]
    lines = [
        _INTRO.format(cpus=os.cpu_count(), load=LOAD, lives=", ".join(map(str, LIVES_MS))),
        pages.line("target", "wanted", "found", "met"),
        "| --- | --- | --- | --- |",
        _target("all of it together", last.percent, TARGET_PERCENT, "% of a core"),
        _target("memory of the watch (PSS)", found["pss_mib"], MOST_PSS_MIB, "MiB"),
        f"| owners that have an incident | {OWNERS} | {of_owners} | {_met(of_owners >= OWNERS)} |\n",
        pages.line("after", "load", *(f"{part}, s of CPU" for part in PARTS), "cases started", "senders started"),
        "| --: | --: | --: | --: | --: | --: | --: |",
    ]
    for each in costs:
        used = (f"{each.cpu_s[part]:.2f}" for part in PARTS)
        lines.append(pages.line(f"{each.after_s:.0f} s", f"{each.load:.0f}", *used, *map(str, each.started.values())))
    return "\n".join(lines) + "\n"


def _target(what: str, found: float, most: float, of: str) -> str:
    return f"| {what} | at most {most:g} {of} | {found:.1f} {of} | {_met(found <= most)} |"


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--of", type=Path, default=REPOSITORY, metavar="CHECKOUT")
    parser.add_argument("--write", action="store_true", help="the page, too")
    asked = parser.parse_args()
    measured = tables.source_hash(SOURCES)  # of what the wheel is built from: the checkout may change meanwhile
    wheel = product.build_wheel(asked.of)
    with Box(product.product_layers(wheel)) as box:
        found = measure(box, asked.seconds)
        versions = {"kernel": pages.kernel(), "Python": box.run("python3 -V").stdout.split()[-1]}
    if asked.write:
        head = replace(tables.header(SOURCES, versions, datetime.now(UTC).date()), hash=measured)
        PAGE.write_text(tables.render(head, page(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
