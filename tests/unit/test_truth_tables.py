"""Tables that a truth run wrote: which code they speak of, and whether it is still that code."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from truth.tables import BadHeaderError, Header, header, parse, render, source_hash, stale

TODAY = date(2026, 11, 22)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one package and one table about it."""
    (tmp_path / "src/p").mkdir(parents=True)
    (tmp_path / "src/p/a.py").write_text("a = 1\n")
    (tmp_path / "docs").mkdir()
    head = header(["src/p"], {"systemd": "252"}, TODAY, tmp_path)
    (tmp_path / "docs/keepers.md").write_text(render(head, "| keeper |\n"))
    (tmp_path / "docs/other.md").write_text("# A page that nobody generated\n")
    return tmp_path


def test_a_table_of_this_code_is_fresh(checkout: Path) -> None:
    """Byte code beside the sources changes nothing, nor does a page without a header."""
    (checkout / "src/p/__pycache__").mkdir()
    (checkout / "src/p/__pycache__/a.pyc").write_bytes(b"\0")
    assert stale(checkout / "docs", checkout) == ()


@pytest.mark.parametrize("change", ["a = 2\n", None])
def test_a_table_of_other_code_is_stale(checkout: Path, change: str | None) -> None:
    """A changed file and a lost one are both told, with the table, its date and its sources."""
    source = checkout / "src/p/a.py"
    if change is None:
        source.unlink()
    else:
        source.write_text(change)
    (found,) = stale(checkout / "docs", checkout)
    assert all(part in found for part in ("keepers.md", "2026-11-22", "src/p"))


def test_a_new_file_makes_it_stale(checkout: Path) -> None:
    """A folder stands for all of its files, the later ones too."""
    (checkout / "src/p/b.py").touch()
    assert len(stale(checkout / "docs", checkout)) == 1


def test_a_single_file_that_is_gone_has_a_hash(checkout: Path) -> None:
    """Its absence is a change like any other."""
    present = source_hash(["src/p/a.py"], checkout)
    (checkout / "src/p/a.py").unlink()
    assert source_hash(["src/p/a.py"], checkout) != present


@given(st.text(), st.dictionaries(st.text(), st.text()), st.lists(st.text()), st.text())
def test_a_header_survives_the_file(written: str, versions: dict[str, str], sources: list[str], body: str) -> None:
    """What was written is what is read, whatever is in it."""
    head = Header(written, versions, tuple(sources), "0123")
    assert parse(render(head, body)) == head


@pytest.mark.parametrize("text", ['<!-- truth: {"written": "x"} -->', "<!-- truth: {} ", "<!-- truth: nonsense -->"])
def test_a_broken_header_is_told_with_its_file(checkout: Path, text: str) -> None:
    """Never taken for a page without one, which would be fresh for ever."""
    (checkout / "docs/keepers.md").write_text(text)
    with pytest.raises(BadHeaderError, match=r"keepers\.md"):
        stale(checkout / "docs", checkout)
