"""systemctl and what stands in for it (service, /etc/init.d, invoke-rc.d).

A stop goes on to every unit that requires, binds to or is part of the one that is stopped, and Restart= does not act
on it; a socket, a timer or an upholding unit does. Observed on systemd 252.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, read, shown
from runaway_watchdog.effects.host import power, units
from runaway_watchdog.effects.host.units import SYSTEMD_FOLDER
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import Unanswered, World, processes
from runaway_watchdog.world.units import NEVER_US, NOT_LOADED, Unit, full_name

VALUED = (
    "-t --type --state -p --property -P -s --signal --kill-whom --kill-who -n --lines -o --output -H --host -M "
    "--machine --root --image --job-mode --preset-mode --what --when --message --timestamp --check-inhibitors --drop-in"
)
READS = frozenset(
    (
        "status", "show", "cat", "help", "is-active", "is-enabled", "is-failed", "is-system-running", "list-units",
        "list-unit-files", "list-sockets", "list-timers", "list-jobs", "list-machines", "list-dependencies",
        "list-automounts", "list-paths", "get-default", "show-environment", "log-level", "log-target", "whoami",
    )
)  # fmt: skip
CHANGES = {
    "start": "it is started", "enable": "it is started at boot from then on", "reenable": "its links are made anew",
    "unmask": "it may be started again", "reset-failed": "its failures are forgotten, nothing else",
    "preset": "it is enabled or disabled as the distribution presets",
    "set-property": "its resource limits are changed", "link": "its unit file is linked",
    "add-wants": "another unit wants it from then on", "add-requires": "another unit requires it from then on",
    "reload": "it reads its configuration again; it goes on running", "bind": "a folder is bound into it",
    "mount-image": "an image is mounted into it",
}  # fmt: skip
MANAGER = {
    "daemon-reload": "systemd reads its unit files again; nothing is stopped",
    "daemon-reexec": "systemd re-executes itself; its services keep running",
    "set-default": "the next boot goes to another target", "cancel": "queued jobs are cancelled",
    "set-environment": "later services get other variables", "unset-environment": "later services get other variables",
    "import-environment": "later services get other variables",
}  # fmt: skip
RESTARTS = frozenset(
    ("restart", "try-restart", "condrestart", "reload-or-restart", "try-reload-or-restart", "force-reload")
)
ONLY_RUNNING = frozenset({"try-restart", "condrestart", "try-reload-or-restart"})

SHIPPED = ("/usr/lib/systemd/system", "/lib/systemd/system")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to units."""
    if command.program == "systemctl":
        return _systemctl(of(command, VALUED), command, host, world)
    return _service(command, host, world)


def _service(command: Command, host: HostState, world: World) -> Outcome:
    """`service X stop`, `invoke-rc.d X stop` and `/etc/init.d/X stop` go to systemctl where systemd runs."""
    words = [word for word in command.words[1:] if word.text != "--"]
    if any(word.text == "--status-all" for word in words):
        return Outcome((), host)
    script = command.words[0].text or ""
    if script.startswith("/etc/init.d/"):
        words.insert(0, Word(script.rpartition("/")[2], script))
    if len(words) < 2 or words[0].text is None or words[1].text is None:
        return Outcome((), host, (f"what `{shown(command)}` does is only known when it runs",))
    return _systemctl(read([words[1], words[0]], VALUED), command, host, world)


def _systemctl(words: Arguments, command: Command, host: HostState, world: World) -> Outcome:
    elsewhere = next(
        (name for name in ("-H", "--host", "-M", "--machine", "--root", "--user") if words.has(name)), None
    )
    verb = words.operands[0].text if words.operands else "list-units"
    if verb in READS:
        return Outcome((), host)
    if elsewhere or verb is None:
        why = "speaks to another systemd than this host's" if elsewhere else "is only known when it runs"
        return Outcome((), host, (f"`{shown(command)}` {why}",))
    if verb in power.VERBS:
        return power.down(power.VERBS[verb], host, world)
    if verb in MANAGER:
        return Outcome((Effect("change", "host", "systemd", False, MANAGER[verb]),), host)
    if not words.complete:
        return Outcome((), host, (f"which units `{shown(command)}` is about is only known when it runs",))
    try:
        return _units(verb, words, host, world)
    except Unanswered as unanswered:
        gap = unanswered.gap
        return Outcome((), host, (f"what `{shown(command)}` does cannot be told: {gap.problem}; {gap.fix}",))


