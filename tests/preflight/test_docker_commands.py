"""docker rm, stop, rmi … without an engine: what is refused, what is unknown, which engine it speaks to."""

import hashlib
import json

import pytest
from hypothesis import given, strategies as st
from preflight.docker_world import (
    UNLABELLED,
    FakeClients,
    FakeEngine,
    FakeFiles,
    foretell,
    lost,
    make_command,
    make_container,
    make_host,
    make_volume,
    make_world,
    told,
)

from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.docker import answers as answers_docker, command as docker
from runaway_watchdog.effects.podman import command as podman
from runaway_watchdog.engines.kept import Image, Network, Service
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import risk

IMAGES = (
    Image("sha256:bb", ("bb:1", "bb:alias")),
    Image("sha256:ee", ("spare:latest",), ("spare@sha256:00",)),
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker rm up", []),
        ("docker rm down", ["down"]),
        ("docker rm -f up down nosuch", ["up", "down"]),
        ("docker rm --force=false up", []),
        ("docker container rm -f /up", ["up"]),
        ("docker rm -f up0", ["up"]),  # a prefix of its ID
        ("docker --debug --host unix:///var/run/docker.sock rm -f up", ["up"]),
    ],
)
def test_docker_rm(line: str, expected: list[str]) -> None:
    """One that runs is refused without force; named volumes stay."""
    host = make_host(
        make_container("up", volumes=("data",)), make_container("down", "exited"), volumes=[make_volume("data")]
    )
    outcome = foretell(line, host)
    assert [name for _, _, name in told(outcome)] == expected
    assert not outcome.unknown and not lost(outcome)
    assert {each.name for each in outcome.host.docker.containers} == {"up", "down"} - set(expected)


def test_rm_v_takes_what_was_given_no_name() -> None:
    """A volume whose name is among the container's mounts stays, even one that looks anonymous."""
    other = "ef" * 32
    host = make_host(
        make_container("db", volumes=(UNLABELLED, other, "data", "shared")),
        make_container("idle", "exited", volumes=("shared",)),
        volumes=[make_volume(name) for name in (UNLABELLED, other, "data", "shared")],
    )
    container = host.docker.containers[0]
    binds = {"HostConfig": {"Binds": ["data:/data"], "Mounts": [{"Type": "volume", "Source": other}]}}
    outcome = foretell("docker rm -fv db", host, make_world(engine=FakeEngine(inspections={container.id: binds})))
    assert lost(outcome) == [UNLABELLED]


def test_stopping_what_was_created_with_rm_removes_it() -> None:
    """With its anonymous volumes; its named ones stay."""
    host = make_host(
        make_container("once", volumes=(UNLABELLED, "data")), volumes=[make_volume(UNLABELLED), make_volume("data")]
    )
    inspection = {"HostConfig": {"AutoRemove": True, "Binds": ["data:/data"]}}
    engine = FakeEngine(inspections={host.docker.containers[0].id: inspection})
    outcome = foretell("docker stop once", host, make_world(engine=engine))
    assert told(outcome) == [("remove", "container", "once"), ("delete", "volume", UNLABELLED)]


def test_a_new_name_is_known_to_the_next_command() -> None:
    """And the old one to none any more."""
    host = foretell("docker rename up down", make_host(make_container("up", id="f" * 64))).host
    assert told(foretell("docker rm -f down", host)) == [("remove", "container", "down")]
    assert not foretell("docker rm -f up", host).effects


def test_a_volume_over_a_device_loses_nothing() -> None:
    """The local driver with a device only forgets where the data is."""
    host = make_host(
        volumes=[make_volume("bound", options={"device": "/srv/data", "o": "bind"}), make_volume("nfs", driver="x")]
    )
    outcome = foretell("docker volume rm bound nfs", host)
    assert lost(outcome) == ["nfs"]
    assert "/srv/data" in outcome.effects[0].why


def test_a_volume_in_memory_is_empty_once_nobody_runs_with_it() -> None:
    """So its removal loses nothing; the stop of its last user says what goes."""
    memory = make_volume("ram", options={"type": "tmpfs", "device": "tmpfs"})
    assert lost(foretell("docker volume rm ram", make_host(volumes=[memory]))) == []
    one, two = make_container("one", volumes=("ram",)), make_container("two", volumes=("ram",))
    host = make_host(one, two, volumes=[memory])
    assert "ram" not in foretell("docker stop one", host).effects[0].why
    assert all("volume ram" in each.why for each in foretell("docker stop one two", host).effects)
    assert "volume ram" in foretell("docker restart one", make_host(one, volumes=[memory])).effects[0].why


