"""The line as the shell itself would read it: its aliases and its variables in place.

A shell hands over the line and what it knows of the words in it, as text ended by NUL: the line, then pairs of
`alias:NAME` and the alias, `function:NAME` and its definition, `set:NAME` and the variable's value, `unset:NAME` and
nothing, `opaque:NAME` for what it does not tell, `read:` and the line with its aliases in place where the shell can
tell that itself.
"""

import re
from collections.abc import Mapping
from shlex import quote
from types import MappingProxyType
from typing import Final, NamedTuple

_ROUNDS: Final = 10
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Quoted text, expansions, operators, blanks and plain words; every character is in one of them.
_TOKEN = re.compile(
    r"(?P<blank>[ \t]+|\\\n)|(?P<operator>[;&|(){}\n!]+)|(?P<redirection>\d*[<>][<>&|]*)"
    r"|(?P<word>(?:'[^']*'?|\"(?:\\.|[^\"\\])*\"?|\\.?|\$\([^()]*\)?|\$\{[^}]*\}?|[^\s;&|()<>'\"\\])+)|(?P<other>.)",
    re.DOTALL,
)
_GO_ON: Final = frozenset(("then", "do", "else", "elif", "if", "while", "until", "time", "!", "{"))
_FISH = re.compile(
    r"[()]|\*\*|\$\$|\$\w+\[|\$(?:status|argv|pipestatus)\b|>\?|[\n`]"
    r"|(?<![\w./-])(?:set|for|while|if|else|end|begin|switch|case|function|and|or|not|builtin|string|psub|read|source"
    r"|alias|abbr|eval|math)(?![\w./=-])"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")


class Typed(NamedTuple):
    """One line, and what the shell that it was typed into knows of it."""

    line: str
    aliases: Mapping[str, str] = MappingProxyType({})
    variables: Mapping[str, str | None] = MappingProxyType({})  # None: it is not set
    functions: tuple[str, ...] = ()  # their definitions, as the shell prints them
    opaque: bool = False  # a list or a function of it was not told
    read: str | None = None  # the line with its aliases in place, where the shell told

    def reads_alike_in_fish(self) -> bool:
        """Whether the line of a fish says the same to a POSIX shell, which is all that the preflight reads."""
        return not self.opaque and _FISH.search(self.line) is None and not ("'" in self.line and "\\" in self.line)

    def to_judge(self) -> str:
        """What the preflight is to judge: the shell's own variables first, which no other program can see."""
        known = [
            f"unset {name}\n" if value is None else f"{name}={quote(value)}\n"
            for name, value in self.variables.items()
            if _NAME.match(name)
        ]
        known += [f"{definition}\n" for definition in self.functions]
        return "".join(known) + (with_aliases(self.line, self.aliases) if self.read is None else self.read)


def parse(text: str) -> Typed:
    """What the shell handed over. Raises ValueError where it is not in that form."""
    line, *rest = text.split("\0")
    if not rest or rest.pop() or len(rest) % 2:
        raise ValueError("the shell handed over something else than a line and what it knows of its words")
    aliases: dict[str, str] = {}
    variables: dict[str, str | None] = {}
    functions: dict[str, str] = {}
    read, opaque = None, False
    for key, value in zip(rest[::2], rest[1::2], strict=True):
        kind, _, name = key.partition(":")
        match kind:
            case "alias":
                aliases[name] = value
            case "set":
                variables[name] = value
            case "unset":
                variables[name] = None
            case "function":
                functions[name] = value
            case "opaque":
                opaque = True
            case "read":
                read = value
    return Typed(line, aliases, variables, tuple(functions.values()), opaque, read)


def with_aliases(line: str, aliases: Mapping[str, str]) -> str:
    """The line with the aliases of its commands in place, as bash does it: the first plain word of each command, and
    the next one too where the alias ends with a blank; an alias is not looked up within itself."""
    if not aliases:
        return line
    return "".join(_expanded(line, aliases, frozenset(), at_command=True)[0])


def _expanded(
    line: str, aliases: Mapping[str, str], within: frozenset[str], *, at_command: bool
) -> tuple[list[str], bool]:
    """The parts of the line, and whether the word after it would be looked up."""
    parts: list[str] = []
    redirected = False
    for token in _TOKEN.finditer(line):
        text = token[0]
        match token.lastgroup:
            case "operator":
                at_command = True
            case "redirection":
                redirected = True
            case "word" if redirected:
                redirected = False
            case "word" if at_command and text in aliases and text not in within and len(within) < _ROUNDS:
                inner, at_command = _expanded(aliases[text], aliases, within | {text}, at_command=True)
                parts += inner
                at_command = at_command or aliases[text][-1:] in (" ", "\t")
                continue
            case "word":
                at_command = at_command and (text in _GO_ON or _ASSIGNMENT.match(text) is not None)
        parts.append(text)
    return parts, at_command
