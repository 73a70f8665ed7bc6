"""Mail over real servers on loopback: with TLS and a login, and servers that refuse, hang or hang up."""

import email
import email.policy
import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apprise
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from support.ports import free_port
from unit.golden.cases import NOW, cases, hostile_case

from runaway_watchdog.alerts import post, send
from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.alerts.channels import deliver
from runaway_watchdog.cli import diagnosis
from runaway_watchdog.cli.vitals import Vitals
from runaway_watchdog.render.message import Incident, message, plain
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect

USER, PASSWORD = "watchdog@example.org", "HUNTER2secret"
MESSAGE = message(cases()["compose"], "opened", NOW, Incident(number=12))
TO = "from=watchdog@example.org&to=you@example.org"


@dataclass
class Post:
    """A mail server's handler: keeps what it takes, and whom it refused."""

    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    unknown: tuple[str, ...] = ()
    port: int = 0

    def __call__(self, _server: Any, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        self.envelopes.append(envelope)
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl (Debian package openssl)")
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    options += ["-subj", "/CN=127.0.0.1"]
    options += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(["openssl", "req", *options], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")


@contextmanager
def serving(post: Post, certificate: Path, mode: str) -> Iterator[Post]:
    """A server that wants TLS and a login; `clear`: neither."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    options: dict[str, Any] = {
        "starttls": {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": post},
        "ssl": {"ssl_context": context, "auth_require_tls": False, "authenticator": post},
        "clear": {},
    }[mode]
    post.port = free_port()
    server = Controller(post, hostname="127.0.0.1", port=post.port, **options)
    server.start()
    try:
        yield post
    finally:
        server.stop()


def url(post: Post, mode: str, password: str = PASSWORD) -> str:
    return f"mailtos://{quote(USER)}:{password}@127.0.0.1:{post.port}?mode={mode}&smtp=127.0.0.1&{TO}"


@pytest.mark.parametrize("mode", ["starttls", "ssl"])
def test_mail_arrives_encrypted_after_a_login(certificate: Path, trusted: None, mode: str) -> None:
    """Both parts are ours to the letter; it says that a program wrote it, and has what a mail needs to be no spam."""
    with serving(Post(), certificate, mode) as post:
        assert deliver(url(post, mode), MESSAGE) == Delivered()
    (mail,) = post.mails
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert html.get_content().replace("\r\n", "\n") == MESSAGE.html
    assert text.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert (mail["Subject"], mail["Auto-Submitted"]) == (MESSAGE.subject, "auto-generated")
    assert (mail["From"].addresses[0].addr_spec, mail["To"]) == ("watchdog@example.org", "you@example.org")
    assert mail["Message-ID"].strip("<>").endswith("@example.org")
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 60
    assert (post.encrypted, post.logins) == ([True], [(USER.encode(), PASSWORD.encode())])


def test_text_alone_where_the_url_asks_for_it(certificate: Path, trusted: None) -> None:
    """`format=text`: no HTML part, and the very same text."""
    with serving(Post(), certificate, "ssl") as post:
        assert deliver(f"{url(post, 'ssl')}&format=text", MESSAGE) == Delivered()
    (mail,) = post.mails
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == MESSAGE.text


def test_hostile_names_add_no_header(certificate: Path, trusted: None) -> None:
    """Line breaks, controls and a megabyte in every name: one subject, the addressee of the URL, two parts."""
    words = "a\r\nBcc: x@y.org\r\n\r\n<b>\x1b[2J\u202e\udc80" + "W" * 1_000_000
    with serving(Post(), certificate, "ssl") as post:
        assert deliver(url(post, "ssl"), message(hostile_case(words), "opened", NOW)) == Delivered()
    (mail,), (envelope,) = post.mails, post.envelopes
    assert envelope.rcpt_tos == ["you@example.org"]
    assert sorted({name.lower() for name in mail}) == [
        "auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to",
    ]  # fmt: skip
    assert len(mail["Subject"]) <= 60
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_wrong_password_is_told_through_the_other_channel_and_by_doctor(
    certificate: Path, trusted: None, tmp_path: Path
) -> None:
    """A refusal for good: nothing of the password is told, and the mail is kept."""
    store, channels = tmp_path / "watchdog.db", ["first", "second"]
    with serving(Post(), certificate, "starttls") as first, serving(Post(), certificate, "ssl") as second:
        urls = [url(first, "starttls", "wrongHUNTER2"), url(second, "ssl")]
        config = {"alerts": {"urls": urls, "channels": channels}, "store": {"path": str(store)}}
        with closing(connect(store)) as connection:
            outbox.enqueue(connection, 1, "opened", "first", MESSAGE.to_json(), time.time() - 1)
        fd = os.memfd_create("configuration")
        os.write(fd, json.dumps(config).encode())
        try:
            for channel in channels:
                assert send.main(["--config-fd", str(fd), "--channel", channel]) == 0
        finally:
            os.close(fd)
    assert first.mails == []
    (mail,) = second.mails
    told = mail.get_body(("plain",))
    assert told is not None
    assert "the alert channel first refuses" in mail["Subject"]
    assert "login refused: 535" in told.get_content()
    assert "HUNTER2" not in told.get_content()
    with closing(connect(store)) as connection:
        seen = Vitals("alive", None, None, outbox.backlog(connection), outbox.health(connection))
    (check,) = diagnosis.of_outbox(seen, time.time())
    assert check.told.startswith("first has refused alerts for 0 s: login refused: 535")
    assert check.told.endswith("(1 message kept for it)")


def test_password_is_not_told_to_a_server_that_nobody_vouches_for(certificate: Path) -> None:
    """An unknown certificate, or none at all where one is wanted: no login, and the reason."""
    with serving(Post(), certificate, "starttls") as unknown, serving(Post(), certificate, "clear") as bare:
        strange, stripped = deliver(url(unknown, "starttls"), MESSAGE), deliver(url(bare, "starttls"), MESSAGE)
    assert isinstance(strange, Refused)
    assert (strange.permanent, "CERTIFICATE_VERIFY_FAILED" in strange.reason) == (False, True)
    assert isinstance(stripped, Refused)
    assert (stripped.permanent, "STARTTLS" in stripped.reason) == (True, True)
    assert unknown.logins + bare.logins == []


def test_certificate_of_ones_own_is_taken_where_the_url_says_so(certificate: Path) -> None:
    """`verify=no`: still encrypted, and nobody is asked who vouches for it."""
    with serving(Post(), certificate, "starttls") as post:
        assert deliver(f"{url(post, 'starttls')}&verify=no", MESSAGE) == Delivered()
    assert post.encrypted == [True]


def test_one_addressee_that_is_gone_does_not_keep_it_from_the_others(certificate: Path, trusted: None) -> None:
    """It is sent, once, and it is said for whom it was not; that nobody takes it is a refusal for good."""
    both = f"from={USER}&to=you@example.org,gone@example.org&bcc=third@example.org"
    with serving(Post(unknown=("gone@example.org",)), certificate, "clear") as post:
        answer = deliver(f"mailto://127.0.0.1:{post.port}?{both}", MESSAGE)
        nobody = deliver(f"mailto://127.0.0.1:{post.port}?from={USER}&to=gone@example.org", MESSAGE)
    assert isinstance(answer, Delivered)
    assert "550 5.1.1 no such mailbox" in answer.but
    (envelope,), (mail,) = post.envelopes, post.mails
    assert sorted(envelope.rcpt_tos) == ["third@example.org", "you@example.org"]
    assert "third@example.org" not in mail.as_string()
    assert isinstance(nobody, Refused)
    assert (nobody.permanent, "no such mailbox" in nobody.reason) == (True, True)


# --- servers that misbehave --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "permanent", "of_message", "words"),
    [
        ({"greeting": b"421 too busy\r\n"}, False, False, "421 too busy"),
        ({"greeting": b"554 not from your network\r\n"}, True, False, "554 not from your network"),
        ({"greeting": b""}, False, False, "timed out"),
        ({"greeting": None}, False, False, "closed"),
        ({"MAIL": b"250 half a li"}, False, False, "closed"),
        ({"RCPT": b"451 4.7.1 greylisted\r\n"}, False, False, "greylisted"),
        ({"RCPT": b"550 5.7.1 relay denied\r\n"}, True, False, "relay denied"),
        ({".": b"552 5.3.4 message too big\r\n"}, True, True, "too big"),
        ({".": b"552 5.2.2 mailbox full\r\n"}, True, False, "mailbox full"),
        ({".": b"550 5.7.1 spam\r\n"}, True, True, "spam"),
        ({".": b"554 5.7.1 spam\r\n"}, True, True, "spam"),
        ({".": b"451 try later\r\n"}, False, False, "try later"),
        ({".": None}, False, False, "closed"),
        ({".": b""}, False, False, "timed out"),
    ],
)
def test_what_a_mail_server_answers_decides_what_follows(
    scripted: Callable[[dict[str, bytes | None]], str],
    answers: dict[str, bytes | None],
    permanent: bool,
    of_message: bool,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it is tried again, whether it is the message or the channel, and the server's own words."""
    monkeypatch.setattr(post, "_TAKING_S", 1.0)
    answer = deliver(scripted(answers), MESSAGE)
    assert isinstance(answer, Refused)
    assert (answer.permanent, answer.of_message, words in answer.reason) == (permanent, of_message, True), answer


@pytest.mark.parametrize(
    ("written", "taken"), [("watchdog@example.org", "watchdog@example.org"), ("watchdog@vm", "root@localhost")]
)
def test_a_sender_needs_a_whole_domain(written: str, taken: str) -> None:
    """As docs/how-to/mail.md says: Apprise takes the bare name of a host for no address."""
    office = post.office(apprise.Apprise.instantiate(f"mailto://localhost?from={written}&to=you@example.org"))
    assert office is not None
    assert office.sender == taken


def test_a_server_that_looks_through_the_mail_is_waited_for(
    scripted: Callable[[dict[str, bytes | None]], str],
) -> None:
    """Longer than for a connection: it has the mail by then, and would have it twice."""
    assert deliver(scripted({".": b"3 250 taken at last\r\n"}), MESSAGE) == Delivered()


@pytest.mark.parametrize("goodbye", [None, b"", b"421 shutting down\r\n"])
def test_mail_that_was_taken_is_sent_whatever_comes_then(
    scripted: Callable[[dict[str, bytes | None]], str], goodbye: bytes | None
) -> None:
    """A server that hangs up in place of a goodbye is not sent the mail a second time."""
    assert deliver(scripted({"QUIT": goodbye}), MESSAGE) == Delivered()


def test_login_that_nobody_offers_is_a_refusal(scripted: Callable[[dict[str, bytes | None]], str]) -> None:
    """A user and a password for a server that knows no login: the URL is wrong, not the hour."""
    where = scripted({}).replace("mailto://", f"mailto://{quote(USER)}:{PASSWORD}@").replace("?", "?smtp=127.0.0.1&")
    answer = deliver(where, plain("a subject", "a text\n"))
    assert isinstance(answer, Refused)
    assert (answer.permanent, "AUTH" in answer.reason) == (True, True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("mailto://", f"mailto://{quote(USER)}:p%C3%A4ss@"), "beyond ASCII"),
        (("?", "?+Subject=another&"), "a header that the URL adds"),
    ],
)
def test_what_no_mail_can_carry_is_a_refusal_of_the_channel(
    scripted: Callable[[dict[str, bytes | None]], str], more: tuple[str, str], words: str
) -> None:
    """It is told through the others: no message will ever go through this one."""
    url = scripted({"EHLO": b"250-here\r\n250 AUTH PLAIN LOGIN\r\n"}).replace("?", "?smtp=127.0.0.1&").replace(*more)
    answer = deliver(url, MESSAGE)
    assert isinstance(answer, Refused)
    assert (answer.permanent, answer.of_message, words in answer.reason) == (True, False, True), answer
