"""Apps of pm2, read from files and environments alone: to ask pm2 is to run it, and that may start a daemon.

Observed with pm2 7.0.4 on Node.js 18: every end is answered within a tenth of a second, exit code 0 too. A death by
a signal counts as exit code 0, so with `stop_exit_codes: [0]` a kill -9 leaves it stopped. The daemon ("God") lives
wherever pm2 was first typed: in a login's session, or in the unit that `pm2 startup` made.
"""

import re
from shlex import quote
from typing import TYPE_CHECKING, Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Why, reasons
from runaway_watchdog.model.plan import Containment, Prints, Step, Succeeds
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation as passing, siblings as beside
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import Unanswered, World, inside, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world import pm2

KINDS = ("pm2-app",)
GOD = re.compile(r"PM2 v[^:]+: God Daemon \((?P<home>/.*)\)")
UNIT = re.compile(r"pm2-[^/]+\.service")
AT_ONCE_S = 0.1
FOLDERS = ("/usr/local/bin", "/usr/bin")


def claim(facts: Facts) -> Claim | None:
    """Its parent calls itself God."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or home(parent) is None:
        return None
    pid = facts.process.pid
    return Claim("pm2-app", str(pid), (f"/proc/{parent.pid}/cmdline: {_title(parent)}",), parent.pid)


def _title(process: Process) -> str:
    """A program that writes its title over its arguments leaves blanks behind it."""
    return " ".join(process.cmdline).strip()


def home(process: Process) -> str | None:
    """PM2_HOME of a daemon; None for any other process."""
    found = GOD.fullmatch(_title(process))
    return None if found is None else found["home"]


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Read the app's environment, and what was saved for the next boot. Raises Unanswered."""
    from runaway_watchdog.world import pm2  # only where pm2 owns

    manager, main = beside.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    folder = home(manager) or ""
    try:
        found = pm2.settings(world.files.read(f"{procfs.PROC}/{main.pid}/environ"))
        saved = pm2.saved(view, folder)
    except OSError:
        raise Unanswered(Gap("pm2", "the environment of its app cannot be read", "run it with sudo")) from None
    if found is None:
        raise Unanswered(Gap("pm2", "which of its apps this is could not be told", "ask it yourself: pm2 list"))
    shown: dict[str, Any] = {
        "main_pid": main.pid,
        "manager_pid": manager.pid,
        "pm2_home": folder,
        "pm_id": found.id,
        "mode": "cluster" if found.cluster else "fork",
        "autorestart": found.autorestart,
        "stop_exit_codes": list(found.stop_codes),
        "after_s": found.restart_delay_s + AT_ONCE_S,
        "backs_off": found.backs_off,
        "watch": found.watch,
        "cron_restart": found.cron,
        "max_restarts": found.max_restarts,
        "saved": saved.get(found.name, "") if saved else "",
        "boot_unit": "" if view.root else _boot_unit(manager, world),
        "in_container": bool(view.root),
        "daemon": "pm2",
    }
    evidence = (*claim.evidence, f"/proc/{main.pid}/environ: pm_id={found.id}, autorestart={found.autorestart}")
    raw = {} if view.root else {"pm2": _command(manager, folder, view), "dump": _dump(view, folder)}
    return Read("pm2-app", found.name or f"app {found.id}", found.id, _policy(found), Bag(shown, raw), evidence)


def _policy(found: "pm2.Settings") -> str:
    if not found.autorestart:
        return "no autorestart"
    codes = ", ".join(map(str, found.stop_codes))
    return f"autorestart, but not after exit code {codes}" if codes else "autorestart"


def _boot_unit(manager: Process, world: World) -> str:
    """The enabled unit that `pm2 startup` made for this user; "" where there is none."""
    name = f"pm2-{manager.user}.service"
    try:
        unit = world.manager.unit(name)
    except Unanswered:
        return ""
    return name if unit is not None and unit.unit_file_state == "enabled" else ""


def _command(manager: Process, folder: str, view: inside.Inside) -> str:
    """pm2 as its own user calls it: it finds its daemon by PM2_HOME, and itself needs node on the PATH."""
    beside_node = (manager.exe or "").rpartition("/")[0]
    where = next((each for each in (beside_node, *FOLDERS) if each and view.exists(f"{each}/pm2")), "")
    path = f"{where}:" if where and where not in FOLDERS else ""
    settings = [f"PM2_HOME={quote(folder)}", *([f"PATH={quote(path)}$PATH"] if path else [])]
    called = f"env {' '.join(settings)} pm2"
    return called if manager.uid == 0 else f"runuser -u {quote(manager.user)} -- {called}"


def _dump(view: inside.Inside, folder: str) -> str | None:
    try:
        return view.read(f"{folder}/dump.pm2")
    except OSError:
        return None


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook | Deferred:
    """autorestart for an end; what was saved for whatever starts pm2 anew."""
    if not owner.facts:
        return passing.unread(facts, action, "the settings of its app could not be read")
    if action == "reboot":
        return _booted(owner, facts)
    if action == "owner-daemon-restart":
        return _started_anew(owner, facts)
    if action == "owner-stop":
        watch = "; it watches its files, and a change in them starts it again" if owner.facts["watch"] else ""
        why = f"`pm2 stop {owner.id}` ends it with all its children, and autorestart does not act on a stop{watch}"
        return Outlook(
            action, True, None if watch else False, None, None, "unknown" if watch else "certain", reasons(why)
        )
    end = passing.end_of(owner, facts, action, "pm2")
    if isinstance(end, Outlook):
        return end
    return _restarted(owner, action, end)


