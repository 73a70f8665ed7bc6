"""Text that other people's processes chose: cleaned and escaped before anybody reads it.

A process names itself, a container carries labels, a unit file has a description: whoever runs them may write
terminal escapes, right-to-left marks, HTML, a mail header or their own password there. Everything that is shown or
stored goes through `clean` (what a terminal would obey), `masking` (what must stay secret) and, at the door, one of
the escapes (`html.escape`, `chat_text`, `code_text`, `header`). Imports nothing of ours: every stage may use it.
"""

from typing import Final

from runaway_watchdog.patterns import Pattern

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
    line = text[: limit * 8]
    if not _plain(line):
        line = _UNSEEN.sub(_REPLACEMENT, _SPACES.sub(" ", _ESCAPES.sub("", line)))
    return line if len(line) <= limit else line[: limit - 1] + _CUT


def printable(text: str) -> str:
    """All of the text, line breaks and tabs too, with only what is unseen or obeyed replaced: for documents."""
    return text if _plain(text) else _UNSEEN.sub(_REPLACEMENT, text)


def _plain(text: str) -> bool:
    """Whether every character of it is one that a typewriter prints: most texts, and then nothing is searched for."""
    return text.isascii() and text.isprintable()


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