@pytest.mark.parametrize(
    ("client", "line", "happens"),
    [
        ("20.10.24", "docker network rm -f lonely", False),
        ("23.0.0", "docker network rm -f lonely", True),
        ("20.10.24", "docker stop -s KILL up", False),
        ("26.1.5", "docker stop -s KILL up", True),
        ("26.1.5", "docker restart --timeout 1 up", False),
        ("28.5.2", "docker restart --timeout 1 up", True),
        ("20.10.24", "docker stop -t 1 up", True),
    ],
)
def test_an_option_that_this_docker_command_does_not_have(client: str, line: str, happens: bool) -> None:
    """It prints its usage and does nothing."""
    host = make_host(make_container("up"), networks=(Network("1", "lonely"),))
    outcome = foretell(line, host, make_world(clients=FakeClients(docker=client)))
    assert bool(outcome.effects) == happens and not outcome.unknown


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker service rm api", [("remove", "container", "task"), ("delete", "volume", UNLABELLED)]),
        ("docker service scale api=0", [("remove", "container", "task"), ("delete", "volume", UNLABELLED)]),
        (
            "docker stack rm shop",
            [("delete", "host", "stack shop"), ("remove", "container", "task"), ("delete", "volume", UNLABELLED)],
        ),
        ("docker stack rm nosuch", []),
        ("docker swarm leave", []),
        ("docker swarm join-token --rotate worker", [("change", "host", "swarm join-token worker")]),
        ("docker swarm unlock-key --rotate", [("change", "host", "swarm unlock-key")]),
        ("docker swarm ca --rotate -q", [("change", "host", "swarm ca")]),
        ("docker swarm unlock-key", []),
        ("docker buildx history rm abc", [("delete", "host", "build record abc")]),
        ("docker buildx history rm --all", [("delete", "host", "build record of every build")]),
        ("docker swarm leave -f", [("delete", "host", "swarm state"), ("remove", "container", "task")]),
        *[
            (f"docker service {line}", [("remove", "container", "task"), ("delete", "volume", UNLABELLED)])
            for line in (
                "update --force api",
                "update --image bb:2 api",
                "update --env-add A=b -d api",
                "update --rollback api",
                "update --mount-add type=volume,source=x,target=/x api",
                "update --replicas 0 api",
                "rollback api",
                "update --limit-memory 1g api",
                "update --publish-add 80:80 api",
                "update --secret-rm shop_key api",
            )
        ],
        *[
            (line, [])
            for line in (
                "docker service update --replicas 3 api",
                "docker service update --label-add a=b api",
                "docker service update --update-delay 5s api",
                "docker service update api",
                "docker service update nosuch",
                "docker service update --force nosuch",
                "docker service rollback nosuch",
                "docker service create bb:1",
                "docker stack deploy -c x.yml new",
                "docker secret rm shop_key",
                "docker node promote n",
                "docker node update --availability active self",
                "docker node update --label-add a=b self",
                "docker swarm join-token worker",
                "docker context use x",
                "docker buildx bake",
                "docker checkpoint ls task",
            )
        ],
        (
            "docker node update --availability drain self",
            [("remove", "container", "task"), ("delete", "volume", UNLABELLED)],
        ),
        ("docker node rm other", [("remove", "host", "node other")]),
        ("docker secret rm unused", [("delete", "host", "secret unused")]),
        ("docker config rm unused", [("delete", "host", "config unused")]),
        ("docker context rm far", [("delete", "host", "context far")]),
        ("docker buildx rm b", [("prune", "image", "builder b")]),
        ("docker checkpoint rm task c1", [("delete", "container", "checkpoint c1 of task")]),
        ("docker checkpoint create task c1", [("stop", "container", "task")]),
        ("docker checkpoint create --leave-running task c1", []),
    ],
)
def test_a_swarm_of_one(line: str, expected: list[tuple[str, str, str]]) -> None:
    """Its agent takes a task's anonymous volumes along; an engine that leaves the swarm does not. A secret is lost."""
    secrets = frozenset(("shop_key", "common"))
    labels = {"com.docker.stack.namespace": "shop"}
    task = make_container(
        "task",
        volumes=(UNLABELLED, "data"),
        labels={"com.docker.swarm.service.name": "api"},
        unnamed=frozenset({UNLABELLED}),
    )
    host = make_host(
        task,
        volumes=[make_volume(UNLABELLED), make_volume("data")],
        services=(Service("1", "api", labels, secrets, frozenset(), "any", None, 0),),
        swarm="manager",
    )
    outcome = foretell(line, host)
    assert (told(outcome), bool(outcome.unknown)) == (expected, line == "docker swarm leave -f")
    assert all("shop_key" in each.why and "common" not in each.why for each in outcome.effects if "stack" in each.name)


