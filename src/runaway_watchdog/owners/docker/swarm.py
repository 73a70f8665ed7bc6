"""Tasks of a Docker swarm: their containers have restart policy "no", and yet the swarm replaces what stops.

Observed on Engine 20.10 in a swarm of one: a new container comes after the service's restart delay and a second more;
condition `none` never replaces, `on-failure` does not replace exit code 0, `any` replaces all, `docker stop` too.
"""

from collections.abc import Mapping
from typing import NamedTuple

from runaway_watchdog.engines import docker
from runaway_watchdog.model.owner import Action, Certainty, Outlook, Reason
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.ending import Ending, ending
from runaway_watchdog.world import World

SERVICE_ID = "com.docker.swarm.service.id"
DEFAULT_DELAY_S = 5.0
TO_MAKE_S = 1.0
"""From the end of the delay to the new container's process."""


class Restart(NamedTuple):
    """How the swarm replaces a service's tasks."""

    condition: str | None  # none, on-failure, any; None on a node that is not told
    delay_s: float | None  # None with the condition
    attempts: int  # 0: without end

    @property
    def after_s(self) -> float | None:
        """From the end of a task to the next one's process."""
        return None if self.delay_s is None else self.delay_s + TO_MAKE_S


def restart(labels: Mapping[str, str], world: World) -> Restart:
    """Of the service that a task's labels name. Raises Unanswered."""
    service_id = labels.get(SERVICE_ID)
    service = next((each for each in docker.services(world) if each.id == service_id), None)
    if service is None:
        return Restart(None, None, 0)
    delay_s = DEFAULT_DELAY_S if service.delay_s is None else service.delay_s
    return Restart(service.condition, delay_s, service.attempts)


def policy(restart: Restart) -> str:
    """In the words of `docker service create --restart-condition`."""
    return "swarm" if restart.condition is None else f"swarm: {restart.condition}"


def outlook(restart: Restart, action: Action, end: Ending) -> Outlook:
    """The end of the task's main process."""
    condition = restart.condition
    if condition == "none":
        why = (end.reason, "the service's restart condition none: the swarm does not replace it")
        return Outlook.stays_away(action, "likely" if end.how == "own" else end.certainty, why)
    if condition == "on-failure" and end.how == "clean":
        why = (end.reason, "the service's restart condition on-failure does not act on exit code 0")
        return Outlook.stays_away(action, end.certainty, why)
    if condition == "on-failure" and end.how == "own":
        why = (end.reason, "the swarm replaces it only if that is not 0")
        return Outlook.not_known(action, why, by="swarm")
    return _replaced(restart, action, end.reason, end.certainty)


def _replaced(restart: Restart, action: Action, first: Reason, certainty: Certainty) -> Outlook:
    told = "the swarm puts a new container in the place of the one that is missing"
    if restart.condition is None:
        told += " (its service's own settings are only told on a manager)"
        return Outlook.comes_back(action, "swarm", "likely", (first, told))
    if restart.attempts:
        told += f", at most {restart.attempts} times"
        return Outlook.comes_back(action, "swarm", "likely", (first, told), after_s=restart.after_s)
    return Outlook.comes_back(action, "swarm", certainty, (first, told), after_s=restart.after_s)


def stopped(restart: Restart, facts: Facts) -> Outlook:
    """`docker stop` is to the swarm an end like any other."""
    end = ending(facts.process, "sigterm")
    how = end._replace(ends=True, why="`docker stop` ends the container")
    return outlook(restart, "owner-stop", how if end.ends else how._replace(how="sigkill", certainty="certain"))


def engine_starts(restart: Restart, facts: Facts, action: Action) -> Outlook:
    """The swarm goes on where it was; what the engine's stop ended is a task that failed."""
    condition = restart.condition
    at = "at the next boot" if action == "reboot" else "when the engine starts"
    if condition == "none":
        why = f"restart condition none: the swarm does not replace it {at}"
        return Outlook.stays_away(action, "likely", why)
    if (
        condition == "on-failure"
        and ending(facts.process, "sigterm").how == "own"
        and facts.process.sigterm == "handled"
    ):
        why = f"restart condition on-failure: the swarm replaces it {at} unless it exited with 0"
        return Outlook.not_known(action, why, by="swarm")
    return Outlook.comes_back(action, "swarm", "likely", f"the swarm starts its tasks again {at}")
