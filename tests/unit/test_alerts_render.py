"""Reminders, resolutions, tests and what goes out where no case file could be made."""

import json
import os
from typing import Any

import pytest
from unit.golden.cases import NOW, cases, hostile_case

from runaway_watchdog.alerts.alertmanager import alerts
from runaway_watchdog.model.casefile import History, SeenDeath
from runaway_watchdog.model.events import CaseRequest, Ending
from runaway_watchdog.model.owner import Outlook
from runaway_watchdog.model.process import CpuShare
from runaway_watchdog.model.shortage import CpuUser, Shortage, User
from runaway_watchdog.render import figures
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.message import Incident, Kind, fallback, message
from runaway_watchdog.render.pressure import of_pressure
from runaway_watchdog.render.shortage import sentence
from runaway_watchdog.render.story import harm, tell

CASE = cases()["compose"]
COMMISSION = CaseRequest(
    incident_id=12,
    kind="opened",
    rule="sustained-cpu",
    severity="warning",
    pid=3441,
    start_ticks=1,
    group="/system.slice/docker-21fe.scope",
    lineage="x",
    percent=99.7,
    window_s=300.0,
    opened_at=NOW - 600,
)


def test_reminder_says_that_it_still_goes_on() -> None:
    """In the subject and first of all; the plan is there again."""
    told = message(CASE, "reminder", NOW, Incident(number=12))
    assert told.subject.startswith("Still CPU 100 %: ")
    assert told.text.startswith("Reminder: it still goes on.\n\n")
    assert "DO THIS" in told.text


def test_what_the_host_lacks_more_than_cpu_comes_first() -> None:
    """In every form of the message; of what is over nothing is said any more."""
    short = sentence(Shortage("memory", 34.0, 96.0, User("shop/db (postgres)", 70, 3 * 2**30)))
    told = message(CASE, "opened", NOW, Incident(15, "critical", short=short))
    assert told.text.startswith("This host is out of memory: 96 % of it is in use")
    assert "shop/db (postgres): 3.0 GiB" in " ".join(told.text.split())
    assert "What it says of CPU is second" in " ".join(told.text.split())
    assert "out of memory" in told.markdown
    assert "out of memory" in told.html
    assert "out of memory" not in message(CASE, "resolved", NOW, Incident(15, "critical", short=short)).text


def test_host_under_pressure_names_who_uses_most_and_what_it_lacks_first() -> None:
    """By name; who works for others is no culprit, and stands neither in the subject nor is it stopped."""
    asked = COMMISSION._replace(
        incident_id=15, rule="pressure", rule_kind="pressure", severity="critical", percent=98.0
    )
    users = (
        CpuUser("dockerd (812)", 97.0, 0, "works for the containers"),
        CpuUser("scans/worker (php)", 45.0, 16, ""),
    )
    told = of_pressure(asked, users, None, NOW, "web1")
    assert told.subject == "CRITICAL CPU is short on web1, most by scans/worker (php)"
    assert told.text.startswith("For 5 min, processes on web1 have waited for a CPU 98 % of the time.\n")
    assert "97 % of a core  dockerd (812): it works for the containers, leave it alone\n" in told.text
    assert "45 % of a core  scans/worker (php) (incident 16)\n" in told.text
    assert told.push.endswith("sudo runaway-watchdog scan")
    short = Shortage("memory", 34.0, 96.0, User("shop/db (postgres)", 70, 3 * 2**30))
    told = of_pressure(asked, users, short, NOW, "web1")
    assert told.subject == "CRITICAL web1 is out of memory, most by shop/db (postgres)"
    assert told.text.startswith("This host is out of memory: 96 % of it is in use")


def test_culprit_refers_to_the_incident_of_its_host() -> None:
    """So that two alerts are read as one story."""
    asked = COMMISSION._replace(severity="critical", harm="others wait for a CPU 98 % of the time", beside=15)
    told = " ".join(message(CASE, "opened", NOW, Incident.of(asked)).text.split())
    assert "98 % of the time. Also told as incident 15: processes wait for a CPU." in told
    assert "Also told" not in harm(asked._replace(beside=0))


def test_resolution_is_short_and_proposes_nothing() -> None:
    """What it was and how long it lasted; a plan would make people act on what is over."""
    told = message(CASE, "resolved", NOW, Incident(number=12))
    assert told.subject == "Over: ocr/worker (tesseract) on web1"
    assert told.text.startswith("Over: ocr/worker (tesseract) on web1 is calm again. It lasted 6 min.")
    for form in (told.text, told.html, told.markdown):
        assert "docker stop" not in form
        assert "NEVER THIS" not in form
    ended = message(CASE._replace(process=CASE.process._replace(alive=False)), "resolved", NOW)
    assert "has ended and not come back" in ended.text


