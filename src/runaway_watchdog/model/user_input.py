"""What people have told the watch: what they are seeing to, and which heavy work is meant to be there."""

from typing import NamedTuple


class Window(NamedTuple):
    """A time of the day, local, in minutes since midnight; `last` before `first` runs over midnight."""

    first: int
    last: int


class Expectation(NamedTuple):
    """Heavy work that is meant to be there."""

    unit: str  # a shell's pattern for one part of the group's path: "backup.service"
    window: Window
    until: float | None = None  # seconds since the epoch; None: for good
    id: int = 0  # its number in the store; 0: it stands in the configuration


class UserInput(NamedTuple):
    """All of it that is in force."""

    acknowledged: frozenset[int] = frozenset()  # incidents
    expectations: tuple[Expectation, ...] = ()
