"""`test-alert` on this host."""

from pathlib import Path

import pytest

from runaway_watchdog.cli import main
from runaway_watchdog.config import locate
from runaway_watchdog.config.locate import Surroundings


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This host's own configuration does not count."""
    monkeypatch.setattr(locate, "here", lambda: Surroundings({}, 0, tmp_path / "home", tmp_path))


def test_test_alert_without_a_channel_shows_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    """What an alert looks like, and how to get it by mail."""
    assert main(["test-alert"]) == 0
    told = capsys.readouterr()
    assert "DO THIS" in told.out
    assert "urls = [" in told.err
