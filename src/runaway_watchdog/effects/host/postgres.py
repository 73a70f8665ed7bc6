"""psql, pg_dump, pg_restore, dropdb …: PostgreSQL's clients, by their own options (psql(1) of PostgreSQL 17)."""

import re
from collections.abc import Callable, Iterator

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, shown
from runaway_watchdog.effects.host.database_client import NO_UNDO, Session, short
from runaway_watchdog.effects.host.getopt import given, grammar, listed
from runaway_watchdog.effects.host.sql import POSTGRES, Statement, statements
from runaway_watchdog.effects.host.sql_statements import Loss, judge
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

_CONNECTION = "-d --dbname -h --host -p --port -U --username --role --maintenance-db"
_PSQL = grammar(
    f"{_CONNECTION} -c --command -f --file -F --field-separator -L --log-file -o --output -P --pset -R "
    "--record-separator -T --table-attr -v --set --variable",
    "-a --echo-all -A --no-align -b --echo-errors -e --echo-queries -E --echo-hidden -H --html -l --list -n "
    "--no-readline "
    "-q --quiet -s --single-step -S --single-line -t --tuples-only -V --version -w --no-password -W --password -x "
    "--expanded "
    "-X --no-psqlrc -z --field-separator-zero -0 --record-separator-zero -1 --single-transaction -? --csv",
    "--help",
)
_DUMP = grammar(
    f"{_CONNECTION} -f --file -F --format -j --jobs -n --schema -N --exclude-schema -t --table -T --exclude-table -Z "
    "--compress -E --encoding -S --superuser --snapshot --section --lock-wait-timeout --exclude-table-data "
    "--extra-float-digits --rows-per-insert --include-foreign-data -l --database --exclude-database --filter -e "
    "--extension "
    "--table-and-children --exclude-table-and-children --restrict-key --sync-method",
    "-a --data-only -b --blobs --large-objects -B --no-blobs --no-large-objects -c --clean -C --create -O --no-owner "
    "-s "
    "--schema-only -v --verbose -V --version -w --no-password -W --password -x --no-privileges --no-acl "
    "--binary-upgrade "
    "--column-inserts --attribute-inserts --disable-dollar-quoting --disable-triggers --enable-row-security "
    "--if-exists "
    "--inserts --load-via-partition-root --no-comments --no-publications --no-security-labels --no-subscriptions "
    "--no-sync "
    "--no-tablespaces --no-toast-compression --no-unlogged-table-data --on-conflict-do-nothing --quote-all-identifiers "
    "--serializable-deferrable --strict-names --use-set-session-authorization --help -? -g --globals-only -r "
    "--roles-only "
    "--tablespaces-only -o --oids --no-role-passwords --no-table-access-method",
)
_RESTORE = grammar(
    f"{_CONNECTION} -f --file -F --format -I --index -j --jobs -L --use-list -n --schema -N --exclude-schema -P "
    "--function "
    "-S --superuser -t --table -T --trigger --section --filter --restrict-key --transaction-size",
    "-a --data-only -c --clean -C --create -e --exit-on-error -l --list -O --no-owner -s --schema-only -v --verbose -V "
    "--version -w --no-password -W --password -x --no-privileges --no-acl -1 --single-transaction --disable-triggers "
    "--enable-row-security --if-exists --no-comments --no-data-for-failed-tables --no-publications "
    "--no-security-labels "
    "--no-subscriptions --no-table-access-method --no-tablespaces --strict-names --use-set-session-authorization "
    "--help -?",
)
_DROPDB = grammar(
    _CONNECTION,
    "-e --echo -f --force -i --interactive -V --version --if-exists -w --no-password -W --password -? --help",
)
GRAMMARS = {"psql": _PSQL, "pg_dump": _DUMP, "dropdb": _DROPDB}
STEERING = listed("-h --host -p --port")
"""Options that decide which server is meant."""
WHOLE = listed(
    """
    -h --host -p --port -U --username -d --dbname -w --no-password -W --password -f --file -F --format -j --jobs -Z
    --compress -E --encoding -v --verbose -b --blobs --large-objects -c --clean -C --create --if-exists -O --no-owner
    -x --no-privileges --no-acl --inserts --column-inserts --quote-all-identifiers --lock-wait-timeout --no-sync
    """
)
"""Options of pg_dump with which every row of a database is in the dump."""
_OWN = re.compile(r"\\(?P<name>[^\W\d]+[+SxAnE]*|[!?;])\s*(?P<rest>.*)", re.S)
_READING = listed(
    """
    ? C H T a bind c conninfo connect copyright crosstabview dconfig echo elif else encoding endif errverbose f
    gdesc gset gx h help html if l lo_list list p parse password pset q qecho quit r reset sf sv t timing unset warn
    watch x z g unrestrict restrict
    """
)
"""psql's own commands that only show, or only change the session."""


