"""The lines of each kind of file that something runs by itself. Pure; text is hostile, and is never run."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.starters.details import Line
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import at_spool, crontabs
from runaway_watchdog.world.startup import Kind, StartFile

_EXEC = Pattern(r"^[ \t]*ExecStart(?:Pre|Post)?[ \t]*=[ \t]*[-@:+!|]*(.*)", re.MULTILINE)
_STOP = Pattern(r"^[ \t]*(ExecStop(?:Post)?)[ \t]*=[ \t]*(.*)", re.MULTILINE)
_USER = Pattern(r"^[ \t]*User[ \t]*=(.*)", re.MULTILINE)
_MONIT_CHECK = Pattern(r"\s*check\s+(?:process|program|file|host|system)\s+\"?([\w.-]+)", re.IGNORECASE)
_MONIT_RUNS = Pattern(r"\b(?:start|restart|exec)\b[^\"']{0,40}[\"']([^\"']{1,200})[\"']", re.IGNORECASE)
_SECTION = Pattern(r"\s*\[program:([^\]]+)\]")
_COMMAND = Pattern(r"\s*command\s*=\s*(.*)")
ROTATION_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction")


def lines(file: StartFile) -> Iterator[Line]:
    """Each with a name of its own."""
    return _OF_KIND.get(file.kind, _of_shell)(file)


def _of_crontab(file: StartFile) -> Iterator[Line]:
    of_user = None if not file.path.startswith(crontabs.SPOOLS[1]) else file.user
    for line in crontabs.parse(file.text, file.path, of_user):
        yield Line(file, line.number, line.name, line.user, line.command)


def _of_script(file: StartFile) -> Iterator[Line]:
    yield Line(file, 0, file.path, file.user, file.text)


def _of_at(file: StartFile) -> Iterator[Line]:
    if job := at_spool.JOB.fullmatch(base(file.path)):
        yield Line(file, 0, f"job {int(job['number'], 16)} of at", file.user, file.text)


def _of_shell(file: StartFile) -> Iterator[Line]:
    for number, text in enumerate(lines_of(file.text), 1):
        if text.strip() and not text.lstrip().startswith("#"):
            yield Line(file, number, f"line {number} of {file.path}", file.user, text)


def _of_unit(file: StartFile) -> Iterator[Line]:
    joined = _one_line_each(file.text)
    texts: list[str] = []
    for found in _EXEC.finditer(joined):
        texts = [*texts, found[1]] if found[1] else []  # an empty one forgets those before it
    users = [found[1].strip() for found in _USER.finditer(joined)] if file.kind == "unit" else [file.user]
    yield Line(file, 0, base(file.path), (users or ["root"])[-1] or "root", "\n".join(texts))


def stops(file: StartFile) -> Mapping[str, Sequence[str]]:
    """A unit's stop commands as they are written, by their setting."""
    found: dict[str, list[str]] = {}
    for each in _STOP.finditer(_one_line_each(file.text)):
        command = each[2].strip()
        found[each[1]] = [*found.get(each[1], []), command] if command else []
    return found


def plain(command: str) -> str:
    """Without what may stand before its program."""
    return command.lstrip("-@:+!|")


def _one_line_each(text: str) -> str:
    return re.sub(r"\\\n\s*", " ", text)


def _of_rotation(file: StartFile) -> Iterator[Line]:
    """What logrotate(8) gives to a shell as root."""
    inside = False
    for number, text in enumerate(lines_of(file.text), 1):
        word = text.strip()
        if inside and word != "endscript" and not word.startswith("#"):
            yield Line(file, number, f"line {number} of {file.path}", "root", text)
        inside = word in ROTATION_SCRIPTS or (inside and word != "endscript")


def _of_monit(file: StartFile) -> Iterator[Line]:
    check = ""
    for number, text in enumerate(lines_of(file.text), 1):
        if named := _MONIT_CHECK.match(text):
            check = named[1]
        if check and not text.lstrip().startswith("#"):
            for runs in _MONIT_RUNS.finditer(text):
                yield Line(file, number, f"monit's check {check}", "root", runs[1])


def _of_supervisord(file: StartFile) -> Iterator[Line]:
    program = ""
    for number, text in enumerate(lines_of(file.text), 1):
        if text.lstrip().startswith("["):
            program = named[1] if (named := _SECTION.match(text)) else ""
        elif program and (command := _COMMAND.match(text)):
            yield Line(file, number, f"{program} of supervisord", "root", command[1])


_OF_KIND: Mapping[Kind, Callable[[StartFile], Iterator[Line]]] = {
    "crontab": _of_crontab,
    "unit": _of_unit,
    "users-unit": _of_unit,
    "rotation": _of_rotation,
    "cron-script": _of_script,
    "hook": _of_script,
    "at": _of_at,
    "monit": _of_monit,
    "supervisord": _of_supervisord,
}
