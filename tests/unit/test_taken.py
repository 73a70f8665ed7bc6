"""What a log says of a port that is in use, and which."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.explain.taken import NOT_TOLD, port_of

NODE = """\
Error: listen EADDRINUSE: address already in use :::3002
    at Server.setupListenHandle [as _listen2] (node:net:1817:16)
  code: 'EADDRINUSE',
  syscall: 'listen',
  address: '::',
  port: 3002
"""


@pytest.mark.parametrize(
    ("said", "port"),
    [
        (NODE, 3002),
        ("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", 80),
        ("[Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use", NOT_TOLD),
        ("OSError: [Errno 98] Address already in use", NOT_TOLD),
        ("listen tcp :8080: bind: address already in use", 8080),
        ("Web server failed to start. Port 8080 was already in use.", 8080),
        ("Error: That port is already in use. port 5000 is in use", 5000),
        ("Could not bind to 127.0.0.1:6379: Address in use", 6379),
        ("address book in use by 3 users", None),
        ("listening on port 3002", None),
        ("", None),
    ],
)
def test_the_port_of_a_complaint(said: str, port: int | None) -> None:
    """As servers of many kinds write it; none where nothing is complained of."""
    assert port_of(said.splitlines()) == port


@given(st.lists(st.text(alphabet="EADRINUSportaless ai:0123456789", max_size=80), max_size=10))
def test_any_log_is_read_without_harm(said: list[str]) -> None:
    """It is whatever a program printed."""
    port_of(said)
