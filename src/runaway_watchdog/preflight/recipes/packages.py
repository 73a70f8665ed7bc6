"""npm, yarn, pnpm and bun: the scripts of package.json, with those that run before and after them."""

import json
from collections.abc import Mapping
from typing import Any

from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.preflight.recipes.reading import Part, Read, Reading, upward, within, written

VALUED = "--prefix -C --cwd --dir -w --workspace --filter -F --registry --loglevel"
SHORT = {"test": "test", "t": "test", "tst": "test", "start": "start", "stop": "stop", "restart": "restart"}
RUNS = frozenset(("run", "run-script", "rum", "urn"))
INSTALLS = frozenset(("install", "i", "ci", "add"))
LIFECYCLE = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare")
"""Scripts of the project itself that an installation runs."""


def read(command: Command, files: Read) -> Reading | None:
    """None where it runs no script of the project."""
    words = of(command, VALUED, stops=False)
    folder = within(command.folder or "/", words.value("--prefix", "-C", "--cwd", "--dir"))
    found = upward(folder, ("package.json",), files)
    if found is None or not words.operands:
        return None
    scripts = _scripts(found[0])
    verb = words.operands[0].text
    names: tuple[str, ...]
    rest: tuple[Word, ...]
    if verb in INSTALLS or verb is None:
        names, rest = (LIFECYCLE if verb is not None and len(words.operands) == 1 else ()), ()
    else:
        names, rest = _named(command.program or "", words.operands, scripts)
    if not names and verb in RUNS and not words.complete:
        return Reading((), (f"which script `{shown(command)}` runs is only known when it runs",))
    parts = [
        Part(scripts[name] + written(rest if name in names else ()), found[1])
        for name in _around(names)
        if name in scripts
    ]
    return Reading(tuple(parts)) if parts else None


def _around(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) != 1 else tuple(f"{before}{names[0]}" for before in ("pre", "", "post"))


def _named(
    program: str, operands: tuple[Word, ...], scripts: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[Word, ...]]:
    """The script that is named, and the words that it is given."""
    verb = operands[0].text or ""
    if verb in RUNS:
        return ((operands[1].text,), operands[2:]) if len(operands) > 1 and operands[1].text else ((), ())
    if verb in SHORT:
        return (SHORT[verb],), operands[1:]
    if program != "npm" and verb in scripts:
        return (verb,), operands[1:]
    return (), ()


def _scripts(text: str) -> dict[str, str]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    scripts = document.get("scripts") if isinstance(document, dict) else None
    if not isinstance(scripts, dict):
        return {}
    return {name: value for name, value in scripts.items() if isinstance(value, str)}
