"""cron, anacron and at: what they start again and when, really tried, and plans that put tables back as they were.

cron works by the minute, so the cases of one table are tried together.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator

import pytest
from e2e.keepers import (
    Action,
    Expected,
    carry_out,
    check,
    check_reboot,
    check_together,
    found,
    plan_of,
    program,
    running,
    script,
    undo,
    workload,
)
from e2e.rig import foretold
from e2e.rig.box import Box, Layout, MakeBox
from e2e.rig.workloads import Workload

NEXT_MINUTE_S = 75
CRON, ATD = "/cron.service", "/atd.service"
TABLE = "/var/spool/cron/crontabs/alice"


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    box = make_box(extras=("keepers",), docker_up=False)
    box.run("useradd -m alice")
    return box


def cron_work(box: Box, name: str) -> Workload:
    """A job that cron has started; it is stopped and restarted with cron's unit."""
    return workload(
        box, name, "cron", CRON, stop="systemctl stop cron", restart="systemctl restart cron", timeout=NEXT_MINUTE_S
    )


def at_the_minutes_start(box: Box) -> None:
    """cron starts everything in the first second: what is done until the next one has the whole minute."""
    box.run("sleep $((60 - $(date +%-S) + 2))", timeout=70)


@pytest.fixture
def tables(host: Box) -> Iterator[Box]:
    """A user's table and the system's, one job of each shape; they run when the test begins."""
    host.run("systemctl start cron")
    quoted = shlex.join(program("percent")).replace("%", "\\%")
    lines = [
        "# alice's own",
        'MAILTO=""',
        f"* * * * * {script(host, 'plain')}",
        f"*/1 0-23 * * 0-7 cd / && {quoted}; echo %more input",
        "SHELL=/bin/bash",
        f"* * * * * exec {script(host, 'by-bash')}",
        f"* * * * * setsid {shlex.join(program('daemon'))} >/dev/null 2>&1 &",
        "",
    ]
    host.run("crontab -u alice -", input="\n".join(lines))
    host.write("/etc/cron.d/of-root", f"SHELL=/bin/sh\n* * * * * root {script(host, 'of-root')}\n")
    host.write("/etc/cron.d/ignored.txt", f"* * * * * root {script(host, 'with-a-dot')}\n")
    host.write("/etc/cron.d/parts", "* * * * * root cd / && run-parts --report /etc/cron.mine\n")
    host.write("/etc/cron.mine/part", f"#!/bin/sh\nexec {script(host, 'in-parts')}\n", 0o755)
    host.write("/etc/cron.d/gone", f"* * * * * root {script(host, 'gone')}\n")
    for name in ("plain", "percent", "by-bash", "daemon", "of-root", "in-parts", "gone"):
        found(host, name, NEXT_MINUTE_S)
    yield host
    host.run(
        "crontab -u alice -r; rm -f /etc/cron.d/of-root /etc/cron.d/ignored.txt /etc/cron.d/parts /etc/cron.d/gone"
    )
    host.run(
        ["pkill", "-9", "-f", "--", " (plain|percent|by-bash|daemon|of-root|in-parts|gone|with-a-dot)$"], check=False
    )


@pytest.mark.truth
def test_cron_starts_every_line_again_at_its_time(tables: Box) -> None:
    """A kill of any kind, an exit, a daemon that left its shell: the next minute starts it; a line that was deleted
    does not."""
    at_the_minutes_start(tables)
    tables.run("rm /etc/cron.d/gone")
    ends: tuple[tuple[str, Action, str], ...] = (
        ("plain", "sigkill", "* * * * *, a user's table"),
        ("percent", "sigterm", "*/1 0-23 * * 0-7, with % in it"),
        ("by-bash", "sigkill", "* * * * *, SHELL=/bin/bash"),
        ("daemon", "sigkill", "* * * * *, with setsid"),
        ("of-root", "clean-exit", "* * * * *, /etc/cron.d"),
        ("in-parts", "failure-exit", "* * * * *, run-parts"),
        ("gone", "sigkill", "its line was deleted"),
    )
    cases = [Expected(cron_work(tables, name), action, "cron-job", policy) for name, action, policy in ends]
    documents = check_together(tables, cases, 70)
    names = [document["owners"][0]["name"] for document in documents]
    assert names == [
        "line 3 of alice's crontab",
        "line 4 of alice's crontab",
        "line 6 of alice's crontab",
        "line 7 of alice's crontab",
        "line 2 of /etc/cron.d/of-root",
        "/etc/cron.mine/part",
        "a job of cron",
    ]
    assert running(tables, "with-a-dot") == []


