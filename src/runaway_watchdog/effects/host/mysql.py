"""mysql, mysqldump, mysqladmin, mysqlimport and the names that MariaDB gives them, by their own options.

Read in each one's --help, of MariaDB 11.4 and MySQL 8.4.
"""

import re

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host.database_client import NO_UNDO, Session, short
from runaway_watchdog.effects.host.getopt import given, grammar, listed
from runaway_watchdog.effects.host.sql import MYSQL, Statement
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

NO_DATABASE = "MySQL"
"""Stands for the database of a client that was given none."""
_CONNECTION = (
    "-u --user -h --host -P --port -S --socket --protocol --defaults-file --defaults-extra-file "
    "--defaults-group-suffix "
    "--login-path --default-character-set --character-sets-dir --plugin-dir --default-auth --connect-timeout "
    "--max-allowed-packet --max_allowed_packet --net-buffer-length --net_buffer_length --ssl-ca --ssl-capath "
    "--ssl-cert "
    "--ssl-cipher --ssl-key --ssl-mode --ssl-crl --ssl-crlpath --tls-version --tls-ciphersuites --ssl-fp --ssl-fplist "
    "--server-public-key-path --bind-address --zstd-compression-level --compression-algorithms --password1 --password2 "
    "--password3 --plugin-authentication-kerberos-client-mode"
)
_SAME_WORD = "-p --password -# --debug"
_COMMON = (
    "-V --version -v --verbose -s --silent -C --compress -f --force -W --pipe -w --ssl --skip-ssl --no-defaults "
    "--print-defaults --no-login-paths --get-server-public-key --enable-cleartext-plugin --ssl-verify-server-cert "
    "--skip-ssl-verify-server-cert --disable-ssl --debug-check --debug-info -T --secure-auth --no-beep -b --wait"
)
_MYSQL = grammar(
    f"{_CONNECTION} -e --execute -D --database --init-command --tee --delimiter --prompt --select-limit "
    "--max-join-size "
    "--histignore --load-data-local-dir --oci-config-file --authentication-oci-client-config-profile",
    f"{_COMMON} -? -I --help -A --no-auto-rehash --auto-rehash --skip-auto-rehash -B --batch --binary-mode "
    "--binary-as-hex "
    "--bind -c --comments --skip-comments --column-type-info -m -E --vertical -G --named-commands "
    "--skip-named-commands -H "
    "--html -i --ignore-spaces -j --syslog --line-numbers -L --skip-line-numbers -l -N --skip-column-names "
    "--column-names -n "
    "--unbuffered -o --one-database -q --quick -r --raw --reconnect --skip-reconnect --abort-source-on-error -t "
    "--table -U "
    "--safe-updates --i-am-a-dummy --show-warnings --sigint-ignore --auto-vertical-output -X --xml --sandbox "
    "--connect-expired-password --progress-reports --skip-progress-reports --no-tee --system-command "
    "--skip-system-command",
    f"{_SAME_WORD} --pager --local-infile",
)
_ADMIN = grammar(
    f"{_CONNECTION} -c --count -i --sleep --shutdown-timeout --shutdown_timeout --connect_timeout -O",
    f"{_COMMON} -? --help -E --vertical -r --relative --show-warnings -l --local --wait-for-all-slaves -n -b",
    f"{_SAME_WORD} --wait",
)
_DUMP = grammar(
    f"{_CONNECTION} -r --result-file -T --tab --ignore-table --ignore-database --ignore-error --ignore-table-data "
    "--where "
    "--fields-terminated-by --fields-enclosed-by --fields-optionally-enclosed-by --fields-escaped-by "
    "--lines-terminated-by "
    "--log-error --compatible --parallel --dir --set-gtid-purged -O --init-command "
    "--mysqld-long-query-time",
    f"{_COMMON} -? --help -A --all-databases -Y --all-tablespaces -y --no-tablespaces --add-drop-database "
    "--add-drop-table "
    "--add-drop-trigger --add-locks --allow-keywords --apply-slave-statements --apply-replica-statements -i --comments "
    "--compact -c --complete-insert -a --create-options -B --databases --delayed-insert -K --disable-keys -k "
    "--dump-history "
    "-E --events -e --extended-insert -F --flush-logs --flush-privileges --gtid --header --hex-blob --insert-ignore -x "
    "--lock-all-tables -l --lock-tables --no-autocommit -n --no-create-db -t --no-create-info -d --no-data "
    "--no-data-med -N "
    "--no-set-names --opt --order-by-primary --order-by-size -q --quick -Q --quote-names --replace -R --routines "
    "--set-charset "
    "--single-transaction --dump-date --skip-opt --tables --triggers --tz-utc -X --xml --copy-s3-tables "
    "--skip-comments "
    "--skip-add-drop-table --skip-add-locks --skip-lock-tables --skip-triggers --skip-extended-insert --skip-quick "
    "--skip-set-charset --skip-tz-utc --skip-dump-date --skip-disable-keys --skip-create-options --skip-quote-names "
    "--skip-events --skip-routines --column-statistics --skip-column-statistics --network-timeout --as-of --wildcards "
    "--include-master-host-port --show-create-skip-secondary-engine --delete-master-logs --delete-source-logs",
    f"{_SAME_WORD} --master-data --source-data --dump-slave --dump-replica --system --set-gtid-purged",
)
_IMPORT = grammar(
    f"{_CONNECTION} -c --columns --fields-terminated-by --fields-enclosed-by --fields-optionally-enclosed-by "
    "--fields-escaped-by --lines-terminated-by --ignore-lines --use-threads --parallel -j --dir --database --table",
    f"{_COMMON} -? --help -d --delete -D -i --ignore -r --replace -L --local -l --lock-tables --low-priority "
    "--ignore-foreign-keys -k --innodb-optimize-keys",
    _SAME_WORD,
)
GRAMMARS = {"mysql": _MYSQL, "mariadb": _MYSQL, "mysqladmin": _ADMIN, "mariadb-admin": _ADMIN, "mysqldump": _DUMP,
            "mariadb-dump": _DUMP}  # fmt: skip
