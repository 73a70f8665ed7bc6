"""Watchers of circus.

Observed with circus 0.19: circusd looks at its processes every `check_delay` seconds and starts those that are gone,
whichever way they ended, unless their watcher says `respawn = False`. A child gets no mark in its environment, so its
watcher is found by its command.
"""

import re
import shlex
from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment, Says, Step, Succeeds
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, identity, siblings
from runaway_watchdog.owners.common.advice import ENOUGH, fixed
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import acting, edited, single
from runaway_watchdog.world import Unanswered, World, inside, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world.supervisord_conf import Configuration, Section

KINDS = (
    Kind(
        "circus-watcher",
        "circus watcher",
        line="circus watcher, {policy}",
        advice=fixed(ENOUGH, "circusd's configuration, [watcher:{name}]", "max_retry = 5"),
    ),
)
LOOKS_EVERY_S = 5.0
DEFAULT_ENDPOINT = "tcp://127.0.0.1:5555"
FALSE = ("false", "no", "off", "0")


class Watcher(NamedTuple):
    """What is known of one watcher."""

    main_pid: int
    manager_pid: int
    respawn: bool
    autostart: bool
    looks_every_s: float
    in_container: bool
    ctl: str  # how circusctl is called here
    place: edited.Place  # where autostart stands in circusd's configuration, or goes

    def shown(self) -> Mapping[str, Any]:
        return {
            "main_pid": self.main_pid,
            "manager_pid": self.manager_pid,
            "respawn": self.respawn,
            "autostart": self.autostart,
            "looks_every_s": self.looks_every_s,
            "settings_in": [self.place.path],
            "in_container": self.in_container,
            "daemon": "circusd",
        }


def claim(facts: Facts) -> Claim | None:
    """Its parent is circusd, by the name of its script."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or not _is_circusd(parent) or not identity.may_start(parent, facts.process):
        return None
    pid = facts.process.pid
    return Claim("circus-watcher", str(pid), (f"/proc/{pid}/stat: its parent {parent.pid} is circusd",), parent.pid)


def _is_circusd(process: Process) -> bool:
    named = process.name == "circusd" or "circusd" in (base(word) for word in process.cmdline[:3])
    return named and identity.runs(process, identity.PYTHON)


def inspect(claim: Claim, facts: Facts, world: World) -> Read[Watcher] | None:
    """Read circusd's configuration, and find the watcher. None: it only calls itself circusd. Raises Unanswered."""
    from runaway_watchdog.world.supervisord_conf import Configuration, Section, parse  # only where circusd owns

    manager, main = siblings.manager_and_main(facts, claim.manager_pid)
    if not identity.genuine(manager, world):
        return None
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
    details = Watcher(
        main.pid,
        manager.pid,
        section.get("respawn", "true").lower() not in FALSE,
        section.get("autostart", "true").lower() not in FALSE,
        _number(general.get("check_delay", ""), LOOKS_EVERY_S),
        bool(view.root),
        _ctl(manager, Configuration(sections), view),
        _place(section, world.ownership.real(path), text, acting.user_of(manager)),
    )
    policy = f"respawn={details.respawn}"
    evidence = (*claim.evidence, f"{path}:{section.line}: watcher {name}, {policy}")
    return Read("circus-watcher", name, name, policy, details, evidence)


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
    return bool(words) and _fits(" ".join(words), " ".join(main.cmdline))


def _fits(wanted: str, text: str) -> bool:
    """As a glob's `*`: the first place that fits is taken for each part, so it takes one pass; a word stays a word."""
    first, *others = re.split(r"\$\([^()]*+\)", wanted)
    if not text.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(others, 1):
        end = text.find(" ", at) if text.find(" ", at) >= 0 else len(text)
        last = number == len(others)
        found = len(text) - len(part) if last else text.find(part, at, end + len(part))
        if not at <= found <= end or text[found : found + len(part)] != part:
            return False
        at = found + len(part)
    return at == len(text)


def _number(text: str, default: float) -> float:
    return float(text) if re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", text) else default


