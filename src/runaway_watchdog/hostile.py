"""Text that other people's processes chose: cleaned, masked and escaped before anybody reads it.

A process names itself, a container carries labels, a unit file has a description: whoever runs them may write
terminal escapes, right-to-left marks, HTML, a mail header or their own password there. Everything that is shown or
stored goes through `clean` (what a terminal would obey), `mask_*` (what must stay secret) and, at the door, one of
the escapes (`html.escape`, `chat_text`, `code_text`, `header`). Imports nothing of ours: every stage may use it.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from runaway_watchdog.patterns import Pattern

MASK: Final = "***"
LINE_LIMIT: Final = 400
"""Longest name, path or label that is shown: ten times what fits a line, cut where it is too long to help."""

_REPLACEMENT: Final = "\ufffd"
_CUT: Final = "…"

# ECMA-48: CSI sequences, then the strings that run to ST or BEL (OSC, DCS, APC, PM, SOS), then two-byte escapes.
_ESCAPES = Pattern(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = Pattern(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# Controls, lone surrogates, and the invisible: bidi marks and overrides, joiners, fillers, tags, noncharacters.
_UNSEEN = Pattern(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def clean(text: str, limit: int = LINE_LIMIT) -> str:
    """One line that a terminal only prints: escapes gone, line breaks to spaces, what is left of controls to U+FFFD.

    Longer than `limit` characters: cut, with "…" as the last one.
    """
    line = _SPACES.sub(" ", _ESCAPES.sub("", text[: limit * 8]))
    line = _UNSEEN.sub(_REPLACEMENT, line)
    return line if len(line) <= limit else line[: limit - 1] + _CUT


def printable(text: str) -> str:
    """All of the text, line breaks and tabs too, with only what is unseen or obeyed replaced: for documents."""
    return _UNSEEN.sub(_REPLACEMENT, text)


def header(text: str, limit: int = LINE_LIMIT) -> str:
    """`clean`, for a mail header or a message's title: one line, no leading or trailing space."""
    return clean(text, limit).strip()


# Each starts markup, a link or a mention in Slack, Discord, Telegram or Mattermost. There is no escape that all of
# these know, so a look-alike takes its place; an underscore inside a word starts nothing and stays.
_CHAT: Final = str.maketrans(
    {"<": "‹", ">": "›", "`": "ˋ", "*": "∗", "~": "∼", "[": "［", "]": "］", "|": "¦", "\\": "＼", "@": "＠"}
)
_EDGE_UNDERSCORE = Pattern(r"(?<![^\W_])_|_(?![^\W_])")
_CODE: Final = str.maketrans({"<": "‹", ">": "›", "`": "ˋ"})


def chat_text(text: str, limit: int = LINE_LIMIT) -> str:
    """`clean`, for the prose of a chat message: no markup, no link, no mention of anybody comes out of it."""
    line = clean(text, limit).translate(_CHAT).replace("://", "∶//")
    return _EDGE_UNDERSCORE.sub("ˍ", line)


def code_text(text: str, limit: int = LINE_LIMIT) -> str:
    """`clean`, for the inside of a chat message's code: it cannot close the code, and Slack finds no <!mention>."""
    return clean(text, limit).translate(_CODE)


# --- secrets ---------------------------------------------------------------------------------------------------
#
# Whoever chooses the text may choose what is slow to search: every pattern below looks at a character a bounded
# number of times. A match starts only where a run of its characters starts, and repeats never give back (`++`).

