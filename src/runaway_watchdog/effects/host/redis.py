"""redis-cli and valkey-cli: what a command deletes, by the options of redis-cli(1) and the commands of Redis 7.4."""

import re
import shlex
from collections.abc import Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, shown
from runaway_watchdog.effects.host.database_client import Session
from runaway_watchdog.effects.host.getopt import given, grammar, listed
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

_GRAMMAR = grammar(
    "-h -p -s -a -u -r -i -n -t -X -d -D --user --pass --cacert --cacertdir --cert --key --sni --tls-ciphers "
    "--tls-ciphersuites "
    "--pattern --quoted-pattern --count --intrinsic-latency --lru-test --rdb --functions-rdb "
    "--pipe-timeout --memkeys-samples --keystats-samples --cursor --top --eval --show-pushes --host --port",
    "-2 -3 -x -c -e -4 -6 --raw --no-raw --quoted-input --csv --json --quoted-json --stat --latency --latency-history "
    "--latency-dist --replica --slave --pipe --bigkeys --memkeys --keystats --hotkeys --scan --ldb --ldb-sync-mode "
    "--cluster --verbose --no-auth-warning --askpass --tls --insecure --help --version -v",
)
_WATCHES = (
    "--version", "--help", "-v", "--stat", "--latency", "--latency-history", "--latency-dist", "--bigkeys", "--memkeys",
    "--keystats", "--hotkeys", "--scan", "--intrinsic-latency", "--replica", "--slave",
)  # fmt: skip
READS = listed(
    """
    GET MGET KEYS SCAN SSCAN HSCAN ZSCAN INFO PING DBSIZE TTL PTTL EXPIRETIME PEXPIRETIME TYPE EXISTS LRANGE LLEN
    LINDEX LPOS LCS HGETALL HGET HMGET HKEYS HVALS HLEN HEXISTS HSTRLEN HRANDFIELD HTTL SMEMBERS SCARD SISMEMBER
    SMISMEMBER SRANDMEMBER SDIFF SINTER SUNION SINTERCARD ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE
    ZRANGEBYLEX ZREVRANGEBYLEX ZCARD ZCOUNT ZSCORE ZMSCORE ZRANK ZREVRANK ZLEXCOUNT ZRANDMEMBER ZDIFF ZINTER ZUNION
    ZINTERCARD STRLEN GETRANGE SUBSTR GETBIT BITCOUNT BITPOS BITFIELD_RO MEMORY LATENCY COMMAND ECHO TIME LASTSAVE
    ROLE AUTH HELLO MONITOR OBJECT DUMP RANDOMKEY TOUCH PERSIST XRANGE XREVRANGE XLEN XREAD XINFO XPENDING PFCOUNT
    GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO SORT_RO EVAL_RO EVALSHA_RO FCALL_RO SUBSCRIBE
    PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUBSUB PUBLISH SPUBLISH WAIT WAITAOF MULTI EXEC DISCARD WATCH UNWATCH QUIT
    RESET READONLY READWRITE ASKING SAVE BGSAVE BGREWRITEAOF LOLWUT
    """
)
"""They only ask, or write to the disk what is in memory."""
DESTROYS = listed(
    """
    FLUSHALL FLUSHDB DEL UNLINK GETDEL LTRIM EXPIRE PEXPIRE EXPIREAT PEXPIREAT GETEX HDEL HGETDEL HEXPIRE HPEXPIRE
    LREM LPOP RPOP LMPOP BLPOP BRPOP BLMPOP SREM SPOP ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX ZPOPMIN
    ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX BZMPOP XDEL XTRIM MIGRATE DELIFEQ JSON.DEL JSON.FORGET JSON.CLEAR TS.DEL
    FT.DROPINDEX GRAPH.DELETE CF.DEL RG.UNREGISTER
    """
)
ADDS = listed(
    """
    SETNX MSETNX APPEND INCR INCRBY INCRBYFLOAT DECR DECRBY HSETNX HINCRBY HINCRBYFLOAT LPUSH RPUSH LPUSHX RPUSHX
    LINSERT LMOVE RPOPLPUSH BLMOVE BRPOPLPUSH SADD SMOVE ZADD ZINCRBY XADD XACK XCLAIM XAUTOCLAIM XREADGROUP XSETID
    PFADD PFMERGE GEOADD MOVE SLOWLOG FAILOVER RENAMENX TS.ADD
    """
)
"""They add, or refuse where the key is there."""
WRITES_OVER = listed(
    """
    SET SETEX PSETEX MSET GETSET SETRANGE SETBIT BITFIELD BITOP HSET HMSET LSET JSON.SET JSON.MSET SWAPDB
    """
)
"""What the key, or a part of it, held before is gone; whether there is one is not asked."""
_PARTS: dict[str, frozenset[str]] = {
    "CONFIG": frozenset(("GET", "HELP")),
    "CLIENT": frozenset(("LIST", "GETNAME", "SETNAME", "INFO", "ID", "SETINFO", "GETREDIR", "TRACKING", "HELP",
    "NO-EVICT", "REPLY")),
    "CLUSTER": frozenset(("INFO", "NODES", "SLOTS", "SHARDS", "MYID", "KEYSLOT", "COUNTKEYSINSLOT", "GETKEYSINSLOT",
    "LINKS")),
    "SCRIPT": frozenset(("EXISTS", "LOAD", "HELP", "SHOW")),
    "FUNCTION": frozenset(("LIST", "STATS", "DUMP", "HELP", "LOAD")),
    "ACL": frozenset(("LIST", "WHOAMI", "USERS", "GETUSER", "CAT", "LOG", "HELP", "GENPASS", "DRYRUN")),
    "MODULE": frozenset(("LIST", "HELP")),
    "DEBUG": frozenset(("HELP",)),
    "XGROUP": frozenset(("CREATE", "CREATECONSUMER", "HELP")),
}  # fmt: skip
"""The second words with which these only ask or add."""
_LOSING_PARTS = frozenset(
    (
        ("ACL", "DELUSER"), ("CLUSTER", "FLUSHSLOTS"),
        ("CLUSTER", "RESET"), ("DEBUG", "FLUSHALL"), ("FUNCTION", "DELETE"),
        ("FUNCTION", "FLUSH"), ("SCRIPT", "FLUSH"), ("XGROUP", "DELCONSUMER"), ("XGROUP", "DESTROY"),
    )
)  # fmt: skip
_CALLS = re.compile(r"redis\.p?call\s*\(\s*(?:'(?P<one>[\w.]+)'|\"(?P<two>[\w.]+)\")")
_NAMES_REDIS = re.compile(r"\bredis\b|\bloadstring\b|\bload\b|_G\b")
_MOST = 20_000
"""Lines typed into it; further ones are not judged."""