@pytest.mark.truth
@pytest.mark.parametrize("action", ["owner-stop", "owner-daemon-restart"])
def test_running_jobs_outlive_cron(tables: Box, action: Action) -> None:
    """A stop or a restart of cron.service leaves them alone, and explain says so; the pile-up is counted."""
    at_the_minutes_start(tables)
    work = cron_work(tables, "of-root")
    document, _ = check(tables, work, action, kind="cron-job", policy="* * * * *")
    assert document["owners"][0]["facts"]["running"] == len(running(tables, "of-root"))


@pytest.mark.truth
def test_plans_for_cron_hold_and_are_undone(tables: Box) -> None:
    """A user's line, a line of cron.d and a script of run-parts: gone for a minute and over a restart of cron, and
    then byte for byte as they were."""
    at_the_minutes_start(tables)
    before = {path: tables.read(path) for path in ("/etc/cron.d/of-root", "/etc/cron.d/parts")}
    listed = tables.run("crontab -u alice -l").stdout
    mode = tables.run("stat -c %a /etc/cron.mine/part").stdout
    names = ("plain", "of-root", "in-parts")
    plans = [plan_of(tables, cron_work(tables, name).pid) for name in names]
    for plan in plans:
        carry_out(tables, plan)
    tables.run("systemctl restart cron")
    for name in names:
        tables.run(["pkill", "-9", "-f", "--", f" {name}$"], check=False)  # copies of the minutes before
    at_the_minutes_start(tables)
    assert {name: running(tables, name) for name in names} == {name: [] for name in names}
    assert running(tables, "percent")
    for plan in reversed(plans):
        undo(tables, [step for step in plan if "kill" not in step["command"]])
    assert {path: tables.read(path) for path in before} == before
    assert tables.run("crontab -u alice -l").stdout == listed
    assert tables.run("stat -c %a /etc/cron.mine/part").stdout == mode
    for name in names:
        found(tables, name, NEXT_MINUTE_S)


@pytest.mark.truth
def test_a_table_that_was_edited_since_is_not_touched(host: Box) -> None:
    """The plan's command says so, and changes nothing."""
    host.write("/etc/cron.d/moving", f"* * * * * root {script(host, 'moving')}\n")
    work = cron_work(host, "moving")
    (step, *_) = (each for each in plan_of(host, work.pid) if each["phase"] == "hold")
    host.write("/etc/cron.d/moving", "# another first line\n" + host.read("/etc/cron.d/moving"))
    text = host.read("/etc/cron.d/moving")
    done = host.run(step["command"], check=False)
    assert "not done" in done.stdout
    assert done.returncode != 0
    assert host.read("/etc/cron.d/moving") == text
    host.run("rm /etc/cron.d/moving")
    host.run(["pkill", "-9", "-f", "--", " moving$"], check=False)


@pytest.mark.truth
def test_cron_and_a_reboot(make_box: MakeBox) -> None:
    """An ordinary line runs at its next minute, an @reboot line at once; that one is not started again when killed."""
    box = make_box(extras=("keepers",), docker_up=False)
    box.write("/etc/cron.d/boot", f"@reboot root {script(box, 'at-boot')}\n* * * * * root {script(box, 'by-minute')}\n")
    box.reboot()
    cases = [
        Expected(cron_work(box, "at-boot"), "reboot", "cron-job", "@reboot"),
        Expected(cron_work(box, "by-minute"), "reboot", "cron-job", "* * * * *"),
    ]
    check_reboot(box, cases, NEXT_MINUTE_S)
    check(box, cron_work(box, "at-boot"), "sigkill", kind="cron-job", policy="@reboot")


@pytest.mark.truth
def test_cron_on_cgroup_v1(make_box: MakeBox) -> None:
    """The same line, the same minute."""
    box = make_box("v1", extras=("keepers",), docker_up=False)
    box.write("/etc/cron.d/one", f"* * * * * root {script(box, 'on-v1')}\n")
    work = cron_work(box, "on-v1")
    check_together(box, [Expected(work, "sigkill", "cron-job", "* * * * *")], 70)
    check(box, cron_work(box, "on-v1"), "owner-stop", kind="cron-job", policy="* * * * *")


