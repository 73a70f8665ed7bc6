"""Steps of an image build: whose group it is, and what becomes of a build."""

import pytest
from support.builders import make_facts, make_process
from support.made_world import made_world

from runaway_watchdog import owners
from runaway_watchdog.owners import image_build

STEP = "w3aonjivfrwlrs4cx8zech4b0"
SYSTEMD, CGROUPFS = f"/system.slice/system.slice:docker:{STEP}", f"/docker/buildkit/{STEP}"


@pytest.mark.parametrize("group", [SYSTEMD, CGROUPFS, f"{SYSTEMD}/below"])
def test_a_step_is_known_by_its_group(group: str) -> None:
    """As seen with Engine 20.10, under both drivers."""
    claim = owners.claimed(make_facts(make_process(60, cgroup=group)))
    assert (claim.kind, claim.ref) == ("image-build", STEP)


@pytest.mark.parametrize(
    "group",
    [
        f"/user.slice/user-1000.slice/user@1000.service/system.slice:docker:{STEP}",
        f"/user.slice{SYSTEMD}",
        f"/system.slice/docker-{'a' * 64}.scope{SYSTEMD}",
        f"{SYSTEMD}x",
        f"/docker/{STEP}",
        f"/kubepods/besteffort/{STEP}",
    ],
)
def test_what_a_user_or_a_container_can_make_is_none(group: str) -> None:
    assert image_build.claim(make_facts(make_process(60, cgroup=group))) is None


def test_the_plan_ends_the_process_that_the_step_began_with() -> None:
    """Whichever of them burns; who started the step is in another group."""
    first = make_process(50, cgroup=SYSTEMD)
    runc = make_process(40, cgroup="/system.slice/docker.service")
    facts = make_facts(make_process(60, cgroup=SYSTEMD))._replace(ancestors=(first, runc))
    claim = image_build.claim(facts)
    assert claim is not None
    owner = image_build.inspect(claim, facts, made_world(()))
    contained = image_build.contain(owner, facts)
    assert contained is not None
    assert contained.steps[-1].command.count("kill -KILL 50;") == 1
    assert image_build.outlook(owner, facts, "sigkill").certainty == "likely"
    assert image_build.outlook(owner, facts, "owner-daemon-restart").ends is False
