"""Which file a process really runs from."""

import shutil
import subprocess
from pathlib import Path

from runaway_watchdog.linux.files import Paths
from runaway_watchdog.watch.ordinary import runs_from_its_file


def test_a_process_that_calls_itself_rsync_is_not(tmp_path: Path) -> None:
    """Read of real processes: one that was copied, one that has ended."""
    shutil.copy("/bin/sleep", tmp_path / "rsync")
    with subprocess.Popen([tmp_path / "rsync", "60"]) as borrower, subprocess.Popen(["/bin/sleep", "60"]) as honest:
        try:
            assert not runs_from_its_file(Paths(), borrower.pid, "rsync")
            assert not runs_from_its_file(Paths(), honest.pid, "rsync")
            if not Path("/bin/sleep").is_symlink():  # not one program for all names
                assert runs_from_its_file(Paths(), honest.pid, "sleep")
        finally:
            borrower.kill()
            honest.kill()
    assert not runs_from_its_file(Paths(), borrower.pid, "rsync")
