"""supervisord, runit and its kin, monit, pm2, circus, forever, an init: what each does about an end, and how it is
told to stop. What the rig saw is held here in small."""

import struct
from collections.abc import Mapping
from typing import Any

import pytest
from owners.keepers_host import HOSTILE, SERVICE, WORK, KeepersHost
from preflight.host_world import LINK

from runaway_watchdog.model.owner import ACTIONS, Action
from runaway_watchdog.owners import forever, monit, pm2, sysv
from runaway_watchdog.world import monitrc
from runaway_watchdog.world import pm2 as pm2_files

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
        found.processes = [{"name": name, "group": name, "pid": main, "statename": "RUNNING"}]
    found.files.status = lambda _: ["file", 1, 0.0, 0]  # type: ignore[method-assign,assignment]
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
    assert "".join("R" if found.fate(action).returns else "-" for action in actions) == returns
    assert found.fate("owner-stop").returns is False


def test_autostart_decides_over_a_new_supervisord() -> None:
    """A restart of supervisord, and a reboot where its unit is enabled."""
    for settings, returns in (("", True), ("autostart=false", False)):
        found = supervisord(settings)
        assert [found.fate(action).returns for action in ("owner-daemon-restart", "reboot")] == [returns, returns]
    assert [layer.owner.name for layer in supervisord().layers()] == ["web", "x.service"]


def test_a_supervisord_that_does_not_answer_is_told_from_its_file() -> None:
    """The mark in the environment names the program; nothing is certain then."""
    fate = supervisord("autorestart=true", asked=False).fate()
    assert (fate.returns, fate.certainty) == (True, "likely")


def test_below_a_waiting_shell() -> None:
    """Its end ends the shell; a stop ends the shell alone, and the plan ends this one too."""
    found = supervisord("autorestart=true", ("/bin/sh", "-c", "web; true"))
    killed, stop = found.fate(), found.fate("owner-stop")
    assert (killed.returns, killed.certainty, stop.ends) == (True, "likely", False)
    assert "kill 60" in found.hold().steps[-1].command


def test_below_a_program_of_its_own() -> None:
    """Whether that starts it again is not guessed."""
    found = supervisord("autorestart=true", ("/usr/bin/master",))
    assert found.fate().returns is None


def test_the_plan_for_supervisord() -> None:
    """autostart=false in its section, then stop; a line that stands already is replaced."""
    keep, stop = supervisord("autostart=true").hold().steps
    assert "sed '6s/.*/autostart=false/'" in keep.command
    assert stop.command == "supervisorctl -c /etc/supervisor/supervisord.conf stop web"
    assert stop.undo == "supervisorctl -c /etc/supervisor/supervisord.conf start web"
    assert "sed '4a autostart=false'" in supervisord().hold().steps[0].command
    assert len(supervisord("autostart=false").hold().steps) == 1


def test_a_hostile_program_name_is_quoted() -> None:
    """Sections may be called anything that fits a line."""
    name = "a'b$(touch x)`y`"
    assert "stop 'a'\"'\"'b$(touch x)`y`'" in supervisord(name=name).hold().steps[-1].command


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
    assert [found.fate(action).returns for action in ("sigkill", "clean-exit")] == [returns, returns]
    assert found.fate("owner-stop").returns is False


def test_a_down_file_decides_over_a_new_supervisor() -> None:
    """And over the reboot."""
    assert service("runsv", RUNIT["up"], down="").fate("reboot").returns is False
    assert service("runsv", RUNIT["up"]).fate("reboot").returns is True


def test_the_plan_for_a_service() -> None:
    """The file first, then down; the undo is the other way round."""
    keep, down = service("runsv", RUNIT["up"], "/etc/sv/my web").hold().steps
    assert (keep.command, keep.undo) == ("touch '/etc/sv/my web/down'", "rm '/etc/sv/my web/down'")
    assert (down.command, down.undo) == ("sv down '/etc/sv/my web'", "sv up '/etc/sv/my web'")
    (only,) = service("s6-supervise", S6["down"], down="").hold().steps
    assert (only.command, only.undo) == ("s6-svc -d /etc/sv/web", "s6-svc -O /etc/sv/web")


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
    assert found.fate().returns is returns
    assert found.fate("owner-daemon-restart").ends is False


def test_when_monit_looks_next_is_not_known() -> None:
    """Only how often: so no delay is promised."""
    fate = watched().fate()
    assert fate.after_s is None
    assert "within 30 s" in fate.why


def test_a_copy_that_the_pid_file_does_not_name() -> None:
    """Monit looks for the other one alone."""
    assert watched(pid=77).fate().returns is False


def test_a_mark_without_a_check_is_no_owner() -> None:
    """A grandchild inherits the environment, and so does whoever was started by hand from there."""
    found = watched()
    found.files.add("/etc/monit/monitrc", "set daemon 30\n")
    assert found.kinds() == ["systemd-service"]


