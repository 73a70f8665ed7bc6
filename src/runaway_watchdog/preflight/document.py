"""The document of `preflight --json`. The contract fixes every name in it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from runaway_watchdog.hostile import mask_text, printable
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.preflight.helps import Helps
from runaway_watchdog.preflight.safer import Safer
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict

SCHEMA_VERSION = 1


def to_json(preflight: Preflight, helps: Helps | None, safer: Sequence[Safer]) -> dict[str, Any]:
    """The document, of JSON's types alone."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": _text(preflight.line),
        "verdict": verdict(preflight),
        "effects": [_effect(effect) for effect in preflight.effects],
        "helps": None
        if helps is None
        else {"pid": helps.pid, "ends": helps.ends, "returns": helps.returns, "why": _text(helps.why)},
        "safer": [{"command": _text(each.command), "why": _text(each.why)} for each in safer],
        "unknown": [_text(each) for each in preflight.unknown],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    size = effect.size or Size(None)
    written = None if size.last_write is None else datetime.fromtimestamp(round(size.last_write), UTC).isoformat()
    return {
        "verb": effect.verb,
        "type": effect.type,
        "name": _text(effect.name),
        "data_lost": effect.data_lost,
        "size_bytes": size.bytes,
        "size_is_at_least": size.at_least,
        "last_write": written,
        "used_by": [_text(each) for each in effect.used_by],
        "why": _text(effect.why),
    }


def _text(text: str) -> str:
    return printable(mask_text(text))
