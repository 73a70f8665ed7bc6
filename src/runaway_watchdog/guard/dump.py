"""The dump that is worth having before a database dies: which kind it seems to be, and how its own tool dumps it.

The preflight knows a database by its files or by its container's name; so this is an offer to a person, in words that
say "seems". The commands are the ones of the official images' documentation: their accounts are in the container's
own environment, and no secret is written into the line.
"""

import re
from shlex import quote
from typing import Final, NamedTuple

from runaway_watchdog.guard.decide import Loss
from runaway_watchdog.hostile import shown_command


class _Engine(NamedTuple):
    name: str
    known_by: re.Pattern[str]
    dump: str | None  # what its container's shell runs
    ending: str = ""


_POSTGRES: Final = 'pg_dumpall -U "${POSTGRES_USER:-postgres}"'
_MYSQL: Final = 'exec mysqldump --all-databases -uroot -p"$MYSQL_ROOT_PASSWORD"'
_MARIADB: Final = 'exec mariadb-dump --all-databases -uroot -p"${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}"'
_MONGODB: Final = (
    'exec mongodump --archive ${MONGO_INITDB_ROOT_USERNAME:+-u "$MONGO_INITDB_ROOT_USERNAME" '
    '-p "$MONGO_INITDB_ROOT_PASSWORD" --authenticationDatabase admin}'
)
_ENGINES: Final = (
    _Engine("PostgreSQL", re.compile(r"postgres|pgdata|\bpsql\b|timescale|postgis", re.I), _POSTGRES, "sql"),
    _Engine("MariaDB", re.compile(r"mariadb", re.I), _MARIADB, "sql"),
    _Engine("MySQL", re.compile(r"mysql|ibdata", re.I), _MYSQL, "sql"),
    _Engine("MongoDB", re.compile(r"mongo|wiredtiger", re.I), _MONGODB, "archive"),
    _Engine("Redis", re.compile(r"redis|valkey", re.I), None),
    _Engine("SQLite", re.compile(r"sqlite", re.I), None),
    _Engine("", re.compile(r"database|(?:^|[-_./])db(?:$|[-_./\d])|elastic|influx|clickhouse|couchdb", re.I), None),
)


class Offer(NamedTuple):
    """What to dump, in words, and the command where it can be written down."""

    words: str
    command: str | None


def offer(losses: tuple[Loss, ...]) -> Offer | None:
    """The dump to offer for the first of these that seems to be a database; None where none does."""
    for loss in losses:
        engine = _engine(loss)
        if engine is None:
            continue
        kind = f"a {engine.name} database" if engine.name else "a database"
        words = f"{loss.type} {loss.name} seems to hold {kind}"
        return Offer(words, _command(engine, loss))
    return None


def _engine(loss: Loss) -> _Engine | None:
    """By the thing's own name and the reason first, then by who uses it."""
    for text in (f"{loss.name} {loss.why}", " ".join(loss.used_by)):
        for engine in _ENGINES:
            if engine.known_by.search(text):
                return engine
    return _ENGINES[-1] if loss.type == "database" else None


def _command(engine: _Engine, loss: Loss) -> str | None:
    """Only for a volume that one container uses: the container that holds the database is not guessed."""
    if engine.dump is None or loss.type != "volume" or len(loss.used_by) != 1:
        return None
    container = loss.used_by[0]
    if shown_command(container) is None or "…" in container:
        return None
    return f"docker exec {quote(container)} sh -c {quote(engine.dump)} > {quote(f'{container}.{engine.ending}')}"
