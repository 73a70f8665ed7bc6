"""The plan of every recorded host, judged by the preflight itself, and interrupted after each step."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from support.recorded_hosts import HOSTS, recording_of, world_of

from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.preflight.sequence import Shell, judge
from runaway_watchdog.render.document import from_json

ORDER = ("look", "relieve", "save", "hold", "close")


def case_of(host: Path) -> CaseFile:
    return from_json(json.loads((host / "explain.json").read_text()))


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.name)
def test_the_preflight_finds_no_loss_in_any_step(host: Path) -> None:
    """Neither in what a step does nor in its undo, each on the host as the steps before it leave it."""
    world = world_of(recording_of(host))
    for step in case_of(host).plan.steps:
        for line in (step.command, step.undo or ":"):
            assert judge(line, world, Shell({}, "/root", "/root")).lost == (), line


@given(st.sampled_from(HOSTS), st.data())
@settings(deadline=None, max_examples=60)
def test_interrupted_anywhere_it_is_never_worse(host: Path, data: st.DataObject) -> None:
    """What was done so far can be undone, and whatever ends anything comes after what relieves and saves."""
    steps = case_of(host).plan.steps
    done = steps[: data.draw(st.integers(0, len(steps)))]
    places = [(step.last_resort, ORDER.index(step.phase)) for step in done]
    assert places == sorted(places)
    for step in done:
        assert step.risk != "loses-data"
        if step.phase == "relieve":
            assert step.undo is not None
        if step.undo is None:
            assert step.phase in ("look", "save") or "no undo" in step.effect


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.name)
def test_for_good_is_said_only_of_closed_doors(host: Path) -> None:
    """And a plan that stops anything takes the pressure off before."""
    plan = case_of(host).plan
    assert not ("for good" in plan.goal and plan.remaining_triggers)
    ends = [step for step in plan.steps if step.phase == "hold" and step.risk == "interrupts"]
    state = case_of(host).process.state
    facts = [owner.facts for owner in case_of(host).owners]
    frozen = state in ("stopped", "traced", "zombie") or "paused" in json.dumps(facts)
    frozen |= any(each.get("freezer") or each.get("watchdog_s") for each in facts)  # it stands still, or must not
    if ends and not frozen and not plan.goal.startswith("Leave"):
        assert plan.steps[0].phase == "relieve"


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.name)
def test_every_warning_is_worth_it(host: Path) -> None:
    """It loses data, or says in words what it ends of others."""
    for never in case_of(host).plan.dangerous:
        assert any(each.data_lost for each in never.would_lose) or re.search("ends|deletes|removes", never.why), never
