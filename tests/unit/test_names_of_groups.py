"""What people read names no path of a control group, and no more of a long ID than they type."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
TOLD = sorted([*TESTS.glob("hosts/*/explain.txt"), *(TESTS / "unit" / "golden").glob("*.*")])
UNREADABLE = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])|/[^\s\"'<]*\.(?:slice|scope)\b[^\s\"'<]*")
WRAPPED = re.compile(r"^( *)evidence: .*$(?:\n\1  .*$)*", re.MULTILINE)
DOCUMENTS = (".json", ".py", ".webhook")


def prose(text: str) -> str:
    """Without evidence, which is whole."""
    return re.sub(r'<section aria-labelledby="evidence">.*?</section>', "", WRAPPED.sub("", text), flags=re.DOTALL)


@pytest.mark.parametrize("path", TOLD, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_path_and_no_long_id_is_told(path: Path) -> None:
    """Documents for programs (JSON) and evidence apart, whose readers ask for them."""
    if path.suffix not in DOCUMENTS:
        assert UNREADABLE.findall(prose(path.read_text())) == []


def test_the_evidence_is_whole() -> None:
    """Whoever asks for it wants to look it up."""
    verbose = (TESTS / "unit" / "golden" / "compose.verbose.txt").read_text()
    assert UNREADABLE.search(verbose)
    assert not UNREADABLE.search(prose(verbose))
