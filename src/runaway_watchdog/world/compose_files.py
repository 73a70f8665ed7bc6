"""The files that Compose reads first, looked at before it is asked: whoever owns the folder chooses what stands there.

A pipe never answers, a device never ends, and Compose reads whole into memory whatever it is given. Which files those
are is read in compose-go (cli/options.go). What `include:`, `extends:` and `env_file:` name, with its anchors and
variables, Compose alone can tell; and a file may be exchanged between the two looks. There the limits of every program
that is asked hold: its time, and MOST_MEMORY.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.world.filesystem import LiveFiles

NAMES: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES: Final = tuple(name.replace(".y", ".override.y") for name in NAMES)
VARIABLES: Final = ".env"
MOST_BYTES: Final = 8 << 20
"""The largest project that people write has some ten thousand lines."""
_KINDS: Final = {
    stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip
_KERNELS: Final = ("/proc/", "/sys/")


def unreadable(arguments: Sequence[str], folder: str, environment: Mapping[str, str]) -> str | None:
    """The first of them that cannot be read to its end, and why not: "/srv/app/.env is a pipe".

    None: there is none. `arguments` are Compose's global options, each value a word of its own; `environment` is the
    whole of what Compose gets. One that is missing, or a folder, is Compose's to complain about.
    """
    given = dict[str, list[str]]()
    for option, value in pairwise(arguments):
        given.setdefault(option, []).append(os.path.join(folder, value))
    home = (given.get("--project-directory") or given.get("--workdir") or [folder])[-1]
    named = _listed(environment, "COMPOSE_ENV_FILES", ",", folder)
    variables = given.get("--env-file") or named or [os.path.join(each, VARIABLES) for each in (folder, home)]
    if (found := _first(variables)) is not None:
        return found
    both = {**_variables(variables), **environment}
    separator = both.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    files = given.get("--file") or _listed(both, "COMPOSE_FILE", separator, folder) or list(_upwards(home))
    return _first([*files, *(os.path.join(os.path.dirname(each), VARIABLES) for each in files[:1])])


def _listed(environment: Mapping[str, str], name: str, separator: str, folder: str) -> list[str]:
    return [os.path.join(folder, each) for each in environment.get(name, "").split(separator) if each]


def _variables(paths: Iterable[str]) -> dict[str, str]:
    """What the files of variables set, as far as it decides which files are read."""
    found: dict[str, str] = {}
    for path in paths:
        with suppress(OSError):
            for line in lines_of(LiveFiles().read(path)):
                name, _, value = line.partition("=")
                found[name.strip().removeprefix("export ").strip()] = value.strip().strip("'\"")
    return found


def _upwards(folder: str) -> Iterator[str]:
    """Those of the nearest folder, from here to the root, that has one of the names."""
    at = os.path.normpath(folder)
    while not any(os.path.lexists(os.path.join(at, name)) for name in NAMES):
        at, below = os.path.dirname(at), at
        if at == below:
            return
    yield from (os.path.join(at, name) for name in (*NAMES, *OVERRIDES))


def _first(paths: Iterable[str]) -> str | None:
    for path in paths:
        with suppress(OSError):
            looked = os.stat(path)  # after links
            real = os.path.realpath(path)
            if real != os.devnull and (why := _why(looked, real)) is not None:
                return f"{os.path.normpath(path)} is {why}"
    return None


def _why(looked: os.stat_result, real: str) -> str | None:
    """What makes it endless; None: nothing does."""
    if stat.S_ISREG(looked.st_mode) and real.startswith(
        _KERNELS
    ):  # /proc/kmsg is as regular as any, and waits for more
        return "a file of the kernel"
    if stat.S_ISREG(looked.st_mode) and looked.st_size > MOST_BYTES:
        return f"larger than {MOST_BYTES >> 20} MiB"
    return _KINDS.get(stat.S_IFMT(looked.st_mode))