def test_test_message_says_that_it_is_one() -> None:
    """Nobody shall run its commands: in the subject and in every form."""
    told = message(CASE, "test", NOW)
    assert told.subject.startswith("[test] ")
    for form in (told.text, told.html, told.markdown):
        assert "invented" in form


def test_incident_is_numbered_and_the_way_to_the_newest_state_told() -> None:
    """The last line is a command for a terminal on that host."""
    told = message(CASE, "opened", NOW, Incident(number=12))
    assert "Incident 12, web1" in told.text
    assert told.text.splitlines()[-1] == "sudo runaway-watchdog explain 3441"
    assert "Incident" not in message(CASE, "opened", NOW).text


@pytest.mark.parametrize(
    ("outlook", "ending"),
    [
        (Outlook.comes_back("sigkill", "docker", "certain", "", after_s=0.1), " - Docker revives it"),
        (Outlook.comes_back("sigkill", None, "likely", ""), " - it comes back"),
        (Outlook.stays_away("sigkill", "certain", ""), " - nobody revives it"),
        (Outlook.not_known("sigkill", ""), " - may come back"),
        (Outlook.goes_on("sigkill", "certain", ""), " - no signal ends it"),
    ],
)
def test_subject_ends_with_what_kill_9_leads_to(outlook: Outlook, ending: str) -> None:
    """The one thing that a frightened person is about to try."""
    assert message(CASE._replace(prognosis=(outlook,)), "opened", NOW).subject.endswith(ending)


def test_fallback_tells_what_is_known_and_why_there_is_no_more() -> None:
    """Figure, host, group, reason and the command to find out more; no plan is made up."""
    told = fallback(COMMISSION, NOW, host="web1", reason="Docker did not answer within 2 s")
    assert told.subject == "CPU 100 %: PID 3441 on web1"
    for form in (told.text, told.html, told.markdown):
        for words in ("99.7 % of a core", "web1", "Docker did not answer", "explain 3441", "Incident 12"):
            assert words in form
        assert "DO THIS" not in form


def test_fallback_for_a_group_and_for_its_end() -> None:
    """Without a PID the group is named; a resolution says that it is over."""
    assert "docker-21fe.scope" in fallback(COMMISSION._replace(pid=0), NOW, host="web1", reason="x").subject
    over = fallback(COMMISSION._replace(kind="resolved"), NOW, host="web1", reason="it is gone")
    assert over.subject == "Over: PID 3441 on web1 is calm again"
    assert "10 min" in over.text


# --- why, and how bad ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"severity": "critical", "harm": "others wait for a CPU 43 % of the time"},
         "Critical: others wait for a CPU 43 % of the time."),
        ({"severity": "info", "harm": "its nice is 19"}, "For information: its nice is 19."),
        ({"severity": "warning"}, "Warning: the rule sustained-cpu says so."),
        ({"rule_kind": "restarts", "returns": 12, "harm": "it ends and is started again"},
         "Warning: it came back at least 12 times in 5 min."),
        ({"severity": "critical", "rule_kind": "restarts", "returns": 12, "harm": "others wait"},
         "Critical: it came back at least 12 times in 5 min; others wait."),
    ],
)  # fmt: skip
def test_alert_says_how_bad_it_is_and_why(changes: dict[str, Any], told: str) -> None:
    """Right after what it is, in every form; when it is over nobody needs it."""
    about = Incident.of(COMMISSION._replace(**changes))
    for form in ("text", "html", "markdown", "push"):
        assert told in getattr(message(CASE, "opened", NOW, about), form)
        assert told not in getattr(message(CASE, "resolved", NOW, about), form)


@pytest.mark.parametrize("kind", ["opened", "recorded", "escalated", "returned", "reminder", "resolved", "test"])
@pytest.mark.parametrize("name", cases())
def test_critical_stands_out_in_a_subject_of_60_characters(kind: Kind, name: str) -> None:
    """But for what is over, which is critical no more."""
    subject = message(cases()[name], kind, NOW, Incident(1, "critical", "Critical: x.")).subject
    assert len(subject) <= 60
    if CASE.process.alive and name != "dead":
        assert ("CRITICAL" in subject) == (kind != "resolved")


