"""Jobs of cron, anacron and at: the exact line, the next run, and steps that put the table back as it was."""

import re
import subprocess
from pathlib import Path

import pytest
from owners.keepers_host import NOW, SERVICE, WORK, KeepersHost
from support.builders import make_cron_job, make_process

from runaway_watchdog.model.owner import ACTIONS, Action
from runaway_watchdog.model.plan import ByEye
from runaway_watchdog.owners.cron import job_daemons, reading
from runaway_watchdog.owners.cron.details import TableLine
from runaway_watchdog.owners.steps import edited
from runaway_watchdog.world import crontabs

CRON = ("/usr/sbin/cron", "-f")
CHILD = ("/usr/sbin/CRON", "-f")
UNIT = "/system.slice/cron.service"


def host(*lines: str, command: str = "burn --all", table: str = "/etc/cron.d/burn") -> KeepersHost:
    """A job whose shell still bears its line (PID 59), and its program (PID 60)."""
    found = KeepersHost()
    found.manager.loaded = {"cron.service": {**SERVICE, "MainPID": 57}}
    found.line(CRON, CHILD, ("/bin/sh", "-c", command), ("/usr/bin/burn", "--all"), cgroup=UNIT)
    found.files.add("/proc/58/exe", "\0link /usr/sbin/cron")
    found.files.add(table, "\n".join(lines) + "\n")
    return found


def test_the_exact_line_and_its_next_run() -> None:
    """Layer by layer: the line, then cron's own unit."""
    found = host("# x", "0 0 1 1 * root other", "* * * * * root burn --all")
    line, unit = found.layers()
    assert (line.owner.kind, line.owner.name, line.owner.policy) == (
        "cron-job",
        "line 3 of /etc/cron.d/burn",
        "* * * * *",
    )
    assert unit.owner.name == "cron.service"
    killed = found.outlook()
    assert (killed.returns, killed.by, killed.certainty) == (True, "cron", "certain")
    assert killed.after_s == 60 - NOW % 60


@pytest.mark.parametrize("action", ACTIONS)
def test_no_end_counts(action: Action) -> None:
    """A stop of cron leaves it running; everything else ends it, and it returns."""
    outlook = host("* * * * * root burn --all").outlook(action)
    stop = action in ("owner-stop", "owner-daemon-restart")
    assert (outlook.ends, outlook.returns) == (not stop, not stop)


def test_a_stop_ends_the_jobs_of_a_unit_that_says_so() -> None:
    """KillMode=control-group: then a restart of cron starts it again at its next time."""
    found = host("* * * * * root burn --all")
    found.manager.loaded = {"cron.service": {**SERVICE, "KillMode": "control-group", "MainPID": 57}}
    stop, restart = found.outlook("owner-stop"), found.outlook("owner-daemon-restart")
    assert (stop.ends, stop.returns, restart.ends, restart.returns) == (True, False, True, True)


def test_an_at_reboot_line_runs_at_boot_only() -> None:
    """Killed, it is gone until then."""
    found = host("@reboot root burn --all")
    assert found.outlook().returns is False
    assert (found.outlook("reboot").returns, found.outlook("reboot").by) == (True, "cron")


def test_a_line_that_was_deleted_brings_nothing_back() -> None:
    """The shell still says what it was; no table does."""
    outlook = host("* * * * * root other").outlook()
    assert (outlook.returns, outlook.certainty) == (False, "likely")


def test_without_the_shell_the_journal_tells() -> None:
    """bash becomes a plain command's program; cron had logged the line with the PID."""
    found = KeepersHost()
    found.manager.loaded = {"cron.service": {**SERVICE, "MainPID": 58}}
    found.line(CRON, CHILD, ("/usr/bin/burn",), cgroup=UNIT, start=100)
    found.files.add("/proc/59/exe", "\0link /usr/sbin/cron")
    found.files.add("/var/spool/cron/crontabs/root", "* * * * * exec -a odd /srv/burn.sh\n")
    assert found.outlook().returns is None  # nobody told, and the words are others: not guessed
    told = {"MESSAGE": "(root) CMD (exec -a odd /srv/burn.sh)", "__REALTIME_TIMESTAMP": str(1001 * 10**6)}
    found.entries = [{**told, "__REALTIME_TIMESTAMP": "5"}]  # another process of that PID
    assert found.outlook().returns is None
    found.entries = [told]
    assert found.layers()[0].owner.name == "line 1 of root's crontab"
    assert found.outlook().returns is True


