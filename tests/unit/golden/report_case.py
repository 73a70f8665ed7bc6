"""A report whose every part is filled, with figures that never change."""

from unit.golden.cases import NOW, cases

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.plan import Advice
from runaway_watchdog.render.report import Moment, Report

GROUP = "/system.slice/docker-21fe8d0c5b7a4e9f83d2c6b1a0e4f7d8c9b2a3e5f6071829384756a1b2c3d4e5.scope"
_DEATHS = (900, 1200, 1500)


def report() -> Report:
    """The Compose service of the golden messages, with a curve of forty minutes."""
    case = cases()["compose"]
    limit = Advice("Give it a limit of its own", "/srv/ocr/docker-compose.yml", ("    deploy:", "      resources:"))
    plan = case.plan._replace(remaining_triggers=("`docker compose up` starts it again",), hardening=(limit,))
    return Report(
        number=12,
        title="CPU 100 %: ocr/worker on web1 - Docker revives it",
        state="resolved",
        severity="critical",
        harm="Critical: others wait for a CPU 43 % of the time.",
        case=case._replace(plan=plan, gaps=(Gap("journal", "not readable for this user", "run it with sudo"),)),
        made_at=NOW,
        group=GROUP,
        moments=_moments(),
        points=tuple((NOW - 2400 + at, _percent(at)) for at in range(0, 2400, 60) if not 1800 < at < 2000),
        sharing=((GROUP, 71.2), ("/system.slice/postgresql.service", 12.4)),
    )


def _moments() -> tuple[Moment, ...]:
    moments = [Moment(NOW - 1700, "opened", "opened as critical: others wait")]
    for number, at in enumerate(_DEATHS):
        moments.append(Moment(NOW - 2400 + at, "died", f"PID {3102 + number} died"))
        moments.append(Moment(NOW - 2397 + at, "returned", f"back 3.2 s later as PID {3103 + number}"))
    return (*moments, Moment(NOW - 100, "resolved", "over: the rule is no longer met"))


def _percent(at: int) -> float:
    return 35.0 if at in _DEATHS else 98.0 if 600 < at < 2300 else 4.0
