"""A Script as a few lines of text, so that a table of shell lines can be read and checked by eye.

One line for each command: `if` where it may not run, `remote`, its environment, its words (`?` for one that is only
known when it runs, `<…>` for what answers it, `whole:` before that where it stays one word, `glob:` before a pattern),
and what else is known of it in brackets.
"""

from shlex import quote

from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight.shell import parse
from runaway_watchdog.preflight.state import STEERING

FOLDER = "/srv/app"


def read(line: str, **variables: str) -> Script:
    """The line as it is read in /srv/app, at home in /root."""
    return parse(line, environment={"USER": "root", **variables}, folder=FOLDER, home="/root")


def written(script: Script) -> list[str]:
    """Its commands, then one line for each part that could not be read: `?? ` and the sentence."""
    return [_command(command) for command in script.commands] + [f"?? {sentence}" for sentence in script.unknown]


def _command(command: Command) -> str:
    environment = dict(command.environment)
    forgotten = all(name in environment and environment[name] is None for name in STEERING)
    assigned = [f"{name}={'?' if value is None else value}" for name, value in environment.items()]
    parts = ["if"] * command.conditional + ["remote"] * command.remote
    parts += ["(environment unknown)"] if forgotten else assigned
    parts += [_word(word) for word in command.words]
    folders = " or ".join((command.folder or "?", *command.or_folders))
    parts += [f"[in {folders}]"] if folders != FOLDER and not command.remote else []
    parts += [f"[reads {_inline(command.reads)}]"] if command.reads is not None else []
    parts += [f"[given {command.here!r}]"] if command.here is not None else []
    parts += [f"[empties {_word(word)}]" for word in command.truncates]
    parts += [f"[adds to {_word(word)}]" for word in command.appends]
    return " ".join(parts)


def _word(word: Word) -> str:
    if word.text is None:
        answers = "?" if word.answers is None else f"<{_inline(word.answers)}>"
        return f"whole:{answers}" if word.whole else answers
    return ("glob:" if word.globbing else "") + (word.text if word.text.isalnum() else _quoted(word.text))


def _quoted(text: str) -> str:
    plain = text and not set(text) & set(" \t\n'\"\\?<>[]|;")
    return text if plain else quote(text)


def _inline(script: Script) -> str:
    return "; ".join(written(script))
