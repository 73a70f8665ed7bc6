"""What the tests of supervisors share: a program that ends as it is told, and predictions held against what happens."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, NamedTuple, cast

from e2e.rig import foretold, plans, workloads
from e2e.rig.box import Box, NotSeenError
from e2e.rig.workloads import Observation, Workload

Action = Literal["sigterm", "sigkill", "clean-exit", "failure-exit", "owner-stop", "owner-daemon-restart", "reboot"]
OnTerm = Literal["default", "exit-0", "exit-1", "ignore"]
SIGNALS: dict[str, int] = {"sigterm": 15, "sigkill": 9, "clean-exit": 10, "failure-exit": 12}
"""SIGUSR1 and SIGUSR2 make `program` exit with 0 and with 1."""
_TRAPS: dict[str, str] = {"default": "", "exit-0": 'trap "exit 0" TERM; ', "exit-1": 'trap "exit 1" TERM; '}
_TRAPS["ignore"] = 'trap "" TERM; '


def program(name: str, on_term: OnTerm = "default") -> list[str]:
    """A command line that sleeps without a child; `name` is its last word."""
    traps = f'trap "exit 0" USR1; trap "exit 1" USR2; {_TRAPS[on_term]}'
    body = (
        f"[ -p /tmp/{name}.pipe ] || mkfifo /tmp/{name}.pipe; exec 3<>/tmp/{name}.pipe; while :; do read -r l <&3; done"
    )
    return ["/bin/busybox", "sh", "-c", traps + body, name]


def script(box: Box, name: str, on_term: OnTerm = "default", folder: str = "/opt/rig") -> str:
    """The same as a file that becomes the program: for keepers whose settings know no quotes."""
    path = f"{folder}/{name}.sh"
    box.write(path, f"#!/bin/sh\nexec {shlex.join(program(name, on_term))}\n", 0o755)
    return path


def running(box: Box, name: str) -> list[int]:
    """The PIDs of the program of that name; a supervisor may bear it as its last word too."""
    return box.pids(f"^/bin/busybox .* {name}$")


def found(box: Box, name: str, timeout: float = 20) -> int:
    """The PID of the program of that name, once it runs."""
    return box.wait_for(f"{name} running", lambda: next(iter(running(box, name)), None), timeout)


def workload(
    box: Box, name: str, keeper: str, owner: str, *, stop: str = "", restart: str = "", timeout: float = 20
) -> Workload:
    """A program that runs already. `owner` is a part of its cgroup's path; the two are lines for a shell."""

    def words(line: str) -> tuple[str, ...]:
        return ("sh", "-c", line) if line else ()

    return Workload(found(box, name, timeout), name, keeper, owner, words(stop), words(restart), f"{name} ({keeper})")


def check(
    box: Box, work: Workload, action: Action, *, kind: str, policy: str, by: str | None = None, watch_s: float = 2.5
) -> tuple[dict[str, Any], Observation]:
    """`foretold.check`, and the two exits too."""
    if action in ("clean-exit", "failure-exit"):
        work = replace(work, daemon_restart_argv=("kill", f"-{SIGNALS[action]}", str(work.pid)))
    return foretold.check(box, work, cast(workloads.Action, action), kind=kind, policy=policy, by=by, watch_s=watch_s)


class Expected(NamedTuple):
    """One of several predictions that are checked together."""

    work: Workload
    action: Action
    kind: str
    policy: str


def check_together(box: Box, cases: Sequence[Expected], watch_s: float) -> list[dict[str, Any]]:
    """Explain all, end all, watch all: for keepers that answer once a minute. Returns explain's documents."""
    documents = [foretold.explained(box, case.work.pid) for case in cases]
    ends = [{"pid": case.work.pid, "signal": SIGNALS[case.action], "marker": case.work.name} for case in cases]
    job = json.dumps({"ends": ends, "watch_s": watch_s})
    watch = workloads.put(box, "watch_all.py")
    seen = json.loads(box.run(["python3", watch], input=job, timeout=watch_s + 60).stdout)
    wrong = [
        (case.work.describe, case.action, foretold.fate_of(document, case.action), each)
        for case, document, each in zip(cases, documents, seen, strict=True)
        if not _right(box, case, document, each)
    ]
    assert not wrong, wrong
    return documents


def _right(box: Box, case: Expected, document: dict[str, Any], seen: dict[str, Any]) -> bool:
    outlook = foretold.fate_of(document, case.action)
    kind = str(document["owners"][0]["kind"])
    right = kind == case.kind and outlook["certainty"] != "unknown"
    right &= (outlook["ends"], outlook["returns"]) == (seen["ended"], seen["returned"])
    if right and seen["returned"] and outlook["after_s"] is not None:
        told = float(outlook["after_s"])
        right = abs(float(seen["delay_s"]) - told) <= max(foretold.DELAY_GRACE_S, foretold.DELAY_SHARE * told)
    _row(box, case, kind, outlook, (seen["ended"], seen["returned"], seen["delay_s"]), right=right)
    return right


def _row(
    box: Box,
    case: Expected,
    kind: str,
    outlook: dict[str, Any],
    seen: tuple[bool, bool, float | None],
    *,
    right: bool,
) -> None:
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    told = foretold.words(outlook["ends"], outlook["returns"], outlook["after_s"])
    happened = foretold.words(*seen)
    foretold.ROWS.append(
        foretold.Row(
            test, box.layout, case.work.keeper, case.policy, case.action, kind, told,
            happened if right else f"otherwise: {happened}",
        )
    )  # fmt: skip


def _pattern(name: str) -> str:
    """A program of ours by its last word; of Node.js, whose title is one word with blanks in it, by that."""
    return f"^{name}$" if " " in name else f"^/bin/busybox .* {name}$"


def check_reboot(box: Box, cases: Sequence[Expected], wait_s: float) -> None:
    """Explain all, restart the host once, and look who is there again within `wait_s`."""
    documents = [foretold.explained(box, case.work.pid) for case in cases]
    box.reboot()
    wanted = {
        case.work.name: foretold.fate_of(document, "reboot")["returns"]
        for case, document in zip(cases, documents, strict=True)
    }

    def there() -> set[str]:
        return {case.work.name for case in cases if box.pids(_pattern(case.work.name))}

    expected = {name for name, returns in wanted.items() if returns}
    with suppress(NotSeenError):  # told below, with all the others
        box.wait_for("what returns", lambda: expected <= there(), wait_s)
    seen = there()
    wrong = []
    for case, document in zip(cases, documents, strict=True):
        outlook = foretold.fate_of(document, "reboot")
        kind, back = document["owners"][0]["kind"], case.work.name in seen
        right = (kind, outlook["ends"], outlook["returns"]) == (case.kind, True, back)
        _row(box, case, kind, outlook, (True, back, None), right=right)
        if not right:
            wrong.append((case.work.describe, kind, outlook, back))
    assert not wrong, wrong


def plan_of(box: Box, pid: int) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = foretold.explained(box, pid)["plan"]["steps"]
    return steps


carry_out, undo = plans.carry_out, plans.undo
