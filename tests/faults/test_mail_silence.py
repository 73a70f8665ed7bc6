"""Mail servers that say nothing: no mail is lost, and none comes more than twice."""

import email
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from runaway_watchdog.alerts import post, send
from runaway_watchdog.cli import diagnosis
from runaway_watchdog.cli.vitals import Vitals
from runaway_watchdog.render.message import plain
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect

MESSAGE = plain("a subject", "a text\n")


def sent_again(store: Path, url: str, times: int) -> tuple[outbox.Health, int]:
    """The sender runs so often. How it goes with the channel then, and how many messages wait."""
    with closing(connect(store)) as connection:
        outbox.enqueue(connection, 1, "opened", "mail", MESSAGE.to_json(), time.time())
        for _ in range(times):
            send.send_due(connection, "mail", url, {"alerts": {"urls": [url], "channels": ["mail"]}})
        (health,) = outbox.health(connection)
        return health, len(outbox.due(connection, time.time()))


@pytest.mark.parametrize("silent", [b"", None, b"drips"])
def test_a_server_that_never_says_that_it_has_the_mail_gets_it_twice(
    scripted: Callable[[dict[str, bytes | None]], str],
    mails: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    silent: bytes | None,
) -> None:
    """The second under the same Message-ID, by which servers and readers fold both. Then doctor has it."""
    monkeypatch.setattr(post, "_TAKING_S", 0.5)
    monkeypatch.setattr(post, "_IN_ALL_S", 1.0)
    health, waiting = sent_again(tmp_path / "watchdog.db", scripted({".": silent}), 4)
    numbers = {each["Message-ID"] for each in map(email.message_from_bytes, mails)}
    assert (len(mails), len(numbers), waiting) == (2, 1, 0)
    (check,) = diagnosis.of_outbox(Vitals("alive", None, None, (), (health,)), time.time())
    assert "mail" in check.told
    assert check.state == "note"


def test_a_server_that_does_not_even_greet_is_waited_for(
    scripted: Callable[[dict[str, bytes | None]], str], mails: list[bytes], tmp_path: Path
) -> None:
    """It has got nothing: the message stays, however often it is tried."""
    health, waiting = sent_again(tmp_path / "watchdog.db", scripted({"greeting": b""}), 3)
    assert (health.failures, waiting, mails) == (3, 1, [])


def test_two_messages_of_one_text_are_two_mails(
    scripted: Callable[[dict[str, bytes | None]], str], mails: list[bytes], tmp_path: Path
) -> None:
    """A second reminder in the same words is no copy of the first."""
    url = scripted({})
    for _ in range(2):
        sent_again(tmp_path / "watchdog.db", url, 1)
    assert len({email.message_from_bytes(each)["Message-ID"] for each in mails}) == 2
