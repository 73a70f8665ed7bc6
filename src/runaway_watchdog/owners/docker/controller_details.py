"""A controller as a layer of its own: few containers have one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.owners.docker.controllers import Acting


class ControllerDetails(NamedTuple):
    """One of those that act on a container, as a layer of its own."""

    acts_on: str  # the container's name
    unit: str | None
    more: tuple[Acting, ...]  # those after it
    engine_unit: str | None

    def shown(self) -> Mapping[str, Any]:
        return {"acts_on": self.acts_on, "unit": self.unit}
