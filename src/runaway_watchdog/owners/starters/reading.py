"""Looks for second starters: each line that something runs by itself, and the script that it names.

And the script that this one names, and no further. A line counts only where whoever runs it may do what it says: root,
a line that asks for root's rights (sudo), or the user whose own unit or program it is.
"""

import os.path
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Literal, NamedTuple

from runaway_watchdog.model.plan import Step
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.cron import at
from runaway_watchdog.owners.starters import closing, naming, running, supervised
from runaway_watchdog.owners.starters.details import After, Found, Line, Starter
from runaway_watchdog.owners.starters.lines import lines, plain, stops
from runaway_watchdog.owners.starters.naming import INTERPRETERS, Names, Place, Said
from runaway_watchdog.owners.starters.specifiers import filled, template
from runaway_watchdog.owners.systemd import triggers, user_service as users
from runaway_watchdog.owners.systemd.details import End
from runaway_watchdog.owners.systemd.drop_ins import SYSTEM, Words
from runaway_watchdog.owners.systemd.manager import Source
from runaway_watchdog.owners.systemd.service import LINGER, source_of
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Unanswered, World, at_spool, crontabs, inside, processes
from runaway_watchdog.world.startup import StartFile
from runaway_watchdog.world.units import NOT_LOADED, Unit

MOST_SCRIPTS = 4
"""Of one line."""
DEEPEST = 2
"""A script of a script."""
MOST_PROCESSES = 64
"""Of another unit."""
UNITS = ("unit", "users-unit")
ACTIVE = ("active", "activating", "reloading")
_OTHER_INIT = Pattern(
    r"!\s{0,8}-d\s{1,8}/run/systemd/system"
    r"|-d\s{1,8}/run/systemd/system\s{0,8}\]?\s{0,8}(?:;\s{0,8}then|&&)\s{0,8}exit\b"
)
"""What does its work only where systemd is not there to do it, as Debian's /etc/cron.d/anacron."""
_BLOCK = Pattern(r"\\$|\b(?:then|do|else|fi|done|esac)\b|[{}]|^\s*if\b|<<")
"""A line that cannot be taken out by itself."""


def starters(
    names: Names,
    user: str,
    ours: Collection[str],
    world: World,
    handlers: Mapping[str, frozenset[End]] = MappingProxyType({}),
) -> Iterator[Starter]:
    """Whoever starts it beside `ours`, the names of its owners and the PIDs of its line; `user` is whose the program
    is, `handlers` the units that its own unit's end starts. Raises Unanswered."""
    known = {*ours, *map(template, ours)}
    seen: list[tuple[Starter, Found]] = []
    of_files = (
        each for file in world.startup.found().files for line in lines(file) for each in _as(line, handlers, names)
    )
    services = list(supervised.lines(world))
    of_services = {(each.pid, each.user) for each in services}  # what a user's own file says of another's is nothing
    loops = (each for each in running.lines(world) if (each.pid, each.user) not in of_services)
    for line in (*of_files, *services, *loops):
        if known & {line.name, line.file.path, line.pid} or (found := _found(line, names, user, world)) is None:
            continue
        if line.file.kind == "running" and running.is_one_of(line, seen, world):
            continue
        starter, program = _OF_KIND[line.file.kind](line, found, world), found.said.shown
        if line.name in handlers and not starter.revives:
            starter = _of_handler(starter, line, handlers[line.name])
        if (
            line.file.kind not in (*UNITS, "supervised")
            or found.said.of_unit
            or starter.after
            or not _is_its_own(starter, program, names, line, world)
        ):
            seen.append((starter, found))
    yield from (starter for starter, _ in seen)
    for file in world.startup.found().files:
        yield from _of_stops(file, names, user, world)


def _as(line: Line, handlers: Mapping[str, frozenset[End]], names: Names) -> Iterator[Line]:
    """A unit's line as each handler reads that it is made to be; any other one as it is."""
    made = [each for each in handlers if line.name in (each, template(each))] if line.file.kind in UNITS else []
    for each in made:
        monitored = f"MONITOR_UNIT={next(iter(names.units), '')}\n"  # systemd.exec(5), "Environment Variables"
        yield line._replace(name=each, text=f"{monitored}{filled(line.text.replace('$$', '$'), each)}")
    if not made:
        yield line


