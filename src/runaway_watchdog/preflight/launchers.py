"""Programs that run another one beside their own work: they trace it, limit it, or give it other namespaces.

As `wrappers` has it: `(words) -> Inner`, or None where it starts nothing. Of those with many options only the ones with
a value are listed: a word that is taken for the program in error is no program that is known to be harmless.
"""

import re
from collections.abc import Callable, Mapping

from runaway_watchdog.model.command import Word
from runaway_watchdog.preflight.grammar import Unread
from runaway_watchdog.preflight.options import Inner, Options, Words, known, take

_SHELL = (Word("sh", "sh"),)
_ARCHITECTURE = re.compile(
    r"(?:linux|uname)\d+|i\d86|x86_64|amd64|arm\w*|aarch64|ppc\w*|mips\w*|sparc\w*|s390x?|riscv\d+"
)


def _behind(
    valued: str = "",
    *,
    writes: str = "",
    adds: str = "",
    instead: str = "",
    loads: str = "",
    operands: int = 0,
    alone: bool = False,
) -> Callable[[Words], Inner | None]:
    """What stands behind the options. `valued`: those that take the next word; `writes`: those of them whose value is a
    file that is written, but for one of `adds`, with which nothing is written over; `instead`: with one of these it
    starts nothing; `loads`: those whose value is code that it loads; `alone`: without a command it starts a shell.
    """
    files, others, code = frozenset(writes.split()), frozenset(instead.split()), frozenset(loads.split())
    takes = frozenset(valued.split()) | files | code

    def read(words: Words) -> Inner | None:
        position, written, appends, before = 1, None, False, ""
        while position < len(words) and known(words, position).startswith("-"):
            option, value, after = _option(words, position, takes)
            if option in others:
                return None
            if option in code:
                raise Unread(" ".join(word.raw for word in words), "what it loads is not known")
            appends |= option in adds.split()
            if option in files and value is not None:
                if written is not None and option != before:
                    raise Unread(" ".join(word.raw for word in words), "it writes several files")
                written, before = _file(value, words), option
            position = after
            if option == "--":
                break
        rest = words[position + operands :]
        return Inner(rest or _SHELL, writes=None if appends else written) if rest or alone else None

    return read


def _option(words: Words, position: int, takes: frozenset[str]) -> tuple[str, Word | None, int]:
    """The option at this place, its value, and where the next word is: `--name=VALUE`, `-oVALUE`, `-fo VALUE`."""
    text = known(words, position)
    name, equals, value = text.partition("=")
    if text.startswith("--") or text in takes:
        if equals or name not in takes:
            return name, Word(value, words[position].raw) if equals else None, position + 1
        return name, words[position + 1] if position + 1 < len(words) else None, position + 2
    for at, letter in enumerate(text[1:], start=2):
        if f"-{letter}" in takes and text[at:]:
            return f"-{letter}", Word(text[at:], words[position].raw), position + 1
        if f"-{letter}" in takes:
            return f"-{letter}", words[position + 1] if position + 1 < len(words) else None, position + 2
    return text, None, position + 1


def _file(value: Word, words: Words) -> Word:
    """strace and ltrace hand what they print to a shell's command behind `|` or `!`."""
    if (value.text or "").startswith(("|", "!")):
        raise Unread(" ".join(word.raw for word in words), "what it prints is given to another program")
    return value


def _pidstat(words: Words) -> Inner | None:
    """`-e PROGRAM ARGUMENTS`: the rest of the line."""
    at = next((at for at, word in enumerate(words) if word.text == "-e"), len(words))
    return Inner(words[at + 1 :]) if words[at + 1 :] else None


def _setarch(words: Words) -> Inner | None:
    """The architecture may be left out, and i386 is a name of setarch that says it itself."""
    named = len(words) > 1 and _ARCHITECTURE.fullmatch(words[1].text or "")
    return _behind(instead="-h --help -V --version --list", alone=True)((words[0], *words[2 if named else 1 :]))


def _perf(words: Words) -> Inner | None:
    verb = words[1].text if len(words) > 1 else None
    if verb not in ("stat", "record", "trace"):
        return None
    return _PERF(words[1:])


_PERF = _behind(
    "-e --event -p --pid -t --tid -C --cpu -c --count -F --freq -r --repeat -I --interval-print -x --field-separator "
    "-G --cgroup -u --uid -j --branch-filter -m --mmap-pages -D --delay --call-graph --filter --switch-output -M "
    "--timeout --max-size --duration --expr --pre --post --metrics --clockid -k --affinity --user-regs --intr-regs",
    writes="-o --output",
    instead="-h --help",
)