def test_return_and_worse_say_what_happened() -> None:
    """The first words tell why there is another message."""
    back = message(CASE, "returned", NOW)
    assert back.subject.startswith("Back: CPU 100 %")
    assert back.text.startswith("PID 3355 died, and came back 0.2 s later as PID 3441.\n")
    assert message(CASE._replace(history=History()), "returned", NOW).text.startswith("It died, and came back.\n")
    assert message(CASE, "escalated", NOW).subject.startswith("Worse: CPU 100 %")


def test_an_end_is_told_with_how_it_came() -> None:
    """In the alert that it is over, where the kernel told it; and in the line of one who asks."""
    gone = CASE._replace(process=CASE.process._replace(alive=False))
    for ending, told in (
        (Ending(signal=9), " was ended by SIGKILL and has not come back."),
        (Ending(exit_code=1), " exited with 1 and has not come back."),
        (None, " has ended and not come back."),
    ):
        death = SeenDeath(gone.process.pid, 0.0, NOW - 60, None, None, ending)
        case = gone._replace(history=History(deaths=(death,)))
        assert told in message(case, "resolved", NOW).text.replace("\n", " ")
        assert ending is None or told.split(" and")[0] in tell(case, NOW).headline


def test_restart_loop_without_a_case_tells_its_count() -> None:
    """Its share of the CPU was not measured, and is not made up."""
    loop = COMMISSION._replace(rule_kind="restarts", returns=12, percent=0.0, pid=0, harm="others wait")
    told = fallback(loop, NOW, host="web1", reason="x")
    assert told.subject.startswith("Restart loop: ")
    assert "12 times in 5 min, at least" in told.html
    assert "0.0 %" not in told.text
    assert "Warning: it came back at least 12 times in 5 min." in told.text


# --- for a pager -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cases())
def test_pager_gets_whole_lines_within_300_characters(name: str) -> None:
    """Subject included; a command is there whole, or not at all; the last line is the way to the rest."""
    case = cases()[name]
    told = message(case, "opened", NOW, Incident(1, "critical", "Critical: others wait for a CPU 43 % of the time."))
    assert len(told.subject) + 1 + len(told.push) <= 300
    assert told.push.splitlines()[-1] == f"sudo runaway-watchdog explain {case.process.pid}"
    commands = {step.command for step in case.plan.steps} | {never.command for never in case.plan.dangerous}
    assert all(line in commands for line in told.push.splitlines() if line.startswith(("docker", "systemctl", "[")))


def test_pager_keeps_the_danger_longer_than_the_outcome() -> None:
    """The subject says already who revives it; what must never run is said nowhere else."""
    long = CASE.plan.steps[0]._replace(command=f"docker update --cpu-quota=20000 {'w' * 90}")
    told = message(CASE._replace(plan=CASE.plan._replace(steps=(long,))), "opened", NOW, Incident(harm="Warning: x."))
    assert "kill -9" not in told.push
    assert "docker compose -p ocr down -v" in told.push
    assert long.command in told.push


# --- the curve -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percents", "drawn"),
    [
        ([], ""),
        ([5.0], ""),
        ([0.0, 0.0], "▁▁"),
        ([0.0, 50.0, 100.0], "▁▅█"),
        ([0.0, 0.0, None, 100.0], "▁▁·█"),
    ],
)
def test_curve_in_blocks(percents: list[float | None], drawn: str) -> None:
    """The highest is full; where nobody looked there is a dot, and no curve where there is nothing to compare."""
    points = [(NOW + 10 * at, percent) for at, percent in enumerate(percents) if percent is not None]
    assert figures.blocks(points, len(percents)) == drawn


# --- a dead PID ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deaths", "told"),
    [
        ((SeenDeath(3355, 0.0, NOW - 60, 3441, 0.2),), "came back 0.2 s later as PID 3441"),
        ((SeenDeath(3355, 0.0, NOW - 60, 3400, 2.0),), "came back 2.0 s later as PID 3400, and is PID 3441 by now"),
        ((SeenDeath(3355, 0.0, NOW - 60, 3441, 2.0, Ending(signal=15)),), "PID 3355 was ended by SIGTERM at"),
        ((SeenDeath(3355, 0.0, NOW - 60, None, None),), "the same work goes on as PID 3441"),
        ((), "PID 3355 is gone; the same work goes on as PID 3441"),
    ],
)
def test_dead_pid_leads_to_the_one_that_lives(deaths: tuple[SeenDeath, ...], told: str) -> None:
    """The first line answers what became of the PID that was asked about."""
    case = CASE._replace(asked_pid=3355, history=History(deaths=deaths))
    assert told in tell(case, NOW).succession


