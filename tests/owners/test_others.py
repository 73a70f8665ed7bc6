"""PID 1, zombies and the stopped."""

from support.builders import make_facts, make_process

from runaway_watchdog.model.owner import ACTIONS
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners import unmanaged
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.steps import single


def unclaimed(facts: Facts) -> Read[unmanaged.Started]:
    return Read("unmanaged", facts.process.name, str(facts.process.pid), "none", unmanaged.started_by(facts), ())


def test_nothing_ends_pid_1() -> None:
    """Nobody is told to freeze or kill the host's init."""
    facts = make_facts(make_process(1, name="systemd"))
    assert unmanaged.contain(unclaimed(facts), facts).steps == ()
    for action in ACTIONS:
        outlook = unmanaged.outlook(unclaimed(facts), facts, action)
        assert outlook.ends is (action == "reboot")


def test_a_zombie_is_not_frozen() -> None:
    """It is dead; only its parent can clear it away."""
    facts = make_facts(make_process(state="zombie"), make_process(50, name="careless"))
    containment = unmanaged.contain(unclaimed(facts), facts)
    assert containment.steps == ()
    assert "careless" in containment.goal


def test_the_stopped_are_not_frozen() -> None:
    """The undo of a freeze would make them run."""
    assert not any("STOP" in step.command for step in single.relieve(make_process(state="stopped")))
