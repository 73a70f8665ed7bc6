"""Second starters: whoever starts a unit or a program beside its own manager, told, and held back by the plan."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from hypothesis import given, strategies as st
from owners.keepers_host import NOW, SERVICE, WORK, KeepersHost
from preflight.host_world import LINK

from runaway_watchdog import owners
from runaway_watchdog.effects.host import units
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.model.casefile import History
from runaway_watchdog.model.owner import Action, Outlook
from runaway_watchdog.model.plan import Containment
from runaway_watchdog.owners.starters import execs, naming
from runaway_watchdog.owners.starters.naming import Names, Place
from runaway_watchdog.preflight.sequence import Shell, judge
from runaway_watchdog.world import StartFiles, World
from runaway_watchdog.world.running_scripts import RunningScript
from runaway_watchdog.world.startup import Kind, StartFile, Startup

GHOST = Names(units=frozenset(("ghost.service",)))
PROGRAM = Names(programs=frozenset(("/root/.config/cron/perfcc",)))
KEEP = "#!/bin/sh\nsystemctl is-active -q ghost || systemctl restart ghost\n"
STARTS_A_UNIT = [
    "systemctl restart ghost",
    "/bin/systemctl --no-block start ghost.service",
    "systemctl -q is-active ghost || systemctl start other ghost",
    "if ! pgrep -x ghost; then systemctl start 'ghost'; fi",
    "sudo systemctl restart ghost",
    "systemctl enable --now ghost",
    "service ghost start",
    "invoke-rc.d --quiet ghost restart",
    "/etc/init.d/ghost start",
    "UNIT=ghost\nsystemctl restart $UNIT",
    'UNIT=ghost.service; systemctl restart "${UNIT}"',
    "for unit in nginx ghost; do systemctl is-active $unit || systemctl start $unit; done",
    "sh -c 'systemctl restart ghost'",
    "subprocess.run(['systemctl', 'restart', 'ghost'], check=True)",
    'os.system("systemctl restart ghost")',
    "systemctl \\\n  restart ghost",
]
STARTS_NO_UNIT = [
    "systemctl stop ghost",
    "systemctl status ghost",
    "systemctl try-restart ghost",
    "systemctl restart ghostwriter",
    "systemctl enable ghost",
    "# systemctl restart ghost",
    "true # systemctl restart ghost",
    "echo systemctl restart ghost",
    "ssh web2 systemctl restart ghost",
    "docker exec web systemctl restart ghost",
    "systemctl -H web2 restart ghost",
    "systemctl -M box restart ghost",
    "systemctl --user restart ghost",
    "service ghost status",
    "/etc/init.d/ghost stop",
    "journalctl -u ghost; systemctl restart other",
    "logger 'ghost: systemctl restart ghost'",
]
STARTS_A_PROGRAM = [
    "/root/.config/cron/perfcc",
    "pgrep -x perfcc || /root/.config/cron/perfcc --quiet",
    "nohup setsid /root/.config/cron/perfcc &",
    "flock -n /run/x.lock timeout 5m /root/.config/cron/perfcc",
    "cd /root/.config/cron && ./perfcc",
    "bash /root/.config/cron/perfcc",
    "sudo -u root /root/.config/cron/perfcc",
    "su - root -c '/root/.config/cron/perfcc'",
    "[ -x /root/.config/cron/perfcc ] && exec /root/.config/cron/perfcc",
    "~/.config/cron/perfcc",
    "$HOME/.config/cron/perfcc",
    "D=/root/.config/cron\n$D/perfcc",
]
STARTS_NO_PROGRAM = [
    "rm -f /root/.config/cron/perfcc",
    "pkill -f /root/.config/cron/perfcc",
    "sudo rm /root/.config/cron/perfcc",
    "[ -x /root/.config/cron/perfcc ]",
    "ls -l /root/.config/cron/perfcc",
    "rsync -a /root/.config/cron/perfcc web2:",
    "/root/.config/cron/perfcc2",
    "cd /srv && ./perfcc",
    "# /root/.config/cron/perfcc",
]


@pytest.mark.parametrize("text", STARTS_A_UNIT)
def test_a_text_that_starts_a_unit(text: str) -> None:
    """In any of the ways in which scripts, crontabs and programs write it."""
    found = naming.said(text, GHOST, Place())
    assert found is not None
    assert found.as_root == ("sudo" in text)


@pytest.mark.parametrize("text", STARTS_NO_UNIT)
def test_a_text_that_does_not(text: str) -> None:
    """What ends it, asks for it, prints it, or speaks to another manager."""
    assert naming.said(text, GHOST, Place()) is None


@pytest.mark.parametrize("text", STARTS_A_PROGRAM)
def test_a_text_that_starts_a_program(text: str) -> None:
    """Where the program of a command stands, behind whatever runs another one."""
    assert naming.said(text, PROGRAM, Place(home="/root")) is not None


@pytest.mark.parametrize("text", STARTS_NO_PROGRAM)
def test_a_text_that_only_names_a_program(text: str) -> None:
    """What deletes, ends, copies or looks at it."""
    assert naming.said(text, PROGRAM, Place(home="/root")) is None


def test_a_users_own_manager_is_another_one() -> None:
    """`systemctl --user` of that user, or of root for that user."""
    names = GHOST._replace(manager="bob")
    assert naming.said("systemctl --user restart ghost", names, Place()) is not None
    assert naming.said("systemctl --user -M bob@ restart ghost", names, Place()) is not None
    assert naming.said("systemctl --user -M eve@ restart ghost", names, Place()) is None
    assert naming.said("systemctl restart ghost", names, Place()) is None


def test_a_common_program_needs_its_whole_command_line() -> None:
    """/usr/bin/python3 is in many lines; the same words are the same work."""
    names = Names(command=("/usr/bin/rsync", "-a", "/srv/", "web2:"))
    assert naming.said("nice rsync -a /srv/ web2:", names, Place()) is not None
    assert naming.said("rsync -a /home/ web2:", names, Place()) is None


@given(st.text(alphabet=string.printable + "ghost$", max_size=300))
def test_any_text_is_read_without_harm(text: str) -> None:
    """A crontab holds whatever people typed."""
    naming.said(f"ghost perfcc {text}", GHOST._replace(programs=PROGRAM.programs), Place())
    list(naming.scripts(text, Place()))


# --- on a host ---------------------------------------------------------------------------------------------------


class Starting:
    """What a host runs by itself, as a test has it."""

    def __init__(self, host: Host) -> None:
        self._files, self._scripts, self._whole, self._running = host.starting, host.scripts, host.whole, host.running

    def found(self) -> Startup:
        return Startup(tuple(self._files), self._whole)

    def running(self) -> Sequence[RunningScript]:
        return self._running

    def script(self, path: str, user: str) -> str | None:  # noqa: ARG002
        return self._scripts.get(path)


class Host(KeepersHost):
    """One with second starters."""

    starting: tuple[StartFile, ...] = ()
    scripts: Mapping[str, str] = {}
    whole = True
    running: tuple[RunningScript, ...] = ()

    def start(self, kind: Kind, path: str, text: str, user: str = "root") -> None:
        self.files.add(path, text)
        self.starting = (*self.starting, StartFile(kind, path, user, text))

    @property
    def world(self) -> World:
        return super().world._replace(startup=cast(StartFiles, Starting(self)))

    def predicted(self, action: Action = "owner-stop") -> Outlook:
        return owners.outlook(owners.with_starters(self.layers(), self.world), action)

    def held(self) -> Containment:
        return owners.contain(owners.with_starters(self.layers(), self.world))


def ghost(**changes: object) -> Host:
    """A unit of the system whose own policy does not act on a stop."""
    host = Host()
    host.scripts = {"/usr/local/bin/keep.sh": KEEP}
    host.manager.loaded = {"ghost.service": {**SERVICE, "KillMode": "control-group", "MainPID": WORK, **changes}}
    host.line(("/opt/ghost/ghostd", "--serve"), cgroup="/system.slice/ghost.service")
    return host


def test_a_line_of_roots_crontab() -> None:
    """Through the script that it runs: told with its next time, and held before the unit is stopped."""
    host = ghost()
    assert host.predicted().returns is False
    host.start("crontab", "/var/spool/cron/crontabs/root", "# x\n* * * * * keep.sh\n")
    stop = host.predicted()
    assert (stop.returns, stop.by, stop.certainty) == (True, "line 2 of root's crontab", "likely")
    assert stop.after_s == 60 - NOW % 60
    assert "it runs /usr/local/bin/keep.sh, which runs `systemctl restart ghost`" in stop.why
    layer = owners.with_starters(host.layers(), host.world)[0]
    said = "line 2 of root's crontab: it runs /usr/local/bin/keep.sh, which runs `systemctl restart ghost`"
    assert layer.told().facts["second_starters"] == [said]
    held = host.held()
    titles = [step.title for step in held.steps]
    assert titles.index("Keep cron from starting it again") < titles.index("Stop it")
    assert "hold back line 2 of root's crontab" in held.goal
    line = next(step for step in held.steps if step.title == "Keep cron from starting it again")
    assert line.undo is not None
    assert "sed '2s/^/# held: /'" in line.command


@pytest.mark.parametrize(
    ("line", "script", "returns"),
    [
        ("/opt/check.sh ghost", 'systemctl is-active -q "$1" || systemctl restart "$1"', True),
        ("/opt/check.sh nginx ghost >/dev/null", "for unit in $@; do systemctl start ${unit}; done", True),
        ("cd /opt && ./check.sh ghost", "UNIT=$1.service\nsystemctl start $UNIT", True),
        ("/opt/check.sh nginx", 'systemctl restart "$1" # ghost', False),
        ("/opt/check.sh nginx ghost", 'systemctl restart "$1"', False),
        ("/opt/check.sh ghost", 'systemctl stop "$1"', False),
        ("/opt/check.sh", 'systemctl restart "$1" # ghost', False),
    ],
)
def test_a_script_that_is_given_the_units_name(line: str, script: str, returns: bool) -> None:
    """One script for every service of the host, each line with another name."""
    host = ghost()
    host.scripts = {"/opt/check.sh": f"#!/bin/sh\n{script}\n"}
    host.start("crontab", "/etc/cron.d/check", f"* * * * * root {line}\n")
    assert host.predicted().returns is returns


def test_what_may_not_be_read_makes_a_stop_less_sure() -> None:
    """Without root's rights, a crontab of root's may start it again."""
    host = ghost()
    assert host.predicted().certainty == "certain"
    host.whole = False
    stop = host.predicted()
    assert (stop.returns, stop.certainty) == (False, "likely")
    assert "could be read" in stop.why


def test_a_users_crontab_cannot_restart_a_unit_of_the_system() -> None:
    """Without rights it is no starter; with sudo it may be one."""
    host = ghost()
    host.start("crontab", "/var/spool/cron/crontabs/bob", "* * * * * systemctl restart ghost\n", "bob")
    assert host.predicted().returns is False
    host.start("crontab", "/var/spool/cron/crontabs/eve", "* * * * * sudo systemctl restart ghost\n", "eve")
    assert host.predicted().by == "line 1 of eve's crontab"


@pytest.mark.parametrize("script", [KEEP, None])
def test_another_unit(script: str | None) -> None:
    """One that goes round for ever starts it again; one that did so once, at its own start, does not."""
    host = ghost()
    watch = {**SERVICE, "MainPID": 0, "UnitFileState": "enabled"}
    host.manager.loaded = {**host.manager.loaded, "watch.service": watch}
    host.scripts = {"/opt/watch.sh": f"while :; do {KEEP}\n sleep 1; done" if script else KEEP}
    host.start("unit", "/etc/systemd/system/watch.service", "[Service]\nExecStart=-/opt/watch.sh\n")
    assert (host.predicted().returns, host.predicted("reboot").returns) == (bool(script), True)
    commands = [step.command for step in host.held().steps]
    assert ("systemctl stop watch.service" in commands) == bool(script)
    assert "systemctl disable watch.service" in commands


def test_the_unit_itself_is_no_second_starter() -> None:
    """Its own ExecStart= names its program, of course."""
    host = ghost()
    host.start("unit", "/etc/systemd/system/ghost.service", "[Service]\nExecStart=/opt/ghost/ghostd --serve\n")
    assert host.predicted("sigterm").returns is False
    assert host.held().remaining_triggers == ghost().held().remaining_triggers


@pytest.mark.parametrize(
    ("line", "acts"),
    [
        ("if [ ! -d /run/systemd/system ]; then invoke-rc.d ghost start; fi", False),
        ("[ -d /run/systemd/system ] && exit 0; service ghost start", False),
        ("[ -d /run/systemd/system ] && systemctl restart ghost", True),
    ],
)
def test_what_is_meant_for_another_init(line: str, acts: bool) -> None:
    """Packages bring lines that do nothing where systemd runs."""
    host = ghost()
    host.start("crontab", "/etc/cron.d/ghost", f"30 7 * * * root {line}\n")
    assert (host.predicted().by == "line 1 of /etc/cron.d/ghost") == acts


def test_a_helper_of_a_unit_is_not_brought_back_with_it() -> None:
    """The unit is up all the time, and its watchdog has nothing to do."""
    host = ghost(MainPID=55)
    host.start("crontab", "/etc/cron.d/keep", "* * * * * root keep.sh\n")
    assert host.predicted("sigkill").by != "line 1 of /etc/cron.d/keep"


def test_a_program_that_nobody_owns() -> None:
    """Its own file is in a crontab, or a login starts it."""
    host = Host()
    host.line(("/root/.config/cron/perfcc",), cgroup="/")
    assert host.predicted("sigkill").returns is False
    host.start("login", "/root/.profile", "# x\n/root/.config/cron/perfcc &\n")
    assert host.predicted("sigkill").returns is False
    assert [step.phase for step in host.held().steps] == ["relieve", "hold", "close"]
    assert "sed '2s/^/: # held: /'" in host.held().steps[-1].command
    host.start("crontab", "/var/spool/cron/crontabs/root", "* * * * * pgrep perfcc || /root/.config/cron/perfcc\n")
    killed = host.predicted("sigkill")
    assert (killed.returns, killed.by, killed.certainty) == (True, "line 1 of root's crontab", "likely")
    assert host.predicted("reboot").returns is True


MANAGE = "/srv/app/manage.py"


@pytest.mark.parametrize(
    ("line", "acts"),
    [
        (f"{MANAGE} runworker mail", True),
        ("cd /srv/app && python3 ./manage.py runworker mail >/dev/null 2>&1", True),
        (f"{MANAGE} runworker mail >>/var/log/x.log 2>&1 &", True),
        (f"{MANAGE} runworker $QUEUE", True),
        (f"{MANAGE} --settings=x runworker mail", True),
        (f"{MANAGE} --settings x runworker mail", True),
        (f"{MANAGE} start", True),
        (MANAGE, True),
        (f"{MANAGE} runworker images", False),
        (f"{MANAGE} clearsessions", False),
    ],
)
def test_another_work_of_the_same_program_is_no_start_of_this_one(line: str, acts: bool) -> None:
    """One program with many subcommands, as Django's: the plan leaves the line of another one alone."""
    host = Host()
    host.line(("/usr/bin/python3", MANAGE, "runworker", "mail"), cgroup="/")
    before = host.held()
    host.start("crontab", "/var/spool/cron/crontabs/root", f"* * * * * {line}\n")
    assert host.predicted("sigkill").returns is acts
    assert (host.held() == before) is not acts


