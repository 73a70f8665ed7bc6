"""The configuration as plain data: what the watch and the senders get, so that neither needs pydantic."""

from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from runaway_watchdog.config.labels import TERMINAL
from runaway_watchdog.config.load import Configuration
from runaway_watchdog.config.locate import Surroundings, store_path
from runaway_watchdog.config.schema import Expect, Rule


def compile_configuration(configuration: Configuration, around: Surroundings) -> dict[str, Any]:
    """Plain data (JSON's types alone), as the watch and the senders read it. Secret: it holds the alert URLs.

    {"interval_s": 2.0, "rules": [{"name", "kind", "cpu", "for_s", "times", "severity", "by_harm", "push", "only"}],
     "alerts": {"urls": […], "channels": [one label for each URL, or "terminal" alone], "remind_after_s": 3600.0,
        "quiet": [1320, 420] or None, "per_hour": 12, "per_hour_in_all": 60, "digest_minute": 480 or None,
        "heartbeat_url": "https://…" or None},
     "expect": [{"unit", "window": [120, 240], "until": seconds since the epoch or None}],
     "store": {"path": "/…/watchdog.db", "keep_s": 7776000.0}, "sources": [every file that was read]}
    """
    config = configuration.config
    return {
        "interval_s": config.sampling.interval,
        "rules": [_rule(rule) for rule in config.rules],
        "alerts": {
            "urls": list(configuration.urls),
            "channels": list(configuration.labels) or [TERMINAL],
            "remind_after_s": config.alerts.remind_after,
            "quiet": config.alerts.quiet,
            "per_hour": config.alerts.per_hour,
            "per_hour_in_all": config.alerts.per_hour_in_all,
            "digest_minute": config.alerts.digest,
            "heartbeat_url": config.alerts.heartbeat_url,
        },
        "expect": [_expect(each) for each in config.expect],
        "store": {"path": str(_store(config.store.path, around)), "keep_s": config.store.keep},
        "sources": [str(path) for path in configuration.files],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    """`by_harm`: the severity is where the judgement starts. `only`: a pattern for each thing that has to match."""
    return {
        "name": rule.name,
        "kind": rule.kind,
        "cpu": rule.cpu,
        "for_s": rule.for_,
        "times": rule.times,
        "severity": rule.severity or "warning",
        "by_harm": rule.severity is None,
        "push": rule.push,
        "only": rule.only,
    }


def _expect(expect: Expect) -> dict[str, Any]:
    """Minutes of the day; `until` is the end of that day, here."""
    until = None
    if expect.until is not None:
        until = datetime.combine(expect.until + timedelta(days=1), time()).timestamp()
    return {"unit": expect.unit, "window": list(expect.between), "until": until}


def _store(configured: Path | None, around: Surroundings) -> Path:
    return store_path({} if configured is None else {"store": {"path": str(configured)}}, around)
