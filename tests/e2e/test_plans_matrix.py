"""Every returning keeper's plan, really carried out and undone: docs/plans.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from e2e.plan_cases import by_systemd_257, on_v1, with_docker, with_masters, with_podman
from e2e.rig import plans
from e2e.rig.box import Box, Layout, MakeBox
from e2e.rig.extras import Extra
from e2e.rig.plans import Case, Outcome
from e2e.rig.sources import SUITE, Suite
from truth.plans_rows import Tell

pytestmark = pytest.mark.truth


def judged(outcomes: list[Outcome], tell: Tell) -> None:
    for outcome in outcomes:
        tell(outcome)
    wrong = {outcome.case.name: (outcome.relieved_s, outcome.seen) for outcome in outcomes if not outcome.right}
    assert not wrong, json.dumps(wrong, indent=1)


class Group(NamedTuple):
    """Cases that share a host."""

    cases: Callable[[Box], list[Case]]
    extras: tuple[Extra, ...]
    docker: bool = False
    stay_s: float = 15  # for how long they are watched
    layout: Layout = "v2"
    suite: Suite = SUITE


GROUPS = {
    "docker, systemd, cron and supervisors": Group(with_docker, ("keepers",), docker=True, stay_s=62),
    "with CPU limits": Group(on_v1, ("keepers",), docker=True, layout="v1"),
    "masters and Node.js": Group(with_masters, ("masters", "node")),
    "systemd of Debian 13": Group(by_systemd_257, (), suite="trixie"),
    "podman": Group(with_podman, ("podman",)),
}
"""The first is watched for as long as what comes by the minute may take."""


@pytest.mark.parametrize("group", GROUPS.values(), ids=list(GROUPS))
def test_plans_hold_and_are_undone(make_box: MakeBox, group: Group, tell: Tell) -> None:
    """Relieved, held, over the daemons' restart and over a boot too, with all data; and undone."""
    box = make_box(group.layout, suite=group.suite, extras=group.extras, docker_up=group.docker, image=False)
    judged(plans.run(box, group.cases(box), group.stay_s), tell)
    box.stop()


def test_a_plan_broken_off_leaves_nothing_worse(make_box: MakeBox) -> None:
    """After each of its steps: nothing burns, and the undos of what was done bring back what was there."""
    box = make_box(extras=("keepers",), image=False)
    sample = {"run-always", "always", "by-supervisord"}
    for case in with_docker(box):
        if case.name in sample:
            plans.interrupt(box, case)
            sample.remove(case.name)
    assert not sample
