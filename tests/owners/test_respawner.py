"""A parent that the watch has seen to start its child again."""

from typing import Any

import pytest
from preflight.host_world import LINK, FakeHost
from support.builders import CONTAINER_ID

from runaway_watchdog import owners
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.model.casefile import History, SeenDeath

STARTED = 1000.6  # of PID 60: the boot at 1000 s, and 60 ticks
HISTORY = History(1, 3.0, 3.0, (SeenDeath(55, STARTED - 10, STARTED - 3, 60, 3.0),), (55, 60))


def host(parent: str = "/usr/bin/python3 app.py", **changes: Any) -> FakeHost:
    """`ffmpeg` (PID 60) below a program (50) that was there before."""
    found = FakeHost()
    found.process(1, "/sbin/init", comm="systemd", ppid=0)
    found.process(40, "/usr/bin/start", start=1)
    found.process(50, parent, ppid=40, start=2, **changes)
    found.process(60, "/usr/bin/ffmpeg -i x", ppid=50, **{"start": 60} | changes)
    return found


def layers(found: FakeHost, history: History = HISTORY) -> tuple[owners.Layer, ...]:
    facts, _ = owners.facts(found.world, 60)
    history = history._replace(
        deaths=tuple(each._replace(died_at=facts.process.started_at - 0.03) for each in history.deaths)
    )
    return owners.respawned(owners.layers(facts, found.world)[0], history, found.world)


def test_the_parent_is_named() -> None:
    """With what the watch saw, and with what follows for each way of ending it."""
    found = layers(host())
    assert [layer.owner.kind for layer in found] == ["respawner", "unmanaged"]
    assert found[0].owner.name == "python3 (50)"
    fates = {each.action: each for each in prognosis(found, HISTORY)}
    killed = fates["sigkill"]
    assert (killed.returns, killed.by, killed.after_s, killed.certainty) == (True, "python3 (50)", 3.0, "likely")
    assert fates["clean-exit"].returns is None
    assert (fates["owner-stop"].ends, fates["reboot"].ends) == (False, True)


@pytest.mark.parametrize(
    "between",
    ["/usr/bin/timeout 9 ffmpeg", "/bin/sh -c ffmpeg;true", "/bin/bash /usr/bin/job.sh", "/usr/bin/sudo ffmpeg"],
)
def test_it_is_named_through_what_it_starts_along(between: str) -> None:
    """A `timeout`, a shell with a line or a script: each ends with the process, and began with it."""
    found = host()
    found.process(55, between, ppid=50, start=60)
    found.files.add("/proc/55/exe", f"{LINK}{between.split(maxsplit=1)[0]}")
    found.process(60, "/usr/bin/ffmpeg -i x", ppid=55, start=60)
    named = layers(found)
    assert (named[0].owner.kind, named[0].owner.name) == ("respawner", "python3 (50)")


def test_who_types_it_anew_is_no_parent_that_does_so() -> None:
    """Through what he types it with."""
    found = host("bash")
    found.process(55, "/usr/bin/timeout 9 ffmpeg", ppid=50, start=60)
    found.process(60, "/usr/bin/ffmpeg -i x", ppid=55, start=60)
    assert layers(found)[0].owner.kind == "unmanaged"


def test_it_is_held_before_its_child() -> None:
    """As a shell's loop is; but its other work stands still too, and the step says so."""
    steps = owners.contain(layers(host())).steps
    assert (steps[1].title, steps[1].risk) == ("Freeze its parent first", "interrupts")
    commands = [step.command for step in steps]
    assert ["kill -STOP 60" in commands[0], "kill -STOP 50" in commands[1], "kill 60" in commands[2]] == [True] * 3


@pytest.mark.parametrize(
    ("parent", "history"),
    [
        ("/usr/bin/python3 app.py", History()),
        ("/usr/bin/python3 app.py", HISTORY._replace(deaths=(HISTORY.deaths[0]._replace(successor_pid=61),))),
        ("/usr/bin/timeout 9 ffmpeg", HISTORY),
        ("bash", HISTORY),
    ],
)
def test_nobody_is_blamed_for_what_was_not_seen(parent: str, history: History) -> None:
    """Not the parent of another one, and not who starts nothing by himself."""
    assert layers(host(parent), history)[0].owner.kind == "unmanaged"


def test_an_adopter_is_not_blamed() -> None:
    """The parent was not there when the one before ended, or it is a container's PID 1 that took it in."""
    young = host()
    young.process(50, "/usr/bin/python3 app.py", ppid=40, start=59)
    assert layers(young)[0].owner.kind == "unmanaged"
    group = f"/system.slice/docker-{CONTAINER_ID}.scope"
    adopted = host(cgroup=group, namespaces=(50, 1))
    adopted.process(60, "/usr/bin/ffmpeg", ppid=50, start=60, cgroup=group, namespaces=(60, 9))
    assert layers(adopted)[0].owner.kind != "respawner"
