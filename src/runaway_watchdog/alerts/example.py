"""The case that `test-alert` sends: invented, and complete enough to show what an alert looks like."""

from runaway_watchdog.model.casefile import CaseFile, History, SeenDeath
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import Outlook, Owner
from runaway_watchdog.model.plan import Dangerous, Plan, Prints, Step
from runaway_watchdog.model.process import CpuShare, Process
from runaway_watchdog.render.message import Incident

_CONTAINER = "21fe8d0c5b7a4e9f83d2c6b1a0e4f7d8c9b2a3e5f6071829384756a1b2c3d4e5"


def example(now: float, host: str) -> CaseFile:
    """A Compose service that Docker brings back, burning a core since six minutes before `now`."""
    return CaseFile(
        process=_process(now),
        cpu=CpuShare(99.7, 300.0),
        owners=_owners(),
        prognosis=_prognosis(),
        history=_history(now),
        plan=_plan(),
        gaps=(),
        asked_pid=3441,
        since=now - 360,
        host=host,
    )


def incident(now: float) -> Incident:
    """Why it is told of: its harm, and the curve of its last half hour, with a fall at each of its deaths."""
    harm = "Warning: nobody waits for it, and 0.9 of 2 CPUs are idle."
    return Incident(0, "warning", harm, tuple((now - 1800 + at, _percent(at)) for at in range(0, 1800, 60)))


def _percent(second: int) -> float:
    """Idle, then a core, but for the minute in which it died."""
    return 2.0 if second < 900 else 41.0 if second == 1380 else 99.7


def _process(now: float) -> Process:
    return Process(
        key=ProcKey("00000000-0000-4000-8000-000000000000", 3441, 812345),
        name="tesseract",
        state="running",
        ppid=3312,
        started_at=now - 371,
        exe="/usr/bin/tesseract",
        cmdline=("tesseract", "/in/scan-0231.png", "/out/scan-0231", "-l", "deu"),
        uid=0,
        user="root",
        nice=0,
        cgroup=f"/system.slice/docker-{_CONTAINER}.scope",
        kernel_thread=False,
        namespace_pids=(3441, 1),
        sigterm="default",
        session=3441,
    )


def _owners() -> tuple[Owner, ...]:
    facts = {
        "container": "ocr-worker-1",
        "project": "ocr",
        "service": "worker",
        "config_files": ["/srv/ocr/docker-compose.yml"],
        "image": "ocr:latest",
        "restart_count": 4,
        "main_pid": 3441,
    }
    evidence = (
        f"/proc/3441/cgroup: /system.slice/docker-{_CONTAINER}.scope",
        f"GET /containers/{_CONTAINER[:12]}/json: RestartPolicy.Name=always, State.Pid=3441, RestartCount=4",
    )
    return (
        Owner("compose-service", "ocr/worker", _CONTAINER, "always", facts, evidence),
        Owner(
            "systemd-service",
            "docker.service",
            "docker.service",
            "always",
            {},
            ("D-Bus docker.service: Restart=always",),
        ),
    )


def _prognosis() -> tuple[Outlook, ...]:
    again = "always starts the container again"
    init = "it is PID 1 of its container and has no handler: SIGTERM does nothing"
    start = "restart policy always: it is started again"
    return (
        Outlook.goes_on("sigterm", "certain", init),
        Outlook.comes_back("sigkill", "docker", "certain", f"SIGKILL cannot be caught; {again}", after_s=0.1),
        Outlook.comes_back("clean-exit", "docker", "certain", f"it exits with 0; {again}", after_s=0.1),
        Outlook.comes_back("failure-exit", "docker", "certain", f"it exits with 1; {again}", after_s=0.1),
        Outlook.stays_away("owner-stop", "certain", "`docker stop` ends it; the policy does not act on that"),
        Outlook.comes_back("owner-daemon-restart", "docker", "certain", f"{start} when the engine starts"),
        Outlook.comes_back("reboot", "docker", "likely", f"{start} at the next boot"),
    )


def _history(now: float) -> History:
    died = now - 371.2
    return History(
        returns_seen=4,
        shortest_s=0.1,
        longest_s=3.2,
        deaths=(SeenDeath(3355, now - 900, died, 3441, 0.2),),
        pids=(3102, 3207, 3290, 3355, 3441),
    )


def _plan() -> Plan:
    goal = (
        "Stop ocr/worker and keep it stopped, over a restart of Docker and a reboot too, until the next "
        "`docker compose up`"
    )
    steps = (
        Step(
            "Take the pressure off",
            "docker update --cpu-quota=20000 ocr-worker-1",
            "it goes on with 20 % of a core",
            "slows",
            "docker update --cpu-quota=-1 ocr-worker-1",
            Prints("docker inspect -f '{{.HostConfig.CpuQuota}}' ocr-worker-1", ("20000",)),
            phase="relieve",
        ),
        Step(
            "Tell Docker not to bring it back",
            "docker update --restart=no ocr-worker-1",
            "the running container is not touched; from now on Docker leaves it stopped when it ends",
            "none",
            "docker update --restart=always ocr-worker-1",
            Prints("docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' ocr-worker-1", ("no",)),
        ),
        Step(
            "Stop this one service",
            "docker stop ocr-worker-1",
            "the container ends; its volumes, its files and every other container stay as they are",
            "interrupts",
            "docker start ocr-worker-1",
            Prints("docker inspect -f '{{.State.Status}}' ocr-worker-1", ("exited",)),
        ),
    )
    lost = (
        Effect("delete", "volume", "ocr_pgdata", True, "named volume", Size(1288490189), ("ocr-db-1",)),
        Effect(
            "delete", "volume", "ocr_media", True, "named volume", Size(3650722202, True), ("ocr-web-1", "ocr-worker-1")
        ),
    )
    why = "it removes the whole project ocr, all 3 containers, and deletes the data below for good"
    return Plan(goal, steps, (Dangerous("docker compose -p ocr down -v", why, lost),))