STEERING = listed(
    """
    -h --host -P --port -S --socket --protocol --defaults-file --defaults-extra-file --defaults-group-suffix
    --login-path --no-defaults --no-login-paths
    """
)
"""Options that decide which server is meant."""
WHOLE = STEERING | listed(
    """
    -u --user -p --password -r --result-file -v --verbose -C --compress --opt -q --quick --single-transaction -x
    --lock-all-tables -l --lock-tables --skip-lock-tables --add-drop-database --add-drop-table --add-locks
    --skip-add-locks -c --complete-insert -e --extended-insert --skip-extended-insert --hex-blob -B --databases -R
    --routines -E --events --triggers --flush-privileges --default-character-set --set-gtid-purged --no-tablespaces -y
    --column-statistics --skip-column-statistics --skip-comments --skip-dump-date --master-data --source-data
    --max-allowed-packet --max_allowed_packet
    """
)
"""Options of mysqldump with which every row of a database is in the dump."""
_BACKSLASH = re.compile(r"\\(?P<name>.)\s*(?P<rest>.*)", re.S)
_QUIET = frozenset("?hscpGgWwqtnrxL")
_WORD = re.compile(r"(?P<name>\w+)\s*(?P<rest>.*)", re.S)
_QUIET_WORDS = frozenset(
    ("status", "help", "exit", "quit", "warnings", "nowarning", "prompt", "rehash", "print", "clear", "charset",
     "notee",
     "nopager", "resetconnection", "connect", "tee")
)  # fmt: skip
_ASKS = frozenset(
    ("status", "ping", "version", "processlist", "variables", "extended-status", "create", "flush-hosts", "flush-logs",
     "flush-status", "flush-tables", "flush-threads", "flush-privileges", "reload", "refresh", "debug", "start-slave",
     "start-replica", "start-all-slaves", "flush-all-status", "flush-table-statistics", "flush-user-statistics",
     "flush-client-statistics", "flush-index-statistics", "flush-binary-log", "flush-engine-log", "flush-error-log",
     "flush-general-log", "flush-relay-log", "flush-slow-log", "flush-ssl", "flush-user-resources")
)  # fmt: skip
"""What mysqladmin only asks, adds, or writes to the disk earlier than it would."""


