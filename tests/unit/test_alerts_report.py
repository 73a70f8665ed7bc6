"""The report: what the store knows of one incident on one page, and what a channel would be sent for it."""

import email
import email.policy
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.report_colours import DARK, LIGHT, PAIRS
from unit.golden.cases import NOW, cases, hostile_case
from unit.golden.report_case import report

from runaway_watchdog.cli import main
from runaway_watchdog.model.events import Death, Return
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.plan import Prints
from runaway_watchdog.render.curve import Mark, curve
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.report import Moment, page
from runaway_watchdog.store import queries, records
from runaway_watchdog.store.curves import HOST, Used, busiest, put_curves
from runaway_watchdog.store.database import connect, transaction
from runaway_watchdog.store.records import IncidentRecord, LineageRecord, ProcessRecord

WORK = LineageRecord("/g|tesseract|00", "/g", "tesseract")
A, B = (ProcKey("boot", pid, pid * 10) for pid in (3355, 3441))


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_every_text_stands_out_from_its_ground(colours: dict[str, str], ink: str, ground: str) -> None:
    """A contrast of 4.5 at least, as WCAG's level AA asks of small text."""
    lighter, darker = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_both_schemes_name_the_same_colours() -> None:
    """And the pairs above name all that are a text's."""
    assert list(LIGHT) == list(DARK)
    assert {name for pair in PAIRS for name in pair} == set(LIGHT) - {"line"}


def test_page_names_no_other_place() -> None:
    """No address, no picture, no style or script of elsewhere: nothing in it can be loaded."""
    written = page(report(), NOW)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<link|<img|<iframe| src=| href=", written)


def test_page_tells_all_of_it() -> None:
    """Story, curve, keepers, outcomes, plan with checks and undo, dangers, advice, evidence, neighbours and gaps."""
    written = page(report(), NOW)
    case = cases()["compose"]
    for step in case.plan.steps:
        assert f">{step.command}</pre>" in written
        assert f">{step.undo}</pre>" in written
        assert isinstance(step.check, Prints)
    for words in ("PID 3102 died", "<svg", "docker.service", "Copy undo of step 3", "volume ocr_pgdata, 1.2 GiB"):
        assert words in written
    for words in ("RestartPolicy.Name=always", "postgresql.service", "run it with sudo", "Give it a limit of its own"):
        assert words in written
    assert "docker compose -p ocr down -v</pre></div>" in written, "nobody is offered to copy it"


def test_page_without_case_and_curve_says_so() -> None:
    """What ended before anybody could look has a page too."""
    written = page(report()._replace(case=None, points=(), sharing=(), moments=()), NOW)
    assert "No explanation was made of it" in written
    assert "The watch has kept no curve of it" in written
    assert "<svg" not in written
    assert "<h2" in written


def test_title_of_the_window_has_no_markup() -> None:
    """A browser shows what stands in <title> as it is: a tag would be read as letters."""
    written = page(report()._replace(title="CPU 100 %: `worker.service`"), NOW)
    assert ": CPU 100 %: `worker.service`</title>" in written


def test_hostile_page_has_no_tag_of_others() -> None:
    """Every text that others choose is escaped, wherever it stands."""
    words = "</pre></title><script>x</script><img src=x>\x1b[2J\u202e"
    told = report()._replace(
        case=hostile_case(words), title=words, state=words, severity=words, harm=words, group=words,
        moments=(Moment(NOW - 900, words, words),), sharing=((words, 1.0),),
    )  # fmt: skip
    written = page(told, NOW)
    assert "<img" not in written
    assert written.count("<script>") == 1
    assert not set(written) & set("\x1b\u202e")


# --- the curve -------------------------------------------------------------------------------------------------


def test_curve_is_broken_where_nobody_looked() -> None:
    """Two lines rather than a straight one across the hole."""
    points = [(NOW + at, 50.0) for at in (0, 10, 20, 30, 300, 310, 320)]
    assert curve(points, (), "told").count('class="curve"') == 2


def test_curve_marks_only_what_lies_in_it() -> None:
    """A death before its beginning has no place on it; each mark tells its moment in words."""
    points = [(NOW + at, 50.0) for at in range(0, 100, 10)]
    marks = (Mark(NOW - 5, "death", "early"), Mark(NOW + 5, "death", "within <b>"), Mark(NOW + 6, "return", "back"))
    drawn = curve(points, marks, "told")
    assert "early" not in drawn
    assert "within &lt;b&gt;" in drawn
    assert drawn.count('class="death"') == drawn.count('class="back"') == 1


@pytest.mark.parametrize("highest", [0.0, 0.4, 9.0, 99.9, 100.0, 640.0, 12800.0])
def test_curve_fits_its_frame(highest: float) -> None:
    """Whatever the figures, no point lies above the highest line, and few lines are needed."""
    drawn = curve([(NOW, 0.0), (NOW + 10, highest)], (), "told")
    ys = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn)]
    assert min(ys) >= 26
    assert max(ys) <= 216
    assert 2 <= drawn.count('class="grid"') <= 6


