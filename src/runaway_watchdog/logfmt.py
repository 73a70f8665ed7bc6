"""One event as one line of logfmt, which the journal keeps: of the watch, and of what it starts."""

from collections.abc import Mapping
from typing import Final

from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import mask_text

_VALUE_LIMIT: Final = 200
_MASK_LIMIT: Final = 4000  # of a value that is masked first: a secret that is cut is still one
_BARE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/+-@#%,~*")


def logfmt_line(level: str, event: str, values: Mapping[str, object]) -> str:
    """`level=info event=ready rules=1 store="/a b"`. Hostile text cannot start a new pair or a new line."""
    pairs = {"level": level, "event": event, **values}
    return " ".join(f"{key}={_quoted(shown(value))}" for key, value in pairs.items() if value is not None)


def shown(value: object) -> str:
    """One value as text: masked, without what a terminal acts on, bounded."""
    if isinstance(value, str):
        return clean(mask_text(value[:_MASK_LIMIT]), _VALUE_LIMIT)
    return clean(f"{value:.1f}" if isinstance(value, float) else str(value), _VALUE_LIMIT)


def _quoted(text: str) -> str:
    if text and _BARE.issuperset(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
