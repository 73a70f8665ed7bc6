"""The Docker Engine of this host, read-only by construction.

The one function that asks refuses whatever is not one of the listed GETs: not every GET is harmless (attach, exports
and archives stream data out of a container). The Docker socket is root all the same; the README says so.
"""

import errno
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar, cast

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, http, patience
from runaway_watchdog.world.held import Held, held

DEFAULT_SOCKET = "/var/run/docker.sock"
PID_FILE = "/var/run/docker.pid"
"""dockerd's default, where nothing else is configured."""
ALLOWED = re.compile(
    r"(/v[0-9.]+)?/(_ping|version|info|containers/json|containers/[^/?]+/json|containers/[^/?]+/changes|volumes|volumes/[^/?]+|system/df|networks"
    r"|images/json|services)(\?.*)?"
)
WALKS = re.compile(r"/changes$|\?size=1$")
"""Questions for which the engine walks a container's files."""
NEWEST_VERSION = (1, 45)
"""The newest API whose answers we know."""
OLDEST_VERSION = (1, 24)
"""Before it an engine answers in other words (Docker 1.12, of 2016)."""

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,4})")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PLAIN_TCP = re.compile(r"(?:tcp|http)://(?:\[([0-9A-Fa-f:.]+)\]|([^][/:@]+)):(\d{1,5})/?")

Get = Callable[[str, int], http.Answer]
"""Asks for a path, for so many seconds at most."""
Kind = TypeVar("Kind", dict[str, Any], list[dict[str, Any]])