# --- from the store --------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store has one incident that was killed once and is over."""
    store = tmp_path / "watchdog.db"
    begun = NOW - 1200
    with closing(connect(store)) as connection, transaction(connection):
        records.put_process(connection, ProcessRecord(A, WORK, '["tesseract"]', begun - 400, begun - 300), begun)
        told = IncidentRecord(1, WORK, "sustained-cpu", "critical", "tesseract burns", begun, 99.7, 300.0, *A[1:])
        records.open_incident(connection, told, "others wait for a CPU 43 % of the time")
        records.put_death(connection, Death(A, begun + 200, exact=True))
        back = ProcessRecord(B, WORK, '["tesseract"]', begun + 200.5, None)
        records.put_return(connection, Return(B, A, begun + 200.5, 0.5), back, begun + 201)
        lineage = queries.lineage_id_of(connection, WORK.key)
        assert lineage is not None
        queries.save_case_file(connection, lineage, json.dumps(to_json(cases()["compose"])), begun + 210)
        records.resolve_incident(connection, 1, begun + 900)
        for second in range(-600, 1100, 10):
            used = (Used("/g", 9.9),) if -300 < second < 900 else ()
            put_curves(connection, (Used(HOST, 10.5), *used, Used("/other", 0.3)), 10.0, begun + second)
    file = tmp_path / "config.toml"
    file.write_text(f'[store]\npath = "{store}"\n[alerts]\nurls = ["json://127.0.0.1:9/hook"]\n', encoding="utf-8")
    file.chmod(0o600)
    return file


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: NOW)


def test_report_is_written_from_the_store(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The harm, the death with its return, the curve from before to after, and who else was there."""
    file = tmp_path / "incident.html"
    assert main(["report", "1", "--html", str(file), "--config", str(config)]) == 0
    written = file.read_text(encoding="utf-8")
    for words in (
        "Critical: others wait for a CPU 43 % of the time.",
        "PID 3355 died",
        "<td>other</td>",
        "docker stop",
    ):
        assert words in written
    assert written.count('class="death"') == 1
    assert capsys.readouterr().out == ""


def test_report_on_standard_output_and_as_json(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-` is the page alone; --json the same facts for programs."""
    assert main(["report", "1", "--html", "-", "--config", str(config)]) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
    assert main(["report", "1", "--json", "--config", str(config)]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["schema_version"] == 1
    assert told["incident"]["severity"] == "critical"
    assert max(point["percent"] for point in told["curve"]) == 99.0
    assert [each["group"] for each in told["sharing"]] == ["/g", "/other"]
    assert told["case"]["process"]["pid"] == 3441


def test_report_that_cannot_be_made_says_why(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such incident, no place to write it, nothing said of what to write, no store."""
    assert main(["report", "9", "--html", "-", "--config", str(config)]) == 3
    assert main(["report", "1", "--html", str(tmp_path / "no" / "where.html"), "--config", str(config)]) == 1
    assert main(["report", "1", "--config", str(config)]) == 2
    (tmp_path / "watchdog.db").unlink()
    assert main(["report", "1", "--html", "-", "--config", str(config)]) == 1
    said = capsys.readouterr().err
    assert "no incident 9" in said
    assert "cannot be written: No such file or directory" in said


def test_preview_of_a_mail_is_a_whole_message(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Subject and both parts; every command a line of its own in the source itself."""
    assert main(["preview", "1", "--channel", "email", "--config", str(config)]) == 0
    written = capsys.readouterr().out
    mail = email.message_from_string(written, policy=email.policy.default)
    assert mail["Subject"] == "CRITICAL CPU 100 %: ocr/worker on web1 - Docker revives it"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "     docker stop ocr-worker-1\n" in written


@pytest.mark.parametrize("channel", ["text", "push", "slack", "discord", "telegram", "json", "json(127.0.0.1)"])
def test_preview_shows_every_form(config: Path, channel: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says why it is critical, and how to learn more; the structured ones are JSON."""
    assert main(["preview", "1", "--channel", channel, "--config", str(config)]) == 0
    written = capsys.readouterr().out
    assert "others wait for a CPU 43 % of the time" in written
    assert "sudo runaway-watchdog explain 3441" in written
    if channel in ("slack", "json", "json(127.0.0.1)"):
        assert json.loads(written)
    if channel == "push":
        assert len(written.replace("\n\n", "\n").strip()) <= 300


def test_preview_of_what_is_not_there_says_what_is(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown channel lists the known ones; an unknown incident leads to the list."""
    assert main(["preview", "1", "--channel", "pigeon", "--config", str(config)]) == 3
    assert "json(127.0.0.1)" in capsys.readouterr().err
    assert main(["preview", "7", "--config", str(config)]) == 3


def test_busiest_groups_are_told_by_their_mean(config: Path) -> None:
    """Over the whole time that was watched, the host not among them."""
    with closing(connect(config.parent / "watchdog.db")) as connection:
        (first, _), (second, percent) = busiest(connection, NOW - 1200, NOW - 400, 5)
        assert (first, second, percent) == ("/g", "/other", 3.0)
        assert busiest(connection, NOW - 1200, NOW - 400, 1)[0][0] == "/g"
