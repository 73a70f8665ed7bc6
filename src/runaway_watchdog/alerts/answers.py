"""What the service behind a channel answered: Apprise tells only whether it took the message."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

from requests.adapters import HTTPAdapter

OF_MESSAGE: Final = frozenset((400, 413, 422))
"""It is this message that the service does not take."""
PERMANENT: Final = frozenset((400, 401, 403, 405, 410, 413, 422))
"""Trying again changes nothing before somebody mends something."""
IF_IT_LASTS: Final = frozenset((404,))
"""A wrong address, or a proxy whose service is being restarted: only time tells."""
_LONGEST_S: Final = 86400.0


class Delivered(NamedTuple):
    """The service took it. `but`: whom of several it did not take it for, and why."""

    but: str = ""


class Refused(NamedTuple):
    """It did not. `permanent`: trying again changes nothing before somebody mends the configuration."""

    permanent: bool
    reason: str
    retry_after_s: float | None = None  # what the service asked for
    of_message: bool = False  # it is this message that it does not take; others it may
    if_it_lasts: bool = False  # permanent, once it has said so for long
    may_have_it: bool = False  # it got all of the message, and then did not answer


class Answer(NamedTuple):
    """One answer over HTTP."""

    status: int
    retry_after_s: float | None


@contextmanager
def answers() -> Iterator[list[Answer]]:
    """Every answer that `requests` gets meanwhile: a hundred plugins use it, none shows the headers."""
    got: list[Answer] = []
    send = HTTPAdapter.send

    def listening(self: HTTPAdapter, *arguments: Any, **options: Any) -> Any:
        response = send(self, *arguments, **options)
        got.append(Answer(response.status_code, seconds(response.headers.get("Retry-After"), time.time())))
        return response

    HTTPAdapter.send = listening  # type: ignore[method-assign]
    try:
        yield got
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]


def seconds(header: str | None, now: float) -> float | None:
    """A Retry-After header: seconds (Discord gives fractions) or a date (RFC 9110, 10.2.3); at most a day."""
    if not header:
        return None
    try:
        asked = float(header)
    except ValueError:
        try:
            asked = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return min(asked, _LONGEST_S) if asked > 0 else None  # "nan" is not greater
