"""`down ARG…` by the version of Compose, as facts of docker/compose's history."""

import pytest
from preflight.docker_world import FakeClients, foretell, lost, make_container, make_host, make_volume, make_world, told

from runaway_watchdog.effects.compose.down import wanted
from runaway_watchdog.effects.compose.project import Refused, parse_version

WHOLE: tuple[str, ...] = ()
REFUSED = None
LABEL = "com.docker.compose.project"


@pytest.mark.parametrize(
    ("version", "asked", "from_files", "expected"),
    [
        ("1.29.2", ["web"], True, REFUSED),
        ("2.0.0", ["web"], True, WHOLE),
        ("2.5.0", ["nosuch"], True, WHOLE),
        ("2.5.1", ["web"], True, REFUSED),
        ("2.18.1", ["web"], False, REFUSED),
        ("2.19.0", ["web"], True, ("web",)),
        ("2.26.1", ["nosuch"], True, REFUSED),
        ("2.26.1", ["nosuch"], False, WHOLE),
        ("2.26.1", ["nosuch", "web"], False, ("web",)),
        ("2.29.7", ["nosuch"], False, WHOLE),
        ("2.30.0", ["nosuch"], False, REFUSED),
        ("2.40.3", ["nosuch", "web"], False, ("web",)),
        ("2.40.3", [], False, WHOLE),
    ],
)
def test_what_a_word_after_down_takes(
    version: str, asked: list[str], from_files: bool, expected: tuple[str, ...] | None
) -> None:
    """The whole project, the service, or nothing."""
    if expected is None:
        with pytest.raises(Refused):
            wanted(parse_version(version), asked, {"web", "db"}, from_files=from_files)
    else:
        assert wanted(parse_version(version), asked, {"web", "db"}, from_files=from_files) == expected


@pytest.mark.parametrize(("version", "expected"), [("2.26.1", ["shop_data"]), ("2.40.3", []), ("2.10.0", [])])
def test_a_container_id_after_down(version: str, expected: list[str]) -> None:
    """The story's command: an ID is no service, and some versions then take the whole project with its data."""
    host = make_host(
        make_container("db", project="shop", volumes=("shop_data",)),
        volumes=[make_volume("shop_data", labels={LABEL: "shop"}), make_volume("other")],
    )
    world = make_world(clients=FakeClients(compose=version))
    outcome = foretell("docker compose -p shop down -v 21fe21fe21fe", host, world)
    assert lost(outcome) == expected and not outcome.unknown


def test_services_that_depend_on_it_go_too() -> None:
    """By labels, `down db` takes web as well, and every volume of the project that is then free."""
    depends = {"com.docker.compose.depends_on": "db:service_started:false"}
    web = make_container("web", project="shop")
    web = make_container("web", labels={**web.labels, **depends})
    host = make_host(
        web,
        make_container("db", project="shop", volumes=("data",)),
        make_container("log", project="shop", volumes=("logs",)),
        volumes=[make_volume(name, labels={LABEL: "shop"}) for name in ("data", "logs", "spare")],
    )
    outcome = foretell("docker compose -p shop down -v db", host)
    assert {name for _, kind, name in told(outcome) if kind == "container"} == {"web", "db"}
    assert lost(outcome) == ["data", "spare"]


def test_files_that_compose_cannot_read_are_unknown() -> None:
    """A fault in a file may be one that only we meet; no file at all is the same for everybody."""
    broken = make_world(clients=FakeClients(config={"error": "required variable TOKEN is missing a value"}))
    assert "TOKEN" in foretell("docker compose down -v", make_host(), broken).unknown[0]
    outcome = foretell("docker compose down -v", make_host(), make_world())
    assert not outcome.unknown and not outcome.effects


def test_without_files_the_variable_names_the_project() -> None:
    """COMPOSE_PROJECT_NAME: Compose 2 then goes by labels."""
    host = make_host(
        make_container("db", project="shop", volumes=("d",)), volumes=[make_volume("d", labels={LABEL: "shop"})]
    )
    outcome = foretell("docker compose down -v", host, environment=(("COMPOSE_PROJECT_NAME", "shop"),))
    assert lost(outcome) == ["d"]


@pytest.mark.parametrize(
    "line",
    [
        "docker compose down -v --dry-run",
        "docker compose --dry-run down -v",
        "docker compose ps -aq",
        "docker compose",
        "docker compose down --help",
        "docker compose config",
        "docker compose logs -f web",
        "docker-compose --version",
    ],
)
def test_what_only_looks_is_safe(line: str) -> None:
    """No effect, nothing unknown, and nothing is asked."""
    outcome = foretell(line, make_host())
    assert not outcome.effects and not outcome.unknown


@pytest.mark.parametrize(
    "line",
    [
        "docker compose watch",
        "docker compose scale web=0",
        "docker compose --odd down",
        "docker compose -f - down -v",
        "docker compose config -o x.yaml",
    ],
)
def test_what_cannot_be_told_is_unknown(line: str) -> None:
    """Each with a sentence that names the subcommand."""
    outcome = foretell(line, make_host())
    assert outcome.unknown and not outcome.effects


def test_an_unknown_folder_is_an_unknown_project() -> None:
    """After `cd $X` nobody knows which files Compose finds."""
    assert foretell("docker compose down -v", make_host(), folder=None).unknown
