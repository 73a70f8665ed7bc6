"""The templates of the mail and of the report: what is filled in is escaped, and only who makes a page pays for it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from unit.golden.cases import NOW, cases

from runaway_watchdog.render import html, markup
from runaway_watchdog.render.message import message

TEMPLATES = sorted((Path(markup.__file__).parent / "templates").glob("*.j2"))
HOSTILE = "<b>{{ 7 * 7 }}</b> {% raw %} \"quoted\" 'too' &amp;"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_lets_a_text_pass_as_it_is(template: Path) -> None:
    """Neither by a filter nor by a block: what is markup is said in one place, in Python."""
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", template.read_text(encoding="utf-8"))


def test_what_is_filled_in_is_escaped_once() -> None:
    """Also what looks like a template itself."""
    page = html.page(HOSTILE, HOSTILE, None, (HOSTILE,))
    escaped = "&lt;b&gt;{{ 7 * 7 }}&lt;/b&gt; {% raw %} &quot;quoted&quot; &#x27;too&#x27; &amp;amp;"
    assert page.count(escaped) == 3
    assert "<b>{{" not in page


def test_code_is_marked_within_what_is_escaped() -> None:
    """A pair of backticks makes code; one that stands alone stays as it is."""
    assert markup.marked_up("run `a <b>` & `c`") == "run <code>a &lt;b&gt;</code> &amp; <code>c</code>"
    assert markup.marked_up("one ` <") == "one ` &lt;"


def test_name_that_is_missing_is_a_fault() -> None:
    """Rather than a hole in the page."""
    with pytest.raises(UndefinedError, match="title"):
        markup.fill("mail.html.j2", {})


def test_mail_without_steps_and_dangers_has_no_empty_row() -> None:
    """What there is nothing to say of has no heading."""
    told = message(cases()["kernel"], "resolved", NOW).html
    assert "DO THIS" not in told
    assert "NEVER THIS" not in told
    assert not re.search(r"<td[^>]*>\s*</td>", told)


@pytest.mark.parametrize(
    "code",
    [
        "from runaway_watchdog.cli import main; main(['explain', str(os.getpid())])",
        "from runaway_watchdog.cli import main; main(['plan', str(os.getpid())])",
        "from runaway_watchdog.cli import main; main(['preflight', 'docker compose down -v'])",
        "from runaway_watchdog.cli import main; main(['guard', '--check', 'docker compose down -v'])",
        "import runaway_watchdog.case, runaway_watchdog.alerts.send, runaway_watchdog.render.report",
        'from runaway_watchdog.render.message import Message; Message.from_json(\'{"subject": "s", "text": "t"}\')',
        "import runaway_watchdog.watch.loop",
    ],
    ids=["explain", "plan", "preflight", "guard", "case", "sender", "watch"],
)
def test_who_makes_no_page_imports_no_templates(code: str) -> None:
    """Jinja2 costs 80 ms and 9 MiB: neither the commands of a saturated host, nor the watch or a sender, pay them."""
    told = "sys.stderr.write(str('jinja2' in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"import os, sys\n{code}\n{told}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr.endswith("False")


def test_who_makes_a_mail_does() -> None:
    """So the test above looks at the right thing."""
    page = "from runaway_watchdog.render import html; html.page('', '', None, ('',))"
    code = f"import sys; {page}; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"
