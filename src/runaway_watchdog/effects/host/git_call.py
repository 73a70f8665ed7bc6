"""One start of git: its global options, the repository that it works in, and its verb with what follows."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome, Tracking
from runaway_watchdog.effects.arguments import Arguments, shown
from runaway_watchdog.effects.host import losing, places
from runaway_watchdog.effects.host.getopt import Given, Grammar, given
from runaway_watchdog.effects.host.git_paths import NOTHING, Paths, paths
from runaway_watchdog.effects.host.git_repository import Index, Repository, configuration, find, opened
from runaway_watchdog.effects.host.targets import absolute, paths as expanded
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import World

_GLOBAL = Grammar(
    frozenset(("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env")),
    frozenset(
        (
            "-p", "--paginate", "-P", "--no-pager", "--bare", "--no-replace-objects", "--no-optional-locks",
            "--literal-pathspecs", "--glob-pathspecs", "--noglob-pathspecs", "--icase-pathspecs", "--no-lazy-fetch",
            "--no-advice", "--version", "-v", "--help", "-h", "--html-path", "--man-path", "--info-path",
        )
    ),
    frozenset(("--exec-path", "--list-cmds")),
)  # fmt: skip
_HARMLESS_SETTINGS = (
    "user.", "author.", "committer.", "color.", "advice.", "init.", "safe.", "log.", "status.", "push.", "pull.",
    "http.",
    "column.", "i18n.", "format.", "fetch.", "merge.conflictstyle", "merge.ff", "rebase.", "commit.gpgsign",
    "tag.gpgsign",
    "core.quotepath", "core.autocrlf", "core.filemode", "core.longpaths", "core.compression", "core.eol",
    "core.symlinks",
    "core.ignorecase", "core.bare", "core.abbrev", "core.preloadindex", "gc.auto", "gc.autodetach", "pack.",
    "transfer.",
    "versionsort.", "tag.sort", "branch.sort", "checkout.", "diff.noprefix", "diff.renames", "diff.algorithm",
    "diff.mnemonicprefix",
    "diff.colormoved", "clean.requireforce", "alias.", "submodule.recurse", "maintenance.auto", "index.",
    "protocol.version",
)  # fmt: skip
"""Settings of `-c` that start no program."""
_QUIET_PROGRAMS = frozenset(("cat", "less", "more", "true", ":", "vi", "vim", "nano", "emacs", ""))
_STARTS = frozenset(
    (
        "GIT_PAGER", "PAGER", "GIT_EDITOR", "EDITOR", "VISUAL", "GIT_SEQUENCE_EDITOR", "GIT_SSH", "GIT_SSH_COMMAND",
        "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "GIT_PROXY_COMMAND", "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR",
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_TRACE",
    )
)  # fmt: skip
"""Variables that name a program, or other files than those that are looked at."""
_SSH = re.compile(r"(?:/usr/bin/)?ssh(?: +[\w@%+=:,./~-]+)*")
ALIASES = 5


class Call(NamedTuple):
    command: Command
    verb: str
    words: tuple[Word, ...]  # after the verb
    folder: str  # where it runs
    repository: Repository | None
    config: Mapping[str, str]
    host: HostState
    world: World

    def safe(self) -> Outcome:
        return Outcome((), self.host)

    def unknown(self, sentence: str = "") -> Outcome:
        """It may throw something away."""
        return Outcome((), self.host, (sentence or f"what `{shown(self.command)}` does is not judged",))

    def mild(self, sentence: str = "") -> Outcome:
        """It is known not to throw away what it is not given."""
        return self.unknown(sentence)

    @property
    def excludes_file(self) -> str:
        home = self.world.files.variable("HOME") or "/root"
        named = self.config.get("core.excludesfile", "~/.config/git/ignore")
        return home + named[1:] if named.startswith("~/") else named

    def given(self, known: Grammar) -> Given:
        return given(self.words, known)

    def read_index(self) -> Index | None:
        """As the line has left it so far."""
        index = None if self.repository is None else self.repository.read_index()
        if index is None or self.repository is None or self.repository.common not in self.host.tracking:
            return index
        from runaway_watchdog.effects.host import git_made  # for a line with two commands of git alone

        return git_made.after(index, self.repository, self.tracking)

    @property
    def tracking(self) -> Tracking:
        common = "" if self.repository is None else self.repository.common
        return self.host.tracking.get(common, Tracking())

    def tracked(self, now: Tracking) -> HostState:
        """The host once this is what the line has done to the repository."""
        if self.repository is None:
            return self.host
        return self.host._replace(tracking={**self.host.tracking, self.repository.common: now})

    def paths(self, words: Sequence[Word], *, whole: bool = False) -> Paths:
        """Pathspecs, those that the shell expands first."""
        root = (self.repository.root if self.repository else None) or "/"
        tree = places.tree(self.host, self.world)
        texts = [word.text for word in words if word.text is not None]
        if words and not texts:
            return NOTHING
        here = tree.real(self.folder)
        below = here[len(root.rstrip("/")) + 1 :] if here.startswith(root) else ""
        outside = root.rstrip("/") + "/"
        from_root = [f":/{text[len(outside) :]}" if f"{text}/".startswith(outside) else text for text in texts]
        return paths(from_root, below, whole=whole)

    def written(self, path: str | None, why: str) -> Outcome:
        """A file that it opens for its output."""
        if path is None:
            return self.unknown(f"which file `{shown(self.command)}` writes is only known when it runs")
        at = self.command._replace(folder=self.folder)
        return losing.overwritten((Word(path, path),), at, self.host, self.world, why)


def _expanded(words: Sequence[Word], command: Command, host: HostState, world: World) -> tuple[Word, ...]:
    """As the shell hands them over: a pattern is the names that it fits, or itself."""
    tree = places.tree(host, world)
    found: list[Word] = []
    for word in words:
        names = expanded(word, command, tree) if word.globbing and word.text else None
        if names is None or tree.entry(names[0]) is None:
            found.append(word)
            continue
        before = "" if (word.text or "").startswith("/") else f"{(command.folder or '').rstrip('/')}/"
        found += [Word(name.removeprefix(before), word.raw) for name in names]
    return tuple(found)


class Started(NamedTuple):
    """A call, or what is told where it cannot be known; and what else may run along with it."""

    call: Call | None
    unknown: tuple[str, ...] = ()


def started(command: Command, host: HostState, world: World) -> Started:
    """Raises OSError where nobody may look."""
    read = given(command.words[1:], _GLOBAL, stops=True)
    words = read.arguments
    if read.missing and (not words.operands or words.operands[0].text is None or _hidden(words)):
        return Started(None, (f"which command of git `{shown(command)}` runs is only known when it runs",))
    unknown = [f"git: the option {option} is not known" for option in read.strange]
    unknown += [f"`{shown(command)}` may start another program by {name}" for name in _programs(command, words)]
    folder = _folder(command, words)
    verb = words.operands[0].text or "" if words.operands else "help"
    if words.has("--version", "-v", "--help", "-h", "--html-path", "--man-path", "--info-path", "--list-cmds"):
        verb = "help"
    if folder is None:
        return Started(None, (*unknown, f"which folder `{shown(command)}` runs in is not known"))
    repository = _repository(folder, command, words, host, world)
    config = dict(configuration(repository, world.files))
    for name, value in words.options:
        if name == "-c" and value is not None:
            key, _, text = value.partition("=")
            config[key.lower()] = text
    rest = _expanded(words.operands[1:], command._replace(folder=folder), host, world)
    call = Call(command, verb, rest, folder, repository, config, host, world)
    return _without_alias(call, tuple(unknown))


def _hidden(words: Arguments) -> bool:
    """Whether a global option's value is only known when it runs."""
    return any(value is None for name, value in words.options if name in _GLOBAL.valued)


