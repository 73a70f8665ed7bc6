"""Both sides of the comparison: what the product foretells of Docker commands in a box, and what became of things."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from e2e.docker_lines import Case
from e2e.docker_scene import INSIDE, KEPT, Happened, Seen, happened
from e2e.rig.box import Box
from e2e.rig.extras import Extra
from truth.preflight_rows import NOT_TOLD, NOTHING, told

PYTHON = "/opt/runaway-watchdog/bin/python"
ENGINES: dict[str, tuple[Extra, ...]] = {"old": (), "new": ("new-engine",)}
VERSIONS = {
    "engine": "docker version -f '{{.Server.Version}}'",
    "compose": "docker compose version --short",
    "docker-compose": "docker-compose version --short",
}
NAMELESS = {("image", "<none>:<none>")}
TASK = re.compile(r"(?<=\.\d)\.[a-z0-9]{25}$")
"""What a swarm adds to the name of a task's container."""
ANONYMOUS = re.compile(r"[0-9a-f]{64}")


def versions(box: Box) -> dict[str, str]:
    """Of the engine and of both Composes; Debian's suffix left out."""
    answers = {name: box.run(command).stdout.strip() for name, command in VERSIONS.items()}
    return {name: re.split("[+-]", answer)[0] for name, answer in answers.items()}


def used(versions: Mapping[str, str], case: Case) -> dict[str, str]:
    """The versions of the programs that the line names."""
    named = {
        "engine": True,
        "compose": "docker compose " in case.line,
        "docker-compose": "docker-compose " in case.line,
    }
    return {name: version for name, version in versions.items() if named[name]}


@dataclass(frozen=True)
class Told:
    """A foretelling, sorted by what becomes of the things that were there before."""

    document: Mapping[str, Any]

    def names(self, *verbs: str) -> set[str]:
        return {each["name"] for each in self.document["effects"] if each["verb"] in verbs}

    @property
    def effects(self) -> list[dict[str, Any]]:
        return list(self.document["effects"])

    @property
    def gone(self) -> set[tuple[str, str]]:
        return {(each["type"], each["name"]) for each in self.effects if each["verb"] in ("remove", "delete")}

    @property
    def lost(self) -> set[str]:
        return {each["name"] for each in self.effects if each["data_lost"]}


def foretold(box: Box, case: Case) -> Told:
    commands = [
        {"argv": shlex.split(each), "folder": case.folder, "environment": dict(case.environment)}
        for each in case.line.split("; ")
    ]
    return Told(json.loads(box.run([PYTHON, INSIDE], input=json.dumps(commands)).stdout))


def compared(said: Told, before: Seen, after: Seen) -> tuple[Happened, Happened]:
    """What really happened, and what was foretold of it."""
    really = without_remade(before, after, happened(before, after), said.gone)
    return really, foreseen(said, really)


def without_remade(before: Seen, after: Seen, really: Happened, gone: Collection[tuple[str, str]]) -> Happened:
    """What goes and is made again by the same line is another container under the same name: it did go."""
    again = {name for kind, name in gone if kind == "container" and name in after.containers}
    again = {name for name in again if before.containers[name][0] != after.containers[name][0]}
    removed = really.removed | {("container", name) for name in again}
    return Happened(removed - NAMELESS, really.stopped, really.restarted - again)


def foreseen(said: Told, really: Happened) -> Happened:
    """The same as `really`, if all that was foretold is true."""
    short = {name for kind, name in said.gone if kind == "image" and ":" not in name}  # nameless: it goes by its ID
    gone = {name for _, name in said.gone}
    return Happened(
        {each for each in said.gone if each[1] not in short and each[0] != "host"},
        {name for name in said.names("stop", "kill") if ("container", name) not in said.gone},
        # "It is started, or made anew if its definition changed" leaves both open.
        said.names("restart") - gone | really.restarted & said.names("change"),
    )


def summary(what: Happened, *, whole: bool = True) -> str:
    """For the page: names, and how many of those that have none of their own. Not `whole`: there may be more."""
    volumes = {name for kind, name in what.removed if kind == "volume"}
    others = [f"{kind} {TASK.sub('', name)}" for kind, name in what.removed if kind != "volume"]
    text = told(
        removes=others,
        deletes=shown(volumes - KEPT),
        unties=shown(volumes & KEPT),
        stops=what.stopped,
        restarts=what.restarted,
    )
    if whole:
        return text
    return NOT_TOLD if text == NOTHING else f"{text}; the rest: {NOT_TOLD}"


def shown(volumes: Iterable[str]) -> list[str]:
    counted = Counter("anonymous" if ANONYMOUS.fullmatch(name) else name for name in volumes)
    return [f"volume {name}" + (f" ({count})" if count > 1 else "") for name, count in counted.items()]
