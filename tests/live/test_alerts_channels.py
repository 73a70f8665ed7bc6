"""Delivery through Apprise to real servers on loopback: what arrives, and what is said when nothing does."""

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from support.ports import free_port
from unit.golden.cases import NOW, cases

from runaway_watchdog.alerts import forms
from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.alerts.channels import TERMINAL_URL, deliver, url_problem
from runaway_watchdog.alerts.slack import attachment
from runaway_watchdog.render import markdown as chat
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.message import Incident, Message, message

SECRET = "HUNTER2secret"
MESSAGE = message(cases()["compose"], "opened", NOW, Incident(number=12))


@dataclass
class Mailbox:
    """An SMTP server's handler: keeps what it takes, or answers as it is told."""

    mails: list[EmailMessage] = field(default_factory=list)
    refusal: str = ""

    async def handle_DATA(self, *session_and_envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refusal:
            return self.refusal
        self.mails.append(email.message_from_bytes(session_and_envelope[-1].content, policy=email.policy.default))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """The mailbox, and the URL that leads to it."""
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    yield box, f"mailto://127.0.0.1:{server.port}?from=watchdog@example.org&to=you@example.org"
    server.stop()


class Sink(HTTPServer):
    """A webhook: keeps what is posted, answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.status = 200
        self.posts: list[tuple[str, dict[str, Any]]] = []


class Hook(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"ok")  # Slack's own word for it

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def sink() -> Iterator[Sink]:
    server = Sink()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_mail_arrives_with_both_parts(mailbox: tuple[Mailbox, str]) -> None:
    """The HTML part and the plain part are ours to the letter, and the subject is whole."""
    box, url = mailbox
    assert deliver(url, MESSAGE) == Delivered()
    (mail,) = box.mails
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert mail["Subject"] == MESSAGE.subject
    assert html.get_content().replace("\r\n", "\n").strip() == MESSAGE.html.strip()
    assert plain.get_content().replace("\r\n", "\n").strip() == MESSAGE.text.strip()


def test_refused_mail_says_why(mailbox: tuple[Mailbox, str]) -> None:
    """The server's own words, and that asking again changes nothing."""
    box, url = mailbox
    box.refusal = "550 5.7.1 no such mailbox"
    answer = deliver(url, MESSAGE)
    assert isinstance(answer, Refused)
    assert answer.permanent
    assert "5.7.1 no such mailbox" in answer.reason
    assert "you@example.org" not in answer.reason
    assert box.mails == []


def test_nobody_listening_is_worth_another_try() -> None:
    """A refused connection is told as such, and the password nowhere."""
    for url in (
        f"mailto://me:{SECRET}@127.0.0.1:{free_port()}?from=a@example.org&to=b@example.org",
        f"json://me:{SECRET}@127.0.0.1:{free_port()}/{SECRET}",
        f"json://me:{SECRET}@nowhere.invalid/{SECRET}",
    ):
        answer = deliver(url, MESSAGE)
        assert isinstance(answer, Refused)
        assert not answer.permanent
        assert SECRET not in answer.reason
        assert "refused" in answer.reason or "not known" in answer.reason or "resolution" in answer.reason


def test_webhook_gets_the_text(sink: Sink) -> None:
    """A webhook of one's own gets the very text that `explain` prints."""
    assert deliver(f"json://127.0.0.1:{sink.server_port}/hook", MESSAGE) == Delivered()
    ((path, posted),) = sink.posts
    assert path == "/hook"
    assert posted["title"] == MESSAGE.subject
    assert posted["message"].strip() == MESSAGE.text.strip()


def test_webhook_gets_the_whole_case_file(sink: Sink) -> None:
    """A program on the other side need not read prose: the document is that of `explain --json`."""
    case = cases()["compose"]
    told = message(case, "opened", NOW, Incident(12, "critical", "Critical: x.", document=to_json(case)))
    assert deliver(f"json://127.0.0.1:{sink.server_port}/hook", told) == Delivered()
    ((_, posted),) = sink.posts
    assert posted["case"] == json.loads(json.dumps(to_json(case)))
    assert posted["incident"] == {"id": 12, "severity": "critical", "harm": "Critical: x."}
    assert (posted["schema_version"], posted["kind"]) == (1, "opened")


def test_slack_gets_blocks(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A header, prose that is not turned into links, and every command as preformatted text, literally."""
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{sink.server_port}/services")
    assert deliver("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7", MESSAGE) == Delivered()
    ((_, posted),) = sink.posts
    (attached,) = posted["attachments"]
    assert attached == attachment(MESSAGE)


def test_discord_gets_whole_fences(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within its 2,000 characters, every command that is shown is shown whole."""
    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://127.0.0.1:{sink.server_port}/api/webhooks")
    assert deliver(f"discord://4174216298/{'a' * 64}", MESSAGE) == Delivered()
    told = "".join(str(posted.get("content", "")) + json.dumps(posted.get("embeds", "")) for _, posted in sink.posts)
    assert "docker update --cpu-quota=20000 ocr-worker-1" in told
    assert told.count("```") % 2 == 0


def test_telegram_gets_literal_text(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preformatted: nothing in it is a link, a mention or typography."""
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{sink.server_port}/bot")
    assert deliver("tgram://123456789:abcdefg_hijklmnop/12315544/", MESSAGE) == Delivered()
    ((_, posted),) = sink.posts
    assert posted["parse_mode"].upper() == "HTML"
    assert "\n     docker stop ocr-worker-1\n" in posted["text"]
    assert "<pre>" in posted["text"]


def test_pager_gets_the_short_form(sink: Sink) -> None:
    """Subject and body together stay within 300 characters; what does not fit at all leaves the way to the rest."""
    sent = forms.form("ntfy", MESSAGE, 4096)
    assert sent.body == MESSAGE.push
    assert len(MESSAGE.subject) + 1 + len(sent.body) <= 300
    assert forms.form("sns", MESSAGE, 60).body == "sudo runaway-watchdog explain 3441"


def test_slack_style_webhook_gets_fenced_commands(sink: Sink) -> None:
    """Mattermost's webhook is Slack's: every command arrives in a fence, unchanged."""
    assert deliver(f"mmost://127.0.0.1:{sink.server_port}/{SECRET}", MESSAGE) == Delivered()
    ((_, posted),) = sink.posts
    told = json.dumps(posted, ensure_ascii=False)
    for step in cases()["compose"].plan.steps:
        assert f"```\\n{step.command}\\n```" in told


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (404, False), (429, False), (500, False)])
def test_answer_of_the_service_decides_about_another_try(sink: Sink, status: int, permanent: bool) -> None:
    """No is no; busy is not, and what is not found may be there again in a minute."""
    sink.status = status
    answer = deliver(f"json://me:{SECRET}@127.0.0.1:{sink.server_port}/{SECRET}", MESSAGE)
    assert isinstance(answer, Refused)
    assert answer.permanent is permanent
    assert str(status) in answer.reason
    assert SECRET not in answer.reason


def test_terminal_channel_prints_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no URL is configured, the alert is on standard output."""
    assert deliver(TERMINAL_URL, MESSAGE) == Delivered()
    printed = capsys.readouterr().out
    assert MESSAGE.subject in printed
    assert MESSAGE.text in printed


def test_nothing_is_printed_or_logged_by_apprise(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Apprise logs URLs: none of its lines leaves this process."""
    deliver(f"json://me:{SECRET}@127.0.0.1:{free_port()}/{SECRET}", MESSAGE)
    url_problem(f"slack://{SECRET}")
    captured = capfd.readouterr()
    assert captured.out + captured.err + caplog.text == ""


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"mailto://me:{SECRET}@example.org?to=a@b.org", None),
        ("json://localhost", None),
        (SECRET, "is not a URL"),
        (f"zzz://{SECRET}", "has a scheme that no service has"),
        (f"https://example.org/{SECRET}", "is an address that no service has"),
        (f"mailto://{SECRET}", "is malformed"),
        (f"slack://{SECRET}", "is malformed"),
        ("slack://", "is malformed"),
    ],
)
def test_malformed_url_is_explained_without_being_told(url: str, problem: str | None) -> None:
    """What is wrong, and no piece of the URL."""
    found = url_problem(url)
    if problem is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith(problem)
        assert SECRET not in found


def test_malformed_url_refuses_for_good() -> None:
    """A channel that cannot work is not tried again and again."""
    answer = deliver(f"slack://{SECRET}", MESSAGE)
    assert isinstance(answer, Refused)
    assert answer.permanent
    assert SECRET not in answer.reason


@pytest.mark.parametrize("limit", [300, 500, 1000, 2000])
def test_shortened_message_ends_with_the_way_to_the_rest(limit: int) -> None:
    """Whole blocks, no fence left open, and the command that shows everything."""
    short = chat.shortened(MESSAGE.markdown, limit)
    assert len(short) <= limit
    assert short.count("```") % 2 == 0
    assert short.rstrip().endswith("`sudo runaway-watchdog explain 3441`")
    assert chat.shortened("short", limit) == "short"


def test_message_survives_the_outbox() -> None:
    """What is written as JSON is read back; a message of subject and text alone is complete."""
    assert Message.from_json(MESSAGE.to_json()) == MESSAGE
    bare = Message.from_json(json.dumps({"subject": "a\r\nBcc: x", "text": "<b> ``` x"}))
    assert bare.subject == "a Bcc: x"
    assert "&lt;b&gt;" in bare.html
    assert bare.markdown.count("```") == 2


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"subject": 1, "text": "x"}', "\x00"])
def test_anything_else_is_no_message(document: str) -> None:
    """A damaged row is an error that is written down, not a crash."""
    with pytest.raises(ValueError):
        Message.from_json(document)
