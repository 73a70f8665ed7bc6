"""Apps of pm2, read from files and environments alone: to ask pm2 is to run it, and that may start a daemon.

Observed with pm2 7.0.4 on Node.js 18: every end is answered within a tenth of a second, exit code 0 too. A death by
a signal counts as exit code 0, so with `stop_exit_codes: [0]` a kill -9 leaves it stopped. The daemon ("God") lives
wherever pm2 was first typed: in a login's session, or in the unit that `pm2 startup` made.
"""

import re
from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Certainty, Claim, Deferred, Outlook, Why
from runaway_watchdog.model.plan import Containment, Prints, Step, Succeeds
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common import exit_propagation, identity, siblings
from runaway_watchdog.owners.common.advice import ENOUGH, fixed
from runaway_watchdog.owners.common.ending import Ending
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import acting, edited, single
from runaway_watchdog.world import Unanswered, World, inside, procfs

if TYPE_CHECKING:
    from runaway_watchdog.world import pm2

KINDS = (
    Kind(
        "pm2-app",
        "pm2 app",
        line="pm2 app, {policy}",
        marks=("PM2_HOME", "pm_id"),
        advice=fixed(ENOUGH, "the ecosystem file, in its app", "max_restarts: 5,", "exp_backoff_restart_delay: 100,"),
    ),
)
GOD = re.compile(r"PM2 v[^:]+: God Daemon \((?P<home>/.*)\)")
UNIT = re.compile(r"pm2-[^/]+\.service")
AT_ONCE_S = 0.1
FOLDERS = ("/usr/local/bin", "/usr/bin")


class App(NamedTuple):
    """What is known of one app."""

    main_pid: int
    manager_pid: int
    home: str  # PM2_HOME
    settings: "pm2.Settings"
    saved: str  # its state in dump.pm2; "" where it is not in it
    boot_unit: str  # the enabled unit that starts pm2; "" where there is none, or in a container
    in_container: bool
    settings_of: str  # PM2_HOME and PATH, as it is called here; "" in a container
    user: str | None  # whose it is; None: root's
    dump: str | None  # the text of dump.pm2, which may hold secrets

    def shown(self) -> Mapping[str, Any]:
        settings = self.settings
        return {
            "main_pid": self.main_pid,
            "manager_pid": self.manager_pid,
            "pm2_home": self.home,
            "pm_id": settings.id,
            "mode": "cluster" if settings.cluster else "fork",
            "autorestart": settings.autorestart,
            "stop_exit_codes": list(settings.stop_codes),
            "after_s": self.after_s,
            "backs_off": settings.backs_off,
            "watch": settings.watch,
            "cron_restart": settings.cron,
            "max_restarts": settings.max_restarts,
            "saved": self.saved,
            "boot_unit": self.boot_unit,
            "in_container": self.in_container,
            "daemon": "pm2",
        }

    @property
    def after_s(self) -> float:
        """From an end to the next start, unless it backs off."""
        return self.settings.restart_delay_s + AT_ONCE_S

    def called(self, words: str) -> str:
        """pm2, as its own user calls it."""
        return acting.run(self.user, f"pm2 {words}", self.settings_of)

    @property
    def dump_file(self) -> str:
        return f"{self.home}/dump.pm2"


def claim(facts: Facts) -> Claim | None:
    """Its parent calls itself God."""
    parent = facts.ancestors[0] if facts.ancestors else None
    if parent is None or parent.pid == 1 or home(parent) is None or not identity.may_start(parent, facts.process):
        return None
    pid = facts.process.pid
    return Claim("pm2-app", str(pid), (f"/proc/{parent.pid}/cmdline: {_title(parent)}",), parent.pid)


def _title(process: Process) -> str:
    """A program that writes its title over its arguments leaves blanks behind it."""
    return " ".join(process.cmdline).strip()


def home(process: Process) -> str | None:
    """PM2_HOME of a daemon; None for any other process."""
    found = GOD.fullmatch(_title(process)) if identity.runs(process, identity.NODE) else None
    return None if found is None else found["home"]


