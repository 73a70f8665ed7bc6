"""Hand-made case files for the golden messages: the situations that people meet, with figures that never change."""

from runaway_watchdog.alerts.example import example
from runaway_watchdog.model.casefile import CaseFile, History, SeenDeath
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import Outlook, Owner
from runaway_watchdog.model.plan import ByEye, Dangerous, Plan, Prints, Step
from runaway_watchdog.model.process import CpuShare, Process

NOW = 1795356480.0  # 2026-11-22 14:08:00 UTC


def cases() -> dict[str, CaseFile]:
    """Name of the golden files -> case."""
    return {
        "compose": example(NOW, "web1"),
        "systemd": systemd(),
        "unmanaged": unmanaged(),
        "kernel": kernel(),
        "returned": example(NOW, "web1")._replace(asked_pid=3355),
        "dead": dead(),
        "gaps": with_gaps(),
    }


def process(name: str, pid: int = 812, **changes: object) -> Process:
    """A plain process of root, started eleven minutes before NOW."""
    plain = Process(
        key=ProcKey("8a6d3f10-5c1e-4b52-9c3e-0f1d2a3b4c5d", pid, 51234),
        name=name,
        state="running",
        ppid=1,
        started_at=NOW - 660,
        exe=f"/usr/bin/{name}",
        cmdline=(f"/usr/bin/{name}",),
        uid=0,
        user="root",
        nice=0,
        cgroup="/",
        kernel_thread=False,
        namespace_pids=(pid,),
        sigterm="default",
        session=pid,
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def _systemds_fates() -> tuple[Outlook, ...]:
    again = "Restart=always starts it again"
    return (
        Outlook.comes_back("sigterm", "systemd", "likely", f"it handles SIGTERM: its own choice; {again}", after_s=0.1),
        Outlook.comes_back("sigkill", "systemd", "certain", f"SIGKILL cannot be caught; {again}", after_s=0.1),
        Outlook.comes_back("clean-exit", "systemd", "certain", f"it exits with 0; {again}", after_s=0.1),
        Outlook.comes_back("failure-exit", "systemd", "certain", f"it exits with 1; {again}", after_s=0.1),
        Outlook.comes_back("owner-stop", "systemd", "certain", "indexer.timer starts it again", after_s=1260.0),
        Outlook.goes_on("owner-daemon-restart", "certain", "systemd keeps its services running"),
        Outlook.comes_back("reboot", "systemd", "certain", "it is enabled"),
    )


def _systemds_steps() -> tuple[Step, ...]:
    return (
        Step(
            "Take the pressure off",
            "systemctl set-property --runtime indexer.service CPUQuota=20%",
            "it goes on with 20 % of a core until the next boot",
            "slows",
            "systemctl set-property --runtime indexer.service CPUQuota=",
            Prints("systemctl show -p CPUQuotaPerSecUSec indexer.service", ("200ms",)),
            phase="relieve",
        ),
        Step(
            "Close what would start it again: indexer.timer",
            "systemctl disable --now indexer.timer",
            "it no longer starts the service, after a reboot neither",
            "interrupts",
            "systemctl enable --now indexer.timer",
            Prints("systemctl is-active indexer.timer", ("inactive",)),
        ),
        Step(
            "Stop it",
            "systemctl stop indexer.service",
            "systemd ends the service and does not start it again: Restart= does not act on a stop",
            "interrupts",
            "systemctl start indexer.service",
            Prints("systemctl is-active indexer.service", ("inactive", "failed")),
        ),
        Step(
            "Keep it stopped over a reboot",
            "systemctl disable indexer.service",
            "it is no longer started at boot",
            "none",
            "systemctl enable indexer.service",
            Prints("systemctl is-enabled indexer.service", ("disabled",)),
            phase="close",
        ),
    )


def systemd() -> CaseFile:
    """`Restart=always`, and a timer besides."""
    facts = {
        "main_pid": 812,
        "unit_file": "/etc/systemd/system/indexer.service",
        "restart_after_s": 0.1,
        "triggered_by": [{"unit": "indexer.timer", "active": True, "unit_file_state": "enabled", "next_in_s": 1260.0}],
    }
    file = "/etc/systemd/system/indexer.service"
    lost = Effect("delete", "path", file, True, "it defines the service", Size(412), ("indexer.service",))
    why = "the running process stays, and what this file says of the service is gone: no command brings it back"
    goal = "Stop indexer.service for good: over a reboot too"
    return CaseFile(
        process=process("indexer", sigterm="handled", cmdline=("/usr/bin/indexer", "--all", "--password=HUNTER2")),
        cpu=CpuShare(187.4, 300.0),
        owners=(
            Owner("systemd-service", "indexer.service", "indexer.service", "always", facts, ("D-Bus: Restart=always",)),
        ),
        prognosis=_systemds_fates(),
        history=History(),
        plan=Plan(goal, _systemds_steps(), (Dangerous(f"rm {file}", why, (lost,)),)),
        gaps=(),
        asked_pid=812,
        since=NOW - 7500,
        host="web1",
    )


def unmanaged() -> CaseFile:
    """Started by a shell that still lives: whether it starts it again is not for us to guess."""
    unknown = "whether its parent bash (700) starts it again is not known"
    guard = "[ \"$(sed 's/.*) //' /proc/812/stat | cut -d' ' -f20)\" = 51234 ] && "
    facts = {"parent": "bash", "parent_pid": 700}
    outlooks = (
        Outlook.not_known("sigterm", f"SIGTERM ends it; {unknown}"),
        Outlook.not_known("sigkill", f"SIGKILL cannot be caught; {unknown}"),
        Outlook.not_known("owner-stop", f"SIGTERM ends it; {unknown}"),
        Outlook.goes_on("owner-daemon-restart", "certain", "it has no owner that could be restarted"),
        Outlook.stays_away("reboot", "likely", "no manager that would start it at boot was found"),
    )
    freeze = Step(
        "Freeze it",
        f"{guard}kill -STOP 812",
        "it stands still and keeps its memory and files; nothing is lost, nothing is ended",
        "interrupts",
        f"{guard}kill -CONT 812",
        Prints("ps -o state= -p 812", ("T",)),
        phase="relieve",
    )
    goal = "Hold it still, reversibly, until you know whether its parent would start it again"
    return CaseFile(
        process=process("python3", cmdline=("python3", "crunch.py"), user="ana", uid=1000),
        cpu=CpuShare(100.0, 0.1),
        owners=(Owner("unmanaged", "python3", "812", "none", facts, ("/proc/812/cgroup: /",)),),
        prognosis=outlooks,
        history=History(),
        plan=Plan(goal, (freeze,), ()),
        gaps=(),
        asked_pid=812,
        host="web1",
    )


def kernel() -> CaseFile:
    """A thread of the kernel: nothing to kill, nothing to stop."""
    why = "a kernel thread: no signal reaches it"
    no = [Outlook.goes_on(action, "certain", why) for action in ("sigterm", "sigkill", "owner-stop")]
    boot = Outlook.not_known("reboot", "the thread returns; the work may not")
    return CaseFile(
        process=process("kswapd0", pid=57, cmdline=(), exe=None, kernel_thread=True),
        cpu=CpuShare(96.2, 300.0),
        owners=(Owner("kernel-thread", "kswapd0", "57", "none", {}, ("/proc/57/stat: PF_KTHREAD",)),),
        prognosis=(*no, boot),
        history=History(),
        plan=Plan("Find the work behind it: a kernel thread is busy on behalf of somebody", (), ()),
        gaps=(),
        asked_pid=57,
        since=NOW - 340,
        host="web1",
    )


def dead() -> CaseFile:
    """Ended for good: asked about its PID, and nobody took its place."""
    death = SeenDeath(812, NOW - 660, NOW - 60, None, None)
    return unmanaged()._replace(
        process=process("python3", cmdline=("python3", "crunch.py"), state="dead", alive=False),
        prognosis=(),
        history=History(deaths=(death,), pids=(812,)),
        plan=Plan("", (), ()),
    )


def with_gaps() -> CaseFile:
    """Docker could not be asked: what is told says so."""
    facts = example(NOW, "web1").owners[0]._replace(kind="docker-container", name="21fe8d0c5b7a", policy="", facts={})
    unread = "the restart policy of 21fe8d0c5b7a could not be read"
    actions = ("sigterm", "sigkill", "owner-stop", "owner-daemon-restart", "reboot")
    return example(NOW, "web1")._replace(
        owners=(facts,),
        prognosis=tuple(Outlook.not_known(action, unread) for action in actions),  # type: ignore[arg-type]
        history=History(),
        plan=Plan("Hold it still until the engine can be asked what it is", (), ()),
        gaps=(
            Gap("docker", "permission denied on /var/run/docker.sock", "run it with sudo"),
            Gap("store", "no permission for the store /var/lib/runaway-watchdog/watchdog.db", "run it with sudo"),
        ),
    )


def hostile_case(words: str) -> CaseFile:
    """A case in which every text that others choose is `words`."""
    loss = Effect("delete", "volume", words, True, words, Size(5), (words, words))
    step = Step(words, f"docker stop {words}", words, "interrupts", f"docker start {words}", ByEye(words))
    facts = {
        "container": words,
        "image": words,
        "config_files": [words],
        "triggered_by": [{"unit": words, "next_in_s": 3.0}],
    }
    return example(NOW, "web1")._replace(
        process=process(words, pid=3441, cmdline=(words, words), user=words),
        owners=(
            Owner("compose-service", words, words, words, facts, (words,)),
            Owner("systemd-service", words, words, words, {"parent": words, "parent_pid": 7}, (words,)),
        ),
        prognosis=(Outlook.not_known("sigkill", words, by=words),),
        plan=Plan(words, (step,), (Dangerous(f"docker compose -p {words} down -v", words, (loss,)),)),
        gaps=(Gap(words, words, words),),
        host=words,
    )