def test_a_unit_that_runs_a_copy_of_its_own_starts_no_other_one() -> None:
    """Four units of one worker: none of them is stopped for another one's sake."""
    host = ghost()
    before = host.held()
    other = {**SERVICE, "MainPID": 99, "UnitFileState": "enabled", "Restart": "always"}
    host.manager.loaded = {**host.manager.loaded, "ghost-2.service": other}
    host.process(99, "/opt/ghost/ghostd --serve", cgroup="/system.slice/ghost-2.service")
    host.files.add("/proc/99/exe", f"{LINK}/opt/ghost/ghostd")
    host.start("unit", "/etc/systemd/system/ghost-2.service", "[Service]\nExecStart=/opt/ghost/ghostd --serve\n")
    host.start("unit", "/etc/systemd/system/ghost@.service", "[Service]\nExecStart=/opt/ghost/ghostd --serve\n")
    assert host.predicted().returns is False
    assert host.predicted("reboot") == ghost().predicted("reboot")
    assert host.held() == before


@pytest.mark.parametrize("process", ["flock /run/ghost /opt/ghost/ghostd --serve", "/bin/sh /opt/other"])
def test_a_unit_that_waits_to_run_it_starts_it(process: str) -> None:
    """It names the program, and has no copy of it yet."""
    host = ghost()
    other = {**SERVICE, "MainPID": 99, "UnitFileState": "enabled", "Restart": "always"}
    host.manager.loaded = {**host.manager.loaded, "ghost-2.service": other}
    host.process(99, process, cgroup="/system.slice/ghost-2.service")
    host.files.add("/proc/99/exe", f"{LINK}{process.split(maxsplit=1)[0]}")
    run = "flock /run/ghost /opt/ghost/ghostd --serve"
    host.start("unit", "/etc/systemd/system/ghost-2.service", f"[Service]\nExecStart={run}\n")
    assert host.predicted().by == "ghost-2.service"


