"""Groups that come and go: what they use together is one account, and one finding that names their kind."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from unit.test_watch_observer import Story
from unit.watch_host import FakeHost

from runaway_watchdog.model.events import CaseRequest, Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, KindRate, ProcessRate, Rule, Sample
from runaway_watchdog.store import queries
from runaway_watchdog.store.database import connect
from runaway_watchdog.watch.detect import DetectState, detect, resume
from runaway_watchdog.watch.short_lived import kind_of

RULE = Rule("sustained-cpu", 90.0, 300.0, "warning")
SLICE = "/system.slice"
KIND = f"{SLICE}/docker-*.scope"
USER = "/user.slice/user-1000.slice/user@1000.service/app.slice"
POD = "pod0f1e2d3c_0000_4000_8000_0123456789ab"
STEP = 2.0


def scope(number: int) -> str:
    return f"{SLICE}/docker-{number:064x}.scope"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{SLICE}/docker-{'0af1' * 16}.scope", KIND),
        (f"{SLICE}/docker-{'af' * 32}.scope", KIND),
        (f"/docker/{'0af1' * 16}", "/docker/*"),
        (f"{SLICE}/run-u1234.service", f"{SLICE}/run-u*.service"),
        (f"{SLICE}/run-r{'ab12' * 8}.scope", f"{SLICE}/run-r*.scope"),
        (f"{SLICE}/run-p17-i18.service", f"{SLICE}/run-p*-i*.service"),
        (f"{SLICE}/job@de-7.service", f"{SLICE}/job@*.service"),
        (f"{SLICE}/shell@12-10.0.0.1:22-10.0.0.2:50122.service", f"{SLICE}/shell@*.service"),
        ("/user.slice/user-1000.slice/session-c3.scope", "/user.slice/user-1000.slice/session-c*.scope"),
        (f"{USER}/app-firefox-0f1e2d3c-0000-4000-8000-0123456789ab.scope", f"{USER}/app-firefox-*.scope"),
        (f"/kubepods.slice/kubepods-{POD}.slice/cri-containerd-{'a1' * 32}.scope",
         "/kubepods.slice/kubepods-pod*.slice/cri-containerd-*.scope"),
        (f"{SLICE}/nginx.service", ""),
        (f"{SLICE}/feed.service", ""),
        ("/init.scope", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_kind_is_a_parent_and_a_name_without_what_differs(path: str, kind: str) -> None:
    """Users and slices stay what they are."""
    assert kind_of(path) == kind


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300), st.text(alphabet="0123456789abcdef-._:@*", max_size=300))
def test_every_name_has_a_kind_or_none(name: str, likely: str) -> None:
    """A kind is never a name of its own, and is its own kind's name only where nothing differs."""
    for each in (f"/a/{name}", f"/a/{likely}"):
        assert kind_of(each) != each


# --- what the host tells ---


class Loop:
    """Short-lived groups in one slice, each with one process; what the looks say of them."""

    def __init__(self, root: Path, parent: str = SLICE) -> None:
        self.host, self.parent = FakeHost(root), parent
        self.host.group(parent, 100.0)
        self.host.group(f"{parent}/nginx.service", 50.0)
        self.used: dict[str, float] = {}
        self.total = 100.0
        self.state = DetectState()
        self.found: list[Finding] = []
        self.kinds: list[KindRate] = []
        self.look(2.0)

    def begin(self, path: str, pid: int) -> None:
        self.used[path] = 0.0
        self.host.group(path, 0.0)
        (self.host.cgroups / path.lstrip("/") / "cgroup.procs").write_text("")
        self.host.process(pid, start_s=self.host.now, group=path)

    def burn(self, path: str, pid: int, cpu_s: float) -> None:
        self.used[path] += cpu_s
        self.total += cpu_s
        self.host.group(path, self.used[path])
        self.host.used_ns[pid] += round(cpu_s * 1e9)
        self.host.group(self.parent, self.total)

    def end(self, path: str, pid: int) -> None:
        self.host.end(pid, path)
        directory = self.host.cgroups / path.lstrip("/")
        for file in directory.iterdir():
            file.unlink()
        directory.rmdir()
        del self.used[path]

    def look(self, busy_s: float, seconds: float = STEP) -> Sample:
        sample = self.host.look(seconds, busy_s, self.state.processes(), self.state.groups())
        self.state, found = detect(self.state, sample, (RULE,))
        self.found += found
        self.kinds += sample.kinds
        return sample


