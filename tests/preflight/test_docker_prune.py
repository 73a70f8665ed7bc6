"""What prune takes, by the API version that client and engine agree on."""

import pytest
from preflight.docker_world import (
    LABELLED,
    UNLABELLED,
    FakeClients,
    FakeFiles,
    foretell,
    lost,
    make_container,
    make_host,
    make_volume,
    make_world,
    told,
)

VOLUMES = (
    make_volume("named"),
    make_volume("kept"),
    make_volume(UNLABELLED),
    make_volume(LABELLED, labels={"com.docker.volume.anonymous": ""}),
)
EVERY = ["named", UNLABELLED, LABELLED]


@pytest.mark.parametrize(
    ("engine", "client", "pinned", "line", "expected"),
    [
        ((1, 41), "20.10.24", None, "docker volume prune -f", EVERY),
        ((1, 42), "23.0.0", None, "docker volume prune -f", [LABELLED]),
        ((1, 51), "28.5.2", None, "docker volume prune -f", [LABELLED]),
        ((1, 51), "28.5.2", None, "docker volume prune -af", EVERY),
        ((1, 51), "28.5.2", None, "docker volume prune -f --filter all=1", EVERY),
        ((1, 51), "20.10.24", None, "docker volume prune -f", EVERY),  # an old client asks in the old way
        ((1, 51), "20.10.24", None, "docker volume prune -af", []),  # and refuses -a
        ((1, 51), "28.5.2", "1.41", "docker volume prune -f", EVERY),
        ((1, 41), "28.5.2", None, "docker volume prune -f", EVERY),
        ((1, 41), "28.5.2", None, "docker volume prune -af", []),
        ((1, 41), "20.10.24", None, "docker volume prune -f --filter all=1", []),  # the engine refuses the filter
        ((1, 41), "20.10.24", None, "docker system prune -f --volumes", EVERY),
        ((1, 51), "28.5.2", None, "docker system prune -f --volumes", [LABELLED]),
        ((1, 51), "28.5.2", None, "docker system prune -af --volumes", [LABELLED]),
        ((1, 51), "20.10.24", None, "docker system prune -f --volumes", EVERY),
        ((1, 51), "28.5.2", None, "docker system prune -af", []),
        ((1, 41), "20.10.24", None, "docker volume prune -f --filter label=x", []),
        ((1, 41), "20.10.24", None, "docker volume prune --filter label!=com.docker.volume.anonymous", EVERY[:2]),
    ],
)
def test_which_volumes_prune_takes(
    engine: tuple[int, int], client: str, pinned: str | None, line: str, expected: list[str]
) -> None:
    """Named ones too before API 1.42, on whichever side the old version is; never one that a container refers to."""
    host = make_host(
        make_container("db", "exited" if "volume prune" in line else "running", volumes=("kept",)),
        volumes=VOLUMES,
        api=engine,
    )
    files = FakeFiles(variables={"DOCKER_API_VERSION": pinned} if pinned else {})
    outcome = foretell(line, host, make_world(files=files, clients=FakeClients(docker=client)))
    assert sorted(lost(outcome)) == sorted(expected)
    assert not outcome.unknown
    assert {each.name for each in outcome.host.docker.volumes} == {each.name for each in VOLUMES} - set(expected)


def test_what_each_alone_would_not_lose() -> None:
    """stop, container prune, volume prune: each opens the door for the next, and the lost volume knows its user."""
    host = make_host(make_container("db", volumes=("named",)), volumes=[make_volume("named")])
    assert lost(foretell("docker volume prune -f", host)) == []
    for line in ("docker stop db", "docker container prune -f"):
        outcome = foretell(line, host)
        assert not lost(outcome)
        host = outcome.host
    outcome = foretell("docker volume prune -f", host)
    assert [(effect.name, effect.used_by) for effect in outcome.effects] == [("named", ("db",))]


@pytest.mark.parametrize("words", ["--filter until=2020-01-01", "--filter until=$X", "--filter odd=1"])
def test_a_filter_that_is_not_understood_is_said(words: str) -> None:
    """Nothing is certain of what it leaves out."""
    host = make_host(make_container("db", "exited"))
    outcome = foretell(f"docker container prune -f {words}", host)
    assert outcome.unknown and not outcome.effects


def test_an_age_is_understood() -> None:
    """A container that was made two hours ago, and one of a minute ago."""
    old = make_container("old", "exited", created=1_800_000_000.0 - 7200)
    new = make_container("new", "exited", created=1_800_000_000.0 - 60)
    outcome = foretell("docker container prune -f --filter until=1h30m", make_host(old, new))
    assert told(outcome) == [("remove", "container", "old")]


def test_volumes_know_no_age() -> None:
    """The engine refuses the pair."""
    host = make_host(make_container("db", "exited"), volumes=[make_volume("named")])
    assert not foretell("docker system prune -f --volumes --filter until=1h", host).effects
