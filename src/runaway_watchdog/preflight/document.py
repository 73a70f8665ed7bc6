"""The document of `preflight --json`. The contract fixes every name in it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runaway_watchdog.hostile import printable
from runaway_watchdog.masking import mask_text
from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.sequence import Preflight
from runaway_watchdog.preflight.verdict import verdict
from runaway_watchdog.render.document import effect_to_json

if TYPE_CHECKING:
    from runaway_watchdog.preflight.helps import Helps
    from runaway_watchdog.preflight.safer import Safer

SCHEMA_VERSION = 1


def to_json(preflight: Preflight, helps: "Helps | None", safer: "Sequence[Safer]") -> dict[str, Any]:
    """The document, of JSON's types alone."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": _text(preflight.line),
        "folder": None if preflight.folder is None else _text(preflight.folder),
        "verdict": verdict(preflight),
        "nothing": [_text(each) for each in preflight.nothing],
        "effects": [effect_to_json(effect) for effect in preflight.effects],
        "helps": None
        if helps is None
        else {"pid": helps.pid, "ends": helps.ends, "returns": helps.returns, "why": _text(helps.why)},
        "safer": [{"command": _text(each.command), "why": _text(each.why)} for each in safer],
        "unknown": [_text(each) for each in preflight.unknown],
        "unknown_risks": [risk([each]) for each in preflight.unknown],
        "risk": risk(preflight.unknown),
    }


def _text(text: str) -> str:
    return printable(mask_text(text))
