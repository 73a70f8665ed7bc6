"""What hurts a host more than its CPUs do: no memory is left, or the disk keeps everything waiting."""

from typing import Literal, NamedTuple


class User(NamedTuple):
    """Who uses most of it, as a person names it; hostile."""

    name: str
    pid: int  # of its process that uses most
    amount: float  # bytes of memory and swap; bytes a second of the disk


class Shortage(NamedTuple):
    """As the kernel tells it for the last minute."""

    kind: Literal["memory", "io"]
    waits: float  # percent of the time in which all that had work waited for this
    used: float | None = None  # percent of the memory that is not available; None: not told
    user: User | None = None  # None: nobody stands out, or it was not ours to read