def psql(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """Every -c and -f in its order; else what is typed."""
    read = given(command.words[1:], _PSQL)
    words = read.arguments
    if words.has("-l", "--list", "-V", "--version", "-?", "--help"):
        return Outcome((), host)
    session = _Psql(command, host, world, database(words, command), local=local)
    for name, value in words.options:
        session.option(name, value)
    for option in read.strange:
        session.doubt(f"psql: the option {option} is not known")
    acted = False
    for name, value in words.options:
        if name in ("-c", "--command"):
            session.inline(value)
        elif name in ("-f", "--file"):
            session.script(session.typed() if value == "-" else session.read(value))
        acted = acted or name in ("-c", "--command", "-f", "--file")
    if not acted:
        session.from_input()
    return session.outcome()


def database(words: Arguments, command: Command) -> str:
    """The one that the client connects to; its user's own where it names none (libpq)."""
    set_ = dict(command.environment)
    named = words.value("-d", "--dbname") or next(iter(words.texts), None) or set_.get("PGDATABASE")
    named = named or words.value("-U", "--username") or set_.get("PGUSER")
    if named and "://" in named:
        named = named.partition("://")[2].partition("/")[2].partition("?")[0]
    elif named and (found := re.search(r"\bdbname\s*=\s*'?([^\s']+)", named)):
        named = found[1]
    return named or "PostgreSQL"


class _Psql(Session):
    """Keeps psql's variables: `:x` is the text of `-v x=…`."""

    def option(self, name: str, value: str | None) -> None:
        if name in ("-v", "--set", "--variable") and value is not None:
            variable, _, text = value.partition("=")
            self.variables[variable] = text
        elif name in ("-o", "--output"):
            self.write(value, "psql writes its output there")

    def inline(self, text: str | None) -> None:
        """-c: one of psql's own commands, or statements as they are, without variables."""
        self._all(text)

    def from_input(self) -> None:
        if self.interactive:
            self.mild(f"what is typed into `{shown(self.command)}` is not known")
        else:
            self.script(self.typed())

    def script(self, text: str | None) -> None:
        self._all(self._filled(text))

    def _filled(self, text: str | None) -> str | None:
        for name, value in self.variables.items():
            if text is not None:
                text = re.sub(rf"(?<![:\w]):{re.escape(name)}\b", lambda _: value, text)  # noqa: B023 - used at once
                text = re.sub(rf"(?<![:\w]):\"{re.escape(name)}\"", lambda _: f'"{value}"', text)  # noqa: B023
        return text

    def _all(self, text: str | None) -> None:
        for statement in self.sql(text, POSTGRES):
            self._made(statement)
            self._own(statement)

    def _made(self, statement: Statement) -> None:
        """\\gexec: what the server answers is sent as statements; its beginning often stands there as a string."""
        if not statement.own and statement.ended_by.startswith("\\gexec"):
            for token in statement.tokens:
                if token.kind == "string":
                    for loss in _losses(token.text):
                        self.lose(f"{loss.what} (\\gexec)")

    def _own(self, statement: Statement) -> None:
        """A line that begins with a backslash, or the command that sent a statement."""
        written = statement.text if statement.own else statement.ended_by
        found = _OWN.match(written)
        if found is None or "`" in written:
            self.strange(written)
            return
        name, rest = found["name"], found["rest"].strip()
        act = _ACTS.get(name)
        if act is not None:
            act(self, rest)
        elif not (name in _READING or re.fullmatch(r"d[A-Za-z]*+[+Sx]*|[lz][+Sx]*|s[fv]\+?", name)):
            self.strange(written)

    def shell(self, rest: str) -> None:
        self.doubt(f"`{shown(self.command)}` runs `{short(rest)}`, which is not judged")

    def executed(self, rest: str) -> None:  # noqa: ARG002
        self.doubt(f"what the answer of a statement of `{shown(self.command)}` says is run as statements (\\gexec)")

    def include(self, rest: str) -> None:
        self.script(self.read(_plain(rest)))

    def connect(self, rest: str) -> None:
        name = _plain(rest.split(maxsplit=1)[0]) if rest.split() else None
        self.database = self.database if name in (None, "-") else str(name)

    def output(self, rest: str) -> None:
        if rest:
            self.write(rest if rest.startswith("|") else _plain(rest), "psql writes its output there")

    def sent(self, rest: str) -> None:
        """\\g FILE, \\gx |PROGRAM, with options in brackets before it."""
        self.output(re.sub(r"^\([^)]*\)\s*", "", rest))

    def history(self, rest: str) -> None:
        self.output(rest)

    def setting(self, rest: str) -> None:
        name, _, value = rest.partition(" ")
        self.variables[name] = value.strip().strip("'")

    def large_object(self, rest: str) -> None:
        words = rest.split()
        self.write(_plain(words[1]) if len(words) > 1 else None, "psql writes a large object there")

    def unlink(self, rest: str) -> None:
        self.lose(f"\\lo_unlink {rest}".strip())

    def copy(self, rest: str) -> None:
        """\\copy … to FILE writes it on this side; `from` adds rows."""
        asked = re.match(r"\s*\((.*)\)\s*(?=to\b)", rest, re.I | re.S)
        named = rest[asked.end() :] if asked else rest
        found = re.search(r"\b(to|from)\s+(program\s+)?('(?:[^']|'')*'|\S+)", named, re.I)
        if found is None or found[2]:
            self.strange(f"\\copy {rest}")
            return
        if asked:
            self._all(asked[1])
        if found[1].lower() == "from":
            self.mild(f"which rows `{short(rest)}` adds to the database {self.database} is not looked up")
        elif found[3].lower() not in ("stdout", "pstdout"):
            self.write(_plain(found[3]), "psql copies rows into it")


def _losses(literal: str) -> Iterator[Loss]:
    text = literal[literal.index("'") + 1 : -1] if "'" in literal else literal.strip("$")
    for statement in statements(re.sub(r"%[\d$]*[ILs]", "x", text.replace("''", "'")), POSTGRES):
        if not statement.own:
            yield from judge(statement.tokens, POSTGRES.name).losses


def _plain(text: str) -> str:
    """One argument of a command: in quotes, or up to white space."""
    text = text.strip()
    if text.startswith("'") and "'" in text[1:]:
        return text[1:].rpartition("'")[0].replace("''", "'")
    return text.split()[0] if text.split() else ""


_ACTS: dict[str, Callable[[_Psql, str], None]] = {
    "!": _Psql.shell, "gexec": _Psql.executed, "i": _Psql.include, "ir": _Psql.include, "include": _Psql.include,
    "include_relative": _Psql.include, "c": _Psql.connect, "connect": _Psql.connect, "o": _Psql.output,
    "out": _Psql.output, "g": _Psql.sent, "gx": _Psql.sent, "w": _Psql.output, "write": _Psql.output,
    "s": _Psql.history, "set": _Psql.setting, "lo_export": _Psql.large_object, "lo_unlink": _Psql.unlink,
    "copy": _Psql.copy,
}  # fmt: skip


def dropdb(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:  # noqa: ARG001
    read = given(command.words[1:], _DROPDB)
    words = read.arguments
    if words.has("-V", "--version", "-?", "--help"):
        return Outcome((), host)
    if read.missing or not words.operands:
        return Outcome((), host, (f"which database `{shown(command)}` drops is only known when it runs",))
    found = Effect("delete", "database", words.texts[0], True, f"dropdb deletes it: {NO_UNDO}")
    return Outcome((found,), host, _strange("dropdb", read.strange))


def dropuser(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:  # noqa: ARG001
    return Outcome((), host, (f"what depends on the user that `{shown(command)}` drops is not looked up",))


def dump(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """pg_dump, pg_dumpall: they read. -f writes a file; -c only puts DROP into what they print."""
    read = given(command.words[1:], _DUMP)
    session = Session(command, host, world, "PostgreSQL", local=local)
    for name, value in read.arguments.options:
        if name in ("-f", "--file"):
            session.write(value, f"{command.program} writes its dump into it")
    return _with(session, "", read.strange)


def restore(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """pg_restore: with -c it drops what is there first; without -d it only prints, with -f into a file."""
    read = given(command.words[1:], _RESTORE)
    words = read.arguments
    if words.has("-l", "--list", "-V", "--version", "-?", "--help"):
        return Outcome((), host)
    session = Session(command, host, world, words.value("-d", "--dbname") or "PostgreSQL", local=local)
    if not words.has("-d", "--dbname"):
        if words.value("-f", "--file") not in (None, "-"):
            session.write(words.value("-f", "--file"), "pg_restore writes statements into it")
    elif words.value("-d", "--dbname") is None:
        session.doubt(f"into which database `{shown(command)}` restores is only known when it runs")
    elif words.has("-c", "--clean"):
        if words.has("-C", "--create"):
            session.doubt(f"which database `{shown(command)}` drops and makes anew stands in the dump")
        session.database = database(words._replace(operands=()), command)
        session.lose("pg_restore --clean drops what is there before it restores")
    else:
        session.mild(f"which rows `{shown(command)}` adds is not looked up")
    return _with(session, "pg_restore", read.strange)


def adds(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:  # noqa: ARG001
    """createdb, vacuumdb, pg_isready …: they add, tidy up or ask."""
    return Outcome((), host)


def bench(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:  # noqa: ARG001
    return Outcome((), host, (f"which rows of the database `{shown(command)}` changes is not looked up",))


def _with(session: Session, program: str, strange: tuple[str, ...]) -> Outcome:
    for sentence in _strange(program or session.command.program or "", strange):
        session.doubt(sentence)
    return session.outcome()


def _strange(program: str, strange: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{program}: the option {option} is not known" for option in strange)
