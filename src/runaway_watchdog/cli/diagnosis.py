"""The part of `doctor` that looks at the watch itself: does it run, as what, and does what it writes arrive?"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from runaway_watchdog.cli import PROGRAM, vitals
from runaway_watchdog.cli.vitals import UNIT, Vitals
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import status
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.render.figures import duration, size
from runaway_watchdog.starting import ANSWERS
from runaway_watchdog.store.database import StoreUnavailable, reading as reading_store
from runaway_watchdog.world import Unanswered, World, procfs

CheckState = Literal["ok", "note", "missing"]

INSTALL: Final = f"sudo {PROGRAM} install"
LATE_S: Final = 300.0
"""A message that waits longer than this was refused at least four times, a heartbeat five times."""
LEAST_FREE: Final = 64 << 20
"""Bytes: SQLite needs room for its log beside the file, and a host has other writers."""
CAPABILITIES: Final = {"CAP_DAC_READ_SEARCH": 2, "CAP_SYS_PTRACE": 19}  # linux/capability.h
_CASE_DROP_INS: Final = "/etc/systemd/system/runaway-watchdog-case@.service.d"


class Check(NamedTuple):
    """One thing that was looked at. `missing` makes it blind or mute; a `note` only says what is not here."""

    subject: str
    state: CheckState
    told: str
    fix: str = ""

    def document(self) -> dict[str, str]:
        """As `doctor --json` shows it: the contract's key for the fix is `mend`."""
        return {"subject": self.subject, "state": self.state, "told": self.told, "mend": self.fix}


def of_store(path: Path, world: World) -> Iterator[Check]:
    """The watch's life, what it could not write, what nobody has taken, and whether there is room."""
    try:
        with reading_store(path) as connection:
            seen = vitals.look(connection, world)
    except StoreUnavailable as unavailable:
        yield Check("watch", "missing", unavailable.problem, unavailable.fix)
        return
    yield from of_watch(seen, world)
    yield from of_outbox(seen, world.clock.now())
    yield from of_disk(path)


def of_watch(seen: Vitals, world: World) -> Iterator[Check]:
    """Does it look, and with which rights?"""
    last = seen.liveness
    if last is None:
        yield Check("watch", "missing", "it has never looked at this host", INSTALL)
        return
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(last.tick_at))
    if seen.pulse == "ended":
        yield Check("watch", "missing", f"it is not running (last look: {when})", f"sudo systemctl start {UNIT}")
        return
    if seen.pulse == "silent":
        told = f"PID {last.pid} is there and does not look (last look: {when})"
        yield Check("watch", "missing", told, f"sudo systemctl restart {UNIT}; then journalctl -u {UNIT}")
        return
    yield Check("watch", "ok", f"PID {last.pid} looks every few seconds; {last.ticks} looks so far")
    if last.dropped:
        told = f"{last.dropped} writes were lost: the disk was full or did not answer for a while"
        yield Check("history", "note", told, f"look at that disk; what the watch said: journalctl -u {UNIT}")
    if last.heartbeat_failed_at is not None:
        lasting_s = world.clock.now() - last.heartbeat_failed_at
        told = f"none has arrived for {duration(lasting_s)}: the service that waits for it takes this host for dead"
        state: CheckState = "missing" if lasting_s >= LATE_S else "note"  # it waits a few minutes itself
        yield Check("heartbeat", state, told, "see alerts.heartbeat_url, and this host's network")
    yield from of_rights(world, last.pid)


def of_rights(world: World, pid: int) -> Iterator[Check]:
    """What the watch that runs may see: that counts, and not what whoever asks may."""
    try:
        masks = status.parse(world.files.read(f"{procfs.PROC}/{pid}/status"))
        effective = int(masks["CapEff"], 16)
        words = world.files.read(f"{procfs.PROC}/{pid}/cmdline").split("\0")
    except (OSError, KeyError, ValueError):
        return  # it ended meanwhile, or /proc is hidden: told elsewhere
    units = words[words.index("--units") + 1] if "--units" in words[:-1] else None
    needed = CAPABILITIES if units is None else {"CAP_SYS_PTRACE": CAPABILITIES["CAP_SYS_PTRACE"]}
    lacking = [name for name, bit in needed.items() if not effective >> bit & 1]
    if lacking:
        told = f"the watch runs without {' and '.join(lacking)}: it sees its own user's processes whole, others in part"
        yield Check("rights", "missing", told, INSTALL)
    else:
        what = "processes and files" if units is None else "processes"
        yield Check("rights", "ok", f"the watch may look at all users' {what}")
    if units is not None:
        yield from _of_helpers(world, units)
    if lacking and units is not None:
        return  # an installation mends all of it
    socket = "/run/docker.sock"
    group = _group(world, "docker")
    if group is None or not world.files.exists(socket) or masks.get("Uid", "").split()[:1] == ["0"]:
        return
    asks = str(group) in masks.get("Groups", "").split() if units is None else _case_is_in(world, "docker")
    if asks is False:
        who = "the watch" if units is None else "what explains for it (runaway-watchdog-case@.service)"
        told = f"{who} is not in the docker group: it cannot ask who owns a container"
        yield Check("docker group", "missing", told, INSTALL)


