"""Who really ended a process, as the kernel traces it where root has switched that on."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runaway_watchdog.linux import sent_signals, stat_brief
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.linux.namespaces import has_the_hosts_pids
from runaway_watchdog.model.events import Ending, Sender
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch.pidfds import Pidfds, Tellers

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not has_the_hosts_pids(), reason="root on the host may switch on the kernel's trace (tracefs)"
)
HANDLES = """
import signal, sys, time
signal.signal(15, lambda *_: sys.exit(3))
print("up", flush=True)
time.sleep(60)
"""
SSH = {"SSH_CONNECTION": "198.51.100.7 50000 203.0.113.1 22"}


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[sent_signals.SentSignals]:
    """In an instance of its own, and nothing of it is left."""
    subprocess.run(["mount", "-t", "tracefs", "tracefs", tmp_path], check=True)
    instance = f"{tmp_path}/instances/rw-test-{os.getpid()}"
    try:
        trace = sent_signals.SentSignals(sent_signals.set_up(instance))
        yield trace
        trace.close()
        sent_signals.remove(instance)
        assert not Path(instance).exists()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def ended_by(sent: sent_signals.SentSignals, killer: str, victim: str = "import time; time.sleep(60)") -> Ending | None:
    """How the watch sees the end of a process that a shell's line ends: `$1` is its PID."""
    child = subprocess.Popen([sys.executable, "-c", victim], stdout=subprocess.PIPE)
    stat = stat_brief.read(Paths(), child.pid)
    assert stat is not None
    poll = select.poll()
    pidfds = Pidfds(poll, Paths(), Tellers(None, sent))
    pidfds.keep([ProcKey("boot", child.pid, stat.start_ticks)])
    if "print" in victim:
        assert child.stdout is not None
        child.stdout.readline()
    shell = subprocess.Popen(["sh", "-c", f"{killer}; read -r line", "sh", str(child.pid)], stdin=subprocess.PIPE,
                             env={**os.environ, **SSH})  # fmt: skip
    (end,) = pidfds.ended(fd for fd, _ in poll.poll(20_000))
    shell.communicate(b"\n", timeout=20)
    child.communicate(timeout=20)
    assert end.ending is not None
    if isinstance(end.ending.sender, Sender) and end.ending.sender.name == "sh":
        assert end.ending.sender.pid == shell.pid
    pidfds.keep(())
    return end.ending


def test_a_shell_that_kills_is_named_with_its_user_and_its_address(sent: sent_signals.SentSignals) -> None:
    """The shell's own kill; nobody sees another signal than the one that ended it."""
    ending = ended_by(sent, "kill -9 $1")
    assert ending is not None
    assert ending.signal == signal.SIGKILL
    assert isinstance(ending.sender, Sender)
    assert ending.sender[1:3] == ("sh", "root")
    assert ending.sender.ssh == "198.51.100.7"


def test_one_that_ends_by_itself_when_asked_is_told_with_who_asked(sent: sent_signals.SentSignals) -> None:
    """It handles SIGTERM: its exit code is its own. `kill` of /bin is named, however soon it is gone."""
    ending = ended_by(sent, "/bin/kill $1", HANDLES)
    assert ending is not None
    assert (ending.signal, ending.sent) == (None, signal.SIGTERM)
    assert isinstance(ending.sender, Sender)
    assert ending.sender.name == "kill"
