"""A unit's manager, and what a process is to its unit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from runaway_watchdog.model.owner import Outlook
from runaway_watchdog.owners.interface import Owner

Properties = Mapping[str, Any]

STARTING = frozenset({"start-pre", "start", "start-post", "condition"})
Role = Literal["main", "control", "last", "beside", "left"]
"""Of a process in its unit: the main one; one of ExecStartPre= and the like; the only one of a unit without a known
main one; any other one; or one that outlived the unit itself."""


class Source(NamedTuple):
    """One systemd manager, as it is asked."""

    unit: Callable[[str], Properties | None]  # raises Unanswered
    boot_targets: frozenset[str]  # what its ordinary start reaches
    bus_folders: Sequence[str]  # where its D-Bus looks for who answers to a name
    trusted: bool  # whether its answers are the system's own, and not what some user likes to say


class Manager(NamedTuple):
    """One systemd manager, as it acts."""

    by: str  # who starts it again
    restart: Outlook | None  # what a restart of that manager does; None: as a boot
    boots: str | None  # why it is not started at boot itself; None: it is


def role_of(owner: Owner, pid: int) -> Role:
    facts = owner.facts
    if pid == facts["main_pid"]:
        return "main"
    if pid == facts.get("control_pid") and facts.get("sub_state") in STARTING:
        return "control"
    if facts["active_state"] in ("inactive", "failed"):
        return "left"
    alone = not facts["main_pid"] and facts.get("processes") == 1
    return "last" if alone and facts.get("sub_state") == "running" else "beside"
