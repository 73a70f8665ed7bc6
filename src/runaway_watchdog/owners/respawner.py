"""A parent that was seen to start its child again: a program that no table of ours knows, and no shell.

What the watch recorded decides: a process ended, another one took its place, and that one's parent was there before;
also where it starts its child by a `timeout` or a shell's line, which end with it.
Who only adopts orphans (PID 1, a container's init, the user's manager) started nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.common import rooms, siblings
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.interface import Kind, Read, Unread
from runaway_watchdog.owners.steps import loops
from runaway_watchdog.world import World

KINDS = (Kind("respawner", "parent that starts it again", line="its parent, which {policy}", setting="{policy}"),)


class Seen(NamedTuple):
    """The parent, and what the watch saw of it."""

    parent: Process
    delay_s: float | None  # from the last end to the new start
    died_pid: int
    around: bool  # whoever is around the parent, a service or a container that lives by it, stops it with its child

    def shown(self) -> Mapping[str, Any]:
        found = {"parent": self.parent.name, "parent_pid": self.parent.pid, "died_pid": self.died_pid}
        return {**found, "delay_s": self.delay_s}


def claim(facts: Facts) -> Claim | None:  # noqa: ARG001 - no process shows it: the watch has seen it
    return None


def inspect(claim: Claim, facts: Facts, world: World) -> None:  # noqa: ARG001
    return None


def seen(facts: Facts, history: History, world: World) -> Read[Seen] | None:
    """The owner, where the watch saw this very process take a dead one's place and its parent must have started it."""
    death = next((each for each in history.deaths if each.successor_pid == facts.process.pid), None)
    if death is None:
        return None
    parent = next((each for each in facts.ancestors if not _came_with_it(each, death.died_at)), None)
    if parent is None or not _could_start(parent, facts) or parent.started_at >= death.died_at:
        return None
    after = "" if death.delay_s is None else f" {death.delay_s:.1f} s after"
    name = f"{parent.name} ({'PID 1 of the container' if parent.is_namespace_init else parent.pid})"
    found = Seen(parent, death.delay_s, death.pid, rooms.held_around(facts, parent, world))
    evidence = f"the watch saw PID {death.pid} end, and {parent.name} ({parent.pid}) start this one{after}"
    return Read("respawner", name, str(parent.pid), f"started it again{after}", found, (evidence,))


def _came_with_it(above: Process, died_at: float) -> bool:
    """A `timeout`, a shell's line or a script that was started again with it: whoever started that one, did it."""
    return siblings.only_waits(above) and above.started_at >= died_at


def _could_start(parent: Process, facts: Facts) -> bool:
    """A parent of the same room that is no adopter: of what a container's PID 1 took in the session is another one."""
    if parent.pid == 1 or len(parent.namespace_pids) != len(facts.process.namespace_pids):
        return False
    if unmanaged.starts_nothing_again(parent) or parent.name in rooms.INIT_NAMES:
        return False
    return not parent.is_namespace_init or facts.process.session == parent.session


def outlook(owner: Read[Seen] | Unread, facts: Facts, action: Action) -> Outlook | Deferred:
    """What it did once it is likely to do again, after a signal; after an exit it may decide otherwise."""
    if action == "owner-stop" and isinstance(owner, Read) and not owner.details.around:
        why = f"ending {owner.name} alone leaves this process running, and nothing starts it again after that"
        return Outlook.goes_on(action, "likely", why)
    if action in ("owner-stop", "owner-daemon-restart", "reboot"):
        return Deferred(action, True, f"{owner.name} runs it")
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    why = f"its parent {owner.name} {owner.policy} the last one ended"
    if isinstance(owner, Unread) or action in ("clean-exit", "failure-exit"):
        return Outlook.not_known(action, (end.reason, why), by=owner.name)
    return Outlook.comes_back(action, owner.name, "likely", (end.reason, why), after_s=owner.details.delay_s)


def contain(owner: Read[Seen] | Unread, facts: Facts) -> Containment | None:
    """As a shell's loop: the parent first, then the process."""
    if isinstance(owner, Unread) or owner.details.around:
        return None
    return loops.contain(owner.name, owner.details.parent.pid, facts, works=True)
