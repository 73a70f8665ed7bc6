"""What is tested is what src/ says: a file that differs is found."""

from pathlib import Path

import pytest
from support.installed import difference


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("src", "installed"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "a.py").write_text("a = 1\n")
        (tmp_path / name / "page.j2").write_text("{{ a }}\n")
    (tmp_path / "src/__pycache__/a.pyc").touch()
    (tmp_path / "installed/data").mkdir()
    (tmp_path / "installed/data/config.toml").touch()
    return tmp_path / "src", tmp_path / "installed"


def test_the_same_is_the_same(folders: tuple[Path, Path]) -> None:
    """Byte code and the wheel's data are no difference."""
    assert difference(*folders) is None


@pytest.mark.parametrize("name", ["a.py", "page.j2", "new.py"])
def test_what_is_not_installed_is_named(folders: tuple[Path, Path], name: str) -> None:
    """Changed, or new; and so is what src/ no longer has."""
    (folders[0] / name).write_text("b = 2\n")
    assert difference(*folders) == name
    (folders[0] / name).unlink()
    assert difference(*folders) == (None if name == "new.py" else name)
