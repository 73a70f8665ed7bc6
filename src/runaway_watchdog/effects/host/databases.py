"""psql, mysql, mongosh, redis-cli, sqlite3, dropdb: what a statement would destroy.

SQL is read only as far as is needed: its statements are told apart, and each is known by its first words. What is
neither surely a question nor surely a loss is unknown; what stands inside a database is not looked up.
"""

import re
from collections.abc import Iterator, Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import answers as answers_host, places
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

READS = re.compile(
    r"(?:SELECT|SHOW|EXPLAIN(?!\s+ANALY[SZ]E)|DESC(?:RIBE)?|VALUES|TABLE|PRAGMA\s+\w+\s*$|USE|SET|BEGIN|START|COMMIT|ROLLBACK|END"
    r"|\.(?:tables|schema|databases|headers|mode|indexes|dump|quit|exit)|\\(?:d\w*\+?|l\+?|c|x|conninfo|timing|q|pset|echo)\b)\b",
    re.IGNORECASE,
)
"""Statements that change nothing, unless they write by way of a function or INTO."""
WRITES_ANYWAY = re.compile(
    r"\bINTO\b|\bpg_(?:terminate|cancel)_backend\b|\blo_(?:unlink|import|export)\b|\bnextval\b|\bsetval\b"
    r"|\bpg_(?:drop|reload|rotate|switch|promote|create)\w*\(|\bdblink\w*\(|\bpg_(?:read|ls|write)\w*\(|\bFOR\s+(?:UPDATE|SHARE)\b"
    r"|\b(?:DELETE|UPDATE|INSERT|DROP|TRUNCATE|ALTER)\b",
    re.IGNORECASE,
)
DESTROYS = re.compile(
    r"(?P<what>DROP|DELETE|TRUNCATE|UPDATE|ALTER(?=.*\bDROP\b)|REPLACE|MERGE|RESET\s+MASTER|PURGE)\b"
    r"(?P<kind>(?:\s+(?:FROM|TABLE|INTO|ONLY|DATABASE|SCHEMA|VIEW|INDEX|USER|ROLE|SEQUENCE|IF|EXISTS))*)"
    r"\s*(?P<name>[\w.\"`\[\]-]{0,120})",
    re.IGNORECASE | re.DOTALL,
)
USE = re.compile(r"(?:USE\s+|\\(?:c|connect)\s+|\\u\s+)[`\"]?(?P<name>[\w-]+)", re.IGNORECASE)
"""Goes on in another database: MySQL's USE and \\u, psql's \\c."""
REDIS_READS = frozenset(
    (
        "GET", "MGET", "KEYS", "SCAN", "INFO", "PING", "DBSIZE", "TTL", "PTTL", "TYPE", "EXISTS", "LRANGE", "LLEN",
        "HGETALL", "HGET", "HKEYS", "HLEN", "SMEMBERS", "SCARD", "ZRANGE", "ZCARD", "STRLEN", "MEMORY", "SLOWLOG",
        "LATENCY", "COMMAND", "ECHO", "TIME", "LASTSAVE", "ROLE", "AUTH", "MONITOR",
    )
)  # fmt: skip
REDIS_DESTROYS = frozenset(("FLUSHALL", "FLUSHDB", "DEL", "UNLINK", "GETDEL", "EXPIRE", "LTRIM", "SWAPDB"))
MONGO_DESTROYS = re.compile(
    r"\b(?:dropDatabase|drop|dropIndexes|deleteMany|deleteOne|remove|findOneAndDelete|replaceOne|updateMany|updateOne"
    r"|findOneAndUpdate|findOneAndReplace|bulkWrite|renameCollection)\s*\("
)
MONGO_READS = re.compile(
    r"(?:show\s+\w+|db\.(?:stats|version|serverStatus|getCollectionNames|currentOp|hostInfo)\(\)"
    r"|db\.[\w.]+\.(?:find|findOne|count|countDocuments|estimatedDocumentCount|distinct|stats|getIndexes)\([^()]*\)"
    r"(?:\.(?:limit|sort|count|pretty|toArray)\([^()]*\))*)",
)
NO_DATABASE = "MySQL"
"""Stands for the database of a client that was given none."""
NO_UNDO = "nothing but a backup brings it back"


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family does, to the server that it reaches from here."""
    return _BY_PROGRAM[command.program or ""](command, host, world)


def _psql(command: Command, host: HostState, world: World) -> Outcome:
    words = of(
        command,
        "-c --command -f --file -d --dbname -U --username -h --host -p --port -v --set --variable -F -R -o --output "
        "-P --pset -T -L --log-file",
    )
    name = words.value("-d", "--dbname") or next(iter(words.texts), None) or "PostgreSQL"
    if words.has("-l", "--list", "-V", "--version", "-?", "--help"):
        return Outcome((), host)
    return _sql(name, words, ("-c", "--command"), ("-f", "--file"), command, host, world)


def _mysql(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-e --execute -D --database -u --user -h --host -P --port -S --socket --defaults-file")
    name = words.value("-D", "--database") or next(iter(words.texts), None) or NO_DATABASE
    if words.has("-V", "--version", "--help"):
        return Outcome((), host)
    return _sql(name, words, ("-e", "--execute"), (), command, host, world)


def _sqlite(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-cmd -separator -nullvalue -init", stops=True)
    if not words.operands:
        return Outcome((), host, (f"what is typed into `{shown(command)}` is not known",))
    target = existing(words.operands[:1], command, places.tree(host, world), follow=True)
    name = target.found[0].real if target.found else (words.operands[0].text or words.operands[0].raw)
    if len(words.operands) == 1:
        return _statements(_typed(command, host, world), name, command, host)
    if not words.complete:
        return Outcome((), host, (f"the statement of `{shown(command)}` is only known when it runs",))
    if not target.found:
        return Outcome((), host, target.unknown)  # a new database: there is nothing to lose
    return _statements("; ".join(words.texts[1:]), name, command, host)


def _sql(
    name: str,
    words: Arguments,
    inline: Sequence[str],
    files: Sequence[str],
    command: Command,
    host: HostState,
    world: World,
) -> Outcome:
    """The statements of -c, of a file, or of a here-document."""
    given = [value for option, value in words.options if option in inline]
    for option, value in words.options:
        if option in files:
            given.append(_script(value, command, world))
    if not given:
        given = [_typed(command, host, world)]
    effects: list[Effect] = []
    unknown: list[str] = []
    for text in given:
        outcome = _statements(text, name, command, host)
        effects += outcome.effects
        unknown += outcome.unknown
    return Outcome(tuple(effects), host, tuple(unknown))


def _typed(command: Command, host: HostState, world: World) -> str | None:
    """What the line itself puts on standard input: a here-document, or the output of one command that is known."""
    if command.reads is None or command.reads.unknown or len(command.reads.commands) != 1:
        return command.here
    lines = answers_host.answer(command.reads.commands[0], host, world)
    return None if lines is None else "\n".join(lines)


def _script(path: str | None, command: Command, world: World) -> str | None:
    """The text of a file of SQL; None where it cannot be read whole."""
    if path is None or (not path.startswith("/") and command.folder is None):
        return None
    try:
        text = world.files.read(path if path.startswith("/") else f"{command.folder}/{path}")
    except OSError:
        return None
    return text if len(text) < 1 << 20 else None


def _statements(text: str | None, name: str, command: Command, host: HostState) -> Outcome:
    if text is None:
        return Outcome((), host, (f"the statements of `{shown(command)}` are only known when they run",))
    found: list[Effect] = []
    unknown: list[str] = []
    for statement in statements(text):
        if used := USE.match(statement):
            name = used["name"]
        elif lost := DESTROYS.match(statement):
            what = " ".join(lost["what"].upper().split())
            table = f" {lost['name']}" if lost["name"] else ""
            found.append(Effect("delete", "database", _database(lost, name), True, f"{what}{table}: {NO_UNDO}"))
        elif not READS.match(statement) or WRITES_ANYWAY.search(statement):
            short = " ".join(statement.split())[:50]
            unknown.append(f"what `{short}` does in the database {name} is not judged")
    return Outcome(tuple(found), host, tuple(unknown))


def _database(lost: re.Match[str], connected: str) -> str:
    """The database that a statement is about: that of DROP DATABASE, or MySQL's `shop.orders`, else the one in use."""
    named = lost["name"].strip('`"')
    if re.search(r"\bDATABASE\b", lost["kind"], re.IGNORECASE) and named:
        return named
    database, dot, _ = named.partition(".")
    return database.rstrip('`"') if dot and connected == NO_DATABASE else connected