def _programs(command: Command, words: Arguments) -> list[str]:
    found = []
    for name, value in words.options:
        key, _, text = (value or "").partition("=")
        if name == "-c" and not key.lower().startswith(_HARMLESS_SETTINGS):
            pager = key.lower() in ("core.pager", "core.editor") and text in _QUIET_PROGRAMS
            found += [] if pager else [key]
        elif name in ("--exec-path", "--config-env") and value:
            found.append(name)
    for name, value in command.environment:
        quiet = value is not None and name not in ("GIT_SSH", "GIT_INDEX_FILE") and value in _QUIET_PROGRAMS
        quiet = quiet or (name == "GIT_SSH_COMMAND" and value is not None and _only_ssh(value))
        if name in _STARTS and not quiet:
            found.append(name)
    return found


def _only_ssh(value: str) -> bool:
    """`ssh -i key -p 2222`: no other command in its options, and nothing for a shell."""
    return _SSH.fullmatch(value) is not None and "command" not in value.casefold()


def _folder(command: Command, words: Arguments) -> str | None:
    """Each -C is below the one before."""
    folder = command.folder
    for name, value in words.options:
        if name == "-C" and value:
            folder = value if value.startswith("/") else f"{folder.rstrip('/')}/{value}" if folder else None
    return folder


def _repository(folder: str, command: Command, words: Arguments, host: HostState, world: World) -> Repository | None:
    tree = places.tree(host, world)
    variables = dict(command.environment)
    directory = words.value("--git-dir") or variables.get("GIT_DIR")
    root = words.value("--work-tree") or variables.get("GIT_WORK_TREE")
    at = command._replace(folder=folder)
    if directory is None:
        found = find(folder, tree, world.files)
    else:
        found = opened(absolute(Word(directory, directory), at) or folder, tree.real(folder), tree, world.files)
    if found is not None and root is not None:
        return found._replace(root=tree.real(absolute(Word(root, root), at) or folder))
    return found


def _without_alias(call: Call, unknown: tuple[str, ...], depth: int = ALIASES) -> Started:
    """An alias in the place of its name; one that starts with `!` is a line for a shell."""
    value = call.config.get(f"alias.{call.verb.lower()}")
    if value is None or call.verb in BUILT_IN:
        return Started(call, unknown)
    if value.startswith("!") or not depth:
        return Started(None, (*unknown, f"git's alias {call.verb} runs `{value[1:60]}`, which is not judged"))
    try:
        words = tuple(Word(text, text) for text in shlex.split(value))
    except ValueError:
        words = ()
    if not words or (words[0].text or "-").startswith("-"):
        return Started(None, (*unknown, f"what git's alias {call.verb} (`{value[:60]}`) does is not judged"))
    call = call._replace(verb=words[0].text or "", words=(*words[1:], *call.words))
    return _without_alias(call, unknown, depth - 1)


BUILT_IN = frozenset(
    (
        "add", "am", "apply", "archive", "bisect", "blame", "branch", "bundle", "checkout", "cherry-pick", "clean",
        "clone",
        "commit", "config", "diff", "fetch", "filter-branch", "format-patch", "gc", "grep", "init", "log", "merge",
        "mv",
        "notes", "prune", "pull", "push", "rebase", "reflog", "remote", "reset", "restore", "revert", "rm", "show",
        "stash",
        "status", "submodule", "switch", "tag", "update-ref", "worktree",
    )
)  # fmt: skip
"""git lets nobody give these names to an alias."""
