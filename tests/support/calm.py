"""A host that is never late, however busy the one is that runs the tests: for tests of time limits."""

import pytest

from runaway_watchdog.world import LIMIT_S, patience


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source has its usual time."""

    def usual(usual_s: int = LIMIT_S) -> int:
        return usual_s

    monkeypatch.setattr(patience, "limit_s", usual)