def _ctl(manager: Process, conf: "Configuration", view: inside.Inside) -> str:
    """circusctl as it is called here: the one beside circusd, on the address that circusd listens at."""
    folder = next((word.rpartition("/")[0] for word in manager.cmdline[:3] if base(word) == "circusd"), "")
    program = f"{folder}/circusctl" if folder and view.exists(f"{folder}/circusctl") else "circusctl"
    section = conf.section("circus")
    endpoint = DEFAULT_ENDPOINT if section is None else section.get("endpoint", DEFAULT_ENDPOINT)
    called = quote(program) + ("" if endpoint == DEFAULT_ENDPOINT else f" --endpoint {quote(endpoint)}")
    return called if view.root else acting.run(acting.user_of(manager), called)


def _place(section: "Section", path: str, text: str, user: str | None) -> edited.Place:
    """The watcher's autostart; else its header, which a new line goes below."""
    found = section.settings.get("autostart")
    line = section.line if found is None else found.line
    return edited.Place(path, text, line, stands=found is not None, user=user)


def outlook(owner: Read[Watcher] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """respawn for an end, autostart for a new circusd."""
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, "its watcher could not be read")
    watcher = owner.details
    if action == "reboot":
        return Deferred(action, _along(watcher, facts), f"autostart={watcher.autostart}")
    if action == "owner-daemon-restart":
        return _started_anew(watcher, facts)
    if action == "owner-stop":
        return _stopped(owner.name, watcher, facts)
    end = exit_propagation.end_of(watcher, facts, action, "circusd")
    return end if isinstance(end, Outlook) else _respawned(watcher, action, end)


def _respawned(watcher: Watcher, action: Action, end: Ending) -> Outlook:
    if not watcher.respawn:
        return Outlook.stays_away(action, end.certainty, (end.reason, "respawn=False leaves it ended"))
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    why = f"circusd looks every {watcher.looks_every_s:g} s (check_delay) and starts what is gone"
    return Outlook.comes_back(action, "circusd", certainty, (end.reason, why))


def _stopped(name: str, watcher: Watcher, facts: Facts) -> Outlook:
    line, main = f"`circusctl stop {name}`", watcher.main_pid
    if facts.process.pid != main:
        return Outlook.not_known("owner-stop", f"{line} signals {main}: what that does with this one is its own")
    why = f"{line} ends it, with SIGKILL in the end, and it is not started again"
    return Outlook.stays_away("owner-stop", "likely", why)


def _along(watcher: Watcher, facts: Facts) -> bool | None:
    return exit_propagation.comes_along(facts, watcher, watcher.autostart)


def _started_anew(watcher: Watcher, facts: Facts) -> Outlook:
    along = _along(watcher, facts)
    why = ("circusd ends its watchers when it is restarted", f"autostart={watcher.autostart}")
    certainty: Certainty = "unknown" if along is None else "likely"
    return Outlook.ended("owner-daemon-restart", certainty, why, returns=along, by="circusd")


def contain(owner: Read[Watcher] | Unread, facts: Facts) -> Containment | None:
    """Stop it, and see that a new circusd does not start it. None in a container: that is held."""
    if isinstance(owner, Unread):
        return Containment("Hold it still until circusd's configuration can be read", single.relieve(facts.process))
    watcher = owner.details
    if watcher.in_container:
        return None
    goal = f"Stop {owner.name} for good: over a restart of circusd and a reboot too"
    keep = (_keep(watcher.place),) if watcher.autostart else ()
    return Containment(goal, (_stop(owner.name, watcher.ctl), *keep))


def _keep(place: edited.Place) -> Step:
    step = edited.file(
        "Keep it stopped later too",
        place,
        place.sed("autostart = False"),
        effect="autostart = False: the next start of circusd, and the next boot, leave it stopped",
        check=Succeeds(acting.look(place.user, f"grep -n autostart {quote(place.path)}")),
    )
    return step._replace(phase="close")


def _stop(watcher: str, ctl: str) -> Step:
    name = quote(watcher)
    return Step(
        "Stop it",
        f"{ctl} stop {name}",
        "circusd ends all processes of this watcher, and starts none again",
        "interrupts",
        f"{ctl} start {name}",
        Says(f"{ctl} status {name}", ("stopped",)),
    )
