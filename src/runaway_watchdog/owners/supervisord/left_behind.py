"""A program that outlived its supervisord, for `program.py`.

Observed: Debian's supervisor.service has KillMode=process, so a supervisord that is killed leaves its programs behind,
running; its unit starts it anew after 50 s (RestartSec=), and it starts a second copy of each beside the first.
"""

from runaway_watchdog.model.owner import Action, Claim, Deferred, Outlook, Why
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.cron import job_daemons
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.owners.supervisord.details import LeftBehind
from runaway_watchdog.world import World


def inspect(claim: Claim, facts: Facts, world: World) -> Read[LeftBehind] | None:
    """None: it is in no unit, so whoever supervised it is not to be found."""
    unit = job_daemons.unit_of(None, facts.process, world)
    if unit.survives_stop is None:
        return None
    details = LeftBehind(facts.process.pid, unit._replace(stopped_as=claim.ref))
    return Read("supervisord-program", claim.ref, claim.ref, "left behind", details, claim.evidence)


def outlook(left: LeftBehind, facts: Facts, action: Action) -> Outlook | Deferred:
    """No supervisord knows it. A second copy runs already, or is started once its unit starts supervisord anew."""
    unit = left.unit
    if action == "owner-stop":
        why: Why = "supervisord does not know it any more: `supervisorctl stop` ends the other copy, if there is one"
        return Outlook.goes_on(action, "likely", why)
    if action == "owner-daemon-restart" and unit.survives_stop:
        why = f"`systemctl restart {unit.daemon_unit}` leaves this process running"
        return Outlook.goes_on(action, "likely", why)
    if action in ("owner-daemon-restart", "reboot"):
        return Deferred(action, True, "a new supervisord starts its program, as its configuration says")
    end = ending(facts.process, action)
    if not end.ends:
        return Outlook.goes_on(action, end.certainty, end.why)
    if unit.daemon_runs:
        why = (end.reason, "its supervisord ended before it, and a new one starts a copy of its own beside it")
        return Outlook.stays_away(action, "likely", why)
    why = (end.reason, f"its supervisord has ended, and starts it once more when {unit.daemon_unit} starts that again")
    return Outlook.comes_back(action, "supervisord", "likely", why)


def contain(name: str, facts: Facts) -> Containment:
    goal = f"End this one copy of {name}: its supervisord ended before it, and knows nothing of it"
    return Containment(goal, (*single.relieve(facts.process), single.end(facts.process)))
