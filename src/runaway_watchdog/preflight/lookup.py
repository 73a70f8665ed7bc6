"""What the reading of a line may ask the host for: it decides how often a loop turns, and where a `cd` leads.

Every question comes with the commands that run before it: the host is asked as these would have left it. An answer of
None is always possible, and then the word is only known when the line runs.
"""

from typing import Final, Protocol

from runaway_watchdog.model.command import Script
from runaway_watchdog.world.paths import Tree

Lines = tuple[str, ...]


class Lookup(Protocol):
    """Answers about the host. Never raises, runs nothing."""

    def printed(self, script: Script, before: Script) -> Lines | None:
        """What these commands would print, line by line."""

    def names(self, pattern: str, before: Script) -> Lines | None:
        """The paths that an absolute pattern matches, in order."""

    def is_folder(self, path: str, before: Script) -> bool | None:
        """Whether a shell can go there."""

    def home(self, user: str) -> str | None:
        """The folder in which a login of this user starts."""


class Nobody:
    """No host: a line of a container, or one that is only read."""

    def printed(self, script: Script, before: Script) -> Lines | None:  # noqa: ARG002 - as Lookup has it
        return None

    def names(self, pattern: str, before: Script) -> Lines | None:  # noqa: ARG002
        return None

    def is_folder(self, path: str, before: Script) -> bool | None:  # noqa: ARG002 - taken to be there
        return True

    def home(self, user: str) -> str | None:  # noqa: ARG002
        return None


NOBODY: Final = Nobody()


def is_folder(path: str, tree: Tree) -> bool | None:
    """None where nobody may look."""
    if path == "/":
        return True
    try:
        entry = tree.entry(tree.real(path))
    except OSError:
        return None
    return entry is not None and entry.kind == "folder"