def _restarted(owner: Owner, action: Action, end: Ending) -> Outlook:
    told = owner.facts
    if not told["autorestart"]:
        cron = told["cron_restart"]
        if cron:
            why: Why = (end.reason, f"autorestart is off, and cron_restart starts it at `{cron}`")
            return Outlook.comes_back(action, "pm2", "likely", why)
        return Outlook.stays_away(action, end.certainty, (end.reason, "autorestart is off"))
    code = {"clean": 0, "failure": 1, "sigterm": 0, "sigkill": 0}.get(end.how)
    codes = told["stop_exit_codes"]
    if codes and code is None:
        why = (end.reason, f"with stop_exit_codes {codes} it depends on the code it exits with")
        return Outlook.not_known(action, why, by="pm2")
    if code in codes:
        signal = "; pm2 takes a death by a signal for exit code 0" if end.how in ("sigterm", "sigkill") else ""
        why = f"{end.why}{signal}; its stop_exit_codes {codes} leave it stopped"
        return Outlook.stays_away(action, end.certainty, why)
    limit = f"it gives up after {told['max_restarts']} starts that end within a second"
    why = (end.reason, f"pm2 starts it again after every end; {limit}")
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    return Outlook.comes_back(action, "pm2", certainty, why, after_s=None if told["backs_off"] else told["after_s"])


def _saved(owner: Owner) -> tuple[bool, str]:
    """Whether the next start of pm2 starts it, and why."""
    file = f"{owner.facts['pm2_home']}/dump.pm2"
    if owner.facts["saved"] == "online":
        return True, f"it is in {file}, which `pm2 resurrect` starts"
    if owner.facts["saved"]:
        return False, f"{file} says that it is {owner.facts['saved']}"
    return False, f"it is not in {file}: `pm2 save` was not typed since it was started"


def _in_unit(owner: Owner, facts: Facts) -> bool:
    """Whether the daemon lives in the unit that `pm2 startup` made."""
    manager = next((each for each in facts.ancestors if each.pid == owner.facts["manager_pid"]), None)
    return manager is not None and UNIT.fullmatch(manager.control_group.unit) is not None


def _booted(owner: Owner, facts: Facts) -> Outlook | Deferred:
    saved, why = _saved(owner)
    if owner.facts["in_container"]:
        return Deferred("reboot", None, "what its container starts was not read")
    if _in_unit(owner, facts):
        return Deferred("reboot", saved, why)
    unit = owner.facts["boot_unit"]
    if not unit:
        why = f"no enabled unit pm2-USER.service starts pm2 at boot; {why}"
        return Outlook.stays_away("reboot", "likely", why)
    # Seen: outside its unit pm2 is ended by SIGTERM, and then saves its apps as they are; `pm2 kill` saves nothing.
    why = f"an orderly shutdown makes pm2 save its apps as they are, and {unit} starts it at boot"
    return Outlook.comes_back("reboot", unit, "likely", why)


def _started_anew(owner: Owner, facts: Facts) -> Outlook:
    """As its unit does it: `pm2 kill` and `pm2 resurrect`; without a unit `pm2 update`, which saves before."""
    action: Action = "owner-daemon-restart"
    if owner.facts["in_container"]:
        why = "what its container starts was not read"
        return Outlook.not_known(action, why)
    if not _in_unit(owner, facts):
        why = "`pm2 update` saves the list of apps, and starts what is in it"
        return Outlook.comes_back(action, "pm2", "likely", why)
    saved, why = _saved(owner)
    return Outlook(action, True, saved, "pm2" if saved else None, None, "likely", reasons(why))


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """Stop it, and save that it is stopped. None in a container: that is held."""
    if owner.facts.get("in_container"):
        return None
    if not owner.facts:
        return Containment("Hold it still until the settings of its app can be read", single.relieve(facts.process))
    saves = owner.facts["saved"] == "online" and owner.raw["dump"] is not None
    goal = f"Stop {owner.name} for good: over a restart of pm2 and a reboot too"
    return Containment(goal, (_stop(owner), *((_save(owner),) if saves else ())))


def _stop(owner: Owner) -> Step:
    called, app = owner.raw["pm2"], quote(owner.id)
    watch = " --watch" if owner.facts["watch"] else ""
    return Step(
        "Stop it",
        f"{called} stop {app}{watch}",
        "pm2 ends it with all its children, and does not start it again" + (", nor watch its files" if watch else ""),
        "interrupts",
        f"{called} start {app}{watch}",
        Prints(f"{called} pid {app}", ("0", "nothing")),
    )


def _save(owner: Owner) -> Step:
    """The list as it is now takes the place of the saved one; the copy is the undo."""
    dump, text = f"{owner.facts['pm2_home']}/dump.pm2", owner.raw["dump"]
    copy = edited.saved(dump, text)
    change = f"cp -p {quote(dump)} {copy} && {owner.raw['pm2']} save"
    return Step(
        "Keep it stopped over a restart of pm2, and a reboot",
        edited.unless_changed(f"cat {quote(dump)}", text, change),
        f"pm2 saves its apps as they are now; {copy} keeps the list that was saved before",
        "none",
        f"cp {copy} {quote(dump)}",
        Succeeds(f"ls {copy}", "the copy"),
        phase="close",
    )