def _found(line: Line, names: Names, user: str, world: World) -> Found | None:
    place = line.place or Place(home="/root" if line.user == "root" else f"/home/{line.user}")
    return _read(line.text, place, line, _Wanted(names, user, world), DEEPEST)


class _Wanted(NamedTuple):
    names: Names
    user: str
    world: World


def _read(text: str, place: Place, line: Line, wanted: _Wanted, deeper: int) -> Found | None:
    """What the text itself says, else what a script says that it runs."""
    if _is_for_another_init(text):
        return None
    direct = naming.said(text, wanted.names, place)
    if direct is not None and _may(direct, line.user, wanted.names, wanted.user):
        return Found(direct, (), naming.goes_round(text))
    if not deeper or (line.file.kind in ("login", "boot") and "/" not in text):  # words of the shell, hundreds of them
        return None
    by_name = deeper == DEEPEST  # a script's own commands are hundreds, too
    for path, given in islice(dict.fromkeys(naming.scripts(text, place, on_path=by_name)), MOST_SCRIPTS):
        script = wanted.world.startup.script(path, line.user)
        if script is not None and path != place.script:
            there = place._replace(folder=os.path.dirname(path), script=path, arguments=given)
            found = _read(script, there, line, wanted, deeper - 1)
            if found is not None:
                return Found(found.said, (path, *found.scripts), found.again or naming.goes_round(text))
    return None


def _is_for_another_init(text: str) -> bool:
    return "/run/systemd/system" in text and _OTHER_INIT.search(text) is not None


def _is_its_own(starter: Starter, program: str, names: Names, line: Line, world: World) -> bool:
    """Whether what another unit runs is that unit's alone: it has a copy of its own, or nothing would start it."""
    if line.file.kind == "supervised":
        return bool(line.pid) and _runs(int(line.pid), program, names, world)
    try:
        found = _source(line, world).unit(line.name) or NOT_LOADED
    except Unanswered:
        return False
    if found.active_state not in ACTIVE:
        return bool(names.units) and not starter.revives and not starter.at_boot
    pids = processes.members(world.files, found.control_group)[:MOST_PROCESSES] or (found.main_pid,)
    return any(_runs(pid, program, names, world) for pid in pids)


def _runs(pid: int, program: str, names: Names, world: World) -> bool:
    """Itself, or as its interpreter; who only names it, as `flock FILE PROGRAM`, may wait to start it."""
    words = processes.arguments(world.files, pid)
    exe = processes.executable(world.files, pid) or next(iter(words), "")
    if names.command:
        return exe == names.command[0] and words[1:] == names.command[1:]
    if not INTERPRETERS.fullmatch(base(exe)) and base(exe) not in POSIX_SHELLS:
        return exe == program
    return program == next((word for word in words[1:] if not word.startswith("-")), None)


def _may(said: Said, runner: str, names: Names, user: str) -> bool:
    if runner == "root" or said.as_root or said.of_exec:  # the engine asks nobody whose container it is
        return True
    return runner == (names.manager if said.of_unit else user)


# --- each as a starter -------------------------------------------------------------------------------------------


def _starter(line: Line, found: Found) -> Starter:
    where = f"{line.file.path}:{line.number}" if line.number else line.file.path
    return Starter(line.name, found.runs, found.starts, f"{where}: {found.said.shown}")


def _of_crontab(line: Line, found: Found, world: World) -> Starter:
    starter = _starter(line, found)
    of_user = line.file.path.startswith(crontabs.SPOOLS[1])
    job = next(
        each
        for each in crontabs.parse(line.file.text, line.file.path, line.file.user if of_user else None)
        if each.number == line.number
    )
    close = closing.line_of_cron(job, world)
    if job.schedule.lower() == crontabs.REBOOT:
        return starter._replace(at_boot=True, when="at boot", close=close)
    now = world.clock.now()
    due = crontabs.next_run(job.schedule, now, crontabs.local_zone(inside.Inside(world.files)))
    after_s = None if due is None else round(max(0.0, due - now), 1)
    when = f"at its next time (`{job.schedule}`)"
    return starter._replace(revives=True, at_boot=True, after_s=after_s, when=when, close=close)


