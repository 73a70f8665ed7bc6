"""Ordinary values of the model, to be varied by a test in the one field that it is about."""

from typing import Any

from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import Kind
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.interface import Bag, Owner, Read

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


def make_container(policy: str = "always", *, kind: Kind = "docker-container", **changes: Any) -> Owner:
    """A container that has been up for an hour, with the process of `make_process` as its main one."""
    facts: dict[str, Any] = {
        "container": "ocr-worker-1",
        "image": "ocr:latest",
        "policy": policy,
        "state": "running",
        "restart_count": 0,
        "main_pid": 3355,
        "up_s": 3600.0,
        "auto_remove": False,
        "live_restore": False,
        "cpu_limit": True,
        "nano_cpus": 0,
        "cpu_quota": 0,
        "cpu_period": 0,
    }
    if kind == "compose-service":
        facts |= {"project": "ocr", "service": "worker", "config_files": ["/srv/ocr/compose.yml"], "one_off": False}
    if kind == "swarm-task":
        facts["swarm"] = {"condition": "any", "delay_s": 5.0, "attempts": 0}
    facts |= changes
    name = "ocr/worker" if kind == "compose-service" else facts["container"]
    return Read(kind, name, CONTAINER_ID, policy, Bag(facts, {"docker": "docker", "mounts": []}), ())


def make_service(policy: str = "no", **changes: Any) -> Owner:
    """A service with the process of `make_process` as its main one; enabled, with its file in /etc."""
    facts: dict[str, Any] = {
        "main_pid": 3355,
        "type": "simple",
        "active_state": "active",
        "restart_after_s": 0.1,
        "restarts_counted": 0,
        "prevent": [[], []],
        "force": [[], []],
        "success": [[], []],
        "unit_file": "/etc/systemd/system/burn.service",
        "unit_file_state": "enabled",
        "drop_ins": [],
        "transient": False,
        "kill_mode": "control-group",
        "bus_name": "",
        "wanted_by": ["multi-user.target"],
        "upheld_by": [],
        "triggered_by": [],
        "cpu_quota_percent": None,
        "cpu_controller": True,
        "load_state": "loaded",
        "sub_state": "running",
        "control_pid": 0,
        "processes": None,
    }
    facts |= changes
    booted = [name for name in facts["wanted_by"] if name == "multi-user.target"]
    facts.setdefault("booted_by", booted[0] if booted else None)
    return Read("systemd-service", "burn.service", "burn.service", policy, Bag(facts), ())
