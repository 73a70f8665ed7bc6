"""supervisord's socket, where nobody listens."""

from pathlib import Path

import pytest

from runaway_watchdog.world import Unanswered, supervisors


def test_a_silent_socket_is_a_gap(tmp_path: Path) -> None:
    """No socket, no answer, and no exception of another kind."""
    with pytest.raises(Unanswered):
        supervisors.LiveSupervisors().supervisord(f"unix://{tmp_path}/none.sock", None, None, 0)
