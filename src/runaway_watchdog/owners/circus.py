"""Watchers of circus.

Observed with circus 0.19: circusd looks at its processes every `check_delay` seconds and starts those that are gone,
whichever way they ended, unless their watcher says `respawn = False`. A child gets no mark in its environment, so its
watcher is found by its command.
"""

import re
import shlex
from shlex import quote
from typing import TYPE_CHECKING, Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, reasons
from runaway_watchdog.model.plan import Containment, Says, Step, Succeeds
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation as passing, siblings as beside
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import Unanswered, World, inside, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world.supervisord_conf import Configuration, Section

KINDS = ("circus-watcher",)
LOOKS_EVERY_S = 5.0
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5555"
FALSE = ("false", "no", "off", "0")


def claim(facts: Facts) -> Claim | None:
    """Its parent is circusd, by the name of its script."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or not _is_circusd(parent):
        return None
    pid = facts.process.pid
    return Claim("circus-watcher", str(pid), (f"/proc/{pid}/stat: its parent {parent.pid} is circusd",), parent.pid)


def _is_circusd(process: Process) -> bool:
    return process.name == "circusd" or "circusd" in (base(word) for word in process.cmdline[:3])


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Read circusd's configuration, and find the watcher. Raises Unanswered."""
    from runaway_watchdog.world.supervisord_conf import Configuration, Section, parse  # only where circusd owns

    manager, main = beside.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    path = _path(manager, world)
    try:
        text = view.read(path)
    except OSError:
        raise Unanswered(Gap("circus", f"its configuration {path} cannot be read", "run it with sudo")) from None
    sections: dict[str, Section] = {}
    parse(text, path, sections)
    watchers = {name.partition(":")[2]: each for name, each in sections.items() if name.startswith("watcher:")}
    found = [name for name, each in watchers.items() if _runs(each, main)]
    name = found[0] if len(found) == 1 else next(iter(watchers)) if len(watchers) == 1 else ""
    if not name:
        raise Unanswered(Gap("circus", "which of its watchers this is could not be told", "look: circusctl status"))
    section, general = watchers[name], sections.get("circus", Section(path, 0, {}))
    shown: dict[str, Any] = {
        "main_pid": main.pid,
        "manager_pid": manager.pid,
        "respawn": section.get("respawn", "true").lower() not in FALSE,
        "autostart": section.get("autostart", "true").lower() not in FALSE,
        "looks_every_s": _number(general.get("check_delay", ""), LOOKS_EVERY_S),
        "settings_in": [path],
        "in_container": bool(view.root),
        "daemon": "circusd",
    }
    evidence = (*claim.evidence, f"{path}:{section.line}: watcher {name}, respawn={shown['respawn']}")
    raw = {"ctl": _ctl(manager, Configuration(sections), view), "file": (path, text, *_autostart_line(section))}
    policy = f"respawn={shown['respawn']}"
    return Read("circus-watcher", name, name, policy, Bag(shown, raw), evidence)


def _path(manager: Process, world: World) -> str:
    """The file that it was started with; relative to where it was started. Raises Unanswered."""
    words = [word for word in manager.cmdline[2:] if word.endswith((".ini", ".conf", ".cfg"))]
    if not words:
        raise Unanswered(Gap("circus", "its configuration file was not found", "look: circusctl status"))
    if words[0].startswith("/"):
        return words[0]
    try:
        return f"{world.files.target(f'{procfs.PROC}/{manager.pid}/cwd')}/{words[0]}"
    except OSError:
        raise Unanswered(Gap("circus", "the folder it was started in cannot be read", "run it with sudo")) from None


def _runs(section: "Section", main: Process) -> bool:
    """Whether the watcher's command is the process's; `$(circus.wid)` and the like stand for any word."""
    text = f"{section.get('cmd', '')} {section.get('args', '')}"
    try:
        words = shlex.split(text)
    except ValueError:
        return False
    patterns = [re.sub(r"\\\$\\\([^)]*\\\)", "[^ ]*", re.escape(word)) for word in words]
    return bool(words) and re.fullmatch(" ".join(patterns), " ".join(main.cmdline)) is not None


def _number(text: str, default: float) -> float:
    return float(text) if re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", text) else default


