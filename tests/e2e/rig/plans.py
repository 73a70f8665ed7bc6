"""A plan carried out in a box as a person pastes it: proved step by step, measured, and undone again."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.checks import check_of

from runaway_watchdog.render.check import shell
from runaway_watchdog.render.script import HELPERS

from .box import Box, CommandError, NotSeenError

RELIEF_S = 10
"""Within this time of its step the load must be gone."""
RETURN_S = 30
"""Within this time of the undo the work must run again, its keeper's own delay aside."""
LOOK_S = 0.5
LIMITED = 0.3
"""Cores: as much may be left by a step that only slows it down, to 0.2."""
TICKS = os.sysconf("SC_CLK_TCK")
PROOF = """\
proof() (
{line}
)
check proof
"""

Steps = Sequence[dict[str, Any]]


def carry_out(box: Box, steps: Steps) -> None:
    """Every step, and after each what its `verify` says, in the reading of `plan --script`."""
    for step in steps:
        done = box.run(step["command"], check=False)
        assert done.returncode == 0, (step["command"], done.stdout, done.stderr)
        prove(box, step)


def prove(box: Box, step: dict[str, Any]) -> None:
    """That the step's sentence comes true; on a failure, what the command in it really printed."""
    sentence: str = step["verify"]
    done = box.run(HELPERS + PROOF.format(line=shell(check_of(sentence))), check=False)
    if done.returncode != 0:
        shown = box.run(sentence.split("`")[1], check=False)
        raise AssertionError((step["title"], sentence, done.stderr, shown.stdout, shown.stderr))


def undo(box: Box, steps: Steps) -> None:
    """Back, last step first."""
    for step in reversed(steps):
        if step["undo"]:
            done = box.run(step["undo"], check=False)
            assert done.returncode == 0, (step["undo"], done.stdout, done.stderr)


# --- the measure: what a plan did, beside what it says --------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Work that burns CPU under a keeper that brings it back. The lines are for the box's shell."""

    name: str  # the last word of its command line, and a part of all names that are made for it
    keeper: str  # as docs/plans.md calls it
    start: str
    restart: str = ""  # of the keeper's daemon; "": it has none
    state: str = "true"  # prints its policy, limits, enabled state and configuration
    pattern: str = ""  # of its processes' command lines; "": the rig's own program of that name
    delay_s: float = 5  # within which its keeper brings it back
    clean: str = "true"
    runs_again: bool = True  # whether the undo can bring the work back; ended for good, it cannot
    at_boot: bool = True  # whether a boot brings it back; else it is undone before

    poke: str = ""  # makes the work burn again once its keeper runs again

    @property
    def command_line(self) -> str:
        """A regular expression of its processes' command lines, arguments with blanks between them."""
        return self.pattern or rf"^/bin/busybox sh .* {self.name}$"


@dataclass
class Outcome:
    """What was seen of one case, each as it stands in the table; "" where it was not come to."""

    case: Case
    steps: list[dict[str, Any]] = field(default_factory=list)
    remaining_triggers: list[str] = field(default_factory=list)  # what the plan says would bring it back
    relieved_s: float | None = None
    seen: dict[str, str] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        return self.relieved_s is not None and all(each in RIGHT for each in self.seen.values())


RIGHT = ("yes", "as told", "-")
"""What a cell of a good outcome says: "as told" where the plan named the door by which it came back."""

_CLOCKS = """
import json, os, re, sys
wanted = {name: re.compile(pattern) for name, pattern in json.load(sys.stdin).items()}
found = {name: {} for name in wanted}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cmdline", errors="replace") as line:
            words = line.read().replace("\\0", " ").strip()
        with open(f"/proc/{pid}/stat", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        continue
    for name, pattern in wanted.items():
        if pattern.search(words):
            found[name][f"{pid} {fields[19]}"] = int(fields[11]) + int(fields[12])
print(json.dumps(found))
"""
_STARTS = """
docker ps -q --no-trunc 2>/dev/null | xargs -r docker inspect -f '{{.Name}} {{.State.StartedAt}}'
systemctl show '*.service' -p Id -p ExecMainStartTimestampMonotonic -p MainPID | paste -sd' ' | sed 's/  /\\n/g'
"""


def clocks(box: Box, cases: Iterable[Case]) -> dict[str, dict[str, int]]:
    """Case -> its processes -> ticks of CPU that each has used."""
    wanted = {case.name: case.command_line for case in cases}
    found: dict[str, dict[str, int]] = json.loads(box.run(["python3", "-c", _CLOCKS], input=json.dumps(wanted)).stdout)
    return found


