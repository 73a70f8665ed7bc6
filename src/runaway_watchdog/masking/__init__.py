"""What has to stay secret in text that other people's processes chose: masked before anybody reads it.

Secrets are known by their kind: the name that announces one, the option by which a program takes it, the login of an
address, the form of a token. Over-masking beats a leak; names, paths, ports, units and hashes stay, for they are what
a process is recognised by. All of it is linear in its input, and each kind is looked for only where a quick test says
that it may be there.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from runaway_watchdog.hostile import clean
from runaway_watchdog.masking.named import MASK, WORDS, says_secret
from runaway_watchdog.patterns import Pattern

__all__ = ("ARGV_LIMIT", "MASK", "mask_argv", "mask_text", "mask_variable", "says_secret", "shown_command")

ARGV_LIMIT: Final = 8000
"""Characters of a command line that are looked at, its separators included: what the kernel itself kept, once."""

_ELEMENT = Pattern(r"[-/]{0,2}[\w.-]++[=:]")
_REFERENCE = Pattern(r"[\"']?\$(?:[A-Z_][A-Z0-9_]*+|\{[A-Z_][A-Z0-9_]*+(?::?[-=?+]\$[A-Z_][A-Z0-9_]*+)?\})[\"']?")
_LONG = Pattern(r"[\w+/:.-]{16}")


def mask_text(text: str) -> str:
    """Free text with every secret that can be recognised replaced by `MASK`: assignments, options, URLs, tokens."""
    if "@" in text or "://" in text or "jdbc:" in text:
        from runaway_watchdog.masking import logins

        text = logins.masked(text)
    lowered = text.casefold()
    if any(word in lowered for word in WORDS):
        from runaway_watchdog.masking import named

        text = named.masked(text)
    if " " in text.strip() or "\n" in text.strip():
        from runaway_watchdog.masking import options

        text = options.masked(text)
    return _tokens_masked(text)


def _tokens_masked(text: str) -> str:
    if len(text) < 16 or _LONG.search(text) is None:
        return text
    from runaway_watchdog.masking import tokens

    return tokens.masked(text)


def mask_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line with its secrets masked: `--password=X`, `--token X`, `mysql -pX`, `user:X@host` …

    What an option with such a name announces is masked whatever it is: a needless mask costs a word, a needless word
    a secret. More than `ARGV_LIMIT` characters are cut, and a last argument says so.
    """
    from runaway_watchdog.masking import named, options

    masked: list[str] = []
    expected = False  # the argument before this one announced a secret
    taken, cut = _within(argv)
    parts = options.secret_parts(taken)
    for number, argument in enumerate(taken):
        if expected:
            masked.append(argument if not argument or named.is_path(argument) else MASK)
            expected = not argument or named.announces(argument)
            continue
        masked.append(_mask_argument(argument, parts.get(number)))
        expected = named.announces(argument)
    return (*masked, f"… (cut after {ARGV_LIMIT} characters)") if cut else tuple(masked)


def _within(argv: Sequence[str]) -> tuple[list[str], bool]:
    """As many arguments as `ARGV_LIMIT` allows, and whether that is not all.

    Of the argument that is cut the last word goes: half of a URL does not show any more that it holds a password.
    """
    taken: list[str] = []
    left = ARGV_LIMIT
    for argument in argv:
        if len(argument) + 1 > left:
            head = argument[:left]
            taken.append(head[: max(head.rfind(mark) for mark in " \n/") + 1])
            return taken, True
        taken.append(argument)
        left -= len(argument) + 1
    return taken, False


def _mask_argument(argument: str, part: tuple[int, int] | None) -> str:
    """One argument that no name before it announced; `part` of it is what its program takes as a secret."""
    from runaway_watchdog.masking import named

    found = _ELEMENT.match(argument)
    value = argument[0 if found is None else found.end() :]
    if found is not None and value and _says_secret(found[0], value):
        # All of it: whoever started the program has split the words already.
        return argument if named.is_path(value) else found[0] + MASK
    return mask_text(argument) if part is None else argument[: part[0]] + MASK + argument[part[1] :]


def _says_secret(mark: str, value: str) -> bool:
    from runaway_watchdog.masking import named

    return named.announces_beside(mark, value) if mark.endswith(":") else says_secret(mark)


def mask_variable(name: str, value: str) -> str:
    """The value of one environment variable, masked where its name says secret or the value holds one."""
    from runaway_watchdog.masking import named

    return MASK if says_secret(name) and not named.is_path(value) else mask_text(value)


def shown_command(command: str) -> str | None:
    """The command exactly as it must be pasted, or None where showing it would alter it or tell a secret.

    What a shell's variable holds is no part of the line: `-p"$MYSQL_ROOT_PASSWORD"` tells nobody anything.
    """
    if clean(command, len(command) + 1) != command:
        return None
    masked = mask_text(command)
    return command if masked == command or all(map(_REFERENCE.fullmatch, _hidden(command, masked))) else None


def _hidden(command: str, masked: str) -> Iterator[str]:
    """What stands in the command where the masked one has `MASK`."""
    first, *others = masked.split(MASK)
    at = len(first)
    for each in others:
        end = command.find(each, at + 1) if each else len(command)
        yield command[at:end] if end >= 0 else command
        at = end + len(each)
