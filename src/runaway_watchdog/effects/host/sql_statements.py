"""What one SQL statement loses, or why that cannot be told.

A statement is known by its first words; a question is one only where every function that it calls is built in. UPDATE,
REPLACE and MERGE lose what the rows held before.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from runaway_watchdog.effects.host.sql import MYSQL, Token, statements
from runaway_watchdog.effects.host.sql_functions import SYNTAX, computes

Tokens = Sequence[Token]


class Loss(NamedTuple):
    what: str  # "DROP TABLE shop.orders"
    database: str | None = None  # the one that the statement names; None: whichever is in use


class Judged(NamedTuple):
    losses: tuple[Loss, ...] = ()
    unknown: bool = False
    mild: bool = False  # of what is unknown: it adds or renames, and takes nothing away by itself
    files: tuple[str, ...] = ()  # of the server's host that it writes


SAFE = Judged()
UNKNOWN = Judged(unknown=True)
MILD = Judged(unknown=True, mild=True)

_QUESTIONS = frozenset(("SELECT", "VALUES", "TABLE", "WITH", "(", "FROM"))
_HARMLESS = frozenset(
    ("ABORT", "ANALYZE", "ANALYSE", "BEGIN", "CHECK", "CHECKPOINT", "CHECKSUM", "CLOSE", "CLUSTER", "COMMIT",
     "DEALLOCATE",
     "DECLARE", "DELIMITER", "DESC", "DESCRIBE", "DETACH", "END", "FETCH", "HELP", "LISTEN", "MOVE", "NOTIFY",
     "OPTIMIZE",
     "REINDEX", "RELEASE", "ROLLBACK", "SAVEPOINT", "SHOW", "START", "UNLISTEN", "UNLOCK", "USE", "VACUUM")
)  # fmt: skip
_MILD = frozenset(
    ("ALTER", "COMMENT", "CREATE", "FLUSH", "GRANT", "INSERT", "KILL", "LOAD", "LOCK", "REASSIGN", "REFRESH", "RENAME",
     "RESET", "REVOKE", "SECURITY", "SET")
)  # fmt: skip
_CREATED = frozenset(
    ("DATABASE", "INDEX", "ROLE", "SCHEMA", "SEQUENCE", "TABLE", "TYPE", "UNIQUE", "USER", "EXTENSION")
)
_KINDS = frozenset(
    ("AGGREGATE", "CASCADE", "COLLATION", "CONCURRENTLY", "CONVERSION", "DATABASE", "DOMAIN", "EVENT", "EXISTS",
     "EXTENSION",
     "FOREIGN", "FROM", "FUNCTION", "IF", "IGNORE", "INDEX", "INTO", "KEYSPACE", "LANGUAGE", "LOGFILE",
     "LOW_PRIORITY", "MATERIALIZED",
     "ONLY", "OWNED", "BY", "POLICY", "PROCEDURE", "PUBLICATION", "QUICK", "ROLE", "ROUTINE", "RULE", "SCHEMA",
     "SEQUENCE",
     "SERVER", "SUBSCRIPTION", "TABLE", "TABLESPACE", "TEMPORARY", "TRIGGER", "TYPE", "USER", "VIEW", "WRAPPER",
     "ROLLBACK",
     "ABORT", "FAIL", "OR", "REPLACE", "DELAYED")
)  # fmt: skip
"""Words between what is done and the name that it is done to."""
_NO_DATA = frozenset(("INDEX", "STATISTICS", "PREPARE", "CAST", "OPERATOR", "TEXT", "ACCESS", "TRANSFORM"))
_NO_COLUMN = frozenset(
    ("CONSTRAINT", "NOT", "DEFAULT", "IDENTITY", "EXPRESSION", "FOREIGN", "PRIMARY", "INDEX", "KEY", "CHECK")
)
_NAMED_AFTER_A_LOSS = re.compile(r"(?<![^._])(?:delete|destroy|drop|erase|purge|truncate|wipe)(?![^_])", re.I)
"""Functions of the database's own whose authors say what they do."""
_CHANGES = frozenset(("DELETE", "UPDATE", "MERGE", "INSERT", "TRUNCATE"))
_RUN = _CHANGES | {"SELECT", "WITH", "REPLACE"}
_PRAGMAS = frozenset(
    ("TABLE_INFO", "TABLE_XINFO", "TABLE_LIST", "INDEX_LIST", "INDEX_INFO", "INDEX_XINFO", "FOREIGN_KEY_LIST",
     "FOREIGN_KEY_CHECK", "INTEGRITY_CHECK", "QUICK_CHECK", "DATABASE_LIST", "WAL_CHECKPOINT", "OPTIMIZE",
     "BUSY_TIMEOUT",
     "CACHE_SIZE", "FOREIGN_KEYS", "SYNCHRONOUS", "TEMP_STORE", "MMAP_SIZE", "QUERY_ONLY")
)  # fmt: skip