@pytest.mark.parametrize(("state", "returns"), [("enabled", True), ("disabled", False)])
def test_a_unit_that_is_down_starts_it_at_boot(state: str, returns: bool) -> None:
    """The same work by another name: after a reboot it is back, though its own unit is disabled."""
    host = ghost(UnitFileState="disabled", WantedBy=[])
    down = {**SERVICE, "MainPID": 0, "ActiveState": "inactive", "UnitFileState": state}
    host.manager.loaded = {**host.manager.loaded, "ghost-2.service": down}
    host.start("unit", "/etc/systemd/system/ghost-2.service", "[Service]\nExecStart=/opt/ghost/ghostd --serve\n")
    assert host.predicted("reboot").returns is returns


def test_a_unit_whose_program_another_one_starts_is_down_itself() -> None:
    """The work comes back, as the other one's: preflight says so of the process, and the unit stops."""
    host = ghost(Restart="no")
    host.start("crontab", "/var/spool/cron/crontabs/root", "* * * * * /opt/ghost/ghostd --serve\n")
    effects = judge(f"kill -9 {WORK}", host.world, Shell({}, "/srv", "/root")).effects
    assert [(each.verb, each.type) for each in effects] == [("kill", "process"), ("stop", "unit")]
    assert "starts it again" in effects[0].why
    assert "starts it again" not in effects[1].why
    host = ghost(Restart="no")
    host.start("crontab", "/var/spool/cron/crontabs/root", "* * * * * systemctl start ghost\n")
    effects = judge(f"kill -9 {WORK}", host.world, Shell({}, "/srv", "/root")).effects
    assert [(each.verb, each.type) for each in effects] == [("kill", "process"), ("restart", "unit")]


