"""The --filter of prune commands. What a filter leaves out is never pruned; one that is not known is said."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|m|s))+")
PART = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)(h|ms|m|s)")


class Filters(NamedTuple):
    """What all of the filters leave. `unknown` holds those that could not be told: then nothing is certain."""

    labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()
    before: float | None = None  # created before this time
    others: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()

    def passes(self, labels: Mapping[str, object], created: float | None = None) -> bool:
        """Whether something with these labels, created then, is pruned."""
        if not all(_has(labels, each) for each in self.labels) or any(_has(labels, each) for each in self.not_labels):
            return False
        return self.before is None or created is None or created < self.before


def _has(labels: Mapping[str, object], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


def read(filters: Sequence[str], now: float) -> Filters:
    """`label=K`, `label!=K=V`, `until=24h`; other keys are left to the caller in `others`."""
    labels, not_labels, others, unknown = [], [], [], []
    before: float | None = None
    for each in filters:
        key, _, value = each.partition("=")
        if key == "label":
            labels.append(value)
        elif key == "label!":
            not_labels.append(value)
        elif key == "until" and (age := seconds(value)) is not None:
            before = min(now - age, before if before is not None else now)
        elif key == "until":
            unknown.append(f"what --filter {each} leaves out")
        else:
            others.append((key, value))
    return Filters(tuple(labels), tuple(not_labels), before, tuple(others), tuple(unknown))


def seconds(text: str) -> float | None:
    """A duration as Go writes it ("24h", "1h30m"); None for a date or anything else."""
    if not DURATION.fullmatch(text):
        return None
    return sum(float(number) * UNITS_S[unit] for number, unit in PART.findall(text))
