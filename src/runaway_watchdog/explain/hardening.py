"""What makes the return harmless: a limit, an end to its restarts, as lines for the file that its owner reads."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from shlex import quote

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.container import DOCKER_KINDS
from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners import Layer, supervise
from runaway_watchdog.owners.cron.details import Job
from runaway_watchdog.owners.docker import compose as compose_facts
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.supervisord.details import Program
from runaway_watchdog.owners.systemd.containment import ESSENTIAL
from runaway_watchdog.owners.systemd.details import service_of
from runaway_watchdog.world import Unanswered, World

CPUS = 0.5
TRIES = 5
MOST_NEIGHBOURS = 6
LIMIT, ENOUGH = "a CPU limit", "an end to its restarts"
BOTH = f"{LIMIT} and {ENOUGH}"
CLEAN_STAYS = "what exits with 0, as when the host shuts down, then stays down"
_SCHEDULE = re.compile(r"\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+")
_USER = re.compile(r"\S+\s+")
_PLAIN = re.compile(r"[^A-Za-z0-9]+")
_SHELL = re.compile(r"^\s*SHELL\s*=", re.MULTILINE)
_INPUT = re.compile(r"(?<!\\)%.*")
"""What cron gives to the command as its standard input (crontab(5))."""
_SCRIPT = re.compile(r"#!\s*\S*/(?:env\s+)?(?:ba|da|k|z)?sh\b")
_EXEC = re.compile(r"\s*exec\s+(?P<command>[A-Za-z/.\"'$].*)")


def advice(layers: Sequence[Layer], world: World) -> tuple[Advice, ...]:
    """For the innermost layer that has a file of its own, then who shares the host. A supervisor's or the engine's own
    unit is not to be limited for the sake of one of its children."""
    told = next((layer.owner for layer in layers if layer.owner.kind in _TOLD), None)
    found = () if told is None else tuple(_TOLD[told.kind](told, world))
    container = next((layer.owner for layer in layers if layer.owner.kind in DOCKER_KINDS and layer.owner.facts), None)
    return (*found, *(() if container is None else _neighbours(container, world)))


def _compose(owner: Owner, world: World) -> Iterator[Advice]:
    """For that file; a health check only as a hint, since nobody but its author knows when the service is well."""
    if not owner.facts or not owner.facts["config_files"]:
        return
    file = str(owner.facts["config_files"][0])
    where = f"{file}, under services: {owner.facts['service']}:"
    limited = not owner.facts["cpu_limit"] or owner.facts["nano_cpus"] or owner.facts["cpu_quota"]
    restart = _restart(owner)
    lines = (*(() if limited else (_cpus(file, world),)), *((f"restart: {restart}",) if restart else ()))
    if lines:
        hint = "; a healthcheck: besides, where its author knows how to tell that it is well"
        what = BOTH if len(lines) > 1 else ENOUGH if restart else LIMIT
        yield Advice(f"{what}{_stays_down(owner, restart)}{hint}", where, lines)
    yield Advice("to keep it out of the next `up` until it is mended", where, ('profiles: ["held"]',))


def _cpus(file: str, world: World) -> str:
    """A file of version 3 read by Compose v1 knows `deploy:` alone, and heeds it with --compatibility."""
    try:
        old = re.search(r"^version:\s*[\"']?3", world.files.read(file), re.MULTILINE) is not None
    except OSError:
        old = False
    if old:
        return f'deploy: {{resources: {{limits: {{cpus: "{CPUS}"}}}}}}'
    return f"cpus: {CPUS}"


def _restart(owner: Owner) -> str:
    return f"on-failure:{TRIES}" if owner.policy in ("always", "unless-stopped", "on-failure") else ""


def _stays_down(owner: Owner, restart: str) -> str:
    """What it costs whoever relied on a policy that knows no end."""
    return f" ({CLEAN_STAYS})" if restart and owner.policy != "on-failure" else ""


def _container(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    if not owner.facts:
        return
    limited = owner.facts.get("nano_cpus") or not owner.facts.get("cpu_limit", True)
    restart = _restart(owner)
    words = " ".join((*(() if limited else (f"--cpus={CPUS}",)), *((f"--restart={restart}",) if restart else ())))
    if words:
        program = "podman run" if owner.kind == "podman-container" else "docker run"
        what = BOTH if " " in words else ENOUGH if limited else LIMIT
        yield Advice(f"{what}{_stays_down(owner, restart)}", f"the `{program}` that makes it", (words,))


def _swarm(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    words = f"docker service update --limit-cpu {CPUS} --restart-max-attempts {TRIES} {quote(owner.name)}"
    yield Advice(BOTH, "a shell of a manager; it replaces the service's tasks", (words,))


def _unit(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    """A drop-in; nothing for what was made for one run."""
    unit = service_of(owner)
    if unit is None or unit.transient or ESSENTIAL.fullmatch(owner.name):
        return
    users = owner.kind == "systemd-user-service"
    folder = "~/.config/systemd/user" if users else "/etc/systemd/system"
    reload = "systemctl --user daemon-reload" if users else "systemctl daemon-reload"
    restarts = ("[Unit]", "StartLimitIntervalSec=10min", f"StartLimitBurst={TRIES}")
    limit = ("[Service]", f"CPUQuota={CPUS:.0%}" if unit.cpu_controller else "Nice=19")
    again = owner.policy not in ("no", "")
    where = f"{folder}/{owner.name}.d/limits.conf, then: {reload}"
    if unit.cpu_quota_percent is None:
        yield Advice(BOTH if again else LIMIT, where, (*(restarts if again else ()), *limit))
    elif again:
        yield Advice(ENOUGH, where, restarts)


def _cron(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    """The same line, once at a time, for an hour at most, after everybody else."""
    job = owner.details if isinstance(owner, Read) else None
    if not isinstance(job, Job) or job.source is None or job.script:
        return
    table = job.source
    *above, line = table.text.split("\n")[: table.number]
    schedule = _SCHEDULE.match(line)
    if schedule is None:
        return
    rest = line[schedule.end() :]
    user = "" if table.of_user or (found := _USER.match(rest)) is None else found[0]
    given = found[0] if (found := _INPUT.search(rest)) else ""
    command = rest[len(user) :].removesuffix(given).strip()
    if not command:
        return
    shell = '"$SHELL"' if _SHELL.search("\n".join(above)) else "sh"
    lock = f"/run/lock/{_PLAIN.sub('-', owner.name).strip('-')[:60]}.lock"
    new = f"{schedule[0]}{user}flock -n {lock} timeout 1h nice -n 19 {shell} -c {quote(command)}{given}"
    what = "one run at a time, an hour at most, after everybody else"
    yield Advice(what, f"line {table.number} of {table.path}", (new,))


def _supervisord(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
    found = owner.details if isinstance(owner, Read) else None
    if not isinstance(found, Program) or found.place is None:
        return
    lines = ("autorestart=unexpected", "startsecs=10", "startretries=3")
    program = owner.name.rpartition(":")[2]
    yield Advice(ENOUGH, f"{found.place.path}, the section of {program}; then: supervisorctl update", lines)


def _supervised(owner: Owner, world: World) -> Iterator[Advice]:
    """Less weight, where its run script is a shell's and ends with a plain `exec`."""
    service = owner.details if isinstance(owner, Read) else None
    if not isinstance(service, supervise.Service) or service.in_container:
        return
    path = f"{service.folder}/run"
    try:
        first, *others = [line for line in world.files.read(path).splitlines() if line.strip()]
    except (OSError, ValueError):
        return
    last = _EXEC.fullmatch(others[-1]) if others and _SCRIPT.match(first) else None
    if last is None or last["command"].startswith("nice ") or (first, *others)[-2].endswith("\\"):
        return
    line = f"exec nice -n 19 {last['command']}"
    yield Advice("less weight from its next start on", f"{path}: its last line", (line,))