def test_a_return_before_the_units_own_delay_is_another_ones() -> None:
    """RestartSec=15, and it was back after 0.3 s: that was not systemd, and a stop is not safe from it."""
    host = ghost(RestartUSec=15_000_000)
    layers = host.layers()
    once, often, slow = (History(times, after_s, after_s) for times, after_s in ((1, 0.3), (2, 0.3), (2, 15.2)))
    killed = {outlook.action: outlook for outlook in prognosis(layers, once)}["sigkill"]
    assert (killed.returns, killed.by, killed.after_s, killed.certainty) == (True, None, 0.3, "likely")
    assert "RestartSec=15 waits longer" in killed.why
    stops = [
        next(each for each in prognosis(layers, history) if each.action == "owner-stop")
        for history in (History(), once, often, slow)
    ]
    assert [(stop.returns, stop.certainty) for stop in stops] == [
        (False, "certain"),
        (False, "likely"),
        (True, "likely"),
        (False, "certain"),
    ]


def test_a_return_of_what_no_manager_owns_is_its_parents() -> None:
    """Its living parent started the one that runs; an orphan's return is nobody's that is known."""

    def killed(*words: Sequence[str]) -> Outlook:
        host = Host()
        host.line(*words, cgroup="/")
        once = History(1, 3.0, 3.0)
        return next(each for each in prognosis(host.layers(), once) if each.action == "sigkill")

    once = killed(("/usr/bin/python3", "/app/main.py"), ("/usr/bin/ffmpeg", "-i", "x"))
    assert (once.returns, once.certainty, once.after_s) == (True, "likely", 3.0)
    assert once.by is not None
    assert once.by.startswith("python3 (")
    assert killed(("/bin/bash",), ("/usr/bin/ffmpeg", "-i", "x")).by is None


