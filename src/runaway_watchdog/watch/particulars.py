"""Reads from /proc what the judgement of a finding has to know of its process, and no more than that."""

import os
from typing import Final

from runaway_watchdog.linux import cmdline, stat_brief as proc_stat
from runaway_watchdog.linux.stat_brief import ProcessStat
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch import groups
from runaway_watchdog.watch.identity import look_again
from runaway_watchdog.watch.judging import Particulars, Question
from runaway_watchdog.watch.lineage import Seen
from runaway_watchdog.watch.ordinary import kind_of_work, runs_from_its_file
from runaway_watchdog.watch.sample import HostFacts
from runaway_watchdog.watch.short_lived import is_kind, kind_of

OWN_UNIT: Final = "runaway-watchdog.service"
"""`shipped.UNIT`, which would load pathlib into the watch for a name."""
_COMMAND_LINE_LIMIT: Final = 4096


def own_service(host: HostFacts) -> str:
    """The group of our own service; "" where the watch runs in none."""
    own = groups.group_of(host.paths, host.tree, os.getpid())
    return own if own.endswith(f"/{OWN_UNIT}") else ""


def examine(host: HostFacts, question: Question, root: str = "") -> Particulars:
    """`root` stands before the directories of unit files. A story that is over is not asked about."""
    finding, key = question.finding, question.finding.key
    if finding.stage == "resolved":
        return Particulars()
    stat = None if key is None else stat_of(host, key)
    seen = None if key is None or question.incident is not None else look_again(host, key)
    asked = set() if stat is None or key is None else {what for what, _ in question.only}
    return Particulars(
        seen=seen,
        stat=stat,
        user=_user(host, key.pid) if key and "user" in asked else "",
        exe=_exe(host, key.pid) if key and "exe" in asked else "",
        command_line=" ".join(cmdline.read(host.paths, key.pid))[:_COMMAND_LINE_LIMIT]
        if key and "cmdline" in asked
        else "",
        ordinary=_ordinary(host, question, seen, stat, root) if finding.stage == "sustained" else "",
    )


def stat_of(host: HostFacts, key: ProcKey) -> ProcessStat | None:
    """None: it is gone, or its PID is another's now."""
    stat = proc_stat.read(host.paths, key.pid)
    return stat if stat is not None and stat.start_ticks == key.start_ticks else None


def is_inhabited(host: HostFacts, group: str) -> bool:
    """Is anybody in this group, or in one of this kind?"""
    above = group.rpartition("/")[0]
    if host.tree is None or is_kind(above):  # a kind of pods' groups: they would have to be searched for
        return host.tree is not None
    alike = (
        [each for each in groups.children(host.tree, above) if kind_of(each) == group] if is_kind(group) else [group]
    )
    return any(next(groups.members(host.tree, each), None) is not None for each in alike)


def _ordinary(host: HostFacts, question: Question, seen: Seen | None, stat: ProcessStat | None, root: str) -> str:
    """Of a restart loop the unit alone is asked about."""
    finding, key = question.finding, question.finding.key
    name = question.name or (seen.name if seen is not None else finding.group.rpartition("/")[2])
    if finding.kind == "restarts":
        name = ""

    def genuine() -> bool:
        return stat is not None and key is not None and runs_from_its_file(host.paths, key.pid, name)

    return kind_of_work(finding.group, name, terminal=stat is not None and bool(stat.tty), genuine=genuine, root=root)


def _command_line(host: HostFacts, pid: int) -> str:
    return " ".join(cmdline.read(host.paths, pid))[:_COMMAND_LINE_LIMIT]


def _user(host: HostFacts, pid: int) -> str:
    try:
        return str(os.stat(f"{host.paths.proc}/{pid}").st_uid)
    except OSError:
        return ""


def _exe(host: HostFacts, pid: int) -> str:
    try:
        return os.readlink(f"{host.paths.proc}/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""