def _of_cron_script(line: Line, found: Found, _world: World) -> Starter:
    period = line.file.path.split("/")[2].removeprefix("cron.")
    close = (closing.script_of_cron(line.file.path),)
    return _starter(line, found)._replace(revives=True, at_boot=True, when=f"at its next {period} run", close=close)


def _of_unit(line: Line, found: Found, world: World) -> Starter:
    """By its timer; else as long as it runs and goes round, or is started again itself; else when it is started."""
    starter = _starter(line, found)
    systemctl = "systemctl" if line.file.kind == "unit" else users.systemctl_of(line.user, line.file.uid)
    lingers = line.file.kind == "unit" or world.files.exists(f"{LINGER}/{line.user}")
    try:
        source = _source(line, world)
        unit = source.unit(line.name) or NOT_LOADED
        timers = [each for each in triggers.read(unit, source, world) if each.unit.endswith(".timer") and each.due]
    except Unanswered:
        unit, timers = NOT_LOADED, []
    timer = next((each for each in timers if each.active), None)
    if timer is not None:
        close = closing.unit(timer.unit, timer.unit_file_state, active=True, systemctl=systemctl)
        runs = f"it starts {line.name}, and {found.runs}"
        boots = timer.unit_file_state == "enabled" and lingers
        return starter._replace(
            name=timer.unit, runs=runs, revives=True, after_s=timer.next_in_s, at_boot=boots, close=close
        )
    active, boots = unit.active_state in ACTIVE, unit.unit_file_state == "enabled" and lingers
    revives = active and _acts_again(unit, found)
    ends = _ENDS.get(unit.kill_mode, "all")  # a stop that ends nothing would only let its processes be forgotten
    close = closing.unit(line.name, unit.unit_file_state, active=revives and ends != "nothing", systemctl=systemctl)
    starter = starter._replace(
        revives=revives, at_boot=boots, when="" if revives else "when it is started", close=close
    )
    return starter._replace(ends=ends, main_pid=unit.main_pid)


def _of_handler(starter: Starter, line: Line, ends: frozenset[End]) -> Starter:
    when = " and ".join(f"On{each.capitalize()}=" for each in sorted(ends))
    return starter._replace(
        after=ends, when=f"({when})", close=(*starter.close, *closing.handler(line.name, _words(line)))
    )


def _words(line: Line) -> Words:
    return SYSTEM if line.file.kind == "unit" else users.words_of(line.user, line.file.uid)


def _of_stops(file: StartFile, names: Names, user: str, world: World) -> Iterator[Starter]:
    """What the unit's own stop commands start again; a program only where a stop leaves it alone (KillMode=)."""
    unit = next((each for each in names.units if base(file.path) in (each, template(each))), None)
    if unit is None or file.kind not in UNITS or names.manager != (None if file.kind == "unit" else file.user):
        return
    line = next(iter(lines(file)))._replace(name=unit)
    stays = (_source(line, world).unit(unit) or NOT_LOADED).kill_mode in ("process", "none")
    found, kept = list[tuple[str, Found]](), dict[str, list[str]]()
    for setting, command in ((setting, each) for setting, commands in stops(file).items() for each in commands):
        text = plain(command)
        as_root = line.file.kind == "unit" and {"+", "!"} & {*command[: len(command) - len(text)]}
        of_it = line._replace(user="root" if as_root else line.user, text=filled(text.replace("$$", "$"), unit))
        each = _found(of_it, names, user, world)
        if each is None or not (each.said.of_unit or stays):
            kept.setdefault(setting, []).append(command)
        else:
            found.append((setting, each))
    changed = {setting: kept.get(setting, []) for setting, _ in found}
    close = closing.stop_commands(unit, changed, _words(line)) if found else ()
    for setting, each in found:
        yield _starter(line, each)._replace(name=f"{setting}= of {unit}", after=_AFTER[setting], close=close)


