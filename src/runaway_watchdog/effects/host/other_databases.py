"""clickhouse-client, influx, cqlsh, etcdctl: statements on the command line, by their first words."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host.database_client import Session
from runaway_watchdog.effects.host.getopt import Grammar, given, grammar
from runaway_watchdog.effects.host.sql import CLICKHOUSE, CQL, INFLUXQL, Dialect
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import World

_CLICKHOUSE = grammar(
    "-q --query --queries-file -d --database -h --host --port -u --user --password -f --format -F --param -C "
    "--config-file "
    "--config --max_memory_usage --max_threads --connection --log-level --send_logs_level --input-format "
    "--output-format -i "
    "--interactive-x --path -N --table -S --structure",
    "-m --multiline -n --multiquery -t --time -s --secure --stacktrace --progress --version -V --help --echo "
    "--verbose -E "
    "--vertical --ignore-error -v --no-warnings --highlight --ask-password",
)
_CQLSH = grammar(
    "-e --execute -f --file -k --keyspace -u --username -p --password --encoding --cqlshrc --credentials --cqlversion "
    "--protocol-version --connect-timeout --request-timeout -b --secure-connect-bundle --auth_provider",
    "-C --color --no-color --browser --ssl --no_compact --no-file-io --debug --coverage --help --version -v -t --tty "
    "--disable-history --insecure-password-without-warning -S",
)
_INFLUX = grammar(
    "-execute -database -host -port -username -password -format -precision -path -socket -type -consistency -node",
    "-ssl -unsafeSsl -pretty -version -import -compressed -help",
    one_dash=True,
)


class _Client(NamedTuple):
    known: Grammar
    dialect: Dialect
    database: tuple[str, ...]  # options that name the database
    inline: tuple[str, ...]  # … that hold statements
    scripts: tuple[str, ...] = ()  # … that name a file of them


_CLIENTS = {
    "clickhouse": _Client(_CLICKHOUSE, CLICKHOUSE, ("-d", "--database"), ("-q", "--query"), ("--queries-file",)),
    "cqlsh": _Client(_CQLSH, CQL, ("-k", "--keyspace"), ("-e", "--execute"), ("-f", "--file")),
    "influx": _Client(_INFLUX, INFLUXQL, ("-database",), ("-execute",)),
}
_INFLUX_NOUNS = frozenset(
    ("bucket", "org", "user", "auth", "task", "telegrafs", "secret", "v1", "stacks", "remote", "replication", "config",
     "dashboards", "template", "scripts", "server-config", "bucket-schema", "export", "backup", "ping", "version",
     "query",
     "transpile", "write", "restore", "delete", "setup", "apply", "checks", "help", "completion")
)  # fmt: skip
_ETCD_READS = frozenset(
    ("get", "watch", "version", "member", "endpoint", "check", "alarm", "user", "role", "lease", "help")
)


def clickhouse(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    words = command.words[1:]
    if command.program == "clickhouse":
        if not words or words[0].text not in ("client", "local"):
            return Outcome((), host, (f"what `{shown(command)}` does is not judged",))
        words = words[1:]
    return _run(_CLIENTS["clickhouse"], words, Session(command, host, world, "ClickHouse", local=local))


def cqlsh(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    return _run(_CLIENTS["cqlsh"], command.words[1:], Session(command, host, world, "Cassandra", local=local))


def influx(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """Version 1 has -execute, version 2 nouns and verbs."""
    texts = [word.text for word in command.words[1:]]
    if texts and texts[0] in _INFLUX_NOUNS:
        return _influx_two(texts, command, host, world, local=local)
    return _run(_CLIENTS["influx"], command.words[1:], Session(command, host, world, "InfluxDB", local=local))


def _influx_two(texts: list[str | None], command: Command, host: HostState, world: World, *, local: bool) -> Outcome:
    words = dict(pairwise(texts))
    name = words.get("--bucket") or words.get("-b") or words.get("--name") or words.get("-n") or "InfluxDB"
    session = Session(command, host, world, name, local=local)
    if "delete" in texts[:3] or "rm" in texts[:3] or "remove" in texts[:3]:
        session.lose(f"influx {' '.join(text or '?' for text in texts[:2])}")
    elif texts[0] == "restore" and "--full" in texts:
        session.lose("influx restore --full replaces all data", "InfluxDB")
    elif "update" in texts or texts[0] in ("restore", "setup", "apply", "stacks"):
        session.doubt(f"what `{shown(command)}` does is not judged")
    elif texts[0] == "write":
        session.mild(f"which points `{shown(command)}` writes is not looked up")
    return session.outcome()


def _run(client: _Client, words: Sequence[Word], session: Session) -> Outcome:
    """The statements that the options hold, those of their files; else what is typed."""
    read = given(words, client.known)
    arguments = read.arguments
    command = session.command
    if arguments.has("--version", "-version", "--help", "-help"):
        return session.outcome()
    session.database = arguments.value(*client.database) or session.database
    for option in read.strange:
        session.doubt(f"{command.program}: the option {option} is not known")
    texts = [value for name, value in arguments.options if name in client.inline]
    texts += [session.read(value) for name, value in arguments.options if name in client.scripts]
    if not texts and session.interactive:
        session.mild(f"what is typed into `{shown(command)}` is not known")
    for text in texts or ([] if session.interactive else [session.typed()]):
        for line in session.sql(text, client.dialect):
            session.strange(line.text)
    return session.outcome()


def etcd(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """etcdctl: its verb stands after options of which most have their value in the same word."""
    session = Session(command, host, world, "etcd", local=local)
    texts = [word.text for word in command.words[1:]]
    verbs = [text for text in texts if text is not None and re.fullmatch(r"[a-z-]+", text) and not text.startswith("-")]
    if {"del", "rm", "rmdir"} & set(verbs):
        session.lose("etcdctl del")
    elif verbs[:1] == ["put"] or verbs[:1] == ["set"]:
        session.mild(f"what `{shown(command)}` writes over is not looked up")
    elif None in texts or not verbs or verbs[0] not in _ETCD_READS or {"remove", "delete", "revoke"} & set(verbs):
        session.doubt(f"what `{shown(command)}` does is not judged")
    return session.outcome()
