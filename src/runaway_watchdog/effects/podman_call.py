"""One podman command on its way to its handler."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from runaway_watchdog.effects import Docker, Host, Outcome, Podman, docker_filters
from runaway_watchdog.effects.docker_filters import Filters
from runaway_watchdog.effects.docker_options import Options
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

Change = tuple[tuple[Effect, ...], Docker]


@dataclass(frozen=True, slots=True)
class Call:
    """A subcommand with its options told apart, and Podman as the commands so far would have left it."""

    name: str  # as a sentence names it: "podman rm"
    options: Options
    host: Host
    now: Podman
    world: World

    def outcome(self, effects: Iterable[Effect] = (), after: Podman | None = None) -> Outcome:
        return Outcome(tuple(effects), replace(self.host, podman=after or self.now))

    def not_known(self, why: str) -> Outcome:
        return Outcome((), self.host, (f"{self.name}: {why}",))


Handler = Callable[[Call], Outcome]


def with_docker(now: Podman, docker: Docker) -> Podman:
    """The same with another state, and pods that have lost the containers that are gone."""
    left = frozenset(each.id for each in docker.containers)
    return replace(now, docker=docker, pods=tuple(replace(each, members=each.members & left) for each in now.pods))


def filters_of(call: Call) -> Filters:
    return docker_filters.read(call.options.values("filter"), call.world.clock.now())


def unsure_of(filters: Filters) -> str:
    """A filter that is not understood: nothing can be told of what it leaves."""
    odd = [f"what --filter {key}={value} leaves out" for key, value in filters.others]
    found = (*filters.unknown, *odd)
    return f"{found[0]} is not known" if found else ""
