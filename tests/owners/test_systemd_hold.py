"""Steps that stop a systemd service and keep it stopped, each with the undo that restores what was."""

import subprocess
from shlex import split
from typing import Any

import pytest
from support.builders import make_cron_job, make_facts, make_process, make_service

from runaway_watchdog.explain import watchdogs
from runaway_watchdog.owners import Layer, contain
from runaway_watchdog.owners.cron.details import TableLine
from runaway_watchdog.owners.systemd import service as systemd
from runaway_watchdog.owners.systemd.details import Trigger

THAWED = "systemctl thaw burn.service && systemctl stop burn.service"


def test_the_plan_stops_the_timer_with_the_service() -> None:
    """In one command, as their undo is: a socket unit, for one, cannot be started while its service runs."""
    timer = Trigger("burn.timer", True, "enabled", 90.0)
    containment = systemd.contain(make_service("always", triggered_by=[timer], cpu_controller=False), make_facts())
    assert [step.command for step in containment.steps] == [
        "systemctl freeze burn.service",
        "systemctl thaw burn.service && systemctl stop burn.timer burn.service",
        "systemctl disable burn.service burn.timer",
    ]
    assert [step.undo for step in containment.steps] == [
        "! systemctl is-active -q burn.service || systemctl thaw burn.service",
        "systemctl start burn.timer burn.service",
        "systemctl enable burn.service burn.timer",
    ]


def test_only_what_was_enabled_is_disabled() -> None:
    """The undo must restore what was, and enable nothing that was not."""
    containment = systemd.contain(make_service("always", unit_file_state="static", cpu_controller=False), make_facts())
    assert [step.command for step in containment.steps[1:]] == [THAWED]


def test_the_host_is_not_told_to_stop_what_it_needs() -> None:
    """A busy dockerd or journald works for somebody else: the plan never stops it."""
    owner = make_service("on-failure")._replace(name="docker.service")
    assert not any("stop" in step.command for step in systemd.contain(owner, make_facts()).steps)


def test_a_transient_unit_is_saved_before_it_is_stopped() -> None:
    """Its definition would be gone, and no start could undo that; of its timer too."""
    timer = Trigger("burn.timer", True, "transient", 90.0)
    file = "/run/systemd/transient/burn.service"
    owner = make_service("always", transient=True, unit_file=file, unit_file_state="transient", triggered_by=[timer])
    limit, save, stop = systemd.contain(owner, make_facts()).steps
    assert [limit.phase, save.phase, stop.phase] == ["relieve", "save", "hold"]
    assert "for unit in burn.service burn.timer ; do" in save.command
    assert stop.undo is not None
    assert stop.undo.startswith("cp -p /root/burn.service.saved/* /run/systemd/system/ && systemctl daemon-reload && ")


def test_a_transient_unit_without_a_file_is_never_stopped() -> None:
    """Nothing could be saved."""
    containment = systemd.contain(make_service("always", transient=True, unit_file=""), make_facts())
    assert containment.steps[-1].command == "systemctl freeze burn.service"
    assert not any(" stop " in step.command for step in containment.steps)


def test_a_unit_that_refuses_is_frozen() -> None:
    """`systemctl stop` would only be refused."""
    steps = systemd.contain(make_service("always", refuse_manual_stop=True, cpu_controller=False), make_facts()).steps
    assert [step.command for step in steps] == ["systemctl freeze burn.service"]


def test_the_undo_starts_what_stopped_with_it() -> None:
    """Units that require it go down with it, and nothing but the undo brings them back."""
    owner = make_service("always", stops_with_it=["dep.service"], forgets=["/run/burn"], cpu_controller=False)
    stop = systemd.contain(owner, make_facts()).steps[1]
    assert stop.undo == "systemctl start burn.service dep.service"
    assert "dep.service stops with it" in stop.effect
    assert "/run/burn" in stop.effect


def test_a_unit_enabled_by_its_path_is_enabled_by_its_path_again() -> None:
    """`disable` removes the link that was its only name."""
    owner = make_service("always", link_target="/srv/app/burn.service", cpu_controller=False)
    disable = systemd.contain(owner, make_facts()).steps[-1]
    assert disable.undo == "systemctl enable /srv/app/burn.service"


