"""The way to engines that a plain socket does not reach: TLS, ssh://, and what else the `docker` package knows.

Importing it takes 100 ms and more, so it is imported only for them.
"""

import errno
import time
from collections.abc import Mapping
from ssl import SSLError
from typing import Any

from docker.api.client import APIClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import DockerException
from docker.utils import kwargs_from_env
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import RequestException, Timeout

from runaway_watchdog.world.http import MOST_BYTES, Answer, NotHTTPError


class ReadOnly(BaseAdapter):
    """Passes a GET on; everything else never leaves this process."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        if request.method != "GET":
            raise PermissionError(errno.EPERM, f"the watchdog only reads: {request.method} {request.path_url}")
        return self._inner.send(request, *args, **kwargs)

    def close(self) -> None:
        self._inner.close()


def client(environment: Mapping[str, str], seconds: float) -> APIClient:
    """A client of the engine that DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH name, which can only read."""
    settings = kwargs_from_env(environment=dict(environment))
    # (with a version given it asks nothing by itself; the paths that it is asked for name their own)
    made = APIClient(**settings, version=MINIMUM_DOCKER_API_VERSION, timeout=seconds)  # type: ignore[arg-type]
    made.trust_env = False  # or $REQUESTS_CA_BUNDLE would win over DOCKER_CERT_PATH
    for prefix, adapter in list(made.adapters.items()):
        made.mount(prefix, ReadOnly(adapter))
    return made


def get(environment: Mapping[str, str], path: str, *, seconds: float) -> Answer:
    """As http.get, on a connection of its own. Raises OSError and NotHTTPError."""
    deadline = time.monotonic() + seconds
    try:
        made = client(environment, seconds)
        try:
            with made.get(f"{made.base_url}{path}", stream=True, timeout=seconds) as response:
                return Answer(response.status_code, _body(response, deadline))
        finally:
            made.close()
    except Timeout as fault:
        raise TimeoutError(str(fault)) from fault
    except (DockerException, RequestException) as fault:
        raise OSError(_errno(fault) or 0, str(fault)) from fault


def _body(response: Response, deadline: float) -> bytes:
    found = bytearray()
    for part in response.iter_content(1 << 16):
        found += part
        if time.monotonic() > deadline:
            raise TimeoutError("the exchange took too long")
        if len(found) > MOST_BYTES:
            raise NotHTTPError("the answer is too long")
    return bytes(found)


def _errno(fault: BaseException) -> int | None:
    """The first error number in a chain of exceptions: requests and urllib3 wrap the one that says why."""
    seen: set[int] = set()
    pending: list[object] = [fault]
    while pending:
        each = pending.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, OSError) and isinstance(each.errno, int) and not isinstance(each, SSLError):
            return each.errno  # (OpenSSL counts its errors from 1 too, and there 1 is not EPERM)
        pending += [each.__cause__, each.__context__, *each.args, getattr(each, "reason", None)]
    return None