def redis(command: Command, host: HostState, world: World, *, local: bool = True) -> Outcome:
    """The command of the line, else what is typed."""
    read = given(command.words[1:], _GRAMMAR, stops=True)
    words = read.arguments
    session = _Redis(command, host, world, _name(words), local=local)
    for option in read.strange:
        session.doubt(f"{command.program}: the option {option} is not known")
    for name, value in words.options:
        if name in ("--rdb", "--functions-rdb") and value != "-":
            session.write(value, "redis-cli writes a copy of the data into it")
    if words.has("--lru-test"):
        session.doubt(f"`{shown(command)}` fills {session.database} until it evicts keys")
    elif words.has("--eval"):
        session.lua(session.read(words.value("--eval")))
    elif words.has("--cluster"):
        session.cluster(words)
    elif not words.has(*_WATCHES) and not words.has("--rdb", "--functions-rdb"):
        session.told(words)
    return session.outcome()


def _name(words: Arguments) -> str:
    url = words.value("-u") or ""
    path = url.partition("://")[2].partition("/")[2].partition("?")[0]
    return f"Redis database {words.value('-n') or (path if path.isdigit() else '0')}"


class _Redis(Session):
    def told(self, words: Arguments) -> None:
        if words.operands:
            texts = [word.text for word in words.operands]
            self.command_of(texts + ([None] if words.has("-x", "-X") else []))
        elif self.interactive:
            self.mild(f"what is typed into `{shown(self.command)}` is not known")
        else:
            self._lines(self.typed())

    def _lines(self, text: str | None) -> None:
        lines = _commands(text)
        if lines is None or len(lines) > _MOST:
            self.doubt(f"what is typed into `{shown(self.command)}` is not known")
            return
        for words in lines:
            repeated = words[1:] if words[0].isdigit() else words  # `5 INCR a`: five times
            if repeated:
                self.command_of(repeated)

    def command_of(self, texts: Sequence[str | None]) -> None:
        verb = (texts[0] or "").upper()
        part = (texts[1] or "").upper() if len(texts) > 1 else ""
        rest = [(text or "?").upper() for text in texts[1:]]
        if not verb:
            self.doubt(f"what `{shown(self.command)}` tells Redis is only known when it runs")
        elif verb == "SELECT":
            self.database = f"Redis database {texts[1] or '?'}" if len(texts) > 1 else self.database
        elif verb == "FLUSHALL" or (verb, part) == ("DEBUG", "FLUSHALL"):
            self.lose("FLUSHALL", "every database of this Redis")
        elif verb in ("REPLICAOF", "SLAVEOF"):
            self._follows(verb, rest)
        elif verb == "SHUTDOWN":
            self._shutdown(rest)
        elif verb in ("EVAL", "EVALSHA", "FCALL"):
            self.lua(texts[1] if verb == "EVAL" and len(texts) > 1 else None)
        elif verb in DESTROYS or (verb, part) in _LOSING_PARTS or _replaces(verb, rest):
            self.lose(f"{verb} {part}" if (verb, part) in _LOSING_PARTS else verb)
        else:
            self._other(verb, part, rest)

    def _follows(self, verb: str, rest: list[str]) -> None:
        if rest[:2] == ["NO", "ONE"]:
            self.mild(f"what `{verb} NO ONE` does in {self.database} is not judged")
        else:
            self.lose(f"{verb}: it takes over the data of another server", "every database of this Redis")

    def _shutdown(self, rest: list[str]) -> None:
        lost = "NOSAVE" in rest
        why = "what was not saved yet is lost" if lost else "the server is shut down, after it has saved"
        self.stop("Redis", why, lost=lost)

    def _other(self, verb: str, part: str, rest: list[str]) -> None:
        what = f"what `{verb}` does in {self.database} is not judged"
        if verb in _PARTS:
            if part not in _PARTS[verb]:
                self.doubt(f"what `{verb} {part}` does in {self.database} is not judged")
        elif verb in ADDS or verb in ("COPY", "RESTORE") or (verb == "SET" and "NX" in rest):
            self.mild(what)
        elif verb in ("SORT", "GEORADIUS", "GEORADIUSBYMEMBER") and "STORE" not in rest and "STOREDIST" not in rest:
            return
        elif verb in WRITES_OVER:
            self.doubt(
                f"`{verb}` writes over what the key holds where it is there, in {self.database}: that is not asked"
            )
        elif verb not in READS:
            self.doubt(what)

    def lua(self, script: str | None) -> None:
        """A script is read as far as each call in it names its command."""
        calls = [(found["one"] or found["two"]).upper() for found in _CALLS.finditer(script or "")]
        for verb in dict.fromkeys(calls):
            if verb in DESTROYS:
                self.lose(f"{verb} in a script", "every database of this Redis" if verb == "FLUSHALL" else None)
        plain = script is not None and len(_NAMES_REDIS.findall(script)) == len(calls)
        if not plain or not calls or any(verb not in READS | DESTROYS for verb in calls):
            self.doubt(f"what the script of `{shown(self.command)}` does in {self.database} is not judged")

    def cluster(self, words: Arguments) -> None:
        verb = next(iter(words.texts), "")
        if verb == "call":
            self.command_of([word.text for word in words.operands[2:]] or [None])
        elif verb not in ("check", "info", "help"):
            self.doubt(f"what `{shown(self.command)}` does to the cluster is not judged")