def _unshare(words: Words) -> Inner | None:
    """The files are the same ones, unless it is told another root."""
    taken = take(words, _UNSHARE)
    if taken.has("R", "root"):
        raise Unread(" ".join(word.raw for word in words), "it runs in another root folder")
    if taken.has("h", "help", "V", "version"):
        return None
    folder = taken.value("w", "wd")
    return Inner(taken.rest or _SHELL, moved=folder is not None, folder=folder.text if folder else None)


_UNSHARE = Options(
    "muinpUCTfrchV", "RwSG",
    frozenset(("mount", "uts", "ipc", "net", "pid", "user", "cgroup", "time", "fork", "map-root-user", "keep-caps",
               "help", "map-current-user", "map-auto", "version", "mount-proc", "kill-child")),
    frozenset(("root", "wd", "setuid", "setgid", "map-user", "map-group", "map-users", "map-groups", "propagation",
               "setgroups", "monotonic", "boottime", "kill-child", "mount-proc", "mount", "uts", "ipc", "net", "pid",
               "user", "cgroup", "time")),
)  # fmt: skip


def _ip(words: Words) -> Inner | None:
    """`ip netns exec NAME COMMAND`, `ip vrf exec NAME COMMAND`; words may be cut short; `-all` has no NAME."""
    position, everywhere = 1, False
    while position < len(words) and (option := known(words, position)).startswith("-"):
        option = option.removeprefix("-") if option.startswith("--") else option
        everywhere |= len(option) > 1 and "-all".startswith(option)
        position += 2 if any(len(option) > 1 and each.startswith(option) for each in IP_VALUED) else 1
    subject, verb = (words[at].text if at < len(words) else "" for at in (position, position + 1))
    if subject is None or verb is None:
        raise Unread(" ".join(word.raw for word in words), "what it runs is only known when it runs")
    spaces = (len(subject) > 2 and "netns".startswith(subject)) or (subject != "" and "vrf".startswith(subject))
    if not spaces or not verb or not "exec".startswith(verb):
        return None
    rest = words[position + (2 if everywhere and subject.startswith("n") else 3) :]
    return Inner(rest) if rest else None


IP_VALUED = ("-family", "-netns", "-loops", "-rcvbuf", "-batch")


def _prlimit(words: Words) -> Inner | None:
    """A resource's limits stand in the same word."""
    return _behind("-o --output", instead="-p --pid -h --help -V --version")(words)


_STRACE = (
    "-a --columns -b --detach-on -e -E --env -I --interruptible -O --summary-syscall-overhead -p --attach -P "
    "--trace-path -s --string-limit -S --summary-sort-by -u --user -U --summary-columns -X --const-print-style --argv0"
)
_TORSOCKS = _behind("-u --user -p --pass -a --address -P --port")
LAUNCHERS: Mapping[str, Callable[[Words], Inner | None]] = {
    "strace": _behind(_STRACE, writes="-o --output", adds="-A --output-append-mode -ff --output-separately",
                      instead="-h --help -V --version"),
    "ltrace": _behind("-a -A -D -e -F -l -n -p -s -u -w -x --align --config --indent --library", writes="-o --output",
                      instead="-h --help -V --version"),
    "valgrind": _behind(writes="--log-file --xml-file --massif-out-file --callgrind-out-file --cachegrind-out-file "
                        "--dhat-out-file --xtree-memory-file --xtree-leak-file", instead="-h --help --version"),
    "perf": _perf,
    "pidstat": _pidstat,
    "turbostat": _behind("-a --add -c --cpu -e --enable -H --hide -i --interval -n --num_iterations -s --show -T --TCC "
                         "-N", writes="-o --out", instead="-h --help -v --version -l --list"),
    **dict.fromkeys(("setarch", "linux32", "linux64", "uname26", "i386", "x86_64"), _setarch),
    "unshare": _unshare,
    "ip": _ip,
    "numactl": _behind("-i --interleave -p --preferred -P --preferred-many -C --physcpubind -N --cpunodebind -m "
                       "--membind -f --file -L --length -o --offset", instead="-H --hardware -s --show"),
    "prlimit": _prlimit,
    "cgexec": _behind("-g"),
    "ssh-agent": _behind("-a -E -O -P -t", instead="-k"),
    "xvfb-run": _behind("-e --error-file -f --auth-file -n --server-num -p --xauth-protocol -s --server-args -w --wait "
                        "-F --fbdir", instead="-h --help"),
    "fakeroot": _behind("-i -b --fd-base", writes="-s", instead="-h --help -v --version",
                        loads="-l --lib -f --faked", alone=True),
    **dict.fromkeys(("eatmydata", "unbuffer", "chronic", "catchsegv", "ifne"), _behind()),
    **dict.fromkeys(("torsocks", "torify"), _TORSOCKS),
    **dict.fromkeys(("proxychains", "proxychains4"), _behind("-f")),
    "gtimeout": _behind("-k --kill-after -s --signal", operands=1),
}  # fmt: skip
