"""Kernel threads: no signal ends them, and the cause is the work that they do for somebody else."""

from typing import Any, NamedTuple

from runaway_watchdog.model.owner import Action, Claim, Outlook
from runaway_watchdog.model.plan import ByEye, Containment, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Kind, Owner, Read
from runaway_watchdog.world import World

KINDS = (Kind("kernel-thread", "kernel thread", owned=False),)


class Thread(NamedTuple):
    """Nothing more is known of one."""

    def shown(self) -> dict[str, Any]:
        """As `owners[].facts` has it."""
        return {}


def claim(facts: Facts) -> Claim | None:
    if not facts.process.kernel_thread:
        return None
    # The flag cannot be forged: a process that calls itself "[kworker/0:1]" does not have it.
    evidence = f"/proc/{facts.process.pid}/stat: flags have PF_KTHREAD"
    return Claim("kernel-thread", facts.process.name, (evidence,))


def inspect(claim: Claim, facts: Facts, world: World) -> Owner:  # noqa: ARG001 - nobody has to be asked
    return Read("kernel-thread", claim.ref, str(facts.process.pid), "none", Thread(), claim.evidence)


def outer(owner: Owner) -> Claim | None:  # noqa: ARG001
    return None


def outlook(owner: Owner, facts: Facts, action: Action) -> Outlook:  # noqa: ARG001
    if action == "reboot":
        return Outlook.not_known(action, "the thread returns; the work that kept it busy may not")
    return Outlook.goes_on(action, "certain", "a kernel thread: no signal reaches it")


def contain(owner: Owner, facts: Facts) -> Containment:  # noqa: ARG001
    goal = "Find the work behind it: a kernel thread can be neither slowed nor stopped, it works for somebody else"
    pid = facts.process.pid
    step = Step(
        "See what the thread is doing",
        f"cat /proc/{pid}/stack /proc/{pid}/wchan",
        "shows where in the kernel the thread is; changes nothing",
        "none",
        None,
        ByEye("the function names tell the subsystem (writeback, swap, network, crypto)"),
        phase="look",
    )
    return Containment(goal, (step,), calm=True)