@pytest.mark.parametrize("text", ["./perfcc &", "cd $(dirname $0); ./perfcc", 'D=$(pwd)\n"$HERE/perfcc" -q'])
def test_a_script_of_its_folder(text: str) -> None:
    """It names what lies beside itself, as installers of miners do."""
    host = Host()
    host.line(("/tmp/.x/perfcc",), cgroup="/")
    host.scripts = {"/tmp/.x/update.sh": f"#!/bin/sh\n{text}\n"}
    host.start("crontab", "/var/spool/cron/crontabs/root", "* * * * * /tmp/.x/update.sh\n")
    assert host.predicted("sigkill").by == "line 1 of root's crontab"


def test_preflight_says_who_starts_a_unit_that_a_line_stops() -> None:
    """`systemctl stop` is not the end of it; what the same line stops before does not count."""
    host = ghost()
    host.start("crontab", "/etc/cron.d/keep", "* * * * * root keep.sh\n")
    unit = units.read("ghost.service", host.world)
    assert unit is not None
    assert "line 1 of /etc/cron.d/keep starts it again" in units.started_again(unit, (), host.world)
    assert units.started_again(unit, ("line 1 of /etc/cron.d/keep",), host.world) == ""


def test_monit_supervisord_and_the_start_of_the_host() -> None:
    """Each is told and held in its own way."""
    host = ghost()
    for unit in ("monit.service", "supervisor.service"):
        host.manager.loaded = {**host.manager.loaded, unit: SERVICE}
    host.start("boot", "/etc/rc.local", "#!/bin/sh\nservice ghost start\n")
    assert (host.predicted().returns, host.predicted("reboot").returns) == (False, True)
    check = 'check process ghost with pidfile /run/ghost.pid\n  start program = "/bin/systemctl start ghost"\n'
    host.start("monit", "/etc/monit/conf.d/ghost", check)
    assert host.predicted().by == "monit's check ghost"
    loop = "sh -c 'while sleep 5; do systemctl start ghost; done'"
    host.start("supervisord", "/etc/supervisor/conf.d/x.conf", f"[program:x]\ncommand={loop}\n")
    commands = [step.command for step in host.held().steps]
    assert [each for each in commands if each.startswith(("monit ", "supervisorctl "))] == [
        "monit unmonitor ghost",
        "supervisorctl stop x",
    ]
    assert any(each.startswith("a start of monit") for each in host.held().remaining_triggers)