def test_the_plan_for_monit() -> None:
    """`mode passive` as the check's last line, and a reload, in one command and in its undo."""
    first = watched("mode active").hold().steps[0]
    assert "sed '7a mode passive'" in first.command
    assert first.command.count("&& monit reload") == 1
    assert first.undo is not None
    assert first.undo.endswith("&& monit reload")


@pytest.mark.parametrize("text", ["", "check process", 'check process "', "set daemon x", "include", "\0\"'#"])
def test_no_control_file_breaks_it(text: str) -> None:
    """It may be anything."""
    monitrc.parse(list(monitrc.tokenized(text, "x")))
    assert monitrc.monitored(text, "web") is None


# --- pm2 ---------------------------------------------------------------------------------------------------------

GOD = "PM2 v7.0.4: God Daemon (/home/al ice/.pm2)"
APP: Mapping[str, Any] = {"pm_id": 3, "name": "web", "exec_mode": "fork_mode", "autorestart": "true"}


def app(
    *, cgroup: str = "/user.slice/user-0.slice/session-1.scope", dump: str | None = None, **settings: Any
) -> KeepersHost:
    """An app of pm2; its daemon's title is one argument, with blanks behind it."""
    found = KeepersHost()
    found.line(("/usr/bin/node",), WEB, cgroup=cgroup)
    found.process(59, "x", comm="PM2 v7.0.4: God", cgroup=cgroup)
    found.files.add("/proc/59/cmdline", f"{GOD}\0\0\0   \0")
    values = {**APP, **settings}
    found.files.add("/proc/60/environ", "".join(f"{key}={value}\0" for key, value in values.items()))
    if dump is not None:
        found.files.add("/home/al ice/.pm2/dump.pm2", dump)
    found.manager.loaded = {
        "session-1.scope": {"ActiveState": "active"},
        "pm2-root.service": {**SERVICE, "MainPID": 59},
    }
    return found


@pytest.mark.parametrize(
    ("settings", "returns"),
    [
        # sigterm, sigkill, clean-exit, failure-exit
        ({}, "RRRR"),
        ({"autorestart": "false"}, "----"),
        ({"stop_exit_codes": "0"}, "---R"),
        ({"stop_exit_codes": "1,2"}, "RRR-"),
    ],
)
def test_pm2_counts_a_signal_as_exit_code_0(settings: dict[str, str], returns: str) -> None:
    """So `stop_exit_codes: [0]` lets a kill -9 end it for good."""
    found = app(**settings)
    actions: tuple[Action, ...] = ("sigterm", "sigkill", "clean-exit", "failure-exit")
    assert "".join("R" if found.fate(action).returns else "-" for action in actions) == returns


def test_cluster_mode_has_its_settings_in_one_variable() -> None:
    """In JSON, and nothing else of it is kept."""
    text = '{"name":"clu","pm_id":1,"exec_mode":"cluster_mode","stop_exit_codes":[0],"restart_delay":500}'
    found = pm2_files.settings(f"NODE_UNIQUE_ID=1\0pm2_env={text}\0")
    assert found is not None
    assert (found.id, found.name, found.cluster, found.stop_codes, found.restart_delay_s) == (
        "1",
        "clu",
        True,
        (0,),
        0.5,
    )
    assert pm2_files.settings("PATH=/bin\0") is None
    assert pm2_files.settings("pm2_env={[[[\0") is None


def test_what_was_saved_comes_back_at_boot() -> None:
    """By the unit that `pm2 startup` made; where pm2 itself is not in that, a shutdown makes it save what runs."""
    in_unit = "/system.slice/pm2-root.service"
    saved, stopped = ('[{"name":"web","status":"%s"}]' % status for status in ("online", "stopped"))
    for dump, returns in ((saved, True), (stopped, False), (None, False)):
        assert app(dump=dump, cgroup=in_unit).fate("reboot").returns is returns
        assert app(dump=dump, cgroup=in_unit).fate("owner-daemon-restart").returns is returns
    assert app().fate("reboot").returns is True
    unstarted = app(dump=saved)
    unstarted.manager.loaded = {"session-1.scope": {"ActiveState": "active"}}
    assert unstarted.fate("reboot").returns is False


def test_the_plan_for_pm2() -> None:
    """Stop, and save that it is stopped; the list that was saved before is the undo."""
    stop, save = app(dump='[{"name":"web","status":"online"}]').hold().steps
    assert stop.command == "env PM2_HOME='/home/al ice/.pm2' pm2 stop 3"
    assert save.command.count("pm2 save") == 1
    assert save.undo is not None
    assert save.undo.endswith("'/home/al ice/.pm2/dump.pm2'")
    assert len(app().hold().steps) == 1


def test_god_is_known_by_its_title() -> None:
    """Not by a program that only has pm2 in its arguments."""
    found = app()
    found.files.add("/proc/59/cmdline", "vim\0PM2 notes (God Daemon).txt\0")
    assert "pm2-app" not in found.kinds()
    assert pm2.GOD.fullmatch(GOD)