@pytest.mark.parametrize("word", ["limit", "freeze"])
def test_what_was_frozen_is_thawed_in_the_step_that_stops_it(word: str) -> None:
    """systemd refuses to stop a frozen unit since 256; where a limit takes the pressure off, nothing is frozen."""
    for changes in ({}, {"upheld_by": ["top.service"]}, {"load_state": "loaded", "bus_name": "org.example.Burn"}):
        owner = make_service("always", cpu_controller=word == "limit", **changes)
        first, stop = systemd.contain(owner, make_facts()).steps[:2]
        assert ("freeze" in first.command) == (word == "freeze")
        assert stop.command.endswith(THAWED if word == "freeze" else "systemctl stop burn.service")
        assert ("thaw" in stop.command) == (word == "freeze")
        assert stop.as_last_resort().command == stop.command.replace("systemctl thaw burn.service && ", "")
    held = systemd.contain(make_service("always", freezer="frozen"), make_facts()).steps
    assert [step.as_last_resort().command for step in held if "thaw" in step.command] == [THAWED]


@pytest.mark.parametrize("changes", [{}, {"upheld_by": ["x"]}, {"refuse_manual_stop": True}, {"transient": True}])
def test_what_has_a_watchdog_is_never_frozen(changes: dict[str, Any]) -> None:
    """It would miss its watchdog, and be ended for that: by a freeze on 252, by SIGSTOP on 257 too (seen)."""
    for limits in (True, False):
        for can_freeze in (True, False):
            details = {"cpu_controller": limits, "can_freeze": can_freeze, "watchdog_s": 2.0, **changes}
            layer = Layer(make_service("always", **details), make_facts())
            containment = contain((layer,))
            assert not any("freeze" in step.command or "STOP" in step.command for step in containment.steps)
            assert ("WatchdogSec=" in containment.goal) == (
                not limits or bool({"refuse_manual_stop", "transient"} & set(changes))
            )


def test_beside_a_watchdog_another_process_is_slowed_down() -> None:
    """Who of the unit tells systemd that it lives is not known."""
    owner = make_service("always", main_pid=99, watchdog_s=2.0)
    (step,) = contain((Layer(owner, make_facts()),)).steps
    assert (step.risk, "renice" in step.command) == ("slows", True)


def test_what_others_keep_below_a_watchdog_is_slowed_down_too() -> None:
    """A job of cron's in a unit with a watchdog; not what only runs beside one, in a group of its own."""
    table = TableLine("/etc/cron.d/x", 1, "root", "* * * * * root burn\n", False)
    job, unit = make_cron_job("burn", table), make_service("always", watchdog_s=2.0)
    inside = make_facts(make_process(cgroup="/system.slice/burn.service"))
    outside = make_facts(make_process(cgroup="/system.slice/docker-1.scope"))
    for facts, slowed in ((inside, True), (outside, False)):
        layers = (Layer(job, facts), Layer(unit, facts))
        containment = contain(layers)
        goal, steps = watchdogs.spared(containment.goal, containment.steps, layers)
        assert any("renice" in step.command for step in steps) == slowed
        assert any("kill -STOP" in step.command for step in steps) != slowed
        assert ("WatchdogSec=" in goal) == slowed


def test_what_stands_still_already_is_not_frozen_again() -> None:
    """The undo of that would let it go on; after the plan's undo it is as it was."""
    stop, disable = contain((Layer(make_service("always", freezer="frozen"), make_facts()),)).steps
    assert (stop.command, stop.undo) == (THAWED, "systemctl start burn.service && systemctl freeze burn.service")
    assert "disable" in disable.command
    for changes in ({"refuse_manual_stop": True}, {"main_pid": 99}):
        assert contain((Layer(make_service("always", freezer="frozen", **changes), make_facts()),)).steps == ()


def test_what_is_frozen_with_its_slice_is_left_so() -> None:
    """systemd neither thaws nor stops it."""
    containment = contain((Layer(make_service("always", freezer="frozen-by-parent"), make_facts()),))
    assert (containment.steps, "slice" in containment.goal) == ((), True)


DROP_IN = "/run/systemd/system/burn.service.d/zz-hold.conf"


@pytest.mark.parametrize("changes", [{"upheld_by": ["top.service"]}, {"bus_name": "org.example.Burn"}])
def test_what_no_stop_would_hold_is_barred(changes: dict[str, Any]) -> None:
    """A drop-in of this boot that is its own condition; the undo removes it before it starts the unit."""
    containment = systemd.contain(make_service("always", **changes, cpu_controller=False), make_facts())
    _, step = containment.steps
    assert step.command.endswith(f"> {DROP_IN} && systemctl daemon-reload && {THAWED}")
    assert step.undo is not None
    assert step.undo.startswith(f"rm -f {DROP_IN} && ")
    assert step.undo.endswith("systemctl daemon-reload && systemctl start burn.service")
    assert "until the next boot" in containment.goal