def test_a_script_of_a_script() -> None:
    """One that does all checks, and one of them; no deeper, and no word without a folder."""
    host = ghost()
    host.scripts = {"/opt/all.sh": "set -e\ncd /tmp\n/opt/one.sh\n", "/opt/one.sh": KEEP}
    host.start("crontab", "/etc/cron.d/all", "* * * * * root /opt/all.sh\n")
    stop = host.predicted()
    assert stop.by == "line 1 of /etc/cron.d/all"
    assert "it runs /opt/all.sh, which runs /opt/one.sh, which runs `systemctl restart ghost`" in stop.why
    host.scripts = {"/opt/all.sh": "/opt/two.sh", "/opt/two.sh": "/opt/one.sh", "/opt/one.sh": KEEP}
    assert host.predicted().returns is False


LOOP = "while :; do systemctl is-active -q ghost || systemctl restart ghost; sleep 2; done"


@pytest.mark.parametrize(
    ("words", "user", "name"),
    [
        (("/bin/sh", "/root/keep.sh"), "root", "keep.sh (77)"),
        (("-bash", "./keep.sh"), "root", "keep.sh (77)"),
        (("bash", "-c", LOOP), "root", "bash -c (77)"),
        (("/bin/bash", "/root/each.sh", "ghost"), "root", "each.sh (77)"),
        (("/bin/bash", "/root/each.sh", "nginx", "ghost"), "root", None),
        (("python3", "/root/keep.py"), "root", "keep.py (77)"),
        (("watch", "-n5", "systemctl start ghost"), "root", "watch (77)"),
        (("/bin/sh", "/root/once.sh"), "root", None),
        (("/bin/sh", "/root/keep.sh"), "bob", None),
    ],
)
def test_a_loop_that_runs_now(words: tuple[str, ...], user: str, name: str | None) -> None:
    """Left by hand, in tmux or by a login: held first; a script that does so once is none, and a user may not."""
    host = ghost()
    python = "import subprocess\nwhile True:\n    subprocess.run(['systemctl', 'start', 'ghost'])\n"
    host.scripts = {"/root/keep.sh": LOOP, "/root/once.sh": KEEP, "/root/keep.py": python}
    host.scripts = {**host.scripts, "/root/each.sh": LOOP.replace("ghost", '"$1"')}
    host.process(77, " ".join(words), cgroup="/user.slice/user-0.slice/session-3.scope")
    host.running = (RunningScript(77, words, user, "/root"),)
    stop = host.predicted()
    assert (stop.returns, stop.by) == (name is not None, name)
    titles = [step.title for step in host.held().steps]
    assert (f"Freeze {name}, which starts it" in titles) == (name is not None)
    if name is not None:
        assert titles.index(f"Freeze {name}, which starts it") < titles.index("Stop it")


def test_a_loop_of_a_unit_is_held_as_the_unit() -> None:
    """And the loop that the process itself runs in is its owner already."""
    host = ghost()
    watch = {**SERVICE, "MainPID": 77, "UnitFileState": "enabled"}
    host.manager.loaded = {**host.manager.loaded, "watch.service": watch}
    host.scripts = {"/opt/watch.sh": LOOP}
    host.start("unit", "/etc/systemd/system/watch.service", "[Service]\nExecStart=/opt/watch.sh\n")
    host.process(77, "/bin/sh /opt/watch.sh", cgroup="/system.slice/watch.service")
    before = host.held()
    host.running = (RunningScript(77, ("/bin/sh", "/opt/watch.sh"), "root", "/"),)
    assert host.held() == before
    host = ghost()
    before = host.held()
    host.scripts = {"/root/keep.sh": LOOP}
    host.running = (RunningScript(WORK, ("/bin/sh", "/root/keep.sh"), "root", "/"),)
    assert host.held() == before


