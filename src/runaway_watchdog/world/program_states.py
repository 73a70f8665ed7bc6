"""A process as supervisord tells it in the answer to getAllProcessInfo. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class ProgramState(NamedTuple):
    """The members that are used, under supervisord's own names."""

    group: str
    name: str
    pid: int  # as its own PID namespace counts; 0 where none runs
    statename: str  # RUNNING, STOPPING …


def parse(answer: Iterable[Any]) -> tuple[ProgramState, ...]:
    """What is no process is passed over."""
    return tuple(_parsed(answer))


def _parsed(answer: Iterable[Any]) -> Iterator[ProgramState]:
    for each in answer:
        try:
            yield ProgramState(str(each["group"]), str(each["name"]), int(each["pid"]), str(each["statename"]))
        except (KeyError, TypeError, ValueError):
            continue
