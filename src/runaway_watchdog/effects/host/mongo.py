"""mongosh, mongo, mongorestore …: scripts are JavaScript, read as far as their calls say what they do."""

import re

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, shown
from runaway_watchdog.effects.host.database_client import Session
from runaway_watchdog.effects.host.getopt import given, grammar
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

_CONNECTION = (
    "--host -h --port --username -u --password -p --authenticationDatabase --authenticationMechanism --uri --tlsCAFile "
    "--tlsCertificateKeyFile --tlsCertificateKeyFilePassword --sslCAFile --sslPEMKeyFile --sslPEMKeyPassword "
    "--gssapiServiceName "
    "--gssapiHostName --awsIamSessionToken --config --readPreference --db -d --collection -c"
)
_FLAGS = (
    "--tls --ssl --tlsInsecure --sslAllowInvalidCertificates --tlsAllowInvalidCertificates --tlsAllowInvalidHostnames "
    "--help --version --quiet -q --verbose -v --retryWrites"
)
_SHELL = grammar(
    "--host --port --username -u --password -p --authenticationDatabase --authenticationMechanism --eval --file -f "
    "--tlsCAFile "
    "--tlsCertificateKeyFile --tlsCertificateKeyFilePassword --apiVersion --jsContext --sslCAFile --sslPEMKeyFile "
    "--networkMessageCompressors",
    "--norc --shell --nodb --quiet --verbose --tls --ssl --help -h --version --build-info --retryWrites --ipv6 "
    "--apiStrict "
    "--tlsAllowInvalidHostnames --tlsAllowInvalidCertificates --sslAllowInvalidCertificates --skipStartupWarnings "
    "--disableImplicitSessions",
    "--json",
)
_RESTORE = grammar(
    f"{_CONNECTION} --dir --nsFrom --nsTo --nsInclude --nsExclude --numParallelCollections -j "
    "--numInsertionWorkersPerCollection "
    "--writeConcern --oplogLimit --oplogFile --excludeCollection --excludeCollectionsWithPrefix --batchSize",
    f"{_FLAGS} --drop --dryRun --gzip --oplogReplay --objcheck --noIndexRestore --convertLegacyIndexes "
    "--noOptionsRestore "
    "--keepIndexVersion --maintainInsertionOrder --preserveUUID --stopOnError --bypassDocumentValidation "
    "--restoreDbUsersAndRoles",
    "--archive",
)
_DUMP = grammar(
    f"{_CONNECTION} -o --out --query --queryFile --numParallelCollections -j --excludeCollection "
    "--excludeCollectionsWithPrefix",
    f"{_FLAGS} --gzip --oplog --dumpDbUsersAndRoles --viewsAsCollections --forceTableScan",
    "--archive",
)
_IMPORT = grammar(
    f"{_CONNECTION} --file --type --fields -f --fieldFile --mode --upsertFields --numInsertionWorkers --writeConcern "
    "--parseGrace",
    f"{_FLAGS} --drop --headerline --jsonArray --ignoreBlanks --stopOnError --upsert --maintainInsertionOrder "
    "--columnsHaveTypes --bypassDocumentValidation --legacy --useArrayIndexFields",
)
_EXPORT = grammar(
    f"{_CONNECTION} -o --out --type --fields -f --fieldFile --query --queryFile --skip --limit --sort --jsonFormat",
    f"{_FLAGS} --jsonArray --pretty --csv --noHeaderLine --assertExists --forceTableScan",
)
_DESTROYS = re.compile(
    r"\b(?P<verb>dropDatabase|dropCollection|dropIndexes|dropIndex|dropUser|dropAllUsers|dropRole|drop|deleteMany|deleteOne|remove"
    r"|findOneAndDelete|findOneAndReplace|findOneAndUpdate|findAndModify|replaceOne|updateMany|updateOne|update|bulkWrite"
    r"|renameCollection|delete|deleteOne)[\"'\]]*\s*\("
)
_COMMANDS = re.compile(
    r"(?:runCommand|adminCommand)\s*\(\s*(?:\{\s*)?[\"']?(?P<verb>dropDatabase|dropIndexes|drop|delete|findAndModify|update"
    r"|convertToCapped|renameCollection)\b"
)
_STOPS = re.compile(r"\bshutdownServer\s*\(|\bshutdown[\"']?\s*:")
_OTHER = re.compile(r"\bgetSiblingDB\(\s*[\"'](?P<name>[\w-]+)[\"']\s*\)|(?:^|[;\n])[^\S\n]*+use\s+(?P<used>[\w-]+)")
_READS = re.compile(
    r"(?:show\s+\w+|use\s+[\w-]+|it|help|exit|quit(?:\(\))?|db|db\.(?:stats|version|serverStatus|getCollectionNames"
    r"|getCollectionInfos|currentOp|hostInfo|getName|getUsers|getRoles|isMaster|hello|printReplicationInfo)\(\)|rs\.(?:status|conf)\(\)"
    r"|db\.adminCommand\([\"'{\s]*+(?:ping|listDatabases|serverStatus|buildInfo|hello|isMaster)[\"']?\s*(?::\s*1\s*\})?\s*\)"
    r"|(?:db|db\.getSiblingDB\([\"'][\w-]+[\"']\))\.(?:[\w.]+|getCollection\([\"'][^\"']*[\"']\))"
    r"\.(?:find|findOne|count|countDocuments|estimatedDocumentCount|distinct|stats|getIndexes|explain|dataSize|totalSize)\([^()]*\)"
    r"(?:\.(?:limit|sort|count|pretty|toArray|skip|size|explain|next|hasNext)\([^()]*\))*)"
)
_COMMENT = re.compile(r"//[^\n]*+|/\*.*?\*/|(?P<open>/\*.*+)", re.S)
_PRINTS = re.compile(r"(?:print|printjson|console\.log|JSON\.stringify|EJSON\.stringify|tojson)\((?P<inner>.*)\)", re.S)