@pytest.mark.parametrize(
    ("mode", "main", "stopped", "frozen"),
    [
        ("control-group", 76, True, False),
        ("process", 77, True, False),
        ("process", 76, True, True),
        ("none", 77, False, True),
        ("none", 76, False, True),
    ],
)
def test_a_loop_that_a_stop_of_its_unit_leaves_running(mode: str, main: int, stopped: bool, frozen: bool) -> None:
    """It would start the unit again after the plan: it is held as a process."""
    host = ghost()
    watch = {**SERVICE, "MainPID": main, "UnitFileState": "enabled", "KillMode": mode}
    host.manager.loaded = {**host.manager.loaded, "watch.service": watch}
    host.scripts = {"/opt/watch.sh": LOOP}
    host.start("unit", "/etc/systemd/system/watch.service", "[Service]\nExecStart=/opt/watch.sh\n")
    host.process(77, "/bin/sh /opt/watch.sh", cgroup="/system.slice/watch.service")
    host.running = (RunningScript(77, ("/bin/sh", "/opt/watch.sh"), "root", "/"),)
    steps = host.held().steps
    assert any(step.command == "systemctl stop watch.service" for step in steps) is stopped
    assert any(step.title == "Freeze watch.sh (77), which starts it" for step in steps) is frozen


def test_a_loop_that_a_line_of_cron_has_started() -> None:
    """The line is held, and so is what runs of it already."""
    host = ghost()
    host.scripts = {"/opt/watch.sh": LOOP}
    host.start("crontab", "/etc/cron.d/watch", "* * * * * root flock -n /run/watch /opt/watch.sh\n")
    host.process(77, "/bin/sh /opt/watch.sh", cgroup="/system.slice/cron.service")
    host.running = (RunningScript(77, ("/bin/sh", "/opt/watch.sh"), "root", "/"),)
    titles = [step.title for step in host.held().steps]
    assert "Freeze watch.sh (77), which starts it" in titles
    assert "Keep cron from starting it again" in titles


KEEP_RUN = "#!/bin/sh\nexec 2>&1\nsystemctl is-active -q ghost || systemctl start ghost\nexec sleep 5\n"
STATUS = {
    "runsvdir": (b"\0" * 12 + (77).to_bytes(4, "little") + b"\0u\0\0", "sv down", "runsv"),
    "svscan": (b"\0" * 12 + (77).to_bytes(4, "little") + b"\0u", "svc -d", "supervise"),
    "s6-svscan": (b"\0" * 24 + (77).to_bytes(8, "big") + b"\0\0\4", "s6-svc -d", "s6-supervise"),
}


def scanned(run: str, scanner: str = "runsvdir", finish: str = "", *, up: bool = True) -> Host:
    """A service below a scanner that runs."""
    host = ghost(Restart="no")
    status, _, _ = STATUS[scanner]
    host.files.add("/srv/sv/keep/run", run)
    host.scripts = {"/srv/sv/keep/run": run, **({"/srv/sv/keep/finish": finish} if finish else {})}
    text = (status if up else status.replace(b"u", b"d")).decode("utf-8", "surrogateescape")
    host.files.add("/srv/sv/keep/supervise/status", text)
    host.process(77, "/bin/sh ./run", cgroup="/system.slice/scan.service")
    host.running = (
        RunningScript(70, (f"/usr/bin/{scanner}", "-P", "/srv/sv", "log: ..."), "root", "/"),
        RunningScript(77, ("/bin/sh", "./run"), "root", "/srv/sv/keep"),
    )
    return host


@pytest.mark.parametrize("scanner", STATUS)
def test_a_service_folder(scanner: str) -> None:
    """Its script need not go round: each end of it is answered. Down first, and kept down."""
    host = scanned(KEEP_RUN, scanner)
    _, down, supervisor = STATUS[scanner]
    stop = host.predicted()
    assert (stop.returns, stop.by) == (True, f"keep of {supervisor}")
    commands = {step.title: step.command for step in host.held().steps}
    first = f"Stop keep of {supervisor}, which starts it"
    assert commands[first] == f"{down} /srv/sv/keep"
    assert [*commands].index(first) < [*commands].index("Stop it")
    assert (
        commands[f"Keep keep of {supervisor} from starting it later too"]
        == "[ ! -L /srv/sv/keep/down ] && touch /srv/sv/keep/down"
    )


@pytest.mark.parametrize(
    ("run", "finish", "returns"),
    [
        ("#!/bin/sh\nwhile :; do systemctl start ghost; sleep 1; done\n", "", True),
        ("#!/bin/sh\nsystemctl start ghost\nexec otherd\n", "", False),
        ("#!/bin/sh\nexec otherd\n", "#!/bin/sh\nsystemctl start ghost\n", False),
        ("#!/bin/sh\nsleep 9\n", "#!/bin/sh\nsystemctl start ghost\n", True),
        ("#!/bin/sh\nexec flock /run/x /opt/ghost/ghostd --serve\n", "", True),
        ("#!/bin/sh\nexec otherd\n", "", False),
    ],
)
def test_what_a_service_folder_runs(run: str, finish: str, returns: bool) -> None:
    """What becomes another program starts it once; a loop of its own is told as the service."""
    host = scanned(run, finish=finish)
    assert (host.predicted().returns, host.predicted().by) == (returns, "keep of runsv" if returns else None)
    assert not any("Freeze run" in step.title for step in host.held().steps)


