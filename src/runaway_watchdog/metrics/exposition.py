"""Prometheus' text format, version 0.0.4. Pure.

https://github.com/prometheus/docs/blob/main/content/docs/instrumenting/exposition_formats.md

Written here, and read back by prometheus-client in the tests. To write it with that library (0.26) doubles the start of
`metrics` (116 to 205 ms, 10 MiB), sorts the labels, and tells times as 1.763856e+09, which people do not read.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge"]
Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One figure, and what tells it from the family's others."""

    value: float
    labels: Labels = ()


class Family(NamedTuple):
    """One metric. A name ends with its unit; a counter's also with `_total`."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]


def exposition(families: Iterable[Family]) -> str:
    """What a scrape is answered with; a family that has no sample is left out."""
    return "".join(line for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    for sample in family.samples:
        yield f"{family.name}{_labels(sample.labels)} {_figure(sample.value)}\n"


def _labels(labels: Labels) -> str:
    told = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels)
    return f"{{{told}}}" if told else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _figure(value: float) -> str:
    """Times keep their milliseconds; what is whole has no dot."""
    return str(int(value)) if value == int(value) else repr(round(value, 3))