def _replaces(verb: str, rest: list[str]) -> bool:
    """Commands that write over another key."""
    if verb in ("RESTORE", "COPY"):
        return "REPLACE" in rest
    if verb == "FUNCTION":
        return rest[:1] == ["RESTORE"] and ("REPLACE" in rest or "FLUSH" in rest)
    return verb == "RENAME" or verb.endswith("STORE")


def _commands(text: str | None) -> list[list[str]] | None:
    """Commands as lines, with quotes, or in the protocol's own form (`*1\\r\\n$8\\r\\nFLUSHALL\\r\\n`)."""
    if text is None:
        return None
    if text.lstrip().startswith("*"):
        return _protocol(text)
    found = []
    for line in lines_of(text):
        try:
            words = shlex.split(line)
        except ValueError:
            return None
        if words:
            found.append(words)
    return found


def _protocol(text: str) -> list[list[str]] | None:
    lines = text.replace("\r\n", "\n").split("\n")
    found: list[list[str]] = []
    at = 0
    while at < len(lines):
        if not lines[at]:
            at += 1
            continue
        if not re.fullmatch(r"\*\d+", lines[at]):
            return None
        count = int(lines[at][1:])
        found.append(lines[at + 2 : at + 2 * count + 1 : 2])
        at += 2 * count + 1
    return [words for words in found if words]
