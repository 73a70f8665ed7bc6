"""What keeps this layer pure: while one of its tests runs, no program is started and nobody is spoken to."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

FORBIDDEN = frozenset(
    (
        *("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("socket.bind", "socket.connect"),
    )
)
"""Events of sys.audit(), https://docs.python.org/3/library/audit_events.html."""
_watched = False


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if _watched and event in FORBIDDEN:
        raise AssertionError(f"{event}: what starts programs or speaks to somebody belongs into tests/live")


sys.addaudithook(_refuse)  # there is no way to take one away: it costs nothing where it is not watched


@pytest.fixture(autouse=True)
def pure() -> Iterator[None]:
    """Each test of this folder."""
    global _watched  # noqa: PLW0603 - a hook is given nothing of ours
    _watched = True
    yield
    _watched = False
