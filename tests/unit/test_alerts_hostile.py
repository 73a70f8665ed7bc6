"""Text that processes choose: nothing in it reaches a terminal, a mail, a chat or a log as anything but text."""

import re
import time
import unicodedata

import pytest
from hypothesis import given, strategies as st
from unit.golden.cases import NOW, hostile_case

from runaway_watchdog.hostile import chat_text, clean, code_text, header, printable
from runaway_watchdog.masking import MASK, mask_argv, mask_text, mask_variable, shown_command
from runaway_watchdog.render.message import Incident, message
from runaway_watchdog.render.text import text

ANY_TEXT = st.text(st.characters(), max_size=120)  # lone surrogates too: os.fsdecode makes them
_PIECES = [
    "\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r\nBcc: x@y", "<script>alert(1)</script>", "</pre>", "\u202e", "\ud800",
    "\x00", "\u2028", "```", "`x`", "<!channel>", "@everyone", "*b*", "_i_", "[a](http://x)", "&lt;", "{title}", "%s",
]  # fmt: skip
NASTY = st.sampled_from(_PIECES)
HOSTILE = st.lists(st.one_of(NASTY, ANY_TEXT), max_size=5).map("".join)
SECRET = "HUNTER2"
INVISIBLE = {"BN", "LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidi classes of what takes no space, and of what turns the direction of all that follows."""


@given(ANY_TEXT)
def test_clean_text_is_one_line_that_a_terminal_only_prints(text: str) -> None:
    """No control, no format character, no lone surrogate and no line break is left."""
    for character in clean(text):
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}, repr(character)
        assert unicodedata.bidirectional(character) not in INVISIBLE, repr(character)


@given(HOSTILE, st.integers(min_value=5, max_value=50))
def test_clean_text_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    """What is cut ends with an ellipsis."""
    cut = clean(text, limit)
    assert len(cut) <= limit
    assert len(clean(text, 10_000)) <= limit or cut.endswith("…")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;owned\x07after", "after"),
        ("a\r\nb\tc", "a b c"),
        ("txt\u202efdp.exe", "txt\ufffdfdp.exe"),
        ("nul\x00", "nul\ufffd"),
        ("\udc80", "\ufffd"),
        ("naïve 中文 🦊", "naïve 中文 🦊"),
    ],
)
def test_clean_examples(raw: str, shown: str) -> None:
    """Escape sequences vanish, what is left of controls is visible as U+FFFD, and people's scripts stay."""
    assert clean(raw) == shown


@given(HOSTILE)
def test_header_is_one_line(text: str) -> None:
    """No further header can follow."""
    assert len(header(text).splitlines()) <= 1


@given(HOSTILE)
def test_chat_text_starts_no_markup(text: str) -> None:
    """No mention, no link, no code, no emphasis."""
    shown = chat_text(text)
    assert not set(shown) & set("<>`*~[]@|\\")
    assert "://" not in shown
    assert not re.search(r"(?:^|\W)_\w", shown)


@given(HOSTILE)
def test_code_text_cannot_close_its_fence(text: str) -> None:
    """Code stays code, and Slack finds no <!mention> in it."""
    assert not set(code_text(text)) & set("<>`")


def test_prose_with_names_of_every_day_stays_readable() -> None:
    """An underscore inside a name, a path and a dash are no markup."""
    assert chat_text("volume ocr_pgdata of ocr-db-1, /srv/ocr/a.yml") == "volume ocr_pgdata of ocr-db-1, /srv/ocr/a.yml"


@pytest.mark.parametrize(
    "argv",
    [
        ("mysql", "-uroot", f"-p{SECRET}", "db"),
        ("/usr/bin/mysqldump", f"-p{SECRET}"),
        ("app", "--password", SECRET),
        ("app", f"--db-password={SECRET}"),
        ("app", "-token", SECRET),
        ("app", f"--api-key={SECRET}"),
        ("curl", "-u", f"me:{SECRET}", "https://example.org"),
        ("curl", "-H", f"Authorization: Bearer {SECRET}{SECRET}"),
        ("curl", "-d", f'{{"password": "{SECRET}"}}'),
        ("curl", f"https://example.org/?access_token={SECRET}&a=1"),
        ("redis-cli", "-a", SECRET),
        ("sshpass", "-p", SECRET, "ssh", "host"),
        ("psql", f"postgres://me:{SECRET}@db/x"),
        ("psql", f"postgres://me:a@{SECRET}@db/x"),
        ("app", f"redis://:{SECRET}@cache:6379/0"),
        ("psql", f"host=db password={SECRET} user=me"),
        ("env", f"PGPASSWORD={SECRET}", "psql"),
        ("env", f"AWS_SECRET_ACCESS_KEY={SECRET}", "app"),
        ("sh", "-c", f"mysql -u root -p{SECRET} < dump; MY_TOKEN='{SECRET} x' app"),
        ("java", f"-Dspring.datasource.password={SECRET}", "-jar", "app.jar"),
        ("app", f"https://hooks.slack.com/services/T000/B000/{SECRET}"),
        ("app", f"https://discord.com/api/webhooks/123/{SECRET}"),
    ],
)
def test_secrets_in_command_lines_are_masked(argv: tuple[str, ...]) -> None:
    """The canary is gone, its mask is there, and masking again changes nothing."""
    masked = mask_argv(argv)
    assert SECRET not in " ".join(masked)
    assert MASK in " ".join(masked)
    assert mask_argv(masked) == masked


