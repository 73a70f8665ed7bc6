"""Detection, over hours in milliseconds."""

from collections.abc import Iterable, Iterator, Sequence

from hypothesis import given, settings, strategies as st

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, ProcessRate, Rule, Sample
from runaway_watchdog.watch.detect import DetectState, detect, inherit, resume

RULE = Rule("sustained-cpu", 90.0, 300.0, "warning")
P, Q = ProcKey("boot", 100, 1000), ProcKey("boot", 200, 2000)
G = "/system.slice/docker-1.scope"
STEP = 2.0


def sample(
    at: float, processes: Iterable[tuple[ProcKey, float]] = (), groups: Iterable[tuple[str, float]] = (),
    group: str = G, span: float = STEP,
) -> Sample:  # fmt: skip
    rates = tuple(ProcessRate(key, group, percent, span) for key, percent in processes)
    return Sample(at, 1e9 + at, 2, None, rates, tuple(GroupRate(name, percent, span) for name, percent in groups))


def run(
    samples: Iterable[Sample],
    rules: Sequence[Rule] = (RULE,),
    state: DetectState = DetectState(),  # noqa: B008
) -> list[Finding]:
    return [finding for _, found in steps(samples, rules, state) for finding in found]


def steps(
    samples: Iterable[Sample], rules: Sequence[Rule], state: DetectState
) -> Iterator[tuple[DetectState, tuple[Finding, ...]]]:
    for each in samples:
        state, found = detect(state, each, rules)
        yield state, found


def burn(percents: Iterable[float], key: ProcKey = P, group: str = "") -> list[Sample]:
    return [sample(number * STEP, [(key, percent)], group=group) for number, percent in enumerate(percents, 1)]


def stages(findings: Iterable[Finding]) -> list[str]:
    return [finding.stage for finding in findings]


def test_a_constant_burner_is_suspect_then_sustained() -> None:
    """Half of the window makes a suspect, the whole window an incident, each told once."""
    found = run(burn([99.0] * 2000))
    assert [(each.stage, each.wall - 1e9) for each in found] == [("suspect", 150.0), ("sustained", 300.0)]
    assert found[1].key == P
    assert found[1].percent == 99.0
    assert found[1].window_s == 300.0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 89.99), min_size=1, max_size=400))
def test_below_the_threshold_nothing_ever_fires(percents: list[float]) -> None:
    """A process that never passes the rule is never told of."""
    assert run(burn(percents)) == []


@settings(deadline=None, max_examples=60)
@given(cpu=st.floats(1, 400), for_s=st.floats(1, 900), interval=st.floats(0.2, 60), extra=st.floats(0, 1000))
def test_a_constant_burner_fires_within_the_window_and_two_intervals(
    cpu: float, for_s: float, interval: float, extra: float
) -> None:
    """For every rule and every interval."""
    rule = Rule("r", cpu, for_s, "critical")
    count = int(for_s / interval) + 2
    found = run((sample(n * interval, [(P, cpu + extra)], span=interval) for n in range(1, count + 1)), (rule,))
    assert stages(found)[-1] == "sustained"


@settings(deadline=None, max_examples=60)
@given(dip=st.integers(1, 150), depth=st.floats(0, 89))
def test_a_dip_of_one_sample_does_not_start_the_window_anew(dip: int, depth: float) -> None:
    """It costs five samples at most: itself, and the four that it drains."""
    percents = [100.0] * 156
    percents[dip] = depth
    assert "sustained" in stages(run(burn(percents)))


@settings(deadline=None, max_examples=60)
@given(st.integers(5, 7))
def test_less_than_four_fifths_of_the_time_never_fires(hot: int) -> None:
    """Seven of ten samples above are work, not a runaway."""
    assert "sustained" not in stages(run(burn(([100.0] * hot + [10.0] * (10 - hot)) * 500)))


