"""supervisord, runit and its kin, and monit: what each does about an end, and how it is told to stop. What the rig
saw is held here in small."""

import struct

import pytest
from owners.keepers_host import SERVICE, WORK, KeepersHost
from preflight.host_world import LINK, EngineWith

from runaway_watchdog.model.owner import Action
from runaway_watchdog.world import monitrc
from runaway_watchdog.world.program_states import ProgramState

WEB = ("/usr/bin/web", "--port", "80")
SUPERVISORD = ("/usr/bin/python3", "/usr/bin/supervisord", "-n", "-c", "/etc/supervisor/supervisord.conf")
SERVER = "[unix_http_server]\nfile=/run/s.sock\n[supervisorctl]\n"


def supervisord(settings: str = "", *between: tuple[str, ...], name: str = "web", asked: bool = True) -> KeepersHost:
    """A program of supervisord, with whoever stands between the two."""
    found = KeepersHost()
    found.line(SUPERVISORD, *between, WEB)
    main = WORK - len(between)
    conf = f"{SERVER}[program:{name}]\ncommand=/usr/bin/web\n{settings}\n"
    found.files.add("/etc/supervisor/supervisord.conf", conf)
    found.files.add("/usr/bin/supervisorctl", "")
    found.files.add(f"/proc/{main}/environ", f"SUPERVISOR_PROCESS_NAME={name}\0SUPERVISOR_GROUP_NAME={name}\0")
    if asked:
        found.processes = [ProgramState(name, name, main, "RUNNING")]
    found.files.all_there = True
    return found


@pytest.mark.parametrize(
    ("settings", "returns"),
    [
        # sigterm, sigkill, clean-exit, failure-exit
        ("", "RR-R"),
        ("autorestart=unexpected\nexitcodes=0,1", "RR--"),
        ("autorestart=unexpected\nexitcodes=3", "RRRR"),
        ("autorestart=true", "RRRR"),
        ("autorestart=false", "----"),
    ],
)
def test_autorestart_against_every_end(settings: str, returns: str) -> None:
    """A death by a signal is never among the expected codes."""
    found = supervisord(settings)
    actions: tuple[Action, ...] = ("sigterm", "sigkill", "clean-exit", "failure-exit")
    assert "".join("R" if found.outlook(action).returns else "-" for action in actions) == returns
    assert found.outlook("owner-stop").returns is False


def test_autostart_decides_over_a_new_supervisord() -> None:
    """A restart of supervisord, and a reboot where its unit is enabled."""
    for settings, returns in (("", True), ("autostart=false", False)):
        found = supervisord(settings)
        assert [found.outlook(action).returns for action in ("owner-daemon-restart", "reboot")] == [returns, returns]
    assert [layer.owner.name for layer in supervisord().layers()] == ["web", "x.service"]


def test_a_supervisord_that_does_not_answer_is_told_from_its_file() -> None:
    """The mark in the environment names the program; nothing is certain then."""
    outlook = supervisord("autorestart=true", asked=False).outlook()
    assert (outlook.returns, outlook.certainty) == (True, "likely")


def test_below_a_waiting_shell() -> None:
    """Its end ends the shell; a stop ends the shell alone, and the plan ends this one too."""
    found = supervisord("autorestart=true", ("/bin/sh", "-c", "web; true"))
    killed, stop = found.outlook(), found.outlook("owner-stop")
    assert (killed.returns, killed.certainty, stop.ends) == (True, "likely", False)
    assert "kill 60" in found.contain().steps[2].command


def test_below_a_program_of_its_own() -> None:
    """Whether that starts it again is not guessed."""
    found = supervisord("autorestart=true", ("/usr/bin/master",))
    assert found.outlook().returns is None


def test_the_plan_for_supervisord() -> None:
    """Stop, then autostart=false in its section; a line that stands already is replaced."""
    freeze, stop, keep = supervisord("autostart=true").contain().steps
    assert [each.phase for each in (freeze, stop, keep)] == ["relieve", "hold", "close"]
    assert "sed '6s/.*/autostart=false/'" in keep.command
    line = "supervisorctl -c /etc/supervisor/supervisord.conf stop web"
    assert stop.command == f"kill -CONT 60 2>/dev/null; {line}"
    assert stop.undo == "supervisorctl -c /etc/supervisor/supervisord.conf start web"
    assert "sed '4a autostart=false'" in supervisord().contain().steps[2].command
    assert len(supervisord("autostart=false").contain().steps) == 2


def test_a_hostile_program_name_is_quoted() -> None:
    """Sections may be called anything that fits a line."""
    name = "a'b$(touch x)`y`"
    assert "stop 'a'\"'\"'b$(touch x)`y`'" in supervisord(name=name).contain().steps[1].command


