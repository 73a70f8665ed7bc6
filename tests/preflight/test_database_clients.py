"""Clients of databases by their own grammar: every way to hand them a statement, a file or a line of their own."""

import pytest
from preflight.host_world import FakeHost, shop

from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.verdict import verdict

SQLITE = "SQLite format 3\0" + "x" * 600


def host() -> FakeHost:
    made = shop()
    made.files.add("/srv/app.db", SQLITE)
    made.files.add("/srv/other.db", SQLITE)
    made.files.add("/srv/c.txt", "three\n")
    made.files.add("/srv/wipe.sql", "-- all of it\nDROP TABLE IF EXISTS orders;\n")
    made.files.add("/srv/ask.sql", "SELECT 1;\n")
    made.files.add("/srv/connected.sql", "\\c shop\nDROP TABLE a;\n")
    made.files.add("/srv/output.sql", "\\o /srv/c.txt\nselect 1;\n")
    made.files.add("/srv/wipe.js", "db.users.drop()\n")
    made.files.add("/srv/ask.js", "db.users.find({})\n")
    made.files.add("/srv/wipe.redis", "SELECT 2\nFLUSHDB\n")
    made.files.add("/srv/rows.csv", "1,2\n")
    return made


LOST = {
    # mysql: a value in the same word, the last of several, statements of a file, of a pipe, of a here-document
    "mysql -uapp -pMyVault1 shop < /srv/wipe.sql": {"shop"},
    "mysql -uapp -pDropIt -e 'DROP TABLE shop.orders'": {"shop"},
    "mysql -uroot --password=x -Dshop -e 'delete from orders'": {"shop"},
    "mysql blog -e 'DROP TABLE shop.orders'": {"shop"},
    "mariadb -NBe 'truncate orders' shop": {"shop"},
    "mysql --exec='drop database shop'": {"shop"},
    "mysql shop -e 'source /srv/wipe.sql'": {"shop"},
    "mysql shop -e '\\. /srv/wipe.sql'": {"shop"},
    "mysql -e 'use shop; update orders set a = 1'": {"shop"},
    "mysql shop <<< 'REPLACE INTO orders VALUES (1)'": {"shop"},
    "mysql shop -e \"select 'it\\'s'; delete from orders\"": {"shop"},
    "mysql shop -e '/*!40000 DROP TABLE orders */'": {"shop"},
    "mysql shop -e \"LOAD DATA INFILE 'a' REPLACE INTO TABLE orders\"": {"shop"},
    "mysql --init-command='drop table orders' shop -e 'select 1'": {"shop"},
    "mysql shop -e 'RESET MASTER'": {"shop"},
    "cat /srv/ask.sql /srv/wipe.sql | mysql shop": {"shop"},
    "cat <<E | mysql shop\nDROP TABLE a;\nE": {"shop"},
    # MariaDB runs what it analyzes, what its own comments hold, and a statement under settings of its own
    "mysql shop -e 'ANALYZE DELETE FROM orders'": {"shop"},
    "mariadb shop -e 'analyze format=json update orders set a = 1'": {"shop"},
    "mysql shop -e 'ANALYZE FORMAT = JSON REPLACE INTO orders VALUES (1)'": {"shop"},
    "mysql shop -e '/*M! DELETE FROM orders */'": {"shop"},
    "mysql shop -e '/*M!100100 TRUNCATE orders */'": {"shop"},
    "mysql shop -e 'SET STATEMENT max_statement_time = 9 FOR DELETE FROM orders'": {"shop"},
    "mysql -e 'set statement a = 1, b = 2 for drop table shop.orders'": {"shop"},
    "mysql shop -e \"EXECUTE IMMEDIATE 'DELETE FROM orders'\"": {"shop"},
    "mysqladmin -f -uroot -psecret drop shop": {"shop"},
    "mysqlimport -D shop /srv/rows.csv": {"shop"},
    "mysqlimport --replace shop /srv/rows.csv": {"shop"},
    "mysqldump -r /srv/c.txt shop": {"/srv/c.txt"},
    "mysqldump --delete-master-logs shop": {"MySQL"},
    # psql
    "psql shop -c \"SELECT 1 FROM a WHERE b LIKE 'a\\_%' ESCAPE '\\'; DELETE FROM a\"": {"shop"},
    "psql shop -c \"select E'it\\'s'; drop table a\"": {"shop"},
    "psql shop -c 'select $$;$$; drop table a'": {"shop"},
    "psql shop -c 'select 1 /* a /* b */ c */; drop table a'": {"shop"},
    "psql -qAtX -d shop -c 'with a as (delete from b returning *) select * from a'": {"shop"},
    "psql shop -c 'with a as (select 1) update b set c = 1'": {"shop"},
    "psql shop -c 'explain analyze delete from a'": {"shop"},
    "psql shop -c 'EXPLAIN (ANALYZE, BUFFERS) DELETE FROM a'": {"shop"},
    "psql shop -c 'drop owned by app cascade'": {"shop"},
    "psql shop -c 'alter table a drop column b'": {"shop"},
    "psql shop -c 'alter table a drop b'": {"shop"},
    "psql shop -c 'TRUNCATE a, b RESTART IDENTITY'": {"shop"},
    "psql shop -c 'merge into a using b on a.id = b.id when matched then delete'": {"shop"},
    "psql -U shop -c 'delete from a'": {"shop"},
    "psql postgresql://u:p@localhost:5432/shop -c 'delete from a'": {"shop"},
    "psql 'host=localhost dbname=shop' -c 'delete from a'": {"shop"},
    "PGDATABASE=shop psql -c 'delete from a'": {"shop"},
    "psql --dbname=shop --file=/srv/wipe.sql": {"shop"},
    "psql shop -f - < /srv/wipe.sql": {"shop"},
    "psql shop -c '\\i /srv/wipe.sql'": {"shop"},
    "psql postgres -f /srv/connected.sql": {"shop"},
    "psql shop -f - < /srv/output.sql": {"/srv/c.txt"},
    "psql shop -o /srv/app.db -c 'select 1'": {"/srv/app.db"},
    "psql shop --output=/srv/c.txt -c 'select 1'": {"/srv/c.txt"},
    "psql shop -c '\\copy orders to /srv/c.txt csv'": {"/srv/c.txt"},
    "psql shop -c \"\\copy (select * from orders) to '/srv/c.txt'\"": {"/srv/c.txt"},
    "psql shop <<'E'\nselect 1 \\g /srv/c.txt\nE": {"/srv/c.txt"},
    "psql shop -c \"copy orders to '/srv/c.txt'\"": {"/srv/c.txt"},
    "psql shop -v t=orders -f - <<< 'drop table :t;'": {"shop"},
    "psql shop <<'E'\nSELECT format('DROP TABLE %I', tablename) FROM pg_tables \\gexec\nE": {"shop"},
    "psql shop -c \"SELECT truncate_tables('root')\"": {"shop"},
    "psql shop <<'E'\nCOPY a FROM stdin;\nit's\t1\n\\.\nDROP TABLE b;\nE": {"shop"},
    "pg_restore -c -d shop dump.bin": {"shop"},
    "pg_restore --clean --if-exists --dbname=shop dump.bin": {"shop"},
    "pg_dump shop -f /srv/c.txt": {"/srv/c.txt"},
    "pg_dump -Fc --file=/srv/c.txt shop": {"/srv/c.txt"},
    "dropdb --if-exists -f shop": {"shop"},
    # sqlite3
    "sqlite3 -cmd 'DELETE FROM t' /srv/app.db 'select 1'": {"/srv/app.db"},
    "sqlite3 -init /srv/wipe.sql /srv/app.db .tables": {"/srv/app.db"},
    "sqlite3 /srv/app.db < /srv/wipe.sql": {"/srv/app.db"},
    "sqlite3 /srv/app.db '.read /srv/wipe.sql'": {"/srv/app.db"},
    "sqlite3 -batch -bail /srv/app.db \"select 1; update t set a = 'x;y'\"": {"/srv/app.db"},
    "sqlite3 /srv/app.db \"select writefile('/srv/c.txt', 'x')\"": {"/srv/c.txt"},
    "sqlite3 :memory: \"select writefile('/srv/c.txt', 'x')\"": {"/srv/c.txt"},
    "sqlite3 /srv/app.db '.output /srv/c.txt' 'select 1'": {"/srv/c.txt"},
    "sqlite3 /srv/app.db '.once /srv/c.txt' 'select 1'": {"/srv/c.txt"},
    "sqlite3 /srv/app.db '.backup /srv/other.db'": {"/srv/other.db"},
    "sqlite3 /srv/app.db \".backup main '/srv/other.db'\"": {"/srv/other.db"},
    "sqlite3 /srv/app.db '.restore /srv/other.db'": {"/srv/app.db"},
    "sqlite3 /srv/app.db '.save /srv/other.db'": {"/srv/other.db"},
    "sqlite3 /srv/app.db \"attach '/srv/other.db' as o; delete from o.t\"": {"/srv/other.db"},
    "sqlite3 '' '.open --new /srv/app.db'": {"/srv/app.db"},
    "echo 'drop table t' | sqlite3 /srv/app.db": {"/srv/app.db"},
    "cd /srv && sqlite3 app.db 'insert or replace into t values (1)'": {"/srv/app.db"},
    # redis
    "redis-cli -h 127.0.0.1 -p 6379 -a secret FLUSHALL ASYNC": {"every database of this Redis"},
    "redis-cli -n 3 del a b": {"Redis database 3"},
    "redis-cli -u redis://localhost/4 unlink a": {"Redis database 4"},
    "redis-cli --no-auth-warning expire a 0": {"Redis database 0"},
    "redis-cli --pipe < /srv/wipe.redis": {"Redis database 2"},
    "redis-cli < /srv/wipe.redis": {"Redis database 2"},
    "printf 'SELECT 1\\nFLUSHDB\\n' | redis-cli": {"Redis database 1"},
    "redis-cli --scan --pattern 'sess:*' | xargs redis-cli del": {"Redis database 0"},
    "redis-cli eval \"return redis.call('del', unpack(redis.call('keys', 'sess:*')))\" 0": {"Redis database 0"},
    "redis-cli rename a b": {"Redis database 0"},
    "redis-cli restore a 0 x replace": {"Redis database 0"},
    "redis-cli sinterstore a b c": {"Redis database 0"},
    "redis-cli script flush": {"Redis database 0"},
    "redis-cli replicaof 10.0.0.1 6379": {"every database of this Redis"},
    "redis-cli --rdb /srv/c.txt": {"/srv/c.txt"},
    # others
    "mongosh shop /srv/wipe.js": {"shop"},
    "mongosh mongodb://localhost:27017/shop --quiet --eval 'db.users.deleteMany({})'": {"shop"},
    "mongosh --eval \"db.getSiblingDB('shop').dropDatabase()\"": {"shop"},
    "mongosh <<'E'\nuse shop\ndb.users.drop()\nE": {"shop"},
    "mongo shop --eval 'db.runCommand({dropDatabase: 1})'": {"shop"},
    "mongorestore --drop --db shop dump/shop": {"shop"},
    "mongoimport -d shop -c users --drop --file /srv/rows.csv": {"shop"},
    "mongoexport -d shop -c users -o /srv/c.txt": {"/srv/c.txt"},
    "mongodump --archive=/srv/c.txt": {"/srv/c.txt"},
    "clickhouse-client -d shop -q 'ALTER TABLE a DELETE WHERE 1'": {"shop"},
    "clickhouse-client --query='DROP DATABASE shop'": {"shop"},
    "influx -execute 'DROP DATABASE shop'": {"shop"},
    "influx bucket delete -n shop": {"shop"},
    "cqlsh -e 'DROP KEYSPACE shop'": {"shop"},
    "etcdctl del --prefix /": {"etcd"},
    # inside of a container
    "docker exec -i shop-db-1 mysql -uroot -psecret shop <<< 'drop table a'": {"shop in shop-db-1"},
    "docker exec -i shop-db-1 psql -U postgres shop < /srv/wipe.sql": {"shop in shop-db-1"},
    "docker exec shop-db-1 redis-cli flushdb": {"Redis database 0 in shop-db-1"},
}  # fmt: skip


