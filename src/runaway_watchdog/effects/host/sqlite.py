"""sqlite3: statements and dot-commands, by its own options (sqlite3 -help of 3.46)."""

import re
import shlex
from collections.abc import Callable

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.database_client import Session, short
from runaway_watchdog.effects.host.getopt import given, grammar
from runaway_watchdog.effects.host.sql import SQLITE, Dialect, Statement, Token
from runaway_watchdog.effects.host.sql_statements import unquoted
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import World

_GRAMMAR = grammar(
    "-cmd -init -separator -newline -nullvalue -vfs -mmap -heap -maxsize -escape -nonce -key -hexkey -textkey",
    "-append -ascii -bail -batch -box -column -csv -deserialize -echo -header -noheader -help -html -interactive "
    "-json -line "
    "-list -markdown -memtrace -nofollow -quote -readonly -safe -stats -table -tabs -unsafe-testing -version -zip "
    "-unsafe -no-rowid-in-view -multiplex -pcachetrace -dos",
    one_dash=True,
)
_IN_MEMORY = frozenset((":memory:", ""))
_QUIET = frozenset(
    ("tables", "schema", "databases", "headers", "header", "mode", "indexes", "indices", "dump", "quit", "exit",
     "echo", "bail",
     "binary", "changes", "check", "connection", "dbconfig", "dbinfo", "dbtotxt", "eqp", "expert", "explain",
     "filectrl",
     "fullschema", "help", "imposter", "limit", "lint", "nullvalue", "parameter", "print", "progress", "prompt",
     "recover",
     "scanstats", "selftest", "separator", "session", "sha3sum", "show", "stats", "testcase", "timeout", "timer",
     "version",
     "vfsinfo", "vfslist", "vfsname", "width", "intck", "www", "nonce", "auth", "crlf", "crnl")
)  # fmt: skip