def test_a_program_that_outlived_its_supervisord() -> None:
    """It comes back once its unit has started supervisord anew; where that has happened, it is one copy of two."""
    found = KeepersHost()
    found.line(WEB)
    found.files.add(f"/proc/{WORK}/environ", "SUPERVISOR_PROCESS_NAME=web\0")
    for state, returns in (("activating", True), ("active", False)):
        found.manager.loaded = {"x.service": {**SERVICE, "ActiveState": state, "MainPID": 0}}
        assert found.kinds() == ["supervisord-program", "systemd-service"]
        assert found.outlook().returns is returns
        assert found.outlook("owner-stop").ends is False
    assert "kill 60" in found.contain().steps[-1].command


# --- runit, s6, daemontools --------------------------------------------------------------------------------------

RUNIT = {"up": b"@" * 12 + b"\1\0\0\0\0u\0\1", "down": b"@" * 12 + b"\1\0\0\0\0d\0\1"}
DAEMONTOOLS = {"up": b"@" * 12 + b"\1\0\0\0\0u", "once": b"@" * 12 + b"\1\0\0\0\0\0"}
S6 = {"up": b"@" * 34 + b"\4", "down": b"@" * 34 + b"\0", "newer": b"@" * 42 + b"\14"}


def service(supervisor: str, status: bytes, folder: str = "/etc/sv/web", **files: str) -> KeepersHost:
    """Its supervisor's working directory is the service's folder."""
    found = KeepersHost()
    comm = supervisor[:15]
    found.line((f"/usr/bin/{supervisor}", "web"), WEB)
    found.process(59, "x", comm=comm, ppid=1, cgroup="/system.slice/x.service")
    found.files.add("/proc/59/exe", f"{LINK}/usr/bin/{supervisor}")
    found.files.add("/proc/59/cwd", f"{LINK}{folder}")
    found.files.add("/proc/59/cwd/supervise/status", status.decode("utf-8", "surrogateescape"))
    for name, text in files.items():
        found.files.add(f"/proc/59/cwd/{name}", text)
    return found


@pytest.mark.parametrize(
    ("supervisor", "status", "kind", "returns"),
    [
        ("runsv", RUNIT["up"], "runit-service", True),
        ("runsv", RUNIT["down"], "runit-service", False),
        ("runsv", b"short", "runit-service", None),
        ("supervise", DAEMONTOOLS["up"], "daemontools-service", True),
        ("supervise", DAEMONTOOLS["once"], "daemontools-service", False),
        ("s6-supervise", S6["up"], "s6-service", True),
        ("s6-supervise", S6["newer"], "s6-service", True),
        ("s6-supervise", S6["down"], "s6-service", False),
        ("s6-supervise", b"", "s6-service", None),
    ],
)
def test_what_is_wanted_stands_in_the_status_file(
    supervisor: str, status: bytes, kind: str, returns: bool | None
) -> None:
    """Wanted up: every end is answered. Told to run once: none is. Another format: not known."""
    found = service(supervisor, status)
    assert found.kinds() == [kind, "systemd-service"]
    assert [found.outlook(action).returns for action in ("sigkill", "clean-exit")] == [returns, returns]
    assert found.outlook("owner-stop").returns is False


def test_a_down_file_decides_over_a_new_supervisor() -> None:
    """And over the reboot."""
    assert service("runsv", RUNIT["up"], down="").outlook("reboot").returns is False
    assert service("runsv", RUNIT["up"]).outlook("reboot").returns is True


def test_the_plan_for_a_service() -> None:
    """Down, then the file; the undo is the other way round."""
    _, down, keep = service("runsv", RUNIT["up"], "/etc/sv/my web").contain().steps
    file = "'/etc/sv/my web/down'"
    assert (keep.command, keep.undo) == (f"[ ! -L {file} ] && touch {file}", f"rm {file}")
    assert (down.command, down.undo) == (
        "kill -CONT 60 2>/dev/null; sv down '/etc/sv/my web'",
        "sv up '/etc/sv/my web'",
    )
    _, only = service("s6-supervise", S6["down"], down="").contain().steps
    assert (only.command, only.undo) == ("kill -CONT 60 2>/dev/null; s6-svc -d /etc/sv/web", "s6-svc -O /etc/sv/web")


def test_a_service_in_a_container_is_stopped_there_and_the_container_goes_on() -> None:
    """By its suite's own program, where s6-overlay has it; where none is found, the container is held."""
    container_id, folder = "c0ffee" * 10 + "beef", "/run/service/svc-sonarr"
    found = service("s6-supervise", S6["up"], folder)
    found.engine = EngineWith([], [])
    scope = f"/system.slice/docker-{container_id}.scope"
    for pid, parent in ((59, 58), (60, 59)):
        comm = "s6-supervise" if pid == 59 else "x"
        found.process(pid, "x", comm=comm, ppid=parent, cgroup=scope, namespaces=(pid, pid - 50))
    found.files.add("/proc/59/exe", f"{LINK}/usr/bin/s6-supervise")
    found.files.add("/proc/59/root/command/s6-svc", "ELF")
    steps = found.contain().steps
    stop = next(each for each in steps if each.title == "Stop it")
    assert stop.command.endswith(f"docker exec {container_id[:12]} /command/s6-svc -d {folder}")
    assert stop.undo == f"docker exec {container_id[:12]} /command/s6-svc -u {folder}"
    assert not any("pause" in each.command or "docker stop" in each.command for each in steps)


