"""The query of a database server that burns: a command reaches that very server, or none is planned."""

from __future__ import annotations

from typing import Any

import pytest
from owners.keepers_host import NOW, WORK, KeepersHost
from preflight.host_world import LINK

from runaway_watchdog.explain import queries, save
from runaway_watchdog.model.doing import BusyThread, Doing
from runaway_watchdog.model.plan import Plan, Prints, Step

STOP = Step("Stop it", "thaw && stop", "it ends", "interrupts", "start", Prints("x", ("y",)), unfrozen="stop")
PLAN = Plan("Stop it", (STOP,), ())
TABLE = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTENS = "   0: {}:{:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0     0 777 1 0 100\n"
THREAD = 71


def doing() -> Doing:
    """All of one core, of one thread, and nothing else."""
    nothing: dict[str, Any] = dict.fromkeys(Doing._fields)
    shares = {"user_percent": 99.0, "voluntary_switches": 0.0, "io_calls": 0.0}
    return Doing(**{**nothing, **shares, "threads": (BusyThread(THREAD, "x", 99.0),)})


def server(name: str, *, listens: str = "", network: str = "net:[1]", **changes: Any) -> KeepersHost:
    """`listens`: a row of /proc/net/tcp, of a socket that is its own."""
    host = KeepersHost()
    host.line((f"/usr/sbin/{name}", "127.0.0.1:6379"), **changes)
    host.files.add("/proc/1/ns/net", f"{LINK}net:[1]")
    host.files.add(f"/proc/{WORK}/ns/net", f"{LINK}{network}")
    host.files.add(f"/proc/{WORK}/fd/5", f"{LINK}socket:[777]")
    host.files.add(f"/proc/{WORK}/net/tcp", TABLE + listens)
    return host


def planned(host: KeepersHost) -> Plan:
    return queries.adapted(PLAN, host.layers()[0], doing(), host.world)


def dumped(host: KeepersHost) -> list[str]:
    layer = host.layers()[0]
    return [step.command for step in save.saved(host.contain(), layer, host.world.files) if step.phase == "save"]


@pytest.mark.parametrize("address", ["0100007F", "00000000"])
def test_a_script_is_ended_where_its_server_listens(address: str) -> None:
    """By the address that is the process's own."""
    steps = planned(server("redis-server", listens=LISTENS.format(address, 6379))).steps
    assert [(step.phase, step.last_resort) for step in steps] == [
        ("look", False),
        ("relieve", False),
        ("hold", False),
        ("hold", True),
    ]
    assert "redis-cli -h 127.0.0.1 -p 6379 -e SCRIPT KILL" in steps[2].command
    assert steps[3].command == "stop"  # nothing was frozen
    dump = dumped(server("redis-server", listens=LISTENS.format(address, 6379)))
    assert dump == [f"umask 077; redis-cli --rdb - -h 127.0.0.1 -p 6379 > /root/redis-{WORK}.rdb"]


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(server("redis-server", uid=1000), id="listens-nowhere"),
        pytest.param(server("redis-server", listens=LISTENS.format("0100007F", 7000)), id="listens-elsewhere"),
        pytest.param(
            server("redis-server", listens=LISTENS.format("0100007F", 6379), network="net:[2]"), id="another-network"
        ),
        pytest.param(
            server("redis-server", listens=LISTENS.format("0100007F", 6379), namespaces=(WORK, 1)), id="another-engine"
        ),
        pytest.param(server("mariadbd", namespaces=(WORK, 1)), id="numbers-of-another-engine"),
    ],
)
def test_who_only_has_the_name_reaches_no_other_server(host: KeepersHost) -> None:
    """Anybody may call a process so: the server of this host, which another one is, is left alone."""
    assert planned(host) == PLAN
    assert dumped(host) == []


def test_a_server_of_a_path_alone_is_reached_there() -> None:
    """`port 0` and `unixsocket`, as behind a web server of the same host."""
    host = server("redis-server")
    heading = "Num       RefCount Protocol Flags    Type St Inode Path\n"
    row = "0000: 00000002 00000000 00010000 0001 01 777 /run/redis/redis.sock\n"
    host.files.add(f"/proc/{WORK}/net/unix", heading + row)
    assert "redis-cli -s /run/redis/redis.sock -e SCRIPT KILL" in planned(host).steps[2].command
    assert dumped(host) == [f"umask 077; redis-cli --rdb - -s /run/redis/redis.sock > /root/redis-{WORK}.rdb"]


def test_another_address_is_said() -> None:
    """The one on 127.0.0.1 may be another server."""
    steps = planned(server("redis-server", listens=LISTENS.format("0700000A", 6379))).steps
    assert "-h 10.0.0.7 -p 6379" in steps[0].command


@pytest.mark.parametrize(("name", "thread"), [("mariadbd", "tid"), ("mysqld", "thread_os_id")])
def test_a_query_is_the_burning_threads_and_no_later_one(name: str, thread: str) -> None:
    """Not the one that is there longest (of MySQL, its scheduler), nor what the thread runs hours later; what the
    server answers is not run as a script of the client's."""
    end = planned(server(name)).steps[2]
    assert f"{thread} = {THREAD} AND" in end.command
    assert f"+ {int(NOW) + 1} >= UNIX_TIMESTAMP()" in end.command
    assert " | " not in end.command
    assert "ORDER BY" not in end.command
