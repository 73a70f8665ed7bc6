"""The document of `explain --json`: the contract's names, no secret, and the way back."""

import json

import pytest
from unit.golden.cases import cases, process

from runaway_watchdog.model.casefile import Change
from runaway_watchdog.model.doing import BusyThread, Doing
from runaway_watchdog.model.owner import Owner
from runaway_watchdog.render.document import from_json, to_json
from runaway_watchdog.render.text import text

CASES = cases()


def test_document_has_the_names_of_the_contract() -> None:
    """Nothing is renamed or removed within schema version 1."""
    told = to_json(CASES["compose"])
    assert told["schema_version"] == 1
    assert set(told) >= {"process", "owners", "prognosis", "history", "plan", "gaps"}
    assert set(told["process"]) >= {
        "pid", "started_at", "alive", "name", "exe", "cmdline", "user", "state", "cpu", "cgroup",
    }  # fmt: skip
    assert set(told["process"]["cpu"]) == {"percent", "window_s"}
    assert set(told["owners"][0]) == {"kind", "name", "id", "policy", "facts", "evidence"}
    assert set(told["prognosis"][0]) == {"action", "ends", "returns", "by", "after_s", "certainty", "why"}
    assert set(told["history"]) >= {"returns_seen", "shortest_s", "longest_s", "deaths"}
    assert set(told["plan"]) == {"goal", "steps", "never", "still", "afterwards"}
    assert set(told["plan"]["steps"][0]) == {"title", "command", "effect", "risk", "undo", "verify", "phase"}
    assert set(told["plan"]["never"][0]) == {"command", "why", "would_lose"}
    assert set(told["plan"]["never"][0]["would_lose"][0]) >= {"type", "name", "size_bytes", "used_by"}
    assert set(to_json(CASES["gaps"])["gaps"][0]) == {"source", "problem", "mend"}


def test_times_are_iso_8601_in_utc() -> None:
    """With their offset, to the millisecond where there is one."""
    told = to_json(CASES["systemd"]._replace(process=process("x", started_at=1795356131.0), since=1795356131.25))
    assert told["process"]["started_at"] == "2026-11-22T14:02:11+00:00"
    assert told["hot_since"] == "2026-11-22T14:02:11.250+00:00"


def test_document_tells_no_secret_and_no_raw_answer() -> None:
    """Arguments, facts and evidence are masked."""
    owner = Owner(
        "docker-container",
        "db",
        "1",
        "no",
        {"api_token": "HUNTER2", "env": ["PASSWORD=HUNTER2"], "nested": {"secret": "HUNTER2", "port": 80}},
        ("DB_PASSWORD=HUNTER2",),
    )
    case = CASES["systemd"]._replace(owners=(owner,), process=process("x", cmdline=("x", "--password", "HUNTER2")))
    told = json.dumps(to_json(case))
    assert "HUNTER2" not in told
    assert to_json(case)["owners"][0]["facts"]["nested"]["port"] == 80


def test_document_holds_nothing_that_a_terminal_obeys() -> None:
    """It is printed too: escapes, bidi marks and undecodable bytes are replaced."""
    case = CASES["systemd"]._replace(process=process("a\x1b[2J\u202e\udc80\x9b"))
    told = json.dumps(to_json(case), ensure_ascii=False)
    told.encode()
    assert not set(told) & set("\x1b\u202e\x9b")


@pytest.mark.parametrize("name", CASES)
def test_stored_case_is_told_as_it_was(name: str) -> None:
    """From the document alone the same text comes out, and the same document."""
    document = to_json(CASES[name])
    back = from_json(json.loads(json.dumps(document)))
    assert to_json(back) == document
    assert text(back, verbose=True, now=0.0) == text(CASES[name], verbose=True, now=0.0)


def test_strange_documents_are_refused() -> None:
    """Another schema's, or half of one: ValueError, which a reader can tell."""
    whole = to_json(CASES["compose"])
    for damaged in (
        {},
        {"schema_version": 99},
        {**whole, "process": None},
        {**whole, "owners": [{}]},
        {**whole, "plan": {}},
    ):
        with pytest.raises(ValueError, match="case file"):
            from_json(damaged)


def test_what_it_does_and_what_changed_find_their_way_back() -> None:
    """Whole and equal; a thread's name is cleaned, and both are absent where nobody could look."""
    shown = Doing(
        "forking", "forks: …", 0.1, 10.0, 20.0, 70.0, (BusyThread(7, "wo\x1brker", 30.0),), 5.0, None, None, None,
        None, None, None, 90.0, 0.0, 800.0, None, "do_wait",
    )  # fmt: skip
    change = Change("packages", 1795356131.0, "1 package was upgraded: curl", "/var/log/dpkg.log")
    told = to_json(CASES["systemd"]._replace(doing=shown, changed=(change,)))
    assert "\x1b" not in json.dumps(told, ensure_ascii=False)
    assert told["process"]["doing"]["children_percent"] == 70.0
    back = from_json(json.loads(json.dumps(told)))
    assert back.doing is not None
    assert back.doing._replace(threads=shown.threads) == shown
    assert back.changed == (change,)
    without = to_json(CASES["systemd"])
    assert "doing" not in without["process"]
    assert "changed" not in without


def test_the_text_says_what_it_does_and_what_was_changed_before() -> None:
    """One line each, the change with its distance and its time; a waiting process has nothing to tell."""
    shown = Doing(
        "spinning", "spins in user mode, 99 % of a core", 0.1, 99.0, 0.0, 0.0, (), 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        0.0, 0.0, 0.0, None, None,
    )  # fmt: skip
    change = Change("unit", 1795356131.0 - 600, "/etc/u.service was edited", "last write of it")
    case = CASES["systemd"]._replace(since=1795356131.0, doing=shown, changed=(change,))
    page = " ".join(text(case, now=1795356191.0).split())
    assert "spins in user mode, 99 % of a core" in page
    assert "changed 10 min before (" in page
    assert "): /etc/u.service was edited" in page
    assert "spins" not in text(case._replace(doing=shown._replace(kind="waiting")), now=1795356191.0)