@pytest.mark.parametrize("line", LOST)
def test_a_loss_is_named(line: str) -> None:
    """However the statement reaches the client."""
    found = host().judge(line)
    assert {each.name for each in found.lost} == LOST[line]


SAFE = [
    "mysql -uroot -psecret shop -e 'show tables'", "mysql -uroot -pcret shop -e 'select count(*), max(id) from orders'",
    "mysql shop -e 'select * from orders\\G'", "mysql shop < /srv/ask.sql", "mysql shop -e \"select 'drop table a'\"",
    "mysql shop -e 'select * from a where b = \"it; drop table a\"'", "mysql shop -e 'desc orders'",
    "mysqladmin -uroot -psecret status processlist", "mysqldump -uroot -psecret --single-transaction shop",
    "mysqldump shop orders --where='id > 1'", "mysqldump -r /srv/new.sql shop", "mysqldump --all-databases",
    "psql shop -c 'select count(*) from orders'", "psql shop -f /srv/ask.sql", "psql -l", "psql shop -c '\\d+ orders'",
    "psql shop -c '\\dt' -c '\\l'", "psql shop -c 'explain delete from orders'", "psql shop -c 'VACUUM FULL orders'",
    "psql shop -Atc \"select pg_size_pretty(pg_database_size('shop'))\"",
    "psql shop -c \"select now(), 'a;drop table b'\"",
    "psql shop -c 'select (select max(id) from a), coalesce(b, 0) from c where d in (1, 2)'",
    "psql shop -c 'table orders'",
    "psql shop -c \"select * from pg_stat_activity where state = 'active' and query not like '%drop%'\"",
    "psql shop -c '\\copy orders to /srv/new.csv csv'", "psql shop -c 'copy orders to stdout'",
    "psql shop -o /srv/new -c 'select 1'",
    "psql shop -c \"select to_char(now(), 'YYYY') as y, count(*) over (partition by a) from b group by 1\"",
    "psql shop -c 'select a::varchar(10), b::numeric(10,2) from c'", "psql shop -v ON_ERROR_STOP=1 -c 'select 1'",
    "psql shop -c 'create index on orders (id)'", "pg_dump shop", "pg_dump -c -Fc -f /srv/new.dump shop",
    "pg_restore -l dump.bin",
    "pg_dumpall --globals-only", "createdb shop2", "vacuumdb --all --analyze", "pg_isready -h localhost",
    "sqlite3 /srv/app.db 'select count(*) from t'", "sqlite3 /srv/app.db .dump",
    "sqlite3 -header -column /srv/app.db 'select * from t'",
    "sqlite3 /srv/app.db '.backup /srv/new.db'", "sqlite3 /srv/app.db .tables",
    "sqlite3 /srv/app.db 'pragma integrity_check'",
    "sqlite3 :memory: 'create table t(a); insert or replace into t values (1)'", "sqlite3 /srv/app.db 'vacuum'",
    "sqlite3 -json /srv/app.db \"select json_extract(a, '$.b'), upper(c) from t\"",
    "sqlite3 /srv/absent.db 'drop table t'",
    "redis-cli -a secret ping", "redis-cli --scan --pattern 'a*'", "redis-cli -n 2 get a", "redis-cli info memory",
    "redis-cli --bigkeys",
    "redis-cli config get '*'", "redis-cli client list", "redis-cli bgsave",
    "redis-cli eval \"return redis.call('get', 'a')\" 0",
    "mongosh shop --quiet --eval 'db.users.find({}).limit(3)'", "mongosh --eval 'show dbs'", "mongosh shop /srv/ask.js",
    "clickhouse-client -q 'select count() from a'", "influx -execute 'show databases'", "cqlsh -e 'describe keyspaces'",
    "docker exec shop-db-1 psql -U postgres -c 'select 1'", "docker exec shop-db-1 mysqldump -uroot -px shop",
]  # fmt: skip


