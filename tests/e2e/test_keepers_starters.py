"""A second starter: what starts a unit or a program again beside its own manager, really tried and held."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from e2e.keepers import carry_out, program, running, script, undo
from e2e.rig import docker, foretold
from e2e.rig.box import Box, MakeBox
from e2e.rig.plans import Steps

MINUTE_S = 75
KEEP = "#!/bin/sh\n# ghost's own watchdog\nsystemctl is-active -q ghost || systemctl restart ghost\n"


@pytest.fixture(scope="module")
def host(make_box: MakeBox) -> Box:
    box = make_box(docker_up=False)
    box.write("/usr/local/bin/keep.sh", KEEP, 0o755)
    box.write(
        "/etc/systemd/system/ghost.service",
        f"[Service]\nExecStart={shlex.join(program('ghost')).replace('$', '$$')}\nRestart=on-failure\nRestartSec=15\n",
    )
    box.run("systemctl daemon-reload; systemctl start cron")
    return box


@pytest.fixture
def ghost(host: Box) -> Iterator[Box]:
    """The unit, whose own policy does not act on a stop."""
    host.run("systemctl start ghost")
    yield host
    host.run("crontab -r; systemctl stop ghost", check=False)


def explained(box: Box, *words: str) -> dict[str, Any]:
    return foretold.explained(box, *words)


def state(box: Box) -> str:
    return box.run("systemctl is-active ghost", check=False).stdout.strip()


def back(box: Box, timeout: float) -> float:
    """After how many seconds the unit is there again."""
    begun = time.monotonic()
    box.wait_for("ghost again", lambda: state(box) == "active", timeout)
    return time.monotonic() - begun


def kept(box: Box, document: dict[str, Any], seconds: int) -> Steps:
    """Carries the plan out, and sees that the unit stays away."""
    steps: Steps = document["plan"]["steps"]
    carry_out(box, steps)
    box.run(f"sleep {seconds}", timeout=seconds + 10)
    assert state(box) != "active"
    return steps


def test_a_line_of_cron_that_restarts_a_unit(ghost: Box) -> None:
    """A stop holds for less than a minute; the plan makes the line a comment, and the undo puts it back."""
    ghost.run("crontab -", input="* * * * * /usr/local/bin/keep.sh\n")
    document = explained(ghost, "--unit", "ghost")
    stop = foretold.fate_of(document, "owner-stop")
    assert (stop["ends"], stop["returns"], stop["certainty"]) == (True, True, "likely")
    assert stop["by"] == "line 1 of root's crontab"
    assert stop["after_s"] <= 60
    assert "systemctl restart ghost" in stop["why"]
    ghost.run("systemctl stop ghost")
    back(ghost, MINUTE_S)
    steps = kept(ghost, explained(ghost, "--unit", "ghost"), 65)
    undo(ghost, steps)
    assert ghost.run("crontab -l").stdout == "* * * * * /usr/local/bin/keep.sh\n"
    assert state(ghost) == "active"


def test_another_unit_that_restarts_it(ghost: Box) -> None:
    """A loop in another unit's script: back within seconds of a stop; the plan stops that unit first."""
    ghost.write("/usr/local/bin/watch.sh", f"#!/bin/sh\nwhile :; do {KEEP.splitlines()[-1]}; sleep 1; done\n", 0o755)
    unit = "[Service]\nExecStart=/usr/local/bin/watch.sh\n[Install]\nWantedBy=multi-user.target\n"
    ghost.write("/etc/systemd/system/watchdog-of-ghost.service", unit)
    ghost.run("systemctl daemon-reload; systemctl enable --now watchdog-of-ghost")
    try:
        stop = foretold.fate_of(explained(ghost, "--unit", "ghost"), "owner-stop")
        assert (stop["returns"], stop["by"]) == (True, "watchdog-of-ghost.service")
        ghost.run("systemctl stop ghost")
        assert back(ghost, 10) < 10
        steps = kept(ghost, explained(ghost, "--unit", "ghost"), 5)
        assert "disabled" in ghost.run("systemctl is-enabled watchdog-of-ghost", check=False).stdout
        undo(ghost, steps)
        assert ghost.run("systemctl is-active watchdog-of-ghost").stdout == "active\n"
        assert ghost.run("systemctl is-enabled watchdog-of-ghost").stdout == "enabled\n"
    finally:
        ghost.run("systemctl disable --now watchdog-of-ghost; rm /etc/systemd/system/watchdog-of-ghost.service")


