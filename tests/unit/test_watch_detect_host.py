"""Detection by what was wanted, and the rules about the host itself."""

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Contention, GroupRate, HostLoad, ProcessRate, Rule, Sample, ThreadShares
from runaway_watchdog.watch.detect import DetectState, detect, resume

CPU = Rule("sustained-cpu", 90.0, 300.0, "warning")
STEAL = Rule("steal", 20.0, 300.0, "warning", "steal")
PRESSURE = Rule("pressure", 60.0, 300.0, "warning", "pressure")
P = ProcKey("boot", 10, 100)
G = "/system.slice/ocr.service"


def run(samples: list[Sample], *rules: Rule, state: DetectState = DetectState()) -> list[Finding]:  # noqa: B008
    found: list[Finding] = []
    for sample in samples:
        state, new = detect(state, sample, rules)
        found += new
        assert "" not in state.groups()
    return found


def looks(count: int, load: HostLoad = HostLoad(), busy: float | None = 200.0, first: int = 1) -> list[Sample]:  # noqa: B008
    held = Contention(waited=50.0, limit=40.0, throttled=90.0, steal=5.0)
    processes = (ProcessRate(P, G, 50.0, 2.0, 100.0, held),)
    groups = (GroupRate(G, 50.0, 2.0, 100.0, held),)
    return [Sample(n * 2.0, 1e9 + n * 2, 2, busy, processes, groups, load) for n in range(first, first + count)]


def test_what_was_wanted_counts_and_what_held_it_is_told() -> None:
    """The percent stays what it really used."""
    found = run(looks(160), CPU)
    assert [each.stage for each in found] == ["suspect", "sustained"]
    assert (found[1].key, found[1].percent, found[1].demand) == (P, 50.0, 100.0)
    assert (found[1].waited, found[1].limit, found[1].throttled, found[1].steal) == (50.0, 40.0, 90.0, 5.0)


def test_steal_and_pressure_are_findings_about_the_host() -> None:
    """They name nobody, and end when it is over."""
    bad = HostLoad(2.0, 85.0, 30.0)
    found = run([*looks(160, bad), *looks(200, first=161)], STEAL, PRESSURE)
    assert [(each.stage, each.kind) for each in found if each.stage != "suspect"] == [
        ("sustained", "steal"), ("sustained", "pressure"), ("resolved", "steal"), ("resolved", "pressure"),
    ]  # fmt: skip
    assert {(each.group, each.key) for each in found} == {("", None)}
    assert [round(each.percent) for each in found if each.stage == "sustained"] == [30, 85]


def test_those_that_wait_at_a_limit_of_their_own_do_not_make_the_host_short() -> None:
    """Pressure counts throttled tasks, too: it is believed only where the CPUs are in use."""
    assert run(looks(300, HostLoad(1.0, 95.0, 0.0), busy=40.0), PRESSURE) == []


def test_a_kernel_without_pressure_is_judged_by_its_load() -> None:
    """Twice as many as there are CPUs."""
    found = run(looks(160, HostLoad(2.0, None, 0.0)), PRESSURE)
    assert [each.stage for each in found] == ["suspect", "sustained"]


def test_a_resumed_host_incident_goes_on() -> None:
    """After a restart of the watch nothing is told twice."""
    state = resume(DetectState(), STEAL, "", None, 30.0, alive=False)
    assert run(looks(300, HostLoad(1.0, 0.0, 30.0)), STEAL, state=state) == []


def test_a_starved_runaway_is_not_over() -> None:
    """It gets three percent of a core, and waits for the rest: more than crowding explains. Then it is calm."""
    starved, calm = ((Contention(waited=97.0), 3.0), (Contention(), 3.0))

    def at(n: int, held: Contention, percent: float) -> Sample:
        wants, load = min(100.0, percent * 19), HostLoad(10.0, 99.0)
        processes = (ProcessRate(P, G, percent, 2.0, wants, held),)
        groups = (GroupRate(G, percent, 2.0, wants, held),)
        return Sample(n * 2.0, 1e9 + n * 2, 2, 200.0, processes, groups, load)

    found = run([*looks(160), *(at(n, *starved) for n in range(161, 600))], CPU)
    assert [each.stage for each in found] == ["suspect", "sustained"]
    found = run(
        [*looks(160), *(at(n, *starved) for n in range(161, 600)), *(at(n, *calm) for n in range(600, 760))], CPU
    )
    assert [each.stage for each in found] == ["suspect", "sustained", "resolved"]
    asleep = Contention(waited=97.0, threads=ThreadShares(3.0, 12.0, 900.0))  # twenty threads that wait a little each
    found = run([*looks(160), *(at(n, asleep, 3.0) for n in range(161, 400))], CPU)
    assert [each.stage for each in found] == ["suspect", "sustained", "resolved"]
    assert run([at(n, *starved) for n in range(1, 600)], CPU) == []  # by its waiting alone nobody is found