def test_pid_used_twice_speaks_of_its_last_death() -> None:
    """A PID that died more than once in this work: the newest death counts."""
    deaths = (SeenDeath(3355, 0.0, NOW - 5000, 3400, 9.0), SeenDeath(3355, 0.0, NOW - 60, 3441, 0.3))
    assert "0.3 s later" in tell(CASE._replace(asked_pid=3355, history=History(deaths=deaths)), NOW).succession


# --- figures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (figures.share(99.7), "99.7 % of a core"),
        (figures.share(380.2), "380 % of a core (3.8 cores)"),
        (figures.duration(40), "40 s"),
        (figures.duration(400), "6 min"),
        (figures.duration(12000), "3 h 20 min"),
        (figures.duration(7200), "2 h"),
        (figures.duration(90000), "1 day"),
        (figures.duration(500000), "5 days"),
        (figures.duration(-3), "0 s"),
        (figures.delay(0.04), "less than 0.1 s"),
        (figures.delay(0.1), "0.1 s"),
        (figures.delay(61), "1 min"),
        (figures.delays(0.1, 3.2), "0.1 s to 3.2 s"),
        (figures.delays(2.0, 2.0), "2.0 s"),
        (figures.delays(None, None), ""),
        (figures.size(0), "0 bytes"),
        (figures.size(412), "412 bytes"),
        (figures.size(1288490189), "1.2 GiB"),
        (figures.size(3650722202, at_least=True), "at least 3.4 GiB"),
        (figures.size(200 * 1024**2), "200 MiB"),
        (figures.size(None), "size not known"),
    ],
)
def test_figures_are_told_as_people_read_them(told: str, words: str) -> None:
    """No more digits than help."""
    assert told == words


def test_document_with_names_of_a_megabyte_does_not_go_along() -> None:
    """Services refuse it, and the outbox would keep it for each channel: it says where it is, and whose it is."""
    case = to_json(hostile_case("x"))
    case["owners"][0]["name"] = "W" * 1_000_000
    told = message(hostile_case("x"), "opened", NOW, Incident(12, "warning", "", document=case))
    assert len(told.to_json()) < 50_000
    assert told.document["incident"]["id"] == 12
    assert "incidents show 12 --json" in told.document["case"]["left_out"]
    (alert,) = alerts(told, NOW)
    (whole,) = alerts(told._replace(document={**told.document, "case": case}), NOW)
    assert alert["labels"] == whole["labels"]


def test_alertmanager_is_told_the_end_of_what_had_no_case_file() -> None:
    """The same labels at the beginning and at the end, also where the owner was found in between."""
    opened = fallback(COMMISSION, NOW, host="web1", reason="it took too long")
    (alert,) = alerts(opened, NOW)
    assert "summary" not in alert["labels"]
    assert alert["labels"]["severity"] == COMMISSION.severity
    for end in (
        fallback(COMMISSION._replace(kind="resolved"), NOW, host="web1", reason="it is gone"),
        message(CASE, "resolved", NOW, Incident.of(COMMISSION, (), to_json(CASE._replace(host=os.uname().nodename)))),
    ):
        ended = [each["labels"] for each in alerts(end, NOW) if "startsAt" in each]
        assert alert["labels"] in ended


def test_alertmanager_hands_on_no_mention() -> None:
    """Its receivers show labels and annotations as they are: in Slack, Discord and Teams."""
    words = "<!channel> <@U1> <https://x|y> @everyone"
    case = hostile_case(words)
    (alert,) = alerts(message(case, "opened", NOW, Incident(1, "info", "", document=to_json(case))), NOW)
    shown = json.dumps(alert, ensure_ascii=False)
    assert not [each for each in ("<!channel", "<@U", "<https", "@everyone") if each in shown]


def test_what_a_crowded_host_leaves_it_is_not_all_that_is_told() -> None:
    """4 % alone would sound harmless; what it wanted is why somebody is told."""
    crowded = COMMISSION._replace(percent=4.1, demand=97.0, harm="others wait for a CPU 80 % of the time")
    told = message(CASE._replace(cpu=CpuShare(4.1, 300.0)), "opened", NOW, Incident.of(crowded))
    assert told.subject.startswith("Wants CPU 97 %, gets 4: ")
    assert "it wants 97.0 % of a core, and gets less" in " ".join(told.text.split())
    lost = fallback(crowded, NOW, host="web1", reason="it took too long")
    assert lost.subject.startswith("Wants CPU 97 %, gets 4: PID 3441")
    assert message(CASE, "opened", NOW, Incident.of(COMMISSION._replace(demand=120.0))).subject.startswith(
        "CPU 100 %: "
    )