def judge(tokens: Tokens, dialect: str) -> Judged:
    """What the statement does to the data of the server that it reaches."""
    if any(token.kind in ("broken", "variable") for token in tokens):
        return UNKNOWN
    first = _word(tokens, 0)
    if first == "EXPLAIN":
        return _explain(tokens, dialect)
    if first in _QUESTIONS:
        return _question(tokens, dialect)
    if first in _BY_FIRST:
        return _BY_FIRST[first](tokens, dialect)
    if first == "ANALYZE" and dialect == "mysql":
        return _analyzed(tokens, dialect)
    if first == "BEGIN" and (inner := [at for at in range(1, len(tokens)) if _word(tokens, at) in _BY_FIRST]):
        return judge(tokens[inner[0] :], dialect)  # BEGIN BATCH DELETE …
    if first in _HARMLESS:
        return SAFE
    return MILD if first in _MILD else UNKNOWN


def _word(tokens: Tokens, at: int) -> str:
    """The word there, in capitals; "" where a name in quotes, a string or nothing stands there."""
    return tokens[at].text.upper() if at < len(tokens) and tokens[at].kind in ("word", "mark") else ""


def _words(tokens: Tokens) -> list[str]:
    return [_word(tokens, at) for at in range(len(tokens))]


def _explain(tokens: Tokens, dialect: str) -> Judged:
    """Only with ANALYZE does it run what it explains."""
    words = _words(tokens)
    starts = [at for at, word in enumerate(words[1:12], start=1) if word in _CHANGES | {"SELECT", "WITH", "EXECUTE"}]
    if "ANALYZE" not in words[1 : starts[0] if starts else None] and "ANALYSE" not in words[:8]:
        return SAFE
    return judge(tokens[starts[0] :], dialect) if starts else UNKNOWN


def _analyzed(tokens: Tokens, dialect: str) -> Judged:
    """MariaDB runs the statement that it analyzes, unless that is a table."""
    starts = [at for at in range(1, min(len(tokens), 8)) if _word(tokens, at) in _RUN]
    return judge(tokens[starts[0] :], dialect) if starts else SAFE


def _execute(tokens: Tokens, dialect: str) -> Judged:
    """MariaDB's EXECUTE IMMEDIATE has the statement with it; what was prepared elsewhere is not known."""
    plain = len(tokens) == 3 and _word(tokens, 1) == "IMMEDIATE" and tokens[2].kind == "string"
    if not plain:
        return UNKNOWN
    found = [judge(each.tokens, dialect) for each in statements(unquoted(tokens[2].text), MYSQL)]
    return found[0] if len(found) == 1 else UNKNOWN


def _question(tokens: Tokens, dialect: str) -> Judged:
    """SELECT, WITH …: what it deletes in a part of its own, and the functions that it calls."""
    words = _words(tokens)
    strange = [name for name in _called(tokens) if not computes(name, dialect)]
    losses = [_function(name) for name in strange if _NAMED_AFTER_A_LOSS.search(name)]
    unknown = len(strange) > len(losses)
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        inner = before in ("(", ")", "AS") and word in _CHANGES and words[at + 1 : at + 2] != ["("]
        if inner and not (before == "AS" and word not in _CHANGES):
            part = judge(tokens[at:], dialect)
            losses += part.losses
            unknown = unknown or part.unknown
    if "INTO" in words and not _into_variable(tokens, words):
        unknown = True
    return Judged(tuple(losses), unknown)


def _function(name: str) -> Loss:
    return Loss(f"{name}() is a function of the database's own, named after what it deletes")


def _call(tokens: Tokens, dialect: str) -> Judged:  # noqa: ARG001
    """CALL and EXECUTE run what somebody wrote before."""
    _, name = _target(tokens, 1)
    return Judged((_function(name),), unknown=True) if _NAMED_AFTER_A_LOSS.search(name) else UNKNOWN


def _into_variable(tokens: Tokens, words: list[str]) -> bool:
    """`INSERT INTO` in a part of its own was judged as such; MySQL's `INTO @n` keeps a number for later."""
    at = [each for each, word in enumerate(words) if word == "INTO"]
    return all(_word(tokens, each - 1) in ("INSERT", "MERGE") or _word(tokens, each + 1) == "@" for each in at)


