"""The steps of an image build by the BuildKit in dockerd: containers that no `docker ps` lists. None is started again.

Seen with Engine 20.10 under both of its drivers of control groups (tests/e2e/test_keepers_builds.py). The classic
builder's containers are Docker's own, and told as those.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from runaway_watchdog.model.owner import Action, Claim, Outlook
from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.interface import Kind, Owner, Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import World

KINDS = (
    Kind("image-build", "step of an image build", line="a step of an image build, run by dockerd", daemon="Docker"),
)
GROUP: Final = Pattern(r"(?:/system\.slice/system\.slice:docker:|/docker/buildkit/)(?P<name>[0-9a-z]{25})(?:/.*)?")
"""Of one step, under the systemd driver and under cgroupfs: groups that root alone can make."""
AGAIN: Final = "whoever builds again: docker build, docker compose up --build, a runner or a hook"


class Build(NamedTuple):
    """One step."""

    first: Process  # the process that the step began with: with it the step is over

    def shown(self) -> Mapping[str, Any]:
        return {"first_pid": self.first.pid}


def claim(facts: Facts) -> Claim | None:
    found = GROUP.fullmatch(facts.process.cgroup)
    if found is None:
        return None
    return Claim("image-build", found["name"], (f"/proc/{facts.process.pid}/cgroup: {facts.process.cgroup}",))


def inspect(claim: Claim, facts: Facts, _world: World) -> Owner:
    line = (facts.process, *facts.ancestors)
    first = [each for each in line if each.cgroup == facts.process.cgroup][-1]
    return Read("image-build", f"image build {claim.ref[:12]}", claim.ref, "no", Build(first), claim.evidence)


def outlook(_owner: Owner, facts: Facts, action: Action) -> Outlook:
    """A step that fails ends its build; what one of its programs does when another one ends is its own choice."""
    nobody = "the build fails, and nothing starts a step again but another build"
    if action == "owner-daemon-restart":
        left = "docker.service leaves what it runs (KillMode=process): the build has failed, and its step runs on"
        return Outlook.goes_on(action, "likely", left)
    if action in ("owner-stop", "reboot"):
        return Outlook.stays_away(action, "certain", nobody)
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if facts.process.is_namespace_init:
        gone = "the build goes on with its next step" if action == "clean-exit" else nobody
        return Outlook.stays_away(action, end.certainty, (end.reason, gone))
    return Outlook.stays_away(action, "likely", (end.reason, "the step goes on without it, or fails with it"))


def contain(owner: Owner, facts: Facts) -> Containment | None:
    if not isinstance(owner, Read):
        return None
    first: Process = owner.details.first
    step = Step(
        "End this step of the build",
        single.ended(first, patient=False),
        "the build fails as at any step that fails: the steps before it stay in the build cache, and no image is "
        "replaced; there is no undo but to build again",
        "interrupts",
        None,
        Prints(f"ps -o state= -p {first.pid}", ("Z", "nothing")),
        final=True,
    )
    goal = "End the image build, or let it finish at the lowest priority: containers and images stay as they are"
    return Containment(goal, (*single.renice(facts.process), step), (AGAIN,), calm=True)
