"""What somebody started at a terminal: over ssh, on a console, in tmux or screen.

Nothing there starts a program again: a shell that somebody types into waits for the next line. A login's processes
are in a scope of their own (session-N.scope) where logind makes one; a tmux or screen server outlives the login that
started it, and what runs in it is found by its ancestors.
"""

import re
from shlex import quote
from typing import Any, NamedTuple

from runaway_watchdog.linux import status
from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.rooms import SSH_UNIT
from runaway_watchdog.owners.interface import Kind, Owner, Read, Unread
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World, procfs

KINDS = (Kind("session", "login session", starts=False, waits=False, marks=("SSH_CONNECTION", "STY", "TMUX")),)
SCOPE = re.compile(r"session-.+\.scope")
SSH_TITLE = re.compile(r"sshd(?:-session)?: (?P<user>\S+?)@(?P<terminal>\S+)")
SIGHUP_BIT = 1


class Session(NamedTuple):
    """Where it came from."""

    started: unmanaged.Started
    via: str  # "ssh", "tmux", "screen", "tty"; "a login", where nothing tells
    server: Process | None  # who gives it its terminal
    peer: str  # the address that its ssh comes from; "" where nothing tells
    scope: str | None  # the login's
    ignores_hangup: bool | None  # None: not to be read
    abandoned: bool = False  # the login is over, and its scope goes on with what is left in it

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it."""
        shown = {**self.started.shown(), "via": self.via, "over": self.abandoned or self.server is None}
        if self.server is not None:
            shown["server_pid"] = self.server.pid
        if self.peer:
            shown["from"] = self.peer
        return {**shown, "scope": self.scope, "ignores_hangup": self.ignores_hangup}


def claim(facts: Facts) -> Claim | None:
    """By the login's scope; else by a terminal's server among the ancestors, where no manager's group says more."""
    group = facts.process.control_group
    evidence = f"/proc/{facts.process.pid}/cgroup: {group.path or 'no cgroup'}"
    if SCOPE.fullmatch(group.unit):
        return Claim("session", group.unit, (evidence,))
    server = _server(facts) if _says_nothing(group) and len(facts.process.namespace_pids) == 1 else None
    if server is None:
        return None
    return Claim("session", f"{_way(server)} {server.pid}", (evidence, f"/proc/{server.pid}/cmdline: {_title(server)}"))


def _says_nothing(group: CgroupPath) -> bool:
    """Of its own about a process that a terminal's server is an ancestor of: the root, ssh's unit, a user's scope."""
    own = group.users_own
    of_ssh = group.segments[:-1] == ("system.slice",) and SSH_UNIT.fullmatch(group.leaf) is not None
    return not group.segments or of_ssh or (own is not None and own.unit.endswith(".scope"))


def _server(facts: Facts) -> Process | None:
    """The nearest ancestor that gives it its terminal."""
    return next((each for each in facts.ancestors if _way(each) is not None), None)


def _way(process: Process) -> str | None:
    """How people get to a terminal through this process; None for any other one."""
    if process.name == "tmux: server":
        return "tmux"
    if process.name in ("screen", "SCREEN"):
        return "screen"
    if process.name.startswith("sshd") and SSH_TITLE.match(_title(process)):
        return "ssh"
    return "tty" if process.name in ("login", "agetty") else None


def _title(process: Process) -> str:
    return " ".join(process.cmdline)[:200]


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:
    """Where it came from, and whether that login is still there. Raises Unanswered."""
    unit = facts.process.control_group.unit
    scope = unit if SCOPE.fullmatch(unit) else None
    found = world.manager.unit(scope) if scope else None
    if scope and found is None:
        problem = f"systemd has no unit {scope} loaded"
        raise Unanswered(Gap("systemd", problem, f"look: systemctl status {quote(scope)}"))
    server = _server(facts)
    session = Session(
        unmanaged.started_by(facts),
        _via(server, facts),
        server,
        (facts.mark("SSH_CONNECTION") or "").partition(" ")[0],
        scope,
        _ignores_hangup(facts.process.pid, world),
        found is not None and found.sub_state == "abandoned",  # as logind leaves it (systemd.scope(5), logind.conf(5))
    )
    name = claim.ref if scope else f"{session.via} of {facts.process.user}"
    return Read("session", name, claim.ref, "none", session, claim.evidence)


def _via(server: Process | None, facts: Facts) -> str:
    """By its ancestors; of an orphan only the environment still tells."""
    marks = (("TMUX", "tmux"), ("STY", "screen"), ("SSH_CONNECTION", "ssh"))
    by_mark = next((way for name, way in marks if facts.mark(name)), "a login")
    return by_mark if server is None else _way(server) or by_mark


def _ignores_hangup(pid: int, world: World) -> bool | None:
    """Whether `nohup` or the like keeps it when its terminal goes; None: not to be read."""
    try:
        told = status.parse(world.files.read(f"{procfs.PROC}/{pid}/status"))
        return bool(int(told["SigIgn"], 16) & SIGHUP_BIT)
    except (OSError, KeyError, ValueError):
        return None


def outlook(owner: Read[Session] | Unread, facts: Facts, action: Action) -> Outlook:
    """Nobody at a terminal starts it again by himself; a living parent that is no such shell may."""
    if isinstance(owner, Unread):
        return _unread(owner, facts, action)
    if action == "owner-stop":
        return _stopped(owner)
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "certain", "a login and its programs do not depend on a daemon")
    return unmanaged.outlook_of(owner.details.started, facts, action)


def _stopped(owner: Read[Session]) -> Outlook:
    """The end of the login's scope, or of the terminal's server, which hangs up on what runs in it."""
    if owner.details.scope:
        why = f"`systemctl stop {owner.details.scope}` ends all that is in it"
        return Outlook.stays_away("owner-stop", "likely", why)
    if owner.details.ignores_hangup:
        why = f"it ignores the hang-up (SIGHUP) that the end of {owner.name} sends"
        return Outlook.goes_on("owner-stop", "likely", why)
    why = f"the end of {owner.name} hangs up on it (SIGHUP)"
    return Outlook.stays_away("owner-stop", "likely", why)


def _unread(owner: Unread, facts: Facts, action: Action) -> Outlook:
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        found = Outlook.not_known(action, f"{owner.name} was not read")
        return found._replace(ends=action != "owner-daemon-restart")
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, (end.reason, f"{owner.name} could not be read"))


def contain(owner: Read[Session] | Unread, facts: Facts) -> Containment:
    """As a process that nobody manages."""
    if isinstance(owner, Unread):
        return single.until_read("its login", facts.process)
    return unmanaged.contain_of(owner.details.started, facts)
