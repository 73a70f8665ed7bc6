"""The messages of hand-made cases, compared with files that a person has read.

RUNAWAY_UPDATE_GOLDEN=1 rewrites them: read them again before they are kept.
"""

import html
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.golden.cases import NOW, cases, hostile_case
from unit.golden.report_case import report

from runaway_watchdog.alerts import forms
from runaway_watchdog.alerts.alertmanager import alerts
from runaway_watchdog.alerts.post import AS_READ, letter
from runaway_watchdog.alerts.slack import attachment
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.message import Incident, Message, message
from runaway_watchdog.render.report import page
from runaway_watchdog.render.text import ANSI, text

GOLDEN = Path(__file__).parent / "golden"
CASES = cases()
COMMANDS = ("docker ", "systemctl ", "rm ", "[ ", "# undo: ", "sudo ")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


CURVE = tuple((NOW - 1800 + at, 3.0 if at < 1400 else 40.0 if at == 1440 else 99.7) for at in range(0, 1800, 60))
ABOUT = Incident(12, "critical", "Critical: others wait for a CPU 43 % of the time.", CURVE)


def opened(name: str) -> Message:
    return message(CASES[name], "opened", NOW, ABOUT)


MARKUP = "a</pre><b>&amp;\r\nBcc: x@y\x1b[2J\u202e```\n*b* _i_ <!channel> @everyone [l](http://x) ${x} "
HOSTILE = MARKUP + "W" * 1_000_000


def mail(told: Message) -> str:
    """As `preview` writes it, with a boundary that is the same each time."""
    written = letter(told, AS_READ, encoding="8bit")
    written.set_boundary("=boundary")
    return written.as_bytes().decode()


FORMS: dict[str, Callable[[Message], str]] = {
    "txt": lambda told: f"{told.subject}\n\n{told.text}",
    "html": lambda told: told.html,
    "md": lambda told: told.markdown,
    "push": lambda told: f"{told.subject}\n{told.push}\n",
    "slack.json": lambda told: json.dumps(attachment(told), indent=1, ensure_ascii=False) + "\n",
    "webhook.json": lambda told: (
        json.dumps({"message": told.text, **told.document}, indent=1, ensure_ascii=False) + "\n"
    ),
    "eml": mail,
    "alertmanager.json": lambda told: json.dumps(alerts(told, NOW), indent=1, ensure_ascii=False) + "\n",
    "discord": lambda told: forms.form("discord", told, 2000).body,
    "telegram": lambda told: forms.form("tgram", told, 4096).body + "\n",
}


def golden(file: str, shown: str) -> None:
    if os.environ.get("RUNAWAY_UPDATE_GOLDEN"):
        (GOLDEN / file).write_text(shown, encoding="utf-8")
    assert shown == (GOLDEN / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["txt", "html", "md", "push", "slack.json"])
def test_message_is_the_golden_one(name: str, kind: str) -> None:
    """Each form of each case's message is, to the byte, what was reviewed."""
    golden(f"{name}.{kind}", FORMS[kind](opened(name)))


@pytest.mark.parametrize("kind", FORMS)
def test_hostile_message_is_the_golden_one(kind: str) -> None:
    """Names of a megabyte with markup, mentions, line breaks and controls: short and harmless in every channel."""
    about = ABOUT._replace(document=to_json(hostile_case(MARKUP)))
    told = message(hostile_case(HOSTILE), "opened", NOW, about)
    shown = FORMS[kind](told)
    golden(f"hostile.{kind}", shown)
    assert len(shown) <= {"push": 302, "discord": 2000, "telegram": 4097}.get(kind, 20_000)


@pytest.mark.parametrize("name", CASES)
def test_verbose_text_is_the_golden_one(name: str) -> None:
    """The verbose text adds evidence and checks, and is what was reviewed."""
    golden(f"{name}.verbose.txt", text(CASES[name], verbose=True, now=NOW) + "\n")


def test_report_is_the_golden_one() -> None:
    """The page, to the byte."""
    golden("report.html", page(report(), NOW))


def test_the_last_resort_stands_in_a_box_of_its_own() -> None:
    """Whoever pastes one green box after the other must not stop the whole service for one request."""
    case = CASES["systemd"]
    relief, door, stop, keep = case.plan.steps
    last = case._replace(plan=case.plan._replace(steps=(relief, door, stop._replace(last_resort=True), keep)))
    written = re.findall(r'<pre class="(\w+)"[^>]*>([^<]*)<', message(last, "opened", NOW, ABOUT).html)
    boxes = [kind for kind, line in written if html.unescape(line) in {step.command for step in last.plan.steps}]
    assert boxes == ["do", "do", "last", "do"]
    shown = page(report()._replace(case=last), NOW)
    assert re.findall(r'class="command (do|last)"', shown) == boxes


@pytest.mark.parametrize("name", CASES)
def test_text_fits_a_screen(name: str) -> None:
    """An ordinary case fits 80 columns and 40 rows with a prompt; only commands may be wider."""
    lines = text(CASES[name], now=NOW).splitlines()
    assert len(lines) <= 38
    assert [line for line in lines if len(line) > 80 and not line.lstrip().startswith(COMMANDS)] == []


@pytest.mark.parametrize("name", CASES)
def test_commands_stand_alone_and_whole(name: str) -> None:
    """Every command of the plan, every undo and every warning is one whole line of the text."""
    lines = [line.strip() for line in text(CASES[name], now=NOW).splitlines()]
    plan = CASES[name].plan
    for step in plan.steps:
        assert step.command in lines
        assert f"# undo: {step.undo}" in lines
    for never in plan.dangerous:
        assert never.command in lines


@pytest.mark.parametrize("name", CASES)
def test_colours_add_nothing_but_colours(name: str) -> None:
    """Without its escape sequences the coloured text is the plain one."""
    coloured = text(CASES[name], style=ANSI, now=NOW)
    plain = text(CASES[name], now=NOW)
    for code in ("0", "1", "2", "31", "32", "33", "1;36"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


@pytest.mark.parametrize("name", CASES)
def test_subject_says_the_essential_in_60_characters(name: str) -> None:
    """The subject fits a phone's notification and names who it is about."""
    subject = opened(name).subject
    assert len(subject) <= 60
    assert CASES[name].process.name in subject or CASES[name].owners[0].name in subject


def test_sections_keep_the_order_of_the_contract() -> None:
    """what, who brings it back, if you, do this, never this, not seen: in the text, the HTML and the Markdown alike."""
    told = message(CASES["compose"]._replace(gaps=CASES["gaps"].gaps), "opened", NOW)
    for form in (told.text, told.html, told.markdown):
        places = [form.index(each) for each in ("99.7 %", "WHO BRINGS", "IF YOU", "DO THIS", "NEVER THIS", "NOT SEEN")]
        assert places == sorted(places)


def test_masked_secret_of_the_command_line_is_in_no_form() -> None:
    """A password among the arguments is told by its name alone."""
    told = opened("systemd")
    for form in (told.subject, told.text, told.html, told.markdown, text(CASES["systemd"], verbose=True, now=NOW)):
        assert "HUNTER2" not in form
    assert "--password=***" in told.text