@pytest.mark.parametrize(
    ("line", "risky"),
    [
        ("docker stack deploy -c x.yml shop", "low"),
        ("docker service scale api=1", "high"),
        ("docker service update --replicas 1 api", "high"),
        ("docker node update --availability drain other", "high"),
        ("docker plugin rm p", "high"),
        ("docker service update --force $S", "high"),
    ],
)
def test_what_the_swarm_decides_is_not_known(line: str, risky: str) -> None:
    """Which task goes, and what ends on other nodes."""
    tasks = [make_container(name, labels={"com.docker.swarm.service.name": "api"}) for name in ("one", "two")]
    service = Service("1", "api", {"com.docker.stack.namespace": "shop"}, frozenset(), frozenset(), "any", None, 0)
    host = make_host(*tasks, services=(service,), swarm="manager")
    command = make_command(line)
    words = tuple(word._replace(text=None) if word.raw == "$S" else word for word in command.words)
    outcome = docker.effects(command._replace(words=words), host, make_world())
    assert (outcome.effects, risk(outcome.unknown)) == ((), risky)


@pytest.mark.parametrize(
    ("line", "expected", "left"),
    [
        ("docker rmi bb:1", ["bb:1"], 2),
        ("docker rmi bb:1 bb:alias", ["bb:1"], 2),  # the last name of an image in use is refused
        ("docker rmi -f bb:1 bb:alias", ["bb:1", "bb:alias"], 2),  # and with force it stays without a name
        ("docker rmi -f sha256:bb", [], 2),
        ("docker rmi spare", ["spare:latest"], 1),
        ("docker image rm ee", ["spare:latest"], 1),
        ("docker image prune -af", ["bb:1", "spare:latest"], 1),  # one name of two goes, though the image is in use
        ("docker image prune -f", [], 2),
    ],
)
def test_images(line: str, expected: list[str], left: int) -> None:
    """An image that a running container is made of keeps its content, whatever is removed."""
    outcome = foretell(line, make_host(make_container("up"), images=IMAGES))
    assert [name for _, _, name in told(outcome)] == expected
    assert len(outcome.host.docker.images) == left and not lost(outcome)


@pytest.mark.parametrize(
    "line",
    [
        "docker frobnicate x",
        "docker rm --odd x",
        "docker plugin rm x",
        "docker volume update x",
        "docker run -v /:/host bb rm -rf /host",
        "docker run --privileged bb",
        "docker run bb psql -h db",
        "docker exec up sh -c x",
        "docker cp - up:/etc",
        "docker rm --link a",
        "docker -H ssh://other rm x",
        "docker --context far rm x",
        "docker --odd rm x",
        "podman rm x",
        "podman system reset -f",
    ],
)
def test_what_cannot_be_told_is_unknown(line: str) -> None:
    """With a sentence, and never called safe."""
    words = tuple(Word(word, word) for word in line.split())
    family = podman if words[0].text == "podman" else docker
    outcome = family.effects(Command(words, folder="/srv", text=line), make_host(make_container("up")), make_world())
    assert outcome.unknown and not outcome.effects


@pytest.mark.parametrize(
    "line",
    [
        "docker",
        "docker --help",
        "docker rm --help",
        "docker ps -a",
        "docker logs -f x",
        "docker inspect x",
        "docker stats",
        "docker images",
        "docker events",
        "docker version",
        "docker info",
        "docker system df",
        "docker volume",
        "docker volume ls",
        "docker pull bb",
        "docker build .",
        "docker run bb",
        "docker run --rm --network none -v data:/v:ro bb tar c /v",
        "podman ps -a",
        "podman volume --help",
    ],
)
def test_what_only_looks_or_adds_is_safe(line: str) -> None:
    """No effect and nothing unknown."""
    words = tuple(Word(word, word) for word in line.split())
    family = podman if words[0].text == "podman" else docker
    outcome = family.effects(Command(words, folder="/srv", text=line), make_host(), make_world())
    assert not outcome.effects and not outcome.unknown


