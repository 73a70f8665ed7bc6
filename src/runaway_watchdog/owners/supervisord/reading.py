"""A program of supervisord, from its configuration files and from supervisord itself."""

from collections.abc import Callable, Sequence
from shlex import quote

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Claim
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import identity, siblings
from runaway_watchdog.owners.common.partly import PartlyAnswered
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.supervisord import containment
from runaway_watchdog.owners.supervisord.details import Program
from runaway_watchdog.owners.supervisord.program import KINDS
from runaway_watchdog.world import Unanswered, World, inside, procfs, supervisord_conf
from runaway_watchdog.world.program_states import ProgramState


def inspect(claim: Claim, manager_pid: int, facts: Facts, world: World) -> Read[Program] | None:
    """Read its configuration, and ask it. None: it only calls itself supervisord. Raises Unanswered where the
    configuration cannot be read."""
    manager, main = siblings.manager_and_main(facts, manager_pid)
    if not identity.genuine(manager, world):
        return None
    view = inside.of(world.files, manager)
    path, conf = _configuration(view, manager, world)
    state = _asked((path, conf), view, (manager, main), world)
    group, name = (state.group, state.name) if state else _marked(main, world)
    if not name:
        raise Unanswered(Gap("supervisord", "which of its programs this is could not be read", "run it with sudo"))
    program = conf.program(group, name)
    full = name if group == name else f"{group}:{name}"
    details = Program(
        main_pid=main.pid,
        manager_pid=manager.pid,
        settings_in=path if program is None else program.section.path,
        asked=state is not None,
        state=state.statename if state else "",
        in_container=bool(view.root),
        autorestart="" if program is None else program.autorestart,
        autostart=None if program is None else program.autostart,
        exit_codes=None if program is None else program.exit_codes,
        start_retries=None if program is None else program.number("startretries", 3),
        as_group=program is not None and (program.flag("stopasgroup") or program.flag("killasgroup")),
        changed_since=program is not None and _written_at(view, program.section.path) > main.started_at,
        ctl=containment.ctl(conf, path, view, manager, world),
        place=containment.place(program, view, manager, world),
    )
    evidence = [*claim.evidence]
    if state:
        evidence.append(f"supervisord getAllProcessInfo: {full} is PID {state.pid}, {state.statename}")
    if program is not None:
        evidence.append(f"{program.section.path}:{program.section.line}: autorestart={details.autorestart or '?'}")
    policy = f"autorestart={details.autorestart}" if details.autorestart else "not known"
    owner = Read("supervisord-program", full, full, policy, details, tuple(evidence))
    if program is None and conf.left_out:
        problem = f"{conf.left_out[0]} was not read with {path}: others may write it"
        raise PartlyAnswered(Gap("supervisord", problem, f"look who: namei -l {quote(conf.left_out[0])}"), owner)
    return owner


def _marked(main: Process, world: World) -> tuple[str, str]:
    """The program's group and name, as supervisord wrote them into its environment."""
    marks = dict(procfs.marks(world.files, main.pid, KINDS[0].marks))
    return marks.get("SUPERVISOR_GROUP_NAME", ""), marks.get("SUPERVISOR_PROCESS_NAME", "")


def _configuration(view: inside.Inside, manager: Process, world: World) -> tuple[str, supervisord_conf.Configuration]:
    """The file that it was started with, or the first of those that it looks for. Raises Unanswered."""
    folder = ""
    paths = [_option(manager.cmdline)]
    if not paths[0]:
        paths = list(supervisord_conf.SEARCHED)
    elif not paths[0].startswith("/"):
        try:
            folder = world.files.target(f"{procfs.PROC}/{manager.pid}/cwd")
        except OSError:
            folder = "/"
        paths = [f"{folder}/{paths[0]}"]
    for path in paths:
        try:
            return path, supervisord_conf.read(view, path, _whose(view, world))
        except FileNotFoundError:
            continue
        except OSError:
            raise Unanswered(Gap("supervisord", f"{path} cannot be read", "run it with sudo")) from None
    raise Unanswered(
        Gap("supervisord", "its configuration file was not found", f"look: tr '\\0' ' ' </proc/{manager.pid}/cmdline")
    )


def _whose(view: inside.Inside, world: World) -> Callable[[str], object]:
    """Who may write a file of its configuration; in a container that is its own matter."""
    return (lambda _: None) if view.root else world.ownership.of


def _option(arguments: Sequence[str]) -> str:
    """The value of -c; "" without it."""
    for index, word in enumerate(arguments):
        if word in ("-c", "--configuration"):
            return arguments[index + 1] if index + 1 < len(arguments) else ""
        if word.startswith("--configuration="):
            return word.partition("=")[2]
        if word.startswith("-c") and not word.startswith("--"):
            return word[2:]
    return ""


def _asked(
    settings: tuple[str, supervisord_conf.Configuration],
    view: inside.Inside,
    line: tuple[Process, Process],
    world: World,
) -> ProgramState | None:
    """What the first of `line` itself says of the second; None where it cannot be asked, or does not know it.

    A password goes to the user alone whose the file is that holds it.
    """
    (path, conf), (manager, main) = settings, line
    server = conf.server()
    if server is None:
        return None
    url, user, password = server
    try:
        if user is not None and not view.root and not world.ownership.of(path).only(manager.uid):
            return None
        if url.startswith("unix://"):
            url = f"unix://{view.path(url.removeprefix('unix://'))}"
        elif view.root:
            return None  # an address inside the container's own network
        known = world.supervisors.supervisord(url, user, password, manager.uid)
    except (Unanswered, OSError):
        return None
    return next((each for each in known if each.pid == main.namespace_pids[-1]), None)


def _written_at(view: inside.Inside, path: str) -> float:
    try:
        return view.written_at(path)
    except OSError:
        return 0.0
