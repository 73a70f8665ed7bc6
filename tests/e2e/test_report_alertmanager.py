"""A real Alertmanager (Debian's) takes what we send, shows one alert for one incident, and sees it end."""

import base64
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from unit.golden.cases import cases, hostile_case

from runaway_watchdog.alerts.channels import Delivered, Refused, deliver, url_problem
from runaway_watchdog.alerts.render import Incident, Kind, Message, message
from runaway_watchdog.explain.document import to_json
from runaway_watchdog.model.casefile import CaseFile

pytestmark = pytest.mark.truth

CONFIGURATION = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"
SEEN_ALONE = 'mount -t overlay overlay -o "lowerdir=$1/usr/share:/usr/share" /usr/share; shift; exec "$@"'
"""Its templates are looked for in /usr/share: they lie there for this one process."""
HOSTILE = 'a"}{=~\n\x00\u202e<b>${x}{{ .Labels }}' + "W" * 10_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of an Alertmanager that nobody else uses; Debian's program, unpacked and not installed."""
    if os.geteuid() != 0:
        pytest.skip("not root: its files are mounted where it looks for them")
    folder = tmp_path_factory.mktemp("alertmanager")
    fetched = subprocess.run(
        ["apt-get", "download", "-q", "prometheus-alertmanager"], cwd=folder, capture_output=True, check=False
    )
    packages = list(folder.glob("*.deb"))
    if not packages:
        pytest.skip(f"no Debian package prometheus-alertmanager: {fetched.stderr.decode().strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True)
    (folder / "configuration.yml").write_text(CONFIGURATION)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{probe.getsockname()[1]}"
    options = (
        f"--config.file={folder}/configuration.yml", f"--storage.path={folder}/data",
        f"--web.listen-address={where}", "--cluster.listen-address=",
    )  # fmt: skip
    program = ("unshare", "-m", "sh", "-ec", SEEN_ALONE, "sh", folder, folder / "usr/bin/prometheus-alertmanager")
    process = subprocess.Popen([*program, *options], stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(where)
        yield where
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(where: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://{where}/-/ready", timeout=2).close()
        except OSError:
            assert time.monotonic() < until, "Alertmanager does not become ready"
            time.sleep(0.1)
        else:
            return


def active(where: str, incident: int) -> list[dict[str, Any]]:
    """The alerts of one incident that stand now."""
    with urllib.request.urlopen(f"http://{where}/api/v2/alerts", timeout=5) as answer:
        standing: list[dict[str, Any]] = json.load(answer)
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
    assert alert["labels"]["owner"] == "ocr/worker"
    assert alert["annotations"]["command"] == "sudo runaway-watchdog explain 3441"
    assert "     docker stop ocr-worker-1\n" in alert["annotations"]["description"]
    assert deliver(url, told(case, "resolved", 1, "critical")) == Delivered()
    assert active(address, 1) == []


def test_hostile_names_are_taken_as_text(address: str) -> None:
    """Quotes, braces, templates and ten thousand letters: one alert, cleaned and cut."""
    assert deliver(f"alertmanager://{address}", told(hostile_case(HOSTILE), "opened", 2, "info")) == Delivered()
    (alert,) = active(address, 2)
    assert len(alert["labels"]["owner"]) == 100
    assert "\n" not in alert["labels"]["owner"]


def test_message_without_a_case_file_arrives_too(address: str) -> None:
    """What the watch tells by itself has its subject for a name."""
    bare = replace(told(cases()["compose"], "opened", 3, "info"), document={}, subject="the provider takes CPUs")
    assert deliver(f"alertmanager://{address}", bare) == Delivered()
    with urllib.request.urlopen(f"http://{address}/api/v2/alerts", timeout=5) as answer:
        assert "the provider takes CPUs" in {alert["labels"].get("summary") for alert in json.load(answer)}


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
