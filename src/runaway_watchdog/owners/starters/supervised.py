"""Services of runit, s6 and daemontools whose scripts start a unit or a program: each end of one is answered by a new
start, so its `run` need not go round itself."""

import re
from collections.abc import Iterator

from runaway_watchdog.owners import supervise
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.starters.details import Found, Line, Starter
from runaway_watchdog.owners.starters.naming import Place
from runaway_watchdog.owners.supervise import Service, Suite
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import World
from runaway_watchdog.world.running_scripts import RunningScript
from runaway_watchdog.world.startup import StartFile

MOST_SERVICES = 128
SCRIPTS = ("run", "finish")
_HANDS_OVER = Pattern(r"^[ \t]*exec[ \t]+(?![\d<>&])(?!.*\bsleep\b)", re.MULTILINE)
"""A `run` that becomes the program itself, and not one that only waits for its next round."""


def lines(world: World) -> Iterator[Line]:
    """The scripts of each service below a scanner that runs."""
    for scanner in world.startup.running():
        suite = next((each for each in supervise.SUITES if each.scanner == base(scanner.words[0])), None)
        for folder in () if suite is None else _folders(scanner, world):
            for path in (f"{folder}/{script}" for script in SCRIPTS):
                text = world.startup.script(path, scanner.user)
                if suite is not None and text is not None:
                    yield _line(suite, folder, StartFile("supervised", path, scanner.user, text), world)


def _folders(scanner: RunningScript, world: World) -> Iterator[str]:
    """Of its services; it is given the folder that they are in, or works there."""
    given = next((word for word in scanner.words[1:] if word.startswith("/")), scanner.folder)
    try:
        names = sorted(world.files.names(given))[:MOST_SERVICES] if given else []
    except OSError:
        return
    yield from (f"{given.rstrip('/')}/{name}" for name in names if not name.startswith("."))


def _line(suite: Suite, folder: str, file: StartFile, world: World) -> Line:
    pid = _service(suite, folder, file.user, world).main_pid
    place = Place(folder, "/root" if file.user == "root" else "", file.path)
    name = f"{base(folder)} of {suite.supervisor}"
    return Line(file, 0, name, file.user, file.text, place, str(pid or ""), suite.kind)


def _service(suite: Suite, folder: str, user: str, world: World) -> Service:
    return supervise.found(suite, folder, None if user == "root" else user, world)


def starter(line: Line, found: Found, world: World) -> Starter:
    """As long as it is wanted up; where its `run` becomes another program, only with the next start of that."""
    suite = next(each for each in supervise.SUITES if each.kind == line.suite)
    service = _service(suite, line.file.path.rpartition("/")[0], line.user, world)
    run = world.startup.script(f"{service.folder}/run", line.user) or ""
    again = not (found.said.of_unit or line.file.path.endswith("/finish")) or not _HANDS_OVER.search(run)
    revives = service.wants == supervise.UP and again
    titles = {"hold": f"Stop {line.name}, which starts it", "close": f"Keep {line.name} from starting it later too"}
    close = tuple(each._replace(title=titles[each.phase]) for each in supervise.stopped(suite, service))
    told = Starter(line.name, found.runs, found.starts, f"{line.file.path}: {found.said.shown}", revives=revives)
    when = "" if revives else "when that is started"
    return told._replace(at_boot=not service.down_file, when=when, close=close)
