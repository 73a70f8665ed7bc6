"""What a finding is worth."""

import pytest

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.sampling import HostLoad, RuleKind, Sample
from runaway_watchdog.watch.harm import Circumstances, judge


def finding(kind: RuleKind = "cpu", severity: str = "warning", percent: float = 100.0) -> Finding:
    return Finding("sustained", "r", severity, "/g", None, percent, 300.0, 1e9, kind=kind)


def host(cpus: int, busy: float | None, waiting: float | None = 0.0, crowding: float = 1.0) -> Sample:
    return Sample(0.0, 1e9, cpus, busy, (), (), HostLoad(crowding, waiting))


@pytest.mark.parametrize(
    ("sample", "about", "severity", "words"),
    [
        (host(8, 105.0), Circumstances(), "info", "7 of 8 CPUs are idle"),
        (host(2, 110.0), Circumstances(), "warning", "nobody waits"),
        (host(2, 199.0, 80.0, 2.0), Circumstances(), "critical", "others wait for a CPU 80 % of the time"),
        (host(2, 199.0, 80.0, 2.0), Circumstances(nice=19, running_s=1801), "info", "nice is 19"),
        (host(2, 199.0, 80.0, 2.0), Circumstances(policy=5, running_s=1801), "info", "lowest priority"),
        (host(8, 105.0, 90.0), Circumstances(), "info", "idle"),  # those that wait do so at a limit of their own
        (host(2, 199.0, None, 2.0), Circumstances(), "critical", "others wait"),  # a kernel without pressure
        (host(2, None), Circumstances(), "warning", ""),
    ],
)
def test_severity_goes_by_harm(sample: Sample, about: Circumstances, severity: str, words: str) -> None:
    """The same 100 % is information here, and critical there; and it is said why."""
    judged = judge(finding(), sample, about, by_harm=True)
    assert judged.severity == severity
    assert words in judged.why
    assert judged.push


def test_a_severity_of_the_rule_stays() -> None:
    """Whoever writes one into the configuration gets it, with the harm in words."""
    judged = judge(finding(severity="critical"), host(8, 105.0), Circumstances(), by_harm=False)
    assert (judged.severity, judged.push) == ("critical", True)
    assert "idle" in judged.why


def test_what_lets_all_others_go_first_is_quiet_as_long_as_ordinary_work() -> None:
    """An alert at night about something that harms nobody; but not where a rule says what it is worth."""
    humble = Circumstances(nice=10, running_s=1799)
    judged = judge(finding(), host(2, 199.0, 80.0), humble, by_harm=True)
    assert (judged.severity, judged.push) == ("info", False)
    assert "nice is 10" in judged.why
    assert judge(finding(), host(2, 199.0, 80.0), humble._replace(running_s=1801), by_harm=True).push
    assert judge(finding(), host(2, 199.0, 80.0), humble, by_harm=False).push
    assert judge(finding("pressure"), host(2, 199.0, 80.0), humble, by_harm=True).push


@pytest.mark.parametrize(
    ("running_s", "usual_s", "quiet"), [(1799, None, True), (1801, None, False), (200, 60, False), (5000, 2000, True)]
)
def test_ordinary_work_is_quiet_until_three_times_its_usual_length(
    running_s: float, usual_s: float | None, quiet: bool
) -> None:
    """Half an hour where nothing is known; then it is judged like any other."""
    about = Circumstances(ordinary="backup", running_s=running_s, usual_s=usual_s)
    judged = judge(finding(), host(2, 199.0, 80.0, 2.0), about, by_harm=True)
    assert (judged.severity == "info", not judged.push) == (quiet, quiet)


def test_steal_is_nobodys_fault() -> None:
    """And said so."""
    judged = judge(finding("steal", percent=40.0), host(2, 199.0, 80.0, 2.0), Circumstances(), by_harm=True)
    assert judged.severity == "warning"
    assert "not a process's fault" in judged.why
