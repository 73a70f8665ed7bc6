"""`check-config` and `test-alert`: what they print, what they exit with, and what they keep to themselves."""

import json
from pathlib import Path

import pytest

from runaway_watchdog.alerts import channels
from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.cli import main
from runaway_watchdog.config import locate
from runaway_watchdog.config.locate import Surroundings
from runaway_watchdog.render.message import Message

SECRET = "HUNTER2"
URLS = f'[alerts]\nurls = ["json://me:{SECRET}@localhost/x", "slack://{"A" * 9}/{"B" * 9}/{"C" * 24}"]\n'


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This host's own configuration does not count."""
    monkeypatch.setattr(locate, "here", lambda: Surroundings({}, 0, tmp_path / "home", tmp_path))


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


def test_check_config_tells_what_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, rules in words, channels by label, the store."""
    path = file(tmp_path, URLS + '[[rule]]\nname = "hot"\nfor = "90s"\n')
    assert main(["check-config", path]) == 0
    told = capsys.readouterr().out
    for words in (path, "hot: 90 % of one core for 1m30s", "json(localhost), slack", "watchdog.db, keeps 90d"):
        assert words in told
    assert SECRET not in told


def test_check_config_without_any_file_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    """No configuration is needed to start."""
    assert main(["check-config"]) == 0
    assert "no file: the defaults hold" in capsys.readouterr().out


def test_check_config_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document on standard output, with the channels' labels and without their URLs."""
    assert main(["check-config", "--json", file(tmp_path, URLS)]) == 0
    told = capsys.readouterr().out
    document = json.loads(told)
    assert document["ok"] is True
    assert document["alerts"] == {
        "channels": ["json(localhost)", "slack"], "remind_after_s": 3600.0, "quiet": None, "per_hour": 12,
        "per_hour_in_all": 60, "digest_minute": 480,
    }  # fmt: skip
    assert SECRET not in told


def test_check_config_tells_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as text and as JSON."""
    path = file(tmp_path, "[sampling]\nintervall = 1\n[store]\nkeep = 5\n")
    assert main(["check-config", path]) == 2
    told = capsys.readouterr()
    assert f"{path}:2: sampling.intervall is not a key that I know\n    did you mean `interval`?" in told.out
    assert "2 things are to be mended" in told.err
    assert main(["check-config", "--json", path]) == 2
    document = json.loads(capsys.readouterr().out)
    assert [fault["key"] for fault in document["faults"]] == ["sampling.intervall", "store.keep"]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Delivered | Refused]:
    """What the channels answer, in their order."""
    told: list[Delivered | Refused] = []

    def deliver(url: str, message: Message) -> Delivered | Refused:
        assert "[test]" in message.subject
        return told.pop(0)

    monkeypatch.setattr(channels, "deliver", deliver)
    return told


def test_test_alert_sends_to_every_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: list[Delivered | Refused]
) -> None:
    """One line for each; exit code 1 when one did not take it, with the reason and what to look at."""
    path = file(tmp_path, URLS)
    answers += [Delivered(), Delivered()]
    assert main(["test-alert", "--config", path]) == 0
    answers += [Delivered(), Refused(permanent=True, reason="error=404")]
    capsys.readouterr()
    assert main(["test-alert", "--config", path]) == 1
    told = capsys.readouterr()
    assert "json(localhost): sent" in told.out
    assert "slack: NOT SENT: error=404\n    look at" in told.out
    assert "sending to slack" in told.err
    assert SECRET not in told.out + told.err


def test_test_alert_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: list[Delivered | Refused]
) -> None:
    """One document on standard output; progress goes to standard error."""
    answers += [Refused(permanent=False, reason="timed out"), Delivered()]
    assert main(["test-alert", "--json", "--config", file(tmp_path, URLS)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [each["sent"] for each in document["channels"]] == [False, True]
    assert document["channels"][0]["reason"] == "timed out"


def test_test_alert_with_a_broken_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the faults; nothing is sent."""
    assert main(["test-alert", "--config", file(tmp_path, '[alerts]\nurls = ["zzz://HUNTER2"]\n')]) == 2
    told = capsys.readouterr().err
    assert "alerts.urls[1] (zzz) has a scheme that no service has" in told
    assert SECRET not in told
