"""Kernel threads: no signal ends them, and the cause is the work that they do for somebody else."""

from runaway_watchdog.model.owner import Action, Claim, Outlook
from runaway_watchdog.model.plan import ByEye, Containment, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Kind, Owner, Read
from runaway_watchdog.owners.unmanaged import ORPHAN
from runaway_watchdog.world import World

KINDS = (Kind("kernel-thread", "kernel thread", owned=False),)


def claim(facts: Facts) -> Claim | None:
    if not facts.process.kernel_thread:
        return None
    # The flag cannot be forged: a process that calls itself "[kworker/0:1]" does not have it.
    evidence = f"/proc/{facts.process.pid}/stat: flags have PF_KTHREAD"
    return Claim("kernel-thread", facts.process.name, (evidence,))


def inspect(claim: Claim, facts: Facts, _world: World) -> Owner:
    return Read("kernel-thread", claim.ref, str(facts.process.pid), "none", ORPHAN, claim.evidence)


def outlook(_owner: Owner, _facts: Facts, action: Action) -> Outlook:
    if action == "reboot":
        return Outlook.not_known(action, "the thread returns; the work that kept it busy may not")
    return Outlook.goes_on(action, "certain", "a kernel thread: no signal reaches it")


def contain(_owner: Owner, facts: Facts) -> Containment:
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
