"""What an alert channel is called wherever it is named: short, unique, and without a secret."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

TERMINAL: Final = "terminal"
"""The channel where no URL is configured: the journal, or the terminal that runs the watchdog."""

_PARTS = re.compile(r"(?P<scheme>[a-z][a-z0-9+]{0,20})://(?P<authority>[^/?#]*)(?P<path>[^?]*)", re.IGNORECASE)
_HOST = re.compile(r"(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|\[[0-9a-f:]+\])(?=(?::\d+)?\Z)", re.IGNORECASE)
_WITH_HOST: Final = frozenset(
    (
        "mailto",
        "mailtos",
        "http",
        "https",
        "json",
        "jsons",
        "xml",
        "xmls",
        "form",
        "forms",
        "gotify",
        "gotifys",
        "mmost",
        "mmosts",
    )
)
"""Services whose URL has a host where the others (slack://, discord://, tgram://) have a token."""


def channel_labels(urls: Sequence[str]) -> tuple[str, ...]:
    """One label for each URL, in their order: `mailto(example.org)`, `slack`, `slack-2`."""
    seen: Counter[str] = Counter()
    labels: list[str] = []
    for url in urls:
        label = _label(url)
        seen[label] += 1
        labels.append(label if seen[label] == 1 else f"{label}-{seen[label]}")
    return tuple(labels)


def _label(url: str) -> str:
    parts = _PARTS.match(url)
    if parts is None:
        return "channel"
    scheme, host = parts["scheme"].lower(), shown_host(url)
    return f"{scheme}({host})" if host else scheme


def shown_host(url: str) -> str | None:
    """The host in a URL where it certainly is one, and no piece of a secret."""
    parts = _PARTS.match(url)
    if parts is None or parts["scheme"].lower() not in _WITH_HOST or "@" in parts["path"]:
        return None  # an @ behind the host: a password held a / or #, and the "host" is a piece of it
    host = _HOST.match(parts["authority"].rpartition("@")[2])
    return host[0].lower() if host else None
