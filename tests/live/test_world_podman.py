"""Podman asked for real, by a stand-in that says what it is told to and notes how it was asked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runaway_watchdog.world import Unanswered, podman
from runaway_watchdog.world.podman import LivePodman

Make = Callable[[str], LivePodman]

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    return tmp_path / "asked"


@pytest.fixture
def make(tmp_path: Path, asked: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A Podman that was used before, whose program is this shell script."""
    storage = tmp_path / "storage"
    storage.mkdir()
    monkeypatch.setattr(podman, "ROOTS_STORAGE", str(storage))
    monkeypatch.setattr(podman, "ROOTS_CONFIGURATION", (str(tmp_path / "storage.conf"),))
    monkeypatch.setattr(LivePodman, "rootless", lambda _: False)

    def program(script: str) -> LivePodman:
        file = tmp_path / "podman"
        file.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n{script}\n')
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return LivePodman({"PATH": f"{tmp_path}:/usr/bin:/bin", "CONTAINER_HOST": "ssh://elsewhere"})

    return program


def test_one_question_is_asked_once(make: Make, asked: Path) -> None:
    """Its answer is kept, and no variable sends the question to another host."""
    found = make('test -z "$CONTAINER_HOST" && echo \'[{"Name": "a"}]\'')
    assert [found.volumes(), found.volumes()] == [[{"Name": "a"}]] * 2
    assert asked.read_text().splitlines() == ["volume ls --format json"]


def test_all_containers_are_inspected_at_once(make: Make, asked: Path) -> None:
    """By ID, name or the start of an ID; without what may hold secrets."""
    listed = json.dumps([{"Id": "aa11"}, {"Id": "bb22"}])
    whole = json.dumps([
        {"Id": "aa11", "Name": "web", "Args": ["--password=x"], "Config": {"Env": ["TOKEN=x"], "Labels": {"a": "b"}}},
        {"Id": "bb22", "Name": "db", "Config": {"CreateCommand": ["-e", "TOKEN=x"]}},
    ])  # fmt: skip
    found = make(f"case $1 in ps) echo '{listed}';; *) echo '{whole}';; esac")
    assert found.container("web") == found.container("aa11") == found.container("aa")
    assert found.container("web") == {"Id": "aa11", "Name": "web", "Config": {"Labels": {"a": "b"}}}
    assert found.container("db") == {"Id": "bb22", "Name": "db", "Config": {}}
    assert found.container("none") is None
    assert len(asked.read_text().splitlines()) == 2


def test_one_that_was_never_used_is_not_started(make: Make, asked: Path, tmp_path: Path) -> None:
    """Its first start would make its folders; where the configuration puts them elsewhere, there is looked."""
    found = make("echo '[]'")
    (tmp_path / "storage").rmdir()
    assert (found.containers(), found.volumes(), found.pods()) == ((), (), ())
    (tmp_path / "storage.conf").write_text(f'[storage]\ngraphroot = "{tmp_path / "elsewhere"}"\n')
    assert found.images() == ()
    assert not asked.exists()
    (tmp_path / "elsewhere").mkdir()
    found.images()
    assert asked.exists()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'Error: database is locked' >&2; exit 125", "Error: database is locked"),
        ("echo nonsense", "it says nothing that can be read"),
        ("exit 0", "it says nothing that can be read"),
        ("trap '' ALRM; sleep 20", "it did not answer within 2 s"),
    ],
)
def test_no_answer_is_a_gap(make: Make, asked: Path, script: str, problem: str) -> None:
    """It is told once, with its mend, and not asked for again."""
    found = make(script)
    for question in (found.volumes, found.containers, found.version):
        with pytest.raises(Unanswered) as raised:
            question()
        assert raised.value.gap.problem == problem
        assert "podman" in raised.value.gap.fix
    assert len(asked.read_text().splitlines()) == 1


def test_a_program_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, with its mend."""
    monkeypatch.setattr(podman, "ROOTS_STORAGE", str(tmp_path))
    monkeypatch.setattr(LivePodman, "rootless", lambda _: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unanswered) as raised:
        LivePodman({"PATH": str(tmp_path)}).pods()
    assert raised.value.gap.fix == "install it"
