"""What a command changes here: one file for each family of commands, used by preflight and by the plan's "never" alike.

A family answers `effects(command, host, world) -> Outcome`, pure but for reading the world: it looks at the host *as
the commands before it would have left it* (`host`), says what would change, and returns the host as it would then be.
So `compose stop && docker system prune -f && docker volume prune -af` loses what each alone would not.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from runaway_watchdog.engines.model import Container, Volume
from runaway_watchdog.model.effect import Effect, Target
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Outlook
from runaway_watchdog.world.paths import NOTHING_MADE, Made

if TYPE_CHECKING:
    from runaway_watchdog.engines.kept import Image, Network, Pod, Service
    from runaway_watchdog.model.command import Command


class Docker(NamedTuple):
    """What the engine holds now. `gap` says why it could not be asked: then nothing about it is known."""

    api: tuple[int, int] = (0, 0)  # the engine's own API version: what prune does depends on it
    compose: tuple[int, int, int] | None = None  # None: not asked, since no command needed it, or none here
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    images: "tuple[Image, ...]" = ()
    networks: "tuple[Network, ...]" = ()
    services: "tuple[Service, ...]" = ()  # of the swarm
    swarm: str = ""  # "", "worker" or "manager"
    removed: tuple[Container, ...] = ()  # what earlier commands of the line removed: who used the volumes they left
    deleted: tuple[Volume, ...] = ()  # what they deleted
    gap: Gap | None = None
    podman: bool = False  # it is Podman's


class Podman(NamedTuple):
    """What the Podman of whoever asks holds now, in the engine's terms; `docker.gap` says why it could not be asked."""

    docker: Docker
    pods: "tuple[Pod, ...]" = ()
    rootless: bool = False


class Copy(NamedTuple):
    """Something that the line itself keeps elsewhere before it changes it."""

    type: Target
    of: str  # as an effect would name it; of a path the one on the disk
    at: str  # real path of the copy
    first: str  # where it was made: an effect's `kept_in` until the end of the line
    packed: bool = False  # in an archive or a dump
    server: tuple[str, ...] = ()  # of a database: its kind, and what decides which server is meant
    number: int | None = None  # of the command that makes it (Command.number); None: its success has led here


class Tracking(NamedTuple):
    """What the line itself has done to a repository of git: paths are below its work tree."""

    added: frozenset[str] = frozenset()  # tracked from then on
    removed: frozenset[str] = frozenset()  # no longer tracked, and still there
    elsewhere: bool = False  # HEAD may stand for another branch
    committed: bool = False


class HostState(NamedTuple):
    """The host as the commands so far would have left it."""

    docker: Docker = Docker()
    podman: Podman | None = None  # None: not asked, since no command needed it
    deleted: frozenset[str] = frozenset()  # real paths, as they are on the disk now
    moved: tuple[tuple[str, str], ...] = ()  # (real path now named, where its content was), in order
    made: Mapping[str, Made] = NOTHING_MADE  # real paths of what the line itself has put there
    stashed: Mapping[str, bool] = MappingProxyType({})  # repositories; untracked files too?
    tracking: Mapping[str, Tracking] = MappingProxyType({})  # of repositories of git, by their common folder
    edited: frozenset[str] = frozenset()  # real paths of files that the line adds to
    copies: tuple[Copy, ...] = ()  # that are there by then, and whole
    tables: Mapping[str, tuple[str, ...]] = MappingProxyType({})  # user -> the lines of the crontab that the line gives
    written: "Mapping[str, tuple[tuple[Command, HostState], ...]]" = MappingProxyType({})
    """Real paths of files that the line itself writes whole -> the commands that print into each, with their hosts."""
    stopped_units: frozenset[str] = frozenset()  # names; of a user's own unit user@UID.service/NAME
    freezers: Mapping[str, bool] = MappingProxyType({})  # units that the line freezes (True) or thaws
    ended: frozenset[int] = frozenset()  # PIDs
    pulled: frozenset[str] = frozenset()  # tags of images that the line gets or builds anew; "*": any may be
    outlooks: Mapping[int, Outlook] = MappingProxyType({})  # PID that was signalled -> what becomes of it

    @property
    def containers(self) -> tuple[Container, ...]:
        """Of every engine that a command has asked for."""
        return (*self.docker.containers, *(self.podman.docker.containers if self.podman else ()))


class Outcome(NamedTuple):
    """What one command would do."""

    effects: tuple[Effect, ...]
    host: HostState
    unknown: tuple[str, ...] = ()  # what could not be told, in sentences
    nothing: tuple[str, ...] = ()  # why it does nothing here, where somebody may have meant another place


def either(one: Outcome, other: Outcome) -> Outcome:
    """A command that runs in the one folder or in the other: both are told, what is the same once."""
    more = (each for each in other.effects if each not in one.effects)
    unknown = tuple(dict.fromkeys((*one.unknown, *other.unknown)))
    return Outcome((*one.effects, *more), other.host, unknown, (*one.nothing, *other.nothing))
