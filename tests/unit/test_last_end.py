"""The last words of what crashes: each once, however often it says them."""

import json

import pytest

from runaway_watchdog.model.casefile import LastEnd
from runaway_watchdog.model.events import Ending, Sender
from runaway_watchdog.render import last_end


def test_a_line_that_is_said_again_and_again_is_told_once() -> None:
    """In their order; a secret in it is masked."""
    told = list(last_end.said(("starting", "no config", "no config", "password=hunter2")))
    assert told[:2] == ["it said: starting", "it said 2 times: no config"]
    assert "hunter2" not in told[2]


@pytest.mark.parametrize(
    ("code", "signal", "told"),
    [
        (3, None, ", it exited with 3"),
        (None, 9, ", SIGKILL ended it last"),
        (None, 63, ", signal 63"),
        (None, None, ""),
    ],
)
def test_how_it_ended(code: int | None, signal: int | None, told: str) -> None:
    """An exit code, a signal by its name where it has one, or nothing where it is not known."""
    assert last_end.how(LastEnd(4, code, signal, ())).startswith(told)


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (Ending(signal=9), "was ended by SIGKILL"),
        (Ending(signal=63), "was ended by signal 63"),
        (Ending(exit_code=0), "exited with 0"),
        (None, "died"),
        (Ending(signal=9, sender="oom-killer"), "was ended by the OOM killer (SIGKILL)"),
        (Ending(signal=9, sender="kernel"), "was ended by the kernel (SIGKILL)"),
        (
            Ending(signal=9, sender=Sender(812, "bash", "root", "ann", "198.51.100.7")),
            "was ended by SIGKILL, sent by bash (PID 812) of root (logged in as ann) from SSH 198.51.100.7",
        ),
        (
            Ending(signal=9, sender=Sender(812, "bash", "ann", "", "198.51.100.7", ssh_is_said=True)),
            "was ended by SIGKILL, sent by bash (PID 812) of ann from SSH 198.51.100.7 (as its environment says)",
        ),
        (
            Ending(exit_code=0, sent=15, sender=Sender(1, "systemd", "root")),
            "exited with 0 after SIGTERM, sent by systemd (PID 1) of root",
        ),
        (Ending(sent=15, sender=Sender(9, "kill\x1b[2J", "")), "died after SIGTERM, sent by kill (PID 9)"),
    ],
)
def test_how_a_process_ended(ending: Ending | None, told: str) -> None:
    """As the kernel told it, or only that it did."""
    assert last_end.ended(ending) == told
    assert ending is None or Ending.from_json(json.loads(json.dumps(ending.to_json()))) == ending