def test_an_engine_that_does_not_answer_is_unknown() -> None:
    """Never safe."""
    outcome = docker.effects(
        Command((Word("docker", "docker"), Word("rm", "rm"), Word("x", "x"))), HostState(), make_world()
    )
    assert "no Docker Engine answers" in outcome.unknown[0]


def test_a_word_that_is_not_known_is_said() -> None:
    """The known ones are judged all the same."""
    words = (Word("docker", "docker"), Word("rm", "rm"), Word("-f", "-f"), Word(None, "$X"), Word("up", "up"))
    outcome = docker.effects(Command(words), make_host(make_container("up")), make_world())
    assert "$X" in outcome.unknown[0] and told(outcome) == [("remove", "container", "up")]


def context_files(address: str) -> dict[str, str]:
    name = hashlib.sha256(b"far").hexdigest()
    meta = {"Endpoints": {"docker": {"Host": address}}}
    return {
        "/root/.docker/config.json": json.dumps({"currentContext": "far"}),
        f"/root/.docker/contexts/meta/{name}/meta.json": json.dumps(meta),
    }


@pytest.mark.parametrize(
    ("address", "variables", "known"),
    [
        ("unix:///var/run/docker.sock", {}, True),
        ("ssh://other", {}, False),
        ("ssh://other", {"DOCKER_HOST": "unix:///run/docker.sock"}, True),
        ("unix:///var/run/docker.sock", {"DOCKER_HOST": "tcp://other:2375"}, False),
        ("unix:///var/run/docker.sock", {"DOCKER_CONTEXT": "gone"}, False),
        ("ssh://other", {"DOCKER_CONTEXT": "default"}, True),
    ],
)
def test_which_engine_it_speaks_to(address: str, variables: dict[str, str], known: bool) -> None:
    """DOCKER_HOST, then DOCKER_CONTEXT, then what `docker context use` chose."""
    world = make_world(files=FakeFiles(context_files(address), variables))
    outcome = foretell("docker rm -f up", make_host(make_container("up")), world)
    assert bool(outcome.effects) == known and bool(outcome.unknown) != known


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("docker ps -aq", ("idle00000000", "up0000000000")),
        ("docker ps -q", ("up0000000000",)),
        ("docker ps -aq --no-trunc --filter name=^/up$", ("up" + "0" * 62,)),
        ("docker ps -aq -f status=exited", ("idle00000000",)),
        ("docker ps -a --format {{.Names}}", ("idle", "up")),
        ("docker container ls -q --filter label=nosuch", ()),
        ("docker volume ls -q", ("data", "free")),
        ("docker volume ls -qf dangling=true", ("free",)),
        ("docker images -q", ("bb", "bb", "ee")),
        ("docker network ls -q", ()),
        ("docker compose -p shop ps -aq", ()),
        ("docker ps", None),
        ("docker ps -q --filter since=x", None),
        ("docker -H ssh://other ps -q", None),
        ("docker compose ps -aq nosuch --odd", None),
        ("echo x", None),
    ],
)
def test_answers(line: str, expected: tuple[str, ...] | None) -> None:
    """What the command would print, or None."""
    host = make_host(
        make_container("up", volumes=("data",), created=1.0),
        make_container("idle", "exited", created=2.0),
        volumes=[make_volume("free"), make_volume("data")],
        images=IMAGES,
    )
    words = tuple(Word(word, word) for word in line.split())
    assert answers_docker.answer(Command(words, folder="/srv"), host, make_world()) == expected


WORDS = ["rm", "-f", "-v", "--volumes", "-p", "--", "=", "volume", "prune", "compose", "down", "exec"]
words = st.lists(
    st.one_of(st.sampled_from(WORDS), st.text()),
    max_size=6,
)


@given(words)
def test_no_words_break_it(given_words: list[str]) -> None:
    """Whatever the words: an answer; and what is not known is never called safe."""
    command = Command(tuple(Word(word, word) for word in ["docker", *given_words]), folder="/srv")
    outcome = docker.effects(command, make_host(make_container("up"), volumes=[make_volume("free")]), make_world())
    assert isinstance(outcome.unknown, tuple)
    answers_docker.answer(command, make_host(), make_world())