def _source(line: Line, world: World) -> Source:
    return source_of(world) if line.file.kind == "unit" else users.source_of(line.file.uid, world)


def _acts_again(unit: Unit, found: Found) -> bool:
    runs_on = unit.type != "oneshot" or unit.active_state == "activating"
    return (runs_on and found.again) or unit.restart in ("always", "on-success")


def _of_boot(line: Line, found: Found, world: World) -> Starter:
    return _starter(line, found)._replace(at_boot=True, when="at boot", close=_edit(line, world))


def _of_login(line: Line, found: Found, world: World) -> Starter:
    who = "anybody" if line.file.path.startswith("/etc/") else line.user
    return _starter(line, found)._replace(when=f"at the next login of {who}", close=_edit(line, world))


def _edit(line: Line, world: World) -> tuple[Step, ...]:
    return () if _BLOCK.search(line.text) else closing.line_of_shell(line.file, line.number, world)


def _of_monit(line: Line, found: Found, world: World) -> Starter:
    check = line.name.rpartition(" ")[2]
    runs = _is_active(("monit.service",), world)
    starter = _starter(line, found)._replace(revives=runs, at_boot=True, until="a start of monit, as at the next boot")
    return starter._replace(when="at its next look", close=(closing.check_of_monit(check),) if runs else ())


def _of_supervisord(line: Line, found: Found, world: World) -> Starter:
    runs = _is_active(("supervisor.service", "supervisord.service"), world)
    program = line.name.partition(" ")[0]
    close = (closing.program_of_supervisord(program),) if runs and found.again else ()
    until = "a start of supervisord, as at the next boot"
    return _starter(line, found)._replace(
        revives=runs and found.again, at_boot=True, close=close, until=until, ends="all"
    )


def _of_at(line: Line, found: Found, world: World) -> Starter:
    job = at_spool.JOB.fullmatch(base(line.file.path))
    if job is None:
        return _starter(line, found)
    zone = crontabs.local_zone(inside.Inside(world.files))
    pending = at.pending(os.path.dirname(line.file.path), job, zone)
    after_s = max(0.0, round(pending.at - world.clock.now(), 1))
    close = (at.take_out(pending, "starts it"),)
    return _starter(line, found)._replace(
        revives=True, at_boot=True, after_s=after_s, when=f"at {pending.time}", close=close
    )


def _of_rotation(line: Line, found: Found, world: World) -> Starter:
    when = "at the next rotation of its logs"
    return _starter(line, found)._replace(revives=True, at_boot=True, when=when, close=_edit(line, world))


def _of_hook(line: Line, found: Found, _world: World) -> Starter:
    return _starter(line, found)._replace(when="at the next push or pull")


def _is_active(units: Sequence[str], world: World) -> bool:
    try:
        return any((world.manager.unit(each) or NOT_LOADED).active_state == "active" for each in units)
    except Unanswered:
        return False


_ENDS: Mapping[str, Literal["all", "main", "nothing"]] = {"process": "main", "none": "nothing"}
"""What a stop ends, by KillMode=."""
_AFTER: Mapping[str, frozenset[After]] = {
    "ExecStop": frozenset(("success", "stop")),
    "ExecStopPost": frozenset(("failure", "success", "stop")),
}
"""The ends after which systemd runs a unit's stop commands: seen on 252."""
_OF_KIND = {
    "crontab": _of_crontab,
    "cron-script": _of_cron_script,
    "unit": _of_unit,
    "users-unit": _of_unit,
    "at": _of_at,
    "rotation": _of_rotation,
    "hook": _of_hook,
    "running": running.starter,
    "supervised": supervised.starter,
    "boot": _of_boot,
    "login": _of_login,
    "monit": _of_monit,
    "supervisord": _of_supervisord,
}