def test_containers_of_a_loop_are_one_runaway(tmp_path: Path) -> None:
    """Each lives for ten seconds: one finding, which names the kind and a member that lives."""
    loop = Loop(tmp_path)
    for number in range(50):
        path, pid = scope(number), 1000 + number
        loop.begin(path, pid)
        for _ in range(5):
            loop.burn(path, pid, 2.0)
            loop.look(2.0)
        loop.end(path, pid)
    sustained = [each for each in loop.found if each.stage == "sustained"]
    assert [each.group for each in sustained] == [KIND]
    assert sustained[0].key is not None
    assert 90 < sustained[0].percent <= 110
    assert sustained[0].returns >= 3
    for _ in range(200):
        loop.look(0.1)
    assert [(each.stage, each.group) for each in loop.found][-1] == ("resolved", KIND)


def test_what_ends_between_two_looks_is_told_by_the_parent(tmp_path: Path) -> None:
    """Lives of half a second: hardly any of them is met, and what they used is known all the same."""
    loop = Loop(tmp_path)
    for number in range(170):
        for part in range(3):
            path, pid = scope(number * 10 + part), 1000
            loop.begin(path, pid)
            loop.burn(path, pid, 0.6)
            loop.end(path, pid)
        last = scope(number * 10 + 9)
        loop.begin(last, 1000)
        loop.burn(last, 1000, 0.1)
        loop.look(2.0)
        loop.end(last, 1000)
    assert [each.group for each in loop.found if each.stage == "sustained"] == [KIND]


def test_ten_at_a_time_are_added_up(tmp_path: Path) -> None:
    """None of them uses much, and all of them together burn."""
    loop = Loop(tmp_path)
    for number in range(40):
        alive = [(scope(number * 10 + part), 1000 + number * 10 + part) for part in range(10)]
        for path, pid in alive:
            loop.begin(path, pid)
        for _ in range(5):
            for path, pid in alive:
                loop.burn(path, pid, 0.25)
            loop.look(2.5)
        for path, pid in alive:
            loop.end(path, pid)
    sustained = [each for each in loop.found if each.stage == "sustained"]
    assert [each.group for each in sustained] == [KIND]
    assert 100 < sustained[0].percent < 140


def test_groups_that_stay_are_no_series(tmp_path: Path) -> None:
    """Five containers are started at once and are busy for as long as they live: no kind is told of."""
    loop = Loop(tmp_path)
    alive = [(scope(number), 1000 + number) for number in range(5)]
    for path, pid in alive:
        loop.begin(path, pid)
    for _ in range(400):
        for path, pid in alive:
            loop.burn(path, pid, 0.8)
        loop.look(4.0)
    assert loop.found == []


def test_those_that_were_there_before_the_watch_do_not_count(tmp_path: Path) -> None:
    """Nor does one that ends, of those that live long."""
    loop = Loop(tmp_path)
    loop.host.sampler = type(loop.host.sampler)(loop.host.host, 90.0)
    loop.begin(scope(1), 1000)
    loop.look(2.0)
    for _ in range(100):
        loop.burn(scope(1), 1000, 1.0)
        loop.look(2.0)
    assert loop.kinds == []


def test_a_service_in_the_same_slice_is_not_added(tmp_path: Path) -> None:
    """It burns beside short-lived groups that do next to nothing, and speaks for itself alone."""
    loop = Loop(tmp_path)
    burner = f"{SLICE}/ocr.service"
    loop.begin(burner, 500)
    for number in range(50):
        path, pid = scope(number), 1000 + number
        loop.begin(path, pid)
        for _ in range(5):
            loop.burn(path, pid, 0.01)
            loop.burn(burner, 500, 2.0)
            loop.look(2.1)
        loop.end(path, pid)
    assert {each.group for each in loop.found} == {burner}


@pytest.mark.parametrize("parent", ["/docker", USER, "/user.slice/user-1000.slice"])
def test_every_layout_is_followed(tmp_path: Path, parent: str) -> None:
    """An engine without systemd, a user's transient units, sessions."""
    loop = Loop(tmp_path, parent)
    above = parent.rpartition("/")[0]
    for number in range(50):
        path, pid = f"{parent}/run-{number:032x}.scope", 1000 + number
        loop.begin(path, pid)
        for _ in range(5):
            loop.burn(path, pid, 2.0)
            at = above
            while at:
                loop.host.group(at, loop.total)
                at = at.rpartition("/")[0]
            loop.look(2.0)
        loop.end(path, pid)
    assert [each.group for each in loop.found if each.stage == "sustained"] == [f"{parent}/run-*.scope"]


