"""What the README shows was really printed."""

import re
from pathlib import Path

import pytest

from runaway_watchdog.cli import COMMANDS, parser

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def shown(source: str) -> str:
    """The block below `<!-- from SOURCE -->`."""
    found = re.search(rf"<!-- from {re.escape(source)} -->\n```\n(.*?)\n```\n", README, re.DOTALL)
    assert found, f"the README shows nothing from {source}"
    return found[1]


def test_the_explanation_is_a_recorded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the golden answer of a host that was really seen."""
    assert shown("tests/hosts/story/explain.txt") == (ROOT / "tests/hosts/story/explain.txt").read_text().rstrip("\n")


def test_the_help_is_the_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of commands cannot drift from what the program says."""
    monkeypatch.setenv("COLUMNS", "80")
    assert shown("runaway-watchdog --help") == parser().format_help().rstrip("\n")


def test_every_command_that_is_named_exists() -> None:
    """No text tells people to run what is not there; other programs' names are not ours."""
    known = {command.name for command in COMMANDS}
    for line in re.findall(r"^(?:sudo )?runaway-watchdog ([a-z-]+)", README, re.MULTILINE):
        assert line in known
    for word in re.findall(r"`(?:sudo )?runaway-watchdog ([a-z-]+)", README):
        assert word in known
