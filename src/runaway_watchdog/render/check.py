"""How to see that a step worked: as a sentence, and as a line of shell."""

import re
import shlex
from shlex import quote

from runaway_watchdog.model.plan import BeginsWith, ByEye, Check, Fails, Prints, Says, Succeeds


def sentence(check: Check) -> str:
    """As `steps[].verify` has it."""
    match check:
        case Prints(command, answers, also):
            *others, last = answers
            told = f"{', '.join(others)} or {last}" if others else last
            return f"`{command}` prints {told}{f', {also}' if also else ''}"
        case Says(command, answers):
            return f"`{command}` says {', or '.join(answers)}"
        case BeginsWith(command, start):
            return f"`{command}` begins with {start}"
        case Succeeds(command, shown):
            return f"`{command}` shows {shown}"
        case Fails(command):
            return f"`{command}` shows nothing"
        case ByEye(what):
            return what


def shell(check: Check) -> str:
    """A line that ends with 0 once it has come true, by the helpers of `render.script`; `:` where only a person can
    see it."""
    match check:
        case Prints(command, answers):
            return f"{{ {command}; }} | all_are {quote(_pattern(answers))}"
        case Says(command, answers):
            return f"{{ {command}; }} | says {quote(_pattern(answers))} {quote(_last_word(command))}"
        case BeginsWith(command, start):
            return f"{{ {command}; }} | begins_with {quote(start)}"
        case Succeeds(command):
            return command
        case Fails(command):
            return f"! {{ {command}; }}"
        case ByEye():
            return ":"


def _pattern(answers: tuple[str, ...]) -> str:
    """One of the words, for grep -E."""
    return "|".join(map(re.escape, answers))


def _last_word(command: str) -> str:
    """What the command asks about. A word that is part of no output does no harm."""
    try:
        return shlex.split(command)[-1]
    except (ValueError, IndexError):
        return command
