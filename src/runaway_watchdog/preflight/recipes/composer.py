"""composer: the scripts of composer.json."""

import json
from typing import Any

from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.preflight.recipes.reading import MOST_PARTS, Part, Read, Reading, upward, within

RUNS = frozenset(("run", "run-script", "exec"))
EVENTS = {
    "install": ("pre-install-cmd", "post-install-cmd"), "update": ("pre-update-cmd", "post-update-cmd"),
    "dump-autoload": ("pre-autoload-dump", "post-autoload-dump"),
}  # fmt: skip


def read(command: Command, files: Read) -> Reading | None:
    """None where it runs no script of the project."""
    words = of(command, "-d --working-dir --timeout")
    folder = within(command.folder or "/", words.value("-d", "--working-dir"))
    found = upward(folder, ("composer.json",), files)
    texts = words.texts[1:] if words.texts[:1] and words.texts[0] in RUNS else words.texts
    if found is None or not texts or words.has("--no-scripts"):
        return None
    scripts = _scripts(found[0])
    lines = [line for name in EVENTS.get(texts[0], (texts[0],)) for line in _lines(name, scripts, ())]
    if not lines:
        return None
    parts = tuple(Part(line, found[1]) for line in lines if not line.startswith("\0"))
    own = (LowRisk(f"what the project's own code does in `{shown(command)}` is not looked up"),)
    return Reading(parts, own if len(parts) < len(lines) else ())


def _lines(name: str, scripts: dict[str, list[str]], within_names: tuple[str, ...]) -> list[str]:
    """Each line of a script; "\\0" for a callback in PHP."""
    found: list[str] = []
    if name in within_names:
        return found
    for line in scripts.get(name, ())[:MOST_PARTS]:
        if line.startswith("@php ") or line.startswith("@composer "):
            found.append(line[1:])
        elif line.startswith("@") and not line.startswith(("@putenv", "@additional")):
            found += _lines(line[1:].split()[0], scripts, (*within_names, name))
        else:
            found.append("\0" if "::" in line or line.startswith("@") else line)
    return found


def _scripts(text: str) -> dict[str, list[str]]:
    try:
        document: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    scripts = document.get("scripts") if isinstance(document, dict) else None
    if not isinstance(scripts, dict):
        return {}
    listed = {name: value if isinstance(value, list) else [value] for name, value in scripts.items()}
    return {name: [each for each in value if isinstance(each, str)] for name, value in listed.items()}