LEFT_RUNNING = {
    "nohup": "setsid nohup /root/keep-ghost.sh >/dev/null 2>&1 </dev/null &",
    "tmux": "tmux new-session -d -s k /root/keep-ghost.sh",
    "line": f"setsid sh -c 'while sleep 2; do {KEEP.splitlines()[-1]}; done' >/dev/null 2>&1 </dev/null &",
}


@pytest.mark.parametrize("way", ["nohup", *(pytest.param(each, marks=pytest.mark.truth) for each in ("tmux", "line"))])
def test_a_loop_that_somebody_left_running(ghost: Box, way: str, make_box: MakeBox) -> None:
    """In no file that anything starts: the process itself is held, and goes on after the undo, where tmux lets it."""
    box = make_box(extras=("keepers",), docker_up=False) if way == "tmux" else ghost
    if way == "tmux":
        box.write("/etc/systemd/system/ghost.service", ghost.read("/etc/systemd/system/ghost.service"))
        box.run("systemctl daemon-reload; systemctl start ghost")
    body = KEEP.splitlines()[-1]
    box.write("/root/keep-ghost.sh", f"#!/bin/bash\nwhile true; do\n  {body}\n  sleep 2\ndone\n", 0o755)
    box.run(LEFT_RUNNING[way])
    looking = "[k]eep-ghost|[w]hile sleep 2"
    try:
        box.run("sleep 1")
        stop = foretold.fate_of(explained(box, "--unit", "ghost"), "owner-stop")
        assert (stop["returns"], stop["certainty"]) == (True, "likely"), stop
        box.run("systemctl stop ghost")
        back(box, 10)
        steps = kept(box, explained(box, "--unit", "ghost"), 8)
        undo(box, steps)
        assert state(box) == "active"
        if way != "tmux":
            box.run("systemctl stop ghost")
            back(box, 10)
    finally:
        box.run(["pkill", "-9", "-f", looking], check=False)


def of_user(box: Box, user: str, units: Mapping[str, str], start: str) -> str:
    """How that user's manager is asked, with these units."""
    systemctl = f"systemctl --user -M {user}@"
    box.run(f"useradd -m -s /bin/sh {user}; loginctl enable-linger {user}")
    for name, text in units.items():
        box.write(f"/home/{user}/.config/systemd/user/{name}", text)
    box.run(f"chown -R {user}: /home/{user}")
    box.wait_for("its systemd", lambda: box.run(f"{systemctl} daemon-reload", check=False).returncode == 0)
    box.run(f"{systemctl} enable --now {start}; sleep 3")
    return systemctl


OF_USER = {
    "unit": (
        "kept.service",
        {
            "kept.service": "[Service]\nExecStart=/bin/sh -c 'while :; do systemctl --user start mine; sleep 2; done'\n"
            "[Install]\nWantedBy=default.target\n"
        },
    ),
    "timer": (
        "look.timer",
        {
            "look.service": "[Service]\nType=oneshot\nExecStart=/bin/systemctl --user start mine\n",
            "look.timer": "[Timer]\nOnActiveSec=2\nOnUnitActiveSec=5\nAccuracySec=1\n"
            "[Install]\nWantedBy=timers.target\n",
        },
    ),
}


