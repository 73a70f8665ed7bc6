"""The units that explain and send for the watch: written, given what the host and its people want, removed. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from runaway_watchdog.install import host as places
from runaway_watchdog.install.host import HostSurvey
from runaway_watchdog.install.steps import (
    Already,
    Do,
    MakeFolder,
    Note,
    RemoveFile,
    RemoveFiles,
    RemoveFolder,
    RunProgram,
    Step,
    WriteFile,
)
from runaway_watchdog.shipped import HELPER_UNITS
from runaway_watchdog.starting import ANSWERS, CHANNELS, CONFIGURATION

PLACEHOLDER: Final = "@PROGRAM@"

DOCKER_DROP_IN = """\
# Written by `runaway-watchdog install`, because this host has a docker group.
# It lets a case, and nothing else of the watchdog, ask Docker who owns a container and what its restart policy is.
# Know what that means: whoever reaches the Docker socket can become root. The program passes only reading calls to it,
# which is care and not a wall. A wall is a proxy that allows GET alone (DOCKER_HOST=); without either, containers are
# told as not seen.
[Service]
SupplementaryGroups=docker
"""

_HANDED_OVER = (CONFIGURATION, CHANNELS, *(f"{unit}.sock" for unit in ANSWERS))
_SOCKETS = tuple(name for name in HELPER_UNITS if name.endswith(".socket"))
_WHAT = (
    "where the watch asks for an explanation",
    "one explanation, with Docker's socket and no network",
    "where the watch has an alert sent",
    "one channel's alerts, with the network and nothing of the host",
)
_CARRIED = ("Environment", "EnvironmentFile", "ReadWritePaths", "BindPaths")
_OURS = "RUNAWAY_WATCHDOG_"  # read when the configuration is compiled, and needed nowhere else
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+'|\\.|[^\s"'\\]|["'\\])++""")
"""One of a list, with its quotes: systemd.syntax(7)."""
_CARRIED_HEAD = f"""\
# Written by `runaway-watchdog install` from {places.DROP_INS}, and replaced by it: change it there, and install again.
[Service]
"""


def install(host: HostSurvey, texts: Iterable[str]) -> Iterator[Step]:
    """`texts`: what is shipped, as HELPER_UNITS."""
    for path, text, what in zip(places.HELPER_UNITS, texts, _WHAT, strict=True):
        yield text_file(host, path, text.replace(PLACEHOLDER, host.program), what)
    yield from _docker(host)
    yield from _carried(host)
    yield from _older(host)


def stop(host: HostSurvey) -> Iterator[Step]:
    """They end with the service; where that has ended before, they may still listen."""
    if host.unit is not None and any(path in host.texts for path in places.HELPER_UNITS):
        yield Do("stop its sockets", RunProgram(("systemctl", "stop", *_SOCKETS), 20))


def remove(host: HostSurvey) -> Iterator[Step]:
    """The units, with all that was written beside them."""
    for path in (places.DOCKER_DROP_IN, places.CASE_CARRIED, places.SEND_CARRIED, *places.HELPER_UNITS):
        yield from removed(host, path)
    for folder in (places.CASE_DROP_INS, places.SEND_DROP_INS):
        yield from removed_folder(host, folder, {"docker.conf", "of-the-watch.conf"})
    yield from _remove_old_drop_in(host)


def remove_handover(host: HostSurvey) -> Iterator[Step]:
    if places.HANDOVER in host.listings:
        yield Do(f"remove what lies in {places.HANDOVER}", RemoveFiles(places.HANDOVER, _HANDED_OVER))
        yield Do(f"remove {places.HANDOVER}", RemoveFolder(places.HANDOVER))


