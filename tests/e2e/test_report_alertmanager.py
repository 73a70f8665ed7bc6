"""A real Alertmanager (Debian's) takes what we send, shows one alert for one incident, and sees it end."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.rig import monitoring
from support.ports import free_port
from unit.golden.cases import cases, hostile_case

from runaway_watchdog.alerts.answers import Delivered, Refused
from runaway_watchdog.alerts.channels import deliver, url_problem
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.message import Incident, Kind, Message, message

pytestmark = pytest.mark.truth

CONFIGURATION = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"
HOSTILE = 'a"}{=~\n\x00\u202e<b>${x}{{ .Labels }}' + "W" * 10_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of an Alertmanager that nobody else uses."""
    tree = monitoring.unpacked("prometheus-alertmanager", tmp_path_factory.mktemp("alertmanager"))
    port = free_port()
    with monitoring.alertmanager(tree, port, CONFIGURATION):
        yield f"127.0.0.1:{port}"


def active(where: str, incident: int) -> list[dict[str, Any]]:
    """The alerts of one incident that stand now."""
    standing: list[dict[str, Any]] = monitoring.asked(f"http://{where}/api/v2/alerts")
    return [alert for alert in standing if alert["labels"].get("incident") == str(incident)]


def told(case: CaseFile, kind: Kind, number: int, severity: str) -> Message:
    about = Incident(number, severity, f"{severity}: others wait.", document=to_json(case))
    return message(case, kind, time.time(), about)


def test_incident_is_one_alert_until_it_is_over(address: str) -> None:
    """Opened and told again it is one; worse, it is the worse one alone; resolved, it is gone."""
    url, case = f"alertmanager://{address}", cases()["compose"]
    assert url_problem(url) is None
    for kind, severity in (("opened", "warning"), ("reminder", "warning"), ("escalated", "critical")):
        assert deliver(url, told(case, kind, 1, severity)) == Delivered()  # type: ignore[arg-type]
        (alert,) = active(address, 1)
        assert alert["labels"]["severity"] == severity
    assert alert["annotations"]["owner"] == "ocr/worker"
    assert alert["annotations"]["command"] == "sudo runaway-watchdog explain 3441"
    assert "     docker stop ocr-worker-1\n" in alert["annotations"]["description"]
    assert deliver(url, told(case, "resolved", 1, "critical")) == Delivered()
    assert active(address, 1) == []


def test_hostile_names_are_taken_as_text(address: str) -> None:
    """Quotes, braces, templates and ten thousand letters: one alert, cleaned and cut."""
    assert deliver(f"alertmanager://{address}", told(hostile_case(HOSTILE), "opened", 2, "info")) == Delivered()
    (alert,) = active(address, 2)
    assert len(alert["annotations"]["owner"]) == 100
    assert "\n" not in alert["annotations"]["owner"]


def test_message_without_a_case_file_arrives_too(address: str) -> None:
    """What the watch tells by itself has its subject for a name."""
    bare = told(cases()["compose"], "opened", 3, "info")._replace(document={}, subject="the provider takes CPUs")
    assert deliver(f"alertmanager://{address}", bare) == Delivered()
    standing = monitoring.asked(f"http://{address}/api/v2/alerts")
    assert "the provider takes CPUs" in {alert["labels"].get("summary") for alert in standing}


def test_what_cannot_arrive_is_refused_with_its_reason(address: str) -> None:
    """A wrong prefix is not worth another try; a port where nobody listens is, and no password is told."""
    wrong = deliver(f"alertmanager://{address}/prefix", told(cases()["compose"], "opened", 4, "info"))
    assert isinstance(wrong, Refused)
    assert wrong.permanent
    password = base64.b32encode(b"secret").decode().rstrip("=")
    away = deliver(f"alertmanager://me:{password}@127.0.0.1:9", told(cases()["compose"], "opened", 5, "info"))
    assert isinstance(away, Refused)
    assert not away.permanent
    assert password not in away.reason
