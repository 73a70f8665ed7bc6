"""Files of a project that say what a short command runs: a Makefile's targets, package.json's scripts, a justfile.

`read` gives the shell texts that a command starts, in order, for the preflight to judge as it judges any line. What a
file leaves to the time when it runs is a variable that nobody has set: so it is not known in the text either.
"""

from collections.abc import Mapping

from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.recipes import code, composer, just, make, packages, procfile, taskfile
from runaway_watchdog.preflight.recipes.reading import Read, Reader, Reading, written

_READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("make", "gmake"), make.read),
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), packages.read),
    "just": just.read,
    **dict.fromkeys(("task", "go-task"), taskfile.read),
    **dict.fromkeys(("foreman", "honcho", "overmind", "hivemind", "goreman", "forego"), procfile.read),
    "composer": composer.read,
    **dict.fromkeys(code.PROGRAMS, code.read),
}


def read(command: Command, files: Read) -> Reading | None:
    """What the command runs, by the project's own files; None where it is no such command."""
    reader = _READERS.get(command.program or "")
    if reader is None or command.folder is None:
        return None
    return reader(command, files)


__all__ = ["Reading", "read", "written"]
