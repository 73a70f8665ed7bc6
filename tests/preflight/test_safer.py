"""Proposals are for the same project, and touch nothing that is somebody's own."""

import pytest
from preflight.docker_world import make_host, make_world
from preflight.shell_notation import read

from runaway_watchdog.effects import HostState
from runaway_watchdog.model.command import Script
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.preflight.safer import safer
from runaway_watchdog.preflight.sequence import Preflight


def proposed(line: str, *lost: Effect) -> list[str]:
    """What is proposed, where every proposal is found to be safe."""
    preflight = Preflight(line, read(line), lost, (), make_host())
    return [
        each.command
        for each in safer(
            preflight, make_world(), None, lambda other: Preflight(other, Script(()), (), (), HostState())
        )
    ]


def path(name: str, *users: str, in_use: bool | None = None) -> Effect:
    return Effect("delete", "path", name, True, "it is deleted", Size(10), users, in_use)


@pytest.mark.parametrize(
    ("line", "proposal"),
    [
        ("docker compose down -v", "docker compose down"),
        ("cd /srv/blog && docker compose down -v", "cd /srv/blog && docker compose down"),
        ("cd '/a b'; X=1 COMPOSE_PROJECT_NAME=b docker compose down -v --rmi all",
         "cd '/a b' && COMPOSE_PROJECT_NAME=b X=1 docker compose down --rmi all"),
        ("docker rm -fv web", "docker rm -f web"),
        ("cd $X; docker compose down -v", None),
        ("COMPOSE_FILE=$X docker compose down -v", None),
        ("ssh host docker compose down -v", None),
    ],
)  # fmt: skip
def test_the_same_command_without_the_loss(line: str, proposal: str | None) -> None:
    """In its folder and with its variables; where those are not known none is made."""
    found = proposed(line, Effect("delete", "database", "x", True, "x"))
    assert found == ([] if proposal is None else [proposal])


@pytest.mark.parametrize(
    ("effect", "proposal"),
    [
        (path("/srv/old"), "mv -nT /srv/old /srv/old.old"),
        (path("/srv/up", "web"), "cp -aT /srv/up /srv/up.old"),
        (path("/var/log/x", in_use=True), "cp -aT /var/log/x /var/log/x.old"),
        (path("/srv/aes/no more drafts"), "mv -nT '/srv/aes/no more drafts' '/srv/aes/no more drafts.old'"),
        (path("/srv/aes/it empties it"), "mv -nT '/srv/aes/it empties it' '/srv/aes/it empties it.old'"),
        (path("/srv/a")._replace(more=3), None),
        (path("/srv/a")._replace(cause="overwritten"), "cp -aT /srv/a /srv/a.old"),
        (path("/var/lib/docker/volumes/metadata.db"), None),
        (Effect("delete", "path", "/dev/sdb", True, "x", Size(None)), None),
    ],
)
def test_what_is_used_is_copied_and_not_moved(effect: Effect, proposal: str | None) -> None:
    """Whoever uses a file loses it by another name just as well."""
    assert proposed("rm -rf x", effect) == ([] if proposal is None else [proposal])
