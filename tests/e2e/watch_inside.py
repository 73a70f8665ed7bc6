"""Run on a host, with the product's own Python: what the watch's sampler attributes to whom, as JSON.

Arguments: SECONDS, INTERVAL, and the cgroups to compare with, as paths. The truth is what the kernel charged to each of
them between the first look that counts and the last, read once at each end, away from the sampler.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from runaway_watchdog.linux import cmdline
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.clocks import system_clocks
from runaway_watchdog.watch.detect import DetectState, detect
from runaway_watchdog.watch.sample import Sampler, this_host

SETTLE = 25  # looks: crowding is a mean, and a shell's children are told over ten to twenty seconds
RULE = Rule("hot", cpu=90.0, for_s=3600.0, severity="warning")


def main(seconds: float, interval_s: float, owners: list[str]) -> None:
    host = this_host(Paths(), system_clocks())
    assert host.tree is not None
    sampler, state = Sampler(host, RULE.cpu), DetectState()
    seen: dict[str, float] = dict.fromkeys(owners, 0.0)
    named: dict[str, dict[str, float]] = {owner: {} for owner in owners}
    nobody: dict[str, float] = dict.fromkeys(owners, 0.0)
    wanted: dict[str, list[float]] = {owner: [] for owner in owners}
    before: dict[str, int] = {}
    for number in range(SETTLE + round(seconds / interval_s)):
        time.sleep(interval_s)
        sample = sampler.look(state.processes(), state.groups())
        state, _ = detect(state, sample, (RULE,))
        if number == SETTLE:
            before = {owner: groups.usage_ns(host.tree, owner) or 0 for owner in owners}
        if number <= SETTLE:
            continue
        for each in sample.groups:
            if each.group in seen:
                seen[each.group] += each.percent * each.span_s / 100
                wanted[each.group].append(each.demand)
                by = sum(process.percent for process in sample.processes if process.group == each.group)
                nobody[each.group] += max(0.0, each.percent - by) * each.span_s / 100
        for process in sample.processes:
            if process.group in named:
                line = " ".join(cmdline.read(host.paths, process.key.pid))[:200]
                used = named[process.group]
                used[line] = used.get(line, 0.0) + process.percent * process.span_s / 100
    truth = {owner: ((groups.usage_ns(host.tree, owner) or 0) - before[owner]) / 1e9 for owner in owners}
    told: dict[str, Any] = {
        owner: {
            "truth_s": truth[owner],
            "seen_s": seen[owner],
            "named_s": named[owner],
            "nobody_s": nobody[owner],
            "demand": sorted(wanted[owner])[len(wanted[owner]) // 2] if wanted[owner] else 0.0,
        }
        for owner in owners
    }
    crowding = float(Path("/proc/loadavg").read_text().split()[0])
    print(json.dumps({"owners": told, "load": crowding}))


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
