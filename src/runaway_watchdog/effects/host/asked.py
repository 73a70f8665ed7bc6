"""Questions that a program asks before it writes over a file, and whether the line answers them itself."""

from collections.abc import Iterable

from runaway_watchdog.effects.arguments import Arguments
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Script

NEVER = ("-n", "--no-clobber")
ASKS = ("-i", "--interactive")


def keeps(words: Arguments, command: Command, *forced: str) -> bool:
    """Whether what is there stays: it is told to (-n), or it asks (-i) and nobody says yes but a person.

    Of these options the last one counts; `forced` are those that end the asking.
    """
    last = next((name for name, _ in reversed(words.options) if name in (*NEVER, *ASKS, *forced)), None)
    if last in NEVER:
        return True
    return last in ASKS and not answered(command)


def refused(words: Arguments, command: Command) -> bool:
    """rm: whether it asks, and the line itself says no; without an answer in the line a person may say yes."""
    asks = ("-i", "-I", "--interactive")
    last = next((name for name, _ in reversed(words.options) if name in (*asks, "-f", "--force")), None)
    return last in asks and (command.here is not None or command.reads is not None) and not answered(command)


def answered(command: Command) -> bool:
    """Whether what the command reads may say yes: `yes |`, `<<< y`. A person who is asked answers for themselves."""
    if command.here is not None:
        return _says_yes(lines_of(command.here))
    return command.reads is not None and _may_print_yes(command.reads)


def _may_print_yes(script: Script) -> bool:
    for each in script.commands:
        texts = [word.text for word in each.words[1:]]
        known = [text for text in texts if text is not None]
        if len(known) < len(texts):
            return True
        if each.program == "yes":
            return _says_yes(known or ["y"])
        if each.program == "cat" and known == ["/dev/null"]:
            continue
        if each.program not in ("echo", "printf") or _says_yes(lines_of(" ".join(known).replace("\\n", "\n"))):
            return True
    return bool(script.unknown)


def _says_yes(lines: Iterable[str]) -> bool:
    return any(line.strip().lower().startswith("y") for line in lines)