def _called(tokens: Tokens) -> Iterator[str]:
    """The functions that are called, with the schema before the name unless it is PostgreSQL's own."""
    for at in range(len(tokens) - 1):
        token = tokens[at]
        if tokens[at + 1].text != "(" or tokens[at + 1].kind != "mark" or token.kind not in ("word", "quoted"):
            continue
        if token.kind == "word" and token.text.lower() in SYNTAX:
            continue
        before = _word(tokens, at - 1) if at else ""
        if before in (")", "AS", "INTO", "RECURSIVE") or (before in ("WITH", "::") and token.kind == "word"):
            continue  # the columns of an alias; a type
        schema = tokens[at - 2].text.lower() if before == "." and at > 1 else "pg_catalog"
        yield token.text if schema in ("pg_catalog", "sys") else f"{schema}.{token.text}"


def _target(tokens: Tokens, at: int) -> tuple[str | None, str]:
    """The name after the words that say what it is: what stands before its dot, and the whole of it."""
    while at < len(tokens) and _word(tokens, at) in _KINDS:
        at += 1
    parts: list[str] = []
    while at < len(tokens) and tokens[at].kind in ("word", "quoted"):
        parts.append(tokens[at].text)
        if _word(tokens, at + 1) != ".":
            break
        at += 2
    return (parts[-2] if len(parts) > 1 else None), ".".join(parts)


def _lost(verb: str, tokens: Tokens, dialect: str, at: int = 1) -> Judged:
    qualifier, name = _target(tokens, at)
    database = qualifier if dialect != "postgres" else None
    told = " ".join(part for part in (verb, name) if part)
    return Judged((Loss(told, database),))


def _drop(tokens: Tokens, dialect: str) -> Judged:
    kind = _word(tokens, 1)
    if kind in ("DATABASE", "KEYSPACE") or (kind == "SCHEMA" and dialect == "mysql"):
        _, name = _target(tokens, 1)
        return Judged((Loss(f"DROP {kind} {name}", name or None),))
    if kind in _NO_DATA:
        return MILD
    return _lost("DROP", tokens, dialect)


def _delete(tokens: Tokens, dialect: str) -> Judged:
    return _lost("DELETE", tokens, dialect)


def _truncate(tokens: Tokens, dialect: str) -> Judged:
    return _lost("TRUNCATE", tokens, dialect)


def _update(tokens: Tokens, dialect: str) -> Judged:
    """The old values of the rows go: of every row where it has no WHERE."""
    every = "" if "WHERE" in _words(tokens) else "of every row of "
    return _lost(f"UPDATE {every}".strip(), tokens, dialect)


def _merge(tokens: Tokens, dialect: str) -> Judged:
    changing = any(pair in (("THEN", "UPDATE"), ("THEN", "DELETE")) for pair in _pairs(tokens))
    return _lost("MERGE", tokens, dialect) if changing else MILD


def _pairs(tokens: Tokens) -> Iterator[tuple[str, str]]:
    words = _words(tokens)
    return pairwise(words)


def _insert(tokens: Tokens, dialect: str) -> Judged:
    """It adds rows; what ON CONFLICT and ON DUPLICATE KEY do to those that are there is theirs to say."""
    pairs = set(_pairs(tokens))
    if ("OR", "REPLACE") in pairs:
        return _lost("REPLACE", tokens, dialect)
    writes_over = ("DO", "UPDATE") in pairs or ("DUPLICATE", "KEY") in pairs
    columns = next((at for at, token in enumerate(tokens) if _word(tokens, at) in ("VALUES", "SELECT", "VALUE")), 0)
    strange = any(not computes(name, dialect) for name in _called(tokens[columns:]))
    return UNKNOWN if writes_over or strange else MILD


def _replace(tokens: Tokens, dialect: str) -> Judged:
    return _lost("REPLACE", tokens, dialect)