def test_the_drop_in_is_what_systemd_reads() -> None:
    """As a shell writes it: a condition on the drop-in itself, named by systemd's own specifier."""
    _, step = systemd.contain(make_service("always", upheld_by=["x"], cpu_controller=False), make_facts()).steps
    printed = next(part for part in step.command.split(" && ") if part.startswith("printf")).partition(" > ")[0]
    text = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True).stdout
    assert text == "[Unit]\nConditionPathExists=!/run/systemd/system/%n.d/zz-hold.conf\n"


@pytest.mark.parametrize(
    "name", ["a b.service", "$(reboot).service", "it's.service", "a\\x2db@c\n.service", "-x;y.service"]
)
def test_hostile_names_stay_one_word(name: str) -> None:
    """A unit's name reaches a root shell as itself."""
    for changes in ({"upheld_by": ["x"]}, {}, {"transient": True}, {"load_state": "masked"}):
        owner = make_service("always", **changes)._replace(name=name)
        for step in systemd.contain(owner, make_facts()).steps:
            for line in (step.command, step.undo or ""):
                assert any(name in word for word in split(line)), line
                assert not any(word in ("$(reboot).service;", "reboot") for word in split(line))


def test_a_masked_unit_is_started_between_unmasking_and_masking() -> None:
    """The undo restores the mask too."""
    for state, flag in (("masked", ""), ("masked-runtime", " --runtime")):
        owner = make_service("no", load_state="masked", unit_file_state=state, wanted_by=[])
        (step,) = systemd.contain(owner, make_facts()).steps  # owners.hold() freezes its process before
        assert step.command == "systemctl stop burn.service"
        assert step.undo == (
            f"systemctl unmask{flag} burn.service && systemctl start burn.service && systemctl mask{flag} burn.service"
        )


@pytest.mark.parametrize(
    "changes", [{"load_state": "not-found"}, {"transient": True, "can_freeze": False}], ids=["removed", "cgroup v1"]
)
def test_what_cannot_be_frozen_by_systemd_is_stopped_by_a_signal(changes: dict[str, Any]) -> None:
    """`systemctl freeze` does not know a unit whose file is gone, and cannot freeze on cgroup v1."""
    steps = systemd.contain(make_service("always", **changes, cpu_controller=False), make_facts()).steps
    assert not any("systemctl" in step.command for step in steps)
    assert "kill -STOP 3355" in steps[-1].command


def test_what_was_left_behind_is_ended_by_itself() -> None:
    """The unit is down: there is nothing to stop."""
    owner = make_service("no", main_pid=0, processes=1, active_state="inactive")
    steps = systemd.contain(owner, make_facts()).steps
    assert not any("systemctl" in step.command for step in steps)
    assert "kill 3355" in steps[-1].command


def test_an_init_script_is_disabled_like_a_unit() -> None:
    """systemd calls it generated, and hands `disable` on to the old tool."""
    owner = make_service("no", main_pid=0, processes=2, unit_file_state="generated")._replace(kind="sysv-service")
    commands = [step.command for step in systemd.contain(owner, make_facts()).steps]
    assert commands[-2:] == ["systemctl stop burn.service", "systemctl disable burn.service"]


def test_a_snap_is_stopped_through_snapd() -> None:
    """snapd would write its unit's state anew at the next refresh."""
    owner = make_service("on-failure", cpu_controller=False)._replace(
        name="snap.lxd.daemon.service", kind="snap-service"
    )
    _, step = systemd.contain(owner, make_facts()).steps
    thaw = "systemctl thaw snap.lxd.daemon.service && "
    assert (step.command, step.undo) == (f"{thaw}snap stop --disable lxd.daemon", "snap start --enable lxd.daemon")
    assert step.as_last_resort().command == "snap stop --disable lxd.daemon"
    off = owner._replace(details=owner.details._replace(unit_file_state="disabled"))
    assert systemd.contain(off, make_facts()).steps[1].command == f"{thaw}snap stop lxd.daemon"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "for good: over a reboot too"),
        ({"unit_file_state": "static"}, "until the next boot, when multi-user.target"),
        ({"wanted_by": ["x.service"]}, "until x.service is started again"),
        (
            {"triggered_by": [Trigger("a.socket", True, "static", at_boot=True)]},
            "until the next boot, when a.socket",
        ),
    ],
)
def test_the_goal_says_for_how_long_it_holds(changes: dict[str, Any], words: str) -> None:
    """No door that stays open is kept back."""
    assert words in systemd.contain(make_service("always", **changes), make_facts()).goal


def test_a_server_of_one_connection_is_not_stopped() -> None:
    """Its connection would be gone, and no start brings that back."""
    door = Trigger("x.socket", True, "static", one_connection=True)
    steps = systemd.contain(make_service("no", triggered_by=[door]), make_facts()).steps
    assert not any(" stop " in step.command for step in steps)
