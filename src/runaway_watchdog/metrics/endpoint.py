"""`GET /metrics` over plain HTTP/1.1: one small answer for each connection.

Nobody can keep it busy: whoever has not finished asking after five seconds is cut off, and however many ask, the
figures are read once a second at most.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from runaway_watchdog.metrics.exposition import CONTENT_TYPE
from runaway_watchdog.watch.notify import Notifier

FRESH_S: Final = 1.0
_ASKING_S: Final = 5.0
_LONGEST_REQUEST: Final = 16_384  # bytes, headers and all

Tell = Callable[[], str]


def serve(host: str, port: int, tell: Tell) -> None:
    """Answer until SIGTERM or SIGINT. Raises OSError where the address cannot be had."""
    asyncio.run(_serve(host, port, _once_a_second(tell, time.monotonic)))


def _once_a_second(tell: Tell, clock: Callable[[], float]) -> Tell:
    told, at = "", float("-inf")

    def fresh() -> str:
        nonlocal told, at
        if clock() - at >= FRESH_S:
            told = tell()
            at = clock()
        return told

    return fresh


async def _serve(host: str, port: int, tell: Tell) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_ASKING_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(request, tell))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError):
            pass  # whoever it was has not asked a question
        finally:
            writer.close()

    async with await asyncio.start_server(connected, host, port, limit=_LONGEST_REQUEST):
        Notifier(os.environ).ready()  # `systemctl start` waits for it, and fails where the address cannot be had
        await over.wait()


def answer(request: bytes, tell: Tell) -> bytes:
    """The whole answer to the head of a request."""
    method, _, rest = request.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if path != b"/metrics":
        return _response(HTTPStatus.NOT_FOUND, "the metrics are at /metrics\n")
    if method not in (b"GET", b"HEAD"):
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD\n", "Allow: GET, HEAD\r\n")
    return _response(HTTPStatus.OK, tell(), content_type=CONTENT_TYPE, with_body=method == b"GET")


def _response(
    status: HTTPStatus,
    text: str,
    headers: str = "",
    *,
    content_type: str = "text/plain; charset=utf-8",
    with_body: bool = True,
) -> bytes:
    body = text.encode("utf-8", "replace")
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (body if with_body else b"")