def _alter(tokens: Tokens, dialect: str) -> Judged:
    words = _words(tokens)
    if words[1:2] == ["SYSTEM"]:
        return UNKNOWN
    for at, word in enumerate(words[1:], start=1):
        if word == "DROP" and words[at + 1 : at + 2] and words[at + 1] not in _NO_COLUMN:
            return _lost("ALTER … DROP", tokens, dialect)
        if word == "DISCARD" or (word == "TRUNCATE" and words[at + 1 : at + 2] == ["PARTITION"]):
            return _lost(f"ALTER … {word}", tokens, dialect)
    if dialect == "clickhouse" and {"DELETE", "UPDATE", "CLEAR", "REPLACE", "MOVE", "FETCH"} & set(words):
        return _lost("ALTER … DELETE", tokens, dialect)
    heavy = {"TYPE", "MODIFY", "CHANGE", "DETACH", "EXCHANGE", "CONVERT", "COALESCE", "REORGANIZE", "IMPORT"}
    return UNKNOWN if heavy & set(words) else MILD


def _create(tokens: Tokens, dialect: str) -> Judged:
    words = _words(tokens)
    kinds = [word for word in words[1:4] if word not in ("TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL")]
    if kinds[:2] == ["OR", "REPLACE"]:
        table = "TABLE" in words[:6] or "DATABASE" in words[:6]
        return _lost("CREATE OR REPLACE", tokens, dialect, 3) if table else MILD
    if kinds[:1] == ["TABLE"] and any(not computes(name, dialect) for name in _called_by_select(tokens)):
        return UNKNOWN
    return SAFE if kinds and kinds[0] in _CREATED else MILD


def _called_by_select(tokens: Tokens) -> Iterator[str]:
    at = next((at for at in range(len(tokens)) if _word(tokens, at) == "SELECT"), len(tokens))
    return _called(tokens[at:])


def _copy(tokens: Tokens, dialect: str) -> Judged:
    """COPY … TO a file writes on the server's host, as its user; PROGRAM starts a shell there."""
    words = _words(tokens)
    if "PROGRAM" in words:
        return UNKNOWN
    asked = _question(tokens[1 : words.index(")") + 1], dialect) if words[1:2] == ["("] and ")" in words else SAFE
    if "TO" in words:
        at = words.index("TO") + 1
        if at < len(tokens) and tokens[at].kind == "string":
            return asked._replace(files=(unquoted(tokens[at].text),))
        return asked if words[at : at + 1] == ["STDOUT"] else UNKNOWN
    return MILD


def unquoted(text: str) -> str:
    """The content of a plain string."""
    return text[text.index("'") + 1 : -1].replace("''", "'") if "'" in text else text[1:-1]


def _load(tokens: Tokens, dialect: str) -> Judged:
    if "REPLACE" in _words(tokens) and "INTO" in _words(tokens):
        at = _words(tokens).index("INTO")
        return _lost("LOAD DATA … REPLACE", tokens, dialect, at)
    return MILD if _word(tokens, 1) in ("DATA", "XML") else UNKNOWN


def _purge(tokens: Tokens, dialect: str) -> Judged:  # noqa: ARG001
    return Judged((Loss(" ".join(word for word in _words(tokens)[:3] if word)),))


def _reset(tokens: Tokens, dialect: str) -> Judged:
    return _purge(tokens[:2], dialect) if _word(tokens, 1) in ("MASTER", "BINARY") else SAFE


def _set(tokens: Tokens, dialect: str) -> Judged:
    """Of the session, unless it says otherwise; MariaDB's SET STATEMENT … FOR is of one statement, which it runs."""
    if _word(tokens, 1) == "STATEMENT":
        starts = [at + 1 for at in range(2, len(tokens)) if _word(tokens, at) == "FOR"]
        return judge(tokens[starts[0] :], dialect) if starts else UNKNOWN
    shared = _word(tokens, 1) in ("GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD") or "@" in _words(tokens)[1:3]
    strange = any(not computes(name, dialect) for name in _called(tokens))
    return UNKNOWN if strange else MILD if shared else SAFE


def _pragma(tokens: Tokens, dialect: str) -> Judged:  # noqa: ARG001
    if len(tokens) < 3 or _word(tokens, 1) in _PRAGMAS:
        return SAFE
    return UNKNOWN if _word(tokens, 1) == "WRITABLE_SCHEMA" else MILD


def _discard(tokens: Tokens, dialect: str) -> Judged:  # noqa: ARG001
    return SAFE


_BY_FIRST = {
    "DROP": _drop, "DELETE": _delete, "TRUNCATE": _truncate, "UPDATE": _update, "MERGE": _merge, "INSERT": _insert,
    "REPLACE": _replace, "ALTER": _alter, "CREATE": _create, "COPY": _copy, "LOAD": _load, "PURGE": _purge,
    "RESET": _reset, "SET": _set, "PRAGMA": _pragma, "DISCARD": _discard, "CALL": _call,
    "EXECUTE": _execute,
}  # fmt: skip
