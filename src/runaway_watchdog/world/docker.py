"""The Docker Engine of this host, read-only by construction.

The transport itself refuses whatever is not one of the listed GETs: not every GET is harmless (attach, exports and
archives stream data out of a container). The Docker socket is root all the same; the README says so.
"""

import errno
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import LIMIT_S, Unanswered

if TYPE_CHECKING:
    from docker.api.client import APIClient

DEFAULT_SOCKET = "/var/run/docker.sock"
ALLOWED = re.compile(
    r"(/v[0-9.]+)?/(_ping|version|info|containers/json|containers/[^/]+/json|volumes|volumes/[^/]+|system/df|networks"
    r"|images/json|services)"
)
NEWEST_VERSION = "1.45"
"""The newest API whose answers we know; the engine's own is used where it is older."""

Answer = TypeVar("Answer")


class LiveEngine:
    """See `world.Engine`. Every answer, also "no answer", is kept for the life of the object: one case asks once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._host = environment.get("DOCKER_HOST") or None
        self._client: APIClient | None = None
        self._failure: Gap | None = None
        self._kept: dict[str, Any] = {}

    def endpoint(self) -> str | None:
        return self._host

    def version(self) -> Mapping[str, Any]:
        return self._ask("version", lambda client: client.version(api_version=False))

    def info(self) -> Mapping[str, Any]:
        return self._ask("info", lambda client: client.info())

    def containers(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("containers", lambda client: client.containers(all=True))

    def container(self, reference: str) -> Mapping[str, Any] | None:
        from docker.errors import NotFound  # docker is imported when it is needed: 100 ms

        def inspect(client: "APIClient") -> Mapping[str, Any] | None:
            try:
                found: Mapping[str, Any] = client.inspect_container(reference)
                return found
            except NotFound:
                return None

        return self._ask(f"container {reference}", inspect)

    def volumes(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("volumes", lambda client: client.volumes()["Volumes"] or [])

    def images(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("images", lambda client: client.images())

    def networks(self) -> Sequence[Mapping[str, Any]]:
        return self._ask("networks", lambda client: client.networks())

    def services(self) -> Sequence[Mapping[str, Any]]:
        if not self.info().get("Swarm", {}).get("ControlAvailable"):
            return ()  # to any other node the engine answers "This node is not a swarm manager"
        return self._ask("services", lambda client: client.services())  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Let the connection go; what was answered stays."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, question: str, ask: Callable[["APIClient"], Answer]) -> Answer:
        """Ask once; raises Unanswered at once for everything after the first time-out."""
        if question not in self._kept and self._failure is None:
            self._failure = self._try(question, ask)
        if self._failure is not None:
            raise Unanswered(self._failure)
        answer: Answer = self._kept[question]
        return answer

    def _try(self, question: str, ask: Callable[["APIClient"], Any]) -> Gap | None:
        """Keep the answer, or tell why there is none. The fault itself is let go: it holds the connection open."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            if self._client is None:
                self._client = _connect(self._host)
            self._kept[question] = ask(self._client)
        # The last three: an answer that is no JSON, or not what an engine answers, from whoever owns the socket
        except (DockerException, RequestException, OSError, ValueError, LookupError, TypeError) as fault:
            self.close()
            return _gap(fault, self._host)
        return None


def _connect(host: str | None) -> "APIClient":
    """A client that speaks the newest API version that both sides know."""
    from docker.constants import MINIMUM_DOCKER_API_VERSION

    with closing(_client(host, MINIMUM_DOCKER_API_VERSION)) as asking:
        newest = str(asking.version(api_version=False)["ApiVersion"])
    return _client(host, min(newest, NEWEST_VERSION, key=_version_key))


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _client(host: str | None, version: str) -> "APIClient":
    from docker.api.client import APIClient
    from requests import PreparedRequest, Response
    from requests.adapters import BaseAdapter

    class ReadOnly(BaseAdapter):
        """Passes a listed GET on; everything else never leaves this process."""

        def __init__(self, inner: BaseAdapter) -> None:
            super().__init__()
            self._inner = inner

        def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
            path = request.path_url.partition("?")[0]
            if request.method != "GET" or not ALLOWED.fullmatch(path):
                raise PermissionError(errno.EPERM, f"the watchdog only reads: {request.method} {path}")
            return self._inner.send(request, *args, **kwargs)

        def close(self) -> None:
            self._inner.close()

    client = APIClient(base_url=host, version=version, timeout=LIMIT_S)
    for prefix, adapter in list(client.adapters.items()):
        client.mount(prefix, ReadOnly(adapter))
    return client


def _gap(fault: BaseException, host: str | None) -> Gap:
    """Why the engine did not answer, from the system's own error number where there is one."""
    where = host or DEFAULT_SOCKET
    number = _errno(fault)
    if number in (errno.EACCES, errno.EPERM):
        return Gap("docker", f"permission denied on {where}", "run it with sudo")
    if number in (errno.ENOENT, errno.ECONNREFUSED):
        return Gap(
            "docker", f"no Docker Engine answers at {where}", "start Docker, or set DOCKER_HOST if it is elsewhere"
        )
    if "timeout" in type(fault).__name__.lower() or "timed out" in str(fault).lower():
        return Gap(
            "docker",
            f"the Docker Engine did not answer within {LIMIT_S:g} s",
            "see what it is doing: journalctl -u docker -n 50",
        )
    return Gap(
        "docker", f"the Docker Engine at {where} answered with {type(fault).__name__}", "check it: docker version"
    )


def _errno(fault: BaseException | object) -> int | None:
    """The first error number in a chain of exceptions: requests and urllib3 wrap the one that says why."""
    seen: set[int] = set()
    pending: list[object] = [fault]
    while pending:
        each = pending.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, OSError) and isinstance(each.errno, int):
            return each.errno
        pending += [each.__cause__, each.__context__, *each.args, getattr(each, "reason", None)]
    return None