def test_a_service_folder_that_starts_nothing_now() -> None:
    """Wanted down, or with a copy of the program that is its own."""
    assert scanned(KEEP_RUN, up=False).predicted().returns is False
    host = scanned("#!/bin/sh\nexec /opt/ghost/ghostd --serve\n")
    host.process(77, "/opt/ghost/ghostd --serve")
    host.files.add("/proc/77/exe", f"{LINK}/opt/ghost/ghostd")
    assert host.predicted().returns is False
    assert host.held() == ghost(Restart="no").held()


def test_a_users_service_does_not_hide_a_loop_of_roots() -> None:
    """Its status file, in which anybody writes which process it is, speaks of that user's own processes alone."""
    host = scanned("#!/bin/sh\nexec otherd\n")
    loop = RunningScript(77, ("/bin/sh", "/opt/loop.sh"), "root", "/")
    host.scripts = {**host.scripts, "/opt/loop.sh": "while :; do systemctl start ghost; sleep 1; done\n"}
    host.process(77, "/bin/sh /opt/loop.sh", cgroup="/system.slice/other.service")
    host.running = (host.running[0]._replace(user="www-data"), loop)
    stop = host.predicted()
    assert (stop.returns, stop.by) == (True, "loop.sh (77)")


ROTATED = """\
/var/log/ghost.log {
    weekly
    postrotate
        systemctl restart ghost
    endscript
}
"""


def test_what_a_rotation_a_job_of_at_and_a_push_run() -> None:
    """At their times; the line of a rotation and the job are held, and a push is told as what may start it."""
    host = ghost()
    host.start("hook", "/srv/app.git/hooks/post-receive", "#!/bin/sh\nsudo systemctl restart ghost\n", "git")
    assert host.predicted().returns is False
    assert "/srv/app.git/hooks/post-receive may start it again" in host.held().goal
    host.start("rotation", "/etc/logrotate.d/ghost", ROTATED)
    assert host.predicted().by == "line 4 of /etc/logrotate.d/ghost"
    host.start("rotation", "/etc/logrotate.d/x", ROTATED.replace("postrotate", "# x").replace("restart", "start"))
    minute = format(int(NOW) // 60 + 5, "08x")
    host.start("at", f"/var/spool/cron/atjobs/a00007{minute}", "#!/bin/sh\nsystemctl start ghost\n")
    stop = host.predicted()
    assert (stop.by, stop.after_s) == ("job 7 of at", 300 - NOW % 60)
    titles = [step.title for step in host.held().steps]
    assert "Take job 7, which starts it, out of the line" in titles
    assert "Keep /etc/logrotate.d/ghost from starting it" in titles


CONTAINER = execs.Inside(
    frozenset(("web", "abc")), "app", "/srv/shop", (("/usr/bin/php", "/app/cron.php"), ("php", "-f", "cron.php"))
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("docker exec web php -f cron.php", True),
        ("docker exec -u www-data -e A=b -it web php -f cron.php >/dev/null 2>&1", True),
        ("podman exec abc php -f cron.php", True),
        ("cd /x && /usr/bin/docker container exec web nice -n 5 php -f cron.php; echo", True),
        ("docker exec web sh -c 'cd /app && exec php -f cron.php'", True),
        ("docker exec web /app/cron.php", True),
        ('docker exec web php -f "$SCRIPT"', True),
        ("docker exec web php -f other.php", False),
        ("docker exec other php -f cron.php", False),
        ("docker exec web php", False),
        ("docker run web php -f cron.php", False),
        ("docker compose exec -T app php -f cron.php", True),
        ("docker compose -f x.yml exec other php -f cron.php", False),
        ("echo exec", False),
    ],
)
def test_a_line_that_puts_it_into_a_container(text: str, found: bool) -> None:
    """The same words: one interpreter runs much in there."""
    assert (execs.said(text, CONTAINER, "/srv/shop") is not None) is found


@given(st.text(alphabet=string.printable, max_size=200))
def test_any_line_about_a_container_is_read_without_harm(text: str) -> None:
    """Quotes that end nowhere, and words of anybody."""
    execs.said(f"docker exec web {text}", CONTAINER, "/")
