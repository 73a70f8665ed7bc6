"""What a host is short of, in one sentence."""

from typing import Any, Final

from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import mask_text
from runaway_watchdog.model.shortage import Shortage
from runaway_watchdog.render.figures import size
from runaway_watchdog.render.steps import safe

SECOND: Final = "What it says of CPU is second to that."


def sentence(found: Shortage | None) -> str:
    """ "This host is out of memory: 96 % of it is in use, …"; "" where it is short of nothing."""
    if found is None:
        return ""
    user = "" if found.user is None else safe(found.user.name, 80)
    if found.kind == "memory":
        most = f" Most of it is held by {user}: {size(round(found.user.amount))}." if found.user else ""
        waits = f"everything on it waits for memory {found.waits:.0f} % of the time"
        return f"This host is out of memory: {found.used or 100:.0f} % of it is in use, and {waits}.{most}"
    most = f" {user} reads and writes most: {size(round(found.user.amount))} a second." if found.user else ""
    return f"This host waits for its disk: nothing on it goes on {found.waits:.0f} % of the time.{most}"


def to_json(found: Shortage | None) -> dict[str, Any] | None:
    """For programs; None where the host is short of nothing."""
    if found is None:
        return None
    user = found.user
    most = None if user is None else {"name": clean(mask_text(user.name)), "pid": user.pid, "amount": user.amount}
    return {"of": found.kind, "waits_percent": found.waits, "used_percent": found.used, "most": most}
