"""Which paths of a work tree a git command is about: pathspecs (gitglossary(7)) and .gitignore (gitignore(5))."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from runaway_watchdog.effects.host.git_repository import Repository
from runaway_watchdog.world.paths import Tree

_MAGIC = re.compile(r":\((?P<long>[^)]*)\)(?P<rest>.*)|:(?P<short>[/!^]+):?(?P<other>.*)", re.S)


class Pathspec(NamedTuple):
    pattern: re.Pattern[str] | None  # None: of a kind that is not known; it may be any path
    exclude: bool = False

    def fits(self, path: str) -> bool:
        return self.pattern is None or self.pattern.match(path) is not None


class Paths(NamedTuple):
    """The paths that several pathspecs choose; without any, everything below `folder`."""

    specs: tuple[Pathspec, ...]
    folder: str = ""  # below the work tree
    unknown: tuple[str, ...] = ()

    def chosen(self, path: str) -> bool:
        within = not self.folder or path == self.folder or path.startswith(f"{self.folder}/")
        included = [each for each in self.specs if not each.exclude]
        fits = any(each.fits(path) for each in included) if included else within
        return fits and not any(each.pattern is not None and each.fits(path) for each in self.specs if each.exclude)


NOTHING = Paths((Pathspec(re.compile(r"(?!)")),))
"""Of pathspecs that are only known when the line runs: the caller says so."""


def paths(texts: Iterable[str], folder: str, *, whole: bool = False) -> Paths:
    """`folder` is where the command runs, below the work tree. `whole`: without a pathspec, the whole tree."""
    return Paths(tuple(_spec(text, folder) for text in texts), "" if whole else folder)


def _spec(text: str, folder: str) -> Pathspec:
    magic, rest = _magic(text)
    if not magic <= {"top", "exclude", "icase", "literal", "glob"}:
        return Pathspec(None, exclude="exclude" in magic)
    before = "" if "top" in magic or rest.startswith("/") else folder
    path = posixpath.normpath(posixpath.join("/", before, rest.rstrip("/")) if rest else f"/{before}").lstrip("/")
    flags = re.S | (re.I if "icase" in magic else 0)
    if not path:
        return Pathspec(re.compile("", flags), "exclude" in magic)
    special = bool(set(path) & set("*?[\\")) and "literal" not in magic
    try:
        inner = _glob(path, whole="glob" in magic) if special else re.escape(path)
    except re.error:
        return Pathspec(None, exclude="exclude" in magic)
    exact = re.escape(path) if special else inner
    return Pathspec(re.compile(rf"(?:{inner}|{exact})(?:/.*)?\Z", flags), "exclude" in magic)


def _magic(text: str) -> tuple[set[str], str]:
    found = _MAGIC.fullmatch(text)
    if text == ":":
        return {"top"}, ""
    if found is None:
        return set(), text
    if found["short"] is not None:
        return {{"/": "top"}.get(sign, "exclude") for sign in found["short"]}, found["other"]
    return {word for word in found["long"].split(",") if word}, found["rest"]


def _glob(pattern: str, *, whole: bool) -> str:
    """A pattern as a regular expression; a star of a pathspec crosses folders unless it is a whole one (`:(glob)`)."""
    star = "[^/]*" if whole else ".*"
    parts: list[str] = []
    stars: list[int] = []
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        taken, made = _piece(rest, star, "[^/]" if whole else ".", after_slash=at == 0 or pattern[at - 1] == "/")
        stars += [len(parts)] if made == star else []
        parts.append(made)
        at += taken
    return _in_one_pass(parts, stars)


def _in_one_pass(parts: list[str], stars: list[int]) -> str:
    """The first place at which the text after a star fits is as good as any other, unless it is the last star's: so
    none is tried again, however many stars somebody's file holds. Raises re.error where they cross folders too often.
    """
    if sum(part.startswith("(?:.*/") for part in parts) > _MOST_CROSSING:
        raise re.error("too many ** in one pattern")
    for star, following in pairwise(stars):
        if not any(part.startswith("(?:.*/") for part in parts[star + 1 : following]):
            parts[star] = f"(?>{parts[star]}?"
            parts[following - 1] += ")"
    return "".join(parts)


def _piece(rest: str, star: str, one: str, *, after_slash: bool) -> tuple[int, str]:
    if after_slash and rest.startswith("**/"):
        return 3, "(?:.*/)?"
    if after_slash and rest == "**":
        return 2, ".*"
    if rest[0] == "*":
        return 1, star
    if rest[0] == "?":
        return 1, one
    if rest[0] == "\\" and len(rest) > 1:
        return 2, re.escape(rest[1])
    if rest[0] == "[" and (end := rest.find("]", 2)) > 0:
        inner = rest[1:end].replace("\\", "\\\\")
        return end + 1, f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    return 1, re.escape(rest[0])


_MOST_CROSSING: Final = 2


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    keeps: bool  # it begins with "!"
    folders: bool  # it ends with a slash


class Ignored:
    """What .gitignore, info/exclude and core.excludesFile name. The last pattern that fits decides; a nearer file
    counts before one above it."""

    def __init__(self, repository: Repository, excludes_file: str | None, extra: Sequence[str] = ()) -> None:
        self._repository = repository
        self._root = repository.root or "/"
        self._rules: dict[str, list[_Rule]] = {}
        general = _rules(self._read(excludes_file) if excludes_file else "", "")
        self._general = [*general, *_rules(repository.text("info/exclude") or "", "")]
        self._extra = [rule for text in extra for rule in _rules(text, "")]

    def _read(self, path: str) -> str:
        tree: Tree = self._repository.tree
        try:
            return self._repository.files.read(path) if tree.entry(tree.real(path)) is not None else ""
        except OSError:
            return ""

    def _of(self, folder: str) -> list[_Rule]:
        if folder not in self._rules:
            self._rules[folder] = _rules(self._read(f"{self._root}/{folder}/.gitignore".replace("//", "/")), folder)
        return self._rules[folder]

    def ignored(self, path: str, *, folder: bool) -> bool:
        """Whether this path itself is named; a folder above it that is takes it along, which the caller asks first."""
        return self._decided([self._extra, *self._levels(path), self._general], path, folder=folder)

    def excepted(self, path: str, *, folder: bool) -> bool:
        """Whether `-e` names it."""
        return self._decided([self._extra], path, folder=folder)

    def _levels(self, path: str) -> Iterable[list[_Rule]]:
        at = path.rpartition("/")[0]
        while at:
            yield self._of(at)
            at = at.rpartition("/")[0]
        yield self._of("")

    def _decided(self, levels: Iterable[list[_Rule]], path: str, *, folder: bool) -> bool:
        for rules in levels:
            for rule in reversed(rules):
                if (folder or not rule.folders) and rule.pattern.match(path):
                    return not rule.keeps
        return False


def _rules(text: str, folder: str) -> list[_Rule]:
    found: list[_Rule] = []
    for line in text.split("\n"):
        pattern = line.rstrip()
        if pattern.endswith("\\"):
            pattern = line[: len(pattern) + 1]  # the blank behind a backslash is a part of the name
        if not pattern or pattern.startswith("#"):
            continue
        keeps = pattern.startswith("!")
        pattern = pattern[1:] if keeps else pattern
        folders = pattern.endswith("/")
        pattern = pattern.rstrip("/")
        anchored = "/" in pattern
        before = re.escape(f"{folder}/") if folder else ""
        anywhere = "" if anchored else "(?:.*/)?"
        try:
            inner = _glob(pattern.lstrip("/"), whole=True)
            found.append(_Rule(re.compile(rf"{before}{anywhere}{inner}\Z", re.S), keeps, folders))
        except re.error:
            continue
    return found
