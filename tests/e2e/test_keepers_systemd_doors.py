"""systemd: what starts a unit again that has ended or was stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from e2e.keepers import Action, Expected, carry_out, check, check_together, found, plan_of, undo, workload
from e2e.rig import foretold
from e2e.rig.box import Box
from e2e.rig.workloads import Workload
from e2e.systemd_units import BUS, PING, bus_service, running, service, units

DOORS = {
    "seldom.timer": "[Timer]\nOnUnitInactiveSec=4\nAccuracySec=10ms\n",
    "other-name.timer": "[Timer]\nOnUnitActiveSec=6\nAccuracySec=10ms\nUnit=renamed.service\n",
    "calendar.timer": "[Timer]\nOnCalendar=*:*:0/20\nAccuracySec=10ms\n",
    "over.timer": "[Timer]\nOnActiveSec=0\nAccuracySec=10ms\n",
    "there.path": "[Path]\nPathExists=/etc/passwd\n",
    "filled.path": "[Path]\nDirectoryNotEmpty=/etc\n",
    "globbed.path": "[Path]\nPathExistsGlob=/etc/pass*\n",
}


DOOR_OF = {"renamed": "other-name"}


@contextmanager
def doors(box: Box, only: Sequence[str] = ()) -> Iterator[dict[str, Workload]]:
    """A service with Restart=no behind each door, and the door open."""
    chosen = {name: text for name, text in DOORS.items() if not only or name in only}
    names = ["renamed" if name == "other-name.timer" else name.partition(".")[0] for name in chosen]
    texts = {**chosen, **{f"{name}.service": service(name) for name in names}}
    with units(box, texts, [*chosen, *(f"{name}.service" for name in names)]):
        yield {name: running(box, name) for name in names}


@pytest.mark.truth
def test_what_starts_a_unit_with_restart_no(host: Box) -> None:
    """A timer that counts from its end, one whose time is over, and paths whose condition holds."""
    with doors(host, ["seldom.timer", "over.timer", "there.path", "filled.path", "globbed.path"]) as behind:
        cases = [
            Expected(work, "sigkill", "systemd-service", f"Restart=no, {_door(name)}") for name, work in behind.items()
        ]
        check_together(host, cases, watch_s=6)


def _door(name: str) -> str:
    door = next(each for each in DOORS if each.startswith(f"{DOOR_OF.get(name, name)}."))
    return f"{door}: {DOORS[door].splitlines()[1]}"


@pytest.mark.truth
@pytest.mark.parametrize("door", ["other-name.timer", "calendar.timer"])
def test_a_timer_that_counts_from_elsewhere(host: Box, door: str) -> None:
    """From its service's last start, and it has another name than that; and from the wall's clock."""
    with doors(host, [door]) as behind:
        ((name, work),) = behind.items()
        host.wait_for("a moment that is not near its time", lambda: 1 < time.time() % 20 < 12)
        check(host, work, "sigkill", kind="systemd-service", policy=f"Restart=no, {_door(name)}", by=door, watch_s=22)


@pytest.mark.truth
def test_a_timer_whose_job_runs_away(host: Box) -> None:
    """While what it started runs, a timer says "never": its next time is told all the same, and it is kept."""
    with units(
        host,
        {"job.service": service("job"), "job.timer": "[Timer]\nOnCalendar=*:*:0/5\nAccuracySec=10ms\n"},
        ["job.timer"],
    ):
        work = running(host, "job")
        host.wait_for(
            "the timer's silence",
            lambda: "infinity" in host.run("systemctl show -P NextElapseUSecMonotonic job.timer").stdout,
        )
        check(
            host,
            work,
            "sigkill",
            kind="systemd-service",
            policy="Restart=no, job.timer started it",
            by="job.timer",
            watch_s=8,
        )


@pytest.mark.truth
@pytest.mark.parametrize("name", ["seldom.timer", "there.path"])
def test_a_stop_does_not_close_the_door(host: Box, name: str) -> None:
    """`systemctl stop` of the service alone."""
    with doors(host, [name]) as behind:
        (work,) = behind.values()
        check(host, work, "owner-stop", kind="systemd-service", policy=f"Restart=no, {name}", by=name, watch_s=6)


CLIENT = (
    "import socket, time\n"
    "while True:\n"
    "    try:\n"
    "        with socket.socket(socket.AF_UNIX) as one:\n"
    "            one.connect('/run/asked.sock')\n"
    "            one.send(b'x')\n"
    "            time.sleep(0.3)\n"
    "    except OSError:\n"
    "        time.sleep(0.3)\n"
)


@pytest.mark.truth
@pytest.mark.parametrize("action", ["sigkill", "owner-stop"])
def test_a_socket_starts_it_for_the_next_client(host: Box, action: Action) -> None:
    """A client that asks again and again; the stop does not help either."""
    texts = {
        "asked.socket": "[Socket]\nListenStream=/run/asked.sock\n",
        "asked.service": service("asked"),
        "client.service": "[Service]\nExecStart=/usr/bin/python3 /opt/rig/client.py\n",
    }
    host.write("/opt/rig/client.py", CLIENT)
    with units(host, texts, ["asked.socket", "client.service"]):
        check(
            host,
            running(host, "asked"),
            action,
            kind="systemd-service",
            policy="Restart=no, asked.socket",
            by="asked.socket",
        )


@pytest.mark.truth
def test_a_server_of_one_connection_does_not_return(host: Box) -> None:
    """Accept=yes: the connection ends with it, and the plan does not break it off."""
    texts = {"one.socket": "[Socket]\nListenStream=/run/asked.sock\nAccept=yes\n", "one@.service": service("one")}
    host.write("/opt/rig/client.py", CLIENT.replace("0.3", "1000"))
    with units(
        host,
        texts | {"client.service": "[Service]\nExecStart=/usr/bin/python3 /opt/rig/client.py\n"},
        ["one.socket", "client.service"],
    ):
        work = workload(host, "one", "systemd", "/one@")
        assert not any(" stop " in step["command"] for step in plan_of(host, work.pid))
        check(host, work, "sigkill", kind="systemd-service", policy="Restart=no, one connection of one.socket")
        host.run("systemctl stop one.socket 'one@*'")


@pytest.mark.truth
def test_an_upheld_unit_and_the_one_that_upholds_it(host: Box) -> None:
    """Upholds= starts it whatever ended it; while the upholder is down it does nothing."""
    texts = {"held.service": service("held"), "holder.service": service("holder", unit="Upholds=held.service")}
    with units(host, texts, ["holder"]):
        for action in ("sigkill", "sigterm", "owner-stop"):
            check(
                host,
                running(host, "held"),
                action,
                kind="systemd-service",
                policy="Restart=no, Upholds=",
                by="holder.service",
            )
        host.run("systemctl stop holder && systemctl start held")
        check(host, running(host, "held"), "sigkill", kind="systemd-service", policy="Restart=no, its upholder down")


@pytest.mark.truth
def test_a_bus_call_may_start_it(host: Box) -> None:
    """Whether anybody calls is not known, and said so; a call does start it; barred by the plan, it does not."""
    with bus_service(host) as pid:
        document = foretold.explained(host, pid)
        outlook = foretold.fate_of(document, "sigkill")
        assert (outlook["returns"], outlook["by"]) == (None, "dbus")
        assert BUS in outlook["why"]
        host.run(["kill", "-9", str(pid)])
        host.wait_for("its return", lambda: (host.run(PING, check=False), host.pids(" burn$"))[1])
        steps = plan_of(host, host.wait_for("its return", lambda: next(iter(host.pids(" burn$")), None)))
        carry_out(host, steps)
        host.run(PING, check=False)
        assert host.pids(" burn$") == []
        undo(host, steps)
        host.wait_for("its return", lambda: next(iter(host.pids(" burn$")), None))


@pytest.mark.truth
def test_a_failure_starts_its_handler(host: Box) -> None:
    """OnFailure= is told; a clean end does not start it."""
    texts = {"fails.service": service("fails", unit="OnFailure=handler.service"), "handler.service": service("handler")}
    with units(host, texts, ["fails"]):
        work = running(host, "fails")
        assert "handler.service" not in foretold.fate_of(foretold.explained(host, work.pid), "sigterm")["why"]
        document, _ = check(host, work, "sigkill", kind="systemd-service", policy="Restart=no, OnFailure=")
        assert "handler.service" in foretold.fate_of(document, "sigkill")["why"]
        found(host, "handler")


@pytest.mark.truth
def test_wants_and_bindsto_bring_nothing_back(host: Box) -> None:
    """Who wants it does not start it again; who is bound to it stops with it, and Restart= does not act on that."""
    texts = {
        "wanted.service": service("wanted"),
        "wants.service": service("wants", unit="Wants=wanted.service"),
        "bound.service": service("bound", "Restart=always", unit="BindsTo=wanted.service\nAfter=wanted.service"),
    }
    with units(host, texts, ["wants", "bound"]):
        check(host, running(host, "wanted"), "sigkill", kind="systemd-service", policy="Restart=no, Wants=, BindsTo=")
        assert host.pids(" bound$") == []
        found(host, "wants")