@pytest.mark.parametrize("line", SAFE)
def test_what_only_asks_is_safe(line: str) -> None:
    """Questions of built-in functions, dumps into what is not there yet, and the clients' own reading lines."""
    found = host().judge(line)
    assert (verdict(found), found.unknown) == ("safe", ())


UNKNOWN = [
    "psql shop -c 'select cleanup()'", "psql shop -c 'select app.count(*) from a'",
    "psql shop -c \"select setval('a', 1)\"",
    "psql shop -c 'do $$ begin delete from a; end $$'", "psql shop -c 'call tidy()'", "psql shop -c 'execute p'",
    "psql shop -c '\\! ls'", "psql shop -c \"copy a to program 'cat'\"", "psql shop -c 'select 1 \\gexec'",
    "psql shop -f /srv/absent.sql",
    "psql shop -o '|cat' -c 'select 1'", "psql shop --frobnicate -c 'select 1'", "psql shop -c \"select 'a\"",
    "psql shop -c '\\i `ls`'",
    "psql shop -f - <<< 'drop table :t'", "psql shop < $FILE", "psql -d $DB -c 'select x()'",
    "psql shop -c 'insert into a values (1)'",
    "psql shop -c 'insert into a values (1) on conflict (id) do update set b = 2'", "gunzip -c x.gz | psql shop",
    "mysql shop -e 'call tidy()'", "mysql shop -e 'system ls'", "mysql shop -e '\\! ls'", "mysql shop -e \"$SQL\"",
    "mysql --frobnicate",
    "mysql shop -e \"select * from a into outfile '/srv/c.txt'\"", "sqlite3 /srv/app.db '.shell ls'",
    "sqlite3 /srv/app.db '.load x'",
    "sqlite3 /srv/app.db \"select load_extension('x')\"", "sqlite3 /srv/app.db \"select edit('x')\"",
    "sqlite3 /srv/app.db '.read |ls'",
    "sqlite3 /srv/app.db '.import /srv/rows.csv t'", "sqlite3 -A -x -f a.sqlar",
    "sqlite3 /srv/app.db \"select writefile(a, 'x') from t\"",
    "redis-cli set a 1", "redis-cli config set dir /", "redis-cli debug reload", "redis-cli evalsha abc 0",
    "redis-cli frobnicate", "psql shop --command=\"$SQL\"", "psql shop --comm=$SQL", "psql shop -c\"$SQL\"",
    "mysql shop --execute=\"$(x)\"", "mysql shop -e$SQL", "mysql shop -Ne\"$SQL\"",
    "sqlite3 -cmd=$X /srv/app.db 'select 1'",
    "redis-cli set a 1", "redis-cli mset a 1", "redis-cli getset a b", "redis-cli bitop not a b",
    "redis-cli eval \"redis.call(ARGV[1])\" 0", "mongosh --eval 'tidy()'", "mongosh absent.js",
    "mongorestore dump", "pg_restore -d shop dump.bin", "clickhouse-client -q 'system stop merges'", "etcdctl put a b",
    "docker exec shop-db-1 psql -f /x.sql", "docker exec shop-db-1 psql -o /x -c 'select 1'",
]  # fmt: skip


