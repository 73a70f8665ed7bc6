"""How a shell, or `exec`, is called: what it is told to run."""

import re
from typing import NamedTuple

from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.preflight.options import Options, Words, known, take

_OPTION = re.compile(r"[-+][aefhklmuvxEbBT]*o?|--(?:login|posix|norc|noprofile)?")
_ERREXIT = re.compile(r"-[a-df-z]*+e[a-z]*+")
_GIVING_TEXT = frozenset(
    ("curl", "wget", "fetch", "http", "nc", "ncat", "socat", "ssh", "cat", "tac", "head", "tail", "echo", "printf",
     "base64", "base32", "xxd", "openssl", "gpg", "age", "sed", "awk", "gawk", "tr", "rev", "cut", "gunzip", "zcat",
     "xzcat", "bzcat", "tar", "unzip", "python", "python3", "perl", "ruby", "node", "php", "jq", "docker", "podman")
)  # fmt: skip
_VALUED = frozenset(("--rcfile", "--init-file"))


class Invoked(NamedTuple):
    """What a shell is told to run: `-c` text, a file with its arguments, or (neither) its standard input."""

    script: Word | None = None
    file: Words = ()
    positional: Words = ()
    options: Words = ()  # that change how far the file runs
    only_told: bool = False  # --version, --help


def invoked(words: Words) -> Invoked:
    """`sh [options] [-c TEXT [name [argument…]] | FILE [argument…] | -s [argument…]]`. Raises Unread."""
    position = 1
    letters = ""
    while position < len(words) and not words[position].raw.startswith("<("):
        text = known(words, position)
        if text in {"-", "--"}:
            position += 1
            break
        if not text.startswith(("-", "+")):
            break
        if text in {"--version", "--help"}:
            return Invoked(only_told=True)
        if not text.startswith("--"):
            letters += text[1:] if text[0] == "-" else ""
            position += text[-1] in "oO"
        position += 1 + (text in _VALUED)
    rest = words[position:]
    if "c" in letters:
        script = rest[0] if rest else Word("", "")
        begun = script.text if script.text is None or "e" not in letters else f"set -e\n{script.text}"
        return Invoked(script=script._replace(text=begun), positional=rest[2:])
    if "s" in letters or not rest:
        return Invoked(positional=rest)
    return Invoked(file=rest, options=(Word("-e", "-e"),) if "e" in letters else ())


def executed(words: Words) -> Words:
    """The command of `exec [-cl] [-a name] command`; nothing where it only redirects. Raises Unread."""
    return take(words, Options("cl", "a")).rest


_SCRIPT = Options(
    "aefq", "cEImoOBT",
    frozenset(("append", "flush", "force", "quiet", "return")),
    frozenset(("command", "echo", "log-in", "log-io", "log-out", "log-timing", "logging-format", "output-limit")),
)  # fmt: skip


def session(words: Words) -> tuple[Word | None, tuple[Word, ...]]:
    """`script [-c COMMAND] [FILE]`: what it runs, and the files that it writes anew."""
    taken = take(words, _SCRIPT)
    operands, rest = [], taken.rest
    while rest:  # GNU programs take options after their operands too
        operands.append(rest[0])
        more = take((words[0], *rest[1:]), _SCRIPT)
        taken.chosen.update(more.chosen)
        rest = more.rest
    named = [taken.value(*names) for names in (("O", "log-out"), ("I", "log-in"), ("B", "log-io"), ("T", "log-timing"))]
    files = tuple(operands[:1]) or (() if any(named) else (Word("typescript", "typescript"),))
    written = () if taken.has("a", "append") else (*files, *(word for word in named if word is not None))
    return taken.value("c", "command"), written


def script_operands(command: Command) -> tuple[Word, ...]:
    """A script file and what it is given, behind options that change nothing about what it runs; () for any other."""
    pending = list(command.words[1:])
    while pending and command.program in POSIX_SHELLS and _OPTION.fullmatch(pending[0].text or ""):
        option = pending.pop(0).text or ""
        if option == "--":
            break
        if option.endswith("o") and pending:
            pending.pop(0)  # -o pipefail
    return () if not pending or (pending[0].text or "-").startswith("-") else tuple(pending)


def errexit(command: Command, text: str) -> str:
    """What a script begins with where its shell has `-e`: by a word, or by `#!` of a file that is started itself."""
    options = [word.text or "" for word in command.words[1:2]] if command.program in POSIX_SHELLS else []
    if "/" in (command.words[0].text or "") and not options and text.startswith("#!"):
        options = text.partition("\n")[0].split()[1:]
    return "set -e\n" if any(_ERREXIT.fullmatch(each) for each in options) else ""


def gives_any_text(script: Script) -> bool:
    """Whether they print anybody's text (`<(curl …)`), and not a program's own (`<(kubectl completion bash)`)."""
    return any(command.program is None or command.program in _GIVING_TEXT for command in script.commands)
