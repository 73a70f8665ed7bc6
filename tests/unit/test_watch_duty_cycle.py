"""What burns on and off: the time above the rule adds up for as long as the mean stays there, too."""

import random
from collections.abc import Iterable, Sequence

from hypothesis import assume, given, settings, strategies as st

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import GroupRate, ProcessRate, Rule, Sample
from runaway_watchdog.watch.detect import DetectState, detect, inherit

RULE = Rule("sustained-cpu", 90.0, 300.0, "warning")
SLOW = Rule("slow-burn", 40.0, 3600.0, "info")
P, Q = ProcKey("boot", 100, 1000), ProcKey("boot", 200, 2000)
GROUP = "/system.slice/docker-1.scope"
SESSION = "/user.slice/user-0.slice/session-3.scope"
STEP = 2.0
SHOWN = 20.0  # percent: what is colder and not followed is not read
HOUR = 3600.0


def cycle(percent: float, on_s: float, of_s: float, lasts_s: float = HOUR) -> list[float]:
    """What each look sees of a load that is on for so many seconds of so many."""
    looks = int(lasts_s / STEP)
    return [percent * _overlap(number * STEP, on_s, of_s) / STEP for number in range(looks)]


def _overlap(since: float, on_s: float, of_s: float) -> float:
    """Seconds of one look, which begins at `since`, in which the load is on."""
    fine = 8
    return sum((since + STEP * part / fine) % of_s < on_s for part in range(fine)) * STEP / fine


def run(
    percents: Iterable[float], *, group: str = "", alone: bool = True, rules: Sequence[Rule] = (RULE,)
) -> list[Finding]:
    """As the sampler would tell it: what is cold is missing, unless it is followed."""
    state, found = DetectState(), list[Finding]()
    for number, percent in enumerate(percents, 1):
        processes = (ProcessRate(P, group, percent, STEP),) if alone else ()
        groups = (GroupRate(group, percent, STEP),) if group else ()
        sample = Sample(
            number * STEP, 1e9 + number * STEP, 8, None,
            tuple(each for each in processes if percent >= SHOWN or each.key in state.processes()),
            tuple(each for each in groups if percent >= SHOWN or each.group in state.groups()),
        )  # fmt: skip
        state, new = detect(state, sample, rules)
        found += new
    return found


def stages(findings: Iterable[Finding]) -> list[str]:
    return [each.stage for each in findings if each.stage != "suspect"]


def test_six_seconds_of_eight_are_a_runaway_and_one_story() -> None:
    """800 % for 6 s of every 8: found within a quarter of an hour, once in two hours, with its mean."""
    found = run(cycle(800, 6, 8, 2 * HOUR), group=GROUP)
    assert stages(found) == ["sustained"]
    sustained = next(each for each in found if each.stage == "sustained")
    assert sustained.key == P
    assert sustained.wall - 1e9 < 900
    assert 550 < sustained.percent < 650


def test_it_is_over_when_it_was_calm_for_long_enough() -> None:
    """A pause of the cycle does not end it, and its end does, once."""
    found = run([*cycle(800, 6, 8, HOUR), *cycle(0, 1, 8, 900)], group=GROUP)
    assert stages(found) == ["sustained", "resolved"]
    assert found[-1].wall - 1e9 - HOUR < 3 * RULE.for_s


@settings(deadline=None, max_examples=20)
@given(
    percent=st.floats(200, 3200), of_s=st.floats(4, 60), share=st.floats(0.3, 0.95), alone=st.booleans(),
    offset=st.integers(0, 30),
)  # fmt: skip
def test_a_duty_cycle_is_found_however_it_is_cut(
    percent: float, of_s: float, share: float, alone: bool, offset: int
) -> None:
    """Where the mean is well above the rule, and a third of the time at least is spent: one process, or a swarm."""
    if min(percent, 3.9 * RULE.cpu) * share < 1.3 * RULE.cpu:
        share = min(0.95, 1.4 * RULE.cpu / min(percent, 3.9 * RULE.cpu))
    found = run(cycle(percent, of_s * share, of_s)[offset:], group=GROUP, alone=alone)
    assert stages(found)[:1] == ["sustained"]
    assert "resolved" not in stages(found)


