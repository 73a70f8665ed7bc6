"""Programs that change nothing, and those of their options that do. Every other program is unknown.

A program is here only if none of its ordinary uses writes, signals or asks another program to; where one option
does, the option is named, and with it the command is unknown again.
"""

import re
from collections.abc import Callable, Mapping

from runaway_watchdog.effects import HostState, Outcome, doubts
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.effects.known_programs import EDITOR_RUNS, EDITORS, READS, WORKS, WRITING
from runaway_watchdog.effects.reading_subcommands import SHOWS, SUBCOMMANDS, Subcommands
from runaway_watchdog.effects.subcommands import ASKS_NOTHING
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, LowRisk, Size
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.world import World, procfs

OWN_READING = frozenset(("explain", "scan", "incidents", "check-config", "doctor", "preflight", "plan", "guard"))
SESSIONS = frozenset(("tmux", "screen", "byobu", "zellij"))
"""They run the command behind their own words."""
VERSION = (["-v"], ["-V"], ["-version"], ["version"])
INTERACTIVE = ("-", "-i", "-l", "--login", "-il", "-li")
JOURNAL = "/var/log/journal"
_NONE = Subcommands(frozenset())
_AWK_WRITES = re.compile(r"system\s*\(|(?<!\|)\|(?!\|)|\bprintf?\b[^;}\n]*>|getline|@load|-i\s+inplace")
_AWK_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+(?P<text>"?)|(?:(?<=[({,~!&|;])|^)\s*+/(?:[^/\\]++|\\.)*+(?P<pattern>/?)')
_SED_WRITES = re.compile(r"(?:^|[;{}/\d$!])\s*[wWe]\b|/[gpI\d]*[we]\b")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """Nothing, for a program that is known to change nothing; else what is not known about it."""
    program = command.program or ""
    if program in _CAREFUL:
        return _CAREFUL[program](command, host, world)
    if program in READS:
        writing = WRITING.get(program, ())
        if writing and (of(command).has(*writing) or any(_option(word) in writing for word in command.words[1:])):
            return _unsure(command, host)
        return Outcome((), host)
    if program in EDITORS:
        return _editor(command, host)
    if program in WORKS:
        return _working(program, command, host)
    return Outcome((), host, (doubts.unknown_program(command),))


def _option(word: Word) -> str:
    """The name of a long option, with one dash or two."""
    return (word.text or "").partition("=")[0]


def _editor(command: Command, host: HostState) -> Outcome:
    """It changes what the person then changes; told what to do in its options, it may do anything."""
    texts = [word.text or "" for word in command.words[1:]]
    told = any(text in EDITOR_RUNS or text.startswith(("+:", "+!", "--cmd", "--eval")) for text in texts)
    return _unsure(command, host) if told or command.reads or command.here else Outcome((), host)


def _working(program: str, command: Command, host: HostState) -> Outcome:
    """A program that does its own work: nothing where it only reads; else of low risk, unless it is told to delete."""
    known = SUBCOMMANDS.get(program, _NONE)
    words = of(command, known.valued)
    sentence = f"what `{shown(command)}` changes is not looked up"
    if program in SESSIONS and doubts.may_delete(command.words[2:]):
        return Outcome((), host, (sentence,))
    if words.has(*known.writes) or any(word.text in known.writes for word in command.words[1:]):
        return Outcome((), host, (sentence,))
    if words.has(*ASKS_NOTHING, *SHOWS.get(program, ())) or [word.text for word in command.words[1:]] in VERSION:
        return Outcome((), host)
    verb = words.operands[0].text or "" if words.operands else ""
    if verb in known.reads and (verb or known.alone):
        return Outcome((), host)
    if not words.operands and (known.alone or (words.options and not command.words[1:])):
        return Outcome((), host)
    if verb in known.asks:
        return Outcome((), host, (sentence,))
    if verb in known.works:
        return Outcome((), host, (LowRisk(sentence),))
    return Outcome((), host, (doubts.of_words(command, sentence),))


def _unsure(command: Command, host: HostState) -> Outcome:
    return Outcome((), host, (f"what `{shown(command)}` writes is not looked up",))


def _without(*options: str, operands: int | None = None) -> Callable[[Command, HostState, World], Outcome]:
    """Harmless as long as none of these options is given, and no more operands than these."""

    def judged(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
        words = of(command)
        too_many = operands is not None and len(words.operands) > operands
        hidden = not words.complete and operands is not None
        return _unsure(command, host) if words.has(*options) or too_many or hidden else Outcome((), host)

    return judged


def _figure(found: re.Match[str]) -> str:
    """A number in the place of a text or a pattern of awk's; one that has no end stays as it is."""
    return "0" if found["text"] or found["pattern"] else found[0]


def _less(command: Command, host: HostState, world: World) -> Outcome:
    """`+s FILE` saves what it was given; the commands that it may start are judged beside it."""
    saves = any((word.text or "").startswith("+s") for word in command.words[1:])
    return _unsure(command, host) if saves else _without("-o", "-O", "--log-file", "--LOG-FILE")(command, host, world)


def _again(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """fc runs commands of the history anew, edited or not; it only lists with -l."""
    words = of(command, "-e")
    lists = words.has("-l") and not words.has("-s", "-e", "-W", "-A", "-R")
    return Outcome((), host) if lists else _unsure(command, host)


def _evaluating(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """The shell runs what stands in the index of an array that is named by a word: `let 'a[$(rm x)]'`."""
    runs = any("[" in (word.text or "") and re.search(r"\$\(|`", word.text or "") for word in command.words[1:])
    return _unsure(command, host) if runs else Outcome((), host)


def _dc(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """A line that begins with `!` goes to a shell."""
    told = any(word.text is None or "!" in word.text for word in command.words[1:])
    given = command.here is not None and "!" in command.here
    return _unsure(command, host) if told or given or command.reads is not None else Outcome((), host)


def _debugger(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """Told what to do in its options or on its input, it may do anything, `shell` among it."""
    options = (
        "-ex",
        "-x",
        "-iex",
        "-ix",
        "-eval-command",
        "--eval-command",
        "--command",
        "-command",
        "-o",
        "-s",
        "-O",
        "-S",
    )
    told = any((word.text or "").partition("=")[0] in options for word in command.words[1:])
    return _unsure(command, host) if told or command.reads or command.here else _working("gdb", command, host)


def _lines_read(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """-C: a command that the shell runs as it goes."""
    told = any((word.text or "-C").startswith("-") and "C" in (word.text or "C") for word in command.words[1:])
    return _unsure(command, host) if told else Outcome((), host)


def _awk(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "-F --field-separator -v --assign -f --file")
    writes = ("-d", "-o", "-p", "-l", "-D", "--dump-variables", "--pretty-print", "--profile", "--load", "--debug")
    if words.has("-f", "--file", "-i", "-E", "--exec", *writes) or not words.texts or words.operands[0].text is None:
        return _unsure(command, host)
    return _unsure(command, host) if awk_writes(words.operands[0].text) else Outcome((), host)


def awk_writes(program: str) -> bool:
    """Whether a program of awk may write files of its own, or run programs."""
    return _AWK_WRITES.search(_AWK_TEXT.sub(_figure, program)) is not None


def _sed(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    words = of(command, "-e --expression -f --file -l")
    scripts = [value for name, value in words.options if name in ("-e", "--expression")]
    scripts = scripts or [word.text for word in words.operands[:1]]
    inplace = any(name in ("-i", "-f", "--file", "--in-place") for name, _ in words.options)
    if inplace or any(script is None or sed_writes(script) for script in scripts):
        return _unsure(command, host)
    return Outcome((), host)


def sed_writes(script: str) -> bool:
    """Whether a script of sed may write files of its own, or run programs."""
    return _SED_WRITES.search(script) is not None


def _journalctl(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-u --unit -n --lines -S --since -U --until -o --output -p --priority -g --grep -t -b --boot")
    vacuum = words.has("--vacuum-size", "--vacuum-time", "--vacuum-files")
    if words.has("--cursor-file", "--setup-keys", "--update-catalog", "--relinquish-var", "--smart-relinquish-var"):
        return _unsure(command, host)
    if not vacuum:
        return Outcome((), host)
    try:
        size = world.files.size(JOURNAL, 0.2)
    except OSError:
        size = Size(None)
    why = "the oldest of the host's log is deleted, at most all of it"
    return Outcome((Effect("delete", "path", JOURNAL, True, why, size, ("systemd-journald.service",)),), host)


def _priority(command: Command, host: HostState, world: World) -> Outcome:
    """renice, ionice -p, taskset -p, chrt -p: a process gets another share; nothing ends."""
    from runaway_watchdog import owners
    from runaway_watchdog.effects.host import signalled as ended

    words = of(command, "-n --priority -c --class -g --pgrp -u --user")
    if words.has("-u", "--user", "-g", "--pgrp"):
        return Outcome((), host)
    found = []
    for text in words.texts:
        if not text.isascii() or not text.isdigit():
            continue
        try:
            facts, _ = owners.facts(world, int(text))
        except procfs.NoSuchProcessError:
            continue
        why = "it gets another share of the machine; it goes on"
        found.append(Effect("change", "process", ended.name(facts), False, why, pid=facts.process.pid))
    return Outcome(tuple(found), host)


CURL_VALUED = (
    "-X --request -H --header -o --output -d --data --data-raw --data-binary --data-urlencode --json -F --form -T "
    "--upload-file -u --user -A --user-agent -e --referer -b --cookie -c --cookie-jar -D --dump-header -m --max-time "
    "--connect-timeout --retry --retry-delay -x --proxy --cacert --cert --key -w --write-out -K --config --resolve "
    "--interface --limit-rate -r --range --url --unix-socket --output-dir --trace --trace-ascii --stderr "
    "--libcurl --hsts --alt-svc --etag-save -Q --quote -E -C -z -y -Y"
)
CURL_SENDS = (
    "-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--json", "-F", "--form", "-T", "--upload-file",
)  # fmt: skip
CURL_WRITES = (
    "-c", "--cookie-jar", "-D", "--dump-header", "--trace", "--trace-ascii", "--stderr", "-K", "--config", "--libcurl",
    "--hsts", "--alt-svc", "--etag-save", "-Q", "--quote",
)  # fmt: skip


def _curl(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """Fetching changes nothing; what a request changes on the other side is not known."""
    words = of(command, CURL_VALUED)
    method = (words.value("-X", "--request") or "GET").upper() if words.has("-X", "--request") else "GET"
    sentence = f"what `{shown(command)}` changes on the other side is not known"
    if method == "DELETE" or "DROP" in method:
        return Outcome((), host, (sentence,))
    if any(value not in ("-", "/dev/stdout", "/dev/null") for name, value in words.options if name in CURL_WRITES):
        return _unsure(command, host)
    if method not in ("GET", "HEAD", "OPTIONS") or words.has(*CURL_SENDS):
        parts = [text for text in words.texts if doubts.speaks_of_deleting(text)]
        return Outcome((), host, (sentence if parts else LowRisk(sentence),))
    return Outcome((), host)


def _ip(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """Addresses, links and routes are shown unless a word changes them; each word may be cut short."""
    words = [word.text or "$" for word in command.words[1:]]
    options: list[str] = []
    while words and words[0].startswith("-"):
        options.append(words.pop(0))
        if options[-1] in ("-f", "-family", "-n", "-netns", "-l", "-loops", "-rc", "-rcvbuf") and words:
            words.pop(0)
    if any(len(each) > 1 and "-batch".startswith(each) for each in options):
        return _unsure(command, host)
    subject, verb = (*words[:2], "", "")[:2]
    sets = verb != "" and "set".startswith(verb) and "link".startswith(subject)
    reads = not sets and any(each.startswith(verb) for each in _IP_READS)
    return Outcome((), host) if reads or subject == "help" else _working("ip", command, host)


_IP_READS = ("show", "list", "lst", "ls", "get", "help", "monitor", "identify", "pids", "showdump")


def _shell(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """One that was given nothing to run: a person types into it."""
    sentence = f"what is typed into `{shown(command)}` is not known"
    texts = [word.text or "x" for word in command.words[1:]]
    typed = command.reads is None and command.here is None and all(text in INTERACTIVE for text in texts)
    return Outcome((), host, (LowRisk(sentence) if typed else sentence,))


def _own(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    verb = command.words[1].text if len(command.words) > 1 else "--help"
    return Outcome((), host) if verb in OWN_READING or (verb or "").startswith("-") else _unsure(command, host)


_CAREFUL: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "awk": _awk, "gawk": _awk, "mawk": _awk, "sed": _sed, "journalctl": _journalctl,
    "sort": _without("-o", "--output", "--compress-program"), "uniq": _without(operands=1),
    **dict.fromkeys(("less", "pager", "zless", "zmore"), _less), "fc": _again,
    **dict.fromkeys(("let", "test", "[", "unset", "read"), _evaluating), "dc": _dc,
    "gdb": _debugger, "lldb": _debugger, "mapfile": _lines_read,
    "readarray": _lines_read, "more": _without(), "man": _without(),
    "date": _without("-s", "--set", operands=1), "hostname": _without("-F", "--file", operands=0),
    "dmesg": _without("-c", "--read-clear", "-C", "--clear", "-D", "-E", "-n", "--console-level"),
    "netstat": _without(), "env": _without(operands=0), "command": _without(operands=1),
    "renice": _priority, "ionice": _priority, "taskset": _priority, "chrt": _priority,
    "runaway-watchdog": _own, "curl": _curl, "ip": _ip, **dict.fromkeys((*POSIX_SHELLS, "fish"), _shell),
}  # fmt: skip