@pytest.mark.parametrize("line", UNKNOWN)
def test_the_rest_is_unknown(line: str) -> None:
    """Whatever can do anything, and whatever only adds: no loss is invented, and none is denied."""
    found = host().judge(line)
    assert found.unknown
    assert found.lost == ()


@pytest.mark.parametrize("line", [
    "psql shop --command=\"$SQL\"", "psql shop -c$SQL", "psql shop --file=$F", "mysql shop --execute=\"$(x)\"",
    "mysql shop -e$SQL", "mysql shop -Ne\"$SQL\"", "mysql --init-command=$X shop -e 'select 1'",
    "psql shop --output=$F -c 'select 1'", "redis-cli set a 1", "redis-cli setex a 9 b", "redis-cli mset a 1 b 2",
    "redis-cli getset a b", "redis-cli bitop not a b", "redis-cli lset a 0 b", "redis-cli hset a b c",
    "echo 'set a 1' | redis-cli", "redis-cli -x set a < /srv/ask.sql", "redis-cli swapdb 0 1",
    "redis-cli json.set a $ 1", "redis-cli setrange a 0 b",
])  # fmt: skip
def test_what_may_write_over_is_asked_about(line: str) -> None:
    """A statement that is only known when it runs, in whatever word it is given; a key that may be there already."""
    found = host().judge(line)
    assert (verdict(found), risk(found.unknown)) == ("unknown", "high")


@pytest.mark.parametrize(
    "line", ["redis-cli set a 1 nx", "redis-cli setnx a 1", "redis-cli incr a", "redis-cli lpush a b"]
)
def test_what_only_adds_is_of_low_risk(line: str) -> None:
    """They refuse where the key is there, or keep what it holds."""
    assert risk(host().judge(line).unknown) == "low"
