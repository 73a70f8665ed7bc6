"""Can it see what it needs to see here, and can it tell? Each line with its mend. Reads only.

exit code: 0 all is well, 1 something is missing
"""

import argparse
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from runaway_watchdog.cli import PROGRAM, diagnosis, reading, the_service
from runaway_watchdog.cli.diagnosis import Check, CheckState
from runaway_watchdog.cli.options import reading_options
from runaway_watchdog.config import locate
from runaway_watchdog.hostile import clean
from runaway_watchdog.world import Unanswered, World, live, procfs

MARKS: dict[CheckState, str] = {"ok": "ok  ", "note": "note", "missing": "MISS"}
COLOURS: dict[CheckState, str] = {"ok": "\x1b[32m", "note": "\x1b[33m", "missing": "\x1b[31m"}
RESET = "\x1b[0m"


def arguments(parser: argparse.ArgumentParser) -> None:
    reading_options(parser)


def run(options: argparse.Namespace) -> int:
    world = live()
    found = (check for examine in EXAMINATIONS for check in examine(world, options))
    checks = [check._replace(told=clean(check.told)) for check in found]  # engines and files had a say in it
    if options.json:
        reading.print_json({"schema_version": 1, "checks": [check.document() for check in checks]})
    else:
        coloured = reading.colours(options)
        for check in checks:
            mark = MARKS[check.state]
            print(f"{COLOURS[check.state] + mark + RESET if coloured else mark}  {check.subject}: {check.told}")
            if check.fix:
                print(f"        -> {check.fix}")
    return 1 if any(check.state == "missing" for check in checks) else 0


def _processes(world: World, options: argparse.Namespace) -> Iterator[Check]:  # noqa: ARG001
    try:
        world.files.target(f"{procfs.PROC}/1/exe")
    except OSError:  # hidepid=2 has no folder of PID 1 at all
        mend = f"run it with sudo; the service has what it needs: sudo {PROGRAM} install"
        if os.geteuid() == 0:
            mend = reading.NO_PTRACE
        told = "the programs and environments of other users' processes are hidden"
        if procfs.hides(world.files):
            told = "other users' processes are hidden altogether (/proc is mounted with hidepid)"
        yield Check("processes", "missing", told, mend)
    else:
        yield Check("processes", "ok", "all of /proc can be read, other users' too")
    if procfs.cpu_mark(world.files, 1) is None:
        yield Check("CPU clocks", "note", "this kernel refuses other processes' CPU clocks: psutil's times serve")
    else:
        yield Check("CPU clocks", "ok", "the kernel's clock of every process can be read")


def _cgroups(world: World, options: argparse.Namespace) -> Iterator[Check]:  # noqa: ARG001
    files = world.files
    if files.exists("/sys/fs/cgroup/cgroup.controllers"):
        limited = procfs.cpu_controller(files)
        limit = "CPU can be limited" if limited else "no cpu controller: CPU limits do nothing here"
        yield Check("cgroups", "ok", f"version 2; {limit}")
    elif files.exists("/sys/fs/cgroup/unified/cgroup.procs"):
        yield Check("cgroups", "ok", "hybrid (version 1 with the unified tree beside it)")
    elif files.exists("/sys/fs/cgroup/cpuacct"):
        yield Check("cgroups", "note", "version 1: units without CPU accounting are watched process by process")
    else:
        yield Check("cgroups", "note", "none: every process is watched by itself, bursts of short ones are not seen")
    if files.exists("/proc/pressure/cpu"):
        yield Check("pressure", "ok", "the kernel tells how long others wait for a CPU")
    else:
        yield Check("pressure", "note", "this kernel does not tell", "boot it with psi=1 to know the harm to others")


def _systemd(world: World, options: argparse.Namespace) -> Iterator[Check]:  # noqa: ARG001
    try:
        init = world.manager.unit_of(1)
    except Unanswered as unanswered:
        state: CheckState = "missing" if world.files.exists("/run/systemd/system") else "note"
        yield Check("systemd", state, unanswered.gap.problem, unanswered.gap.fix if state == "missing" else "")
        return
    yield Check("systemd", "ok", f"its manager answers (PID 1 is in {init})")


def _docker(world: World, options: argparse.Namespace) -> Iterator[Check]:  # noqa: ARG001
    try:
        version = world.engine.version()
    except Unanswered as unanswered:
        here = shutil.which("dockerd") or world.files.exists("/var/run/docker.sock") or world.engine.endpoint()
        if here:
            yield Check("docker", "missing", unanswered.gap.problem, unanswered.gap.fix)
        else:
            yield Check("docker", "note", "no Docker here; containers of Docker would not be explained")
        return
    yield Check("docker", "ok", f"Engine {version.get('Version')} answers, API {version.get('ApiVersion')}")


def _configuration(world: World, options: argparse.Namespace) -> Iterator[Check]:
    from runaway_watchdog.alerts.urls import url_problem
    from runaway_watchdog.config.faults import ConfigurationFaults
    from runaway_watchdog.config.load import load

    around = locate.here()
    files = locate.config_files(options.config, around)
    env = around.env if options.config else the_service.environment(world, around.env)
    try:
        configuration = load(files, env=env, url_problem=url_problem)
    except ConfigurationFaults as faults:
        count = "1 fault" if len(faults.faults) == 1 else f"{len(faults.faults)} faults"
        yield Check("configuration", "missing", count, f"{PROGRAM} check-config")
        return
    told = ", ".join(str(path) for path in configuration.files) or "none; the defaults serve"
    yield Check("configuration", "ok", told)
    if configuration.labels:
        yield Check("alerts", "ok", f"go to {', '.join(configuration.labels)}; try them: {PROGRAM} test-alert")
    else:
        mend = f"put urls into [alerts] of {locate.SYSTEM_FILE}, then {PROGRAM} test-alert"
        yield Check("alerts", "missing", "go to the journal or the terminal only: nobody would be called", mend)
    if not any(rule.push for rule in configuration.config.rules):
        mend = f"leave out `push = false` in one [[rule]] of {locate.SYSTEM_FILE}"
        yield Check("rules", "missing", "none of them sends a message: all are only recorded", mend)


def _watch(world: World, options: argparse.Namespace) -> Iterator[Check]:
    path, gaps = reading.store_path(options)
    for gap in gaps:
        yield Check("configuration", "missing", gap.problem, gap.fix)
    yield from diagnosis.of_store(path, world)
    if world.files.exists("/run/systemd/system"):
        yield from diagnosis.of_unit(world)
        yield from diagnosis.of_journal(world)


def _name(world: World, options: argparse.Namespace) -> Iterator[Check]:  # noqa: ARG001
    found = shutil.which("watchdog", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    ours = found is not None and Path(found).resolve().name in ("runaway-watchdog", "watchdog")
    if found and not (ours and Path(found).resolve().parent == Path(shutil.which(PROGRAM) or "/").resolve().parent):
        told = f"{found} is another program (Debian's can reboot the host)"
        yield Check("name", "note", told, f"always say {PROGRAM}")


EXAMINATIONS: tuple[Callable[[World, argparse.Namespace], Iterator[Check]], ...] = (
    _processes,
    _cgroups,
    _systemd,
    _docker,
    _configuration,
    _watch,
    _name,
)
