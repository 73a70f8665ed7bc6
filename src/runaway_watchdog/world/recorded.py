"""Hosts that were seen once: a recording of every question that an explanation asked, with the answer it got.

A recording is JSON: `{"host": …, "about": …, "asked": {"files.read /proc/stat": [ANSWER, …], …}}`. An ANSWER is
`{"value": …}`, `{"errno": N}` for what a system call refused, or `{"gap": [source, problem, mend]}`. A question that
was asked several times has several answers; the last one stands for every later asking.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from runaway_watchdog.model.effect import Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import (
    Activity,
    Clients,
    Clock,
    Engine,
    Files,
    Journal,
    Manager,
    Ownership,
    OwnTables,
    Podman,
    StartFiles,
    Supervisors,
    Traces,
    Unanswered,
    UserManagers,
    World,
    ownership,
    program_states,
    running_scripts,
    startup,
    units,
)

LATER = ("activity", "traces", "tables", "startup")
"""Ports that the older recordings do not have: what they tell is beside the story, and missing there."""

SUPPOSED: Mapping[str, Callable[..., Any]] = {
    "ownership.of": lambda _path: [[], False],
    "ownership.executable": lambda _pid: 0,
    "ownership.real": lambda path: path,
    "startup.running": list,
    "files.read /proc/self/mounts": lambda _path: "",
    "files.read /proc/pressure/memory": lambda _path: "",
    "files.read /proc/pressure/io": lambda _path: "",
}
"""What the hosts would have answered that were recorded before they were asked (by port and method, or by the whole
question): nobody but root had set up anything that a plan of theirs names, and none was short of memory or its disk, or
had a process hidden by a mount."""

TYPED: Mapping[str, Callable[[Any], Any]] = {
    "manager.unit": units.parse,
    "users.unit": units.parse,
    "supervisors.supervisord": program_states.parse,
    "startup.found": startup.parse,
    "startup.running": running_scripts.parse,
    "ownership.of": lambda told: ownership.Holders(tuple(told[0]), told[1]),
}
"""Questions whose answers are read into a type; a recording holds them as they came."""

Answers = dict[str, list[dict[str, Any]]]


class NotRecordedError(LookupError):
    """The explanation asks something that it did not ask when the host was recorded: record it anew."""


class _Recording:
    """Passes every call on to the real port and writes down what it answered."""

    def __init__(self, port: str, inner: object, asked: Answers) -> None:
        self._port, self._inner, self._asked = port, inner, asked

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            answers = self._asked.setdefault(_question(self._port, method, arguments), [])
            try:
                value = getattr(self._inner, method)(*arguments)
            except OSError as fault:
                answers.append({"errno": fault.errno})
                raise
            except Unanswered as fault:
                answers.append({"gap": [fault.gap.source, fault.gap.problem, fault.gap.fix]})
                raise
            answers.append({"value": _storable(value)})
            return value

        return call


class _Replaying:
    """Answers from a recording."""

    def __init__(self, port: str, asked: Answers) -> None:
        self._port, self._asked = port, asked
        self._turn: dict[str, int] = {}

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            question = _question(self._port, method, arguments)
            answers = self._asked.get(question)
            supposed = SUPPOSED.get(question) or SUPPOSED.get(f"{self._port}.{method}")
            if not answers and supposed is not None:
                answers = [{"value": supposed(*arguments)}]
            if not answers and self._port in LATER:
                raise Unanswered(Gap(self._port, "it was not recorded", "record the host anew"))
            if not answers:
                raise NotRecordedError(question)
            turn = self._turn.get(question, 0)
            self._turn[question] = turn + 1
            value = _answer(answers[min(turn, len(answers) - 1)])
            typed = TYPED.get(f"{self._port}.{method}")
            return value if typed is None or value is None else typed(value)

        return call


def _question(port: str, method: str, arguments: tuple[Any, ...]) -> str:
    return " ".join([f"{port}.{method}", *(str(argument) for argument in arguments)])


def _storable(value: Any) -> Any:
    if isinstance(value, Size):
        return {"size": [value.bytes, value.at_least, value.last_write]}
    if isinstance(value, units.Unit):
        return value.answered
    if isinstance(value, ownership.Holders):
        return [list(value.uids), value.anyone]
    if isinstance(value, tuple) and all(isinstance(each, program_states.ProgramState) for each in value):
        return [each._asdict() for each in value]
    return value


def _answer(answer: Mapping[str, Any]) -> Any:
    if "errno" in answer:
        raise OSError(answer["errno"], os.strerror(answer["errno"]))
    if "gap" in answer:
        raise Unanswered(Gap(*answer["gap"]))
    value = answer["value"]
    if isinstance(value, dict) and set(value) == {"size"}:
        return Size(*value["size"])
    return value


def _world(port: Callable[[str, object], object], host: str, real: World | None) -> World:
    def make(name: str) -> object:
        return port(name, getattr(real, name, None))

    return World(
        cast(Files, make("files")),
        cast(Engine, make("engine")),
        cast(Manager, make("manager")),
        cast(Clock, make("clock")),
        cast(Clients, make("clients")),
        host,
        users=cast(UserManagers, make("users")),
        journal=cast(Journal, make("journal")),
        supervisors=cast(Supervisors, make("supervisors")),
        podman=cast(Podman, make("podman")),
        activity=cast(Activity, make("activity")),
        traces=cast(Traces, make("traces")),
        ownership=cast(Ownership, make("ownership")),
        tables=cast(OwnTables, make("tables")),
        startup=cast(StartFiles, make("startup")),
    )


def recorder(real: World) -> tuple[World, Answers]:
    """A world that behaves as `real` and fills the returned answers."""
    asked: Answers = {}
    return _world(lambda name, inner: _Recording(name, inner, asked), real.host, real), asked


def replay(recording: Mapping[str, Any]) -> World:
    """A world that answers from a recording. Raises NotRecordedError for a question that it does not hold."""
    asked: Answers = recording["asked"]
    return _world(lambda name, _inner: _Replaying(name, asked), str(recording["host"]), None)