def inspect(claim: Claim, facts: Facts, world: World) -> Read[App] | None:
    """Read the app's environment, and what was saved for the next boot. None: its parent only calls itself God.
    Raises Unanswered."""
    from runaway_watchdog.world import pm2  # only where pm2 owns

    manager, main = siblings.manager_and_main(facts, claim.manager_pid)
    view = inside.of(world.files, manager)
    folder = home(manager) or ""
    if not identity.genuine(manager, world):
        return None
    _belongs(folder, manager, view, world)
    try:
        found = pm2.settings(world.files.read(f"{procfs.PROC}/{main.pid}/environ"))
        saved = pm2.saved(view, folder)
    except OSError:
        raise Unanswered(Gap("pm2", "the environment of its app cannot be read", "run it with sudo")) from None
    if found is None:
        raise Unanswered(Gap("pm2", "which of its apps this is could not be told", "ask it yourself: pm2 list"))
    inner = bool(view.root)
    details = App(
        main.pid,
        manager.pid,
        folder,
        found,
        saved.get(found.name, ""),
        "" if inner else _boot_unit(manager, world),
        inner,
        "" if inner else _settings(manager, folder, view),
        acting.user_of(manager),
        None if inner else _dump(view, folder),
    )
    evidence = (*claim.evidence, f"/proc/{main.pid}/environ: pm_id={found.id}, autorestart={found.autorestart}")
    return Read("pm2-app", found.name or f"app {found.id}", found.id, _policy(found), details, evidence)


def _belongs(folder: str, manager: Process, view: inside.Inside, world: World) -> None:
    """Its title names its folder, and may name anybody's. Raises Unanswered where that is not its own user's."""
    try:
        if view.root or world.ownership.of(folder).only(manager.uid):
            return
    except OSError:
        pass
    problem = f"{folder}, which it names as its folder, is not {manager.user}'s alone"
    raise Unanswered(Gap("pm2", problem, f"look who may write there: namei -l {quote(folder)}"))


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


def _settings(manager: Process, folder: str, view: inside.Inside) -> str:
    """What pm2 needs of its user's environment: it finds its daemon by PM2_HOME, and itself needs node on the PATH."""
    beside_node = (manager.exe or "").rpartition("/")[0]
    where = next((each for each in (beside_node, *FOLDERS) if each and view.exists(f"{each}/pm2")), "")
    path = f"{where}:" if where and where not in FOLDERS else ""
    return " ".join([f"PM2_HOME={quote(folder)}", *([f"PATH={quote(path)}$PATH"] if path else [])])


def _dump(view: inside.Inside, folder: str) -> str | None:
    try:
        return view.read(f"{folder}/dump.pm2")
    except OSError:
        return None


