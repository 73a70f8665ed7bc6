"""What `preflight --json` says of a line in a box, for the tests that then run it."""

from __future__ import annotations

import json
from typing import Any

from runaway_watchdog.model.effect import EXIT_CODES

from .box import Box


def preflight(box: Box, line: str, *options: str, folder: str = "/") -> dict[str, Any]:
    """The document of `preflight --json`, asked in `folder`; the exit code is the contract's for its verdict."""
    command = ["sh", "-c", 'cd "$0" && exec runaway-watchdog preflight "$@"', folder, line, "--json", *options]
    done = box.run(command, check=False)
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == EXIT_CODES[document["verdict"]], (document, done.stderr)
    return document


def names(document: dict[str, Any], kind: str, *verbs: str) -> set[str]:
    """The names of those effects that are of this type and have one of these verbs."""
    return {each["name"] for each in document["effects"] if each["type"] == kind and each["verb"] in verbs}


def lost(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The effects that lose data, by name."""
    return {each["name"]: each for each in document["effects"] if each["data_lost"]}
