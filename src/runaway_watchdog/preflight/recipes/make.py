"""make: the recipes of the targets that it is asked for and of their prerequisites, variables expanded."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.recipes.reading import (
    MOST_DEPTH,
    MOST_PARTS,
    NOT_KNOWN,
    Part,
    Read,
    Reading,
    placed,
    unread,
    within,
)

NAMES = ("GNUmakefile", "makefile", "Makefile")
VALUED = "-C --directory -f --file --makefile -I --include-dir -o --old-file -W --what-if --eval -E"
ONLY_LOOKS = ("-n", "--just-print", "--dry-run", "--recon", "-q", "--question", "-p", "-v", "--version", "--help", "-h")
_ASSIGNED = re.compile(r"\s*+(?:override |export |private )*\s*+([\w.-]++)\s*+(\+|\?|:{1,3}|!)?=\s?(.*)", re.DOTALL)
_RULE = re.compile(r"([^:=#\t][^:=#]*+)::?(?!=)([^;]*+)(?:;(.*))?\Z", re.DOTALL)
_USED = re.compile(
    r"\$(?:\$|\((?P<round>(?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)|\{(?P<curly>[^{}]*)\}|(?P<one>[A-Za-z@<^*?+%]))"
)
_CONDITION = re.compile(r"\s*(ifeq|ifneq|ifdef|ifndef|else|endif)\b")
_SHELL = re.compile(r"shell\s+(.*)", re.DOTALL)


class Rule(NamedTuple):
    needs: str
    recipe: tuple[str, ...]


class Makefile(NamedTuple):
    rules: Mapping[str, Rule]
    variables: Mapping[str, str | None]  # not yet expanded; None: not known
    first: str | None
    whole: bool  # nothing is included from elsewhere
    one_shell: bool


def read(command: Command, files: Read) -> Reading | None:
    words = of(command, VALUED)
    if words.has(*ONLY_LOOKS):
        return Reading(())
    if not words.complete:
        return Reading((), (f"which target `{shown(command)}` makes is only known when it runs",))
    folder = within(command.folder or "/", words.value("-C", "--directory"))
    given = words.value("-f", "--file", "--makefile")
    names = (given,) if given else NAMES
    text = next((found for name in names if (found := files(within(folder, name))) is not None), None)
    if given == "-" or (given or "").startswith("/dev/"):
        return Reading((), (f"what `{shown(command)}` is given to make is not read",))
    if text is None:
        return unread(f"there is no Makefile in {folder} for `{shown(command)}`")
    made = parse(text)
    typed = dict(text.split("=", 1) for text in words.texts if "=" in text)
    environment = dict(command.environment)
    variables = {**environment, **made.variables, **typed, "MAKE": "make", "CURDIR": folder}
    goals = [text for text in words.texts if "=" not in text and not text.isdigit()] or [made.first or ""]
    return _Making(made, variables, folder).of(goals)


class _Making:
    def __init__(self, made: Makefile, variables: Mapping[str, str | None], folder: str) -> None:
        self._made = made
        self._variables = variables
        self._folder = folder
        self._seen: set[str] = set()
        self._parts: list[Part] = []
        self._unknown: list[str] = []

    def of(self, goals: list[str]) -> Reading:
        for goal in goals:
            if goal not in self._made.rules:
                self._unknown += unread(f"the Makefile in {self._folder} has no rule of its own for {goal}").unknown
            self._make(goal, 0)
        return Reading(tuple(self._parts), tuple(self._unknown))

    def _make(self, target: str, depth: int) -> None:
        rule = self._made.rules.get(target)
        if rule is None or target in self._seen:
            return
        if depth > MOST_DEPTH or len(self._parts) > MOST_PARTS:
            self._unknown.append(f"the Makefile in {self._folder} goes on further than is read")
            return
        self._seen.add(target)
        needs = self._expanded(rule.needs.replace("|", " "), {}, 0).split()
        for need in needs:
            self._make(need, depth + 1)
        automatic = {
            "@": target,
            "<": (needs or [""])[0],
            "^": " ".join(needs),
            "+": " ".join(needs),
            "*": None,
            "?": None,
        }
        lines = [self._line(line, automatic) for line in rule.recipe]
        texts = ["\n".join(lines)] if self._made.one_shell else lines
        self._parts += [Part(text, self._folder) for text in texts if text.strip()]

    def _line(self, line: str, automatic: Mapping[str, str | None]) -> str:
        return self._expanded(line.lstrip(" \t@+-"), automatic, 0).lstrip(" \t@+-")

    def _expanded(self, text: str, automatic: Mapping[str, str | None], depth: int) -> str:
        if depth > MOST_DEPTH:
            return text

        def value(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            name = found["round"] or found["curly"] or found["one"] or ""
            shell = _SHELL.fullmatch(name)
            if shell is not None:
                return f"$({self._expanded(shell[1], automatic, depth + 1)})"
            return placed(text, found, self._value(name, automatic, depth))

        return _USED.sub(value, text)

    def _value(self, name: str, automatic: Mapping[str, str | None], depth: int) -> str | None:
        if name in automatic:
            return automatic[name]
        if not re.fullmatch(r"[\w.-]+", name):
            return self._function(name, automatic, depth)
        found = self._variables.get(name, "" if self._made.whole else None)
        return None if found is None else self._expanded(found, automatic, depth + 1)

    def _function(self, call: str, automatic: Mapping[str, str | None], depth: int) -> str | None:
        """`$(if C,A,B)`, `$(or A,B)` and `$(strip A)`, where all of it is known; None for any other function."""
        name, _, rest = call.partition(" ")
        parts = [self._expanded(each, automatic, depth + 1) for each in _parts(rest)]
        if NOT_KNOWN in "".join(parts):
            return None
        if name == "if" and len(parts) > 1:
            return parts[1] if parts[0].strip() else (*parts, "")[2]
        if name == "or":
            return next((each.strip() for each in parts if each.strip()), "")
        return " ".join(parts[0].split()) if name == "strip" else None


def _parts(text: str) -> list[str]:
    """The arguments of a function: what stands between commas that are in no parentheses."""
    found, nested = [""], 0
    for letter in text:
        nested += {"(": 1, "{": 1, ")": -1, "}": -1}.get(letter, 0)
        if letter == "," and not nested:
            found.append("")
        else:
            found[-1] += letter
    return found


def parse(text: str) -> Makefile:
    """Rules and variables. What stands in a condition may hold or not: such a variable is not known, such a rule is."""
    rules: dict[str, Rule] = {}
    variables: dict[str, str | None] = {}
    first: str | None = None
    targets: list[str] = []
    conditions, whole = 0, True
    for line in _lines(text):
        if line.startswith("\t"):
            for target in targets:
                rules[target] = rules[target]._replace(recipe=(*rules[target].recipe, line[1:]))
            continue
        line = re.sub(r"(?<!\\)#.*", "", line)  # noqa: PLW2901 - without its comment
        if condition := _CONDITION.match(line):
            conditions += {"else": 0, "endif": -1}.get(condition[1], 1)
        elif re.match(r"\s*-?s?include\b", line) or re.match(r"\s*define\b", line):
            whole = False
        elif assigned := _ASSIGNED.match(line):
            name, operator, value = assigned.groups()
            _assign(variables, name, operator or "", value, doubtful=conditions > 0)
            targets = []
        elif rule := _RULE.match(line):
            targets = rule[1].split()
            first = first or next((each for each in targets if not each.startswith(".") and "%" not in each), None)
            for target in targets:
                before = rules.get(target, Rule("", ()))
                recipe = (*before.recipe, rule[3].strip()) if rule[3] else before.recipe
                rules[target] = Rule(f"{before.needs} {rule[2]}", recipe)
    return Makefile(rules, variables, first, whole, ".ONESHELL" in rules)


def _assign(variables: dict[str, str | None], name: str, operator: str, value: str, *, doubtful: bool) -> None:
    before = variables.get(name, "")
    if doubtful or (operator == "+" and before is None):
        variables[name] = None
    elif operator == "+":
        variables[name] = f"{before} {value}".strip()
    elif operator == "!":
        variables[name] = f"$(shell {value})"
    elif operator != "?" or name not in variables:
        variables[name] = value.strip()


def _lines(text: str) -> Iterator[str]:
    """Lines that end in a backslash go on; those of a recipe keep it, since the shell takes it away."""
    pending = ""
    for line in text.split("\n"):
        pending += line
        if pending.endswith("\\") and not pending.endswith("\\\\"):
            pending = f"{pending}\n" if pending.startswith("\t") else f"{pending[:-1]} "
            continue
        yield pending
        pending = ""
    if pending:
        yield pending
