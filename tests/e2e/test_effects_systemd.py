"""Commands on units: what preflight says they would stop and start anew, held against what they really did."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import pytest
from e2e.rig.box import Box, NotSeenError
from e2e.rig.host_lines import names, preflight
from truth.preflight_rows import NOT_TOLD, Row, told

pytestmark = pytest.mark.truth  # thirty lines, really run

WAIT_S = 5.0
ALL_UNITS = (
    "back.service",
    "plain.service",
    "needs.service",
    "talk.socket",  # before its service: systemd refuses a socket whose service runs already
    "talk.service",
    "tick.timer",
    "tick.service",
)


def active(box: Box, unit: str) -> bool:
    return box.run(["systemctl", "is-active", unit], check=False).stdout.strip() in ("active", "activating")


def make_unit(box: Box, name: str, text: str) -> None:
    box.write(f"/etc/systemd/system/{name}", text)


def service(command: str, *lines: str) -> str:
    return "\n".join(["[Service]", f"ExecStart={command}", *lines, "[Install]", "WantedBy=multi-user.target", ""])


@pytest.fixture
def units(box: Box) -> Iterator[None]:
    """A service of each kind: one that systemd restarts, one behind a socket, one behind a timer, one that needs it."""
    make_unit(box, "back.service", service("/bin/sleep 100000", "Restart=always", "RestartSec=200ms"))
    make_unit(box, "plain.service", service("/bin/sleep 100000"))
    make_unit(
        box, "needs.service", "[Unit]\nRequires=plain.service\nAfter=plain.service\n" + service("/bin/sleep 99999")
    )
    make_unit(box, "talk.socket", "[Socket]\nListenStream=/run/talk.sock\n[Install]\nWantedBy=sockets.target\n")
    make_unit(box, "talk.service", service("/bin/sleep 100000"))
    make_unit(box, "tick.timer", "[Timer]\nOnActiveSec=1h\nOnUnitActiveSec=1h\n[Install]\nWantedBy=timers.target\n")
    make_unit(box, "tick.service", service("/bin/sleep 100000"))
    everything = " ".join(ALL_UNITS)
    box.run(f"systemctl daemon-reload && systemctl start {everything}")
    yield
    box.run(
        f"systemctl unmask {everything}; systemctl disable {everything}; systemctl stop {everything}; "
        "rm -f /etc/systemd/system/{back,plain,needs,talk,tick}.*; "
        f"cd /etc/systemd/system && rm -f {everything}; systemctl daemon-reload; systemctl reset-failed",
        check=False,
    )


class UnitCase(NamedTuple):
    """A line, and the units that must be foretold to end (and to end for a moment only)."""

    line: str
    stops: set[str]
    restarts: set[str]


def case(line: str, stops: str = "", restarts: str = "") -> UnitCase:
    return UnitCase(line, set(stops.split()), set(restarts.split()))


UNIT_CASES = [
    case("systemctl stop back", "back.service"),
    case("systemctl stop plain.service", "plain.service needs.service"),
    case("service plain stop", "plain.service needs.service"),
    case("systemctl restart plain", "", "plain.service needs.service"),
    case("systemctl kill -s KILL back.service", "", "back.service"),
    case("systemctl kill plain", "plain.service"),
    case("systemctl disable back", ""),
    case("systemctl disable --now back", "back.service"),
    case("systemctl mask --runtime --now back", "back.service"),
    case("systemctl mask back", ""),
    case("systemctl stop talk.socket", "talk.socket"),
    case("systemctl stop talk", "talk.service"),
    case("systemctl stop tick.timer tick.service", "tick.timer tick.service"),
    case("systemctl stop 'tick*'", "tick.timer tick.service"),
    case("systemctl try-restart tick.service", "", "tick.service"),
    case("kill -9 $(systemctl show -P MainPID back)", "", "back.service"),
    case("kill $(systemctl show -p MainPID --value plain)", "plain.service"),
    case("pkill -f 'sleep 99999'", "needs.service"),
]


def invocation(box: Box, unit: str) -> str:
    return box.run(["systemctl", "show", "-P", "InvocationID", unit]).stdout.strip()


def _runs_anew(box: Box, unit: str, before: str) -> bool:
    return active(box, unit) and invocation(box, unit) != before


@pytest.mark.parametrize("each", UNIT_CASES, ids=lambda each: each.line)
def test_units_stop_and_return_as_foretold(box: Box, units: None, row: Row, each: UnitCase) -> None:
    """What is said to stop stops, what is said to restart runs anew, and nothing else is touched."""
    document = preflight(box, each.line)
    stops, restarts = names(document, "unit", "stop"), names(document, "unit", "restart")
    before = {unit: invocation(box, unit) for unit in ALL_UNITS}
    box.run(each.line, check=False)
    with suppress(NotSeenError):  # what has not come is told in the row
        box.wait_for("all that was foretold", partial(_settled, box, before, stops, restarts), timeout=WAIT_S)
    down = {unit for unit in ALL_UNITS if not active(box, unit)}
    anew = {unit for unit in ALL_UNITS if _runs_anew(box, unit, before[unit])}
    row(
        each.line, {"systemd": "252"}, NOT_TOLD if document["unknown"] else told(stops=stops, restarts=restarts),
        told(stops=down, restarts=anew),
    )  # fmt: skip
    assert document["unknown"] == []
    assert (stops, restarts) == (each.stops, each.restarts)
    assert (down, anew) == (each.stops, each.restarts)


def _settled(box: Box, before: dict[str, str], stops: set[str], restarts: set[str]) -> bool:
    """Ends and starts take their time; a line that does other things is seen by the comparison that follows."""
    return all(not active(box, unit) for unit in stops) and all(
        _runs_anew(box, unit, before[unit]) for unit in restarts
    )


def test_a_socket_and_a_timer_are_named(box: Box, units: None) -> None:
    """A stop says who starts the unit again; the socket really does."""
    why = {each["name"]: each["why"] for each in preflight(box, "systemctl stop talk tick")["effects"]}
    assert "talk.socket starts it again" in why["talk.service"]
    assert "tick.timer starts it again" in why["tick.service"]
    box.run("systemctl stop talk")
    box.run("python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('/run/talk.sock')\"")
    box.wait_for("talk again", lambda: active(box, "talk.service"), timeout=5)


MASKS = [
    ("systemctl mask plain", True),  # refused
    ("systemctl mask --runtime plain", True),  # made, and without effect
    ("systemctl mask cron", False),
    ("systemctl mask --runtime cron", False),
    ("systemctl disable cron", True),
]


@pytest.mark.parametrize(("line", "startable"), MASKS, ids=[line for line, _ in MASKS])
def test_whether_it_can_be_started_afterwards(box: Box, units: None, row: Row, line: str, startable: bool) -> None:
    """A mask beside a unit file in /etc is refused, or with --runtime made in silence and passed over."""
    unit = f"{line.rpartition(' ')[2]}.service"
    document = preflight(box, line)
    (effect,) = document["effects"]
    box.run(line, check=False)
    box.run(["systemctl", "restart", unit], check=False)
    state = box.run(["systemctl", "show", "-P", "LoadState", unit]).stdout.strip()
    box.run("systemctl unmask cron; systemctl unmask --runtime cron plain; systemctl enable --now cron")
    shut = {unit} if "nobody can start it" in effect["why"] else set()
    row(line, {"systemd": "252"}, told(locks=shut), told(locks={unit} if state == "masked" else set()))
    assert (effect["verb"], effect["name"]) == ("change", unit)
    assert (not shut) is startable
    assert (state != "masked") is startable


def test_isolate_is_not_guessed(box: Box, units: None, row: Row) -> None:
    """It stops every unit that the target does not need: which ones is said to be unknown, never that it is safe."""
    line = "systemctl isolate multi-user.target"
    document = preflight(box, line)
    before = {unit for unit in ALL_UNITS if active(box, unit)}
    box.run(line)
    box.wait_for("the units' end", lambda: not active(box, "plain.service"), timeout=WAIT_S)
    gone = {unit for unit in before if not active(box, unit)}
    row(line, {"systemd": "252"}, NOT_TOLD, told(stops=gone))
    assert gone
    assert document["verdict"] == "unknown"
    assert names(document, "host", "stop") == {"multi-user.target"}