@pytest.mark.truth
@pytest.mark.parametrize("way", OF_USER)
def test_a_users_own_unit_that_starts_another(host: Box, way: str) -> None:
    """Its manager is the user's, and so are the steps; the system's units are left alone."""
    by, units = OF_USER[way]
    words = shlex.join(program(f"mine-{way}")).replace("$", "$$")
    user = f"user-of-{way}"
    systemctl = of_user(host, user, {"mine.service": f"[Service]\nExecStart={words}\n", **units}, by)
    try:
        (pid,) = host.wait_for("mine", lambda: running(host, f"mine-{way}"))
        document = explained(host, str(pid))
        stop = foretold.fate_of(document, "owner-stop")
        assert (stop["returns"], stop["by"]) == (True, by), stop
        host.run(f"{systemctl} stop mine")
        again = host.wait_for("mine again", lambda: running(host, f"mine-{way}"), 15)
        steps: Steps = explained(host, str(again[0]))["plan"]["steps"]
        carry_out(host, steps)
        host.run("sleep 10")
        assert running(host, f"mine-{way}") == []
        assert host.run(f"{systemctl} is-enabled {by}", check=False).stdout == "disabled\n"
        undo(host, steps)
        assert host.run(f"{systemctl} is-enabled {by}").stdout == "enabled\n"
        assert host.run(f"{systemctl} is-active {by} mine").stdout == "active\nactive\n"
    finally:
        host.run(f"{systemctl} disable --now {by}; {systemctl} stop mine", check=False)


@pytest.mark.truth
def test_a_job_of_at_that_starts_it(ghost: Box) -> None:
    """It waits for its minute; held, that passes, and the undo puts it back in the line."""
    ghost.run("systemctl start atd; echo 'systemctl start ghost' | at now + 2 minutes")
    stop = foretold.fate_of(explained(ghost, "--unit", "ghost"), "owner-stop")
    assert stop["returns"] is True
    assert stop["by"].endswith(" of at")
    steps = kept(ghost, explained(ghost, "--unit", "ghost"), 125)
    assert ghost.run("atq").stdout == ""
    ghost.run("cp /bin/sleep /tmp/atd; chmod 755 /tmp/atd")
    ghost.run("setsid -f runuser -u nobody -- setsid -f /tmp/atd 600 >/dev/null 2>&1")
    undo(ghost, steps[1:2])
    back(ghost, MINUTE_S)  # its minute is over: at once, as atd looks
    assert ghost.run("pgrep -u nobody -x atd").stdout, "a namesake was sent a signal"
    ghost.run("pkill -u nobody -x atd")


@pytest.mark.truth
def test_what_a_rotation_of_logs_runs(make_box: MakeBox) -> None:
    """Once a day or a week, and then the unit is back: the line in its settings does nothing any more."""
    box = make_box(extras=("field",), docker_up=False)
    words = shlex.join(program("ghost")).replace("$", "$$")
    box.write("/etc/systemd/system/ghost.service", f"[Service]\nExecStart={words}\n")
    rotated = "/var/log/ghost.log {\n  daily\n  postrotate\n    systemctl restart ghost\n  endscript\n}\n"
    box.write("/etc/logrotate.d/ghost", rotated)
    box.write("/var/log/ghost.log", "x\n")
    box.run("systemctl daemon-reload; systemctl start ghost")
    stop = foretold.fate_of(explained(box, "--unit", "ghost"), "owner-stop")
    assert (stop["returns"], stop["by"]) == (True, "line 4 of /etc/logrotate.d/ghost")
    box.run("systemctl stop ghost; logrotate -f /etc/logrotate.d/ghost")
    assert state(box) == "active"
    box.write("/var/log/ghost.log", "x\n")
    steps: Steps = explained(box, "--unit", "ghost")["plan"]["steps"]
    carry_out(box, steps)
    box.run("logrotate -f /etc/logrotate.d/ghost")
    assert state(box) != "active"
    undo(box, steps)
    assert box.read("/etc/logrotate.d/ghost") == rotated
    assert state(box) == "active"


