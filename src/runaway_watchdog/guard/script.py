"""The shell integration that `guard bash`, `guard zsh` and `guard fish` print."""

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Final

from runaway_watchdog.guard import words

GUARDED_SHELLS: Final = ("bash", "zsh", "fish")
HELD: Final = 20
"""`guard --ask` answers the shell: 0 the line runs, HELD it stays where it is; anything else: it broke."""


def integration(shell: str, program: list[str]) -> str:
    """The text for `eval`. `program`: how this very program is started, wherever the person's PATH leads by then."""
    text = Path(__file__).with_name(f"guard.{shell}").read_text("utf-8")
    quoted = _in_fish if shell == "fish" else quote
    filled = {
        "@PROGRAM@": " ".join(map(quoted, program)),
        "@READS@": " ".join(sorted(words.GIT_READS)),
        "@HIDDEN@": quoted(words.HIDDEN),
        "@TARGET@": quoted(words.TARGET),
        "@MOVES@": quoted(words.MOVES),
        "@HELD@": str(HELD),
        **_tables(shell, "WORDS", words.PROGRAMS),
        **_tables(shell, "ASKED", words.ASKED),
    }
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text


def _tables(shell: str, name: str, programs: Mapping[str, str]) -> dict[str, str]:
    """A table; fish has none, and gets two lists of one order."""
    if shell == "fish":
        return {f"@{name}@": " ".join(programs), f"@{name}_WITH@": " ".join(map(_in_fish, programs.values()))}
    form = "[{}]={}" if shell == "bash" else "{} {}"
    return {f"@{name}@": " ".join(form.format(each, quote(expression)) for each, expression in programs.items())}


def _in_fish(text: str) -> str:
    """Between its single quotes a backslash counts, unlike in other shells."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