class LiveEngine:
    """See `world.Engine`. Every answer, also "no answer", is kept for the life of the object: one case asks once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._host = environment.get("DOCKER_HOST") or None
        self._where = self._host or DEFAULT_SOCKET
        self._get = _way(environment)
        self._failure: Gap | None = None if self._host else _cannot_answer(held(PID_FILE, "dockerd"))
        self._kept: dict[str, Any] = {}

    def endpoint(self) -> str | None:
        return self._host

    def version(self) -> Mapping[str, Any]:
        return self._ask("/version", dict)

    def info(self) -> Mapping[str, Any]:
        return self._ask("/info", dict)

    def containers(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("/containers/json?all=1", list)

    def container(self, reference: str) -> Mapping[str, Any] | None:
        if not _REFERENCE.fullmatch(reference):
            return None  # Docker takes no such name
        return self._found(f"/containers/{reference}/json", dict)

    def sized(self, reference: str) -> Mapping[str, Any] | None:
        return self._found(f"/containers/{reference}/json?size=1", dict) if _REFERENCE.fullmatch(reference) else None

    def changes(self, reference: str) -> Sequence[Mapping[str, Any]]:
        if not _REFERENCE.fullmatch(reference):
            return ()
        return self._found(f"/containers/{reference}/changes", list) or ()

    def volumes(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("/volumes", dict).get("Volumes") or []

    def images(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("/images/json", list)

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("/networks", list)

    def services(self) -> Sequence[Mapping[str, Any]]:
        if not (self.info().get("Swarm") or {}).get("ControlAvailable"):
            return ()  # to any other node the engine answers "This node is not a swarm manager"
        return self._ask("/services", list)

    def _ask(self, path: str, kind: type[Kind]) -> Kind:
        found = self._found(path, kind)
        if found is None:
            raise Unanswered(_refused(404, path, self._where))
        return found

    def _found(self, path: str, kind: type[Kind]) -> Kind | None:
        """The engine's answer, asked for once; None where it says 404.

        Raises Unanswered: for what it refuses, and, once it was silent or said nonsense, at once for everything else.
        """
        if path not in self._kept:
            self._kept[path] = self._failure or self._try(path, kind)
        if isinstance(self._kept[path], Gap):
            raise Unanswered(self._kept[path])
        return cast("Kind | None", self._kept[path])

    def _try(self, path: str, kind: type[Kind]) -> Kind | Gap | None:
        """The answer, or why there is none. A refusal (a socket proxy's 403) speaks of this one question only."""
        seconds = patience.limit_s()
        try:
            if path == "/version":
                status, found = self._exchange(path, kind, seconds)
            else:
                status, found = self._exchange(_spoken(self.version()) + path, kind, seconds)
        except Unanswered as unanswered:
            return unanswered.gap
        except (OSError, ValueError, RecursionError) as fault:
            gap = _gap(fault, self._where, seconds)
            if not WALKS.search(path):  # a large container is no silent engine
                self._failure = gap
            return gap
        if status == 404:
            return None
        return _refused(status, path, self._where) if found is None else found

    def _exchange(self, path: str, kind: type[Kind], seconds: int) -> tuple[int, Kind | None]:
        """The status, and with 200 the document. Raises OSError, and ValueError for what no engine says."""
        if not ALLOWED.fullmatch(path):
            raise PermissionError(errno.EPERM, f"the watchdog only reads: GET {path}")
        status, body = self._get(path, seconds)
        if status != 200:
            return status, None
        found = json.loads(body)
        if found is None and kind is list:
            found = []  # as it tells that nothing was changed
        if not _fits(found, kind):
            raise ValueError("an engine does not answer like this")
        return status, found


def _way(environment: Mapping[str, str]) -> Get:
    """How this engine is reached: by a plain socket where it has one, else by the `docker` package."""
    host = environment.get("DOCKER_HOST") or f"unix://{DEFAULT_SOCKET}"
    address: http.Address | None = None
    if host.startswith("unix://"):
        address = host.removeprefix("unix://")
    elif not environment.get("DOCKER_TLS_VERIFY") and (found := _PLAIN_TCP.fullmatch(host)):
        address = (found[1] or found[2], int(found[3]))
    if address is not None:
        return partial(http.get, address)

    def by_library(path: str, seconds: int) -> http.Answer:
        from runaway_watchdog.world import docker_library  # 100 ms and more

        return docker_library.get(environment, path, seconds=seconds)

    return by_library


def _fits(found: Any, kind: type[Kind]) -> bool:
    if kind is dict:
        return isinstance(found, dict)
    return isinstance(found, list) and all(isinstance(each, dict) for each in found)


def _spoken(version: Mapping[str, Any]) -> str:
    """The newest API that both sides know, as a path's start. Raises ValueError where there is none."""
    newest = _version(version["ApiVersion"]) if "ApiVersion" in version else (0, 0)
    oldest = _version(version.get("MinAPIVersion", "1.12"))
    if newest < OLDEST_VERSION:
        raise ValueError("an engine that old, or none")
    return "/v{}.{}".format(*min(max(NEWEST_VERSION, oldest), newest))


def _version(text: Any) -> tuple[int, int]:
    found = _VERSION.fullmatch(str(text))
    if found is None:
        raise ValueError("not a version")
    return int(found[1]), int(found[2])


_LETS_GO_ON: Final = {"stopped": "systemctl kill --signal=CONT docker", "frozen": "systemctl thaw docker"}


def _cannot_answer(how: Held) -> Gap | None:
    """It is not waited for: on a crowded host that would be as long as for one that is late."""
    if not how:
        return None
    problem = f"the Docker Engine cannot answer: its process is {how}"
    return Gap("docker", problem, f"let it go on: {_LETS_GO_ON[how]}")


def _refused(status: int, path: str, where: str) -> Gap:
    mend = "let its proxy pass that question: it only reads" if status == 403 else "check it: docker version"
    return Gap("docker", f"the Docker Engine at {where} answered GET {path} with status {status}", mend)


def _gap(fault: Exception, where: str, seconds: int) -> Gap:
    """Why the engine did not answer, from the system's own error number where there is one."""
    if isinstance(fault, TimeoutError):
        problem = f"the Docker Engine did not answer within {seconds} s"
        return Gap("docker", problem, "see what it is doing: journalctl -u docker -n 50")
    number = fault.errno if isinstance(fault, OSError) else None
    if number in (errno.EACCES, errno.EPERM):
        return Gap("docker", f"permission denied on {where}", "run it with sudo")
    if isinstance(fault, OSError):
        known = number in (errno.ENOENT, errno.ECONNREFUSED)
        told = "" if known else f" ({clean(fault.strerror or str(fault), 200)})"
        mend = "start Docker, or set DOCKER_HOST if it is elsewhere"
        return Gap("docker", f"no Docker Engine answers at {where}{told}", mend, absent=True)
    return Gap("docker", f"what answers at {where} does not speak as a Docker Engine does", "check it: docker version")
