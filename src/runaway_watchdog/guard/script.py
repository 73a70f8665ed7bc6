"""The shell integration that `guard bash` and `guard zsh` print."""

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Final

from runaway_watchdog.guard import words

GUARDED_SHELLS: Final = ("bash", "zsh")
HELD: Final = 20
"""`guard --ask` answers the shell: 0 the line runs, HELD it stays where it is; anything else: it broke."""


def integration(shell: str, program: list[str]) -> str:
    """The text for `eval`. `program`: how this very program is started, wherever the person's PATH leads by then."""
    text = Path(__file__).with_name(f"guard.{shell}").read_text("utf-8")
    form = "[{}]={}" if shell == "bash" else "{} {}"
    filled = {
        "@PROGRAM@": " ".join(map(quote, program)),
        "@WORDS@": _table(form, words.PROGRAMS),
        "@ASKED@": _table(form, words.ASKED),
        "@READS@": " ".join(sorted(words.GIT_READS)),
        "@HIDDEN@": quote(words.HIDDEN),
        "@TARGET@": quote(words.TARGET),
        "@MOVES@": quote(words.MOVES),
        "@HELD@": str(HELD),
    }
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text


def _table(form: str, programs: Mapping[str, str]) -> str:
    return " ".join(form.format(name, quote(expression)) for name, expression in programs.items())
