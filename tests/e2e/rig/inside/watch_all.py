"""Runs inside the box: end several processes at once, and watch together whether their programs come back.

Reads {"ends": [{"pid", "signal", "marker"}, …], "watch_s"} from standard input; `marker` is a word of the program's
command line that nothing else has. Writes a list of observations, in the same order, to standard output. For keepers
that take a minute: one watch.py for each would be a load of its own.
"""

import json
import os
import sys
import time
from typing import Any

from e2e.rig.inside.looks import TICKS, now, read, start_ticks

POLL_S = 0.25


def running() -> dict[tuple[int, int], list[str]]:
    """(PID, start) -> words of its command line."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            words = read(f"/proc/{name}/cmdline").split("\0")
            if ticks := start_ticks(int(name)):
                found[int(name), ticks] = words
    return found


def main() -> None:
    job = json.load(sys.stdin)
    before = running()
    seen: list[dict[str, Any]] = []
    for end in job["ends"]:
        if end["pid"] <= 1:
            sys.exit(f"refusing to act on PID {end['pid']}")
        ticks = start_ticks(end["pid"])
        os.kill(end["pid"], end["signal"])
        seen.append({"ticks": ticks, "at": now(), "ended": False, "returned": False, "delay_s": None, "new_pid": None})
    until = now() + job["watch_s"]
    while now() < until and not all(each["returned"] for each in seen):
        time.sleep(POLL_S)
        alive = running()
        for end, each in zip(job["ends"], seen, strict=True):
            each["ended"] = (end["pid"], each["ticks"]) not in alive
            new = [key for key, words in alive.items() if end["marker"] in words and key not in before]
            if each["ended"] and new and not each["returned"]:
                pid, ticks = min(new, key=lambda key: key[1])
                each |= {"returned": True, "new_pid": pid, "delay_s": round(max(0.0, ticks / TICKS - each["at"]), 3)}
    json.dump([{name: each[name] for name in ("ended", "returned", "delay_s", "new_pid")} for each in seen], sys.stdout)


main()