# --- monit -------------------------------------------------------------------------------------------------------

MONITRC = """\
# check process old with pidfile "/x"
set daemon 30   # seconds
set httpd port 2812 and allow localhost
check process web with pidfile "/run/web.pid"
  start program = "/etc/init.d/web start" with timeout 10 seconds
  stop program = "/etc/init.d/web stop"
  {lines}
check system box
"""


def watched(lines: str = "", *, monitored: int = 1, pid: int = WORK) -> KeepersHost:
    """A process without a parent that monit (PID 50) started."""
    found = KeepersHost()
    found.line(WEB)
    found.process(50, "x", comm="monit", cgroup="/system.slice/x.service")
    found.files.add("/proc/50/cmdline", "/usr/bin/monit\0-c\0/etc/monit/monitrc\0")
    found.files.add("/run/monit.pid", "50\n")
    found.files.add("/run/web.pid", f"{pid}\n")
    found.files.add("/proc/60/environ", "MONIT_SERVICE=web\0SECRET=x\0")
    found.files.add("/etc/monit/monitrc", MONITRC.replace("{lines}", lines))
    record = b"web".ljust(256, b"\0") + struct.pack("<ii", 3, monitored) + b"\0" * 128
    found.files.add("/var/lib/monit/state", (struct.pack("<iiq", 0, 4, 1) + record).decode("latin-1"))
    return found


@pytest.mark.parametrize(
    ("lines", "monitored", "returns"),
    [
        ("", 1, True),
        ("", 0, False),
        ("mode passive", 1, False),
        ("if does not exist then alert", 1, False),
        ("if not exist for 3 cycles then restart", 1, True),
        ("if does not exist then exec /bin/mend", 1, None),
    ],
)
def test_monit_by_what_its_file_says(lines: str, monitored: int, returns: bool | None) -> None:
    """And by what its state file says: whether it watches the process at all."""
    found = watched(lines, monitored=monitored)
    assert found.kinds() == ["monit-service", "systemd-service"]
    assert found.outlook().returns is returns
    assert found.outlook("owner-daemon-restart").ends is False


def test_when_monit_looks_next_is_not_known() -> None:
    """Only how often: so no delay is promised."""
    outlook = watched().outlook()
    assert outlook.after_s is None
    assert "within 30 s" in outlook.why


def test_a_copy_that_the_pid_file_does_not_name() -> None:
    """Monit looks for the other one alone."""
    assert watched(pid=77).outlook().returns is False


def test_a_mark_without_a_check_is_no_owner() -> None:
    """A grandchild inherits the environment, and so does whoever was started by hand from there."""
    found = watched()
    found.files.add("/etc/monit/monitrc", "set daemon 30\n")
    assert found.kinds() == ["systemd-service"]


def test_a_master_between_is_nearer_than_monit() -> None:
    """Workers inherit the mark; their master brings them back, and monit the master."""
    found = watched()
    found.process(60, "x", comm="gunicorn", ppid=1, cgroup="/system.slice/x.service")
    found.process(61, "x", comm="gunicorn", ppid=60, cgroup="/system.slice/x.service")
    for pid, role in ((60, "master"), (61, "worker")):
        found.files.add(f"/proc/{pid}/cmdline", f"gunicorn: {role} [app]\0")
        found.files.add(f"/proc/{pid}/environ", "MONIT_SERVICE=web\0")
        found.files.add(f"/proc/{pid}/exe", f"{LINK}/usr/bin/python3.11")
    assert found.kinds(61)[:2] == ["app-master", "monit-service"]


def test_the_plan_for_monit() -> None:
    """`mode passive` as the check's last line, and a reload, in one command and in its undo."""
    first = watched("mode active").contain().steps[1]
    assert "sed '7a mode passive'" in first.command
    assert first.command.count("&& monit reload") == 1
    assert first.undo is not None
    assert first.undo.endswith("&& monit reload")


@pytest.mark.parametrize("text", ["", "check process", 'check process "', "set daemon x", "include", "\0\"'#"])
def test_no_control_file_breaks_it(text: str) -> None:
    """It may be anything."""
    monitrc.parse(list(monitrc.tokenized(text, "x")))
    assert monitrc.monitored(text, "web") is None
