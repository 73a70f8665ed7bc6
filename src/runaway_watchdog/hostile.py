"""Text that other people's processes chose: cleaned, masked and escaped before anybody reads it.

A process names itself, a container carries labels, a unit file has a description: whoever runs them may write
terminal escapes, right-to-left marks, HTML, a mail header or their own password there. Everything that is shown or
stored goes through `clean` (what a terminal would obey), `mask_*` (what must stay secret) and, at the door, one of
the escapes (`html.escape`, `chat_text`, `code_text`, `header`). Imports nothing of ours: every stage may use it.
"""

import re
from collections.abc import Sequence
from typing import Final

MASK: Final = "***"
LINE_LIMIT: Final = 400
"""Longest name, path or label that is shown: ten times what fits a line, cut where it is too long to help."""

_ARGUMENT_LIMIT: Final = 4096
_REPLACEMENT: Final = "\ufffd"
_CUT: Final = "…"

# ECMA-48: CSI sequences, then the strings that run to ST or BEL (OSC, DCS, APC, PM, SOS), then two-byte escapes.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# Controls, lone surrogates, and the invisible: bidi marks and overrides, joiners, fillers, tags, noncharacters.
_UNSEEN = re.compile(
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
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_CODE: Final = str.maketrans({"<": "‹", ">": "›", "`": "ˋ"})


def chat_text(text: str, limit: int = LINE_LIMIT) -> str:
    """`clean`, for the prose of a chat message: no markup, no link, no mention of anybody comes out of it."""
    line = clean(text, limit).translate(_CHAT).replace("://", "∶//")
    return _EDGE_UNDERSCORE.sub("ˍ", line)


def code_text(text: str, limit: int = LINE_LIMIT) -> str:
    """`clean`, for the inside of a chat message's code: it cannot close the code, and Slack finds no <!mention>."""
    return clean(text, limit).translate(_CODE)


# --- secrets ---------------------------------------------------------------------------------------------------

_WORDS: Final = (
    r"pass(?:w(?:or)?d|phrase|code)?s?|pwd|secrets?|tokens?|credentials?|creds?|auth|authorization|bearer|cookie"
    r"|dsn|sig(?:nature)?|(?:api|access|private|secret|signing|encryption|master|account|client|license)[-_]?key|key"
)
# A name counts when one of its parts is such a word: PGPASSWORD and mysqlpwd run theirs together with a prefix.
# Every repeat is bounded: an argument may be 128 KiB of what its owner chose.
_NAME: Final = (
    rf"(?:[\w.-]{{0,60}}?[_.-])?(?:[a-z]{{0,20}}(?:password|passwd|secret|token|apikey)|{_WORDS})(?:[_.-]\w{{1,40}})?"
)
_VALUE: Final = r"(?:\"[^\"]*\"?|'[^']*'?|[^\s\"'&;,]+)"

_SECRET_NAME = re.compile(rf"-{{0,2}}{_NAME}\Z", re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?<![\w])(?P<name>-{{0,2}}{_NAME}\s?[=:]\s?)(?P<value>{_VALUE})", re.IGNORECASE)
_OPTION = re.compile(rf"(?<!\S)(?P<name>--{_NAME}\s+)(?P<value>(?!-){_VALUE})", re.IGNORECASE)
_QUOTED_KEY = re.compile(
    rf"(?P<name>[\"']{_NAME}[\"']\s*:\s*)(?P<value>\"(?:\\.|[^\"\\])*\"?|'[^']*'?|[\w.+/-]+)", re.IGNORECASE
)
_SCHEME = re.compile(r"(?P<name>\b(?:bearer|basic|digest)\s+)(?P<value>[\w.~+/=-]{6,})", re.IGNORECASE)
_USERINFO = re.compile(
    r"(?P<name>\b[a-z][a-z0-9+.-]{0,30}://[^\s/@:\"']{0,100}:)(?P<value>[^\s\"']{1,300})(?=@)", re.IGNORECASE
)
_MYSQL = re.compile(
    r"(?P<name>\b(?:mysql|mariadb|mycli)[\w-]{0,20}\b[^;|&\n]{0,300}?\s-p)"
    r"(?P<value>[^\s\"';|&]+|\"[^\"]*\"?|'[^']*'?)"
)
# Forms that say by themselves that they are a secret.
_KNOWN = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|sk-[\w-]{16,}|sk_live_\w{10,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)"
    r"|(?<=hooks\.slack\.com/services/)[\w/-]+|(?<=/api/webhooks/)[\w/-]+"
    r"|(?<=-----BEGIN )[\s\S]*"
)
_NAMED: Final = (_USERINFO, _QUOTED_KEY, _SCHEME, _OPTION, _ASSIGNED, _MYSQL)

_MYSQL_TOOLS: Final = frozenset(
    ("mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlshow", "mysqlcheck", "mariadb", "mariadb-dump", "mycli")
)
_SHORT_OPTIONS: Final = dict.fromkeys(_MYSQL_TOOLS, "-p") | {
    "sshpass": "-p", "mongo": "-p", "mongosh": "-p", "mongodump": "-p", "rabbitmqadmin": "-p", "redis-cli": "-a",
    "curl": "-u", "ldapsearch": "-w", "ldapmodify": "-w", "smbclient": "-U",
}  # fmt: skip
"""Programs whose short option carries a secret, joined (-pSECRET) or, but for MySQL's, as the next argument."""


def mask_text(text: str) -> str:
    """Free text with every secret that can be recognised replaced by `MASK`: assignments, options, URLs, tokens."""
    for pattern in _NAMED:
        text = pattern.sub(rf"\g<name>{MASK}", text)
    return _KNOWN.sub(MASK, text)


def mask_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line with its secrets masked: `--password=X`, `--token X`, `mysql -pX`, `user:X@host` …"""
    if not argv:
        return ()
    program = argv[0].rsplit("/", 1)[-1]
    short = _SHORT_OPTIONS.get(program)
    masked: list[str] = []
    expected = False  # the argument before this one announced a secret
    for argument in argv:
        if expected and not argument.startswith("-"):
            masked.append(MASK)
            expected = False
        elif short and len(argument) > 2 and argument.startswith(short):
            masked.append(short + MASK)
            expected = False
        else:
            masked.append(mask_text(argument[:_ARGUMENT_LIMIT]))
            expected = _announces(argument, short if program not in _MYSQL_TOOLS else None)
    return tuple(masked)


def _announces(argument: str, short: str | None) -> bool:
    """`--password`, `-token`, `redis-cli -a`: the next argument is the secret. (`mysql -p NAME` names the database.)"""
    return argument == short or (argument.startswith("-") and _SECRET_NAME.match(argument[:100]) is not None)


def mask_variable(name: str, value: str) -> str:
    """The value of one environment variable, masked where its name says secret or the value holds one."""
    return MASK if _SECRET_NAME.match(name) else mask_text(value)


def shown_command(command: str) -> str | None:
    """The command exactly as it must be pasted, or None where showing it would alter it or tell a secret."""
    return command if clean(command, len(command) + 1) == command and mask_text(command) == command else None
