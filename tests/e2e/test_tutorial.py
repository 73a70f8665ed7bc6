"""docs/tutorial.md is run from its first block to its last, as one shell; what it prints is what the page shows.

Numbers may differ. With RUNAWAY_UPDATE_GOLDEN=1 the page gets what was printed.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from e2e.rig import docker
from e2e.rig.box import MakeBox

PAGE = Path(__file__).parents[2] / "docs/tutorial.md"
_BLOCK = re.compile(r"^```(?P<kind>sh|console)\n(?P<body>.*?)^```\n", re.MULTILINE | re.DOTALL)
_MARK = "--- the end of a block ---"


class Shown(NamedTuple):
    """One block of the page."""

    kind: str
    script: str
    printed: str


def blocks(page: str) -> list[Shown]:
    """In a block of the kind "console", what begins with `$ ` is typed, and the rest was printed."""
    found = []
    for block in _BLOCK.finditer(page):
        lines = block["body"].splitlines()
        typed = [line.removeprefix("$ ") for line in lines if block["kind"] == "sh" or line.startswith("$ ")]
        printed = [line for line in lines if block["kind"] == "console" and not line.startswith("$ ")]
        found.append(Shown(block["kind"], "\n".join(typed), "\n".join(printed)))
    return found


def alike(text: str) -> str:
    """Without what differs from run to run: numbers, and the layout that depends on their width."""
    return " ".join(re.sub(r"\d+(?:[.:]\d+)*", "N", text).replace("─", "").split())


def shows(block: Shown, real: str) -> bool:
    """Is what the page shows what was printed? The table of `scan` may hold others, who happen to be busy."""
    if "runaway-watchdog scan" in block.script:
        shown, printed = (
            {alike(line) for line in text.splitlines() if "shop/worker" in line} for text in (block.printed, real)
        )
        return bool(shown) and shown == printed
    return alike(real) == alike(block.printed)


@pytest.mark.truth  # what is printed depends on what else the machine has to do
def test_the_tutorial_does_what_it_shows(make_box: MakeBox) -> None:
    """On a host with the installed service; its own clean-up leaves the configuration as it was."""
    box = make_box()
    docker.import_image(box)
    box.run(f"docker tag {docker.IMAGE} busybox")
    box.run("command -v sudo || { printf '#!/bin/sh\\nexec \"$@\"\\n' > /usr/bin/sudo && chmod +x /usr/bin/sudo; }")
    box.run("runaway-watchdog install", timeout=120)
    configuration = box.run("cat /etc/runaway-watchdog/config.toml").stdout
    page = PAGE.read_text()
    shown = blocks(page)
    script = "".join(f"{block.script}\necho '{_MARK}'\n" for block in shown)
    box.write("/root/tutorial.sh", f"cd /root; exec 2>&1\n{script}")
    done = box.run("COLUMNS=80 bash /root/tutorial.sh", timeout=240)
    printed = [part.strip("\n") for part in done.stdout.split(f"{_MARK}\n")]
    assert len(printed) == len(shown) + 1, done.stdout
    if os.environ.get("RUNAWAY_UPDATE_GOLDEN"):
        PAGE.write_text(_written(page, printed))
        shown = blocks(PAGE.read_text())
    for block, real in zip(shown, printed, strict=False):
        assert block.kind == "sh" or shows(block, real), real
    assert box.run("cat /etc/runaway-watchdog/config.toml").stdout == configuration
    assert box.run("docker ps -aq; docker volume ls -q").stdout == ""


def _written(page: str, printed: list[str]) -> str:
    """The page with what was really printed."""
    rest = iter(printed)

    def block(match: re.Match[str]) -> str:
        real = "\n".join(map(str.rstrip, next(rest).splitlines()))
        if match["kind"] == "sh":
            return match[0]
        typed = "\n".join(line for line in match["body"].splitlines() if line.startswith("$ "))
        return f"```console\n{typed}\n{real}\n```\n" if real else f"```console\n{typed}\n```\n"

    return _BLOCK.sub(block, page)