def _of_helpers(world: World, folder: str) -> Iterator[Check]:
    """Who explains and sends for the installed service."""
    absent = [unit for unit in ANSWERS if not world.files.exists(f"{folder}/{unit}.sock")]
    if absent:
        told = " and ".join(f"runaway-watchdog-{unit}.socket" for unit in absent)
        yield Check("helpers", "missing", f"the watch finds no {told}: it is mute", f"sudo systemctl restart {UNIT}")


def _case_is_in(world: World, group: str) -> bool | None:
    """What the unit of the cases is given in its drop-ins; systemd.exec(5): an empty list forgets those before it.

    None: one of them is not ours to read.
    """
    groups: list[str] = []
    try:
        for name in sorted(each for each in world.files.names(_CASE_DROP_INS) if each.endswith(".conf")):
            for line in world.files.read(f"{_CASE_DROP_INS}/{name}").split("\n"):
                key, _, value = line.partition("=")
                if key.strip() == "SupplementaryGroups":
                    groups = [*groups, *value.split()] if value.strip() else []
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return group in groups


def _group(world: World, name: str) -> int | None:
    try:
        lines = lines_of(world.files.read("/etc/group"))
    except OSError:
        return None
    fields = next((each for each in (line.split(":") for line in lines) if each[0] == name and len(each) > 2), None)
    return int(fields[2]) if fields is not None and fields[2].isdecimal() else None


def of_outbox(seen: Vitals, now: float) -> Iterator[Check]:
    """Channels that say no for good, and messages that no channel takes: found, and nobody was told."""
    waiting = {each.channel: each for each in seen.waiting}
    for refusing in seen.channels:
        if refusing.refused_at is None:
            if refusing.is_silent:
                said = clean(refusing.problem or "", 160)
                told = f"{clean(refusing.channel)} does not say that it took the last message: {said}"
                yield Check("outbox", "note", told, f"sudo {PROGRAM} test-alert, and see whether that arrives")
            continue
        held = waiting.pop(refusing.channel, None)
        lasting = duration(now - refusing.refused_at)
        told = f"{clean(refusing.channel)} has refused alerts for {lasting}: {clean(refusing.problem or '', 160)}"
        kept = f" ({_messages(held.messages)} kept for it)" if held else ""
        yield Check("outbox", "missing", told + kept, f"mend its URL in [alerts], then sudo {PROGRAM} test-alert")
    for each in waiting.values():
        waited_s = now - each.oldest_at
        if waited_s < LATE_S:
            continue
        why = f"; it said: {clean(each.last_error, 120)}" if each.last_error else ""
        told = f"{_messages(each.messages)} for {clean(each.channel)} wait, the oldest for {duration(waited_s)}{why}"
        yield Check("outbox", "missing", told, f"sudo {PROGRAM} test-alert tells what the channel answers")


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def of_disk(path: Path) -> Iterator[Check]:
    """Room for the history."""
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return  # the store could be read a moment ago
    if free < LEAST_FREE:
        told = f"the disk of {path} has {size(free)} left: the history stops when it is full (alerts still go out)"
        yield Check("disk", "missing", told, f"free some space: du -xh --max-depth=1 {path.anchor} | sort -h")


def of_unit(world: World) -> Iterator[Check]:
    """The service: is it installed, does it start with the host, is systemd's idea of it the newest?"""
    try:
        unit = world.manager.unit(UNIT)
    except Unanswered:
        return  # told by the check of systemd
    if unit is None or unit.load_state != "loaded":
        told = f"{UNIT} is not installed: what runs in a terminal ends with it"
        yield Check("service", "missing", told, INSTALL)
        return
    enabled = unit.unit_file_state
    if enabled not in ("enabled", "enabled-runtime", "static"):
        yield Check(
            "service", "missing", f"it does not start with the host ({enabled})", f"sudo systemctl enable {UNIT}"
        )
    elif unit.need_daemon_reload:
        yield Check("service", "note", "its unit file has changed since systemd read it", INSTALL)
    else:
        yield Check("service", "ok", f"{UNIT} is {unit.active_state}, and starts with the host")


def of_journal(world: World) -> Iterator[Check]:
    """What keepers wrote of restarts and of memory that ran out."""
    try:
        world.journal.entries(("_PID=1",), 1)
    except Unanswered as unanswered:
        yield Check("journal", "note", unanswered.gap.problem, unanswered.gap.fix)
    else:
        yield Check("journal", "ok", "it can be read")