def _docker(host: HostSurvey) -> Iterator[Step]:
    if "docker" in host.groups:
        yield from _folder(host, places.CASE_DROP_INS)
        yield text_file(host, places.DOCKER_DROP_IN, DOCKER_DROP_IN, "the docker group, to ask Docker about containers")
    elif places.DOCKER_DROP_IN in host.texts:
        # A unit that names a group which does not exist cannot start.
        yield Do(f"remove {places.DOCKER_DROP_IN}: the docker group is gone", RemoveFile(places.DOCKER_DROP_IN))
    else:
        yield Note("no docker group here: containers are not asked about. After installing Docker, run this again")


def _folder(host: HostSurvey, path: str) -> Iterator[Step]:
    if path not in host.listings:
        yield Do(f"make {path}", MakeFolder(path, 0o755))


def _carried(host: HostSurvey) -> Iterator[Step]:
    """What somebody has set for the service holds for what it has done by others, where it concerns that."""
    for folder, path, keys in (
        (places.CASE_DROP_INS, places.CASE_CARRIED, (*_CARRIED, "SupplementaryGroups")),
        (places.SEND_DROP_INS, places.SEND_CARRIED, _CARRIED),
    ):
        lines = [line for each in host.overrides if (line := _for_helpers(each, keys))]
        if lines:
            if folder != places.CASE_DROP_INS or "docker" not in host.groups:
                yield from _folder(host, folder)
            text = _CARRIED_HEAD + "".join(f"{line}\n" for line in lines)
            yield text_file(host, path, text, f"what {places.DROP_INS} sets holds there too", mode=0o600)
        elif path in host.texts:
            yield Do(f"remove {path}: {places.DROP_INS} sets nothing that it needs", RemoveFile(path))


def _for_helpers(line: str, keys: Iterable[str]) -> str:
    """The line without the variables that are ours; "": nothing of it is for them."""
    key, _, value = (part.strip() for part in line.partition("="))
    if key not in keys or (key != "Environment" or _OURS not in value):
        return line if key in keys else ""
    others = [word for word in _WORD.findall(value) if not re.sub("[\"']", "", word).startswith(_OURS)]
    return f"{key}={' '.join(others)}" if others else ""


def _older(host: HostSurvey) -> Iterator[Step]:
    """From when one unit did everything: the group is no longer the watch's own."""
    if host.texts.get(places.OLD_DOCKER_DROP_IN, "").startswith(places.WRITTEN_BY_US):
        yield Do(
            f"remove {places.OLD_DOCKER_DROP_IN}: the watch itself asks nothing of Docker",
            RemoveFile(places.OLD_DOCKER_DROP_IN),
        )
        yield from removed_folder(host, places.DROP_INS, {"docker.conf"}, quiet=True)


def _remove_old_drop_in(host: HostSurvey) -> Iterator[Step]:
    old = host.texts.get(places.OLD_DOCKER_DROP_IN)
    ours = {"docker.conf"} if old is not None and old.startswith(places.WRITTEN_BY_US) else set[str]()
    if ours:
        yield Do(f"remove {places.OLD_DOCKER_DROP_IN}", RemoveFile(places.OLD_DOCKER_DROP_IN))
    yield from removed_folder(host, places.DROP_INS, ours)


def text_file(host: HostSurvey, path: str, text: str, what: str, mode: int = 0o644) -> Step:
    """A text file that is ours: written where it is missing, and where it differs from what this version ships."""
    present = host.texts.get(path)
    if present == text:
        return Already(f"{path}: {what}")
    return Do(f"{'write' if present is None else 'replace'} {path}: {what}", WriteFile(path, text, mode))


def removed(host: HostSurvey, path: str) -> Iterator[Step]:
    if path in host.texts:
        yield Do(f"remove {path}", RemoveFile(path))


def removed_folder(host: HostSurvey, path: str, ours: Iterable[str], *, quiet: bool = False) -> Iterator[Step]:
    """The folder too, where nothing but our own files was in it."""
    if path not in host.listings:
        return
    others = sorted(set(host.listings[path]) - set(ours))
    if others and quiet:
        return
    if others:
        yield Note(f"kept: {path}, for what is not ours in it: {', '.join(others[:5])}")
    else:
        yield Do(f"remove {path}", RemoveFolder(path))
