"""task: the tasks of a Taskfile.yml and of those that they depend on."""

import re
from collections.abc import Mapping
from typing import Any

from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.recipes.reading import MOST_PARTS, Part, Read, Reading, placed, unread, upward, within

NAMES = tuple(f"{name}.{end}" for name in ("Taskfile", "taskfile", "Taskfile.dist") for end in ("yml", "yaml"))
ONLY_LOOKS = ("-l", "--list", "-a", "--list-all", "-n", "--dry", "--summary", "--status", "--version", "--help", "-h")
_USED = re.compile(r"\{\{(?:(.*?)\}\}|.*+)")


def read(command: Command, files: Read) -> Reading | None:
    words = of(command, "-d --dir -t --taskfile -c --concurrency -o --output")
    if words.has(*ONLY_LOOKS):
        return Reading(())
    folder = within(command.folder or "/", words.value("-d", "--dir"))
    given = words.value("-t", "--taskfile")
    found = upward(folder, (given,) if given else NAMES, files)
    document = None if found is None else _document(found[0])
    if found is None or document is None:
        return unread(f"there is no Taskfile in {folder} for `{shown(command)}` that can be read")
    names = [text for text in words.texts if "=" not in text] or ["default"]
    parts: list[Part] = []
    for name in names:
        _run(name, document, parts, found[1], ())
    return Reading(tuple(parts)) if parts else unread(f"what `{shown(command)}` runs is not in {found[1]}")


def _document(text: str) -> Mapping[str, Any] | None:
    import yaml

    try:
        document: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    return document if isinstance(document, dict) and isinstance(document.get("tasks"), dict) else None


def _run(name: str, document: Mapping[str, Any], parts: list[Part], folder: str, within_names: tuple[str, ...]) -> None:
    task = document["tasks"].get(name)
    if task is None or name in within_names or len(parts) > MOST_PARTS:
        return
    task = task if isinstance(task, dict) else {"cmds": task if isinstance(task, list) else [task]}
    values = {**_values(document.get("vars")), **_values(task.get("vars"))}
    at = within(folder, task["dir"]) if isinstance(task.get("dir"), str) else folder
    for each in (*_listed(task.get("deps")), *_listed(task.get("cmds") or task.get("cmd"))):
        other = each.get("task") if isinstance(each, dict) else each if each in _listed(task.get("deps")) else None
        line = each.get("cmd") if isinstance(each, dict) else each
        if isinstance(other, str):
            _run(other, document, parts, folder, (*within_names, name))
        elif isinstance(line, str):
            parts.append(Part(_expanded(line, values), at))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _values(variables: Any) -> dict[str, str]:
    """Those that are plain text; one that a command gives is not known."""
    if not isinstance(variables, dict):
        return {}
    return {
        str(name): str(value)
        for name, value in variables.items()
        if isinstance(value, str | int) and "{{" not in str(value)
    }


def _expanded(line: str, values: Mapping[str, str]) -> str:
    return _USED.sub(lambda found: _value(line, found, values), line)


def _value(line: str, found: re.Match[str], values: Mapping[str, str]) -> str:
    if found[1] is None:  # it has no end
        return found[0]
    return placed(line, found, values.get(found[1].strip().removeprefix(".")))
