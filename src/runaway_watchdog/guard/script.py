"""The shell integration that `guard bash` and `guard zsh` print."""

from pathlib import Path
from shlex import quote
from typing import Final

from runaway_watchdog.guard.words import PROGRAMS

GUARDED_SHELLS: Final = ("bash", "zsh")
HELD: Final = 20
"""`guard --ask` answers the shell: 0 the line runs, HELD it stays where it is; anything else: it broke."""


def integration(shell: str, program: list[str]) -> str:
    """The text for `eval`. `program`: how this very program is started, wherever the person's PATH leads by then."""
    text = Path(__file__).with_name(f"guard.{shell}").read_text("utf-8")
    form = "[{}]={}" if shell == "bash" else "{} {}"
    table = " ".join(form.format(name, quote(words)) for name, words in PROGRAMS.items())
    filled = {"@PROGRAM@": " ".join(map(quote, program)), "@WORDS@": table, "@HELD@": str(HELD)}
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text