@pytest.mark.parametrize(
    "argv",
    [
        ("tesseract", "/in/scan.png", "/out", "-l", "deu"),
        ("ssh", "-p", "2222", "-i", "key.pem", "me@host"),
        ("mysql", "-p", "shop"),
        ("nginx: master process /usr/sbin/nginx -g daemon off;",),
        ("python3", "-m", "token_server", "--port", "80"),
        ("docker", "update", "--restart=no", "ocr-worker-1"),
        ("/lib/systemd/systemd-logind",),
        (),
    ],
)
def test_ordinary_command_lines_stay_as_they_are(argv: tuple[str, ...]) -> None:
    """What holds no secret is shown in full: it is what people recognise the process by."""
    assert mask_argv(argv) == argv


@given(st.lists(HOSTILE, max_size=5))
def test_masking_takes_any_command_line(argv: list[str]) -> None:
    """As many arguments come out as went in, each masked once and for all."""
    masked = mask_argv(argv)
    assert len(masked) == len(argv)
    assert mask_argv(masked) == masked


def test_masking_is_quick_whatever_is_masked() -> None:
    """Repeats are bounded: an argument of 128 KiB does not stall the explanation."""
    begun = time.process_time()
    for unit in ("a-", "a://:", "mysql -p", "password", "_.", '"', "--token "):
        mask_argv(["app", unit * (131072 // len(unit))])
        clean(unit * 60000)
    assert time.process_time() - begun < 2


def test_variables_are_masked_by_name_and_by_content() -> None:
    """A name that says secret hides its value; another one's value is masked where it holds a secret itself."""
    assert mask_variable("DB_PASSWORD", "x") == MASK
    assert mask_variable("HOME", "/root") == "/root"
    assert mask_variable("DATABASE_URL", f"postgres://me:{SECRET}@db/x") == f"postgres://me:{MASK}@db/x"


def test_text_of_a_token_that_names_itself_is_masked() -> None:
    """Forms that services give their tokens are known without any name beside them."""
    assert mask_text("ran with ghp_0123456789abcdefghijABCDEFGHIJ in it") == f"ran with {MASK} in it"


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("docker stop ocr-worker-1", "docker stop ocr-worker-1"),
        ("systemctl stop 'a b.service'", "systemctl stop 'a b.service'"),
        ("systemctl stop 'a\x1b[2J'", None),
        ("systemctl stop 'a\nb'", None),
        ("systemctl stop 'a\u202eb'", None),
        (f"docker -H tcp://me:{SECRET}@host stop x", None),
    ],
)
def test_command_is_shown_exactly_or_not_at_all(command: str, shown: str | None) -> None:
    """A command that showing would alter, or that holds a secret, is not shown: half of it might do something else."""
    assert shown_command(command) == shown


def test_printable_keeps_lines() -> None:
    """A document's text keeps its line breaks and loses what is unseen."""
    assert printable("a\nb\t\x1bc\udc80") == "a\nb\t\ufffdc\ufffd"


# --- whole messages --------------------------------------------------------------------------------------------


@given(HOSTILE)
def test_hostile_case_is_told_without_harm(words: str) -> None:
    """No control character in any form, no header in the subject, no foreign tag in the HTML, no way out of a fence."""
    case = hostile_case(words)
    told = message(case, "opened", NOW, Incident(number=3))
    shown = text(case, verbose=True, now=NOW)
    for form in (told.subject, told.text, told.html, told.markdown, shown):
        assert not [each for each in form if unicodedata.category(each) in {"Cc", "Cs"} and each != "\n"]
        assert "\u202e" not in form
    assert len(told.subject.splitlines()) == 1
    assert len(told.subject) <= 60
    tags = set(re.findall(r"</?([a-zA-Z!][^\s>]*)", told.html))
    allowed = "!DOCTYPE html head meta title style body table tr td div b br pre ul li code".split()  # noqa: SIM905
    assert tags <= set(allowed)
    assert told.markdown.count("```") % 2 == 0
    assert "<!channel>" not in _outside_commands(told.markdown)


def _outside_commands(markdown: str) -> str:
    """What is not in a fence of its own: commands must be exact, and stand only there."""
    return re.sub(r"```\n[^\n]*\n```", "", markdown)


def test_masked_secrets_are_in_no_form_of_a_case() -> None:
    """A password in names, evidence, gaps and reasons is masked wherever a case is told."""
    words = f"PGPASSWORD={SECRET}"
    told = message(hostile_case(words), "opened", NOW)
    for form in (told.subject, told.text, told.html, told.markdown, text(hostile_case(words), verbose=True, now=NOW)):
        assert SECRET not in form
