"""Looks for second starters: each line that something runs by itself, and the script that it names.

One level: a script of a script is not read. A line counts only where whoever runs it may do what it says: root, a line
that asks for root's rights (sudo), or the user whose own unit or program it is.
"""

import os.path
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.plan import Step
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.starters import closing, naming
from runaway_watchdog.owners.starters.details import Starter
from runaway_watchdog.owners.starters.naming import INTERPRETERS, Names, Place, Said
from runaway_watchdog.owners.systemd import triggers
from runaway_watchdog.owners.systemd.service import source_of
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Unanswered, World, crontabs, inside, processes
from runaway_watchdog.world.startup import StartFile
from runaway_watchdog.world.units import NOT_LOADED, Unit

MOST_SCRIPTS = 4
"""Of one line."""
MOST_PROCESSES = 64
"""Of another unit."""
ACTIVE = ("active", "activating", "reloading")
_EXEC = Pattern(r"^[ \t]*ExecStart(?:Pre|Post)?[ \t]*=[ \t]*[-@:+!|]*(.*)", re.MULTILINE)
_USER = Pattern(r"^[ \t]*User[ \t]*=(.*)", re.MULTILINE)
_MONIT_CHECK = Pattern(r"\s*check\s+(?:process|program|file|host|system)\s+\"?([\w.-]+)", re.IGNORECASE)
_MONIT_RUNS = Pattern(r"\b(?:start|restart|exec)\b[^\"']{0,40}[\"']([^\"']{1,200})[\"']", re.IGNORECASE)
_SECTION = Pattern(r"\s*\[program:([^\]]+)\]")
_COMMAND = Pattern(r"\s*command\s*=\s*(.*)")
_OTHER_INIT = Pattern(
    r"!\s{0,8}-d\s{1,8}/run/systemd/system"
    r"|-d\s{1,8}/run/systemd/system\s{0,8}\]?\s{0,8}(?:;\s{0,8}then|&&)\s{0,8}exit\b"
)
"""What does its work only where systemd is not there to do it, as Debian's /etc/cron.d/anacron."""
_BLOCK = Pattern(r"\\$|\b(?:then|do|else|fi|done|esac)\b|[{}]|^\s*if\b|<<")
"""A line that cannot be taken out by itself."""


class Line(NamedTuple):
    """Something that is run: whose, where it stands and its text."""

    file: StartFile
    number: int
    name: str  # "line 3 of /root/.profile"
    user: str
    text: str


class Found(NamedTuple):
    """What it does to start it."""

    said: Said
    script: str  # the script that says it; "" where the line itself does
    again: bool  # what says it goes round

    @property
    def runs(self) -> str:
        direct = f"`{self.said.shown}`"
        return f"it runs {self.script}, which runs {direct}" if self.script else f"it runs {direct}"


def starters(names: Names, user: str, ours: Collection[str], world: World) -> Iterator[Starter]:
    """Whoever starts it beside `ours`, the names of its owners; `user` is whose the program is. Raises Unanswered."""
    known = {*ours, *(f"{each.partition('@')[0]}@.service" for each in ours if "@" in each)}
    for file in world.startup.found().files:
        for line in _lines(file):
            if known & {line.name, file.path} or (found := _found(line, names, user, world)) is None:
                continue
            starter, program = _OF_KIND[file.kind](line, found, world), found.said.shown
            if file.kind != "unit" or found.said.of_unit or not _is_its_own(starter, program, names, line.name, world):
                yield starter


def _found(line: Line, names: Names, user: str, world: World) -> Found | None:
    if _is_for_another_init(line.text):
        return None
    place = Place(home="/root" if line.user == "root" else f"/home/{line.user}")
    direct = naming.said(line.text, names, place)
    if direct is not None and _may(direct, line.user, names, user):
        return Found(direct, "", naming.goes_round(line.text))
    if line.file.kind in ("login", "boot") and "/" not in line.text:  # words of the shell, hundreds of them
        return None
    for path in islice(dict.fromkeys(naming.scripts(line.text, place)), MOST_SCRIPTS):
        text = world.startup.script(path, line.user)
        if text is None or _is_for_another_init(text):
            continue
        said = naming.said(text, names, place._replace(folder=os.path.dirname(path), script=path))
        if said is not None and _may(said, line.user, names, user):
            return Found(said, path, naming.goes_round(text))
    return None


def _is_for_another_init(text: str) -> bool:
    return "/run/systemd/system" in text and _OTHER_INIT.search(text) is not None


