"""What a miner of cryptocurrency shows in its own command line: a pool's address, its options, its name. Pure.

Names and options as the manuals of xmrig, cpuminer, ccminer, lolMiner, T-Rex and Phoenix print them, and as public
reports of infected hosts show them (kinsing, kdevtmpfsi, perfctl, watchbog). A name is weak: anybody may take it.
"""

from collections.abc import Iterator
from typing import Final

from runaway_watchdog.hostile import clean
from runaway_watchdog.model.casefile import Sign
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.patterns import Pattern

LONGEST: Final = 4096
"""Characters of the command line that are looked at."""
_POOLS: Final = (
    *("minexmr", "supportxmr", "nanopool", "hashvault", "moneroocean", "nicehash", "c3pool", "2miners", "f2pool"),
    *("xmrpool", "unmineable", "stratum", "ethproxy", "daemon+"),
)
"""One of which has to be in a line that names a pool."""
_POOL: Final = Pattern(
    r"(?:stratum[12]?|ethproxy|ethstratum|daemon)\+(?:tcp|ssl|tls|http)s?://\S{1,200}"
    r"|(?:minexmr|supportxmr|nanopool|hashvault|moneroocean|nicehash|c3pool|2miners|f2pool|xmrpool|unmineable)"
    r"\.(?:com|org|stream|pro|net|io)\b"
)
_WALLET: Final = Pattern(r"[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}")
"""A Monero address."""
_WALLETS: Final = 95  # characters
_OPTIONS: Final = Pattern(
    r"--(?:donate-level|randomx-[\w-]{1,20}|cpu-max-threads-hint|cpu-priority|rig-id|nicehash|coin|algo)\b"
    r"|(?:-a|--algo)[ =](?:rx|cn|argon2|kawpow|ethash|randomx)(?:[/-]\S{1,20})?"
)
_FEW: Final = ("--coin", "--algo", "--cpu-priority")
"""Options that other programs have too."""
_NAMES: Final = (
    "xmrig xmrig-notls xmr-stak xmrigdaemon minerd cpuminer cpuminer-opt ccminer ethminer nbminer lolminer t-rex"
    " phoenixminer teamredminer srbminer-multi gminer nanominer kinsing kdevtmpfsi watchbog kthreaddk kerberods"
    " xmrigminer sysrv perfcc perfctl"
)


def mining(process: Process) -> Iterator[Sign]:
    """Its signs, of two kinds: the pool that it works for, and what it is."""
    line = " ".join(process.cmdline)[:LONGEST]
    evidence = f"/proc/{process.pid}/cmdline"
    pool = _pool(line)
    if pool is not None:
        yield Sign("pool", f"its arguments name a mining pool or a wallet: {clean(pool, 80)}", evidence)
    first = process.cmdline[0] if process.cmdline else ""
    named = {base(process.exe).lower(), process.name.lower(), base(first).lower()} & set(_NAMES.split())
    option = _OPTIONS.search(line) if "-" in line else None
    if named:
        yield Sign("miner", f"it bears the name of a miner: {min(named)}", evidence)
    elif option is not None and (pool is not None or not option[0].startswith(_FEW)):
        yield Sign("miner", f"its arguments are a miner's: {clean(option[0], 40)}", evidence)


def _pool(line: str) -> str | None:
    """The pool's address or the wallet that a command line names."""
    if any(each in line for each in _POOLS) and (found := _POOL.search(line)) is not None:
        return found[0]
    long_ones = (each for word in line.split() if len(word) >= _WALLETS for each in word.replace("=", " ").split())
    return next((each[:_WALLETS] for each in long_ones if _WALLET.match(each)), None)