def test_without_words_and_journal_the_minute_tells() -> None:
    """In a container a shell became another program: the one line that was due then; of two none is guessed."""
    found = KeepersHost()
    found.manager.loaded = {"cron.service": {**SERVICE, "MainPID": 58}}
    found.line(CRON, CHILD, ("/usr/bin/php", "cron.php"), cgroup=UNIT, start=20_000)
    found.files.add("/proc/59/exe", "\0link /usr/sbin/cron")
    for pid in (58, 59, 60):
        status = f"/proc/{pid}/status"
        found.files.add(status, f"{found.files.texts[status]}NSpid:\t{pid}\t{pid - 57}\n")
    inside = "/proc/60/root/etc/cron.d"
    found.files.add(f"{inside}/x", "0 5 * * * root other\n20 * * * * root /srv/burn.sh\n")
    assert found.layers()[0].owner.name == "line 2 of /etc/cron.d/x"  # 1000 s + 200 s: 20 past
    assert found.outlook().certainty == "likely"
    found.files.add(f"{inside}/y", "*/5 * * * * root another\n")
    assert found.outlook().returns is None


def test_the_copies_of_a_job_are_counted() -> None:
    """cron does not wait for the last one."""
    found = host("* * * * * root burn --all")
    found.process(70, "x", ppid=57)
    found.process(71, "x", ppid=70)
    for pid, children in ((57, "58 70"), (58, "59"), (70, "71"), (71, ""), (59, "60")):
        found.files.add(f"/proc/{pid}/task/{pid}/children", children)
    found.files.add("/proc/71/cmdline", "/bin/sh\0-c\0burn --all\0")
    assert found.layers()[0].owner.told().facts["running"] == 2
    assert "2 copies run at once" in found.outlook().why


def test_the_plan_ends_every_copy() -> None:
    """The line first, then the one that was asked about and each other session: one of three is not the runaway."""
    found = host("* * * * * root burn --all")
    for pid, ppid in ((70, 57), (71, 70), (80, 57), (81, 80)):
        found.process(pid, "x", ppid=ppid)
    children = ((57, "58 70 80"), (58, "59"), (70, "71"), (80, "81"), (71, ""), (81, ""), (59, "60"))
    for pid, below in children:
        found.files.add(f"/proc/{pid}/task/{pid}/children", below)
    for pid in (71, 81):
        found.files.add(f"/proc/{pid}/cmdline", "/bin/sh\0-c\0burn --all\0")
    contained = found.contain()
    assert contained.goal.endswith("then end all 3 copies that run")
    assert [step.title for step in contained.steps] == [
        "Freeze it",
        "Freeze the other 2 copies",
        "Keep cron from starting it again",
        "End it, when you are sure",
        "End the other 2 copies, when you are sure",
    ]
    assert all(f"pkill -TERM -s {pid}" in contained.steps[-1].command for pid in (71, 81))
    assert contained.steps[1].undo is not None
    assert "pkill -CONT -s 81" in contained.steps[1].undo


def test_a_folder_in_a_spool_is_no_table() -> None:
    """/var/spool/cron of a Debian container holds a folder `crontabs`: all its tables were given up for that."""
    found = host(command="burn --all")
    for pid in (57, 58, 59, 60):
        found.files.add(
            f"/proc/{pid}/status", found.files.texts[f"/proc/{pid}/status"] + f"NSpid:\t{pid}\t{pid - 56}\n"
        )
    found.files.add("/proc/59/root/etc/cron.d/nextcloud", "* * * * * root burn --all\n")
    found.files.add("/proc/59/root/var/spool/cron/crontabs/.keep", "")
    job = found.layers()[0].owner
    assert (job.name, job.policy) == ("line 1 of /etc/cron.d/nextcloud", "* * * * *")
    assert (found.outlook().returns, found.outlook().by) == (True, "cron")


