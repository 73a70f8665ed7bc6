"""Substitutions that are answered by asking: how many words they are to the command that they stand in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from preflight.docker_world import FakeEngine, make_world

from runaway_watchdog.preflight.sequence import Shell, judge


@dataclass
class RunningEngine(FakeEngine):
    """Running containers of these names, and nothing else."""

    names: Sequence[str] = ()

    def version(self) -> Mapping[str, Any]:
        return {"ApiVersion": "1.41"}

    def containers(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"Id": f"{name}{'0' * 64}"[:64], "Names": [f"/{name}"], "Image": "bb", "ImageID": "x", "State": "running"}
            for name in self.names
        ]

    def volumes(self) -> Sequence[Mapping[str, Any]]:
        return ()

    images = networks = services = volumes


def removed(line: str, *names: str) -> list[str]:
    """The containers that the line removes where these run."""
    world = make_world(engine=cast(Any, RunningEngine(names=names)))
    found = judge(line, world, Shell({}, "/srv", "/root"))
    return sorted(effect.name for effect in found.effects if effect.verb == "remove")


@pytest.mark.parametrize(
    "line",
    [
        "docker rm -f $(docker ps -aq)",
        "ids=$(docker ps -aq); docker rm -f $ids",
        'ids="$(docker ps -aq)"; docker rm -f $ids',
        'for c in $(docker ps -aq); do docker rm -f "$c"; done',
        'docker ps -aq | while read -r c; do docker rm -f "$c"; done',
        "docker ps -aq | xargs docker rm -f",
        "cd / && docker ps -aq | xargs docker rm -f",
        "docker stop $(docker ps -q) && docker rm $(docker ps -aq)",
        "if true; then docker rm -f $(docker ps -aq); fi",
        "set -e; true; docker rm -f `docker ps -aq`",
        'f() { docker rm -f "$@"; }; f $(docker ps -aq)',
    ],
)
def test_every_word_of_the_answer_counts(line: str) -> None:
    """Unquoted, or taken one after the other."""
    assert removed(line, "a", "b") == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        'docker rm -f "$(docker ps -aq)"',
        'ids=$(docker ps -aq); docker rm -f "$ids"',
        'f() { docker rm -f "$1"; }; f "$(docker ps -aq)"',
    ],
)
def test_a_quoted_answer_is_one_word(line: str) -> None:
    """Two IDs in one word name no container; a single one does."""
    assert removed(line, "a", "b") == []
    assert removed(line, "a") == ["a"]
