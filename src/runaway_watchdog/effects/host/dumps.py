"""Databases: which kind something seems to be, and how that kind's own tool dumps it. The one place for these lines.

A copy of a live database's files (tar, cp, a snapshot of a volume) is no backup: its log and its tables are from
different moments. Known by words alone (a volume's, an image's or a container's name, the files in it), so whoever
shows it says "seems". The commands are the ones of the official images' documentation: their accounts are in the
container's own environment, and no secret is written into a line. Asked by the plan, the preflight and the guard.
"""

import re
from collections.abc import Iterable
from shlex import quote
from typing import Final, NamedTuple

from runaway_watchdog.masking import shown_command


class Database(NamedTuple):
    """A kind. `in_container` is a line for its container's shell, `on_host` for root's; both write the dump out."""

    name: str  # "": a database, of whatever kind
    known_by: re.Pattern[str]
    in_container: str | None = None
    on_host: str | None = None
    ending: str = ""
    in_memory: bool = False  # it may keep in memory alone what it has acknowledged


_MONGODB: Final = (
    'exec mongodump --archive ${MONGO_INITDB_ROOT_USERNAME:+-u "$MONGO_INITDB_ROOT_USERNAME" '
    '-p "$MONGO_INITDB_ROOT_PASSWORD" --authenticationDatabase admin}'
)
_MARIADB: Final = 'exec mariadb-dump --all-databases -uroot -p"${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}"'
_REDIS: Final = "redis-cli --rdb -"
SQLITE: Final = Database("SQLite", re.compile(r"sqlite", re.I))
DATABASES: Final = (
    Database(
        "PostgreSQL",
        re.compile(r"postgres|pgdata|\bpsql\b|timescale|postgis", re.I),
        'pg_dumpall -U "${POSTGRES_USER:-postgres}"',
        "runuser -u postgres -- pg_dumpall",
        "sql",
    ),
    Database("MariaDB", re.compile(r"mariadb", re.I), _MARIADB, "mariadb-dump --all-databases", "sql"),
    Database(
        "MySQL",
        re.compile(r"mysql|ibdata", re.I),
        'exec mysqldump --all-databases -uroot -p"$MYSQL_ROOT_PASSWORD"',
        "mysqldump --all-databases",
        "sql",
    ),
    Database("MongoDB", re.compile(r"mongo|wiredtiger", re.I), _MONGODB, "mongodump --archive", "archive"),
    Database("Redis", re.compile(r"redis|valkey", re.I), _REDIS, _REDIS, "rdb", in_memory=True),
    SQLITE,
    Database("", re.compile(r"database|(?:^|[-_./])db(?:$|[-_./\d])|elastic|influx|clickhouse|couchdb", re.I)),
)
"""In this order: what is named first is more particular."""
UNNAMED: Final = DATABASES[-1]
SQLITE_FILE: Final = re.compile(r"/.+\.(?:sqlite3?|db3?)")


def seems(texts: Iterable[str]) -> Database | None:
    """What the texts (an image, a name, a file) look like; an earlier text counts before a later one, and one that
    only says that it is a database after all."""
    found = (each for text in texts for each in DATABASES if each.known_by.search(text))
    return min(found, key=lambda each: each is UNNAMED, default=None)


def command(found: Database, container: str, folder: str = "", docker: str = "docker") -> str | None:
    """The dump of a container's database into a file of this host, named after the container; `folder` "": where the
    line is typed. `docker` is the engine's command, for a shell. None where the kind has no such tool, or the
    container's name cannot be typed."""
    if found.in_container is None or shown_command(container) is None or "…" in container:
        return None
    copy = quote(file(found, container, folder))
    return f"{docker} exec {quote(container)} sh -c {quote(found.in_container)} > {copy}"


def file(found: Database, name: str, folder: str = "") -> str:
    """Where that dump is kept."""
    return f"{folder}/{name}.{found.ending}" if folder else f"{name}.{found.ending}"


def of_host(found: Database, copy: str, options: str = "") -> str | None:
    """The same for a database that runs on the host itself, by the account that its package gives to root; `options`
    say which one."""
    return None if found.on_host is None else f"{found.on_host}{options} > {quote(copy)}"


def of_file(path: str, copy: str) -> str | None:
    """The same for a file of SQLite, by its own backup, which waits for writers; None for any other file."""
    if not SQLITE_FILE.fullmatch(path):
        return None
    return f"sqlite3 {quote(path)} {quote(f'.backup {_dotted(copy)}')}"


def _dotted(path: str) -> str:
    """A file's name as a dot-command of sqlite3 reads it: in single quotes it knows no way to write one of them."""
    name = f"./{path}" if path.startswith("-") else path
    return '"' + name.replace("\\", r"\\").replace('"', r"\"") + '"'
