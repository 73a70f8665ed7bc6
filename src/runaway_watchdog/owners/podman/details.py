"""What Podman tells of one container, and what of the host starts it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from runaway_watchdog.engines.fields import moment
from runaway_watchdog.engines.model import Inspected
from runaway_watchdog.linux.cgroup import is_unit
from runaway_watchdog.model.container import SHORT_ID
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.podman.container import CONMON, RESTART_UNIT
from runaway_watchdog.world import World

UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"
UNIT_FOLDERS = ("/usr/lib/systemd/system", "/lib/systemd/system")
BOOT_LINKS = tuple(
    f"/etc/systemd/system/{target}.wants/{RESTART_UNIT}" for target in ("default.target", "multi-user.target")
)
CONMONS_OWN = re.compile(r"libpod-conmon-[0-9a-f]{64}\.scope")


class ContainerDetails(NamedTuple):
    """One container, and the unit that runs it, where one does."""

    container: str  # its name
    image: str
    policy: str
    state: str
    restart_count: int
    main_pid: int
    up_s: float
    auto_remove: bool
    stop_signal: str
    pod: str  # the start of its ID
    run_by: str | None  # the unit whose main process its conmon may be
    unit_label: str | None
    conmon_pid: int
    user: str | None  # whose own Podman it is; None for the system's
    uid: int
    restart_unit_enabled: bool | None  # None of a user's own, where it was not looked up
    started_at_boot: bool | None

    def shown(self) -> Mapping[str, Any]:
        return self._asdict()


ContainerOwner = Read[ContainerDetails]


def read(container: Inspected, facts: Facts, world: World) -> ContainerDetails:
    """From its inspection, by the Podman of whoever asks."""
    rootless = world.podman.rootless()
    enabled = not rootless and any(world.files.exists(link) for link in BOOT_LINKS)
    uid = facts.process.uid if (owners := facts.process.control_group.uid) is None else owners
    return ContainerDetails(
        container=container.name,
        image=container.image,
        policy=container.policy,
        state=container.state,
        restart_count=container.restart_count,
        main_pid=container.pid,
        up_s=round(max(0.0, world.clock.now() - moment(container.started)), 1),
        auto_remove=container.auto_remove,
        stop_signal=container.stop_signal,
        pod=container.pod[:SHORT_ID],
        run_by=_run_by(facts),
        unit_label=container.labels.get(UNIT_LABEL),
        conmon_pid=container.conmon_pid,
        user=world.files.user(uid) if rootless else None,
        uid=uid if rootless else 0,
        restart_unit_enabled=None if rootless else enabled,
        started_at_boot=None if rootless else enabled and _is_started(container.policy, world),
    )


def _run_by(facts: Facts) -> str | None:
    """The unit whose main process its conmon may be: the one in whose group that is."""
    conmon = next((each for each in facts.ancestors if each.name == CONMON), None)
    names = () if conmon is None else conmon.control_group.segments
    if not names or any(CONMONS_OWN.fullmatch(each) for each in names):
        return None
    inside = names[-1] in ("runtime", "supervisor") or names[-1].startswith("libpod-")
    unit = next(iter(names[-2:-1] if inside else names[-1:]), "")
    return unit if is_unit(unit) and unit.endswith(".service") and not unit.startswith("user@") else None


def _is_started(policy: str, world: World) -> bool | None:
    """Whether podman-restart.service starts containers with this policy; None where its file was not found."""
    for folder in UNIT_FOLDERS:
        try:
            text = world.files.read(f"{folder}/{RESTART_UNIT}")
        except OSError:
            continue
        return f"restart-policy={policy.partition(':')[0]}" in text
    return None
