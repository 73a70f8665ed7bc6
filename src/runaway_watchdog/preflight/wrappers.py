"""Programs that run another one: taken off, so that what is judged is the command inside.

Each answers `(words) -> Inner`, or None where it runs nothing and stays a command of its own. The option tables are
those of the manual pages of Debian 12 and of sudo 1.9; an option that is in none makes the command unreadable.
"""

import re
import shlex
from collections.abc import Callable, Mapping

from runaway_watchdog.effects.elsewhere import runners
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.preflight.grammar import Unread
from runaway_watchdog.preflight.launchers import LAUNCHERS
from runaway_watchdog.preflight.options import Inner, Options, Taken, Words, known, take
from runaway_watchdog.preflight.tunnels import is_tunnel

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.DOTALL | re.ASCII)
DETACHING = frozenset(("systemd-run",))  # what they start goes on by itself, or begins later
LINE_SHELLS = POSIX_SHELLS | {"mksh", "rbash"}  # whose `-c` text is read as part of the line


def _applet(words: Words) -> Words:
    """busybox' own rm has no second thoughts about "/", as GNU's has."""
    preserves_not = (Word("--no-preserve-root", "--no-preserve-root"),)
    return (words[0], *preserves_not, *words[1:]) if words[0].text == "rm" else words


def _plain(
    options: Options, operands: int = 0, *, never: frozenset[str] = frozenset(), waits: frozenset[str] = frozenset()
) -> Callable[[Words], Inner | None]:
    """A wrapper that is nothing but options, a fixed count of operands, and the command; `waits`: options without any
    of which it may not wait for the command."""

    def read(words: Words) -> Inner | None:
        taken = take(words, options)
        rest, detached = taken.rest[operands:], bool(waits) and not taken.has(*waits)
        return Inner(rest, detached=detached) if rest and not taken.has(*never) else None

    return read


def _sudo(words: Words) -> Inner | None:
    taken = take(
        words,
        Options(
            "ABEHKNPSVbeiklnsv", "CDRTUacghprtu",
            frozenset(("askpass", "background", "bell", "set-home", "login", "non-interactive", "preserve-env",
                       "preserve-groups", "shell", "stdin", "edit", "validate", "list", "version", "help",
                       "reset-timestamp", "remove-timestamp", "no-update")),
            frozenset(("user", "group", "prompt", "chdir", "host", "role", "type", "close-from", "chroot",
                       "command-timeout", "other-user", "preserve-env")),
        ),
    )  # fmt: skip
    if taken.has("K", "V", "e", "edit", "l", "list", "v", "validate", "version", "help"):
        return None
    if taken.has("R", "chroot", "h", "host"):
        raise Unread(" ".join(word.raw for word in words), "it runs in another root folder or on another host")
    assigned, rest = _assignments(taken.rest)
    shell = taken.has("i", "s", "login", "shell")
    if not rest and not shell:
        return None
    moved = taken.has("D", "chdir") or taken.has("i", "login")
    folder = taken.value("D", "chdir")
    asked_to_keep = taken.has("E", "preserve-env") and not taken.has("i", "login", "H", "set-home")
    return Inner(
        rest or (Word("sh", "sh"),), assigned=assigned, filters=not (taken.has("E") and not moved), moved=moved,
        folder=folder.text if folder else None, user=_user(taken, "u", "user"), settled=not asked_to_keep,
        detached=taken.has("b", "background"),
    )  # fmt: skip


def _doas(words: Words) -> Inner | None:
    taken = take(words, Options("Lns", "aCu"))
    if taken.has("C", "L"):
        return None
    rest = taken.rest or ((Word("sh", "sh"),) if taken.has("s") else ())
    return Inner(rest, filters=True, user=_user(taken, "u"), settled=True) if rest else None


def _pkexec(words: Words) -> Inner | None:
    """It starts in the other user's home unless it is told to stay."""
    flags = frozenset(("version", "help", "disable-internal-agent", "keep-cwd"))
    taken = take(words, Options("", "u", flags, frozenset(("user",))))
    if taken.has("version", "help"):
        return None
    rest = taken.rest or (Word("sh", "sh"),)
    user = _user(taken, "u", "user")
    return Inner(rest, filters=True, moved=not taken.has("keep-cwd"), user=user, settled=True)