# --- circus, forever, nodemon, init ------------------------------------------------------------------------------

CIRCUS = ("/opt/venv/bin/python3", "/opt/venv/bin/circusd", "/etc/circus.ini")


def circus(lines: str = "", *, command: str = "/usr/bin/web --port $(circus.wid)0") -> KeepersHost:
    found = KeepersHost()
    found.line(CIRCUS, ("/usr/bin/web", "--port", "10"))
    text = f"[circus]\ncheck_delay = 2\n[watcher:other]\ncmd = other\n[watcher:web]\ncmd = {command}\n{lines}\n"
    found.files.add("/etc/circus.ini", text)
    found.files.add("/opt/venv/bin/circusctl", "")
    return found


def test_a_watcher_is_found_by_its_command() -> None:
    """A variable of circus stands for any word; where two fit nobody guesses."""
    owner = circus().layers()[0].owner
    assert (owner.kind, owner.name) == ("circus-watcher", "web")
    assert circus(command="something else").fate().returns is None


def test_circus_by_respawn_and_autostart() -> None:
    """It looks from time to time, so no delay is promised."""
    fate = circus().fate()
    assert (fate.returns, fate.after_s) == (True, None)
    assert circus("respawn = False").fate().returns is False
    assert circus("autostart = False").fate("owner-daemon-restart").returns is False
    keep, stop = circus().hold().steps
    assert "sed '5a autostart = False'" in keep.command
    assert stop.command == "/opt/venv/bin/circusctl stop web"


@pytest.mark.parametrize(
    ("words", "returns"),
    [
        (("/usr/bin/node", "/usr/lib/node_modules/forever/bin/monitor", "app.js"), True),
        (("node", "/usr/bin/nodemon", "app.js"), False),
    ],
)
def test_forever_answers_and_nodemon_waits(words: tuple[str, ...], returns: bool) -> None:
    """The plan freezes whichever it is, and then ends the app: all its options are kept."""
    found = KeepersHost()
    found.line(words, ("/usr/bin/node", "/srv/app.js"))
    assert found.kinds()[0] == "forever-app"
    assert [found.fate(action).returns for action in ("sigkill", "clean-exit")] == [returns, returns]
    freeze, end = found.hold().steps
    assert "kill -STOP 59" in freeze.command
    assert "kill 60" in end.command


def test_an_inittab_line() -> None:
    """Of an init that is not systemd; what it merely inherited is none of its lines'."""
    table = "# x\n1:2345:respawn:/sbin/getty 38400 tty1\n::respawn:-/usr/bin/web --port 80\n::once:/bin/true\n"
    found = KeepersHost()
    found.line(WEB)
    found.process(1, "init", comm="init", ppid=0)
    found.files.add("/proc/1/exe", f"{LINK}/sbin/init")
    found.files.add("/etc/inittab", table)
    found.process(60, "x", comm="web", ppid=1)
    found.files.add("/proc/60/cmdline", "\0".join((*WEB, "")))
    owner = found.layers()[0].owner
    assert (owner.kind, owner.facts["line"]) == ("openrc-service", 3)
    assert (found.fate().returns, found.fate().certainty) == (True, "likely")
    assert "telinit q" in found.hold().steps[0].command
    found.files.add("/proc/60/cmdline", "/usr/bin/other\0")
    assert found.kinds() == ["unmanaged"]


def test_the_init_of_systemd_is_none_of_these() -> None:
    """/sbin/init is its name there too."""
    found = KeepersHost()
    found.line(WEB)
    found.files.add("/proc/1/exe", f"{LINK}/usr/lib/systemd/systemd")
    found.files.add("/etc/inittab", "::respawn:/usr/bin/web --port 80\n")
    assert found.kinds() == ["systemd-service"]


# --- all of them -------------------------------------------------------------------------------------------------

HOSTS = {
    "supervisord": supervisord(),
    "runit": service("runsv", RUNIT["up"]),
    "monit": watched(),
    "pm2": app(),
    "circus": circus(),
}


@pytest.mark.parametrize("name", HOSTS)
def test_every_action_has_an_answer(name: str) -> None:
    """And every step is complete: an effect, a check, and an undo or a reason for none."""
    found = HOSTS[name]
    for action in ACTIONS:
        assert found.fate(action).action == action
        assert found.fate(action).why
    for step in found.hold().steps:
        assert step.command
        assert step.effect
        assert step.verify
        assert step.undo or "no undo" in step.effect


@pytest.mark.parametrize("kind", [monit, forever, sysv])
def test_hostile_names_are_claimed_without_harm(kind: Any) -> None:
    """Claims are pure, and take any text."""
    found = KeepersHost()
    found.line((HOSTILE, HOSTILE), (HOSTILE,))
    found.files.add("/proc/60/environ", f"MONIT_SERVICE={HOSTILE}\0")
    assert found.layers()
    assert kind.KINDS
