"""pm2, circus, forever, nodemon and an init: what each does about an end; and what holds for every supervisor."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from owners.keepers_host import HOSTILE, SERVICE, KeepersHost
from owners.test_supervisors import RUNIT, WEB, service, supervisord, watched
from preflight.host_world import LINK

from runaway_watchdog.model.owner import ACTIONS, Action
from runaway_watchdog.owners import forever, monit, pm2, sysv
from runaway_watchdog.world import pm2 as pm2_files

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
    found.files.add("/proc/59/exe", f"{LINK}/usr/bin/node")
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
    assert "".join("R" if found.outlook(action).returns else "-" for action in actions) == returns


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
    saved, stopped = (json.dumps([{"name": "web", "status": status}]) for status in ("online", "stopped"))
    for dump, returns in ((saved, True), (stopped, False), (None, False)):
        assert app(dump=dump, cgroup=in_unit).outlook("reboot").returns is returns
        assert app(dump=dump, cgroup=in_unit).outlook("owner-daemon-restart").returns is returns
    assert app().outlook("reboot").returns is True
    unstarted = app(dump=saved)
    unstarted.manager.loaded = {"session-1.scope": {"ActiveState": "active"}}
    assert unstarted.outlook("reboot").returns is False


def test_the_plan_for_pm2() -> None:
    """Stop, and save that it is stopped; the list that was saved before is the undo."""
    _, stop, save = app(dump='[{"name":"web","status":"online"}]').contain().steps
    assert stop.command == "kill -CONT 60 2>/dev/null; env PM2_HOME='/home/al ice/.pm2' pm2 stop 3"
    assert save.command.count("pm2 save") == 1
    assert save.undo is not None
    assert save.undo.endswith("'/home/al ice/.pm2/dump.pm2'")
    assert len(app().contain().steps) == 2


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
    assert circus(command="something else").outlook().returns is None


def test_circus_by_respawn_and_autostart() -> None:
    """It looks from time to time, so no delay is promised."""
    outlook = circus().outlook()
    assert (outlook.returns, outlook.after_s) == (True, None)
    assert circus("respawn = False").outlook().returns is False
    assert circus("autostart = False").outlook("owner-daemon-restart").returns is False
    _, stop, keep = circus().contain().steps
    assert "sed '5a autostart = False'" in keep.command
    assert stop.command == "kill -CONT 60 2>/dev/null; /opt/venv/bin/circusctl stop web"


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
    assert [found.outlook(action).returns for action in ("sigkill", "clean-exit")] == [returns, returns]
    relief, freeze, end = found.contain().steps
    assert "kill -STOP 60" in relief.command
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
    owner = found.layers()[0].owner.told()
    assert (owner.kind, owner.facts["line"]) == ("openrc-service", 3)
    assert (found.outlook().returns, found.outlook().certainty) == (True, "likely")
    assert "telinit q" in found.contain().steps[1].command
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
        assert found.outlook(action).action == action
        assert found.outlook(action).why
    for step in found.contain().steps:
        assert step.command
        assert step.effect
        assert step.check
        assert step.undo or "no undo" in step.effect


@pytest.mark.parametrize("kind", [monit, forever, sysv])
def test_hostile_names_are_claimed_without_harm(kind: Any) -> None:
    """Claims are pure, and take any text."""
    found = KeepersHost()
    found.line((HOSTILE, HOSTILE), (HOSTILE,))
    found.files.add("/proc/60/environ", f"MONIT_SERVICE={HOSTILE}\0")
    assert found.layers()
    assert kind.KINDS