def sqlite(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """-init's file, each -cmd, then the arguments after the file, or what is typed."""
    if any((word.text or "").startswith(("-A", "-archive", "--archive")) for word in command.words[1:]):
        return Outcome((), host, (f"what `{shown(command)}` does to an archive is not looked up",))
    read = given(command.words[1:], _GRAMMAR)
    words = read.arguments
    if words.has("-version", "-help"):
        return Outcome((), host)
    first = words.operands[0].text if words.operands else ":memory:"
    session = _Sqlite(command, host, world, "?", local=local)
    session.open(first)
    for option in read.strange:
        session.doubt(f"sqlite3: the option {option} is not known")
    for name, value in words.options:
        if name == "-init" and value is not None:
            session.run(session.read(value))
    for name, value in words.options:
        if name == "-cmd":
            session.run(value)
    for word in words.operands[1:]:
        session.run(word.text)
    if len(words.operands) < 2:
        session.from_input()
    return session.outcome()


class _Sqlite(Session):
    """`database` is the file's real path, "" where it is only in memory or not there yet: nothing can be lost then."""

    attached: dict[str, str]

    def open(self, path: str | None, *, anew: bool = False) -> None:
        self.attached = {}
        if path is None:
            self.doubt(f"which file `{shown(self.command)}` opens is only known when it runs")
            return
        self.database = self._file(path)
        if anew and self.database:
            self.write(path, "sqlite3 opens it anew")

    def _file(self, path: str) -> str:
        """The real path of a database; "" where there is none yet."""
        path = re.sub(r"^file:(?://[^/]*)?([^?]*).*", r"\1", path)
        if path in _IN_MEMORY:
            return ""
        if not self.local:
            return path
        place = absolute(Word(self.home(path), path), self.command)
        if place is None:
            self.doubt(f"which folder `{shown(self.command)}` runs in is not known, and so not what {path} is")
            return path
        tree = places.tree(self.host, self.world)
        try:
            real = tree.real(place)
            entry = tree.entry(real)
        except OSError as fault:
            self.doubt(f"{place} cannot be looked at ({fault.strerror}); run it with sudo")
            return place
        return real if entry is not None and entry.size else ""

    def lose(self, what: str, database: str | None = None) -> None:
        schema = (database or "main").lower()
        path = self.database if schema in ("main", "temp") else self.attached.get(schema, self.database)
        if path and schema != "temp":
            super().lose(what, path)

    def from_input(self) -> None:
        if self.interactive:
            self.mild(f"what is typed into `{shown(self.command)}` is not known")
        else:
            self.run(self.typed())

    def run(self, text: str | None) -> None:
        for statement in self.sql(text, SQLITE):
            self._dot(statement.text)

    def _statement(self, statement: Statement, dialect: Dialect) -> None:
        words = [token.text.upper() for token in statement.tokens]
        if words[:1] == ["ATTACH"]:
            self._attach(statement.tokens)
            return
        files = tuple(_written(statement.tokens))
        for path in files:
            self.write(path, "writefile() writes it")
        if files:  # judged; what else the statement calls is judged without it
            kept = tuple(token._replace(text="abs") if _is(token, "writefile") else token for token in statement.tokens)
            statement = statement._replace(tokens=kept)
        super()._statement(statement, dialect)

    def _attach(self, tokens: tuple[Token, ...]) -> None:
        texts = [token for token in tokens if token.text.upper() not in ("ATTACH", "DATABASE")]
        if len(texts) == 3 and texts[0].kind == "string" and texts[1].text.upper() == "AS":
            self.attached[texts[2].text.strip("'").lower()] = self._file(unquoted(texts[0].text))
        else:
            self.strange(" ".join(token.text for token in tokens))

    def _dot(self, line: str) -> None:
        try:
            words = shlex.split(line)
        except ValueError:
            words = []
        if not words:
            self.strange(line)
            return
        name, rest = words[0][1:].lower(), words[1:]
        acts = {full for full in _ACTS if full.startswith(name)}
        if name in _ACTS or (len(acts) == 1 and name not in _QUIET):
            _ACTS[name if name in _ACTS else acts.pop()](self, rest)
        elif name not in _QUIET:
            self.strange(line)

    def shell(self, rest: list[str]) -> None:
        self.doubt(f"`{shown(self.command)}` runs `{short(' '.join(rest))}`, which is not judged")

    def output(self, rest: list[str]) -> None:
        names = [word for word in rest if not word.startswith("-")]
        if any(word in ("-x", "-e", "-w", "--excel") for word in rest):
            return  # a temporary file
        if names and names[0] not in ("stdout", "off"):
            self.write(names[0], "sqlite3 writes its output there")

    def backup(self, rest: list[str]) -> None:
        names = [word for word in rest if not word.startswith("-")]
        self.write(names[-1] if names else None, "sqlite3 writes its copy of the database over it")

    def restore(self, rest: list[str]) -> None:
        names = [word for word in rest if not word.startswith("-")]
        self.lose(f".restore {' '.join(rest)}", names[0] if len(names) > 1 else None)

    def adds(self, rest: list[str]) -> None:
        if any(word.startswith("|") for word in rest):
            self.shell(rest)
            return
        self.mild(f"which rows `.import {' '.join(rest)}` adds is not looked up")

    def include(self, rest: list[str]) -> None:
        if rest and rest[0].startswith("|"):
            self.shell(rest)
        else:
            self.run(self.read(rest[0] if rest else None))

    def reopen(self, rest: list[str]) -> None:
        names = [word for word in rest if not word.startswith("-")]
        self.open(names[0] if names else ":memory:", anew="--new" in rest or "-new" in rest)

    def logs(self, rest: list[str]) -> None:
        self.output(rest)

    def any(self, rest: list[str]) -> None:
        self.strange(" ".join(rest) or "a line of its own")


_ACTS: dict[str, Callable[[_Sqlite, list[str]], None]] = {
    "shell": _Sqlite.shell, "system": _Sqlite.shell, "output": _Sqlite.output, "once": _Sqlite.output,
    "excel": _Sqlite.output, "backup": _Sqlite.backup, "save": _Sqlite.backup, "clone": _Sqlite.backup,
    "restore": _Sqlite.restore, "import": _Sqlite.adds, "read": _Sqlite.include, "open": _Sqlite.reopen,
    "log": _Sqlite.logs, "trace": _Sqlite.logs, "load": _Sqlite.any, "archive": _Sqlite.any, "cd": _Sqlite.any,
}  # fmt: skip


def _is(token: Token, name: str) -> bool:
    return token.kind in ("word", "quoted") and token.text.lower() == name


def _written(tokens: tuple[Token, ...]) -> list[str | None]:
    """The files of `writefile('…', …)`; None where the name is no plain string."""
    found: list[str | None] = []
    for at, token in enumerate(tokens):
        if _is(token, "writefile") and tokens[at + 1 : at + 2] and tokens[at + 1].text == "(":
            inner = tokens[at + 2 : at + 4]
            plain = len(inner) == 2 and inner[0].kind == "string" and inner[1].text == ","
            found.append(unquoted(inner[0].text) if plain else None)
    return found
