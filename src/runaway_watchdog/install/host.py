"""What is on the host now, as far as an installation is concerned. Reads only."""

import os
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runaway_watchdog import shipped, starting
from runaway_watchdog.config.locate import read_raw
from runaway_watchdog.install import unit
from runaway_watchdog.install.unit import Runner, UnitState
from runaway_watchdog.linux.text import lines as lines_of

USER = "runaway-watchdog"
COMMANDS = ("runaway-watchdog", "watchdog")

_UNITS = "/etc/systemd/system"
UNIT = f"{_UNITS}/{unit.NAME}"
METRICS_UNIT = f"{_UNITS}/{unit.METRICS}"
HELPER_UNITS = tuple(f"{_UNITS}/{name}" for name in shipped.HELPER_UNITS)
DROP_INS = f"{UNIT}.d"
METRICS_DROP_INS = f"{METRICS_UNIT}.d"
CASE_DROP_INS = f"{_UNITS}/runaway-watchdog-case@.service.d"
SEND_DROP_INS = f"{_UNITS}/runaway-watchdog-send@.service.d"
DOCKER_DROP_IN = f"{CASE_DROP_INS}/docker.conf"
OLD_DOCKER_DROP_IN = f"{DROP_INS}/docker.conf"
"""Where it was while one unit did everything."""
CASE_CARRIED = f"{CASE_DROP_INS}/of-the-watch.conf"
SEND_CARRIED = f"{SEND_DROP_INS}/of-the-watch.conf"
HANDOVER = starting.FOLDER
SYSUSERS = "/etc/sysusers.d/runaway-watchdog.conf"
CONFIG_FOLDER = "/etc/runaway-watchdog"
CONFIG = f"{CONFIG_FOLDER}/config.toml"
STATE_FOLDER = "/var/lib/runaway-watchdog"
LINK_FOLDER = "/usr/local/bin"
BASH_COMPLETION = "/usr/local/share/bash-completion/completions/runaway-watchdog"
ZSH_COMPLETION = "/usr/local/share/zsh/site-functions/_runaway-watchdog"
MANUAL = "/usr/local/share/man/man1/runaway-watchdog.1"
HELPS = (BASH_COMPLETION, ZSH_COMPLETION, MANUAL)

WRITTEN_BY_US = "# Written by `runaway-watchdog install"
_OUR_DROP_INS = (DOCKER_DROP_IN, OLD_DOCKER_DROP_IN, CASE_CARRIED, SEND_CARRIED)
_FOLDERS = (DROP_INS, CASE_DROP_INS, SEND_DROP_INS, METRICS_DROP_INS, CONFIG_FOLDER, STATE_FOLDER, HANDOVER)

_LINE_END = re.compile(r"\r\n|\n\r|[\n\r\0]")
_CONTINUES = re.compile(r"(?<!\\)(?:\\\\)*+\\\Z")  # an odd number of backslashes

_ROOTS_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """Our user, as /etc/passwd has it."""

    uid: int
    home: str


@dataclass(frozen=True, slots=True)
class HostSurvey:
    """One look at the host."""

    program: str
    """The command that the unit starts, absolute."""
    installed_at: float
    """When this version of the program was put there; seconds since the epoch."""
    texts: Mapping[str, str]
    """What is in our own text files; one that does not exist is missing here."""
    listings: Mapping[str, tuple[str, ...]]
    """The names in our folders; one that does not exist is missing here."""
    links: Mapping[str, str | None]
    """Our commands in LINK_FOLDER: where each link leads, None for a plain file; missing where there is nothing."""
    account: Account | None
    groups: frozenset[str]
    other_watchdog: str | None
    """Another program named `watchdog` on root's PATH, outside of LINK_FOLDER."""
    unit: UnitState | None
    """None where systemd is not PID 1."""
    metrics: UnitState | None
    """The same of the unit that answers Prometheus."""
    store: str | None = None
    """Where the configuration puts the history; None: it does not say."""
    overrides: tuple[str, ...] = ()
    """The settings in the service's drop-ins that are not ours, one a line, in systemd's order."""


def is_booted_by_systemd(root: Path = Path("/")) -> bool:
    """What sd_booted(3) looks at."""
    return (root / "run/systemd/system").is_dir()


def own_program() -> Path:
    """The command that belongs to this interpreter: in a virtual environment, that environment's."""
    return Path(sysconfig.get_path("scripts")) / "runaway-watchdog"


