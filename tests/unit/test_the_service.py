"""What the service alone was given: its alert URLs, for a command in root's shell."""

import json

import pytest
from unit.test_status import host

from runaway_watchdog.cli import the_service

HANDED_OVER = "files.read /run/runaway-watchdog-handover/channels.json"
GIVEN = {"RUNAWAY_WATCHDOG_ALERT_URLS": "json://a/", "CREDENTIALS_DIRECTORY": "/run/credentials/x"}
WHOLE = json.dumps({"environment": {**GIVEN, "SECRET": "y"}})


def test_its_urls_are_found() -> None:
    """From its environment, and its credentials' folder; nothing else of it."""
    assert the_service.environment(host({HANDED_OVER: WHOLE}), {"HOME": "/root"}) == {"HOME": "/root", **GIVEN}


def test_what_a_shell_sets_itself_counts() -> None:
    """Whoever tries another URL means that one."""
    mine = {"RUNAWAY_WATCHDOG_ALERT_URLS": "json://b/"}
    assert the_service.environment(host({HANDED_OVER: WHOLE}), mine) == {**GIVEN, **mine}


@pytest.mark.parametrize("there", [{"errno": 2}, {"errno": 13}, "", "[]", "{}", '{"environment": []}'])
def test_a_service_that_is_down_or_hidden_gives_nothing(there: object) -> None:
    """No service, no right to read it, nothing that is ours."""
    assert the_service.environment(host({HANDED_OVER: there}), {"A": "b"}) == {"A": "b"}
