"""What is kept on one screen when a case has more to tell than fits."""

import json
from pathlib import Path

import pytest

from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.model.casefile import CaseFile, Change, ChangeKind
from runaway_watchdog.model.doing import Doing
from runaway_watchdog.render.happening import happening
from runaway_watchdog.render.markdown import message as chat
from runaway_watchdog.render.story import tell
from runaway_watchdog.render.text import text, write
from runaway_watchdog.world.recorded import replay

HOSTS = Path(__file__).parent.parent / "hosts"
SPINS = (
    "spins in user mode: 100 % of a core, no system call seen, no page fault, no pause in 0.1 s (an endless loop, or"
    " plain computing)"
)
SPINNING = Doing(
    kind="spinning", told=SPINS, window_s=0.1, user_percent=100.0, system_percent=0.0, children_percent=0.0, threads=(),
    voluntary_switches=0.0, involuntary_switches=0.0, read_bytes=0.0, written_bytes=0.0, disk_read_bytes=0.0,
    disk_written_bytes=0.0, io_calls=0.0, page_faults=0.0, major_faults=0.0, host_starts=0.0, system_call=None,
    waits_in=None,
)  # fmt: skip
DEPLOYED: tuple[tuple[ChangeKind, str], ...] = (
    ("container", "container ocr-worker-1 was created"),
    ("compose-file", "/srv/ocr/docker-compose.yml was edited"),
    ("image", "image bb:1 came to this host"),
)


def recorded(name: str) -> tuple[CaseFile, float]:
    recording = json.loads((HOSTS / name / "recording.json").read_text())
    return explain(replay(recording), NoRecords(), recording["pid"]), float(recording["now"])


def deployed(case: CaseFile, *ages: float) -> CaseFile:
    """The same, and this was changed so many seconds before it began, the newest first."""
    at = [case.process.started_at - age for age in ages]
    changes = (Change(kind, when, told, "x") for (kind, told), when in zip(DEPLOYED, at, strict=True))
    return case._replace(changed=tuple(changes), doing=SPINNING)


@pytest.mark.parametrize("name", ["compose-worker-v1", "compose-worker-v2"])
def test_a_fresh_deployment_leaves_room_for_who_it_is(name: str) -> None:
    """The container, the project with its service, and the compose file are told, and all fits one screen."""
    case, now = recorded(name)
    shown = text(deployed(case, 0, 0, 0), now=now)
    assert len(shown.splitlines()) <= 38
    told = " ".join(shown.split())
    for words in ("ocr/worker: Compose service", "container ocr-worker-1", "compose file /srv/", "docker-compose.yml"):
        assert words in told
    for _, change in DEPLOYED:
        assert change in told


def test_changes_of_one_moment_are_one_line() -> None:
    """Those of another minute are told apart; how long before is told by the earliest."""
    case, now = recorded("compose-worker-v2")
    begun = case.process.started_at
    case = case._replace(process=case.process._replace(started_at=begun - begun % 60 + 30))

    def lines(*ages: float) -> list[str]:
        return [each.partition(" (")[0] for each in happening(deployed(case, *ages), now) if "changed" in each]

    assert lines(-1, 0, 0.4) == ["changed at the same time"]
    assert lines(0, 3, 20) == ["changed up to 20 s before"]
    assert lines(5, 65, 3605) == ["changed 5 s before", "changed 1 min before", "changed 1 h before"]


def test_a_case_with_much_to_tell_keeps_who_does_it() -> None:
    """Where even the shortest text is longer than a screen, reasons that the result tells already go first."""
    case, now = recorded("systemd-socket")
    shown = text(case, now=now)
    assert len(shown.splitlines()) <= 38
    assert shown.count("probably comes back, by asked.socket") == 4
    assert "(systemd keeps its services running when" in shown


@pytest.mark.parametrize("name", ["celery-worker", "gunicorn-worker", "nodemon-app", "systemd-frozen-257"])
def test_what_is_cut_ends_with_a_whole_word(name: str) -> None:
    """Half a word is read as another one; the whole text has the same words."""
    case, now = recorded(name)
    whole = {word.strip("();") for word in text(case, now=now, verbose=True).split()}
    cut = [line.split() for line in text(case, now=now).splitlines() if line.endswith(" …")]
    assert cut
    assert {words[-2].strip("();") for words in cut} <= whole


def test_a_long_name_has_a_line_of_its_own_among_the_outcomes() -> None:
    """What a stop of it leads to stands in the column of the others, and the name is whole."""
    case, now = recorded("systemd-socket")
    story = tell(case, now)
    long = "stop actions.runner.acme-app.vps-of-the-agency.service"
    named = [each._replace(action=long) if each.action.startswith("stop") else each for each in story.outcomes]
    story = story._replace(outcomes=tuple(named))
    lines = write(story).splitlines()
    at = lines.index(f"  {long}")
    column = lines[at - 1].index("probably")  # of kill -9
    assert lines[at + 1] == " " * column + "probably comes back, by asked.socket"
    form = chat("", story, ())
    assert f"\n{long}  " in form
    assert f"\nkill{' ' * len(long)}" not in form
