"""Reads, checks and merges the configuration: all of it is right, or every fault is told at once."""

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runaway_watchdog.config import urls
from runaway_watchdog.config.durations import format_duration, parse_duration
from runaway_watchdog.config.faults import (
    ConfigurationFaults,
    Fault,
    in_order,
    line_of,
    schema_faults,
    toml_fault,
    unreadable,
)
from runaway_watchdog.config.labels import channel_labels
from runaway_watchdog.config.locate import merge
from runaway_watchdog.config.schema import Config
from runaway_watchdog.hostile import clean


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that can be used."""

    config: Config
    urls: tuple[str, ...] = field(repr=False)  # of all sources, in their order, each once; secret
    files: tuple[Path, ...]  # all that was read

    @property
    def labels(self) -> tuple[str, ...]:
        """What each of `urls` is called wherever people or logs may read it."""
        return channel_labels(self.urls)


@dataclass(frozen=True, slots=True)
class _File:
    """One file, as it is on the disk."""

    path: Path
    text: str
    raw: Mapping[str, Any]


def load(
    files: Sequence[Path],
    *,
    env: Mapping[str, str],
    url_problem: Callable[[str], str | None],
    cpus: int | None = None,
) -> Configuration:
    """Read the files, the later over the earlier, and the alert URLs of every source.

    `cpus` is the host's number of CPUs; `url_problem` says what is wrong with one alert URL, or None, as
    `alerts.urls.url_problem` does. Raises ConfigurationFaults with every fault of every file.
    """
    faults: list[Fault] = []
    read = [file for file in (_read(path, faults) for path in files) if file is not None]
    context = {"cpus": cpus or os.cpu_count() or 1}
    merged: dict[str, Any] = {}
    for file in read:
        faults += _faults_of(file, context)
        merged = merge(merged, file.raw)
    faults += _too_short_for_interval(merged, read)
    found = urls.gather(_table(merged, "alerts"), _origin(read, "alerts", "urls"), env)
    faults += (*found.faults, *urls.malformed(found.urls, url_problem))
    if faults:
        raise ConfigurationFaults(in_order(faults))
    unique = tuple(dict.fromkeys(located.url for located in found.urls))
    config = Config.model_validate(merged, context=context)
    return Configuration(config, unique, (*(file.path for file in read), *found.files))


def _read(path: Path, faults: list[Fault]) -> _File | None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return _File(path, text, tomllib.loads(text))
    except OSError as error:
        faults.append(unreadable(path, error))
    except ValueError as error:  # not UTF-8, or not TOML
        faults.append(toml_fault(path, error))
    return None


def _faults_of(file: _File, context: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with one file by itself."""
    try:
        Config.model_validate(file.raw, context=dict(context))
    except ValidationError as error:
        yield from schema_faults(file.path, file.text, error)
    yield from _names_used_twice(file)
    alerts = _table(file.raw, "alerts")
    if alerts.get("urls") or alerts.get("heartbeat_url"):
        yield from urls.exposed_file(file.path)


def _names_used_twice(file: _File) -> Iterator[Fault]:
    """Incidents and alerts name their rule: two rules of one name could not be told apart."""
    first: dict[str, int] = {}
    for number, rule in enumerate(_rules(file.raw), start=1):
        name = str(rule.get("name", "sustained-cpu"))
        if name in first:
            line = line_of(file.text, ("rule", number - 1, "name"))
            problem = f'is "{clean(name, 60)}" as in rule[{first[name]}]'
            yield Fault(str(file.path), line, f"rule[{number}].name", problem, "give each rule a name of its own")
        first.setdefault(name, number)


def _too_short_for_interval(merged: Mapping[str, Any], read: Sequence[_File]) -> Iterator[Fault]:
    """A rule that is over before the second look can never be met. The two keys may stand in different files."""
    interval = _seconds(_table(merged, "sampling").get("interval", "2s"))
    path = _origin(read, "rule")
    if interval is None or path is None:
        return
    text = next(file.text for file in read if file.path == path)
    mend = f'allowed: "{format_duration(interval)}" or more'
    for number, rule in enumerate(_rules(merged), start=1):
        lasting = _seconds(rule.get("for", "5m"))
        if lasting is not None and lasting < interval:
            line = line_of(text, ("rule", number - 1, "for"))
            problem = f'is shorter than sampling.interval ("{format_duration(interval)}")'
            yield Fault(str(path), line, f"rule[{number}].for", problem, mend)


def _origin(read: Sequence[_File], table: str, key: str | None = None) -> Path | None:
    """The file whose value counts: the last one that has it."""
    having = [file.path for file in read if (table in file.raw if key is None else key in _table(file.raw, table))]
    return having[-1] if having else None


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, dict) else {}


def _rules(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rules = raw.get("rule")
    return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []


def _seconds(value: Any) -> float | None:
    """A duration, where it is one; where not, the schema's own fault says so."""
    try:
        return parse_duration(value) if isinstance(value, str) else None
    except ValueError:
        return None
