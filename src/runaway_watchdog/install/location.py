"""May a service run a program that lies here?

A service with the Docker socket and a view of every process must not run what an ordinary user can rewrite. So each
file that its interpreter loads has to belong to root all the way up, to lie outside of home and temporary folders,
and to be readable by the service's own user.
"""

import json
import os
import re
import shlex
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

from runaway_watchdog import shipped

DISTRIBUTION = "runaway-watchdog"
RECOMMENDED = "/opt/runaway-watchdog"

_NOT_FOR_SERVICES = ("/home", "/root", "/tmp", "/var/tmp", "/run/user", "/dev/shm")  # noqa: S108 - named to refuse them
_HIDING = re.compile(r"(?m)^InaccessiblePaths=(.*)$")

Stat = Callable[[str], os.stat_result]


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason against a place. `mendable`: another owner or mode is enough, the place itself is good."""

    path: str
    problem: str
    mendable: bool = False


def loaded(program: Path) -> tuple[Path, ...]:
    """Everything that running `program` loads code from: itself, the interpreter, and the folders of modules."""
    folders = (Path(entry) for entry in sys.path if entry)
    return (program, Path(sys.executable), *(folder for folder in folders if folder.is_dir()))


def faults(paths: Iterable[Path], look: Stat = os.stat) -> tuple[Fault, ...]:
    """Every reason why a service must not, or cannot, run what lies at `paths`; each told once."""
    found: dict[str, Fault] = {}
    refused = (*_NOT_FOR_SERVICES, *_hidden())
    for path in paths:
        # Both names: a link may lie in a good place and lead to a bad one, and the other way round.
        for name in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
            fault = _fault(name, refused, look)
            if fault is not None:
                found.setdefault(fault.path, fault)
    return tuple(found.values())


def _hidden() -> tuple[str, ...]:
    """What one of the shipped units does not see: its program would not be found there."""
    units = (shipped.read(name) for name in (shipped.UNIT, *shipped.HELPER_UNITS, shipped.METRICS_UNIT))
    lists = (paths for text in units for paths in _HIDING.findall(text))
    return tuple(path.lstrip("-") for paths in lists for path in paths.split())


def _fault(name: str, refused: Iterable[str], look: Stat) -> Fault | None:
    for folder in refused:
        if name == folder or name.startswith(f"{folder}/"):
            return Fault(folder, f"no place for a service's program; {name} lies there")
    for part in _from_root(name):
        status = look(part)
        if status.st_uid != 0:
            return Fault(part, f"belongs to user {status.st_uid}, who could put another program there", mendable=True)
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            return Fault(part, "everybody may write there", mendable=True)
    status = look(name)
    if stat.S_ISDIR(status.st_mode) and status.st_mode & 0o005 != 0o005:
        return Fault(name, "other users may not read it", mendable=True)
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o005 != 0o005:
        return Fault(name, "other users may not execute it", mendable=True)
    return None


def _from_root(name: str) -> Iterator[str]:
    path = Path(name)
    yield from (str(part) for part in reversed(path.parents))
    yield name


def source() -> str:
    """What to give to pip to install this very program once more (PEP 610), quoted for a shell."""
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return shlex.quote(str(Path(__file__).resolve().parents[3]))
    recorded = distribution.read_text("direct_url.json")
    if recorded is None:
        return f"{DISTRIBUTION}=={distribution.version}"
    facts = json.loads(recorded)
    url = str(facts["url"])
    if "vcs_info" in facts:
        return shlex.quote(f"{facts['vcs_info']['vcs']}+{url}@{facts['vcs_info']['commit_id']}")
    return shlex.quote(unquote(urlparse(url).path) if url.startswith("file:") else url)


def fix(found: Sequence[Fault], prefix: str) -> tuple[str, ...]:
    """The commands, each complete, after which `install` finds no fault.

    `prefix` is the folder of this environment: where only owners and modes in it are wrong, it stays where it is.
    """
    if all(fault.mendable and f"{fault.path}/".startswith(f"{prefix}/") for fault in found):
        quoted = shlex.quote(prefix)
        return (
            f"chown -R root:root {quoted}",
            f"chmod -R go-w,a+rX {quoted}",
            f"{quoted}/bin/runaway-watchdog install",
        )
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else "python3"
    return (
        f"{python} -m venv {RECOMMENDED}",
        f"{RECOMMENDED}/bin/pip install {source()}",
        f"{RECOMMENDED}/bin/runaway-watchdog install",
    )
