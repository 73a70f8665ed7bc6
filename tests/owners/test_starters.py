"""Lines of units, crontabs and hooks that start a container, and those that only look like it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.builders import make_membership
from support.made_world import made_world

from runaway_watchdog.engines.model import Container
from runaway_watchdog.owners.docker import compose, container_starters as starters

NAME = "shop-web-1"
SHOP = make_membership(project="shop", service="web", working_dir="/srv/shop", config_files=("/srv/shop/compose.yml",))
STARTS = [
    "docker start shop-web-1",
    "/usr/bin/docker restart other shop-web-1",
    "docker run -d --name shop-web-1 bb:1",
    "docker run --name=shop-web-1 bb:1",
    "cd /srv/shop && docker compose up -d",
    "cd /srv && cd shop; docker-compose up -d --build",
    "docker compose -f /srv/shop/compose.yml up -d",
    "docker compose -p shop up -d",
    "docker compose --project-directory /srv/shop up web",
    "docker -H unix:///run/x.sock compose -p shop restart",
]
NOT = [
    "docker exec shop-web-1 npm run start",
    "docker compose -p shop exec web start",
    "docker compose -p shop run web start",
    "docker compose -p shop stop",
    "docker compose -p other up -d",
    "cd /srv/other && docker compose up -d",
    "docker compose up -d",
    "cd /srv/shop && docker compose up -d worker",
    "docker start shop-web-10",
    "docker run --name shop-web-2 shop-web-1",
    "echo docker start shop-web-1 # no",
    "cd /srv/shop && ./compose up",
    "docker start 'shop-web-1",
]


@pytest.mark.parametrize("line", STARTS)
def test_a_line_that_starts_it(line: str) -> None:
    """By its name, its folder, its file or its project."""
    assert any(starters.fits(order, NAME, SHOP) for order in starters.orders(line))


@pytest.mark.parametrize("line", NOT)
def test_a_near_miss_starts_nothing(line: str) -> None:
    """What runs inside it, another project, another service, a name that is longer."""
    assert not any(starters.fits(order, NAME, SHOP) for order in starters.orders(line))


@given(st.text(max_size=300))
def test_any_line_is_read_without_harm(line: str) -> None:
    """A crontab holds whatever people typed."""
    for order in starters.orders(line):
        starters.fits(order, NAME, SHOP)


def found(texts: dict[str, str], units: dict[str, Any] | None = None) -> list[starters.Starter]:
    return list(starters.starting(NAME, SHOP, made_world([], texts=texts, units=units)))


def test_a_crontab_revives_it_and_reboot_lines_only_at_boot() -> None:
    """The script that a line calls is read too; a comment is none."""
    script = {"/usr/local/bin/keep": "#!/bin/sh\nset -e\ncd /srv/shop\ndocker compose up -d\n"}
    (minute,) = found({"/etc/cron.d/a": "# docker start shop-web-1\n* * * * * root /usr/local/bin/keep\n", **script})
    assert (minute.name, minute.revives, minute.at_boot) == ("line 2 of /etc/cron.d/a", True, False)
    assert [step.command.count("sed '2s/^/# held: /'") for step in minute.close] == [1]
    (boot,) = found({"/var/spool/cron/crontabs/root": "@reboot docker start shop-web-1\n"})
    assert (boot.revives, boot.at_boot) == (False, True)
    assert found({"/etc/cron.d/a": "* * * * * root docker exec shop-web-1 true\n"}) == []


UNIT = "[Service]\nWorkingDirectory=/srv/shop\nExecStart=/usr/bin/docker compose \\\n  up{}\nRestart=always\n"


def test_a_unit_in_the_foreground_revives_it() -> None:
    """With Restart=always; one that only starts it in the background does so at boot."""
    units = {"shop.service": {"ActiveState": "active", "Restart": "always", "UnitFileState": "enabled"}}
    (attached,) = found({"/etc/systemd/system/shop.service": UNIT.format("")}, units)
    assert (attached.unit, attached.revives, attached.at_boot) == ("shop.service", True, True)
    (behind,) = found({"/etc/systemd/system/shop.service": UNIT.format(" -d")}, units)
    assert (behind.revives, behind.at_boot) == (False, True)


def test_a_git_hook_is_told_as_a_deploy() -> None:
    """Beside the work tree, or the bare repository of the same name."""
    (hook,) = found({"/srv/shop.git/hooks/post-receive": "#!/bin/sh\ncd /srv/shop\ndocker compose up -d --build\n"})
    assert not hook.revives
    assert "at each push" in hook.does


# --- Compose files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("services:\n  web:\n    image: x\n  'old one':\n  db:\n", {"web", "db"}),
        (
            "name: x\nservices:\n    web: {image: x}\n    # gone:\n    db: &b\n      image: y\nvolumes:\n    data:\n",
            {"web", "db"},
        ),
        ("volumes:\n  web:\nservices:\n", set()),
        ("services: {web: {image: x}}\n", set()),  # Compose itself is asked then
        ("", set()),
    ],
)
def test_the_services_of_an_ordinary_file(text: str, expected: set[str]) -> None:
    """What the text does not show is left to Compose."""
    assert compose.services(text) == expected


@given(st.text(max_size=300))
def test_any_file_is_read_without_harm(text: str) -> None:
    """A Compose file is others' text."""
    compose.services(text)


