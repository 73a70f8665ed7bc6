"""What could not be read. "Nothing there" and "could not look" are different answers."""

from typing import NamedTuple


class Gap(NamedTuple):
    """One source that did not answer, what went wrong, and what the reader can do about it."""

    source: str  # "docker", "systemd", "procfs", "store" …
    problem: str
    fix: str
    absent: bool = False  # there is nothing that could have answered
