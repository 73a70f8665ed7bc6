"""No plan that breaks its own rules is shown."""

import json
from pathlib import Path

import pytest

from runaway_watchdog.explain.invariants import breaches, checked
from runaway_watchdog.explain.root_commands import Others
from runaway_watchdog.model.plan import ByEye, Plan, Step, Succeeds
from runaway_watchdog.render.document import from_json
from runaway_watchdog.world.ownership import Holders

HOSTS = sorted((Path(__file__).parents[1] / "hosts").glob("*/explain.json"))
STOP = Step("Stop it", "systemctl stop x", "it ends", "interrupts", "systemctl start x", ByEye("it is gone"))
BOBS: Others = {"/home/bob/x": Holders((1000,))}.get
FREEZE = STOP._replace(title="Freeze it", phase="relieve")


def ROOTS(_path: str) -> Holders | None:  # noqa: N802
    """All is root's."""
    return None


def plan(*steps: Step) -> Plan:
    return Plan("Stop it", steps, ())


def test_a_sound_plan_is_shown_as_it_is() -> None:
    """Relieve, hold, close, each with its undo; and a last step that says that it has none."""
    close = STOP._replace(phase="close")
    last = STOP._replace(undo=None, final=True)
    rest = [step._replace(last_resort=True) for step in (FREEZE._replace(phase="save", undo=None), STOP, close)]
    for sound in (plan(), plan(FREEZE, STOP, close), plan(FREEZE, last), plan(FREEZE, last, *rest)):
        assert checked(sound, ROOTS) == (sound, ())


@pytest.mark.parametrize(
    "broken",
    [
        plan(STOP._replace(risk="loses-data")),
        plan(STOP._replace(undo=None)),
        plan(STOP._replace(final=True)),
        plan(STOP, FREEZE),
        plan(STOP._replace(last_resort=True), FREEZE),
        plan(STOP._replace(undo=None, risk="none")),
        plan(STOP._replace(phase="close"), STOP),
        plan(STOP._replace(command=" ")),
        plan(STOP._replace(effect="")),
        plan(STOP._replace(command="touch /home/bob/x")),
        plan(STOP._replace(undo="rm -f /home/bob/x")),
        plan(STOP._replace(check=Succeeds("ls /home/bob/x"))),
    ],
)
def test_a_broken_plan_is_a_gap(broken: Plan) -> None:
    """Its steps are not shown; what is wrong is said."""
    kept, gaps = checked(broken, BOBS)
    assert kept.steps == ()
    assert [gap.source for gap in gaps] == ["plan"]


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.parent.name)
def test_every_recorded_host_has_a_sound_plan(host: Path) -> None:
    """A document does not say which step is final: those are the ones without an undo."""
    found = from_json(json.loads(host.read_text())).plan
    steps = tuple(step._replace(final=step.undo is None and step.phase == "hold") for step in found.steps)
    assert list(breaches(found._replace(steps=steps), ROOTS)) == []