def outlook(owner: Read[App] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """autorestart for an end; what was saved for whatever starts pm2 anew."""
    if isinstance(owner, Unread):
        return exit_propagation.unread(facts, action, "the settings of its app could not be read")
    app = owner.details
    if action == "reboot":
        return _booted(app, facts)
    if action == "owner-daemon-restart":
        return _started_anew(app, facts)
    if action == "owner-stop":
        return _stopped(app)
    end = exit_propagation.end_of(app, facts, action, "pm2")
    return end if isinstance(end, Outlook) else _restarted(app, action, end)


def _stopped(app: App) -> Outlook:
    why = f"`pm2 stop {app.settings.id}` ends it with all its children, and autorestart does not act on a stop"
    if app.settings.watch:
        return Outlook.not_known("owner-stop", (why, "it watches its files, and a change in them starts it again"))
    return Outlook.stays_away("owner-stop", "certain", why)


def _restarted(app: App, action: Action, end: Ending) -> Outlook:
    settings, codes = app.settings, list(app.settings.stop_codes)
    if not settings.autorestart:
        if settings.cron:
            why: Why = (end.reason, f"autorestart is off, and cron_restart starts it at `{settings.cron}`")
            return Outlook.comes_back(action, "pm2", "likely", why)
        return Outlook.stays_away(action, end.certainty, (end.reason, "autorestart is off"))
    code = {"clean": 0, "failure": 1, "sigterm": 0, "sigkill": 0}.get(end.how)
    if codes and code is None:
        why = (end.reason, f"with stop_exit_codes {codes} it depends on the code it exits with")
        return Outlook.not_known(action, why, by="pm2")
    if code in codes:
        signal = ("pm2 takes a death by a signal for exit code 0",) if end.how in ("sigterm", "sigkill") else ()
        why = (end.reason, *signal, f"its stop_exit_codes {codes} leave it stopped")
        return Outlook.stays_away(action, end.certainty, why)
    limit = f"it gives up after {settings.max_restarts} starts that end within a second"
    certainty: Certainty = "likely" if end.how == "own" else end.certainty
    after_s = None if settings.backs_off else app.after_s
    why = (end.reason, "pm2 starts it again after every end", limit)
    return Outlook.comes_back(action, "pm2", certainty, why, after_s=after_s)


def _saved(app: App) -> tuple[bool, str]:
    """Whether the next start of pm2 starts it, and why."""
    if app.saved == "online":
        return True, f"it is in {app.dump_file}, which `pm2 resurrect` starts"
    if app.saved:
        return False, f"{app.dump_file} says that it is {app.saved}"
    return False, f"it is not in {app.dump_file}: `pm2 save` was not typed since it was started"


def _in_unit(app: App, facts: Facts) -> bool:
    """Whether the daemon lives in the unit that `pm2 startup` made."""
    manager = next((each for each in facts.ancestors if each.pid == app.manager_pid), None)
    return manager is not None and UNIT.fullmatch(manager.control_group.unit) is not None


def _booted(app: App, facts: Facts) -> Outlook | Deferred:
    if app.in_container:
        return Deferred("reboot", None, "what its container starts was not read")
    saved, why = _saved(app)
    if _in_unit(app, facts):
        return Deferred("reboot", saved, why)
    if not app.boot_unit:
        none = "no enabled unit pm2-USER.service starts pm2 at boot"
        return Outlook.stays_away("reboot", "likely", (none, why))
    # Seen: outside its unit pm2 is ended by SIGTERM, and then saves its apps as they are; `pm2 kill` saves nothing.
    why = f"an orderly shutdown makes pm2 save its apps as they are, and {app.boot_unit} starts it at boot"
    return Outlook.comes_back("reboot", app.boot_unit, "likely", why)


def _started_anew(app: App, facts: Facts) -> Outlook:
    """As its unit does it: `pm2 kill` and `pm2 resurrect`; without a unit `pm2 update`, which saves before."""
    action: Action = "owner-daemon-restart"
    if app.in_container:
        return Outlook.not_known(action, "what its container starts was not read")
    if not _in_unit(app, facts):
        why = "`pm2 update` saves the list of apps, and starts what is in it"
        return Outlook.comes_back(action, "pm2", "likely", why)
    saved, why = _saved(app)
    return Outlook.ended(action, "likely", why, returns=saved, by="pm2")


def contain(owner: Read[App] | Unread, facts: Facts) -> Containment | None:
    """Stop it, and save that it is stopped. None in a container: that is held."""
    if isinstance(owner, Unread):
        return Containment("Hold it still until the settings of its app can be read", single.relieve(facts.process))
    app = owner.details
    if app.in_container:
        return None
    saves = (_save(app, app.dump),) if app.saved == "online" and app.dump is not None else ()
    goal = f"Stop {owner.name} for good: over a restart of pm2 and a reboot too"
    return Containment(goal, (_stop(app), *saves))


def _stop(app: App) -> Step:
    name = quote(app.settings.id)
    watch = " --watch" if app.settings.watch else ""
    return Step(
        "Stop it",
        app.called(f"stop {name}{watch}"),
        "pm2 ends it with all its children, and does not start it again" + (", nor watch its files" if watch else ""),
        "interrupts",
        app.called(f"start {name}{watch}"),
        Prints(app.called(f"pid {name}"), ("0", "nothing")),
    )


def _save(app: App, text: str) -> Step:
    """The list as it is now takes the place of the saved one; the copy is the undo."""
    copy, dump = quote(edited.saved(app.dump_file, text, app.user)), quote(app.dump_file)
    save = f"env {app.settings_of} pm2 save"
    change = f"cp -p {dump} {copy} && {save}"
    return Step(
        "Keep it stopped over a restart of pm2, and a reboot",
        acting.script(app.user, edited.unless_changed(edited.printing(app.dump_file), text, change)),
        f"pm2 saves its apps as they are now; {copy} keeps the list that was saved before",
        "none",
        acting.script(app.user, f"{edited.own(app.dump_file)} && cp {copy} {dump}"),
        Succeeds(acting.look(app.user, f"ls {copy}"), "the copy"),
        phase="close",
    )