def _fixed(what: str, where: str, *lines: str) -> Callable[[Owner, World], Iterator[Advice]]:
    """The same for every owner of a kind. `{name}` is the owner's."""

    def told(owner: Owner, world: World) -> Iterator[Advice]:  # noqa: ARG001
        if isinstance(owner, Read):
            yield Advice(what, where.format(name=quote(owner.name)), lines)

    return told


_TOLD: Mapping[str, Callable[[Owner, World], Iterator[Advice]]] = {
    "compose-service": _compose,
    "docker-container": _container,
    "podman-container": _container,
    "swarm-task": _swarm,
    "systemd-service": _unit,
    "systemd-user-service": _unit,
    "sysv-service": _unit,
    "cron-job": _cron,
    "supervisord-program": _supervisord,
    "pm2-app": _fixed(ENOUGH, "the ecosystem file, in its app", "max_restarts: 5,", "exp_backoff_restart_delay: 100,"),
    "circus-watcher": _fixed(ENOUGH, "circusd's configuration, [watcher:{name}]", "max_retry = 5"),
    "monit-service": _fixed(ENOUGH, "monit's check of {name}", "if 3 restarts within 5 cycles then unmonitor"),
    "runit-service": _supervised,
    "s6-service": _supervised,
    "daemontools-service": _supervised,
}


def _neighbours(owner: Owner, world: World) -> Iterator[Advice]:
    """The other projects and containers that run on this host: whom it takes the CPU from."""
    try:
        listed = world.engine.containers()
    except Unanswered:
        return  # the container's own owner has told the gap
    own = owner.facts.get("project")
    counts: dict[str, int] = {}
    for each in listed:
        if each.get("State") != "running" or each.get("Id") == owner.id:
            continue
        labels = each.get("Labels") or {}
        project = str(labels.get(compose_facts.PROJECT) or "")
        name = f"project {project}" if project else str((each.get("Names") or [each["Id"][:12]])[0]).lstrip("/")
        if not project or project != own:
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return
    told = [clean(name, 60) + (f" ({count} containers)" if count > 1 else "") for name, count in sorted(counts.items())]
    more = f" and {len(told) - MOST_NEIGHBOURS} more" if len(told) > MOST_NEIGHBOURS else ""
    yield Advice(f"it shares this host with {', '.join(told[:MOST_NEIGHBOURS])}{more}", None, ())
