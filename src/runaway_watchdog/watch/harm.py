"""How bad it is: by what it does to others, not by how much it burns. Pure."""

from typing import Final, Literal, NamedTuple

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import Sample
from runaway_watchdog.watch.detect import waiting

Severity = Literal["info", "warning", "critical"]

USUAL_S: Final = 600.0
"""How long ordinary work is taken to last where nothing is known of it: three times this, half an hour, is too long."""
TIMES_USUAL: Final = 3.0
_OTHERS_WAIT: Final = 25.0  # percent of the time
_MANY_WAIT: Final = 60.0
_HUMBLE: Final = 10  # from this niceness on, others go first
_SPARE_CPUS: Final = 4.0
_IDLE_POLICY: Final = 5  # SCHED_IDLE


class Circumstances(NamedTuple):
    """What the numbers of a sample do not say."""

    nice: int = 0
    policy: int = 0  # its scheduling class, as in /proc/PID/stat
    ordinary: str = ""  # what kind of ordinary work it is, in words; "" for any other
    running_s: float = 0.0  # for how long it has been at it
    usual_s: float | None = None  # how long this work usually takes; None: not seen often enough


class Judgement(NamedTuple):
    """What a finding is worth, and why."""

    severity: str
    why: str
    push: bool


def judge(finding: Finding, sample: Sample, about: Circumstances, *, by_harm: bool) -> Judgement:
    """`by_harm`: the rule leaves its severity to this. Ordinary work is kept quiet in any case until it is too long,
    and so is what lets all others go first where the rule does not say what that is worth."""
    humble = _humble(about) if by_harm else ""
    if (about.ordinary or humble) and finding.kind == "cpu":
        longest_s = TIMES_USUAL * (about.usual_s or USUAL_S)
        if about.running_s < longest_s:
            usually = f"usually {_minutes(about.usual_s)}" if about.usual_s else "nothing is known yet of its length"
            why = f"it is ordinary work ({about.ordinary}; {usually})" if about.ordinary else f"{humble}; {usually}"
            return Judgement("info", why, push=False)
    severity, why = _by_harm(finding, sample, about)
    return Judgement(severity if by_harm else finding.severity, why, finding.push)


def others_wait(sample: Sample) -> bool:
    """Often enough for whoever takes the CPUs to be critical."""
    return waiting(sample.load, sample.busy_percent, sample.online_cpus) >= _OTHERS_WAIT


def many_wait(sample: Sample) -> bool:
    """Most of the time: whatever is begun takes its turns from others, and waits for its own."""
    return waiting(sample.load, sample.busy_percent, sample.online_cpus) >= _MANY_WAIT


def _by_harm(finding: Finding, sample: Sample, about: Circumstances) -> tuple[Severity, str]:
    if finding.kind == "steal":
        return "warning", "the provider gives these CPUs to others: it is not a process's fault"
    waits = waiting(sample.load, sample.busy_percent, sample.online_cpus)
    others_wait = f"others wait for a CPU {waits:.0f} % of the time"
    if finding.kind == "pressure":
        return ("critical" if max(waits, finding.percent) >= _MANY_WAIT else "warning"), others_wait
    if finding.kind == "restarts":
        return ("critical", others_wait) if waits >= _OTHERS_WAIT else ("warning", "it ends and is started again")
    if humble := _humble(about):
        return "info", humble
    if waits >= _OTHERS_WAIT:
        return "critical", others_wait
    spare = sample.online_cpus - (sample.busy_percent or 0.0) / 100
    if sample.busy_percent is not None and spare >= max(_SPARE_CPUS, sample.online_cpus / 2):
        return "info", f"{spare:.0f} of {sample.online_cpus} CPUs are idle"
    if sample.busy_percent is None:
        return "warning", ""
    return "warning", f"nobody waits for it, and {max(0.0, spare):.1f} of {sample.online_cpus} CPUs are idle"


def _humble(about: Circumstances) -> str:
    """In words, how it lets others go first; "" where it does not."""
    if about.policy == _IDLE_POLICY:
        return "it runs at the lowest priority"
    return f"its nice is {about.nice}" if about.nice >= _HUMBLE else ""


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
