"""What pm2 left in its apps' environments and in its folder: it is never run itself, since with no daemon there it
would start one.

Seen with pm2 7.0: an app in fork mode has its settings as variables of its own, one in cluster mode as one variable
`pm2_env` in JSON. `pm2 save` writes the list of apps to dump.pm2, which `pm2 resurrect` starts at boot.
"""

import json
import re
from typing import Any, NamedTuple

from runaway_watchdog.world.inside import Inside

_NUMBER = re.compile(r"[0-9]{1,9}")


class Settings(NamedTuple):
    """What decides about an app's life. `stop_codes`: exit codes after which it is not started again."""

    id: str
    name: str
    cluster: bool
    autorestart: bool
    stop_codes: tuple[int, ...]
    restart_delay_s: float
    backs_off: bool  # exp_backoff_restart_delay: waits longer after each early end
    watch: bool
    cron: str  # cron_restart; "" where there is none
    max_restarts: int


def settings(environ: str) -> Settings | None:
    """From /proc/PID/environ; None where that is no app of pm2. No other variable is kept: an environment holds
    secrets."""
    found: dict[str, Any] = {}
    for entry in environ.split("\0"):
        name, _, value = entry.partition("=")
        if name == "pm2_env":
            found |= _object(value)
        elif name in _NAMES:
            found.setdefault(name, value)
    if "pm_id" not in found:
        return None
    return Settings(
        str(found["pm_id"]),
        str(found.get("name", "")),
        found.get("exec_mode") == "cluster_mode",
        _text(found, "autorestart") != "false",
        _codes(found.get("stop_exit_codes")),
        _number(found, "restart_delay", 0) / 1000,
        _number(found, "exp_backoff_restart_delay", 0) > 0,
        _text(found, "watch") not in ("", "false"),
        str(found.get("cron_restart") or ""),
        _number(found, "max_restarts", 16),
    )


_NAMES = frozenset(
    ("pm_id", "name", "exec_mode", "autorestart", "stop_exit_codes", "restart_delay", "exp_backoff_restart_delay")
) | {"watch", "cron_restart", "max_restarts"}


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(found: dict[str, Any], name: str) -> str:
    return str(found.get(name, "")).lower()


def _number(found: dict[str, Any], name: str, default: int) -> int:
    text = str(found.get(name, ""))
    return int(text) if _NUMBER.fullmatch(text) else default


def _codes(value: Any) -> tuple[int, ...]:
    """A number, a list of them, or either as text."""
    words = value if isinstance(value, list) else re.split(r"[\s,\[\]]+", str(value if value is not None else ""))
    return tuple(int(word) for each in words if _NUMBER.fullmatch(word := str(each)))


def saved(inside: Inside, home: str) -> dict[str, str]:
    """The apps of dump.pm2 and their states ("online", "stopped"); none where nothing was saved. Raises OSError."""
    try:
        found = json.loads(inside.read(f"{home}/dump.pm2"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        return {}
    apps = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return {str(each.get("name", "")): str(each.get("status", "")) for each in apps}
