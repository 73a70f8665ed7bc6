"""The file that `mktemp` makes: its name is only known when it runs, and that it is new and empty is known before."""

from runaway_watchdog.effects.arguments import of
from runaway_watchdog.model.command import Command, Script


def path(script: Script) -> tuple[str, ...] | None:
    """What stands for the name where a word is nothing but it (`$T` after `T=$(mktemp)`); None: it is another command.

    A word that is longer (`$T/x`, `/srv/$T`) stays unknown: were there no file, it would name something else.
    """
    found = None if script.unknown or len(script.commands) != 1 else of_command(script.commands[0])
    return None if found is None else (found,)


def of_command(command: Command) -> str | None:
    words = of(command)
    if command.program != "mktemp" or not command.number or command.conditional or command.remote:
        return None
    plain = not words.options and words.complete and len(words.operands) < 2
    return f"/tmp/tmp.{command.number:010}" if plain else None  # noqa: S108 - a name for what is never opened