def test_it_is_resolved_when_it_has_drained() -> None:
    """It is over when it was calm for as long as the window, and it may begin again."""
    found = run(burn([100.0] * 200 + [1.0] * 160 + [100.0] * 200))
    assert stages(found) == ["suspect", "sustained", "resolved", "suspect", "sustained"]
    assert found[2].wall - found[1].wall == 100.0 + 300.0
    assert found[2].key == P


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 140))
def test_a_pause_shorter_than_the_window_does_not_end_it(pause: int) -> None:
    """A runaway that others slow down for a while is one incident, not two."""
    assert stages(run(burn([100.0] * 200 + [1.0] * pause + [100.0] * 200))) == ["suspect", "sustained"]


def test_one_that_is_gone_counts_as_idle() -> None:
    """A subject that is missing from the sample drains over the time since the last one."""
    samples = [*burn([100.0] * 160), *(sample(320 + n * STEP) for n in range(1, 160))]
    assert stages(run(samples)) == ["suspect", "sustained", "resolved"]


def test_a_reused_pid_is_another_subject() -> None:
    """Two processes of one PID never share an accumulator."""
    other = P._replace(start_ticks=9999)
    samples = [sample(n * STEP, [(P if n <= 100 else other, 100.0)], group="") for n in range(1, 201)]
    assert stages(run(samples)) == ["suspect", "suspect"]


def test_a_process_and_its_group_are_one_story() -> None:
    """The process is told of, the group is silent, at every stage."""
    samples = [sample(n * STEP, [(P, 99.0)], [(G, 99.5)]) for n in range(1, 300)]
    samples += [sample(600 + n * STEP, [(P, 0.0)], [(G, 0.0)]) for n in range(1, 160)]
    found = run(samples)
    assert stages(found) == ["suspect", "sustained", "resolved"]
    assert {each.key for each in found} == {P}


@settings(deadline=None, max_examples=60)
@given(lag=st.integers(1, 60))
def test_a_group_that_is_told_first_names_the_process_once(lag: int) -> None:
    """The group's counter started earlier: its finding is about the process, whose own is not told again."""
    samples = [sample(n * STEP, [(P, 99.0)] if n > lag else [], [(G, 99.5)]) for n in range(1, 400)]
    found = run(samples)
    assert stages(found) == ["suspect", "sustained"]
    assert found[-1].key == P


def test_a_swarm_is_told_as_its_group() -> None:
    """Where nobody dominates, the finding names no process."""
    swarm = [ProcKey("boot", 1000 + n, n) for n in range(400)]
    samples = [sample(n * STEP, [(swarm[n], 40.0)], [(G, 100.0)]) for n in range(1, 200)]
    found = run(samples)
    assert stages(found) == ["suspect", "sustained"]
    assert {each.key for each in found} == {None}
    assert {each.group for each in found} == {G}


