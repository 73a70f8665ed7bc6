"""What a command prints, where that is plain from its words: `echo`, `printf`, `pwd`, `cat` of a here-document."""

from runaway_watchdog.model.command import Command, Script


def known(script: Script) -> str | None:
    """All that these commands print; None where it is only known when they run."""
    if script.unknown or len(script.commands) != 1:
        return None
    command = script.commands[0]
    arguments = [word.text for word in command.words[1:] if not word.globbing]
    texts = [text for text in arguments if text is not None]
    if len(texts) != len(command.words) - 1 or command.remote:
        return None
    return _printed(command, texts)


def _printed(command: Command, arguments: list[str]) -> str | None:
    match command.program, arguments:
        case "echo", _ if not "".join(arguments[:1]).startswith("-") and not any("\\" in text for text in arguments):
            return " ".join(arguments) + "\n"  # a backslash or an option means different things to different shells
        case "printf", ["%s\\n", *lines] if lines:
            return "".join(line + "\n" for line in lines)
        case "printf", [text] if not set(text) & set("%\\"):
            return text
        case "pwd", [] if command.folder is not None and not command.or_folders:
            return command.folder + "\n"
        case "cat", [] | ["-"]:
            return command.here if command.reads is None else known(command.reads)
        case _:
            return None