def test_a_script_of_run_parts() -> None:
    """Named by its own file, and made non-executable."""
    found = KeepersHost()
    found.manager.loaded = {"cron.service": {**SERVICE, "MainPID": 55}}
    line = "cd / && run-parts --report /etc/cron.hourly"
    parts = ("/usr/bin/run-parts", "--report", "/etc/cron.hourly")
    script = ("/bin/sh", "/etc/cron.hourly/it's")
    found.line(CRON, CHILD, ("/bin/sh", "-c", line), parts, script, ("/usr/bin/burn",), cgroup=UNIT)
    found.files.add("/proc/56/exe", "\0link /usr/sbin/cron")
    found.files.add("/etc/crontab", f"17 * * * * root {line}\n")
    assert found.layers()[0].owner.name == "/etc/cron.hourly/it's"
    script_file = "'/etc/cron.hourly/it'\"'\"'s'"
    assert found.contain().steps[1].command == f"[ -O {script_file} ] && chmod a-x {script_file}"


def test_the_line_becomes_a_comment_and_the_undo_restores_the_bytes(tmp_path: Path) -> None:
    """Really run, on a file with hostile text; the second time it says that nothing was done."""
    path = tmp_path / "it's $(a) table"
    text = "# first\n* * * * * root echo 'x' \"$(date)\" \\% % `id`\n\tlast, without an end"
    path.write_text(text)
    step = edited.file("t", edited.Place(str(path), text, 2), "2s/^/# held: /", effect="", check=ByEye(""))
    copy = edited.saved(str(path), text)
    command = step.command.replace("/root/", f"{tmp_path}/")
    assert copy.startswith("/root/")
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert path.read_text() == text.replace("\n* *", "\n# held: * *")
    again = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert again.returncode != 0
    assert "not done" in again.stdout
    assert step.undo is not None
    assert subprocess.run(["sh", "-c", step.undo.replace("/root/", f"{tmp_path}/")], check=False).returncode == 0
    assert path.read_text() == text


def test_the_plan_for_a_users_table() -> None:
    """Through crontab(1), by the number that `crontab -l` shows; then the job that runs."""
    found = host("* * * * * burn --all", table="/var/spool/cron/crontabs/root")
    freeze, first, end = found.contain().steps
    assert "crontab -u root -l | sha256sum" in first.command
    assert "sed '1s/^/# held: /'" in first.command
    assert first.undo is not None
    assert first.undo.startswith("crontab -u root /root/crontab-root.")
    assert (freeze.phase, end.title) == ("relieve", "End it, when you are sure")


def test_an_unreadable_table_is_a_gap() -> None:
    """Not "no such line"."""
    found = host("* * * * * root burn --all")
    read = found.files.read

    def refuse(path: str) -> str:
        if path.startswith("/etc/cron"):
            raise PermissionError(13, "Permission denied", path)
        return read(path)

    found.files.read = refuse  # type: ignore[method-assign]
    outlook = found.outlook()
    assert (outlook.ends, outlook.returns, outlook.certainty) == (True, None, "unknown")


def test_cron_itself_is_a_service() -> None:
    """The near miss: cron's own process is no job of it."""
    assert host("* * * * * root burn --all").kinds(57) == ["systemd-service"]


# --- anacron -----------------------------------------------------------------------------------------------------


def test_anacron_counts_the_days() -> None:
    """Killed, it is done for its period; a stop of the unit waits for it; a reboot runs it again."""
    found = KeepersHost()
    found.manager.loaded = {"anacron.service": {**SERVICE, "MainPID": 58}}
    words = (("/usr/sbin/anacron", "-d", "-q", "-s"), ("/bin/sh", "-c", "burn --all"), ("/usr/bin/burn", "--all"))
    found.line(*words, cgroup="/system.slice/anacron.service")
    found.files.add("/etc/anacrontab", "SHELL=/bin/sh\n7\t5\tburning\tburn --all\n")
    owner = found.layers()[0].owner
    assert (owner.kind, owner.policy) == ("cron-job", "every 7 days")
    killed, stop, boot = found.outlook(), found.outlook("owner-stop"), found.outlook("reboot")
    assert (killed.returns, killed.by, killed.after_s) == (True, "anacron", None)
    assert (stop.ends, boot.returns, boot.by) == (False, True, "anacron")
    assert "sed '2s/^/# held: /'" in found.contain().steps[1].command


# --- at ----------------------------------------------------------------------------------------------------------

SPOOL = "/var/spool/cron/atjobs"
JOB = "#!/bin/sh\numask 22\ncd /root || {\n\t exit 1\n}\n{commands}\n"