@settings(deadline=None, max_examples=20)
@given(
    percent=st.floats(100, 3200), on_s=st.floats(4, 280), pause=st.floats(1.0, 20.0), quiet=st.floats(0, 10),
    alone=st.booleans(),
)  # fmt: skip
def test_bursts_that_are_far_apart_never_fire(
    percent: float, on_s: float, pause: float, quiet: float, alone: bool
) -> None:
    """A cron job, a build, a peak: whatever it takes, as long as it rests for four times as long.

    A look at either edge of a burst may count whole, up to four times the rule: short bursts run into each other.
    """
    of_s = on_s * (4 + pause)
    assume((on_s + STEP) / of_s * 4 * RULE.cpu + quiet < 0.95 * RULE.cpu)
    percents = [max(each, quiet) for each in cycle(percent, on_s, of_s)]
    assert stages(run(percents, group=GROUP, alone=alone)) == []


@settings(deadline=None, max_examples=20)
@given(
    percents=st.lists(st.tuples(st.floats(0, 400), st.integers(1, 60)), min_size=1, max_size=60),
    allowed=st.floats(0.2, 0.95),
)
def test_what_stays_below_the_rule_on_average_never_fires(percents: list[tuple[float, int]], allowed: float) -> None:
    """Whatever its shape: over no five minutes and no ten did it use as much as the rule says, nor time above fill."""
    looks = [percent for percent, count in percents for _ in range(count)]
    window = int(RULE.for_s / STEP / 2)
    most = max(sum(looks[at : at + window]) / window for at in range(len(looks)))
    scale = min(1.0, allowed * RULE.cpu / most) if most else 1.0
    assert stages(run([percent * scale for percent in looks], group=GROUP)) == []


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), mean=st.floats(10, 70), spread=st.floats(0, 60), burst=st.floats(0, 200))
def test_a_web_server_with_peaks_never_fires(seed: int, mean: float, spread: float, burst: float) -> None:
    """Up and down from look to look, with a burst of half a minute every ten minutes."""
    chance = random.Random(seed)
    looks = [
        max(0.0, chance.gauss(mean, spread) + (burst if number * STEP % 600 < 30 else 0)) for number in range(1800)
    ]
    assert stages(run(looks, group=GROUP, alone=False)) == []


def test_jobs_of_a_session_do_not_add_up_in_its_group() -> None:
    """They have nothing to do with each other: one builds, now and then. A process in it is held by its own mean."""
    assert stages(run(cycle(370, 100, 160), group=SESSION, alone=False)) == []
    assert stages(run(cycle(800, 6, 8), group=SESSION)) == ["sustained"]


def test_slow_burn_takes_as_much_more_time_as_its_window_is_longer() -> None:
    """Eight minutes of an hour are a job; half of each minute is a burner."""
    assert stages(run(cycle(98, 480, HOUR, 12 * HOUR), group=GROUP, rules=(SLOW,))) == []
    assert stages(run(cycle(150, 30, 60, 6 * HOUR), group=GROUP, rules=(SLOW,))) == ["sustained"]


def test_a_successor_inherits_the_mean_of_the_pauses() -> None:
    """Between two bursts the process is replaced: the same work, the same account."""
    state, found, keys = DetectState(), list[Finding](), [P._replace(pid=1000 + number) for number in range(1000)]
    for number, percent in enumerate(cycle(800, 6, 8)):
        key = keys[number // 4]
        if number % 4 == 0 and number:
            state = inherit(state, keys[number // 4 - 1], key)
        rates = (ProcessRate(key, "", percent, STEP),) if percent else ()
        state, new = detect(state, Sample(number * STEP, number * STEP, 8, None, rates, ()), (RULE,))
        found += new
    assert stages(found) == ["sustained"]


def test_what_rests_is_not_read_and_takes_little_memory() -> None:
    """A burst asks for no look when it is over; of very many the oldest are forgotten, and all of them in time."""
    state = DetectState()
    for number in range(1, 1400):
        rates = (ProcessRate(P._replace(pid=number), "", 400.0, STEP),) if number % 2 else ()
        state, _ = detect(state, Sample(number * STEP, 0.0, 8, None, rates, ()), (RULE,))
    assert len(state.resting) <= 256
    state, _ = detect(state, Sample(4000.0, 0.0, 8, None, (), ()), (RULE,))
    assert state.processes() == {}
    late = Sample(9000.0, 0.0, 8, None, (ProcessRate(Q, "", 400.0, STEP),), ())
    state, _ = detect(state, late, (RULE,))
    state, _ = detect(state, late._replace(at=9002.0, processes=()), (RULE,))
    assert set(state.resting) == {(RULE.name, Q)}
