"""The compiled configuration: plain data that `runaway-watchdog run` has validated, in an anonymous file.

It holds secrets (alert URLs), so it never touches a disk; children get it as an inherited descriptor. The offset of
that file is shared by all who inherit it: everybody reads it with pread().
"""

import json
import os
from typing import Any, NamedTuple

from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.model.user_input import Expectation, Window

TERMINAL = "terminal"
"""The channel where no URL is configured."""

_LIMIT = 1 << 20


class ConfigurationError(Exception):
    """What was handed over is no compiled configuration."""


class Configuration(NamedTuple):
    """What the watch itself needs; alert URLs stay in the file."""

    interval_s: float
    rules: tuple[Rule, ...]
    channels: tuple[str, ...]  # labels, never URLs
    remind_after_s: float
    store_path: str
    keep_s: float
    expectations: tuple[Expectation, ...] = ()
    heartbeat: bool = False  # an outside service waits for a sign of life
    digest_minute: int | None = None  # of the day, local time

    @property
    def lowest(self) -> float:
        """The smallest CPU share of all rules about processes and groups, in percent of one core."""
        return min((rule.cpu for rule in self.rules if rule.kind == "cpu"), default=100.0)


def read_configuration(fd: int) -> Configuration:
    """Raises ConfigurationError. The message never quotes the content."""
    try:
        data = json.loads(os.pread(fd, _LIMIT, 0))
    except OSError as fault:
        raise ConfigurationError(f"descriptor {fd} cannot be read: {fault.strerror}") from None
    except ValueError:
        raise ConfigurationError("it is not JSON") from None
    return parse_configuration(data)


def parse_configuration(data: Any) -> Configuration:
    """From the compiled form: see config/compile.py, which has checked every value."""
    try:
        configuration = Configuration(
            interval_s=float(data["interval_s"]),
            rules=tuple(_rule(rule) for rule in data["rules"]),
            channels=tuple(str(label) for label in data["alerts"].get("channels", ())) or (TERMINAL,),
            remind_after_s=float(data["alerts"]["remind_after_s"]),
            store_path=str(data["store"]["path"]),
            keep_s=float(data["store"]["keep_s"]),
            expectations=tuple(_expectation(each) for each in data.get("expect", ())),
            heartbeat=bool(data["alerts"].get("heartbeat_url")),
            digest_minute=data["alerts"].get("digest_minute"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise ConfigurationError(
            f"{type(fault).__name__} at {fault}" if isinstance(fault, KeyError) else "a value is of a wrong type"
        ) from None
    if not configuration.rules or configuration.interval_s <= 0:
        raise ConfigurationError("it has no rule, or no interval")
    return configuration


def _expectation(data: Any) -> Expectation:
    return Expectation(str(data["unit"]), Window(*map(int, data["window"])), data.get("until"))


def _rule(data: Any) -> Rule:
    return Rule(
        name=str(data["name"]),
        cpu=float(data["cpu"]),
        for_s=float(data["for_s"]),
        severity=str(data["severity"]),
        kind=data["kind"],
        times=int(data["times"]),
        by_harm=bool(data["by_harm"]),
        push=bool(data["push"]),
        only=tuple((str(what), str(pattern)) for what, pattern in data["only"].items()),
    )
