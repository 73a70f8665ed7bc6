"""What starts programs on this host beside their own managers, as files: read as text, never run.

Only what root alone can change counts as root's, and only what a user alone can change as that user's: anybody may
write "systemctl restart x" somewhere. Reading is bounded in files, bytes and time; `whole` says whether that sufficed.
"""

import os
import pwd
import re
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from runaway_watchdog.world import at_spool, crontabs, running_scripts
from runaway_watchdog.world.ownership import LiveOwnership
from runaway_watchdog.world.running_scripts import RunningScript

Kind = Literal[
    "crontab",
    "cron-script",
    "unit",
    "users-unit",
    "boot",
    "login",
    "monit",
    "supervisord",
    "at",
    "rotation",
    "hook",
    "supervised",  # a script of a service of runit, s6 or daemontools that runs
    "running",  # no file: the text of a script that runs
]
UNIT_FOLDERS = (
    *("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system"),
    *("/usr/lib/systemd/system", "/lib/systemd/system"),
)
"""By rank: a file of the first one hides those of its name in the others (systemd.unit(5))."""
HOME_UNITS = (".config/systemd/user", ".local/share/systemd/user")
"""By rank, as UNIT_FOLDERS."""
REPOSITORIES = ("/srv", "/srv/git", "/var/git", "/var/repo", "/opt", "/var/www")
"""Where repositories are that a push deploys from, beside those of homes."""
HOOKS = ("hooks/post-receive", "hooks/post-update", ".git/hooks/post-merge", ".git/hooks/post-checkout")
MOST_REPOSITORIES = 64
HOME_LOGIN = (".profile", ".bash_profile", ".bash_login", ".bashrc", ".zprofile", ".zshrc", ".config/fish/config.fish")
FILES: tuple[tuple[Kind, str], ...] = (
    ("crontab", crontabs.SYSTEM),
    ("rotation", "/etc/logrotate.conf"),
    ("boot", "/etc/rc.local"),
    *(("login", f"/etc/{name}") for name in ("profile", "bash.bashrc", "zsh/zshrc", "zsh/zprofile")),
    *(("monit", path) for path in ("/etc/monit/monitrc", "/etc/monitrc")),
    *(("supervisord", path) for path in ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf")),
)
_ANY, _CONF = re.compile(r"[^.].*"), re.compile(r"[^.].*\.(?:conf|ini)")
FOLDERS: tuple[tuple[Kind, str, re.Pattern[str]], ...] = (
    ("crontab", crontabs.FOLDER, crontabs.DEBIAN_NAME),
    *(("cron-script", f"/etc/cron.{each}", crontabs.DEBIAN_NAME) for each in ("hourly", "daily", "weekly", "monthly")),
    ("rotation", "/etc/logrotate.d", re.compile(r"[^.].*")),
    ("login", "/etc/profile.d", re.compile(r"[^.].*\.sh")),
    *(("monit", f"/etc/{name}", _ANY) for name in ("monit/conf-enabled", "monit/conf.d", "monit.d")),
    *(("supervisord", f"/etc/{name}", _CONF) for name in ("supervisor/conf.d", "supervisord.d")),
)
MOST_FILES, MOST_BYTES, MOST_SECONDS, MOST_USERS, MOST_NAMES = 1500, 64 * 1024, 0.5, 64, 512
FIRST_USER = 1000


class StartFile(NamedTuple):
    """One of them. Text is hostile."""

    kind: Kind
    path: str
    user: str  # as whom what it says is run
    text: str
    uid: int = 0


class Startup(NamedTuple):
    """All of them; `whole`: none was left out that is there."""

    files: tuple[StartFile, ...]
    whole: bool


def parse(told: Sequence[Any]) -> Startup:
    """As a recording holds it."""
    return Startup(tuple(StartFile(*each) for each in told[0]), bool(told[1]))


class LiveStartFiles:
    """See `world.StartFiles`. Every answer is kept for the life of the object."""

    def __init__(self) -> None:
        self._ownership = LiveOwnership()
        self._scripts: dict[tuple[str, str], str | None] = {}
        self._found: Startup | None = None
        self._running: tuple[RunningScript, ...] | None = None
        self._left, self._until, self._whole = MOST_FILES, 0.0, True

    def found(self) -> Startup:
        if self._found is None:
            self._until = time.monotonic() + MOST_SECONDS
            files = tuple(self._read())
            self._found = Startup(files, self._whole)
        return self._found

    def script(self, path: str, user: str) -> str | None:
        key = (path, user)
        if key not in self._scripts:
            self._scripts[key] = self._text(path, user)
        return self._scripts[key]

    def running(self) -> Sequence[RunningScript]:
        if self._running is None:
            self._running = tuple(running_scripts.running())
        return self._running

    def _read(self) -> Iterator[StartFile]:
        for kind, path in FILES:
            if kind != "boot" or os.access(path, os.X_OK):
                yield from self._of(kind, "root", path)
        for kind, folder, names in FOLDERS:
            for name in filter(names.fullmatch, self._names(folder)):
                if kind != "cron-script" or os.access(f"{folder}/{name}", os.X_OK):
                    yield from self._of(kind, "root", f"{folder}/{name}")
        for spool in crontabs.SPOOLS:
            for name in self._names(spool):
                yield from self._of("crontab", name, f"{spool}/{name}")
        yield from self._units("unit", "root", UNIT_FOLDERS)
        yield from self._at_jobs()
        yield from self._homes()

    def _homes(self) -> Iterator[StartFile]:
        homes = list(_homes())
        for user, uid, home in homes:
            for name in HOME_LOGIN:
                yield from self._of("login", user, f"{home}/{name}")
            for file in self._units("users-unit", user, tuple(f"{home}/{each}" for each in HOME_UNITS)):
                yield file._replace(uid=uid)
        yield from self._hooks([home for _, _, home in homes])

    def _units(self, kind: Kind, user: str, folders: Sequence[str]) -> Iterator[StartFile]:
        """Each service once, with its drop-ins below it."""
        seen = set[str]()
        for folder in folders:
            for name in self._names(folder):
                if name.endswith(".service") and name not in seen:
                    seen.add(name)
                    for file in self._of(kind, user, f"{folder}/{name}"):
                        yield file._replace(text=f"{file.text}\n{self._drop_ins(kind, user, folders, name)}")

    def _drop_ins(self, kind: Kind, user: str, folders: Sequence[str], unit: str) -> str:
        texts = []
        for folder in (f"{each}/{unit}.d" for each in folders if os.path.isdir(f"{each}/{unit}.d")):
            names = (name for name in self._names(folder) if name.endswith(".conf"))
            texts += [file.text for name in names for file in self._of(kind, user, f"{folder}/{name}")]
        return "\n".join(texts)

    def _at_jobs(self) -> Iterator[StartFile]:
        """What waits. atd runs a file as its owner, in a folder that is at's own."""
        for path in (f"{spool}/{name}" for spool in at_spool.SPOOLS for name in self._names(spool)):
            if at_spool.JOB.fullmatch(os.path.basename(path)):
                try:
                    text, uid = _regular(path), os.stat(path).st_uid
                    user = pwd.getpwuid(uid).pw_name
                except (OSError, KeyError):
                    continue
                if text is not None and "\0" not in text:
                    yield StartFile("at", path, user, text, uid)

    def _hooks(self, homes: Sequence[str]) -> Iterator[StartFile]:
        """What a push or a pull runs, as whoever the hook belongs to: root, or one user alone."""
        for folder in (*REPOSITORIES, *homes):
            for path in (
                f"{folder}/{name}/{hook}" for name in self._names(folder)[:MOST_REPOSITORIES] for hook in HOOKS
            ):
                try:
                    user = pwd.getpwuid(os.stat(path).st_uid).pw_name if os.access(path, os.X_OK) else ""
                except (OSError, KeyError):
                    continue
                if user:
                    yield from self._of("hook", user, path)

    def _names(self, folder: str) -> list[str]:
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self._whole = False
            return []
        self._whole &= len(names) <= MOST_NAMES
        return names[:MOST_NAMES]

    def _of(self, kind: Kind, user: str, path: str) -> Iterator[StartFile]:
        if self._left <= 0 or time.monotonic() > self._until:
            self._whole = False
            return
        self._left -= 1
        text = self._text(path, user)
        if text is not None:
            yield StartFile(kind, path, user, text)

    def _text(self, path: str, user: str) -> str | None:
        """A small regular file's, which nobody but root and this user can change; None for any other one."""
        try:
            text = _regular(path)
            if text is None or "\0" in text or not self._is_whose(path, user):
                return None
        except (FileNotFoundError, NotADirectoryError, KeyError):
            return None
        except OSError:
            self._whole = False
            return None
        return text

    def _is_whose(self, path: str, user: str) -> bool:
        holders = self._ownership.of(path)
        return holders.root_only or (user != "root" and holders.only(pwd.getpwnam(user).pw_uid))


_ELF = b"\x7fELF"
"""How a compiled program begins: most of what units and crontabs name is one."""


def _regular(path: str) -> str | None:
    """Opened only where it is a regular file: a pipe would never answer, and a device may act on it."""
    held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        status = os.fstat(held)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            return None
        with open(f"/proc/self/fd/{held}", "rb", buffering=0) as file:
            head = file.read(len(_ELF))
            return None if head == _ELF else (head + file.read(MOST_BYTES)).decode("utf-8", "surrogateescape")
    finally:
        os.close(held)


def _homes() -> Iterator[tuple[str, int, str]]:
    """Root's, and those of the people of this host: name, number, folder."""
    people = [each for each in pwd.getpwall() if each.pw_uid == 0 or each.pw_uid >= FIRST_USER]
    for each in people[:MOST_USERS]:
        if each.pw_dir.startswith("/") and each.pw_dir not in ("/", "/nonexistent") and each.pw_name != "nobody":
            yield each.pw_name, each.pw_uid, each.pw_dir
