"""What a line finds on the host while it is judged there is put there and taken away again."""

from pathlib import Path

import pytest

from field.judging import put


def test_what_is_put_there_goes_again_whatever_happens(tmp_path: Path) -> None:
    """Also where judging the line fails."""
    script = tmp_path / "made" / "x.sh"
    with pytest.raises(ZeroDivisionError), put([(str(script), "echo\n")]):
        assert script.read_text() == "echo\n"
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_stays(tmp_path: Path) -> None:
    """A folder that the test did not make, what is in it, and a file of that name."""
    (tmp_path / "own").write_text("own")
    with put([(str(tmp_path / "x.sh"), "echo\n")]):
        assert {each.name for each in tmp_path.iterdir()} == {"own", "x.sh"}
    with pytest.raises(FileExistsError), put([(str(tmp_path / "own"), "other")]):
        pass
    assert [each.read_text() for each in tmp_path.iterdir()] == ["own"]
