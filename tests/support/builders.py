"""Ordinary values of the model, to be varied by a test in the one field that it is about."""

from typing import Any

from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import KindName
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.cron.details import Job, TableLine
from runaway_watchdog.owners.cron.job_daemons import DaemonUnit
from runaway_watchdog.owners.docker.compose import Membership
from runaway_watchdog.owners.docker.details import ContainerDetails, ContainerOwner
from runaway_watchdog.owners.docker.swarm import Restart
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.systemd.details import Service

CONTAINER_ID = "21fe" * 16


def make_process(pid: int = 3355, **changes: Any) -> Process:
    """A root process that runs, belongs to no cgroup and takes SIGTERM as the default does."""
    values: dict[str, Any] = {
        "key": ProcKey("0b00", pid, 4711),
        "name": "tesseract",
        "state": "running",
        "ppid": 1,
        "started_at": 1_800_000_000.0,
        "exe": "/usr/bin/tesseract",
        "cmdline": ("tesseract", "page.png"),
        "uid": 0,
        "user": "root",
        "nice": 0,
        "cgroup": "/",
        "kernel_thread": False,
        "namespace_pids": (pid,),
        "sigterm": "default",
        "session": pid,
    }
    return Process(**(values | changes))


def make_facts(process: Process | None = None, parent: Process | None = None) -> Facts:
    """Facts of a process whose parent is PID 1, unless told."""
    subject = process or make_process()
    init = make_process(1, name="systemd", ppid=0)
    return Facts(subject, (init,) if parent is None else (parent, init), (), None)


def make_container(policy: str = "always", *, kind: KindName = "docker-container", **changes: Any) -> ContainerOwner:
    """A container that has been up for an hour, with the process of `make_process` as its main one.

    `changes` are fields of its details, or of its place in a project.
    """
    own = {name: changes.pop(name) for name in Membership._fields if name in changes}
    if kind == "compose-service":
        changes["compose"] = make_membership(**own)
    if kind == "swarm-task":
        changes.setdefault("swarm", Restart("any", 5.0, 0))
    values: dict[str, Any] = {
        "container": "ocr-worker-1",
        "image": "ocr:latest",
        "policy": policy,
        "state": "running",
        "exit_code": 0,
        "restart_count": 0,
        "main_pid": 3355,
        "up_s": 3600.0,
        "auto_remove": False,
        "live_restore": False,
        "cpu_limit": True,
        "nano_cpus": 0,
        "cpu_quota": 0,
        "cpu_period": 0,
        "stop_signal": "SIGTERM",
        "health": None,
        "health_check": None,
        "network_of": (),
        "memory_only": (),
        "engine_unit": "docker.service",
        "engine_at_boot": None,
        "socket_holders": (),
    }
    details = ContainerDetails(**(values | changes))
    name = "ocr/worker" if kind == "compose-service" else details.container
    return Read(kind, name, CONTAINER_ID, policy, details, ())


def make_membership(**changes: Any) -> Membership:
    """A service of a project whose file is there and has it."""
    values: dict[str, Any] = {
        "project": "ocr",
        "service": "worker",
        "config_files": ("/srv/ocr/compose.yml",),
        "missing_files": (),
        "working_dir": "/srv/ocr",
        "replicas": 0,
        "one_off": False,
        "in_files": None,
        "namesakes": (),
        "down": (),
    }
    return Membership(**(values | changes))


def varied(owner: ContainerOwner, **changes: Any) -> ContainerOwner:
    """The same container with other details."""
    return owner._replace(details=owner.details._replace(**changes))


SERVICE = Service(
    type="simple",
    load_state="loaded",
    active_state="active",
    sub_state="running",
    kill_mode="control-group",
    stop_command=False,
    remain_after_exit=False,
    on_failure=(),
    on_success=(),
    failure_action="none",
    success_action="none",
    restart_after_s=0.1,
    restarts_counted=0,
    prevent=((), ()),
    force=((), ()),
    success=((), ()),
    start_limit_burst=0,
    start_limit_interval_s=0.0,
    up_s=None,
    main_pid=3355,
    control_pid=0,
    processes=None,
    unit_file="/etc/systemd/system/burn.service",
    unit_file_state="enabled",
    source="",
    drop_ins=(),
    transient=False,
    bus_name="",
    wanted_by=("multi-user.target",),
    booted_by=None,
    upheld_by=(),
    upheld_at_boot=(),
    triggered_by=(),
    cpu_quota_percent=None,
    cpu_controller=True,
    refuse_manual_stop=False,
    can_freeze=True,
    stops_with_it=(),
    link_target=None,
    forgets=(),
    watchdog_s=None,
    freezer="",
    refuses_frozen=None,
)


def make_service(policy: str = "no", **changes: Any) -> Read[Service]:
    """A service with the process of `make_process` as its main one; enabled, with its file in /etc."""
    found = SERVICE._replace(**changes)
    if "booted_by" not in changes and "multi-user.target" in found.wanted_by:
        found = found._replace(booted_by="multi-user.target")
    return Read("systemd-service", "burn.service", "burn.service", policy, found, ())


def make_cron_job(name: str, table: TableLine, main_pid: int = 60) -> Read[Job]:
    """A job of this line."""
    unit = DaemonUnit(True, "cron.service", True, "cron", "cron.service")
    job = Job(main_pid, table.user, table.path, table.number, "", "", None, 1, False, False, "text", unit, table)
    return Read("cron-job", name, f"{table.path}:{table.number}", "@daily", job, ())