# --- anacron -----------------------------------------------------------------------------------------------------


@pytest.mark.truth
def test_anacron_counts_a_killed_job_as_done(host: Box) -> None:
    """explain says that it returns when its period is over; today another start of anacron runs nothing."""
    host.write("/etc/anacrontab", f"SHELL=/bin/sh\n1 0 mine {script(host, 'by-anacron')}\n")
    host.run("rm -f /var/spool/anacron/mine; systemctl start --no-block anacron")
    pid = found(host, "by-anacron")
    document = foretold.explained(host, pid)
    owner = document["owners"][0]
    assert (owner["kind"], owner["policy"]) == ("cron-job", "every day")
    assert foretold.fate_of(document, "sigkill")["returns"] is True
    host.run(["kill", "-9", str(pid)])
    host.run("systemctl start anacron; sleep 1")
    assert running(host, "by-anacron") == []
    host.run("date -d tomorrow +%Y%m%d; date -d yesterday +%Y%m%d > /var/spool/anacron/mine; systemctl restart anacron")
    again = found(host, "by-anacron")
    steps = plan_of(host, again)
    table = host.read("/etc/anacrontab")
    carry_out(host, steps)
    host.run("date -d yesterday +%Y%m%d > /var/spool/anacron/mine; systemctl start anacron; sleep 1")
    assert running(host, "by-anacron") == []
    undo(host, [step for step in steps if "kill" not in step["command"]])
    assert host.read("/etc/anacrontab") == table


# --- at ----------------------------------------------------------------------------------------------------------


def at_work(box: Box, name: str, user: str = "root") -> Workload:
    """A job of at that runs."""
    path = script(box, name)
    box.run(["runuser", "-u", user, "--", "sh", "-c", f"cd /; echo {path} | at now"])
    return workload(box, name, "at", ATD, stop="systemctl stop atd", restart="systemctl restart atd")


def test_a_job_of_at_runs_once(host: Box) -> None:
    """Killed, it stays away; its daemon's stop leaves it alone."""
    work = at_work(host, "once-killed")
    check(host, work, "owner-stop", kind="at-job", policy="once")
    host.run("systemctl start atd")
    document, _ = check(host, work, "sigkill", kind="at-job", policy="once")
    assert document["owners"][0]["name"].startswith("job ")


def minutes_of_at(box: Box) -> list[str]:
    """When alice's waiting jobs are due; `=` is the queue of those that run."""
    lines = [line.split("\t", 1)[1] for line in box.run("atq").stdout.splitlines()]
    return [line for line in lines if line.endswith(" a alice")]


@pytest.mark.truth
def test_a_job_of_at_that_waits_a_second_time(host: Box) -> None:
    """The same commands come back when their other job's minute comes; the plan takes that one out of the line."""
    path = script(host, "twice")
    at_the_minutes_start(host)
    for when in ("now", "now + 1 minute"):
        host.run(["runuser", "-u", "alice", "--", "sh", "-c", f"cd /; echo {path} | at {when}"])
    work = workload(host, "twice", "at", ATD)
    check_together(host, [Expected(work, "sigkill", "at-job", "the same commands wait")], 70)
    host.run(["runuser", "-u", "alice", "--", "sh", "-c", f"cd /; echo {path} | at now + 30 minutes"])
    (waiting,) = minutes_of_at(host)
    steps = [each for each in plan_of(host, found(host, "twice")) if each["phase"] != "relieve"]
    carry_out(host, steps[:1])
    assert minutes_of_at(host) == []
    undo(host, steps[:1])
    assert minutes_of_at(host) == [waiting]
    carry_out(host, steps[1:])
    host.run("atrm $(atq | cut -f1)", check=False)


@pytest.mark.truth
@pytest.mark.parametrize("layout", ["v2", "v1"])
def test_a_job_of_at_and_a_reboot(make_box: MakeBox, layout: Layout) -> None:
    """What was interrupted is deleted at boot."""
    box = make_box(layout, extras=("keepers",), docker_up=False)
    check_reboot(box, [Expected(at_work(box, "interrupted"), "reboot", "at-job", "once")], 10)
    time.sleep(2)
    assert running(box, "interrupted") == []
