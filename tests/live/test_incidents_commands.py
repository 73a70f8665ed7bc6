"""`incidents`, `ack`, `expect`, the digest and the sign of life, over a store as the watch leaves it."""

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runaway_watchdog.alerts import heartbeat
from runaway_watchdog.cli import main, timeline
from runaway_watchdog.model.events import Death, Ending, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.store import curves, events, outbox, records, user_input
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.digest import put_digest

OPENED = time.time() - 2000.0
GROUP = "/system.slice/ocr.service"
WORK = records.LineageRecord("key", GROUP, "tesseract")
P, Q = ProcKey("boot", 10, 100), ProcKey("boot", 11, 200)


def incident(number: int, lineage: records.LineageRecord = WORK, *, push: bool = True) -> records.IncidentRecord:
    return records.IncidentRecord(
        number, lineage, "sustained-cpu", "warning", f"{lineage.name} burns", OPENED, 99.0, 300.0, 10, 100, push
    )


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One incident with a death and a return, a second one of another owner that is over."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    store = tmp_path / "watchdog.db"
    with closing(connect(store)) as connection:
        records.put_process(connection, records.ProcessRecord(P, WORK, "[]", OPENED - 300, OPENED - 300), OPENED)
        records.open_incident(connection, incident(1), "others wait: PSI 43 %")
        records.put_death(connection, Death(P, OPENED + 60, exact=True, ending=Ending(signal=9)))
        again = records.ProcessRecord(Q, WORK, "[]", OPENED + 61, None)
        records.put_return(connection, Return(Q, P, OPENED + 61, 1.0), again, OPENED + 61)
        other = records.LineageRecord("other", "/system.slice/shop.service", "php")
        records.open_incident(connection, incident(2, other, push=False))
        records.resolve_incident(connection, 2, OPENED + 600)
        for step in range(60):
            used = (curves.Used(GROUP, 9.0 if step > 30 else 1.0),)
            curves.put_curves(connection, used, 10.0, OPENED - 300 + step * 10)
        outbox.enqueue(connection, 1, "opened", "slack", "{}", OPENED)
        (row,) = outbox.due(connection, OPENED)
        outbox.mark_sent(connection, row.id, OPENED + 3)
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\npath = "{store}"\n[[expect]]\nunit = "apt*"\nbetween = "23:00-01:00"\n')
    return str(file)


