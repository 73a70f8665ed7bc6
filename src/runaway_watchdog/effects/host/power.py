"""reboot, shutdown, poweroff, halt, init: the whole host, and what will not come back with it by itself."""

from runaway_watchdog.effects import Docker, HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import Unanswered, World, procfs
from runaway_watchdog.world.units import NOT_LOADED

VERBS = {
    "reboot": "reboot", "kexec": "reboot", "soft-reboot": "reboot", "poweroff": "off", "halt": "off", "exit": "off",
    "suspend": "sleep", "hibernate": "sleep", "hybrid-sleep": "sleep", "suspend-then-hibernate": "sleep",
}  # fmt: skip
TARGETS = {
    "reboot.target": "reboot", "kexec.target": "reboot", "runlevel6.target": "reboot", "poweroff.target": "off",
    "halt.target": "off", "runlevel0.target": "off", "shutdown.target": "off", "suspend.target": "sleep",
    "hibernate.target": "sleep",
}  # fmt: skip
WORDS = {"reboot": "reboots", "off": "is switched off", "sleep": "is put to sleep"}


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does to the host."""
    words = of(command, "--message")
    if words.has("--help", "-w", "--wtmp-only", "--version"):
        return Outcome((), host)
    if command.program in ("init", "telinit"):
        level = words.texts[0] if words.texts else ""
        if level in ("0", "6"):
            return down("reboot" if level == "6" else "off", host, world)
        return Outcome((), host, (f"which services `{shown(command)}` stops is not looked up",))
    if command.program == "shutdown":
        if words.has("-c", "-k", "--show"):
            return Outcome((), host)
        return down("reboot" if words.has("-r", "--reboot") else "off", host, world)
    off = words.has("-p", "--poweroff", "--halt") or command.program in ("halt", "poweroff")
    return down("off" if off and not words.has("--reboot") else "reboot", host, world)


def down(how: str, host: HostState, world: World) -> Outcome:
    """The host goes, and comes back or not; each thing that runs now and is not started at boot is named."""
    from runaway_watchdog.effects.docker import state
    from runaway_watchdog.effects.host.signalled import restart_policy

    whole = Effect(
        "restart" if how == "reboot" else "stop",
        "host",
        world.host or "this host",
        False,
        f"it {WORDS[how]}",
        cause="sleep" if how == "sleep" else None,
    )
    if how == "sleep":
        return Outcome((whole,), host)
    found = [whole]
    unknown: list[str] = []
    at_boot = "it is not started at the next boot"
    host = host._replace(docker=state.current(host, world))
    leaving, gone = _leaving(host.docker, world, unknown)
    for container in host.docker.containers:
        if container.state not in RUNNING or container.id in gone:
            continue
        policy = restart_policy(container, world)
        if policy == "no":
            found.append(Effect("stop", "container", container.name, False, f"{at_boot} (restart policy no)"))
    if host.docker.gap is not None and not host.docker.gap.absent:
        unknown.append(f"which containers come back is not known: {host.docker.gap.problem}")
    try:
        found += [Effect("stop", "unit", name, False, f"{at_boot}: {why}") for name, why in _not_at_boot(world)]
    except Unanswered as unanswered:
        unknown.append(f"which units come back is not known: {unanswered.gap.problem}")
    return Outcome((*found, *leaving, *_unmanaged(world)), host, tuple(unknown))


def _leaving(docker: Docker, world: World, unknown: list[str]) -> tuple[tuple[Effect, ...], frozenset[str]]:
    """Containers that were created with --rm: the engine removes them once they stop, and their IDs.

    Its unnamed volumes go too, or stay behind: in Engine 20.10 both was seen, by how fast the host goes down.
    """
    from runaway_watchdog.effects.docker import state
    from runaway_watchdog.effects.docker.containers import removal

    running = {each.id for each in docker.containers if each.state in RUNNING}
    try:
        known = state.inspected(docker, running, world)
        doomed = [each for each in known.containers if each.id in running and each.auto_remove]
        effects, _ = removal(world, known, doomed, with_volumes=True, why="it was created with --rm")
    except Unanswered as unanswered:
        unknown.append(f"which containers go with --rm is not known: {unanswered.gap.problem}")
        return (), frozenset()
    return effects, frozenset(each.id for each in doomed)


def _not_at_boot(world: World) -> list[tuple[str, str]]:
    """Running services that are neither enabled nor wanted, required or triggered by anything. Raises Unanswered."""
    found = []
    for name, state in sorted(world.manager.units().items()):
        if state != "active" or not name.endswith(".service"):
            continue
        unit = world.manager.unit(name) or NOT_LOADED
        asked_for = unit.wanted_by or unit.required_by or unit.triggered_by or unit.upheld_by or unit.bound_by
        if unit.main_pid and not asked_for and unit.unit_file_state in ("disabled", "transient", "indirect"):
            found.append((name, f"its unit file is {unit.unit_file_state}"))
    return found


def _unmanaged(world: World) -> list[Effect]:
    """Processes that nobody starts: orphans outside of every unit and container, and what is left of logins."""
    from runaway_watchdog import owners

    found: list[Effect] = []
    for name in world.files.names(procfs.PROC):
        if not name.isdigit() or name == "1":
            continue
        try:
            if procfs.stat_of(world.files, name).ppid != 1:
                continue
            facts, _ = owners.facts(world, int(name))
        except (OSError, ValueError, procfs.NoSuchProcessError):
            continue
        if not owners.KINDS[owners.claimed(facts).kind].starts:
            why = "nobody was found who starts it at boot"
            found.append(Effect("kill", "process", f"{facts.process.name} ({name})", False, why, pid=int(name)))
    return found
