"""The shell as the commands so far would have left it: variables, folder, functions, and what is not known of them."""

from collections.abc import Iterable, Mapping
from posixpath import join, normpath
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from runaway_watchdog.model.command import Script, Word

if TYPE_CHECKING:
    from tree_sitter import Node

    from runaway_watchdog.preflight.grammar import Source

FOLDERS = 4
"""A shell that may be in more folders than this is in one that is not known."""
STEERING = (
    "COMPOSE_ENV_FILES", "COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME", "DOCKER_API_VERSION",
    "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST",
)  # fmt: skip
"""Variables that decide which project and which engine a command means: where a script that is not read here may have
set them, each command says that they are not known."""


class Value(NamedTuple):
    """A variable's value. `text` None: not known; `answers`: what it would hold is the output of these."""

    text: str | None
    answers: Script | None = None
    globbing: bool = False  # stands for the names that match, as in `for f in *.log`
    is_set: bool = True
    whole: bool = False  # `answers` are one value, line breaks and all, and not the values that a loop takes in turn
    items: tuple[Word, ...] | None = None  # an array's; `text` is the first one's, as `$NAME` alone is


UNKNOWN = Value(None)
UNSET = Value("", is_set=False)


class Function(NamedTuple):
    """A function's body, where it was defined."""

    source: "Source"
    body: "Node"


class ShellState(NamedTuple):
    """What one shell would know at one point of the line. A variable that is not in `variables` is not known."""

    folder: str | None
    variables: Mapping[str, Value]
    exported: frozenset[str]
    positional: tuple[Word, ...] | None = None  # None: not known, as for the person's own shell
    previous: str | None = None  # $OLDPWD
    or_folders: frozenset[str] = frozenset()  # where the shell may be instead of in `folder`
    stack: tuple[str | None, ...] = ()  # pushd
    functions: Mapping[str, Function] = MappingProxyType({})
    ambiguous: frozenset[str] = frozenset()  # names that are an alias, or one of two functions
    changed: frozenset[str] = frozenset()  # variables that the line sets, exports or unsets
    localised: Mapping[str, Value] = MappingProxyType({})  # what `local` hid
    plain_globs: bool = True  # no shopt or `set -f` that changes what * matches
    errexit: bool | None = False  # `set -e`; None: it may be
    succeeded: frozenset[int] = frozenset()  # commands (their numbers) whose success has led here
    doubtful: bool = False  # it may be that nothing from here on runs
    ended: bool = False  # exit: nothing from here on runs
    never: bool = False  # nothing here runs, surely: what follows `cd` into a folder that is not there after &&
    elsewhere: bool = False  # a shell was started that reads what comes next (`sudo -i` and more lines pasted)
    handed: frozenset[str] = frozenset()  # functions that `export -f` hands on: what is in them is not read there

    def value(self, name: str) -> Value:
        return self.variables.get(name, UNKNOWN)

    @property
    def only_folder(self) -> str | None:
        """Where the shell surely is; None where that is not known, or it may be in another one."""
        return None if self.or_folders else self.folder

    def only_in(self, folder: str | None) -> "ShellState":
        return self._replace(folder=folder, or_folders=frozenset())

    def assign(self, name: str, value: Value) -> "ShellState":
        variables = {**self.variables, name: value}
        return self._replace(variables=variables, changed=self.changed | {name})

    def export(self, names: Iterable[str]) -> "ShellState":
        found = frozenset(names)
        return self._replace(exported=self.exported | found, changed=self.changed | found)

    def unset(self, name: str) -> "ShellState":
        return self.assign(name, UNSET)._replace(exported=self.exported | {name})

    def surely(self) -> "ShellState":
        """The same, for what runs whenever the command runs that it is a part of, be that doubtful or not."""
        return self._replace(doubtful=False, ended=False)

    def forget(self) -> "ShellState":
        """After something that may have changed anything: `source FILE`, an `eval` of unknown text."""
        known = frozenset(STEERING)
        return self._replace(folder=None, or_folders=frozenset(), previous=None, stack=(), variables={},
            positional=None, functions={}, exported=self.exported | known, changed=self.changed | known,
            plain_globs=False, errexit=None if self.errexit else self.errexit,
        )  # fmt: skip

    def go(self, folder: str | None) -> "ShellState":
        """`cd`: relative to the folder before, `..` taken off by name as the shell does."""
        starts = (self.folder, *self.or_folders)
        found = [None if folder is None or each is None else _normal(join(each, folder)) for each in starts]
        if folder is not None and folder.startswith("/"):
            found = [_normal(folder)]
        others = frozenset(each for each in found[1:] if each is not None and each != found[0])
        known = not self.or_folders
        variables = {
            **self.variables,
            "PWD": Value(None if others else found[0]),
            "OLDPWD": Value(self.folder if known else None),
        }
        return self._replace(
            folder=found[0], or_folders=others, previous=self.folder if known else None, variables=variables
        )

    def child(self, positional: tuple[Word, ...]) -> "ShellState":
        """What a new shell (`sh -c`) inherits: the folder and what is exported."""
        variables = {
            name: value if name in self.exported or name == "PWD" else UNSET for name, value in self.variables.items()
        }
        return ShellState(
            self.folder, variables, self.exported, positional, self.previous, self.or_folders, changed=self.changed,
            succeeded=self.succeeded, doubtful=self.doubtful, ambiguous=self.ambiguous | self.handed,
        )  # fmt: skip

    def returned(self, caller: "ShellState") -> "ShellState":
        """What a function hands back to where it was called."""
        return self._replace(positional=caller.positional, doubtful=caller.doubtful,
            variables={**self.variables, **self.localised}, localised=caller.localised,
        )  # fmt: skip

    def environment(self) -> tuple[tuple[str, str | None], ...]:
        """What the line itself puts into a command's environment; an unset variable is told as empty."""
        return tuple((name, self.value(name).text) for name in sorted(self.changed & self.exported))