PREFIX = "com.docker.compose.project"


@pytest.mark.parametrize(
    ("files", "folder", "expected"),
    [
        ("/srv/a/x.yml,/srv/a/y.yml", "/srv/a", ["/srv/a/x.yml", "/srv/a/y.yml"]),
        ("/srv/my dir, x/compose.yml", "/srv/my dir, x", ["/srv/my dir, x/compose.yml"]),
        ("docker-compose.yml", "/srv/a", ["/srv/a/docker-compose.yml"]),
        ("", "/srv/a", []),
    ],
)
def test_compose_files_are_told_whole(files: str, folder: str, expected: list[str]) -> None:
    """A path may hold a comma, and Compose v1 wrote what was typed."""
    assert compose.config_files({f"{PREFIX}.config_files": files, f"{PREFIX}.working_dir": folder}) == expected


def labels(**more: str) -> dict[str, str]:
    named = {
        PREFIX: "shop", "com.docker.compose.service": "web", f"{PREFIX}.working_dir": "/srv/shop",
        f"{PREFIX}.config_files": "/srv/shop/compose.yml",
    }  # fmt: skip
    return named | {key.replace("_", "."): value for key, value in more.items()}


def read(of: dict[str, str], text: str | None, *others: Container) -> compose.Membership:
    texts = {} if text is None else {"/srv/shop/compose.yml": text}
    return compose.read(of, others, made_world([], texts=texts))


def test_down_takes_what_is_in_the_file() -> None:
    """Nothing is told of an ordinary service."""
    assert read(labels(), "services:\n  web:\n").down == ()


def test_what_cannot_be_told_is_not_told() -> None:
    """A file that is gone, and a service that only Compose could find, which does not answer here."""
    gone = read(labels(), None)
    assert (gone.in_files, gone.missing_files, gone.down) == (None, ("/srv/shop/compose.yml",), ())
    assert read(labels(), "include: [more.yml]\n").in_files is None


def test_a_one_off_and_a_namesake_are_told() -> None:
    """`down` skips the one; another folder's `down` sees the other."""
    (one_off,) = read(labels(com_docker_compose_oneoff="True"), "services:\n  web:\n").down
    assert "compose run web" in one_off
    elsewhere = labels() | {f"{PREFIX}.working_dir": "/home/x/shop"}
    other = Container("b", "b", "", "", "running", elsewhere, (), (), ())
    (namesake,) = read(labels(), "services:\n  web:\n", other).down
    assert "/home/x/shop" in namesake
