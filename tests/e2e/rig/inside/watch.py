"""Runs inside the box: do something to one process, and watch whether its program comes back under the same owner.

Reads one JSON object from standard input: pid, marker (a word of the program's command line), owner (a part of its
cgroup path), watch_s, and either signal (a number) or argv (a command). Writes one JSON object to standard output.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

from e2e.rig.inside.looks import TICKS, now, read, start_ticks

POLL_S = 0.02
# Until it has died the look costs one small file, and a late look makes the delay too short.
DEATH_POLL_S = 0.004


def matching(marker: str, owner: str) -> dict[int, int]:
    """PID -> start of every process that has `marker` as a word of its command line and `owner` in its cgroup."""
    found = {}
    for name in os.listdir("/proc"):
        if (
            name.isdigit()
            and marker in read(f"/proc/{name}/cmdline").split("\0")
            and owner in read(f"/proc/{name}/cgroup")
        ):
            ticks = start_ticks(int(name))
            if ticks:
                found[int(name)] = ticks
    return found


def act(job: dict[str, Any]) -> subprocess.Popen[bytes] | None:
    """Send the signal, or start the command; the command still runs when this returns."""
    if "signal" in job:
        os.kill(job["pid"], job["signal"])
        return None
    return subprocess.Popen(job["argv"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for_death(pid: int, ticks: int, until: float) -> float | None:
    """When the process that started at `ticks` was seen to be gone."""
    while now() < until:
        if start_ticks(pid) != ticks:
            return now()
        time.sleep(DEATH_POLL_S)
    return None


def wait_for_return(
    job: dict[str, Any], before: dict[int, int], action: subprocess.Popen[bytes] | None, until: float
) -> int | None:
    """The PID of a process of the same program under the same owner that was not there before."""
    suspects: dict[int, int] = {}
    while now() < until:
        seen = {pid: ticks for pid, ticks in matching(job["marker"], job["owner"]).items() if before.get(pid) != ticks}
        # Seen in two looks: between fork and exec a process still bears its parent's command line.
        sure = [pid for pid, ticks in seen.items() if suspects.get(pid) == ticks]
        # While the owner is still being stopped, what it started may be stopped with it.
        if sure and (action is None or action.poll() is not None):
            return min(sure)
        suspects = seen
        time.sleep(POLL_S)
    return None


def said_in_error(action: subprocess.Popen[bytes] | None) -> str:
    """What the command said when it failed; empty when it did not."""
    if action is None:
        return ""
    try:
        _, said = action.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        action.kill()
        return "still running a minute after the watch"
    return (said.decode(errors="replace") or f"exit code {action.returncode}") if action.returncode else ""


def main() -> None:
    """One observation."""
    job = json.load(sys.stdin)
    pid = job["pid"]
    if pid <= 1:
        sys.exit(f"refusing to act on PID {pid}")
    before = matching(job["marker"], job["owner"])
    if pid not in before:
        sys.exit(f"PID {pid} is not {job['marker']} under {job['owner']}: {before}; {read(f'/proc/{pid}/cgroup')}")
    begun = now()
    until = begun + job["watch_s"]
    action = act(job)
    died = wait_for_death(pid, before[pid], until)
    new = wait_for_return(job, before, action, until) if died is not None else None
    started = start_ticks(new) / TICKS if new is not None else 0
    result = {
        "ended": died is not None,
        "returned": new is not None,
        "delay_s": round(max(0.0, started - died), 3) if died is not None and started else None,
        "new_pid": new,
        "ended_after_s": round(died - begun, 3) if died is not None else None,
        "action_error": said_in_error(action),
    }
    json.dump(result, sys.stdout)


main()