def survey(program: Path, run: Runner, root: Path = Path("/")) -> HostSurvey:
    """Look at everything a plan depends on. Raises OSError, and SystemdError where systemd gives no answer."""
    booted = is_booted_by_systemd(root)
    return HostSurvey(
        program=str(program),
        installed_at=_installed_at(),
        texts=_texts(root, (UNIT, METRICS_UNIT, *HELPER_UNITS, *_OUR_DROP_INS, SYSUSERS, *HELPS)),
        listings=_listings(root, _FOLDERS),
        links=_links(root),
        account=_account(root),
        groups=_groups(root),
        other_watchdog=_other_watchdog(program, root, os.environ.get("PATH", "")),
        unit=unit.look(run) if booted else None,
        metrics=unit.look(run, unit.METRICS) if booted else None,
        store=_configured_store(root),
        overrides=overrides_of(root),
    )


def helpers_drop_ins(root: Path = Path("/")) -> dict[str, str]:
    """Our drop-ins of the units that explain and send, by path, as they are now. Raises OSError."""
    return _texts(root, (DOCKER_DROP_IN, CASE_CARRIED, SEND_CARRIED))


def overrides_of(root: Path) -> tuple[str, ...]:
    """HostSurvey.overrides. Raises OSError."""
    folder, found = _at(root, DROP_INS), list[str]()
    for path in sorted(folder.glob("*.conf")) if folder.is_dir() else ():
        text = path.read_bytes().decode("utf-8", "replace")
        if str(path) != str(_at(root, OLD_DOCKER_DROP_IN)) or not text.startswith(WRITTEN_BY_US):
            found += _settings(text)
    return tuple(found)


def _settings(text: str) -> Iterator[str]:
    """What stands below [Service], one a line; systemd.syntax(7): comments go first, wherever they stand."""
    lines = (line.lstrip() for line in _LINE_END.split(text))
    whole, section = "", ""
    for line in (*(each for each in lines if not each.startswith(("#", ";"))), ""):
        whole += line
        if _CONTINUES.search(whole):
            whole = f"{whole[:-1]} "
            continue
        section = whole.strip() if whole.startswith("[") else section
        if section == "[Service]" and "=" in whole:
            yield whole.strip()
        whole = ""


def _configured_store(root: Path) -> str | None:
    raw, _ = read_raw((_at(root, CONFIG),))  # what is wrong with it, the service itself says
    store = raw.get("store")
    path = store.get("path") if isinstance(store, dict) else None
    return path if isinstance(path, str) else None


def _at(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _text(root: Path, path: str) -> str:
    return _at(root, path).read_bytes().decode("utf-8", "replace")


def _texts(root: Path, paths: Iterable[str]) -> dict[str, str]:
    return {
        path: _at(root, path).read_bytes().decode("utf-8", "replace")
        for path in paths
        if os.path.lexists(_at(root, path))
    }


def _listings(root: Path, paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {path: tuple(sorted(os.listdir(_at(root, path)))) for path in paths if _at(root, path).is_dir()}


def _links(root: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in COMMANDS:
        path = _at(root, f"{LINK_FOLDER}/{name}")
        if os.path.lexists(path):
            found[name] = os.readlink(path) if path.is_symlink() else None
    return found


def _account(root: Path) -> Account | None:
    # The file and not pwd: systemd-sysusers looks there, and a user of a directory service must not shadow ours.
    for line in lines_of(_text(root, "/etc/passwd")):
        fields = line.split(":")
        if fields[0] == USER and len(fields) == 7:
            return Account(int(fields[2]), fields[5])
    return None


def _groups(root: Path) -> frozenset[str]:
    text = _text(root, "/etc/group")
    return frozenset(line.split(":", 1)[0] for line in lines_of(text))


def _other_watchdog(program: Path, root: Path, path: str) -> str | None:
    own = {os.path.realpath(program), os.path.realpath(program.with_name("watchdog"))}
    folders = dict.fromkeys(f"{_ROOTS_PATH}:{path}".split(":"))
    for folder in folders:
        candidate = _at(root, f"{folder}/watchdog")
        if not folder.startswith("/") or folder == LINK_FOLDER:
            continue
        if os.access(candidate, os.X_OK) and os.path.realpath(candidate) not in own:
            return f"{folder}/watchdog"
    return None


def _installed_at() -> float:
    # pip writes every module anew, also for an upgrade to the same version from a checkout.
    return Path(__file__).stat().st_ctime
