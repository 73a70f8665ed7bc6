"""The plan for a database server that burns on one query or script: that one is ended by the server's own command.

PostgreSQL has a process for each session (owners/app_master.py); here the queries are threads of one process, or a
script that holds up all of it. Seen with MariaDB 10.11 and Redis 7.0; MySQL's tables as its manual has them.

A name is anybody's to take, and a host may have several servers. So a command reaches this process or nothing: by the
address on which it itself listens, or by the number that the kernel gave its thread; and only from a place in which
both mean the same, its container or this host's own namespaces.
"""

from collections.abc import Callable, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Final, NamedTuple

from runaway_watchdog.explain.save import ON_THIS_HOST, redis_options
from runaway_watchdog.linux import status
from runaway_watchdog.model.doing import Doing
from runaway_watchdog.model.plan import ByEye, Plan, Prints, Step
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners import Layer
from runaway_watchdog.owners.docker.containment import reference
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import Files, World, procfs
from runaway_watchdog.world.sockets import in_network_of_host

if TYPE_CHECKING:
    from runaway_watchdog.owners.docker.details import ContainerDetails

BUSY_PERCENT: Final = 5.0
_SQL_CLIENTS: Final[Mapping[str, str]] = {"mariadbd": "mariadb", "mysqld": "mysql"}
"""By the name of the server's process."""
_OF_THREAD: Final[Mapping[str, tuple[str, str]]] = {
    "mariadbd": (
        "id",
        "FROM information_schema.processlist WHERE tid = {tid}"
        " AND command IN ('Query', 'Execute') AND time + {then} >= UNIX_TIMESTAMP()",
    ),
    "mysqld": (
        "processlist_id",
        "FROM performance_schema.threads WHERE thread_os_id = {tid}"
        " AND processlist_command IN ('Query', 'Execute') AND processlist_time + {then} >= UNIX_TIMESTAMP()",
    ),
}
"""A thread's connection, and where it stands, while that runs what it ran when the plan was made: a thread that has
ended its query serves the next client, and a plan is read hours later."""
_KILL: Final = "SET @it = (SELECT CONCAT('KILL QUERY ', {identifier}) {which}); PREPARE it FROM @it; EXECUTE it"
"""One answer of the server's is run by the server, and none by its client, which knows commands of the shell."""
_SQL_LOGIN: Final = ' -uroot -p"${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}"'
"""Of the official images; on a host, root's own account needs none."""
_REDIS_CLIENTS: Final[Mapping[str, str]] = {"redis-server": "redis-cli", "valkey-server": "valkey-cli"}


class _Query(NamedTuple):
    goal: str
    steps: tuple[Step, ...]


def adapted(plan: Plan, layer: Layer, doing: Doing | None, world: World) -> Plan:
    """`plan`, or one that ends the query first and keeps the rest as the last resort. `layer` is the innermost."""
    process = layer.facts.process
    if doing is None or not plan.steps or process.name not in (*_SQL_CLIENTS, *_REDIS_CLIENTS):
        return plan
    inside, query = _inside(layer, world.files), None
    if inside is not None and process.name in _SQL_CLIENTS:
        query = _sql(layer, doing, inside, world)
    elif inside is not None and _runs_a_script(doing):
        query = _script(process, inside, world.files)
    if query is None:
        return plan
    rest = tuple(step.as_last_resort() for step in plan.steps if step.phase != "relieve")
    return plan._replace(
        goal=query.goal,
        steps=(query.steps[0], *single.renice(process), *query.steps[1:], *rest),
        remaining_triggers=("its client, which may ask again",),
    )


_Inside = Callable[[str], str]
"""A shell line, as it is run where the server runs."""


def _inside(layer: Layer, files: Files) -> _Inside | None:
    """In its container, or on this host; None for a place that is neither, as another engine's container."""
    owner, process = layer.owner, layer.facts.process
    if isinstance(owner, Read) and owner.kind in ON_THIS_HOST:
        details: ContainerDetails = owner.details
        return lambda line: f"{details.client} exec {reference(owner)} sh -c {quote(line)}"
    if len(process.namespace_pids) > 1 or not in_network_of_host(files, process.pid):
        return None
    return lambda line: line


def _sql(layer: Layer, doing: Doing, inside: _Inside, world: World) -> _Query | None:
    """The busiest thread's query; a thread of the server's own has none, and then nothing is ended."""
    process = layer.facts.process
    thread = next((each for each in doing.threads if each.tid != process.pid and each.percent >= BUSY_PERCENT), None)
    if thread is None:
        return None
    login = _SQL_LOGIN if layer.owner.kind in ON_THIS_HOST else ""
    client = f"{_SQL_CLIENTS[process.name]}{login}"
    identifier, of_thread = _OF_THREAD[process.name]
    tid = _inner_tid(world.files, process.pid, thread.tid)
    which = of_thread.format(tid=tid, then=int(world.clock.now()) + 1)

    def asked(statement: str) -> str:
        return inside(f'{client} -N -e "{statement}"')

    running = "FROM information_schema.processlist WHERE command <> 'Sleep' AND id <> connection_id()"
    look = Step(
        "Look what it runs",
        asked(f"SELECT id, user, db, time, LEFT(info, 200) {running} ORDER BY time DESC"),
        "only reads",
        "none",
        None,
        ByEye("the busiest thread's query is one that may end"),
        phase="look",
    )
    end = Step(
        "End the busiest thread's query",
        asked(_KILL.format(identifier=identifier, which=which)),
        "it ends with an error, what it changed is rolled back, and its connection stays; where it has ended by itself,"
        " this fails and ends nothing; there is no undo",
        "interrupts",
        None,
        Prints(asked(f"SELECT {identifier} {which}"), ("nothing",)),
        final=True,
    )
    return _Query("End the busiest thread's query: the database and every other query go on", (look, end))


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


def _script(process: Process, inside: _Inside, files: Files) -> _Query | None:
    """None where it does not listen itself on the address of its title: another server may."""
    options = redis_options(process, files)
    if options is None:
        return None
    client = f"{_REDIS_CLIENTS[process.name]}{options}"
    look = Step(
        "Look whether it answers", inside(f"{client} PING"), "only reads; BUSY: a script runs", "none", None,
        ByEye("it says BUSY"), phase="look",
    )  # fmt: skip
    end = Step(
        "End its script",
        single.guarded(process, inside(f"{client} -e SCRIPT KILL || {client} -e FUNCTION KILL")),
        "its client gets an error, and all others are answered again; one that has written is refused (UNKILLABLE):"
        " only waiting loses nothing then; no undo",
        "interrupts",
        None,
        Prints(inside(f"{client} PING"), ("PONG",)),
        final=True,
    )
    return _Query("End the script that it runs: nobody is answered meanwhile, and the data stays", (look, end))
