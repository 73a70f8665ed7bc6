"""Which of the files that Compose reads first would never end: looked at before it is asked, and never opened."""

import os
import socket
from pathlib import Path

import pytest

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered
from runaway_watchdog.world.clients import LiveClients
from runaway_watchdog.world.compose_files import unreadable


def test_the_file_is_looked_for_as_compose_looks_for_it(tmp_path: Path) -> None:
    """In the folders above, by option and variable, beside it the variables; what is missing is Compose's to say."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    pipe = tmp_path / "docker-compose.yml"
    os.mkfifo(pipe)
    found = f"{pipe} is a pipe"
    assert unreadable(["config"], str(below), {}) == found
    assert unreadable(["--file", "none.yaml", "config"], str(below), {}) is None
    assert unreadable(["--file", "../../docker-compose.yml"], str(below), {}) == found
    assert unreadable([], "/", {"COMPOSE_FILE": f"/none.yaml:{pipe}"}) == found
    assert unreadable([], "/", {"COMPOSE_PATH_SEPARATOR": ",", "COMPOSE_FILE": f"/none.yaml,{pipe}"}) == found
    assert unreadable(["--project-directory", str(below)], "/", {}) == found
    assert unreadable(["--env-file", str(pipe), "--file", "/none.yaml"], "/", {}) == found
    (below / "compose.yaml").write_text("services: {}")
    assert unreadable(["config"], str(below), {}) is None
    (below / ".env").write_text(f"# ours\nexport COMPOSE_FILE='{pipe}'\n")
    assert unreadable(["config"], str(below), {}) == found
    (tmp_path / "c").mkdir()
    os.mkfifo(tmp_path / "c" / ".env")
    assert unreadable(["--file", f"{tmp_path}/c/x.yaml"], str(below), {}) == f"{tmp_path}/c/.env is a pipe"


@pytest.mark.parametrize(
    ("target", "why"), [("/dev/zero", "a device"), ("/proc/interrupts", "a file of the kernel"), ("/dev/null", None)]
)
def test_a_link_is_what_it_leads_to(tmp_path: Path, target: str, why: str | None) -> None:
    (tmp_path / "compose.yaml").symlink_to(target)
    told = None if why is None else f"{tmp_path}/compose.yaml is {why}"
    assert unreadable([], str(tmp_path), {}) == told


def test_a_socket_and_a_file_of_gigabytes(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "compose.yml"))
        assert unreadable([], str(tmp_path), {}) == f"{tmp_path}/compose.yml is a socket"
    (tmp_path / "compose.yaml").touch()
    with (tmp_path / "compose.yaml").open("wb") as file:
        file.truncate(3 << 30)
    assert unreadable([], str(tmp_path), {}) == f"{tmp_path}/compose.yaml is larger than 8 MiB"


def test_neither_question_is_asked_then(tmp_path: Path) -> None:
    """Nothing is started: a program that is not there is not missed."""
    (tmp_path / "compose.yaml").symlink_to("/dev/zero")
    asked = Gap(
        "no-such-compose",
        f"{tmp_path}/compose.yaml is a device, so it is not asked",
        "put an ordinary file in its place",
    )
    for ask in (LiveClients().compose_config, LiveClients().compose_hashes):
        with pytest.raises(Unanswered) as unanswered:
            ask("no-such-compose", [], str(tmp_path), [])
        assert unanswered.value.gap == asked