def test_table_cuts_no_figure(config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of 80 columns the words of what it is are wrapped; state, severity, time and share are whole."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "72")
    assert main(["incidents", "--no-color", "--config", config]) == 0
    told = capsys.readouterr().out
    (line,) = [each for each in told.splitlines() if each.startswith("2 ")]
    for whole in ("resolved", "warning", time.strftime("%H:%M", time.localtime(OPENED)), "10 min", "99 %"):
        assert whole in line
    assert "…" not in told


def test_return_is_told_after_the_death_that_it_follows() -> None:
    """A death is seen a moment after its successor began: the story is in the order of what happened."""
    seen = [
        timeline.Moment(10.0, "returned", "back as 11", {"pid": 11, "after_pid": 10}),
        timeline.Moment(10.2, "died", "10 died", {"pid": 10}),
        timeline.Moment(5.0, "opened", "opened", {"pid": 10}),
    ]
    assert [each.kind for each in timeline._in_order(seen)] == ["opened", "died", "returned"]


@pytest.fixture(params=[0, 12, 20, 23])
def opened_in_hour(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is one in which OPENED lies in this hour: at 20 the curve's axis begins as a year does."""
    west = (time.gmtime(OPENED).tm_hour - int(request.param)) % 24
    monkeypatch.setenv("TZ", f"TST{west}")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("opened_in_hour")
def test_an_incident_is_told_as_a_story(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its curve, its opening with the harm, the death, the return, and through what it was told; in any hour."""
    assert main(["incidents", "show", "1", "--config", config]) == 0
    told = capsys.readouterr().out
    lines = [line.strip()[21:] for line in told.splitlines() if re.match(r"  \d{4}-", line)]
    assert lines == [
        "opened for PID 10, warning, 99 % of a core: others wait: PSI 43 %",
        "told (opened) through slack",
        "PID 10 was ended by SIGKILL",
        "came back 1.0 s later as PID 11, after PID 10",
    ]
    assert "CPU of ocr.service, at most 90.0 % of a core" in told
    assert "█" in told


def test_the_story_as_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line with its moment and its kind."""
    assert main(["incidents", "show", "1", "--json", "--config", config]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["kind"] for each in document["events"]] == ["opened", "told", "died", "returned"]
    assert document["events"][2]["signal"] == 9
    assert document["events"][3]["delay_s"] == 1.0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], [1, 2]),
        (["--open"], [1]),
        (["--state", "resolved"], [2]),
        (["--owner", "SHOP"], [2]),
        (["--owner", "tesser"], [1]),
        (["--owner", "nobody"], []),
        (["--since", "1m"], [1]),
    ],
)
def test_incidents_are_filtered(
    config: str, words: list[str], found: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """By state, by owner, group or program, and by time."""
    assert main(["incidents", "--json", "--config", config, *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert sorted(each["id"] for each in document["incidents"]) == found


@pytest.mark.parametrize(
    "words",
    [
        ["ack", "1"],
        ["ack", "1", "--undo"],
        ["expect", "--remove", "1"],
        ["expect", "--unit", "a", "--between", "1:00-2:00"],
    ],
)
def test_a_store_of_others_is_not_ours_to_change(
    words: list[str], config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who may not look into its folder is told what helps."""

    def hidden(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", hidden)
    assert main([*words, "--config", config]) == 1
    assert "sudo" in capsys.readouterr().err


def test_a_number_alone_says_how_it_is_shown(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is what many type first."""
    with pytest.raises(SystemExit):
        main(["incidents", "5", "--config", config])
    assert "one incident: runaway-watchdog incidents show 5" in capsys.readouterr().err


def test_an_acknowledgement_is_kept_and_taken_back(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its note, which the incident shows; what is over, or is none, cannot be acknowledged."""
    assert main(["ack", "1", "--for", "2h", "--note", "I am on it\x1b[2J", "--config", config]) == 0
    assert main(["incidents", "--json", "--state", "acknowledged", "--config", config]) == 0
    told = capsys.readouterr().out
    (shown,) = json.loads(told[told.index("{") :])["incidents"]
    assert shown["note"].startswith("I am on it")
    assert "\x1b" not in shown["note"]
    assert main(["ack", "1", "--undo", "--config", config]) == 0
    assert [main(["ack", number, "--config", config]) for number in ("2", "77")] == [3, 3]
    assert "incidents --open" in capsys.readouterr().err


def test_an_acknowledgement_runs_out(config: str) -> None:
    """The watch asks: from then on the incident is open again, and its story says so."""
    with closing(connect(Path(config).with_name("watchdog.db"))) as connection:
        assert user_input.acknowledge(connection, 1, OPENED, OPENED + 60, None)
        assert user_input.in_force(connection, OPENED + 59).acknowledged == {1}
        assert user_input.is_acknowledged(connection, 1, OPENED + 59)
        assert user_input.in_force(connection, OPENED + 60).acknowledged == set()
        assert "unacknowledged" in [each.kind for each in events.events(connection, 1)]


def test_expectations_are_listed_and_removed(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the configuration too, which only the configuration removes."""
    words = ["expect", "--unit", "backup.service", "--between", "2:00-4:30", "--until", "2999-12-31"]
    assert main([*words, "--config", config]) == 0
    capsys.readouterr()
    assert main(["expect", "--config", config]) == 0
    assert capsys.readouterr().out == (
        "config  apt* between 23:00-01:00\n     1  backup.service between 02:00-04:30, to the end of 2999-12-31\n"
    )
    assert [main(["expect", "--remove", "1", "--config", config]) for _ in range(2)] == [0, 3]
    assert main(["expect", "--unit", "a", "--config", config]) == 2


def test_expectations_answer_scripts_too(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Adding and removing as documents, like the list."""
    words = ["expect", "--config", config, "--json"]
    assert main([*words, "--unit", "backup.service", "--between", "02:00-04:00"]) == 0
    (added,) = json.loads(capsys.readouterr().out)["expected"]
    assert (added["id"], added["unit"], added["between"]) == (1, "backup.service", "02:00-04:00")
    assert main([*words, "--remove", "1", "--no-color"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "removed": 1}


@pytest.mark.parametrize("bad", [["--between", "9-5"], ["--until", "tomorrow"], ["--until", "2001-01-01"]])
def test_a_wrong_expectation_is_explained(config: str, bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 with what would be right."""
    with pytest.raises(SystemExit) as stopped:
        main(["expect", "--unit", "a", *bad, "--config", config])
    assert stopped.value.code == 2
    assert bad[1] in capsys.readouterr().err


def test_the_digest_tells_each_harmless_incident_once(config: str) -> None:
    """Told incidents are not in it; a second digest of the same day has nothing to say."""
    with closing(connect(Path(config).with_name("watchdog.db"))) as connection:
        assert put_digest(connection, ("slack", "mail"), "vps", OPENED + 3600) == 1
        assert put_digest(connection, ("slack", "mail"), "vps", OPENED + 3601) == 0
        rows = [row for row in outbox.due(connection, OPENED + 3700) if row.kind == "digest"]
    assert {row.channel for row in rows} == {"slack", "mail"}
    text = json.loads(rows[0].message)["text"]
    assert "2: php burns" in text
    assert "tesseract" not in text


def test_a_crash_loop_keeps_a_short_story(tmp_path: Path) -> None:
    """A thousand returns: the first ones have a line each, the rest is counted."""
    with closing(connect(tmp_path / "watchdog.db")) as connection:
        key = P
        records.put_process(connection, records.ProcessRecord(key, WORK, "[]", OPENED, OPENED), OPENED)
        records.open_incident(connection, incident(1))
        for number in range(1000):
            at = OPENED + number
            records.put_death(connection, Death(key, at, exact=True))
            new = ProcKey("boot", 1000 + number, number)
            process = records.ProcessRecord(new, WORK, "[]", at, None)
            records.put_return(connection, Return(new, key, at, 0.1 + number % 3), process, at)
            key = new
        story = events.events(connection, 1)
    assert len(story) == 1 + 2 * events.SINGLE_LINES
    last = next(each for each in reversed(story) if each.kind == "returned")
    assert last.detail["times"] == 1000 - events.SINGLE_LINES + 1
    assert (last.detail["shortest_s"], last.detail["longest_s"]) == (0.1, 2.1)


class Check(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/alive" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Check)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("path", "code"), [("/alive", 0), ("/gone", 1), (None, 1)])
def test_the_sign_of_life_is_fetched(
    service: str, path: str | None, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever comes of it, its address is told nowhere."""
    descriptor = os.memfd_create("configuration")
    url = "http://127.0.0.1:1/secret" if path is None else service + path
    os.write(descriptor, json.dumps({"alerts": {"heartbeat_url": url}}).encode())
    try:
        assert heartbeat.main(["--config-fd", str(descriptor)]) == code
    finally:
        os.close(descriptor)
    assert capfd.readouterr() == ("", "")