def _gosu(words: Words) -> Inner | None:
    """`gosu USER[:GROUP] COMMAND`, as in the start scripts of images."""
    taken = take(words, Options("", "", frozenset(("version", "help"))))
    if len(taken.rest) < 2:
        return None
    name = (taken.rest[0].text or "").partition(":")[0]
    return Inner(taken.rest[1:], filters=True, user="" if name.isdigit() else name, settled=True)


_SETPRIV = Options(
    "dhV", "",
    frozenset(("dump", "clear-groups", "keep-groups", "init-groups", "no-new-privs", "nnp", "reset-env", "help",
               "version")),
    frozenset(("groups", "inh-caps", "ambient-caps", "bounding-set", "ruid", "euid", "rgid", "egid", "reuid", "regid",
               "securebits", "pdeathsig", "selinux-label", "apparmor-profile")),
)  # fmt: skip


def _setpriv(words: Words) -> Inner | None:
    taken = take(words, _SETPRIV)
    if taken.has("d", "dump", "h", "help", "V", "version") or not taken.rest:
        return None
    word = taken.value("reuid", "euid", "ruid")
    name = "" if word is None else word.text or ""
    user = None if word is None else "root" if name == "0" else "" if name.isdigit() else name
    return Inner(taken.rest, filters=taken.has("reset-env"), user=user, settled=taken.has("reset-env"))


def _user(taken: Taken, *names: str) -> str:
    """Whom these options name; root where none does."""
    word = taken.value(*names)
    return "root" if word is None else word.text or ""


_ENV = Options(
    "i0v", "uCS", frozenset(("ignore-environment", "null", "debug")), frozenset(("unset", "chdir", "split-string"))
)


def _env(words: Words) -> Inner | None:
    taken = take(words, _ENV)
    if split := taken.value("S", "split-string"):
        if split.text is None or any(letter in split.text for letter in "\\$#"):
            raise Unread(" ".join(word.raw for word in words), "what -S splits is not known")
        return _env((words[0], *(Word(part, split.raw) for part in _split(split)), *taken.rest))
    rest = taken.rest
    cleared = taken.has("i", "ignore-environment")
    if rest and rest[0].text == "-":
        rest, cleared = rest[1:], True
    assigned, rest = _assignments(rest)
    unset = taken.value("u", "unset")
    if unset is not None and unset.text is not None:
        assigned = ((unset.text, ""), *assigned)
    folder = taken.value("C", "chdir")
    if not rest:
        return None
    return Inner(
        rest, assigned=assigned, cleared=cleared, moved=folder is not None, folder=folder.text if folder else None
    )


def _assignments(words: Words) -> tuple[tuple[tuple[str, str | None], ...], Words]:
    """`NAME=value` before the command of sudo, env and time. A word that is not known may be one, or the command."""
    assigned: list[tuple[str, str | None]] = []
    position = 0
    while position < len(words):
        text = words[position].text
        found = _ASSIGNMENT.fullmatch(text) if text is not None else _ASSIGNMENT.match(words[position].raw)
        if found is None:
            break
        assigned.append((found[1], found[3] if text is not None and not found[2] else None))
        position += 1
    return tuple(assigned), words[position:]


def _flock(words: Words) -> Inner | None:
    options = Options(
        "sxenuoFv", "wEc",
        frozenset(("shared", "exclusive", "unlock", "nonblock", "nb", "close", "no-fork", "verbose")),
        frozenset(("timeout", "wait", "conflict-exit-code", "command")),
    )  # fmt: skip
    taken = take(words, options)
    rest = taken.rest[1:]
    if not rest:
        return None
    if rest[0].text in {"-c", "--command"} and len(rest) == 2:
        return Inner(script=rest[1])
    return Inner(rest, detached=taken.has("E", "conflict-exit-code"))  # with 0 it succeeds without the command