# --- what is made of it ---


def series(count: int, percent: float = 150.0, ended: int = 1) -> Iterator[Sample]:
    """So many looks at a kind, a new group at each."""
    for number in range(1, count + 1):
        key = ProcKey("boot", 1000 + number, number)
        yield Sample(
            number * STEP, 1e9 + number * STEP, 4, None,
            (ProcessRate(key, scope(number), percent, STEP),), (GroupRate(scope(number), percent, STEP),),
            kinds=(KindRate(KIND, percent, STEP, ended),),
        )  # fmt: skip


def run(samples: Iterator[Sample], state: DetectState = DetectState()) -> list[Finding]:  # noqa: B008
    found: list[Finding] = []
    for each in samples:
        state, new = detect(state, each, (RULE,))
        found += new
    return found


def test_without_ends_there_is_no_series() -> None:
    """As many as were started at once, and none that has ended."""
    assert [each for each in run(series(1000, ended=0)) if each.group == KIND] == []


def test_a_series_that_uses_little_is_none() -> None:
    """Health checks, timers, a session now and then."""
    assert run(series(2000, percent=60.0)) == []


def test_on_a_full_host_a_series_is_judged_by_what_it_wanted() -> None:
    """Its members get half of what they want, and so do those that no look met."""
    held = (
        each._replace(groups=tuple(group._replace(demand=120.0) for group in each.groups))
        for each in series(400, percent=60.0)
    )
    assert [each.group for each in run(held) if each.stage == "sustained" and each.key is not None][-1:] == [KIND]


def test_a_member_that_has_told_speaks_for_its_kind() -> None:
    """One that burns through the whole window is one story, not two."""
    key = ProcKey("boot", 7, 7)
    samples = [
        each._replace(processes=(ProcessRate(key, scope(7), 150.0, STEP),), groups=(GroupRate(scope(7), 150.0, STEP),))
        for each in series(400, ended=0)
    ]
    samples += [each._replace(at=each.at + 800, kinds=(KindRate(KIND, 150.0, STEP, 1),)) for each in samples[:100]]
    assert {each.group for each in run(iter(samples))} == {scope(7)}


def test_an_open_series_goes_on_after_a_restart_of_the_watch() -> None:
    """Its member that was named is one of many: it is the kind that drains away."""
    state = resume(DetectState(), RULE, KIND, ProcKey("boot", 1001, 1), 150.0, alive=True)
    assert run(series(400), state) == []
    assert state.groups() == set()
    assert state.processes() == {}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "watchdog.db")) as store:
        yield store


def test_one_incident_names_the_kind_and_its_case_a_living_member(tmp_path: Path, store: sqlite3.Connection) -> None:
    """From the counters to what is asked of the case and what stands in the list."""
    story = Story(FakeHost(tmp_path / "host"), store)
    story.driver.tick()
    for number in range(60):
        path, pid = scope(number + 2), 1000 + number
        story.host.group(path, 0.0)
        story.host.process(pid, start_s=story.host.now, group=path)
        for part in range(1, 6):
            story.burnt_s += 2.0
            story.host.used_ns[pid] += 2_000_000_000
            story.host.group(path, part * 2.0)
            story.host.group("/system.slice", story.burnt_s)
            story.host.passes(2.0, 2.0)
            story.driver.tick()
        story.host.end(pid, path)
        for file in (story.host.cgroups / path.lstrip("/")).iterdir():
            file.unlink()
        (story.host.cgroups / path.lstrip("/")).rmdir()
    opened = [each for each in story.requests if each.kind == "opened"]
    assert [(each.group, each.rule_kind) for each in opened] == [(KIND, "cpu")]
    assert opened[0].pid >= 1000
    assert "short-lived" in opened[0].harm
    assert isinstance(opened[0], CaseRequest)
    assert [each.summary for each in queries.incidents(store)] == [
        "a series of short-lived groups (docker-*.scope) has used 100 % of a core for 5 minutes"
    ]
