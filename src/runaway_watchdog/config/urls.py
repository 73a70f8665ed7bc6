"""Where alert URLs come from: the file, a file of their own, the environment, systemd's credentials. All secret."""

import grp
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from runaway_watchdog.config.faults import Fault, toml_fault, unreadable
from runaway_watchdog.config.labels import channel_labels
from runaway_watchdog.config.locate import ALERT_URLS, CREDENTIALS, may_exist
from runaway_watchdog.linux.text import lines as lines_of

CREDENTIAL: Final = "alert-urls"
SERVICE_GROUP: Final = "runaway-watchdog"


class Located(NamedTuple):
    """One URL and the place to name when something is wrong with it."""

    file: str  # or the environment variable
    key: str
    url: str


class Found(NamedTuple):
    """All URLs, the further files that were read for them, and what was wrong on the way."""

    urls: tuple[Located, ...]
    files: tuple[Path, ...]
    faults: tuple[Fault, ...]


def gather(alerts: Mapping[str, Any], file: Path | None, env: Mapping[str, str]) -> Found:
    """The URLs of every source. `alerts` is the merged table as it was read, `file` the one that sets `alerts.urls`."""
    urls = [*_listed(alerts.get("urls"), file), *_of_environment(env)]
    files: list[Path] = []
    faults: list[Fault] = []
    named = alerts.get("urls_file")
    if isinstance(named, str) and named.startswith("/"):
        files.append(Path(named))
        faults += exposed_file(Path(named))
    if directory := env.get(CREDENTIALS):  # systemd guards these itself
        files += [path for path in (Path(directory) / CREDENTIAL,) if may_exist(path)]
        if not may_exist(Path(directory)):  # else a channel would be gone without a word
            why = "is not there: systemd has not laid out this unit's credentials"
            faults.append(Fault(f"${CREDENTIALS}", None, "", f"{directory} {why}", "restart the unit"))
    for path in files:
        try:
            urls += _of_lines(path, path.read_text(encoding="utf-8"))
        except OSError as error:
            faults.append(unreadable(path, error))
        except UnicodeDecodeError as error:
            faults.append(toml_fault(path, error))
    return Found(tuple(urls), tuple(files), tuple(faults))


def _listed(value: Any, file: Path | None) -> Iterator[Located]:
    for number, url in enumerate(value if isinstance(value, list) else [], start=1):
        if isinstance(url, str) and url:  # anything else is a fault of the schema
            yield Located(str(file), f"alerts.urls[{number}]", url.strip())


def _of_environment(env: Mapping[str, str]) -> Iterator[Located]:
    for number, url in enumerate(split_urls(env.get(ALERT_URLS, "")), start=1):
        yield Located(f"${ALERT_URLS}", f"URL {number}", url)


def _of_lines(path: Path, text: str) -> Iterator[Located]:
    """One URL a line; empty lines and `#` comments count for nothing."""
    for number, line in enumerate(lines_of(text), start=1):
        if not line.lstrip().startswith("#"):
            yield from (Located(str(path), f"line {number}", url) for url in split_urls(line))


_SEPARATOR = re.compile(r"\s+|,\s*(?=[a-zA-Z][a-zA-Z0-9+]*://)")


def split_urls(text: str) -> list[str]:
    """URLs separated by white space or commas. A comma inside a URL stays: `mailto://…?to=a@b.org,c@d.org`."""
    return [url.strip(",") for url in _SEPARATOR.split(text) if url.strip(",")]


def malformed(urls: Sequence[Located], problem_of: Callable[[str], str | None]) -> Iterator[Fault]:
    """URLs that no service takes, each named by its place and label alone."""
    labels = channel_labels([located.url for located in urls])
    for located, label in zip(urls, labels, strict=True):
        if problem := problem_of(located.url):
            mend = "allowed: an Apprise URL (https://github.com/caronc/apprise/wiki); in a password write @ as %40"
            yield Fault(located.file, None, located.key, f"({label}) {problem}", mend)


def exposed_file(path: Path) -> Iterator[Fault]:
    """A fault where a file of secrets can be read by others than its owner, root's group and the service's own."""
    try:
        status = path.stat()
    except OSError:
        return  # reading it says why
    mode = stat.S_IMODE(status.st_mode)
    of_service = _group_name(status.st_gid) == SERVICE_GROUP
    group_may = of_service or status.st_gid == 0
    if mode & stat.S_IROTH or (mode & stat.S_IRGRP and not group_may):
        mend = f"chmod {'0640' if of_service else '0600'} {path}"
        yield Fault(str(path), None, "", f"holds alert URLs and others can read it (mode {mode:04o})", mend)


def _group_name(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None
