"""Drop-ins of this boot, which change a unit until they are taken away: `/run/systemd/system/UNIT.d/zz-hold….conf`.

Their names sort last, since drop-ins of all folders are read in the order of their names. Pure.
"""

import shlex
from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

from runaway_watchdog.owners.steps import acting


class Words(NamedTuple):
    """One systemd manager, as a person types to it."""

    systemctl: str
    runtime: str  # where its units of this boot are
    runtime_specifier: str  # the same folder, as a unit file writes it (systemd.unit(5), specifiers)
    user: str | None = None  # whose it is, and who writes there; None: root


SYSTEM = Words("systemctl", "/run/systemd/system", "/run/systemd/system")
FILE, LINES_FILE = "zz-hold.conf", "zz-hold-lines.conf"


def of_user(systemctl: str, user: str, uid: int) -> Words:
    """The manager of that user."""
    return Words(systemctl, f"/run/user/{uid}/systemd/user", "%t/systemd/user", user)


def barred(unit: str, words: Words) -> tuple[str, str]:
    """The drop-in is its own condition: as long as it is there, a start does nothing and says so in the journal."""
    specifier = words.runtime_specifier.replace("%", "%%")
    return _written(unit, FILE, f"'[Unit]\\nConditionPathExists=!{specifier}/%%n.d/{FILE}\\n'", words)


def set_to(unit: str, lines: Sequence[str], words: Words) -> tuple[str, str]:
    """The same with these lines, beside a bar."""
    return _written(unit, LINES_FILE, f"'%s\\n' {shlex.join(lines)}", words)


def _written(unit: str, name: str, text: str, words: Words) -> tuple[str, str]:
    """The commands that write it and that take it away, each up to the manager's reading of it. `text`: the words
    for printf. After a boot the folder is gone by itself."""
    folder = f"{words.runtime}/{unit}.d"
    file = quote(f"{folder}/{name}")
    gone = f"{{ [ ! -d {quote(folder)} ] || rmdir --ignore-fail-on-non-empty {quote(folder)}; }}"
    write = f"mkdir -p {quote(folder)} && printf {text} > {file}"
    reload = f"{words.systemctl} daemon-reload"
    return (
        f"{acting.script(words.user, write)} && {reload}",
        f"{acting.script(words.user, f'rm -f {file} && {gone}')} && {reload}",
    )
