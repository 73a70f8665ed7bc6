"""One podman command on its way to its handler."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from runaway_watchdog.effects import Docker, HostState, Outcome, Podman
from runaway_watchdog.effects.docker import filters
from runaway_watchdog.effects.docker.filters import Filters
from runaway_watchdog.effects.docker.options import Options
from runaway_watchdog.engines.model import RUNNING
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

Change = tuple[tuple[Effect, ...], Docker]


class Call(NamedTuple):
    """A subcommand with its options told apart, and Podman as the commands so far would have left it."""

    name: str  # as a sentence names it: "podman rm"
    options: Options
    host: HostState
    now: Podman
    world: World

    def outcome(self, effects: Iterable[Effect] = (), after: Podman | None = None) -> Outcome:
        now = after or self.now
        return Outcome(tuple(effects), self.host._replace(podman=now), tuple(self._racing(now)))

    def _racing(self, after: Podman) -> Iterator[str]:
        """A container that was made with --rm cleans up after itself, its unnamed volumes too, as soon as it ends. A
        removal ends it first, and either of the two may be the quicker one (both seen on Podman 4.3)."""
        left = {each.id for each in after.docker.containers}
        kept = {each.name for each in after.docker.volumes}
        for each in self.now.docker.containers:
            if (
                each.auto_remove
                and each.state in RUNNING
                and each.id not in left
                and (each.unnamed or frozenset()) & kept
            ):
                yield f"{self.name}: whether {each.name}'s own --rm is quicker and deletes its unnamed volumes"

    def not_known(self, why: str) -> Outcome:
        return Outcome((), self.host, (f"{self.name}: {why}",))


Handler = Callable[[Call], Outcome]


def with_docker(now: Podman, docker: Docker) -> Podman:
    """The same with another state, and pods that have lost the containers that are gone."""
    left = frozenset(each.id for each in docker.containers)
    return now._replace(docker=docker, pods=tuple(each._replace(members=each.members & left) for each in now.pods))


def filters_of(call: Call) -> Filters:
    return filters.read(call.options.values("filter"), call.world.clock.now())


def unsure_of(filters: Filters) -> str:
    """A filter that is not understood: nothing can be told of what it leaves."""
    odd = [f"what --filter {key}={value} leaves out" for key, value in filters.others]
    found = (*filters.unknown, *odd)
    return f"{found[0]} is not known" if found else ""
