"""What docs/ and the README say is what the code says: pages made from it are fresh, commands parse, links lead on."""

import re
import shlex
from pathlib import Path

import pytest

from pages import architecture, reference
from pages.named import PACKAGE, lacking, told_in
from runaway_watchdog.cli import COMMANDS, command_parser

ROOT = Path(__file__).parent.parent.parent
PAGES = (*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
MADE = ("plans.md", "preflight.md", "prognosis.md", "reference.md")
READ_BY_PEOPLE = [page for page in PAGES if page.name not in MADE]
"""The others hold usages, and lines of every kind that were tried."""


def commands(text: str) -> list[str]:
    """Every line of a code block that calls the program."""
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = (
        re.match(r"(?:\$ )?(?:sudo )?runaway-watchdog (.*)", line) for block in blocks for line in block.splitlines()
    )
    return [each[1] for each in found if each]


def words_of(line: str) -> list[str]:
    """The words up to the first pipe, redirection or comment; a variable stands for a number."""
    lexer = shlex.shlex(re.sub(r"\$\w+|\$\([^)]*\)", "1", line), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    ends = [at for at, word in enumerate(words) if set(word) <= set("|&;<>")]
    return words[: ends[0]] if ends else words


@pytest.mark.parametrize("page", READ_BY_PEOPLE, ids=lambda page: page.name)
def test_every_shown_command_is_one(page: Path) -> None:
    """With options that it takes."""
    known = {command.name: command for command in COMMANDS}
    for line in commands(page.read_text()):
        name, *rest = words_of(line)
        if name.startswith(("-", "COMMAND")):
            continue
        assert name in known, line
        parser, _ = command_parser(known[name])
        parser.parse_args(rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Also those to pictures."""
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    """`watch/clocks.py` from the package, `tests/e2e/rig/` from the top; the way to a new owner invents one."""
    invented = re.compile(r"[\w/]*\bminder\.py|[\w/]*test_minder\.py")
    text = page.read_text()
    assert lacking(invented.sub("", text) if page.name == "adding-a-keeper.md" else text, page.parent) == []


@pytest.mark.parametrize("folder", [PACKAGE, ROOT / "tests"], ids=lambda folder: folder.name)
def test_every_file_that_a_docstring_or_comment_names_is_there(folder: Path) -> None:
    """Also one that stands beside it."""
    found = {file: lacking(told_in(file.read_text()), file.parent) for file in folder.rglob("*.py")}
    assert {str(file.relative_to(ROOT)): names for file, names in found.items() if names} == {}


def test_a_file_that_is_not_there_is_missed() -> None:
    """And one that is there is found from the top, in the package, and beside what names it."""
    found = "`store/outbox.py`, tests/pages/named.py, named.py, `store/`"
    text = f"`alerts/outbox.py` and watch/never.py, in `alert/`; {found}"
    assert lacking(text, Path(__file__).parent) == ["alerts/outbox.py", "watch/never.py", "alert/"]
    assert told_in('"""As in a.py."""\nx = "b.py"  # see c.py\n') == "As in a.py.\n# see c.py"


def test_the_reference_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else: make docs."""
    monkeypatch.setenv("COLUMNS", "100")
    assert (ROOT / "docs/reference.md").read_text() == reference.page()


def test_the_picture_is_fresh() -> None:
    """Else: make docs. It also fails where packages import each other in a circle."""
    assert (ROOT / "docs/architecture.svg").read_text() == architecture.picture(architecture.rooms())


def test_an_arrow_that_a_longer_way_shows_is_left_out() -> None:
    """And each room stands above all that it imports."""
    imports = {"a": frozenset("bc"), "b": frozenset("c"), "c": frozenset[str]()}
    assert architecture.essential(imports) == {"a": {"b"}, "b": {"c"}, "c": frozenset()}
    assert architecture.rows(imports) == [["a"], ["b"], ["c"]]