def merge(one: ShellState, other: ShellState | None) -> ShellState:
    """Either of the two: only what they agree on is known."""
    if other is None or one == other:
        return one
    if one.ended != other.ended:
        return (other if one.ended else one)._replace(doubtful=True)
    if one.never or other.never:
        return other if one.never else one
    folder, or_folders = _folders(one, other)
    return one._replace(
        folder=folder,
        or_folders=or_folders,
        previous=one.previous if one.previous == other.previous else None,
        stack=one.stack if one.stack == other.stack else (None,) * max(len(one.stack), len(other.stack)),
        variables={name: value for name, value in one.variables.items() if other.variables.get(name) == value},
        exported=one.exported | other.exported,
        changed=one.changed | other.changed,
        positional=one.positional if one.positional == other.positional else None,
        functions={**other.functions, **one.functions},
        handed=one.handed | other.handed,
        ambiguous=one.ambiguous | other.ambiguous | _differing(one.functions, other.functions),
        plain_globs=one.plain_globs and other.plain_globs,
        errexit=one.errexit if one.errexit == other.errexit else None,
        succeeded=one.succeeded & other.succeeded,
        doubtful=one.doubtful or other.doubtful,
        elsewhere=one.elsewhere or other.elsewhere,
    )


def _folders(one: ShellState, other: ShellState) -> tuple[str | None, frozenset[str]]:
    """Where the shell is in the one or in the other; None where these are too many to be judged each."""
    if one.folder is None or other.folder is None:
        return None, frozenset()
    every = {one.folder, other.folder} | one.or_folders | other.or_folders
    return (None, frozenset()) if len(every) > FOLDERS else (one.folder, frozenset(every - {one.folder}))


def _normal(folder: str) -> str:
    found = normpath(folder)
    return found[1:] if found.startswith("//") else found


def _differing(one: Mapping[str, Function], other: Mapping[str, Function]) -> frozenset[str]:
    return frozenset(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
