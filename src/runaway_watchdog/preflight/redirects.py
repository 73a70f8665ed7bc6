"""What redirections do: which of them write a file, and what they give to a command to read."""

import re

from runaway_watchdog.model.command import Script, Word
from runaway_watchdog.preflight.flow import Frame
from runaway_watchdog.preflight.grammar import Unread
from runaway_watchdog.preflight.simple import Redirection

Words = tuple[Word, ...]
_NO_FILE = re.compile(r"/dev/(?:null|std(?:in|out|err)|tty|fd/\d+|(?:tcp|udp)/.*)|-|\d+-?")
APPENDING = frozenset((">>", "&>>"))
WRITING = APPENDING | {">", ">|", "&>", ">&", "<>"}
"""`<>` is seen where it is not for standard input."""


def takes_output(each: Redirection) -> bool:
    return each.fd in {None, "1"} and each.operator in WRITING


def adds(each: Redirection) -> bool:
    """Whether what is in the file stays. `1<>` writes over its beginning; what is done with `3<>` is not known."""
    return each.operator in APPENDING or (each.operator == "<>" and each.fd not in {"1", "2"})


def given_text(text: Word, each: Redirection, frame: Frame) -> Frame:
    if text.text is None:
        gap = Unread(each.target.text, "what stands in it is only known when it runs")
        return frame._replace(here=None, reads=Script((), (str(gap),)))
    return frame._replace(here=text.text + ("\n" if each.operator == "<<<" else ""), reads=None)


def is_file(each: Redirection, target: Word) -> bool:
    if each.operator not in WRITING or each.target.text.startswith((">(", "<(")):
        return False
    return target.text is None or _NO_FILE.fullmatch(target.text) is None
