"""Statements that destroy, on real servers: PostgreSQL, MariaDB and Redis on the host, Redis in a container, SQLite.

Each line starts from the same rows, is judged, then really run; every table of every server is compared.
"""

import pytest
from e2e.rig import host_lines as lines
from e2e.rig.box import Box, MakeBox
from e2e.rig.workloads import REDIS_IMAGE
from truth.preflight_rows import NOT_TOLD, Row, told

pytestmark = pytest.mark.truth  # four servers, forty lines

SERVERS = """
set -e
systemctl start postgresql mariadb redis-server
runuser -u postgres -- createuser -s root
runuser -u postgres -- createdb root
"""
SCENE = """
set -e
dropdb --if-exists shop
createdb shop
psql -q shop -c 'CREATE TABLE orders (id int, note text)' -c "INSERT INTO orders VALUES (1, 'a'), (2, 'b')"
mariadb -e "DROP DATABASE IF EXISTS shop; CREATE DATABASE shop; CREATE TABLE shop.orders (id int); INSERT INTO
  shop.orders VALUES (1), (2)"
for cli in redis-cli 'docker exec cache redis-cli'; do
    $cli FLUSHALL; $cli SET a 1; $cli SET b 2; $cli -n 1 SET c 3
done
rm -f /srv/app.db
sqlite3 /srv/app.db 'CREATE TABLE t (a); INSERT INTO t VALUES (1)'
echo 'DROP TABLE orders;' > /srv/wipe.sql
echo 'DROP TABLE t;' > /srv/wipe-t.sql
printf -- '-- DROP TABLE orders\\nSELECT 1;\\n' > /srv/ask.sql
"""


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Box:
    made = make_box(extras=("databases",))
    made.run(SERVERS, timeout=120)
    made.run(REDIS_IMAGE)
    made.wait_for("Redis in its container", lambda: made.run("docker exec cache redis-cli PING"))
    return made


CONTENTS = {
    "postgresql shop": "psql -At shop -c 'SELECT * FROM orders ORDER BY id'",
    "mysql shop": "mariadb -BN -e 'SELECT * FROM shop.orders ORDER BY id'",
    "redis 0": "redis-cli MGET a b",
    "redis 1": "redis-cli -n 1 MGET c",
    "redis 0 in cache": "docker exec cache redis-cli MGET a b",
    "redis 1 in cache": "docker exec cache redis-cli -n 1 MGET c",
    "sqlite": "sqlite3 /srv/app.db 'SELECT * FROM t'",
}
"""A database -> the question that tells its rows; where it or its table is gone, the answer is an error."""


def rows(box: Box) -> dict[str, str]:
    found = {name: box.run(question, check=False) for name, question in CONTENTS.items()}
    return {name: done.stdout if done.returncode == 0 else "gone" for name, done in found.items()}


