"""Where the configuration and the store are. Cheap: reading commands use this and never import pydantic."""

import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from runaway_watchdog.model.gap import Gap

SYSTEM_FILE: Final = Path("/etc/runaway-watchdog/config.toml")
SYSTEM_STATE: Final = Path("/var/lib/runaway-watchdog")
STORE_NAME: Final = "watchdog.db"
ALERT_URLS: Final = "RUNAWAY_WATCHDOG_ALERT_URLS"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""systemd's: the folder of a unit's credentials."""


class Surroundings(NamedTuple):
    """What decides about paths: who runs, with which environment, on which root."""

    env: Mapping[str, str]
    uid: int
    home: Path
    root: Path = Path("/")

    def at(self, path: Path) -> Path:
        """`path`, an absolute one, below the root that is looked at."""
        return self.root / path.relative_to("/")

    @property
    def user_file(self) -> Path:
        return self.home / ".config/runaway-watchdog/config.toml"

    @property
    def user_state(self) -> Path:
        return self.home / ".local/state/runaway-watchdog"


def here() -> Surroundings:
    """The surroundings of this very process."""
    uid = os.geteuid()
    return Surroundings(os.environ, uid, home(os.environ, uid))


def home(env: Mapping[str, str], uid: int) -> Path:
    """$HOME, else what the user database says: cron, `env -i` and services start us without one."""
    if named := env.get("HOME"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:  # a container's uid without an entry
        return Path("/")


def config_files(option: Path | None, around: Surroundings) -> tuple[Path, ...]:
    """The files to read, in this order: the later one wins. `--config FILE` alone counts, whether it exists or not."""
    if option is not None:
        return (option,)
    system, own = around.at(SYSTEM_FILE), around.user_file
    return tuple(path for path, there in ((system, may_exist(system)), (own, may_exist(own, hidden=False))) if there)


def may_exist(path: Path, *, hidden: bool = True) -> bool:
    """Whether it is there. `hidden` is the answer for one below a folder that may not be entered.

    The system's counts then: reading it tells why. A user's own does not: it is somebody else's home that the
    environment names (sudo, su), and nobody put a configuration for us there.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        return hidden
    except OSError:
        return True
    return True


def merge(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables, key by key; where both have a key the later wins, and a list replaces a list."""
    merged = dict(earlier)
    for key, value in later.items():
        mine = merged.get(key)
        merged[key] = merge(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return merged


def read_raw(files: Iterable[Path]) -> tuple[dict[str, Any], tuple[Gap, ...]]:
    """The files' content, merged and not validated, and a gap for each one that could not be read."""
    raw: dict[str, Any] = {}
    gaps: list[Gap] = []
    for path in files:
        import tomllib  # most hosts have no file, and every command starts here

        try:
            raw = merge(raw, tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as fault:
            gaps.append(Gap("configuration", f"{path}: {fault.strerror}", "run it with sudo, or give --config FILE"))
        except ValueError:  # TOML syntax, or not UTF-8
            gaps.append(Gap("configuration", f"{path} is not valid TOML", "runaway-watchdog check-config says where"))
    return raw, tuple(gaps)


def store_path(raw: Mapping[str, Any], around: Surroundings) -> Path:
    """Where the daemon keeps its store: as configured, else $STATE_DIRECTORY, else by who runs it."""
    configured = _configured(raw)
    if configured is not None:
        return configured
    if state := around.env.get("STATE_DIRECTORY"):  # systemd lists several with colons
        return Path(state.split(":")[0]) / STORE_NAME
    return (around.at(SYSTEM_STATE) if around.uid == 0 else around.user_state) / STORE_NAME


def store_to_read(raw: Mapping[str, Any], around: Surroundings) -> Path:
    """Which store a reading command shows: the system's whenever there is one, even if it cannot be opened.

    An empty private store shown in its place would say "nothing ever happened here".
    """
    system = around.at(SYSTEM_STATE) / STORE_NAME
    if _configured(raw) is None and not around.env.get("STATE_DIRECTORY") and may_exist(system):
        return system
    return store_path(raw, around)


def _configured(raw: Mapping[str, Any]) -> Path | None:
    """`store.path`, where it is one; anything else is left to `check-config`."""
    table = raw.get("store")
    path = table.get("path") if isinstance(table, dict) else None
    return Path(path) if isinstance(path, str) and path.startswith("/") else None