def at_host(*waiting: str) -> KeepersHost:
    """A job that runs (number 1), and others that wait, by what they run."""
    found = KeepersHost()
    found.manager.loaded = {"atd.service": {**SERVICE, "MainPID": 57}}
    found.line(
        ("/usr/sbin/atd", "-f"),
        ("/usr/sbin/atd", "-f"),
        ("/bin/sh",),
        ("/usr/bin/burn",),
        cgroup="/system.slice/atd.service",
    )
    found.files.add("/proc/59/fd/0", f"\0link {SPOOL}/a0000101c8968a (deleted)")
    found.files.add(f"{SPOOL}/=0000101c8968a", JOB.replace("{commands}", "burn"))
    for number, commands in enumerate(waiting, 2):
        minute = int(NOW) // 60 + 10 * number
        found.files.add(f"{SPOOL}/a{number:05x}{minute:08x}", JOB.replace("{commands}", commands))
    return found


def test_a_job_of_at_runs_once() -> None:
    """Its number is that of its own file; a stop of atd leaves it alone."""
    found = at_host("other")
    owner = found.layers()[0].owner
    assert (owner.kind, owner.name) == ("at-job", "job 1 of at")
    assert [found.outlook(action).returns for action in ("sigkill", "clean-exit", "reboot")] == [False, False, False]
    assert found.outlook("owner-stop").ends is False


def test_the_same_commands_may_wait() -> None:
    """Then it returns at their minute, and the plan takes them out of the line first."""
    found = at_host("other", "burn")
    outlook = found.outlook()
    assert (outlook.returns, outlook.by) == (True, "at")
    assert outlook.after_s == int(NOW) // 60 * 60 + 1800 - NOW
    first = found.contain().steps[1]
    waits = re.escape("/var/spool/cron/atjobs/") + "(a00003[0-9a-f]{8})"
    as_daemon = re.escape('runuser -u daemon -- env -i PATH="$PATH" mv -n ')  # the spool and at itself are daemon's
    assert re.fullmatch(rf"{as_daemon}{waits} /var/spool/cron/atjobs/held-\1", first.command)
    assert first.undo is not None
    assert re.fullmatch(
        rf"{as_daemon}/var/spool/cron/atjobs/held-(a00003[0-9a-f]+) /var/.*/\1 && . pkill -HUP -P 1 -U root,daemon .*",
        first.undo,
    )


def test_work_is_the_pid_that_is_asked_about() -> None:
    """The host's own numbering, which the tests above rely on."""
    assert at_host().layers()[0].facts.process.pid == WORK


def test_what_else_a_table_holds_is_shown_nowhere() -> None:
    """A table may set a password above its lines; the plan needs the text, and nobody else sees it."""
    owner = make_cron_job(
        "x", TableLine("/etc/cron.d/x", 2, "root", "PASSWORD=hunter2\n@daily root x\n", of_user=False)
    )
    assert "hunter2" not in f"{owner!r} {owner} {owner.told()}"


@pytest.mark.parametrize(
    ("words", "spools"),
    [
        (("crond", "-f", "-c", "/etc/crontabs"), ("/etc/crontabs",)),
        (("crond", "-f", "-c/etc/crontabs"), ("/etc/crontabs",)),
        (("crond", "-f"), crontabs.SPOOLS),
    ],
)
def test_busyboxs_crond_may_read_another_folder(words: tuple[str, ...], spools: tuple[str, ...]) -> None:
    """As images of Alpine start it; cronie's `-c` means something else."""
    daemon = make_process(7, name="crond", exe="/bin/busybox", cmdline=words)
    assert reading.spools(daemon) == spools
    assert reading.spools(daemon._replace(exe="/usr/sbin/crond")) == crontabs.SPOOLS


def test_a_cron_in_a_container_has_no_unit_of_this_host() -> None:
    """Its control group is the container's scope, which is not stopped as cron's unit."""
    daemon = make_process(7, name="cron", cgroup=f"/system.slice/docker-{'ab' * 32}.scope", namespace_pids=(7, 1))
    unit = job_daemons.unit_of(daemon, daemon, KeepersHost().world)
    assert (unit.daemon_unit, unit.stopped_as) == ("", "its container")