def _units(verb: str, words: Arguments, host: HostState, world: World) -> Outcome:
    """Raises Unanswered."""
    names = _named(words.texts[1:], world)
    starts_a_target = verb == "start" and any(each in power.TARGETS for each in names)
    if verb in ("isolate", "rescue", "emergency", "default") or starts_a_target:
        return _isolate(names or [f"{verb}.target"], host, world)
    if verb in RESTARTS:
        return _restart(names, host, world, only_running=verb in ONLY_RUNNING)
    if verb in ("disable", "mask"):
        return _kept_down(verb, names, words, host, world)
    if verb == "kill":
        return _kill(names, words, host, world)
    if verb in CHANGES:
        refused = units.refusals(names, host, world) if verb in ("start", "reload") else ()
        if refused:
            names = [each for each in names if not units.refusals([each], host, world)]
        found = tuple(Effect("change", "unit", each, False, CHANGES[verb]) for each in names)
        return Outcome(found, host._replace(stopped_units=host.stopped_units - set(names)), nothing=refused)
    simple = {"stop": _stop, "freeze": _freeze, "thaw": _thaw, "revert": _revert}.get(verb)
    if simple is None:
        return Outcome((), host, (f"what `systemctl {verb}` does here is not looked up",))
    return simple(names, host, world)


def _freeze(names: Sequence[str], host: HostState, world: World) -> Outcome:
    """Raises Unanswered."""
    found: list[Effect] = []
    for name in names:
        unit = units.read(name, world) or NOT_LOADED._replace(id=name)
        why = "it stands still and keeps what it knows; thaw lets it go on"
        if unit.watchdog not in (0, NEVER_US):
            why += "; it may miss its watchdog meanwhile (WatchdogSec=), and be ended for that"
        found.append(Effect("stop", "unit", name, False, why))
        host = host._replace(freezers={**host.freezers, unit.id: True})
    return Outcome(tuple(found), host)


def _thaw(names: Sequence[str], host: HostState, world: World) -> Outcome:
    """Raises Unanswered."""
    found: list[Effect] = []
    nothing: list[str] = []
    for name in names:
        unit = units.read(name, world) or NOT_LOADED._replace(id=name)
        if units.frozen(unit, host, world) == "frozen-by-parent" or unit.active_state not in ("active", ""):
            nothing.append(f"{unit.id} is not thawed: systemd thaws what is active, and what no slice keeps frozen")
            continue
        found.append(Effect("change", "unit", name, False, "it goes on where it was frozen"))
        host = host._replace(freezers={**host.freezers, unit.id: False})
    return Outcome(tuple(found), host, nothing=tuple(nothing))


def _named(texts: Iterable[str], world: World) -> list[str]:
    """Unit names, completed as systemctl does; a pattern stands for the loaded units that match it."""
    found: list[str] = []
    for text in texts:
        if set(text) & set("*?["):
            found += sorted(each for each in world.manager.units() if fnmatchcase(each, text))
        else:
            found.append(full_name(text))
    return list(dict.fromkeys(found))


def _stop(names: Sequence[str], host: HostState, world: World) -> Outcome:
    """The units, and all that goes down with them. Raises Unanswered."""
    found: list[Effect] = []
    unknown: list[str] = []
    refused = units.refusals(names, host, world)
    for unit, cause in units.going_down(names, host, world):
        why = f"it is stopped, since it needs {cause}" if cause else "it is stopped; Restart= does not act on that"
        again = units.started_again(unit, {*names, *host.stopped_units}, world)
        found.append(Effect("stop", "unit", unit.id, False, f"{why}{again}"))
        more, host = _gone(unit, host, world, starts_again=False)
        found += more
        unknown += _not_loaded(unit)
    return Outcome(tuple(found), host, tuple(unknown), refused)


def _not_loaded(unit: Unit) -> list[str]:
    """A unit with KillMode=none leaves its processes running: then nothing more is claimed."""
    return [f"{unit.id} has KillMode=none: its processes go on"] if unit.kill_mode == "none" else []


def _gone(unit: Unit, host: HostState, world: World, *, starts_again: bool) -> tuple[tuple[Effect, ...], HostState]:
    """The unit's processes end; the engine's containers with the engine; a container with its scope."""
    more: tuple[Effect, ...] = ()
    if unit.id == "docker.service":
        from runaway_watchdog.effects.host.signalled import engine_ends

        more, host = engine_ends(host, world, starts_again=starts_again)
    elif scope := units.CONTAINER_SCOPE.fullmatch(unit.id):
        host = _with_containers(host, world)
        name = next((each.name for each in host.docker.containers if each.id == scope["id"]), scope["id"][:12])
        more = (Effect("stop", "container", name, False, "its processes are ended; its restart policy acts on that"),)
    return more, host._replace(
        stopped_units=host.stopped_units | ({unit.id} if not starts_again else set()),
        ended=host.ended | set(_processes(unit, world)),
    )


