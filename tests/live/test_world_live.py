"""The live host's ports: each is there, and loaded only when it is asked."""

import subprocess
import sys
from typing import get_type_hints

import pytest

from runaway_watchdog import world

LOADED = """
import sys
from runaway_watchdog.world import live
found = live()
names = [f"runaway_watchdog.world.{name}" for name in ("docker", "clients", "podman", "journal", "user_manager")]
print(sorted({"subprocess", "socket", *names} & set(sys.modules)))
found.engine.endpoint()
print(sorted(set(names) & set(sys.modules)))
"""


def test_what_is_not_asked_is_not_loaded() -> None:
    """A case that asks no engine pays for none: each port is milliseconds of a command that has 150."""
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines() == ["[]", "['runaway_watchdog.world.docker']"]


@pytest.mark.parametrize("port", [name for name in world.World._fields if name != "host"])
def test_each_port_answers_every_question_of_its_kind(port: str) -> None:
    """Also one that is made when it is first asked."""
    kind = get_type_hints(world.World)[port]
    questions = [name for name, value in vars(kind).items() if callable(value) and not name.startswith("_")]
    assert questions
    assert all(callable(getattr(getattr(world.live(), port), question)) for question in questions)