def statements(text: str) -> Iterator[str]:
    """SQL's statements, without comments and the content of their strings. A client's own commands end with the line.

    PostgreSQL's $$…$$ bodies are not opened: what is inside looks like statements, and is judged as such.
    """
    plain = re.sub(
        r"/\*(?!!).*?\*/|--[^\n]*|(?<!\S)#[^\n]*", " ", re.sub(r"'(?:[^'\\]|''|\\.)*'", "''", text), flags=re.S
    )
    for part in re.split(r";|\\gexec\b|\\g\b|\n(?=\s*[.\\])", plain):
        if part.strip():
            yield re.sub(r"\s*/\*!\d*\s*|\s*\*/\s*", " ", part).strip()


def _dropdb(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "-U --username -h --host -p --port --maintenance-db")
    if not words.complete:
        return Outcome((), host, (f"which database `{shown(command)}` drops is only known when it runs",))
    found = tuple(Effect("delete", "database", each, True, f"dropdb deletes it: {NO_UNDO}") for each in words.texts[:1])
    return Outcome(found, host)


def _dropuser(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    return Outcome((), host, (f"what depends on the user that `{shown(command)}` drops is not looked up",))


def _mysqladmin(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "-u --user -h --host -P --port -S --socket --defaults-file").texts
    if "drop" in words:
        at = words.index("drop") + 1
        name = words[at] if at < len(words) else "?"
        return Outcome((Effect("delete", "database", name, True, f"mysqladmin drops it: {NO_UNDO}"),), host)
    if "shutdown" in words:
        return Outcome((Effect("stop", "database", "MySQL", False, "the server is shut down"),), host)
    if set(words) <= {"status", "ping", "version", "processlist", "variables", "extended-status"}:
        return Outcome((), host)
    return Outcome((), host, (f"what `{shown(command)}` does is not judged",))


def _redis(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-h -p -s -a -u -r -i -n --user --pass --cacert --cert --key -t", stops=True)
    if words.has("--version", "--help", "--stat", "--latency", "--bigkeys", "--memkeys", "--scan"):
        return Outcome((), host)
    if words.operands:
        return _redis_command(words.texts if words.complete else (), words.value("-n") or "0", command, host)
    typed = _typed(command, host, world)
    given = [line.split() for line in (typed or "").splitlines() if line.strip()]
    if typed is None or len(given) != 1:  # SELECT in one line changes what the next one means
        return Outcome((), host, (f"what is typed into `{shown(command)}` is not known",))
    return _redis_command(given[0], words.value("-n") or "0", command, host)


def _redis_command(texts: Sequence[str], database: str, command: Command, host: HostState) -> Outcome:
    if not texts:
        return Outcome((), host, (f"what `{shown(command)}` tells Redis is only known when it runs",))
    verb = texts[0].upper()
    name = f"Redis database {database}" if verb != "FLUSHALL" else "every database of this Redis"
    if verb in REDIS_DESTROYS:
        return Outcome((Effect("delete", "database", name, True, f"{verb}: {NO_UNDO}"),), host)
    if verb == "SHUTDOWN":
        lost = any(text.upper() == "NOSAVE" for text in texts)
        why = "what was not saved yet is lost" if lost else "the server is shut down, after it has saved"
        return Outcome((Effect("stop", "database", "Redis", lost, why),), host)
    reads = verb in REDIS_READS or (verb == "CONFIG" and [each.upper() for each in texts[1:2]] == ["GET"])
    return Outcome((), host, () if reads else (f"what `{verb}` does in {name} is not judged",))


def _mongo(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "--eval -f --file --host --port -u --username -p --password --authenticationDatabase")
    text = words.value("--eval") if words.has("--eval") else command.here
    name = next((each for each in words.texts if not each.endswith(".js")), "MongoDB")
    if text is None or any(each.endswith(".js") for each in words.texts):
        return Outcome((), host, (f"what `{shown(command)}` runs is only known when it runs",))
    if lost := MONGO_DESTROYS.search(text):
        return Outcome((Effect("delete", "database", name, True, f"{lost[0].rstrip('( ')}(): {NO_UNDO}"),), host)
    if all(MONGO_READS.fullmatch(part.strip()) for part in text.split(";") if part.strip()):
        return Outcome((), host)
    return Outcome((), host, (f"what `{shown(command)}` does is not judged",))


def _dump(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """pg_dump, mysqldump …: they read, and write a file only where they are told its name."""
    words = of(command, "-f --file -r --result-file -o --out --archive")
    if words.has("-f", "--file", "-r", "--result-file", "-o", "--out", "--archive", "--delete-master-logs"):
        return Outcome((), host, (f"whether `{shown(command)}` overwrites a file is not looked up",))
    return Outcome((), host)


_BY_PROGRAM = {
    "psql": _psql, "mysql": _mysql, "mariadb": _mysql, "sqlite3": _sqlite, "dropdb": _dropdb, "dropuser": _dropuser,
    "mysqladmin": _mysqladmin, "mariadb-admin": _mysqladmin, "redis-cli": _redis, "valkey-cli": _redis,
    "mongosh": _mongo, "mongo": _mongo, "pg_dump": _dump, "pg_dumpall": _dump, "mysqldump": _dump,
    "mariadb-dump": _dump, "mongodump": _dump, "pg_isready": _dump,
}  # fmt: skip
PROGRAMS = frozenset(_BY_PROGRAM)