def _watch(words: Words) -> Inner | None:
    taken = take(
        words,
        Options("bcCdegprtwxq", "n", frozenset(("beep", "color", "differences", "errexit", "chgexit", "no-title",
                                               "no-wrap", "precise", "exec")), frozenset(("interval", "equexit"))),
    )  # fmt: skip
    if not taken.rest:
        return None
    if taken.has("x", "exec"):
        return Inner(taken.rest, repeated=True)
    return Inner(script=_joined(taken.rest), repeated=True)


_SU = Options(
    "lmpPf", "cgGsTuCwU", frozenset(("login", "preserve-environment", "pty", "fast")),
    frozenset(("command", "session-command", "group", "supp-group", "shell", "user", "whitelist-environment")),
)  # fmt: skip


def _su(words: Words) -> Inner | None:
    """`su [-] [user] [-c COMMAND]`, its options before and after the user's name; without a command a shell."""
    taken = take(words, _SU)
    login = taken.has("l", "login")
    rest = taken.rest
    if rest and rest[0].text == "-":
        login, rest = True, rest[1:]
        more = take((words[0], *rest), _SU)
        taken.chosen.update(more.chosen)
        rest = more.rest
    own = login or not taken.has("m", "p", "preserve-environment")
    if words[0].text is not None and words[0].text.endswith("runuser") and taken.has("u", "user"):
        return Inner(rest, filters=True, moved=login, user=_user(taken, "u", "user"), settled=own) if rest else None
    operands, taken = _permuted(words[0], rest, taken)
    script = taken.value("c", "command", "session-command")
    if taken.has("s", "shell"):
        raise Unread(" ".join(word.raw for word in words), "it runs another shell")
    user = (operands[0].text or "") if operands else "root"
    own = login or not taken.has("m", "p", "preserve-environment")
    if script is None:
        return Inner((Word("sh", "sh"), *operands[1:]), filters=True, moved=login, user=user, settled=own)
    return Inner(script=script, positional=operands[2:], filters=True, moved=login, user=user, settled=own)


def _permuted(program: Word, rest: Words, taken: Taken) -> tuple[Words, Taken]:
    """GNU programs take options after their operands too."""
    operands: list[Word] = []
    while rest:
        operands.append(rest[0])
        more = take((program, *rest[1:]), _SU)
        taken.chosen.update(more.chosen)
        rest = more.rest
    return tuple(operands), taken


_STARTED_BY_SSH = re.compile(
    r"(?:-o)?\s*(?:proxy|local|knownhosts)command[=\s]\s*(?P<line>.+)", re.IGNORECASE | re.DOTALL
)


def _ssh(words: Words) -> Inner | None:
    for word in words:
        found = _STARTED_BY_SSH.fullmatch(word.text or "")
        if found is not None and not is_tunnel(found["line"]):
            raise Unread(" ".join(each.raw for each in words), "ssh starts another program of this host by an option")
    taken = take(words, Options("46AaCfGgKkMNnqsTtVvXxYy", "BbcDEeFIiJLlmOoPpQRSWw"))
    operands = taken.rest
    more = take(operands, Options("46AaCfGgKkMNnqsTtVvXxYy", "BbcDEeFIiJLlmOoPpQRSWw")) if operands else taken
    if taken.has("N", "V", "Q", "O", "G", "W") or not operands:
        return None
    if not more.rest:
        return Inner((Word("sh", "sh"),), remote=True)
    return Inner(script=_joined(more.rest), remote=True)


def _nsenter(words: Words) -> Inner | None:
    """Process 1's namespaces are the host's own; any other process has its own files and folders."""
    target = re.compile(r"(?:-t|--target[= ])\s*1(?=\s)|-[a-su-z]*t\s*1(?=\s)")
    shown = " ".join(known(words, position) for position in range(len(words)))
    if target.search(shown + " ") is None:
        raise Unread(shown, "it runs in the namespaces of another process")
    position = 1
    while position < len(words) and (known(words, position).startswith("-") or words[position].text == "1"):
        if words[position].text == "--":
            position += 1
            break
        position += 1
    return Inner(words[position:] or (Word("sh", "sh"),), moved=True)


def _command(words: Words) -> Inner | None:
    taken = take(words, Options("pvV"))
    return None if taken.has("v", "V") or not taken.rest else Inner(taken.rest, in_shell=True)


