"""As whom a command of a plan acts: what belongs to a user is done as that user, by root's shell.

A program of the user's runs in a session of its own: on root's terminal it could type for root (TIOCSTI, ioctl_tty(2)),
and with an empty environment: root's may hold secrets.
"""

from shlex import quote

from runaway_watchdog.model.process import Process


def user_of(manager: Process) -> str | None:
    """Whose the things of a manager are; None: root's."""
    return manager.user if manager.uid else None


def run(user: str | None, program: str, settings: str = "") -> str:
    """A program with its words, which may be the user's own; `settings` are of its environment, quoted."""
    if user is None:
        return f"env {settings} {program}" if settings else program
    return f'runuser -u {quote(user)} -- setsid -w env -i PATH="$PATH" {settings}{" " if settings else ""}{program}'


def look(user: str | None, command: str) -> str:
    """One of the system's own programs with its words: cat, sed, test, touch …"""
    return command if user is None else f'runuser -u {quote(user)} -- env -i PATH="$PATH" {command}'


def script(user: str | None, text: str) -> str:
    """Some lines for a shell: all that they open is opened as that user."""
    return text if user is None else run(user, f"sh -c {quote(f'umask 077; {text}')}")
