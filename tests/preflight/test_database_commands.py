"""Statements: a question is safe, a loss is a loss, the rest is unknown."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.preflight.verdict import verdict

LINES = {
    "safe": [
        "psql -c 'SELECT count(*) FROM users' shop", "psql -l", "mysql -e 'SHOW PROCESSLIST'", "redis-cli INFO",
        "redis-cli CONFIG GET maxmemory", "mongosh --eval 'db.stats()'", "pg_dump shop",
        "docker exec shop-db-1 psql -c 'select 1'", "psql -c \"select 'drop table x'\"",
    ],
    "destroys-data": [
        "dropdb shop", "psql -c 'DROP TABLE users'", "psql shop -c 'select 1; delete from users'",
        "mysqladmin drop shop", "mysql -e 'truncate table a' shop", "redis-cli FLUSHALL", "redis-cli -n 2 flushdb",
        "sqlite3 /srv/notes.txt 'drop table t'", "mongosh shop --eval 'db.dropDatabase()'",
        "docker exec -i shop-db-1 psql -U postgres -c 'DROP DATABASE shop'",
        "docker exec shop-db-1 sh -c 'psql -c \"update users set x = 1\"'", "psql -c '/* x */ DELETE FROM a'",
        "psql <<< 'drop table a'", "psql -c 'WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a'",
    ],
    "unknown": [
        "psql -f /srv/absent.sql", "psql", "mysql -e 'CALL cleanup()'", "redis-cli EVAL 'x' 0",
        "redis-cli CONFIG SET dir /",
        "psql -c 'select pg_terminate_backend(1)'", "mongosh --eval 'cleanup()'", "psql -c \"$SQL\"",
        "sqlite3 /srv/notes.txt", "psql -c 'SELECT * INTO b FROM a'",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("expected", "line"), [(key, line) for key, lines in LINES.items() for line in lines])
def test_statements(expected: str, line: str) -> None:
    """Known by their first words; strings and comments do not count."""
    assert verdict(shop().judge(line)) == expected


NAMED = {
    "psql -d postgres -c 'DROP DATABASE shop'": {"shop"},
    "psql -c 'DROP DATABASE IF EXISTS \"shop\"'": {"shop"},
    "psql shop -c 'DROP TABLE public.users'": {"shop"},
    "mysql -e 'DELETE FROM shop.users'": {"shop"},
    "mysql -e 'USE shop; DELETE FROM users'": {"shop"},
    "mysql blog -e 'DELETE FROM a; USE shop; DELETE FROM b'": {"blog", "shop"},
    "echo 'drop table a' | psql shop": {"shop"},
    "psql shop < /srv/wipe.sql": {"shop"},
    "echo flushall | redis-cli": {"every database of this Redis"},
    "printf '%s\\n' 'delete from a;' | sqlite3 /srv/notes.txt": {"/srv/notes.txt"},
}


@pytest.mark.parametrize("line", NAMED)
def test_the_database_is_named(line: str) -> None:
    """By the statement where it says so, else the one that the client is connected to."""
    host = shop()
    host.files.add("/srv/wipe.sql", "-- all of it\nDROP TABLE users;\n")
    assert {each.name for each in host.judge(line).lost} == NAMED[line]


@pytest.mark.parametrize(
    "line",
    [
        "psql shop -c 'ALTER TABLE a ADD COLUMN b int'",
        "redis-cli SET a 1",
        "zcat dump.gz | psql shop",
    ],
)
def test_no_loss_is_invented(line: str) -> None:
    """What may add or replace is unknown, neither safe nor a loss."""
    found = shop().judge(line)
    assert found.unknown
    assert found.lost == ()
