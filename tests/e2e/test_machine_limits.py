"""CPU limits of plans, on a machine whose kernel enforces them: they bite, and their undo lifts them."""

from __future__ import annotations

import json

import pytest
from e2e.keepers import plan_of
from e2e.rig import workloads
from e2e.rig.workloads import How, Keeper
from e2e.vm.machine import Machine

pytestmark = pytest.mark.truth

# Shares of one core, by the control group's own clock; measured inside, so that the way there does not count.
_MEASURE = """
import json, sys, time
def used():
    with open(sys.argv[1] + "/cpu.stat") as lines:
        return int(next(line.split()[1] for line in lines if line.startswith("usage_usec"))) / 1e6
time.sleep(1)
cpu, wall = used(), time.monotonic()
time.sleep(6)
print(json.dumps((used() - cpu) / (time.monotonic() - wall)))
"""


def share(machine: Machine, group: str) -> float:
    return float(json.loads(machine.run(["python3", "-c", _MEASURE, group]).stdout))


def group_of(machine: Machine, pid: int) -> str:
    path = machine.read(f"/proc/{pid}/cgroup").strip().removeprefix("0::")
    return f"/sys/fs/cgroup{path}"


@pytest.mark.parametrize(
    ("keeper", "how", "word"),
    [
        pytest.param("docker-run", {"restart": "always"}, "--cpu-quota=20000", id="container without a limit"),
        pytest.param("docker-run", {"docker_options": ["--cpus=1.5"]}, "--cpus 0.2", id="container with --cpus"),
        pytest.param(
            "docker-run",
            {"docker_options": ["--cpu-period=50000", "--cpu-quota=60000"]},
            "--cpu-quota=10000",
            id="container with a quota and a period of its own",
        ),
        pytest.param("compose", {"restart": "always"}, "--cpu-quota=20000", id="Compose service"),
        pytest.param("systemd", {}, "CPUQuota=20%", id="unit without a limit"),
        pytest.param("systemd", {"service_lines": ["CPUQuota=130%"]}, "CPUQuota=20%", id="unit with CPUQuota="),
    ],
)
def test_a_limit_bites_and_its_undo_lifts_it(machine: Machine, keeper: Keeper, how: How, word: str) -> None:
    """The first step of the plan leaves a fifth of a core; afterwards the limit is what it was, to the letter."""
    with workloads.running(machine, keeper, **how) as work:
        group = group_of(machine, work.pid)
        before = machine.read(f"{group}/cpu.max")
        assert share(machine, group) > 0.6
        step = plan_of(machine, work.pid)[0]
        assert word in step["command"]
        machine.run(step["command"])
        assert share(machine, group) == pytest.approx(0.2, abs=0.06)
        machine.run(step["undo"])
        assert machine.read(f"{group}/cpu.max") == before
        assert share(machine, group) > 0.6
