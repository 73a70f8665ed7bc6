"""Truth runs: matrices, crash runs and soaks too long for every day. `make truth` runs them, `make test` does not."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "truth: a long run that writes a table under docs/")