@pytest.mark.truth
def test_a_timer_that_restarts_it(ghost: Box) -> None:
    """The other unit runs for a moment only: its timer is what is stopped."""
    ghost.write("/etc/systemd/system/look.service", "[Service]\nType=oneshot\nExecStart=/bin/systemctl start ghost\n")
    timer = "[Timer]\nOnActiveSec=2\nOnUnitActiveSec=5\nAccuracySec=1\n[Install]\nWantedBy=timers.target\n"
    ghost.write("/etc/systemd/system/look.timer", timer)
    ghost.run("systemctl daemon-reload; systemctl enable --now look.timer; sleep 3")
    try:
        stop = foretold.fate_of(explained(ghost, "--unit", "ghost"), "owner-stop")
        assert (stop["returns"], stop["by"]) == (True, "look.timer")
        ghost.run("systemctl stop ghost")
        back(ghost, 15)
        undo(ghost, kept(ghost, explained(ghost, "--unit", "ghost"), 12))
        assert ghost.run("systemctl is-active look.timer").stdout == "active\n"
    finally:
        ghost.run("systemctl disable --now look.timer; rm /etc/systemd/system/look.*")


@pytest.mark.truth
def test_a_line_of_cron_that_names_a_program(host: Box) -> None:
    """Started by hand and owned by nobody: its own file is in root's crontab, so it is back within the minute."""
    host.run("mkdir -p /opt/x; cp /bin/busybox /opt/x/busybox-burner")
    host.write("/root/.config/cron/perfcc", "#!/bin/sh\nexec /opt/x/busybox-burner sleep 98765\n", 0o755)
    host.run("crontab -", input="# mine\n* * * * * pgrep -x busybox-burner || /root/.config/cron/perfcc\n")
    host.run("setsid /root/.config/cron/perfcc >/dev/null 2>&1 &")
    pattern = "^/opt/x/busybox-burner sleep 98765$"
    try:
        pid = host.wait_for("burner", lambda: next(iter(host.pids(pattern)), None), 10)
        killed = foretold.fate_of(explained(host, str(pid)), "sigkill")
        assert (killed["returns"], killed["by"], killed["certainty"]) == (True, "line 2 of root's crontab", "likely")
        host.run(["kill", "-9", str(pid)])
        again = host.wait_for("burner again", lambda: next(iter(host.pids(pattern)), None), MINUTE_S)
        host.run(["kill", "-9", str(again)])
        host.run("setsid /root/.config/cron/perfcc >/dev/null 2>&1 &")
        pid = host.wait_for("burner", lambda: next(iter(host.pids(pattern)), None), 10)
        steps: Steps = explained(host, str(pid))["plan"]["steps"]
        carry_out(host, steps)
        host.run("sleep 65", timeout=80)
        assert host.pids(pattern) == []
        undo(host, steps)
        assert host.run("crontab -l").stdout.startswith("# mine\n* *")
    finally:
        host.run("crontab -r", check=False)
        host.run(["pkill", "-9", "-f", pattern], check=False)


@pytest.mark.truth
def test_a_login_that_starts_a_program(host: Box) -> None:
    """Killed it is gone, until alice logs in again; the plan takes the line of her profile out, as alice."""
    host.run("useradd -m -s /bin/sh alice; mkdir -p /opt/x; cp /bin/busybox /opt/x/busybox-login")
    profile = host.read("/home/alice/.profile") + "/opt/x/busybox-login sleep 98766 >/dev/null 2>&1 &\n"
    host.run("tee -a /home/alice/.profile", input=profile.splitlines()[-1] + "\n")
    pattern = "^/opt/x/busybox-login sleep 98766$"
    try:
        host.run("su - alice -c true")
        (pid,) = host.pids(pattern)
        document = explained(host, str(pid))
        assert foretold.fate_of(document, "sigkill")["returns"] is False
        steps: Steps = document["plan"]["steps"]
        carry_out(host, steps)
        host.wait_for("its end", lambda: not host.pids(pattern), 10)
        host.run("su - alice -c true")
        assert host.pids(pattern) == []
        undo(host, steps)
        assert host.read("/home/alice/.profile") == profile
        host.run("su - alice -c true")
        assert host.pids(pattern)
    finally:
        host.run(["pkill", "-9", "-f", pattern], check=False)


