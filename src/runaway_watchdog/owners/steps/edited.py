"""Steps that change one line of a file, and whose undo puts the same bytes back.

An alert is read hours later, and somebody may have edited the file since. So the command first compares the file
with what was read (by the start of its SHA-256: the text itself may hold secrets), and the copy that the undo needs
is made in the same command, under a name that no later plan uses for another state of the file. A link, and a file
of anybody else than whoever acts, is left alone.
"""

import re
from shlex import quote
from typing import NamedTuple

from runaway_watchdog.model.plan import Check, Step
from runaway_watchdog.owners.steps import acting

DIGITS = 12
NAME_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]+")


class Place(NamedTuple):
    """Where a setting stands in a file, or the line that it is to go below; with the text that was read, which may
    hold secrets."""

    path: str  # without links
    text: str
    line: int  # from 1
    stands: bool = False
    user: str | None = None  # whose the file is, and who changes it; None: root

    @property
    def number(self) -> int:
        """The line of the setting, once it is there."""
        return self.line if self.stands else self.line + 1

    def sed(self, setting: str) -> str:
        """The sed script that puts it there."""
        return f"{self.line}s/.*/{setting}/" if self.stands else f"{self.line}a {setting}"


def digest(text: str) -> str:
    """The start of the SHA-256 of a file's bytes, as Files.read gives them."""
    import hashlib  # 3 ms, only where a file is to be edited

    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:DIGITS]


def saved(path: str, text: str, user: str | None = None) -> str:
    """Where the copy goes: root's own folder, which nobody else may read; a user's beside the file, and hidden from
    patterns such as `conf.d/*`."""
    folder, _, name = path.rpartition("/")
    copy = f"{NAME_CHARACTERS.sub('-', name)}.{digest(text)}"
    return f"/root/{copy}" if user is None else f"{folder}/.{copy}"


def own(path: str) -> str:
    """Whether a file is no link, and belongs to whoever asks (`-O` of dash, bash, ksh and busybox)."""
    return f"[ ! -L {quote(path)} ] && [ -O {quote(path)} ]"


def printing(path: str) -> str:
    """A command that prints such a file, and nothing of any other one."""
    return f"{own(path)} && cat {quote(path)}"


def unless_changed(source: str, text: str, command: str) -> str:
    """A shell line that runs `command` only while `source` still prints what was read, and fails where it does not."""
    otherwise = 'echo "not done: it is another one by now, look again"; false'
    return f'case "$({source} | sha256sum)" in {digest(text)}*) {command};; *) {otherwise};; esac'


def unread(command: str) -> str:
    """The command, with what it writes closed to everybody else; in a shell of its own, since whatever a later command
    starts has the umask that it always had."""
    return f"(umask 077; {command})"


def file(title: str, place: Place, sed: str, *, effect: str, check: Check, then: str = "") -> Step:
    """Run a sed script over a file, as its owner; that and its mode stay as they are.

    `then` is the command by which its reader hears of the change, and of its undo.
    """
    path, text, user = place.path, place.text, place.user
    name, copy = quote(path), quote(saved(path, text, user))
    after = f" && {then}" if then else ""
    written = unread(f"sed {quote(sed)} {copy} >{copy}.held")
    change = f"cp -p {name} {copy} && {written} && cp {copy}.held {name}{after}"
    return Step(
        title,
        acting.script(user, unless_changed(printing(path), text, change)),
        effect,
        "none",
        acting.script(user, f"{own(path)} && cp {copy} {name}{after}"),
        check,
    )


def crontab(title: str, user: str, text: str, sed: str, *, effect: str, check: Check) -> Step:
    """The same for a user's table, through crontab(1). `text` is what `crontab -l` prints."""
    table, copy = f"crontab -u {quote(user)}", saved(f"crontab-{user}", text)
    change = f"{unread(f'{table} -l >{copy}')} && sed {quote(sed)} {copy} | {table} -"
    return Step(title, unless_changed(f"{table} -l", text, change), effect, "none", f"{table} {copy}", check)
