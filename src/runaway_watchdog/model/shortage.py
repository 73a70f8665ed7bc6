"""What a host is short of: memory, its disk, or CPUs; and who uses most of it."""

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


class CpuUser(NamedTuple):
    """One of those that use most CPU; hostile."""

    name: str
    percent: float  # of one core
    incident: int  # its open incident; 0: none
    works_for_others: str  # in words; "" for anybody else
