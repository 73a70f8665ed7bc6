"""Lines made by the grammar of phrases.txt: any number of them, the same ones for the same seed."""

from __future__ import annotations

import os
import random
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from .cases import HERE, Case

_SLOT = re.compile(r"«([~?]?)([^«»]+)»")
_HEREDOC = re.compile(r"<<-?\s*['\w]")
MADE = "/srv/made"
"""Where what is around a line may find it: as the recipe of a Makefile and as a script."""
PREFIX = "gen"
"""Of the IDs of lines that were made: gen, the seed, a point and the number."""
WRAPPED = 0.55
"""How many of the lines have something around them."""


class Grammar(NamedTuple):
    words: Mapping[str, Sequence[str]]
    acts: Mapping[str, Sequence[tuple[Sequence[str], Sequence[str]]]]  # kind -> folders, commands
    around: Sequence[str]


@cache
def grammar() -> Grammar:
    """As phrases.txt tells it."""
    words: dict[str, Sequence[str]] = {}
    acts: dict[str, list[tuple[Sequence[str], Sequence[str]]]] = {}
    around: list[str] = []
    for head, body in re.findall(r"^\[([^\]\n]+)\]\n((?:.+\n)+)", (HERE / "phrases.txt").read_text(), re.MULTILINE):
        alternatives = [line.replace("⏎", "\n") for line in body.splitlines()]
        name, _, value = head.partition(": ")
        if name == "around":
            around = alternatives
        elif name == "word":
            words[value] = alternatives
        else:
            for kind in name.split():
                acts.setdefault(kind, []).append((value.split(), alternatives))
    return Grammar(words, acts, around)


def lines(count: int, seed: int) -> list[Case]:
    """So many different lines. Whether they lose data is not known before they are run: `loses_data` is False."""
    chance = random.Random(seed)
    found: dict[tuple[str, str, tuple[tuple[str, str], ...]], Case] = {}
    while len(found) < count:
        case = _Maker(chance).case(f"{PREFIX}{seed}.{len(found) + 1}")
        found.setdefault((case.folder, case.line, case.files), case)
    return list(found.values())


class _Maker:
    """Makes one line. What the words need first, such as a variable's value, is gathered on the way."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._first: list[str] = []
        self._folder = "/"

    def case(self, name: str) -> Case:
        chance = self._chance
        kind = chance.choice(list(grammar().acts))
        folders, commands = chance.choice(grammar().acts[kind])
        self._folder = chance.choice(folders)
        line, files = self._wrapped(self._filled(chance.choice(commands)))
        return Case(name, kind, self._folder, self._after_its_variables(line), loses_data=False, files=files)

    def _filled(self, text: str) -> str:
        while _SLOT.search(text):
            text = _SLOT.sub(self._word, text, count=1)
        return text

    def _word(self, slot: re.Match[str]) -> str:
        how, name = slot.groups()
        if how == "?" and self._chance.random() < 0.5:
            return ""
        word = self._filled(self._chance.choice(grammar().words[name]))
        return self._spelled(word) if how == "~" else word

    # --- how a path is written ---------------------------------------------------------------------------------------

    def _spelled(self, path: str) -> str:
        if not path.startswith("/"):
            return shlex.quote(path)
        return self._chance.choice(_SPELLINGS)(self, path)

    def variable(self, path: str) -> str:
        name = self._chance.choice(("F", "target", "DIR", "f1"))
        self._first.append(f"{name}={shlex.quote(path)}")
        return self._chance.choice(
            (f"${name}", f'"${name}"', f"${{{name}}}", f'"${{{name}%/}}"', f"${{{name}:-/tmp/x}}")
        )

    def from_a_folder(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        self._first.append(f"{self._chance.choice(('', '', 'export '))}D={shlex.quote(folder)}")
        return self._chance.choice((f"$D/{shlex.quote(name)}", f'"$D/{name}"', f'"${{D}}"/{shlex.quote(name)}'))

    def relative(self, path: str) -> str:
        found = os.path.relpath(path, self._folder)
        return shlex.quote(self._chance.choice((found, f"./{found}")))

    def pattern(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        folder = shlex.quote(folder)
        at = self._chance.randrange(len(name))
        shapes = (f"{name[:at]}?{name[at + 1 :]}", f"{name[:at]}[{name[at]}]{name[at + 1 :]}", f"{name[: at + 1]}*")
        return f"{folder}/{self._chance.choice(shapes)}".replace(" ", "\\ ")

    def _after_its_variables(self, line: str) -> str:
        return self._chance.choice(("; ", "\n", " && ")).join([*dict.fromkeys(self._first), line])

    # --- what is around a command ------------------------------------------------------------------------------------

    def _wrapped(self, line: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        chance = self._chance
        if chance.random() > WRAPPED:
            return line, ()
        fitting = [
            wrap for wrap in grammar().around if not _HEREDOC.search(line) or "«line»" not in wrap or "\n«line»" in wrap
        ]
        wrap = chance.choice(fitting)
        files = tuple(_made(line)) if MADE in wrap else ()
        if "«quoted»" in wrap and chance.random() < 0.3 and not re.search(r'["$`\\!]', line):
            return wrap.replace("«quoted»", f'"{line}"'), files
        return wrap.replace("«line»", line).replace("«quoted»", shlex.quote(line)), files


def _made(line: str) -> Iterator[tuple[str, str]]:
    """The files that hold a line."""
    recipe = "".join(f"\t{each}\n" for each in line.replace("$", "$$").splitlines())
    yield f"{MADE}/Makefile", f".ONESHELL:\nSHELL = /bin/bash\nall: clean\nclean:\n{recipe}"
    yield f"{MADE}/clean.sh", f"#!/bin/bash\n{line}\n"


_SPELLINGS: tuple[Callable[[_Maker, str], str], ...] = (
    lambda _, path: shlex.quote(path),
    lambda _, path: shlex.quote(path),
    lambda _, path: f'"{path}"',
    lambda _, path: f"'{path}'",
    lambda _, path: shlex.quote(f"/{path}"),
    lambda _, path: shlex.quote(path.replace("/", "/./", 1)),
    lambda _, path: shlex.quote(path.replace("/", "/../", 1)),
    lambda _, path: shlex.quote(path.replace("/srv/plain/", "/srv/link/")),
    lambda _, path: path[:-2].replace(" ", "\\ ") + f'"{path[-2:]}"',
    lambda _, path: path[:-1].replace(" ", "\\ ") + f"\\{path[-1]}",
    lambda _, path: f"$(echo {shlex.quote(path)})",
    lambda _, path: f'"$(printf %s {shlex.quote(path)})"',
    lambda _, path: shlex.quote(path).replace("/home/deploy", "~deploy"),
    lambda _, path: f"{path.rpartition('/')[0]}/{{{path.rpartition('/')[2]},none}}".replace(" ", "\\ "),
    _Maker.variable,
    _Maker.variable,
    _Maker.from_a_folder,
    _Maker.relative,
    _Maker.relative,
    _Maker.pattern,
)  # fmt: skip