_PART = Pattern(
    r"(?:[a-z]{0,20}(?:password|passwd|secret|token|apikey)|pass(?:w(?:or)?d|phrase|code)?|pwd|secret|token"
    r"|credential|cred|auth|authorization|bearer|cookie|dsn|sig(?:nature)?"
    r"|(?:access|private|signing|encryption|master|account|client|license)?key)s?\d{0,4}"
)
# DB_PASSWORD, db.password, db-password, dbPassword and PGPASSWORD: the parts of a name, the last run together.
_PARTS = Pattern(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_MARKED = Pattern(
    r"(?<![\w.-])(?P<name>[\w.-]++)"
    r"(?P<mark>(?P<quoted>\\{0,3}[\"'])?[ \t]*+[=:][ \t]*+|(?P<option>\s++(?:(?:\"\"|'')\s++)*+))"
)
"""A name with what makes the next thing its value: `name=`, `name: `, `"name": `, `--name `."""
_WORD = Pattern(r"(?:\"(?:[^\"\\]|\\.)*+\"?|'[^']*+'?|\\.|[^\s\"'&;])++", re.DOTALL)
"""A word as a shell takes it: quoted pieces and escapes included."""
_JSON = Pattern(r"\\{0,3}\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?|\[[^\]]*+\]?|[^\s,}\]]++", re.DOTALL)
_LINE = Pattern(r"[^\"'\n]++")
_UNTIL: Final = {"'": Pattern(r"[^'\n]++"), '"': Pattern(r"[^\"\n]++")}
_HEADERS: Final = ("authorization", "cookie")
_OPTION = Pattern(r"--?[\w.-]++")
_ELEMENT = Pattern(r"-{0,2}[\w.-]++[=:]")

_RUN = Pattern(r"[^\s\"']++")
_AUTHORITY_END = Pattern(r"[/?#]")
_NO_SECRET = Pattern(r"sha\d|[\w.:\\-]*\.(?:service|scope|slice|timer|socket|mount|target|path|device|swap)")
"""What follows the @ or the colon of an image's digest and of a unit: neither is a host, nor a password."""

_SCHEME = Pattern(r"(?P<name>\b(?:bearer|basic|digest)\s++)(?P<value>[\w.~+/=-]{6,}+)", re.IGNORECASE)
# Forms that say by themselves that they are a secret.
_KNOWN = Pattern(
    r"(?<![\w-])(?:gh[pousr]_\w{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+|xox[abeprs]-[\w-]{8,}+|sk-[\w-]{16,}+"
    r"|sk_live_\w{10,}+|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}+|eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+)?"
    r"|\d{8,10}:[\w-]{35}(?![\w-]))"
    r"|(?<=/bot)\d++:[\w-]++"
    r"|(?<=hooks\.slack\.com/services/)[\w/-]++|(?<=/api/webhooks/)[\w/-]++"
    r"|(?<=-----BEGIN )[\s\S]*+"
)

_USER_OPTIONS: Final = ("-u", "-U", "--user", "--proxy-user")
_USER = Pattern(r"(?P<name>(?<!\S)(?:-[uU]|--(?:proxy-)?user)(?:\s++|=)?+[^\s:\"'/]++:)(?P<value>\S++)")

_CLIENTS: Final = (
    (Pattern(r"(?:mysql|mariadb|mycli)[\w-]*|7z\w*"), "-p", False),
    (Pattern(r"sshpass|mongo\w*|rabbitmqadmin|cqlsh"), "-p", True),
    (Pattern(r"sqlcmd|bcp|[iot]sql"), "-P", True),
    (Pattern(r"redis-cli"), "-a", True),
    (Pattern(r"ldap\w+"), "-w", True),
    (Pattern(r"curl"), "-u", True),
    (Pattern(r"smbclient"), "-U", True),
)
"""Programs whose short option carries a secret: joined (-pSECRET), and for some as the next argument too."""
_DATABASE = Pattern(r"[\w-]*?(?:sql|db)[\w-]*")
_PROGRAM = Pattern(r"(?<![\w.-])[A-Za-z0-9][\w.-]*+")

ARGV_LIMIT: Final = 8000
"""Characters of a command line that are looked at, its separators included: what the kernel itself kept, once."""


class _Client(NamedTuple):
    """The short option by which a program takes its secret."""

    option: str
    separate: bool  # also as the next argument; `mysql -p NAME` names the database
    digits: bool = True  # whether a number may be the secret; `psql -p5432` is a port


def says_secret(name: str) -> bool:
    """Whether one of the parts of a name is a word for a secret: DB_PASSWORD, api-key, clientSecret, PGPASSWORD."""
    return any(_PART.fullmatch(part.casefold()) for part in _PARTS.split(name))


def mask_text(text: str) -> str:
    """Free text with every secret that can be recognised replaced by `MASK`: assignments, options, URLs, tokens."""
    text = _RUN.sub(lambda run: _mask_userinfo(run[0]) if "@" in run[0] else run[0], text)
    text = _SCHEME.sub(rf"\g<name>{MASK}", _mask_named(text))
    text = _USER.sub(lambda found: found["name"] + _mask_password(found["name"], found["value"]), text)
    return _KNOWN.sub(MASK, _mask_clients(text))


def _mask_named(text: str) -> str:
    """Mask the value of every name that says secret."""
    shown: list[str] = []
    kept = at = 0  # up to here the text is in `shown`; from here it is searched
    while found := _MARKED.search(text, at):
        at = found.end()
        value = _value_after(text, found)
        if value is None:
            continue
        shown += (text[kept : value.start()], MASK)
        kept = value.end()
        at = value.start() if _announces(value[0]) else kept  # `--token --password X`: neither is shown
    return "".join((*shown, text[kept:]))


def _value_after(text: str, found: re.Match[str]) -> re.Match[str] | None:
    """What a marked name is given, where the name says secret."""
    name, quote = found["name"], text[found.start() - 1 : found.start()]
    if found["option"] is not None:
        applies = name.startswith("-") and (not quote or quote.isspace() or quote in "\"'")
        pattern = _WORD
    else:
        applies, pattern = True, _WORD
        if found["quoted"] is not None:
            pattern = _JSON
        elif ":" in found["mark"] and (name.lower().startswith("x-") or name.lower().endswith(_HEADERS)):
            pattern = _LINE
        elif quote in _UNTIL:
            pattern = _UNTIL[quote]
    return pattern.match(text, found.end()) if applies and says_secret(name) else None


def _mask_userinfo(run: str) -> str:
    """Mask the password of `scheme://user:password@host` and `user:password@host`, or a user alone: a token is one.

    A password may hold any of these marks itself, so what follows the colon is masked up to the last @.
    """
    shown: list[str] = []
    kept, last = 0, run.rfind("@")
    at = run.find("://", 0, last)
    while at >= 0:
        begin, end = at + 3, _authority_end(run, at + 3)
        colon, own = run.find(":", begin, end), run.rfind("@", begin, end)
        if colon >= 0 and (colon < own or (own < 0 and not run[colon + 1 : end].isdecimal())):
            shown += (run[kept : colon + 1], MASK)
            kept = last
            break
        if own > begin and not run.endswith("ssh", 0, at):  # ssh://git@host names a user, and no secret
            shown += (run[kept:begin], MASK)
            kept = own
        at = run.find("://", max(begin, end - 1), last)  # the authority may end in the next URL's own //
    return _mask_before_at("".join((*shown, run[kept:])))


def _authority_end(run: str, begin: int) -> int:
    found = _AUTHORITY_END.search(run, begin)
    return len(run) if found is None else found.start()


def _mask_before_at(run: str) -> str:
    """Mask the password of every `user:password@host` that is no URL."""
    pieces = run.split("@")
    for number, piece in enumerate(pieces[:-1]):
        begin = piece.rfind("/") + 1
        colon = piece.find(":", begin)
        plain = colon <= begin or piece.startswith("mailto", begin) or _NO_SECRET.match(pieces[number + 1])
        if not plain and colon + 1 < len(piece):
            pieces[number] = piece[: colon + 1] + MASK
    return "@".join(pieces)


def _mask_password(user: str, password: str) -> str:
    """The mask, but for what is no login: two numbers (`-u 1000:1000`), a unit (`journalctl -u a:b.service`)."""
    numbers = password.isdecimal() and user.rstrip(":")[-1:].isdecimal()
    return password if numbers or _NO_SECRET.fullmatch(password) else MASK


def _client_of(word: str) -> _Client | None:
    """How the program of this name takes a secret; None: not known to do so."""
    program = word[-80:].rsplit("/", 1)[-1]
    for names, option, separate in _CLIENTS:
        if names.fullmatch(program):
            return _Client(option, separate)
    return _Client("-p", separate=False, digits=False) if _DATABASE.fullmatch(program) else None


def _mask_clients(text: str) -> str:
    """Mask `mysql -pSECRET` and its like in a shell line."""
    first: dict[_Client, int] = {}
    for found in _PROGRAM.finditer(text):
        client = _client_of(found[0])
        if client is not None:
            first.setdefault(client, found.end())
    for client, begin in first.items():
        gap = r"\s*+" if client.separate else ""
        number = "" if client.digits else r"(?!\d+(?!\S))"
        option = Pattern(rf"(?<!\S)({client.option}{gap}){number}{_WORD.pattern}", re.DOTALL)
        text = text[:begin] + option.sub(rf"\g<1>{MASK}", text[begin:])
    return text


def mask_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line with its secrets masked: `--password=X`, `--token X`, `mysql -pX`, `user:X@host` …

    What an option with such a name announces is masked whatever it is: a needless mask costs a word, a needless word
    a secret. More than `ARGV_LIMIT` characters are cut, and a last argument says so.
    """
    masked: list[str] = []
    client: _Client | None = None
    expected = login = False  # the argument before this one announced a secret, or a `user:secret`
    taken, cut = _within(argv)
    for argument in taken:
        client = _client_of(argument) or client
        if expected:
            masked.append(MASK if argument else argument)
            expected = not argument or _announces(argument)
        elif login:
            masked.append(_mask_login(argument))
        else:
            masked.append(_mask_argument(argument, client))
            expected = _announces(argument) or (client is not None and client.separate and argument == client.option)
        login = argument in _USER_OPTIONS
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


def _mask_argument(argument: str, client: _Client | None) -> str:
    """One argument that nothing before it announced."""
    named = _ELEMENT.match(argument)
    if named is not None and named.end() < len(argument) and says_secret(named[0]):
        return named[0] + MASK  # all of it: whoever started the program has split the words already
    if client is not None and len(argument) > 2 and argument.startswith(client.option):
        return client.option + MASK if client.digits or not argument[2:].isdecimal() else argument
    return mask_text(argument)


def _mask_login(argument: str) -> str:
    user, colon, password = argument.partition(":")
    if colon and password and "/" not in user:
        return user + colon + _mask_password(user, password)
    return mask_text(argument)


def _announces(argument: str) -> bool:
    """`--password`, `-token`, `--password=`: what comes next is the secret."""
    found = _OPTION.match(argument)
    return found is not None and argument[found.end() :] in ("", "=") and says_secret(found[0])


def mask_variable(name: str, value: str) -> str:
    """The value of one environment variable, masked where its name says secret or the value holds one."""
    return MASK if says_secret(name) else mask_text(value)


def shown_command(command: str) -> str | None:
    """The command exactly as it must be pasted, or None where showing it would alter it or tell a secret."""
    return command if clean(command, len(command) + 1) == command and mask_text(command) == command else None