def _with_containers(host: HostState, world: World) -> HostState:
    """Most units have nothing to do with the engine: it is asked for those that do."""
    from runaway_watchdog.effects.docker import state

    return host._replace(docker=state.current(host, world))


def _processes(unit: Unit, world: World) -> tuple[int, ...]:
    """Those that a stop ends: KillMode= says which."""
    if unit.kill_mode == "none":
        return ()
    if unit.kill_mode == "process":
        return (unit.main_pid,) if unit.main_pid else ()
    return processes.members(world.files, unit.control_group)


def _restart(names: Sequence[str], host: HostState, world: World, *, only_running: bool) -> Outcome:
    """Raises Unanswered."""
    found: list[Effect] = []
    refused = units.refusals(names, host, world)
    for unit, cause in units.going_down(names, host, world):
        why = f"it is restarted, since it needs {cause}" if cause else "it is stopped and started again"
        found.append(Effect("restart", "unit", unit.id, False, why))
        more, host = _gone(unit, host, world, starts_again=True)
        found += more
    told = {each.name for each in found}
    if not only_running:
        for name in (each for each in names if each not in told):
            idle = units.read(name, world)
            if idle is not None and not units.refuses(idle, host, world):
                found.append(Effect("change", "unit", name, False, "it does not run: it is started"))
    return Outcome(tuple(found), host, nothing=refused)


def _kill(names: Sequence[str], words: Arguments, host: HostState, world: World) -> Outcome:
    """A signal to the processes of units: unlike a stop, Restart= acts on it. Raises Unanswered."""
    from runaway_watchdog.effects.host import signalled, signals

    value = signals.number(words.value("-s", "--signal")) if words.has("-s", "--signal") else signals.TERM
    whom = words.value("--kill-whom", "--kill-who") or "all"
    if value is None:
        return Outcome((), host, ("which signal systemctl kill sends is only known when it runs",))
    pids: list[int] = []
    for name in names:
        unit = world.manager.unit(name)
        if unit is None:
            continue
        main = unit.main_pid
        everything = processes.members(world.files, unit.control_group)
        pids += [main] if whom == "main" and main else sorted(everything, key=lambda pid: pid != main)
    return signalled.by_signal(pids, value, host, world)


def _kept_down(verb: str, names: Sequence[str], words: Arguments, host: HostState, world: World) -> Outcome:
    """disable and mask: what runs goes on running, but with --now. Raises Unanswered."""
    found: list[Effect] = []
    stopped: list[str] = []
    for name in names:
        unit = world.manager.unit(name) or NOT_LOADED
        own_file = unit.fragment_path
        hidden = verb == "mask" and own_file.startswith(f"{SYSTEMD_FOLDER}/")
        if hidden and not words.has("--runtime"):
            why = f"refused: its own unit file stands at {own_file}, where the mask would go"
            found.append(Effect("change", "unit", name, False, why))
            continue
        stopped.append(name)
        runs = unit.active_state in units.UP and not words.has("--now")
        what = "nobody can start it any more" if verb == "mask" else "it is not started at boot any more"
        if hidden:
            what = f"the mask has no effect: its own unit file {own_file} goes before one in /run"
        found.append(Effect("change", "unit", name, False, f"{what}{'; it goes on running now' if runs else ''}"))
    if not words.has("--now"):
        return Outcome(tuple(found), host)
    outcome = _stop(stopped, host, world)
    return Outcome((*found, *outcome.effects), outcome.host, outcome.unknown, outcome.nothing)


def _isolate(names: Sequence[str], host: HostState, world: World) -> Outcome:
    target = names[0] if names else "?"
    if target in power.TARGETS:
        return power.down(power.TARGETS[target], host, world)
    found = Effect("stop", "host", target, False, f"every unit that {target} does not need is stopped")
    return Outcome((found,), host, (f"which units {target} does not need is not looked up",))


def _revert(names: Sequence[str], host: HostState, world: World) -> Outcome:
    """The administrator's drop-ins go, and a unit file in /etc that hides the distribution's. Raises Unanswered."""
    from runaway_watchdog.effects.host import places

    host = _with_containers(host, world)
    found: list[Effect] = []
    tree = places.tree(host, world)
    for name in names:
        unit = world.manager.unit(name) or NOT_LOADED
        own = [each for each in unit.drop_in_paths if each.startswith(("/etc/", "/run/"))]
        shipped = any(world.files.exists(f"{folder}/{name}") for folder in SHIPPED)
        if shipped and unit.fragment_path.startswith("/etc/"):
            own.append(unit.fragment_path)
        for path in own:
            entry = tree.entry(path)
            if entry is not None:
                found += places.lost(path, entry, "revert deletes it", host, world)
                host = places.without(host, path)
    return Outcome(tuple(found), host)
