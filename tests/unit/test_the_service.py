"""What the service alone was given: its alert URLs, for a command in root's shell."""

from unit.test_status import host

from runaway_watchdog.cli import the_service

UNIT = "manager.unit runaway-watchdog.service"
ENVIRON = "files.read /proc/321/environ"
GIVEN = "LANG=C\0RUNAWAY_WATCHDOG_ALERT_URLS=json://a/\0CREDENTIALS_DIRECTORY=/run/credentials/x\0SECRET=y\0"


def test_its_urls_are_found() -> None:
    """From its environment, and its credentials' folder; nothing else of it."""
    found = the_service.environment(host({UNIT: {"MainPID": 321}, ENVIRON: GIVEN}), {"HOME": "/root"})
    assert found == {
        "HOME": "/root",
        "RUNAWAY_WATCHDOG_ALERT_URLS": "json://a/",
        "CREDENTIALS_DIRECTORY": "/run/credentials/x",
    }


def test_what_a_shell_sets_itself_counts() -> None:
    """Whoever tries another URL means that one."""
    asked = {UNIT: {"MainPID": 321}, ENVIRON: GIVEN}
    mine = {"RUNAWAY_WATCHDOG_ALERT_URLS": "json://b/"}
    assert the_service.environment(host(asked), mine)["RUNAWAY_WATCHDOG_ALERT_URLS"] == "json://b/"


def test_a_service_that_is_down_or_hidden_gives_nothing() -> None:
    """No unit, no process, no right to read it, no systemd."""
    none = {"gap": ["systemd", "no system bus here", "none"]}
    for asked in (
        {UNIT: None},
        {UNIT: {"MainPID": 0}},
        {UNIT: {"MainPID": 321}, ENVIRON: {"errno": 13}},
        {UNIT: none},
    ):
        assert the_service.environment(host(asked), {"A": "b"}) == {"A": "b"}