def loads(box: Box, cases: Sequence[Case], look_s: float = LOOK_S) -> dict[str, float]:
    """Cores that each case uses between two looks; a process that is new counts for a tick at least."""
    before = clocks(box, cases)
    time.sleep(look_s)
    now = clocks(box, cases)
    ticks = {name: _gained(before[name], processes) for name, processes in now.items()}
    return {name: gained / TICKS / look_s for name, gained in ticks.items()}


def _gained(before: Mapping[str, int], now: Mapping[str, int]) -> int:
    return sum(ticks - before[key] if key in before else max(1, ticks) for key, ticks in now.items())


def burning(box: Box, cases: Sequence[Case], look_s: float = LOOK_S) -> set[str]:
    """The cases that use any CPU at all."""
    return {name for name, cores in loads(box, cases, look_s).items() if cores > 0}


def _starts(box: Box) -> dict[str, str]:
    """Container or service with a process -> when it was started."""
    lines = (line.split() for line in box.run(_STARTS).stdout.splitlines())
    found: dict[str, str] = {}
    for words in lines:
        if words and words[0].startswith("/"):
            found[words[0]] = words[1]
        elif "MainPID=0" not in words:
            values = dict(word.partition("=")[::2] for word in words)
            found[values.get("Id", "")] = values.get("ExecMainStartTimestampMonotonic", "")
    return found


def start(box: Box, case: Case) -> None:
    """It burns, and has a folder of its own."""
    box.run(f"mkdir -p /srv/data/{case.name} && echo kept-{case.name} >/srv/data/{case.name}/file")
    box.run(case.start, timeout=120)
    box.wait_for(f"{case.name} burning", lambda: burning(box, [case]), 75)


def plan_of(box: Box, case: Case) -> dict[str, Any]:
    """The plan for its busiest process, as `plan --json` prints it."""
    ticks = clocks(box, [case])[case.name]
    pid = max(ticks, key=lambda each: ticks[each]).split()[0]
    plan: dict[str, Any] = json.loads(box.run(["runaway-watchdog", "plan", pid, "--json"]).stdout)["plan"]
    return plan


def interrupt(box: Box, case: Case) -> None:
    """Its plan broken off after each step: it burns no more than before, and goes on as before by the undos alone."""
    start(box, case)
    before = state_of(box, case)
    for count in range(1, len(plan_of(box, case)["steps"]) + 1):
        steps = plan_of(box, case)["steps"][:count]
        carry_out(box, steps)
        allowed = LIMITED if steps[-1]["risk"] == "slows" else 0
        assert loads(box, [case], 1)[case.name] <= allowed, steps[-1]
        undo(box, steps)
        box.wait_for("it runs again", lambda: burning(box, [case]), RETURN_S)
        assert state_of(box, case) == before, steps[-1]
    box.run(case.clean, check=False)


def others_touched(box: Box, before: Mapping[str, str], allowed: str) -> list[str]:
    """Containers and services that were started anew or ended since, and that the plan's own words do not name."""
    now = _starts(box)
    changed = (name for name, start in before.items() if now.get(name) != start)
    return [name for name in changed if name.strip("/") not in allowed]


def data_of(box: Box, case: Case) -> str:
    """A hash over its volume and its folder: names, modes and contents."""
    folders = f"/srv/data/{case.name} /var/lib/docker/volumes/*{case.name}*/_data"
    pack = f"tar --sort=name --mtime=@0 --numeric-owner -cf - $(ls -d {folders} 2>/dev/null)"
    return hashlib.sha256(box.run(["bash", "-c", f"cd / && {pack} 2>/dev/null"]).stdout.encode()).hexdigest()


def state_of(box: Box, case: Case) -> str:
    return box.run(case.state, check=False).stdout


@dataclass
class Before:
    """The host as it was before a plan."""

    data: str
    state: str