@pytest.mark.truth
def test_a_check_of_monit_that_starts_a_unit(make_box: MakeBox) -> None:
    """The check is another manager's: its next look starts the unit, until monit is told to look away."""
    box = make_box(extras=("keepers",), docker_up=False)
    words = shlex.join(program("ghost")).replace("$", "$$")
    box.write("/etc/systemd/system/ghost.service", f"[Service]\nExecStart={words}\n")
    check = (
        'check program ghost with path "/bin/systemctl is-active ghost"\n'
        '  if status != 0 then exec "/bin/systemctl start ghost"\n'
    )
    settings = "set daemon 3\nset httpd port 2812 and use address localhost allow localhost\n"
    box.write("/etc/monit/conf.d/ghost", f"{settings}{check}")
    box.run("systemctl daemon-reload; systemctl start ghost monit; sleep 4")
    stop = foretold.fate_of(explained(box, "--unit", "ghost"), "owner-stop")
    assert (stop["returns"], stop["by"]) == (True, "monit's check ghost")
    box.run("systemctl stop ghost")
    back(box, 20)
    undo(box, kept(box, explained(box, "--unit", "ghost"), 12))
    assert state(box) == "active"


@pytest.mark.truth
def test_three_copies_of_one_line(host: Box) -> None:
    """cron does not wait for the last one: the plan holds the line and ends all of them, with what they started."""
    host.run("crontab -", input="* * * * * timeout 400 sh -c 'while :; do sleep 0.1; done' copies\n")
    pattern = "^sh -c while :; do sleep 0.1; done copies$"
    try:
        host.wait_for("three copies", lambda: len(host.pids(pattern)) >= 3, 200)
        host.run("sleep $((60 - $(date +%-S) + 2))", timeout=70)
        document = explained(host, str(host.pids(pattern)[0]))
        copies = len(host.pids(pattern))
        assert f"{copies} copies run at once" in foretold.fate_of(document, "sigkill")["why"]
        assert any("flock -n" in line for each in document["plan"]["afterwards"] for line in each["lines"])
        carry_out(host, document["plan"]["steps"])
        host.wait_for("their end", lambda: not host.pids(pattern), 10)
        host.run("sleep 62", timeout=80)
        assert host.pids(pattern) == []
    finally:
        host.run("crontab -r", check=False)
        host.run(["pkill", "-9", "-f", pattern], check=False)


@pytest.mark.truth
def test_cron_in_a_container_of_debian(make_box: MakeBox) -> None:
    """Its spool holds a folder, which is no table: the line of its own /etc/cron.d is found, told and planned for."""
    box = make_box()
    box.write("/srv/sidecar/cron.d/nextcloud", f"* * * * * root {script(box, 'in-sidecar')}\n")
    for name in ("cron", "other"):  # pam_unix would ask for a password file, which this image does not have
        lines = (f"{each} required pam_permit.so\n" for each in ("auth", "account", "password", "session"))
        box.write(f"/srv/sidecar/pam.d/{name}", "".join(lines))
    box.run("mkdir -p /srv/sidecar/spool/crontabs")
    mounts = (
        *("/usr:/usr", "/usr/lib:/lib", "/usr/lib64:/lib64", "/opt/rig:/opt/rig", "/bin/busybox:/bin/busybox"),
        *("/srv/sidecar/pam.d:/etc/pam.d", "/srv/sidecar/cron.d:/etc/cron.d"),
    )
    options = [word for each in mounts for word in ("-v", f"{each}:ro")]
    options += ["-v", "/srv/sidecar/spool:/var/spool/cron", "--tmpfs", "/run", "--tmpfs", "/var/run"]
    box.run(["docker", "run", "-d", "--name", "sidecar", *options, docker.IMAGE, "/usr/sbin/cron", "-f"])
    pid = box.wait_for("its job", lambda: next(iter(running(box, "in-sidecar")), None), MINUTE_S)
    document = explained(box, str(pid))
    assert document["owners"][0]["name"] == "line 1 of /etc/cron.d/nextcloud"
    killed = foretold.fate_of(document, "sigkill")
    assert (killed["returns"], killed["by"]) == (True, "cron")
    box.run(["kill", "-9", str(pid)])
    again = box.wait_for("its next run", lambda: next(iter(running(box, "in-sidecar")), None), MINUTE_S)
    carry_out(box, explained(box, str(again))["plan"]["steps"])
    box.run("sleep 65", timeout=80)
    assert running(box, "in-sidecar") == []