PG, MY, LITE = {"postgresql shop"}, {"mysql shop"}, {"sqlite"}
REDIS, REDIS_INSIDE = {"redis 0", "redis 1"}, {"redis 0 in cache", "redis 1 in cache"}
NOTHING: set[str] = set()
CASES: list[tuple[str, set[str], str]] = [
    ("psql -d root -c 'DROP DATABASE shop'", PG, "shop"),
    ("psql shop -c 'DROP TABLE orders'", PG, "shop"),
    ('psql -d shop -c "DELETE FROM orders WHERE id = 1"', PG, "shop"),
    ("psql shop -c 'TRUNCATE orders'", PG, "shop"),
    ("psql shop -c 'UPDATE orders SET note = NULL'", PG, "shop"),
    ("psql shop -c 'ALTER TABLE orders DROP COLUMN note'", PG, "shop"),
    ("psql shop -c 'SELECT * FROM orders'", NOTHING, ""),
    ("psql shop -c \"SELECT 'DROP TABLE orders'\"", NOTHING, ""),
    ("psql shop -f /srv/wipe.sql", PG, "shop"),
    ("psql shop -c 'WITH gone AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM gone'", PG, "shop"),
    ("psql shop -f /srv/ask.sql", NOTHING, ""),
    ("psql shop < /srv/wipe.sql", PG, "shop"),
    ("cat /srv/wipe.sql | psql shop", PG, "shop"),
    ("echo 'DELETE FROM orders' | psql shop", PG, "shop"),
    ("psql shop <<< 'DELETE FROM orders'", PG, "shop"),
    ("psql -l", NOTHING, ""),
    ("runuser -u postgres -- psql shop -c 'DROP TABLE orders'", PG, "shop"),
    ("su postgres -c \"psql -c 'DROP DATABASE shop'\"", PG, "shop"),
    ("dropdb shop", PG, "shop"),
    ("pg_dump shop > /dev/null", NOTHING, ""),
    ("mysql -e 'DROP DATABASE shop'", MY, "shop"),
    ("mysql shop -e 'DELETE FROM orders'", MY, "shop"),
    ("mariadb shop -e 'DROP TABLE orders'", MY, "shop"),
    ("mysql -e 'TRUNCATE TABLE shop.orders'", MY, "shop"),
    ("mysql -e 'USE shop; DROP TABLE orders'", MY, "shop"),
    ("mysql -D shop < /srv/wipe.sql", MY, "shop"),
    ("mariadb -e 'SELECT count(*) FROM shop.orders'", NOTHING, ""),
    ("mysqladmin -f drop shop", MY, "shop"),
    ("mysqladmin status", NOTHING, ""),
    ("redis-cli FLUSHALL", REDIS, "every database of this Redis"),
    ("redis-cli FLUSHDB", {"redis 0"}, "Redis database 0"),
    ("redis-cli -n 1 FLUSHDB", {"redis 1"}, "Redis database 1"),
    ("redis-cli DEL a", {"redis 0"}, "Redis database 0"),
    ("redis-cli DBSIZE", NOTHING, ""),
    ("echo FLUSHALL | redis-cli", REDIS, "every database of this Redis"),
    ("docker exec cache redis-cli FLUSHALL", REDIS_INSIDE, "every database of this Redis in cache"),
    ("docker exec cache redis-cli -n 1 DEL c", {"redis 1 in cache"}, "Redis database 1 in cache"),
    ("docker exec cache redis-cli GET a", NOTHING, ""),
    ("docker exec cache sh -c 'redis-cli FLUSHDB'", {"redis 0 in cache"}, "Redis database 0 in cache"),
    ("sqlite3 /srv/app.db 'DROP TABLE t'", LITE, "/srv/app.db"),
    ("sqlite3 /srv/app.db 'DELETE FROM t'", LITE, "/srv/app.db"),
    ("sqlite3 /srv/app.db '.read /srv/wipe-t.sql'", LITE, "/srv/app.db"),
    ("sqlite3 /srv/app.db 'SELECT * FROM t'", NOTHING, ""),
    ("cd /srv && sqlite3 app.db .dump", NOTHING, ""),
    ("echo 'delete from t;' | sqlite3 /srv/app.db", LITE, "/srv/app.db"),
]
NOT_JUDGED = [
    "psql shop -c \"INSERT INTO orders VALUES (9, 'z')\"",
    "psql shop -c 'ALTER TABLE orders ADD COLUMN price int'",
    "psql shop",
    "redis-cli SET fresh 1",
    "redis-cli --eval /srv/x.lua",
]


@pytest.mark.parametrize(("line", "lost", "name"), CASES, ids=[line for line, *_ in CASES])
def test_rows_are_lost_as_foretold(box: Box, row: Row, line: str, lost: set[str], name: str) -> None:
    """The database that is named is the one that loses rows, and no other server's."""
    box.run(["bash", "-c", SCENE])
    document = lines.preflight(box, line)
    before = rows(box)
    box.run(["bash", "-c", line], check=False)
    after = rows(box)
    really = {each for each in before if before[each] != after[each]}
    foretold = lines.names(document, "database", "delete")
    predicted = lost if foretold == ({name} if name else set()) else foretold
    host = {"postgresql": "15", "mariadb": "10.11", "redis": "7.0", "sqlite": "3.40"}
    row(line, host, NOT_TOLD if document["unknown"] else told(deletes_from=predicted), told(deletes_from=really))
    assert really == lost
    assert foretold == ({name} if name else set())
    assert document["verdict"] == ("destroys-data" if lost else "safe")


@pytest.mark.parametrize("line", NOT_JUDGED)
def test_what_is_not_judged_is_said_to_be_unknown(box: Box, row: Row, line: str) -> None:
    """Never safe, and no loss is invented."""
    box.run(["bash", "-c", SCENE])
    document = lines.preflight(box, line)
    row(line, {"postgresql": "15", "redis": "7.0", "sqlite": "3.40"}, NOT_TOLD, "not looked at")
    assert document["verdict"] == "unknown"
    assert lines.lost(document) == {}


def test_a_container_without_its_server_is_named(box: Box) -> None:
    """The loss inside a container names that container as its user."""
    (effect,) = lines.preflight(box, "docker exec cache redis-cli FLUSHALL")["effects"]
    assert effect["used_by"] == ["cache"]
