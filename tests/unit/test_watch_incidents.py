"""Findings -> incidents: one for each rule and lineage."""

from hypothesis import given, settings, strategies as st

from runaway_watchdog.model.events import Finding, Stage
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch import incidents, told
from runaway_watchdog.watch.incidents import Book, Work

P, Q = ProcKey("boot", 100, 1000), ProcKey("boot", 200, 2000)
G = "/system.slice/docker-1.scope"
WORK, OTHER = Work("ocr", G, "tesseract"), Work("web", G, "nginx")


def finding(stage: Stage = "sustained", key: ProcKey | None = P, rule: str = "r", wall: float = 1e9) -> Finding:
    return Finding(stage, rule, "warning", G, key, 99.7, 300.0, wall)


def test_a_finding_opens_an_incident_once() -> None:
    """The same work under another PID is the same incident."""
    book, first = incidents.sustain(Book(7), finding(), WORK, 0.0, 100.0)
    assert first is not None
    assert (first.id, first.key, first.opened_at) == (7, P, 1e9)
    assert book.keeps(finding(), WORK)
    book, second = incidents.sustain(book, finding(key=Q), WORK, 0.0, 100.0)
    assert second is None
    assert [(each.id, each.key) for each in book.incidents.values()] == [(7, Q)]


def test_another_program_or_rule_is_another_incident() -> None:
    """Numbers are not used twice."""
    book, _ = incidents.sustain(Book(), finding(), WORK, 0.0, 100.0)
    book, second = incidents.sustain(book, finding(key=Q), OTHER, 0.0, 100.0)
    book, third = incidents.sustain(book, finding(rule="other"), WORK, 0.0, 100.0)
    assert second is not None
    assert third is not None
    assert (second.id, third.id, book.next_id) == (2, 3, 4)


def test_an_incident_ends_with_its_last_story() -> None:
    """The process was killed and its group goes on: it stays open until both are quiet."""
    book, _ = incidents.sustain(Book(), finding(), WORK, 0.0, 100.0)
    book, _ = incidents.sustain(book, finding(key=Q), WORK, 0.0, 100.0)
    book, none = incidents.resolve(book, finding("resolved", P))
    assert none is None
    book, incident = incidents.resolve(book, finding("resolved", Q))
    assert incident is not None
    assert incident.id == 1
    assert book.incidents == {}


def test_a_resolution_of_nothing_is_nothing() -> None:
    """A story that no incident is about changes nothing."""
    book, _ = incidents.sustain(Book(), finding(), WORK, 0.0, 100.0)
    assert incidents.resolve(book, finding("resolved", Q)) == (book, None)


def test_an_incident_follows_its_work() -> None:
    """After a return it is about the process that does the work now, and still ends under its first name."""
    book, _ = incidents.sustain(Book(), finding(), WORK, 0.0, 100.0)
    book, _ = incidents.follow(book, P, Q)
    (incident,) = book.incidents.values()
    told = incidents.case_request("reminder", incident)
    assert (told.pid, told.start_ticks, told.incident_id, told.lineage) == (200, 2000, 1, "ocr")
    _, ended = incidents.resolve(book, finding("resolved", P))
    assert ended is not None


def test_reminders_come_at_double_distances_up_to_a_day() -> None:
    """1 h after the opening, then after 2 h, 4 h, 8 h, 16 h, and once a day for as long as it takes."""
    book, _ = incidents.sustain(Book(), finding(), WORK, 0.0, 3600.0)
    told: list[int] = []
    for hour in range(1, 120):
        book, due = incidents.remind(book, hour * 3600.0, 3600.0)
        told += [hour] * len(due)
    assert told == [1, 3, 7, 15, 31, 55, 79, 103]


@settings(deadline=None)
@given(st.integers(0, 500))
def test_a_restart_does_not_change_when_reminders_come(hours: int) -> None:
    """The schedule is that of the opening, not of the restart."""
    book, incident = incidents.sustain(Book(), finding(), WORK, 0.0, 3600.0)
    assert incident is not None
    for hour in range(1, hours + 1):
        book, _ = incidents.remind(book, hour * 3600.0, 3600.0)
    (expected,) = book.incidents.values()
    reopened = incidents.reopen(Book(), incident, hours * 3600.0, 50.0, 3600.0)
    (found,) = reopened.incidents.values()
    assert found.remind_at - 50.0 == expected.remind_at - hours * 3600.0


def test_a_suspect_has_no_number_yet() -> None:
    """Its case prepares; there is nothing to tell of."""
    asked = incidents.preparation(finding("suspect", None), WORK)
    assert (asked.incident_id, asked.kind, asked.pid, asked.group) == (0, "suspect", 0, G)


def test_what_is_known_is_told_without_a_case() -> None:
    """The fallback names process, rule and group, and a command that is complete."""
    _, incident = incidents.sustain(Book(), finding(), WORK, 0.0, 0.0)
    assert incident is not None
    subject, text = told.fallback_text(incidents.case_request("opened", incident), "tesseract", "vps", told.FAILED)
    assert subject == "[warning] vps: tesseract (PID 100) is a runaway"
    assert "100 % of a core over 5 minutes" in text
    assert "runaway-watchdog explain 100" in text
    asked = incidents.case_request("opened", incident._replace(key=None))
    _, text = told.fallback_text(asked, "x.service", "vps", told.MANY)
    assert "runaway-watchdog incidents show 1" in text


def test_summaries_are_sentences() -> None:
    """With and without a process."""
    assert incidents.summary(finding(), WORK) == "tesseract (PID 100) has used 100 % of a core for 5 minutes"
    assert incidents.summary(finding(key=None), WORK).startswith("everything in tesseract has used")
    assert [incidents.duration(each) for each in (2, 60, 90, 300, 3600, 7300)] == [
        "2 seconds", "1 minute", "90 seconds", "5 minutes", "1 hour", "2 hours",
    ]  # fmt: skip
