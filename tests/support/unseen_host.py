"""A host on which nothing may be looked at, and where nobody answers."""

from typing import Any, cast

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, World


class _Nobody:
    """A port that answers nothing."""

    def __getattr__(self, _name: str) -> Any:
        def asked(*_: object) -> Any:
            raise Unanswered(Gap("nobody", "nobody answers", "ask somebody else"))

        return asked


class _NoFiles:
    """A disk on which nothing may be looked at."""

    def __getattr__(self, _name: str) -> Any:
        def asked(*_: object) -> Any:
            raise PermissionError

        return asked


def unseen_host() -> World:
    files = {"files": _NoFiles()}
    ports = {name: files.get(name, _Nobody()) for name in World._fields if name != "host"}
    return World(**cast(Any, {**ports, "host": "box"}))