def _ctl(manager: Process, conf: "Configuration", view: inside.Inside) -> str:
    """circusctl as it is called here: the one beside circusd, on the address that circusd listens at."""
    folder = next((word.rpartition("/")[0] for word in manager.cmdline[:3] if base(word) == "circusd"), "")
    program = f"{folder}/circusctl" if folder and view.exists(f"{folder}/circusctl") else "circusctl"
    section = conf.section("circus")
    endpoint = DEFAULT_ENDPOINT if section is None else section.get("endpoint", DEFAULT_ENDPOINT)
    return quote(program) + ("" if endpoint == DEFAULT_ENDPOINT else f" --endpoint {quote(endpoint)}")


def _autostart_line(section: "Section") -> tuple[int, bool]:
    """The line of the watcher's autostart; else that of its header, which a new line goes below."""
    found = section.settings.get("autostart")
    return (section.line, False) if found is None else (found.line, True)


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    """respawn for an end, autostart for a new circusd."""
    if not owner.facts:
        return passing.unread(facts, action, "its watcher could not be read")
    if action == "reboot":
        return Deferred(action, _along(owner, facts), f"autostart={owner.facts['autostart']}")
    if action == "owner-daemon-restart":
        return _started_anew(owner, facts)
    if action == "owner-stop":
        return _stopped(owner, facts)
    end = passing.end_of(owner, facts, action, "circusd")
    if isinstance(end, Outlook):
        return end
    if not owner.facts["respawn"]:
        return Outlook.stays_away(action, end.certainty, (end.reason, "respawn=False leaves it ended"))
    every = owner.facts["looks_every_s"]
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    why = (end.reason, f"circusd looks every {every:g} s (check_delay) and starts what is gone")
    return Outlook.comes_back(action, "circusd", certainty, why)


def _stopped(owner: Owner, facts: Facts) -> Outlook:
    line, main = f"`circusctl stop {owner.name}`", owner.facts["main_pid"]
    if facts.process.pid != main:
        why = f"{line} signals {main}: what that does with this one is its own"
        return Outlook.not_known("owner-stop", why)
    why = f"{line} ends it, with SIGKILL in the end, and it is not started again"
    return Outlook.stays_away("owner-stop", "likely", why)


def _along(owner: Owner, facts: Facts) -> bool | None:
    if not owner.facts["autostart"]:
        return False
    main = facts.process.pid == owner.facts["main_pid"]
    return True if main or passing.waits(facts, owner.facts["manager_pid"]) else None


def _started_anew(owner: Owner, facts: Facts) -> Outlook:
    along = _along(owner, facts)
    why = f"circusd ends its watchers when it is restarted; autostart={owner.facts['autostart']}"
    certainty: Certainty = "unknown" if along is None else "likely"
    return Outlook("owner-daemon-restart", True, along, "circusd" if along else None, None, certainty, reasons(why))


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """Stop it, and see that a new circusd does not start it. None in a container: that is held."""
    if owner.facts.get("in_container"):
        return None
    if not owner.facts:
        return Containment("Hold it still until circusd's configuration can be read", single.relieve(facts.process))
    goal = f"Stop {owner.name} for good: over a restart of circusd and a reboot too"
    keep = (_keep(owner),) if owner.facts["autostart"] else ()
    return Containment(goal, (_stop(owner), *keep))


def _keep(owner: Owner) -> Step:
    path, text, line, stands = owner.raw["file"]
    step = edited.file(
        "Keep it stopped later too",
        path,
        text,
        f"{line}s/.*/autostart = False/" if stands else f"{line}a autostart = False",
        effect="autostart = False: the next start of circusd, and the next boot, leave it stopped",
        check=Succeeds(f"grep -n autostart {quote(path)}"),
    )
    return step._replace(phase="close")


def _stop(owner: Owner) -> Step:
    ctl, name = owner.raw["ctl"], quote(owner.name)
    return Step(
        "Stop it",
        f"{ctl} stop {name}",
        "circusd ends all processes of this watcher, and starts none again",
        "interrupts",
        f"{ctl} start {name}",
        Says(f"{ctl} status {name}", ("stopped",)),
    )