class Matrix:
    """Cases that share a host: each is started, relieved and held in its turn; then they are watched together."""

    def __init__(self, box: Box, cases: Sequence[Case]) -> None:
        self.box, self.cases = box, cases
        self.outcomes = {case.name: Outcome(case) for case in cases}
        self._before: dict[str, Before] = {}

    def hold(self, case: Case) -> None:
        """Start it, ask for its plan, and carry that out."""
        box, outcome = self.box, self.outcomes[case.name]
        start(box, case)
        document = plan_of(box, case)
        outcome.steps, outcome.remaining_triggers = document["steps"], document["still"]
        self._before[case.name] = Before(data_of(box, case), state_of(box, case))
        starts = _starts(box)
        reliefs = [number for number, step in enumerate(outcome.steps) if step["phase"] == "relieve"]
        last = max(reliefs, default=0)
        since = time.monotonic()
        carry_out(box, outcome.steps[: last + 1])
        outcome.relieved_s = self._relieved(case, since)
        carry_out(box, outcome.steps[last + 1 :])
        touched = others_touched(box, starts, " ".join(step["command"] for step in outcome.steps))
        outcome.seen["others untouched"] = "yes" if not touched else f"no: {', '.join(touched)}"

    def _relieved(self, case: Case, since: float) -> float | None:
        """Seconds from the first command until the load was gone."""
        slowed = self.outcomes[case.name].steps[0]["risk"] == "slows"
        while time.monotonic() < since + RELIEF_S:
            begun = time.monotonic()
            if loads(self.box, [case], 1 if slowed else LOOK_S)[case.name] <= (LIMITED if slowed else 0):
                return begun - since
        return None

    def watch(self, what: str, seconds: float, only: Sequence[Case] | None = None) -> None:
        """Whether any came back; a plan may have said that this would bring it back."""
        until = time.monotonic() + seconds
        cases = [case for case in (self.cases if only is None else only) if self.outcomes[case.name].steps]
        back: set[str] = set()
        while time.monotonic() < until:
            back |= burning(self.box, cases, 1)
        for case in cases:
            outcome = self.outcomes[case.name]
            told = any(word in line for line in outcome.remaining_triggers for word in DOORS[what])
            outcome.seen[what] = "yes" if case.name not in back else "as told" if told else "no"

    def restart_daemons(self) -> None:
        """Of every keeper once, then look who is back."""
        for line in dict.fromkeys(case.restart for case in self.cases if case.restart):
            self.box.run(line, timeout=120)
        self.watch("after daemon restart", 15, [case for case in self.cases if case.restart])
        for case in self.cases:
            self.outcomes[case.name].seen.setdefault("after daemon restart", "-")

    def back(self, case: Case) -> None:
        """Every undo in reverse: the work runs again, its data and its settings are what they were."""
        box, outcome = self.box, self.outcomes[case.name]
        if "carried out" in outcome.seen:
            box.run(case.clean, check=False)
            return
        before, starts = self._before[case.name], _starts(box)
        try:
            undo(box, outcome.steps)
            box.run(case.poke)
            if case.runs_again:
                box.wait_for("it runs again", lambda: burning(box, [case]), RETURN_S + case.delay_s)
            box.wait_for("it is as before", lambda: state_of(box, case) == before.state, 10)
            outcome.seen["undone"] = "yes"
        except (AssertionError, CommandError, NotSeenError) as error:
            outcome.seen["undone"] = f"no: {str(error)[:300]} {state_of(box, case)!r} {before.state!r}"
        touched = others_touched(box, starts, " ".join(step["undo"] or "" for step in outcome.steps))
        if touched:
            outcome.seen["others untouched"] = f"no, by the undo: {', '.join(touched)}"
        outcome.seen["data same"] = "yes" if data_of(box, case) == before.data else "no"
        box.run(case.clean, check=False)


DOORS: dict[str, tuple[str, ...]] = {
    "stays away": (),
    "after daemon restart": ("restart",),
    "after reboot": ("boot",),
}
"""Words by which a plan tells of a door that it leaves open."""


def run(box: Box, cases: Sequence[Case], stay_s: float) -> list[Outcome]:
    """The whole measure for all cases of one host. A case that breaks takes no other with it."""
    matrix = Matrix(box, cases)
    for case in cases:
        try:
            matrix.hold(case)
        except (AssertionError, CommandError, NotSeenError) as error:
            matrix.outcomes[case.name].seen["carried out"] = f"no: {str(error)[:600]}"
    matrix.watch("stays away", stay_s)
    matrix.restart_daemons()
    booting = [case for case in cases if case.at_boot]
    for case in reversed(cases):
        if not case.at_boot:
            matrix.outcomes[case.name].seen["after reboot"] = "-"
            matrix.back(case)
    box.reboot()
    matrix.watch("after reboot", stay_s, booting)
    for case in reversed(booting):
        matrix.back(case)
    return list(matrix.outcomes.values())


def program(name: str) -> list[str]:
    """A command line that burns a whole core until SIGTERM; `name` is its last word."""
    return ["/bin/busybox", "sh", "-c", 'trap "exit 0" TERM; while :; do :; done', name]


def as_file(box: Box, name: str) -> str:
    """The same as a script that becomes the program."""
    path = f"/opt/rig/{name}.sh"
    box.write(path, f"#!/bin/sh\nexec {shlex.join(program(name))}\n", 0o755)
    return path
