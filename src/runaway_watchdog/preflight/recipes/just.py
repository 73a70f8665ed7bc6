"""just: the recipes of a justfile and of those that they depend on."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.recipes.reading import MOST_PARTS, Part, Read, Reading, placed, unread, upward, within

NAMES = ("justfile", "Justfile", ".justfile")
ONLY_LOOKS = (
    "-l",
    "--list",
    "--summary",
    "-n",
    "--dry-run",
    "--show",
    "-s",
    "--evaluate",
    "--version",
    "--help",
    "--fmt",
)
_ASSIGNED = re.compile(r"(?:export\s+)?([A-Za-z_][\w-]*)\s*:=\s*(.*)")
_RECIPE = re.compile(r"@?([A-Za-z_][\w-]*+)((?:\s[^:]*+)?):(?!=)\s*+(.*)")
_USED = re.compile(r"\{\{(?:(.*?)\}\}|.*+)")
_TEXT = re.compile(r"'([^']*)'|\"([^\"\\]*)\"")


class Recipe(NamedTuple):
    parameters: tuple[str, ...]
    needs: tuple[str, ...]
    lines: tuple[str, ...]


def read(command: Command, files: Read) -> Reading | None:
    words = of(command, "-f --justfile -d --working-directory --set")
    if words.has(*ONLY_LOOKS):
        return Reading(())
    folder = within(command.folder or "/", words.value("-d", "--working-directory"))
    given = words.value("-f", "--justfile")
    found = upward(folder, (given,) if given else NAMES, files)
    if found is None:
        return unread(f"there is no justfile in {folder} for `{shown(command)}`")
    recipes, variables = _parse(found[0])
    operands = [word.text for word in words.operands if word.text is None or "=" not in word.text]
    name = operands[0] if operands else next(iter(recipes), None)
    if name is None:
        return Reading((), (f"which recipe `{shown(command)}` runs is only known when it runs",))
    parts: list[Part] = []
    _run(name, operands[1:], recipes, variables, parts, found[1], ())
    return Reading(tuple(parts)) if name in recipes else unread(f"the justfile has no recipe {name}")


def _run(
    name: str, given: list[str | None], recipes: Mapping[str, Recipe], variables: Mapping[str, str | None],
    parts: list[Part], folder: str, within_names: tuple[str, ...],
) -> None:  # fmt: skip
    recipe = recipes.get(name)
    if recipe is None or name in within_names or len(parts) > MOST_PARTS:
        return
    for need in recipe.needs:
        _run(need, [], recipes, variables, parts, folder, (*within_names, name))
    filled = [*given, *[None] * len(recipe.parameters)]
    values = {**variables, **dict(zip(recipe.parameters, filled, strict=False))}
    lines = [_expanded(line, values) for line in recipe.lines]
    if lines and lines[0].startswith("#!"):
        lines = ["\n".join(lines)] if re.search(r"\b(?:ba|da|z|k)?sh\b", lines[0]) else []
    parts += [Part(line.lstrip("@-"), folder) for line in lines]


def _expanded(line: str, values: Mapping[str, str | None]) -> str:
    return _USED.sub(lambda found: _value(line, found, values), line)


def _value(line: str, found: re.Match[str], values: Mapping[str, str | None]) -> str:
    if found[1] is None:  # it has no end
        return found[0]
    return placed(line, found, values.get(found[1].strip()))


def _parse(text: str) -> tuple[dict[str, Recipe], dict[str, str | None]]:
    recipes: dict[str, Recipe] = {}
    variables: dict[str, str | None] = {}
    name = ""
    for line in text.replace("\\\n", " ").split("\n"):
        if name and line[:1] in (" ", "\t"):
            recipes[name] = recipes[name]._replace(lines=(*recipes[name].lines, line.strip()))
        elif assigned := _ASSIGNED.match(line):
            plain = _TEXT.fullmatch(assigned[2].strip())
            variables[assigned[1]] = None if plain is None else plain[1] or plain[2] or ""
        elif found := _RECIPE.match(line):
            name = found[1]
            parameters = tuple(each.lstrip("*+$").partition("=")[0] for each in found[2].split())
            needs = tuple(re.findall(r"[A-Za-z_][\w-]*", re.sub(r"#.*|\([^)]*+\)?", _first_name, found[3])))
            recipes[name] = Recipe(parameters, needs, ())
        elif line.strip() and not line.startswith(("#", "[")):
            name = ""
    return recipes, variables


def _first_name(found: re.Match[str]) -> str:
    """`(deploy "prod")` depends on deploy; a comment on nothing."""
    return "" if found[0].startswith("#") else found[0].strip("()").strip().partition(" ")[0]
