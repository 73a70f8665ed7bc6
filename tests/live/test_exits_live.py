"""How real processes end, as the kernel tells somebody without any right."""

import os
import select
import signal
import subprocess
import sys
import time

import pytest
from support.ends_are_told import ENDS_ARE_TOLD

from runaway_watchdog.linux import exits

NOBODY = 65534
pytestmark = pytest.mark.skipif(not ENDS_ARE_TOLD, reason="the kernel tells it from 6.6 on, and on the host")

ASK = """
import sys
from runaway_watchdog.linux import exits
found = exits.listen()
found.only([int(word) for word in sys.argv[1:]])
print("listening", flush=True)
sys.stdin.readline()
for word in sys.argv[1:]:
    print(*(found.of(int(word)) or ("unknown",)), flush=True)
"""
THREADS = """
import os, sys, threading
for _ in range(50):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
print("threads have come and gone", flush=True)
sys.stdin.readline()
sys.exit(3)
"""


def started(script: str, *arguments: str, nobody: bool = False) -> subprocess.Popen[str]:
    becomes = NOBODY if nobody and os.geteuid() == 0 else None
    child = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        user=becomes, group=becomes, extra_groups=None if becomes is None else (),
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip()
    return child


def test_how_others_end_is_known_to_anybody_at_its_moment() -> None:
    """A signal and an exit code, among a storm of other lives and of threads that come and go: nobody is root here."""
    killed, failed = (started(THREADS) for _ in range(2))
    listener = started(ASK, str(killed.pid), str(failed.pid), nobody=True)
    for _ in range(300):
        subprocess.run(["/bin/true"], check=True)
    killed.send_signal(signal.SIGKILL)
    failed.communicate("end\n", timeout=20)
    killed.communicate(timeout=20)
    at = time.monotonic()
    time.sleep(0.3)
    asked_s = time.monotonic() - at
    told, _ = listener.communicate("tell\n", timeout=20)
    lines = [line.split() for line in told.splitlines()]
    assert [int(line[0]) for line in lines] == [signal.SIGKILL, 3 << 8]
    assert all(asked_s <= float(line[1]) < asked_s + 5 for line in lines), (lines, asked_s)


def test_an_end_wakes_nobody_and_a_storm_fills_nothing() -> None:
    """The kernel drops what was not asked about; who ended before they were asked about stays unknown."""
    found = exits.listen()
    assert found is not None
    before = subprocess.Popen(["/bin/false"])
    before.wait()
    found.only([before.pid])
    for _ in range(300):
        subprocess.run(["/bin/true"], check=True)
    poll = select.poll()
    poll.register(found._socket, select.POLLIN)
    assert poll.poll(0) == []
    assert found.of(before.pid) is None
    found.only([])
    found.close()