def mysql(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """The last -e, else what is typed; --init-command before it."""
    read = given(command.words[1:], _MYSQL)
    words = read.arguments
    if words.has("-V", "--version", "--help", "-?", "-I", "--print-defaults"):
        return Outcome((), host)
    name = words.value("-D", "--database") or next(iter(words.texts), None) or NO_DATABASE
    session = _Mysql(command, host, world, name, local=local)
    for option in read.strange:
        session.doubt(f"{command.program}: the option {option} is not known")
    given_ = [value for option, value in words.options if option in ("-e", "--execute", "--init-command")]
    for text in given_:
        session.run(text)
    if not words.has("-e", "--execute"):
        session.from_input()
    return session.outcome()


class _Mysql(Session):
    def run(self, text: str | None) -> None:
        for statement in self.sql(text, MYSQL):
            self._own(statement)

    def from_input(self) -> None:
        if self.interactive:
            self.mild(f"what is typed into `{shown(self.command)}` is not known")
        else:
            self.run(self.typed())

    def _own(self, statement: Statement) -> None:
        if not statement.own or not statement.text:
            return  # \g and \G send what stands before them
        backslash = _BACKSLASH.match(statement.text)
        found = backslash or _WORD.match(statement.text)
        if found is None:
            self.strange(statement.text)
            return
        name = found["name"] if backslash else found["name"].lower()
        rest = found["rest"].strip().rstrip(";").strip()
        if name in ("use", "u"):
            self.database = rest.split()[0].strip("`\"'") if rest else self.database
        elif name in ("source", "."):
            self.run(self.read(rest))
        elif name in ("system", "!"):
            self.doubt(f"`{shown(self.command)}` runs `{short(rest)}`, which is not judged")
        elif name not in (_QUIET if backslash else _QUIET_WORDS) and name not in ("T", "R", "C"):
            self.strange(statement.text)


def admin(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """mysqladmin: several commands in a row, some with a word of their own."""
    read = given(command.words[1:], _ADMIN)
    session = Session(command, host, world, NO_DATABASE, local=local)
    if read.missing or read.strange:
        session.doubt(f"what `{shown(command)}` does is not judged")
    pending = list(read.arguments.texts)
    while pending:
        verb = pending.pop(0).lower()
        if verb == "drop":
            name = pending.pop(0) if pending else "?"
            session.add(
                Outcome((Effect("delete", "database", name, True, f"mysqladmin drops it: {NO_UNDO}"),), session.host)
            )
        elif verb == "shutdown":
            session.stop("MySQL", "the server is shut down")
        elif verb in ("create", "kill", "password", "old-password"):
            pending = pending[1:]
            if verb != "create":
                session.mild(f"what `{shown(command)}` does is not judged")
        elif verb not in _ASKS:
            session.doubt(f"what `{shown(command)}` does is not judged")
    return session.outcome()


def dump(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """mysqldump reads; -r writes a file, --tab several, and --delete-master-logs deletes what replicas may need."""
    read = given(command.words[1:], _DUMP)
    session = Session(command, host, world, NO_DATABASE, local=local)
    for option in read.strange:
        session.doubt(f"{command.program}: the option {option} is not known")
    for name, value in read.arguments.options:
        if name in ("-r", "--result-file"):
            session.write(value, f"{command.program} writes its dump into it")
        elif name in ("--delete-master-logs", "--delete-source-logs"):
            session.lose(f"{name} deletes the binary logs")
        elif name in ("-T", "--tab", "--dir", "--log-error"):
            session.doubt(f"which files of {value} `{shown(command)}` writes over is not looked up")
        elif name in ("--dump-slave", "--dump-replica", "-F", "--flush-logs"):
            continue
    return session.outcome()


def load(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """mysqlimport: the table is named after the file; --delete empties it first."""
    read = given(command.words[1:], _IMPORT)
    words = read.arguments
    session = Session(command, host, world, next(iter(words.texts), NO_DATABASE), local=local)
    tables = ", ".join(text.rpartition("/")[2].partition(".")[0] for text in words.texts[1:])
    if words.has("-d", "-D", "--delete"):
        session.lose(f"mysqlimport --delete empties {tables}".strip())
    elif words.has("-r", "--replace"):
        session.lose(f"mysqlimport --replace writes over rows of {tables}".strip())
    else:
        session.mild(f"which rows `{shown(command)}` adds is not looked up")
    if read.strange or read.missing:
        session.doubt(f"what `{shown(command)}` does is not judged")
    return session.outcome()


def shows(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:  # noqa: ARG001
    """mysqlshow, mysqlcheck, mysql_config_editor …: they ask, or tidy up."""
    return Outcome((), host)