def _is_its_own(starter: Starter, program: str, names: Names, unit: str, world: World) -> bool:
    """Whether what another unit runs is that unit's alone: it has a copy of its own, or nothing would start it."""
    try:
        found = world.manager.unit(unit) or NOT_LOADED
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
    if runner == "root" or said.as_root:
        return True
    return runner == (names.manager if said.of_unit else user)


# --- the lines of each kind of file ------------------------------------------------------------------------------


def _lines(file: StartFile) -> Iterator[Line]:
    if file.kind == "crontab":
        of_user = None if not file.path.startswith(crontabs.SPOOLS[1]) else file.user
        for line in crontabs.parse(file.text, file.path, of_user):
            yield Line(file, line.number, line.name, line.user, line.command)
    elif file.kind == "unit":
        yield _unit_line(file)
    elif file.kind == "cron-script":
        yield Line(file, 0, file.path, file.user, file.text)
    elif file.kind == "monit":
        yield from _monit_lines(file)
    elif file.kind == "supervisord":
        yield from _supervisord_lines(file)
    else:
        for number, text in enumerate(lines_of(file.text), 1):
            if text.strip() and not text.lstrip().startswith("#"):
                yield Line(file, number, f"line {number} of {file.path}", file.user, text)


def _unit_line(file: StartFile) -> Line:
    joined = re.sub(r"\\\n\s*", " ", file.text)
    texts: list[str] = []
    for found in _EXEC.finditer(joined):
        texts = [*texts, found[1]] if found[1] else []  # an empty one forgets those before it
    users = [found[1].strip() for found in _USER.finditer(joined)]
    return Line(file, 0, base(file.path), (users or ["root"])[-1] or "root", "\n".join(texts))


def _monit_lines(file: StartFile) -> Iterator[Line]:
    check = ""
    for number, text in enumerate(lines_of(file.text), 1):
        if named := _MONIT_CHECK.match(text):
            check = named[1]
        if check and not text.lstrip().startswith("#"):
            for runs in _MONIT_RUNS.finditer(text):
                yield Line(file, number, f"monit's check {check}", "root", runs[1])


def _supervisord_lines(file: StartFile) -> Iterator[Line]:
    program = ""
    for number, text in enumerate(lines_of(file.text), 1):
        if text.lstrip().startswith("["):
            program = named[1] if (named := _SECTION.match(text)) else ""
        elif program and (command := _COMMAND.match(text)):
            yield Line(file, number, f"{program} of supervisord", "root", command[1])


# --- each as a starter -------------------------------------------------------------------------------------------


def _starter(line: Line, found: Found) -> Starter:
    where = f"{line.file.path}:{line.number}" if line.number else line.file.path
    return Starter(line.name, found.runs, "unit" if found.said.of_unit else "program", f"{where}: {found.said.shown}")


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
    try:
        unit = world.manager.unit(line.name) or NOT_LOADED
        timers = [
            each for each in triggers.read(unit, source_of(world), world) if each.unit.endswith(".timer") and each.due
        ]
    except Unanswered:
        unit, timers = NOT_LOADED, []
    timer = next((each for each in timers if each.active), None)
    if timer is not None:
        close = closing.unit(timer.unit, timer.unit_file_state, active=True)
        runs = f"it starts {line.name}, and {found.runs}"
        boots = timer.unit_file_state == "enabled"
        return starter._replace(
            name=timer.unit, runs=runs, revives=True, after_s=timer.next_in_s, at_boot=boots, close=close
        )
    active, boots = unit.active_state in ACTIVE, unit.unit_file_state == "enabled"
    revives = active and _acts_again(unit, found)
    close = closing.unit(line.name, unit.unit_file_state, active=revives)
    return starter._replace(revives=revives, at_boot=boots, when="" if revives else "when it is started", close=close)


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
    return _starter(line, found)._replace(revives=runs and found.again, at_boot=True, close=close, until=until)


def _is_active(units: Sequence[str], world: World) -> bool:
    try:
        return any((world.manager.unit(each) or NOT_LOADED).active_state == "active" for each in units)
    except Unanswered:
        return False


_OF_KIND = {
    "crontab": _of_crontab,
    "cron-script": _of_cron_script,
    "unit": _of_unit,
    "boot": _of_boot,
    "login": _of_login,
    "monit": _of_monit,
    "supervisord": _of_supervisord,
}
