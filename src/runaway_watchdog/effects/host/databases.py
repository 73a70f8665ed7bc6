"""Clients of databases: which program is which, and that its answer is of the server that it reaches from here.

What stands inside a database is not looked up: a statement that deletes loses data.
"""

from typing import Protocol

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.host import mongo, mysql, other_databases, postgres, redis, sqlite
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World


class Client(Protocol):
    def __call__(self, command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome: ...


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a client on this host does."""
    return _BY_PROGRAM[command.program or ""](command, host, world)


def effects_inside(command: Command, host: HostState, world: World) -> Outcome:
    """What a client does whose files are not this host's: it runs in a container."""
    return _BY_PROGRAM[command.program or ""](command, host, world, local=False)


_BY_PROGRAM: dict[str, Client] = {
    "psql": postgres.psql, "dropdb": postgres.dropdb, "dropuser": postgres.dropuser, "pg_dump": postgres.dump,
    "pg_dumpall": postgres.dump, "pg_restore": postgres.restore, "pgbench": postgres.bench,
    "createdb": postgres.adds, "createuser": postgres.adds, "vacuumdb": postgres.adds, "reindexdb": postgres.adds,
    "clusterdb": postgres.adds, "pg_isready": postgres.adds, "pg_lsclusters": postgres.adds,
    **dict.fromkeys(("mysql", "mariadb"), mysql.mysql), **dict.fromkeys(("mysqladmin", "mariadb-admin"), mysql.admin),
    **dict.fromkeys(("mysqldump", "mariadb-dump"), mysql.dump),
    **dict.fromkeys(("mysqlimport", "mariadb-import"), mysql.load),
    **dict.fromkeys(("mysqlshow", "mariadb-show", "mysqlcheck", "mariadb-check"), mysql.shows),
    "sqlite3": sqlite.sqlite, "redis-cli": redis.redis, "valkey-cli": redis.redis, "keydb-cli": redis.redis,
    "mongosh": mongo.shell, "mongo": mongo.shell, "mongorestore": mongo.restore, "mongoimport": mongo.load,
    "mongodump": mongo.dump, "mongoexport": mongo.export, "mongofiles": mongo.files,
    "clickhouse-client": other_databases.clickhouse, "clickhouse": other_databases.clickhouse,
    "cqlsh": other_databases.cqlsh, "influx": other_databases.influx, "etcdctl": other_databases.etcd,
}  # fmt: skip
PROGRAMS = frozenset(_BY_PROGRAM)