def test_a_crash_loop_is_told_through_its_group() -> None:
    """Each life is shorter than the window: the group keeps the account, and names who burns now."""
    lives = [ProcKey("boot", 1000 + n, n) for n in range(40)]
    samples = [sample(n * STEP, [(lives[n // 10], 99.0)], [(G, 99.0)]) for n in range(1, 300)]
    found = run(samples)
    assert stages(found) == ["suspect", "sustained"]
    assert found[-1].key == lives[15]


def test_two_burners_in_one_group_are_two_stories() -> None:
    """A second program in a session is told of, although the first one is known."""
    samples = [sample(n * STEP, [(P, 99.0), (Q, 99.0)], [(G, 198.0)]) for n in range(1, 300)]
    found = run(samples)
    assert sorted((each.key, each.stage) for each in found if each.key) == [
        (P, "suspect"), (P, "sustained"), (Q, "suspect"), (Q, "sustained"),
    ]  # fmt: skip
    assert all(each.key for each in found)


def test_a_group_that_goes_on_keeps_the_story_when_its_process_is_gone() -> None:
    """The process was killed and its group burns on: resolved for the one, and told through the other at once."""
    samples = [sample(n * STEP, [(P, 99.0)], [(G, 99.0)]) for n in range(1, 200)]
    samples += [sample(400 + n * STEP, [(Q, 99.0)], [(G, 99.0)]) for n in range(200)]
    found = run(samples)
    assert stages(found)[:2] == ["suspect", "sustained"]
    ended = next(each for each in found if each.stage == "resolved" and each.key == P)
    taken_over = [each for each in found if each.stage == "sustained" and each.key == Q]
    assert taken_over
    assert taken_over[0].wall <= ended.wall


def test_every_sustained_story_is_resolved_once_it_is_quiet() -> None:
    """Rule, group and named process of a resolution are those of the finding that it ends."""
    samples = [sample(n * STEP, [(P, 99.0), (Q, 50.0)], [(G, 160.0)]) for n in range(1, 200)]
    samples += [sample(400 + n * STEP, [(Q, 99.0)], [(G, 99.0)]) for n in range(1, 300)]
    samples += [sample(1000 + n * STEP) for n in range(1, 200)]
    found = run(samples)
    opened = [(each.rule, each.group, each.key) for each in found if each.stage == "sustained"]
    closed = [(each.rule, each.group, each.key) for each in found if each.stage == "resolved"]
    assert sorted(opened, key=str) == sorted(closed, key=str)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 50.0, 95.0]), st.sampled_from([0.0, 60.0, 100.0]), st.booleans()),
        max_size=300,
    )
)
def test_stories_open_and_close_in_pairs(looks: list[tuple[float, float, bool]]) -> None:
    """Whatever the host does, no story is opened twice or closed without having been opened."""
    rule = Rule("r", 90.0, 10.0, "info")
    samples = [
        sample(n * STEP, [(P, p), (Q, q)] if there else [(Q, q)], [(G, (p if there else 0.0) + q)])
        for n, (p, q, there) in enumerate(looks, 1)
    ]
    open_now: set[tuple[str, ProcKey | None]] = set()
    for finding in run(samples, (rule,)):
        story = (finding.group, finding.key)
        if finding.stage == "sustained":
            assert story not in open_now
            open_now.add(story)
        elif finding.stage == "resolved":
            assert story in open_now
            open_now.remove(story)


def test_a_successor_inherits_what_was_accumulated() -> None:
    """Without cgroups a restart loop is only seen because the account follows the work."""
    state = DetectState()
    found: list[Finding] = []
    keys = [ProcKey("boot", 1000 + n, n) for n in range(40)]
    for number in range(1, 200):
        before, now = keys[(number - 1) // 10], keys[number // 10]
        if before != now:
            state = inherit(state, before, now)
        state, new = detect(state, sample(number * STEP, [(now, 99.0)], group=""), (RULE,))
        found += new
    assert stages(found) == ["suspect", "sustained"]


def test_an_inherited_story_ends_under_its_first_name() -> None:
    """The resolution names the process of the finding that it ends, so that the incident is found."""
    state, _ = list(steps(burn([99.0] * 160), (RULE,), DetectState()))[-1]
    state = inherit(state, P, Q)
    found = run([sample(320 + n * STEP, [(Q, 0.0)], group="") for n in range(1, 160)], state=state)
    assert [(each.stage, each.key) for each in found] == [("resolved", P)]


def test_a_resumed_incident_goes_on_or_drains_away() -> None:
    """After a restart nothing is told twice; what is gone is resolved."""
    alive = resume(DetectState(), RULE, "", P, 99.0, alive=True)
    assert run(burn([99.0] * 500), state=alive) == []
    gone = resume(DetectState(), RULE, "", P, 99.0, alive=False)
    assert stages(run([sample(n * STEP) for n in range(1, 160)], state=gone)) == ["resolved"]


def test_a_rule_that_is_no_longer_configured_ends_its_stories() -> None:
    """A reload does not leave incidents open for ever."""
    state, _ = list(steps(burn([99.0] * 160), (RULE,), DetectState()))[-1]
    other = Rule("other", 50.0, 60.0, "info")
    state, found = detect(state, sample(322, [(P, 99.0)], group=""), (other,))
    assert [(each.stage, each.rule) for each in found] == [("resolved", RULE.name)]
    assert {name for name, _ in state.tracks} == {"other"}


def test_what_is_cold_is_not_kept() -> None:
    """The state holds only what is or was hot."""
    state, _ = detect(DetectState(), sample(2, [(P, 10.0)], [(G, 20.0)]), (RULE,))
    assert state.tracks == {}
    assert state.processes() == {}
    assert state.groups() == set()
