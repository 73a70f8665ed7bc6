"""How real processes end, as the kernel tells somebody without any right."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.ends_are_told import ENDS_ARE_TOLD

from runaway_watchdog.linux import exits

pytestmark = pytest.mark.skipif(not ENDS_ARE_TOLD, reason="the kernel tells it from 6.6 on, and on the host")

BECOMES_NOBODY = """
if os.geteuid() == 0:  # once everything is loaded: what Python it is may be root's alone to read
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
"""
ASK = f"""
import os, sys
from runaway_watchdog.linux import exits
{BECOMES_NOBODY}
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


def started(script: str, *arguments: str, pass_fds: Sequence[int] = ()) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        pass_fds=pass_fds,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline().strip()
    return child


def test_how_others_end_is_known_to_anybody_at_its_moment() -> None:
    """A signal and an exit code, among a storm of other lives and of threads that come and go: nobody is root here."""
    killed, failed = (started(THREADS) for _ in range(2))
    listener = started(ASK, str(killed.pid), str(failed.pid))
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


HAND_OVER = """
import sys
from runaway_watchdog.cli.handing_over import hand_over_tellers
hand_over_tellers(senders=False, host_network=sys.argv[1])
"""
AS_THE_WATCH = f"""
import ctypes, os, sys
from runaway_watchdog.linux import exits
from runaway_watchdog.watch.notify import Notifier
os.dup2(int(sys.argv.pop(1)), 3)
if os.geteuid() == 0:
    ctypes.CDLL(None).unshare(0x40000000)  # CLONE_NEWNET
{BECOMES_NOBODY}
given = Notifier({{}}).given({{"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "exits"}})
found = exits.listen(given["exits"])
""" + ASK.split("listen()")[1]


def test_a_watch_without_a_network_is_given_the_socket(tmp_path: Path) -> None:
    """Made by root in the host's network, kept by systemd, and used by who is neither; not again for a reload."""
    alone = ["unshare", "--net"] if os.geteuid() == 0 else []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        network = f"/proc/{os.getpid()}/ns/net"
        for more in ({"MAINPID": "1"}, {}):
            subprocess.run(
                [*alone, sys.executable, "-c", HAND_OVER, network],
                check=True,
                env=environment | more,
            )
        told, (fd,), _, _ = socket.recv_fds(systemd, 100, 1)
        assert told.splitlines() == [b"FDSTORE=1", b"FDNAME=exits", b"FDPOLL=0"]
        systemd.settimeout(0.05)
        with pytest.raises(TimeoutError):  # nothing was left at the reload
            systemd.recv(100)
    failed = started(THREADS)
    listener = started(AS_THE_WATCH, str(fd), str(failed.pid), pass_fds=(fd,))
    os.close(fd)
    failed.communicate("end\n", timeout=20)
    answer, _ = listener.communicate("tell\n", timeout=20)
    assert answer.split()[0] == str(3 << 8)


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
    poll.register(found.fileno(), select.POLLIN)
    assert poll.poll(0) == []
    assert found.of(before.pid) is None
    found.only([])
    found.close()
