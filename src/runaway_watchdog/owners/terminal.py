"""What somebody started at a terminal: over ssh, on a console, in tmux or screen.

Nothing there starts a program again: a shell that somebody types into waits for the next line. A login's processes
are in a scope of their own (session-N.scope) where logind makes one; a tmux or screen server outlives the login that
started it, and what runs in it is found by its ancestors.
"""

import re
from shlex import quote

from runaway_watchdog.linux import status
from runaway_watchdog.linux.cgroup import CgroupPath
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action, Claim, Outlook, reasons
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.interface import Bag, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Unanswered, World, procfs

KINDS = ("session",)
SCOPE = re.compile(r"session-.+\.scope")
SSH_UNIT = re.compile(r"sshd?(?:@.*)?\.service")
SSH_TITLE = re.compile(r"sshd(?:-session)?: (?P<user>\S+?)@(?P<terminal>\S+)")
SIGHUP_BIT = 1


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
    if scope and world.manager.unit(scope) is None:
        problem = f"systemd has no unit {scope} loaded"
        raise Unanswered(Gap("systemd", problem, f"look: systemctl status {quote(scope)}"))
    shown: dict[str, object] = {**unmanaged.parent_facts(facts), **_origin(facts)}
    shown |= {"scope": scope, "ignores_hangup": _ignores_hangup(facts.process.pid, world)}
    name = claim.ref if scope else f"{shown['via']} of {facts.process.user}"
    return Read("session", name, claim.ref, "none", Bag(shown), claim.evidence)


def _origin(facts: Facts) -> dict[str, object]:
    """By its ancestors; of an orphan only the environment still tells."""
    server = _server(facts)
    via = None if server is None else _way(server)
    for name, way in (("TMUX", "tmux"), ("STY", "screen"), ("SSH_CONNECTION", "ssh")):
        if via is None and facts.mark(name):
            via = way
    found: dict[str, object] = {"via": via or "a login", "over": server is None}
    if server is not None:
        found["server_pid"] = server.pid
    if peer := (facts.mark("SSH_CONNECTION") or "").partition(" ")[0]:
        found["from"] = peer
    return found


def _ignores_hangup(pid: int, world: World) -> bool | None:
    """Whether `nohup` or the like keeps it when its terminal goes; None: not to be read."""
    try:
        told = status.parse(world.files.read(f"{procfs.PROC}/{pid}/status"))
        return bool(int(told["SigIgn"], 16) & SIGHUP_BIT)
    except (OSError, KeyError, ValueError):
        return None


def outer(owner: Owner) -> Claim | None:  # noqa: ARG001
    return None


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:
    """Nobody at a terminal starts it again by himself; a living parent that is no such shell may."""
    if not owner.facts:
        return _unread(owner, facts, action)
    if action == "owner-stop":
        return _stopped(owner)
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "certain", "a login and its programs do not depend on a daemon")
    return unmanaged.outlook(owner, facts, action)


def _stopped(owner: Owner) -> Outlook:
    """The end of the login's scope, or of the terminal's server, which hangs up on what runs in it."""
    if owner.facts["scope"]:
        why = f"`systemctl stop {owner.facts['scope']}` ends all that is in it"
        return Outlook.stays_away("owner-stop", "likely", why)
    if owner.facts["ignores_hangup"]:
        why = f"it ignores the hang-up (SIGHUP) that the end of {owner.name} sends"
        return Outlook.goes_on("owner-stop", "likely", why)
    why = f"the end of {owner.name} hangs up on it (SIGHUP)"
    return Outlook.stays_away("owner-stop", "likely", why)


def _unread(owner: Owner, facts: Facts, action: Action) -> Outlook:
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Outlook(
            action, action != "owner-daemon-restart", None, None, None, "unknown", reasons(f"{owner.name} was not read")
        )
    end = ending(facts.process, action)
    why = (end.reason, f"{owner.name} could not be read")
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    return Outlook.not_known(action, why)


def contain(owner: Owner, facts: Facts) -> Containment:
    """As a process that nobody manages."""
    if not owner.facts:
        return Containment("Hold it still until its login can be read", single.relieve(facts.process))
    return unmanaged.contain(owner, facts)
