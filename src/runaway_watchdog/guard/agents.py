"""The hook in an agent's settings: where it is put into the text, and how that text comes out of it again. Pure.

Nothing else in the file changes, neither order nor blanks: what is put in is one piece of text behind an opening
bracket, and taking that piece out leaves the file byte for byte as it was. Two blanks behind a colon show that the
list, or the object, came with it.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple


class Agent(NamedTuple):
    """Where an agent's hooks are, by the documentation of its maker."""

    file: str  # below the home folder
    event: str
    matcher: str  # the name of its tool that runs a shell
    asks: bool  # whether a hook can have it ask its person


AGENTS: Final = {
    "claude-code": Agent(".claude/settings.json", "PreToolUse", "Bash", asks=True),
    "codex": Agent(".codex/hooks.json", "PreToolUse", "Bash", asks=False),
    "gemini": Agent(".gemini/settings.json", "BeforeTool", "run_shell_command", asks=False),
}


_OURS: Final = re.compile(r"runaway[-_]watchdog'? guard --check\b")


class SettingsError(Exception):
    """The settings are not in a form that can be changed safely; the text says why, for the person."""


def element(agent: Agent, command: str) -> str:
    """The hook, as one row of JSON."""
    return json.dumps({"matcher": agent.matcher, "hooks": [{"type": "command", "command": command}]})


def with_hook(text: str | None, agent: Agent, command: str) -> str:
    """The settings with the hook in them; the same text where it is there already. None: there is no file yet."""
    hook = element(agent, command)
    if text is None:
        return json.dumps({"hooks": {agent.event: [json.loads(hook)]}}, indent=2) + "\n"
    settings = _parsed(text)
    if _installed(settings, agent):
        return text
    hooks = _at(text, settings, ("hooks",))
    entries = _at(text, settings, ("hooks", agent.event))
    if entries is not None:
        return _put(text, entries, hook, not settings["hooks"][agent.event])
    if hooks is not None:
        return _put(text, hooks, f'"{agent.event}":  [{hook}]', not settings["hooks"])
    return _put(text, _skip(text, 0), f'"hooks":  {{"{agent.event}":  [{hook}]}}', not settings)


def without_hook(text: str, agent: Agent) -> str | None:
    """The settings without the hook; None: nothing but the hook was in them, and the file was made for it."""
    settings = _parsed(text)
    command = next(iter(_installed(settings, agent)), None)
    if command is None:
        return text
    if text == with_hook(None, agent, command):
        return None
    hook = element(agent, command)
    event = f'"{agent.event}":  [{hook}]'
    for piece in (f'"hooks":  {{{event}}}', event, hook):
        for ending in (", ", ""):
            before = text.replace(f"{piece}{ending}", "", 1)
            if before != text and _gives(before, text, agent, command):
                return before
    return _rewritten(settings, agent, command)


def _gives(before: str, after: str, agent: Agent, command: str) -> bool:
    """Whether this is the text that the hook was put into."""
    try:
        return with_hook(before, agent, command) == after
    except SettingsError:
        return False


def _rewritten(settings: dict[str, Any], agent: Agent, command: str) -> str:
    """Where somebody has formatted the file since: the hook goes, the rest is written anew."""
    entries = settings["hooks"][agent.event]
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("hooks"), list):
            entry["hooks"] = [
                each for each in entry["hooks"] if not (isinstance(each, dict) and each.get("command") == command)
            ]
    settings["hooks"][agent.event] = [each for each in entries if not isinstance(each, dict) or each.get("hooks")]
    return json.dumps(settings, indent=2, ensure_ascii=False) + "\n"


def _installed(settings: dict[str, Any], agent: Agent) -> list[str]:
    """The commands of ours that are there."""
    hooks: dict[str, Any] = settings.get("hooks", {})
    entries = hooks.get(agent.event) or []
    inner = [each for entry in entries if isinstance(entry, dict) for each in entry.get("hooks") or []]
    commands = [each.get("command") for each in inner if isinstance(each, dict)]
    return [each for each in commands if isinstance(each, str) and _OURS.search(each)]


def _parsed(text: str) -> dict[str, Any]:
    """Raises SettingsError for what is no plain JSON object, or has hooks of another form."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise SettingsError(f"it is not plain JSON ({fault})") from fault
    if not isinstance(found, dict):
        raise SettingsError("it holds no JSON object")
    hooks = found.get("hooks", {})
    if not isinstance(hooks, dict) or not all(isinstance(each, list) for each in hooks.values() if each is not None):
        raise SettingsError('its "hooks" are not lists by event')
    return found


def _put(text: str, bracket: int, piece: str, alone: bool) -> str:
    """The piece right behind an opening bracket."""
    return f"{text[: bracket + 1]}{piece}{'' if alone else ', '}{text[bracket + 1 :]}"


def _at(text: str, settings: dict[str, Any], keys: Sequence[str]) -> int | None:
    """Where the bracket is that opens the value at these keys; None: there is none."""
    value: Any = settings
    position = _skip(text, 0)
    for key in keys:
        if not isinstance(value, dict) or value.get(key) is None:
            return None
        position, value = _value(text, position, key), value[key]
    return position


def _value(text: str, position: int, wanted: str) -> int:
    """Where the value of a key begins, in the object that begins here; the last one, where a key is there twice."""
    found, decoder = position, json.JSONDecoder()
    position = _skip(text, position + 1)
    while text[position] == '"':
        key, position = decoder.raw_decode(text, position)
        position = _skip(text, _skip(text, position) + 1)
        if key == wanted:
            found = position
        _, position = decoder.raw_decode(text, position)
        position = _skip(text, position)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return found


def _skip(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position