def shell(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """Every --eval, every script; else what is typed."""
    read = given(command.words[1:], _SHELL)
    words = read.arguments
    if words.has("--help", "-h", "--version", "--build-info"):
        return Outcome((), host)
    session = _Mongo(command, host, world, _database(words), local=local)
    for option in read.strange:
        session.doubt(f"{command.program}: the option {option} is not known")
    scripts = [word for word in words.operands if word.text is None or word.text.endswith((".js", ".mongodb"))]
    texts = [value for name, value in words.options if name == "--eval"]
    texts += [session.read(value) for name, value in words.options if name in ("--file", "-f")]
    texts += [session.read(word.text) for word in scripts]
    for text in texts:
        session.run(text)
    if not texts and session.interactive:
        session.mild(f"what is typed into `{shown(command)}` is not known")
    elif not texts:
        session.run(session.typed())
    return session.outcome()


def _database(words: Arguments) -> str:
    """The operand that is no script: a name, an address with a name in it, or a connection string."""
    named = words.value("--db", "-d") or next(
        (text for text in words.texts if not text.endswith((".js", ".mongodb"))), ""
    )
    for text in (words.value("--uri") or "", named):
        if "://" in text:
            named = text.partition("://")[2].partition("/")[2].partition("?")[0]
    return named.rpartition("/")[2] or "MongoDB"


class _Mongo(Session):
    def run(self, text: str | None) -> None:
        if text is None:
            self.doubt(f"what `{shown(self.command)}` runs is only known when it runs")
            return
        plain = _COMMENT.sub(lambda found: found["open"] or " ", text) if "://" not in text else text
        lost = [*_DESTROYS.finditer(plain), *_COMMANDS.finditer(plain)]
        for found in {found["verb"]: found for found in lost}.values():
            self.lose(f"{found['verb']}()", _in_use(plain, found.start()))
        if stops := _STOPS.search(plain):
            self.stop("MongoDB", f"{stops[0].rstrip('( :')}: the server is shut down")
        elif not lost and not all(_reads(part) for part in re.split(r";|\n", plain) if part.strip()):
            self.doubt(f"what `{shown(self.command)}` does is not judged")


def _in_use(text: str, at: int) -> str | None:
    """The database that the script has named last before this place."""
    named = [found["name"] or found["used"] for found in _OTHER.finditer(text, 0, at)]
    return named[-1] if named else None


def _reads(part: str) -> bool:
    text = part.strip()
    printed = _PRINTS.fullmatch(text)
    return bool(_READS.fullmatch(printed["inner"].strip() if printed else text))


def restore(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    read = given(command.words[1:], _RESTORE)
    words = read.arguments
    session = Session(command, host, world, _database(words._replace(operands=())), local=local)
    if words.has("--help", "--version", "--dryRun"):
        return Outcome((), host)
    if words.has("--drop"):
        session.lose("mongorestore --drop drops each collection before it restores it")
    else:
        session.mild(f"which documents `{shown(command)}` adds is not looked up")
    return _told(session, read.strange)


def load(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """mongoimport."""
    read = given(command.words[1:], _IMPORT)
    words = read.arguments
    session = Session(command, host, world, _database(words._replace(operands=())), local=local)
    if words.has("--drop"):
        session.lose(f"mongoimport --drop drops {words.value('--collection', '-c') or 'the collection'}")
    elif words.value("--mode") in ("delete", "upsert", "merge") or words.has("--upsert"):
        session.lose(f"mongoimport --mode={words.value('--mode') or 'upsert'} changes what is there")
    else:
        session.mild(f"which documents `{shown(command)}` adds is not looked up")
    return _told(session, read.strange)


def dump(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """mongodump writes files of its own names into a folder, `dump` unless it is told another."""
    read = given(command.words[1:], _DUMP)
    words = read.arguments
    session = Session(command, host, world, "MongoDB", local=local)
    if words.value("--archive") is not None:
        session.write(words.value("--archive"), "mongodump writes its archive into it")
    elif not words.has("--archive", "--help", "--version") and words.value("-o", "--out") != "-":
        session.mild(f"whether `{shown(command)}` overwrites an older dump is not looked up")
    return _told(session, read.strange)


def export(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    read = given(command.words[1:], _EXPORT)
    words = read.arguments
    session = Session(command, host, world, "MongoDB", local=local)
    if words.has("-o", "--out"):
        session.write(words.value("-o", "--out"), "mongoexport writes into it")
    return _told(session, read.strange)


def files(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """mongofiles: delete and delete_id, and put --replace."""
    session = Session(command, host, world, "MongoDB", local=local)
    texts = [word.text for word in command.words[1:]]
    if "delete" in texts or "delete_id" in texts or "--replace" in texts or "-r" in texts:
        session.lose("mongofiles deletes files of GridFS")
    elif not ({"list", "search"} & set(texts)):
        session.doubt(f"what `{shown(command)}` does is not judged")
    return session.outcome()


def _told(session: Session, strange: tuple[str, ...]) -> Outcome:
    for option in strange:
        session.doubt(f"{session.command.program}: the option {option} is not known")
    return session.outcome()
