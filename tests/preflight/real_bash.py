"""A line that a real bash runs in a folder of the test, and all that it has started."""

import os
import re
import signal
import subprocess
from pathlib import Path


def run(line: str, folder: Path) -> None:
    """Returns when everything is over that the line has put into the background.

    It runs as whoever runs the tests, who may be root: it must not name anything outside its folder.
    """
    assert not re.search(r"(?<![\w.})])/(?!dev/null)|[^>]/dev/null", line), line
    bash = subprocess.Popen(
        ["bash", "--norc", "-c", line], cwd=folder, env={"PATH": os.environ["PATH"]}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        bash.communicate(timeout=20)  # all of them hold the pipe
    finally:
        if bash.poll() is None:
            os.killpg(bash.pid, signal.SIGKILL)
