"""What a process or group would have used had nothing held it back. Pure.

Three things make a runaway look smaller than it is: others that want the same CPUs, a limit of its own container or
unit, and a provider that gives the CPUs to somebody else. A rule speaks of what is wanted, so that a spinner is found
on a host with more spinners than cores, too.
"""

from typing import Final

from runaway_watchdog.model.sampling import Contention, HostLoad

_MOST_STEAL: Final = 90.0
"""Percent. What is left of a host is scaled up tenfold at most: the rest would be noise."""


def slack(crowding: float) -> float:
    """How many times what it got a subject may have wanted, at most.

    Fair shares would make it `crowding` itself. Twice its excess leaves room for CPUs that are not balanced: of three
    spinners on two CPUs one has a CPU alone, and the other two get half of one at a crowding of 1.5.
    """
    return max(1.0, 2.0 * crowding - 1.0)


def demand(percent: float, held: Contention, load: HostLoad) -> float:
    """In percent of one core; never less than `percent`.

    Waiting counts only up to what crowding can explain: fifty idle threads that wait a moment each time they wake have
    waited long between them, and wanted little. What sleeps by itself between its waits sleeps on without them; what
    is left when the threads that were seen are taken away may have wanted all that crowding explains. Where that is as
    long as they slept, they may have slept for it: a shell waits for each program of its loop, which waits for a CPU.
    Under a limit below one core, it is the share of that limit.
    """
    wanted = min(percent + held.waited, percent * slack(load.crowding))
    if held.threads is not None:
        unseen = max(0.0, percent - held.threads.used) * slack(load.crowding)
        if unseen <= held.threads.asleep:
            wanted = min(wanted, held.threads.wanted + unseen)
    if held.limit is not None and 0 < held.limit < 100:
        wanted = max(wanted, percent * 100 / held.limit)
    if held.steal > 0:
        wanted = max(wanted, _without_steal(percent, held.steal))
    return max(percent, wanted)


def _without_steal(percent: float, steal: float) -> float:
    """Some kernels count stolen time as used: what is at most one core stays so."""
    scaled = percent / (1 - min(steal, _MOST_STEAL) / 100)
    return min(scaled, 100.0) if percent <= 100 else scaled


def smallest_share(lowest: float, load: HostLoad) -> float:
    """What a subject must have got at least to have wanted `lowest`; limits apart."""
    return lowest / slack(load.crowding) * (1 - min(load.steal, _MOST_STEAL) / 100)
