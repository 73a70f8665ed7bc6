"""Limits for a unit, as a drop-in."""

from collections.abc import Iterator

from runaway_watchdog.model.plan import Advice
from runaway_watchdog.owners.common.advice import BOTH, CPUS, ENOUGH, LIMIT, TRIES
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.systemd.containment import ESSENTIAL
from runaway_watchdog.owners.systemd.details import UsersService, service_of
from runaway_watchdog.world import World


def advice(owner: Owner, _world: World) -> Iterator[Advice]:
    """A drop-in; nothing for what was made for one run."""
    unit = service_of(owner)
    if unit is None or unit.transient or ESSENTIAL.fullmatch(owner.name):
        return
    users = isinstance(owner, Read) and isinstance(owner.details, UsersService)
    folder = "~/.config/systemd/user" if users else "/etc/systemd/system"
    reload = "systemctl --user daemon-reload" if users else "systemctl daemon-reload"
    restarts = ("[Unit]", "StartLimitIntervalSec=10min", f"StartLimitBurst={TRIES}")
    limit = ("[Service]", f"CPUQuota={CPUS:.0%}" if unit.cpu_controller else "Nice=19")
    again = owner.policy not in ("no", "")
    where = f"{folder}/{owner.name}.d/limits.conf, then: {reload}"
    if unit.cpu_quota_percent is None:
        yield Advice(BOTH if again else LIMIT, where, (*(restarts if again else ()), *limit))
    elif again:
        yield Advice(ENOUGH, where, restarts)
