"""Files of a project that say what a short command runs: a Makefile's targets, package.json's scripts, a justfile.

`read` gives the shell texts that a command starts, in order, for the preflight to judge as it judges any line. What a
file leaves to the time when it runs is a variable that nobody has set: so it is not known in the text either.
"""

from importlib import import_module

from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.recipes.reading import Read, Reader, Reading, written

_MODULES = {
    **dict.fromkeys(("make", "gmake"), "make"),
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), "packages"),
    "just": "just",
    **dict.fromkeys(("task", "go-task"), "taskfile"),
    **dict.fromkeys(("foreman", "honcho", "overmind", "hivemind", "goreman", "forego"), "procfile"),
    "composer": "composer",
    **dict.fromkeys(("python", "python2", "python3", "pypy", "pypy3", "node", "deno", "php", "perl", "ruby"), "code"),
}
"""Which file here reads for a program; each is imported by the line that needs it."""


def read(command: Command, files: Read) -> Reading | None:
    """What the command runs, by the project's own files; None where it is no such command."""
    module = _MODULES.get(command.program or "")
    if module is None or command.folder is None:
        return None
    reader: Reader = import_module(f"{__name__}.{module}").read
    return reader(command, files)


__all__ = ["Reading", "read", "written"]
