"""Clients of databases: which program is which, and that its answer is of the server that it reaches from here.

What stands inside a database is not looked up: a statement that deletes loses data.
"""

from importlib import import_module
from typing import Protocol

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.programs import DATABASES
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World


class Client(Protocol):
    def __call__(self, command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome: ...


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a client on this host does."""
    return _client(command)(command, host, world)


def effects_inside(command: Command, host: HostState, world: World) -> Outcome:
    """What a client does whose files are not this host's: it runs in a container."""
    return _client(command)(command, host, world, local=False)


def _client(command: Command) -> Client:
    file, _, function = DATABASES[command.program or ""].partition(".")
    client: Client = getattr(import_module(f"{__package__}.{file}"), function)
    return client
