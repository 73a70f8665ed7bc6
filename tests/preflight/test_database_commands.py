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
        "psql <<< 'drop table a'",
    ],
    "unknown": [
        "psql -f /srv/absent.sql", "psql", "mysql -e 'CALL cleanup()'", "redis-cli EVAL 'x' 0",
        "redis-cli CONFIG SET dir /", "psql -c 'WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a'",
        "psql -c 'select pg_terminate_backend(1)'", "mongosh --eval 'cleanup()'", "psql -c \"$SQL\"",
        "sqlite3 /srv/notes.txt", "psql -c 'SELECT * INTO b FROM a'",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("expected", "line"), [(key, line) for key, lines in LINES.items() for line in lines])
def test_statements(expected: str, line: str) -> None:
    """Known by their first words; strings and comments do not count."""
    assert verdict(shop().judge(line)) == expected
