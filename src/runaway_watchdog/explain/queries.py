"""The plan for a database server that burns on one query or script: that one is ended by the server's own command.

PostgreSQL has a process for each session (owners/app_master.py); here the queries are threads of one process, or a
script that holds up all of it. Seen with MariaDB 10.11 and Redis 7.0. MySQL does not tell in this table which thread
works for whom, so its longest query is taken.
"""

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Final, NamedTuple

from runaway_watchdog.linux import status
from runaway_watchdog.model.container import DOCKER_KINDS, REPLACED_KINDS
from runaway_watchdog.model.doing import Doing
from runaway_watchdog.model.plan import ByEye, Plan, Prints, Step
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.docker.containment import reference
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Files, World, procfs

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerDetails

BUSY_PERCENT: Final = 5.0
_SQL_CLIENTS: Final[Mapping[str, str]] = {"mariadbd": "mariadb", "mysqld": "mysql"}
"""By the name of the server's process."""
_SQL_LOGIN: Final = ' -uroot -p"${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}"'
"""Of the official images; on a host, root's own account needs none."""
_REDIS_CLIENTS: Final[Mapping[str, str]] = {"redis-server": "redis-cli", "valkey-server": "valkey-cli"}
_DEFAULT_PORT: Final = "6379"


class _Query(NamedTuple):
    goal: str
    steps: tuple[Step, ...]


def adapted(plan: Plan, layer: Layer, doing: Doing | None, world: World) -> Plan:
    """`plan`, or one that ends the query first and keeps the rest as the last resort. `layer` is the innermost."""
    process = layer.facts.process
    if doing is None or not plan.steps:
        return plan
    query = None
    if process.name in _SQL_CLIENTS:
        query = _sql(layer, doing, world.files)
    elif process.name in _REDIS_CLIENTS and _runs_a_script(doing):
        query = _script(layer)
    if query is None:
        return plan
    rest = tuple(step._replace(last_resort=True) for step in plan.steps if step.phase != "relieve")
    return plan._replace(
        goal=query.goal,
        steps=(query.steps[0], *single.renice(process), *query.steps[1:], *rest),
        remaining_triggers=("its client, which may ask again",),
    )


def _inside(layer: Layer, line: str) -> str:
    """A shell line where the server runs: in its container, or on this host."""
    owner = layer.owner
    if isinstance(owner, Read) and owner.kind in DOCKER_KINDS - REPLACED_KINDS:
        details: ContainerDetails = owner.details
        return f"{details.client} exec {reference(owner)} sh -c {quote(line)}"
    return line


def _sql(layer: Layer, doing: Doing, files: Files) -> _Query | None:
    """The busiest thread's query; a thread of the server's own has none, and then nothing is ended."""
    process = layer.facts.process
    thread = next((each for each in doing.threads if each.tid != process.pid and each.percent >= BUSY_PERCENT), None)
    if thread is None:
        return None
    login = _SQL_LOGIN if len(process.namespace_pids) > 1 else ""
    client = f"{_SQL_CLIENTS[process.name]}{login}"
    running = "FROM information_schema.processlist WHERE command <> 'Sleep' AND id <> connection_id()"
    if process.name == "mariadbd":
        which, name = f"{running} AND tid = {_inner_tid(files, process.pid, thread.tid)}", "the busiest thread's query"
    else:
        which, name = f"{running} AND time >= 10 ORDER BY time DESC LIMIT 1", "the query that runs longest"

    def asked(select: str) -> str:
        return f'{client} -N -e "SELECT {select}"'

    look = Step(
        "Look what it runs",
        _inside(layer, asked(f"id, user, db, time, LEFT(info, 200) {running} ORDER BY time DESC")),
        "only reads",
        "none",
        None,
        ByEye(f"{name} is one that may end"),
        phase="look",
    )
    kill = asked(f"CONCAT('KILL QUERY ', id) {which}")
    end = Step(
        f"End {name}",
        _inside(layer, f"{kill} | {client}"),
        "it ends with an error, what it changed is rolled back, and its connection stays; there is no undo",
        "interrupts",
        None,
        Prints(_inside(layer, asked(f"id {which}")), ("nothing",)),
        final=True,
    )
    return _Query(f"End {name}: the database and every other query go on", (look, end))


def _inner_tid(files: Files, pid: int, tid: int) -> int:
    """The thread's number in its own PID namespace, as the server knows it."""
    try:
        told = status.parse(files.read(f"{procfs.PROC}/{pid}/task/{tid}/status"))
        return int(told["NSpid"].split()[-1])
    except (OSError, KeyError, ValueError, IndexError):
        return tid


def _runs_a_script(doing: Doing) -> bool:
    """It computes and answers nobody: an event loop at work reads, writes and waits."""
    return doing.user_percent >= BUSY_PERCENT and not doing.io_calls and not doing.voluntary_switches


def _script(layer: Layer) -> _Query:
    process = layer.facts.process
    client = f"{_REDIS_CLIENTS[process.name]} -p {_port(process.cmdline)}"
    look = Step(
        "Look whether it answers", _inside(layer, f"{client} PING"), "only reads; BUSY: a script runs", "none", None,
        ByEye("it says BUSY"), phase="look",
    )  # fmt: skip
    end = Step(
        "End its script",
        _inside(layer, f"{client} -e SCRIPT KILL || {client} -e FUNCTION KILL"),
        "its client gets an error, and all others are answered again; one that has written is refused (UNKILLABLE):"
        " only waiting loses nothing then; no undo",
        "interrupts",
        None,
        Prints(_inside(layer, f"{client} PING"), ("PONG",)),
        final=True,
    )
    return _Query("End the script that it runs: nobody is answered meanwhile, and the data stays", (look, end))


def _port(cmdline: tuple[str, ...]) -> str:
    """As the server's title says it: `redis-server 127.0.0.1:6379`."""
    port = (cmdline[1] if len(cmdline) > 1 else "").strip().rpartition(":")[2].partition(" ")[0]
    return port if port.isascii() and port.isdigit() else _DEFAULT_PORT
