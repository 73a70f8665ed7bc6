"""Writes the sample configuration from the schema: `python -m runaway_watchdog.config.sample`."""

import inspect
import json
import sys
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from runaway_watchdog.config.durations import format_duration
from runaway_watchdog.config.schema import Alerts, Expect, Rule, Sampling, Store

HEAD: Final = """\
# runaway-watchdog: configuration.
#
# Every key may be left out; what stands here, commented out, is its default. Read from
# /etc/runaway-watchdog/config.toml, then from ~/.config/runaway-watchdog/config.toml: the later file
# wins, key by key. `runaway-watchdog check-config` tells every fault, `runaway-watchdog test-alert`
# sends one message to each channel.
"""
TABLES: Final[tuple[tuple[str, type[BaseModel]], ...]] = (
    ("[sampling]", Sampling),
    ("[[rule]]", Rule),
    ("[[expect]]", Expect),
    ("[alerts]", Alerts),
    ("[store]", Store),
)
DURATIONS: Final = frozenset(("interval", "for_", "remind_after", "keep"))
_EXAMPLES: Final = {
    "severity": '"warning"',
    "unit": '"docker-*.scope"',
    "container": '"shop-worker-*"',
    "project": '"shop"',
    "image": '"ghcr.io/example/ocr:*"',
    "user": '"root"',
    "exe": '"/usr/bin/python3*"',
    "cmdline": '"*celery*worker*"',
    "urls": '["mailto://user:password@example.org?to=you@example.org", "slack://TokenA/TokenB/TokenC"]',
    "urls_file": '"/etc/runaway-watchdog/alert-urls"',
    "between": '"02:00-04:00"',
    "until": "2030-12-31",
    "quiet": '"22:00-07:00"',
    "digest": '"08:00"',
    "heartbeat_url": '"https://hc-ping.com/your-check"',
    "path": '"/var/lib/runaway-watchdog/watchdog.db"',
}
"""Keys whose default is "none" or depends on who runs it: a value that shows the form."""


def sample() -> str:
    """The whole sample file. It is valid as it stands, and with every key's `#` taken away."""
    return "\n".join([HEAD, *(_table(header, model) for header, model in TABLES)])


def _table(header: str, model: type[BaseModel]) -> str:
    lines = [f"# {line}".rstrip() for line in inspect.cleandoc(model.__doc__ or "").splitlines()]
    # A [[rule]] that is not commented out would be a rule of its own.
    lines.append(f"#{header}" if header.startswith("[[") else header)
    for name, field in model.model_fields.items():
        lines.append(f"# {field.description}")
        lines.append(f"#{field.alias or name} = {_value(name, field)}")
    return "\n".join(lines) + "\n"


def _value(name: str, field: FieldInfo) -> str:
    default: Any = field.default
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    if name in DURATIONS:
        return f'"{format_duration(default)}"'
    return f"{default:g}" if isinstance(default, float) else json.dumps(default)


if __name__ == "__main__":
    sys.stdout.write(sample())