def _time(words: Words) -> Inner | None:
    taken = take(words, Options("pavqV", "fo", frozenset(("append", "verbose", "portability", "quiet")),
                                frozenset(("format", "output"))))  # fmt: skip
    into = None if taken.has("a", "append") else taken.value("o", "output")
    if words[0].raw != "time":
        return Inner(taken.rest, writes=into) if taken.rest else None
    assigned, rest = _assignments(taken.rest)  # a reserved word: a whole command follows it
    # -o is the program's alone: `sudo time -o FILE …`
    return Inner(rest, assigned=assigned, in_shell=into is None, writes=into) if rest else None


def _unreadable(why: str) -> Callable[[Words], Inner | None]:
    def read(words: Words) -> Inner | None:
        raise Unread(" ".join(word.raw for word in words), why)

    return read


def _joined(words: Words) -> Word:
    """The words with spaces between: what ssh and watch hand to a shell."""
    raw = " ".join(word.raw for word in words)
    texts = [word.text for word in words]
    known_texts = [text for text in texts if text is not None]
    return Word(" ".join(known_texts) if len(known_texts) == len(texts) else None, raw)


def _split(word: Word) -> list[str]:
    try:
        return shlex.split(word.text or "")
    except ValueError:
        raise Unread(word.raw, "its quotation marks do not match") from None


WRAPPERS: Mapping[str, Callable[[Words], Inner | None]] = {
    **LAUNCHERS,
    "sudo": _sudo,
    "sudo-rs": _sudo,
    "doas": _doas,
    "pkexec": _pkexec,
    "gosu": _gosu,
    "su-exec": _gosu,
    "setpriv": _setpriv,
    "env": _env,
    "nohup": _plain(Options()),
    "nice": _plain(Options("", "n", frozenset(), frozenset(("adjustment",)), numeric=True)),
    "ionice": _plain(
        Options("t", "cnpPu", frozenset(("ignore",)), frozenset(("class", "classdata", "pid", "pgid", "uid"))),
        never=frozenset(("p", "P", "u", "pid", "pgid", "uid")),
    ),
    "timeout": _plain(
        Options(
            "v", "ks", frozenset(("foreground", "preserve-status", "verbose")), frozenset(("kill-after", "signal"))
        ),
        1,
    ),
    "time": _time,
    "command": _command,
    "builtin": lambda words: Inner(words[1:], in_shell=True) if len(words) > 1 else None,
    "stdbuf": _plain(Options("", "ioe", frozenset(), frozenset(("input", "output", "error")))),
    "setsid": _plain(Options("cfw", "", frozenset(("ctty", "fork", "wait"))), waits=frozenset(("w", "wait"))),
    "chrt": _plain(
        Options(
            "abdfimoRrv", "TPDp",
            frozenset(("all-tasks", "batch", "deadline", "fifo", "idle", "other", "reset-on-fork", "rr", "verbose")),
            frozenset(("sched-runtime", "sched-period", "sched-deadline", "pid")),
        ),
        1,
        never=frozenset(("m", "p", "pid")),
    ),
    "taskset": _plain(Options("ac", "p", frozenset(("all-tasks", "cpu-list")), frozenset(("pid",))), 1,
                      never=frozenset(("p", "pid"))),
    "flock": _flock,
    "watch": _watch,
    "su": _su,
    "runuser": _su,
    "ssh": _ssh,
    "nsenter": _nsenter,
    "busybox": lambda words: Inner(_applet(words[1:])) if len(words) > 1 else None,
    "chroot": _unreadable("it runs in another root folder"),
    "parallel": _unreadable("what it puts together is not read"),
    "coproc": _unreadable("a coprocess is not read"),
    "fish": _unreadable("fish is another language"),
}  # fmt: skip


def started(program: str, words: Words) -> Inner | None:
    """The shell, or the wrapper of another command, that a program of a project's own starts."""
    found = runners.inner(Command(words, folder=".")) if program in runners.RUNNERS else None
    name = None if found is None else found.program
    if found is None or not (name in LINE_SHELLS or name in WRAPPERS or name in {"xargs", "find"}):
        return None
    moved = found.folder != "."  # which stands for where the line is
    return Inner(found.words, moved=moved, folder=found.folder if moved else None, detached=program in DETACHING)
