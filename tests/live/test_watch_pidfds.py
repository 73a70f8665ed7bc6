"""Deaths that the kernel tells of, and newcomers after them; with real processes."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from support.ends_are_told import kernel

from runaway_watchdog.linux import stat_brief as proc_stat
from runaway_watchdog.linux.files import Paths
from runaway_watchdog.model.events import Ending
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.watch.clocks import system_clocks
from runaway_watchdog.watch.events import End
from runaway_watchdog.watch.identity import Newcomers, look_again, look_at
from runaway_watchdog.watch.pidfds import Pidfds
from runaway_watchdog.watch.sample import HostFacts, Sampler, this_host


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def host() -> HostFacts:
    return this_host(Paths(), system_clocks())


def key_of(pid: int) -> ProcKey:
    stat = proc_stat.read(Paths(), pid)
    assert stat is not None
    return ProcKey("boot", pid, stat.start_ticks)


def test_the_kernel_tells_of_a_death_at_once(sleeper: subprocess.Popen[bytes]) -> None:
    """Before anybody has collected the zombie; and nobody is told of twice once it is let go."""
    poll = select.poll()
    pidfds, key = Pidfds(poll, Paths()), key_of(sleeper.pid)
    pidfds.keep([key])
    pidfds.keep([key])
    assert poll.poll(0) == []
    sleeper.kill()
    assert pidfds.ended(fd for fd, _ in poll.poll(10_000)) == [End(key, Ending(signal=signal.SIGKILL))]
    pidfds.keep([])
    assert poll.poll(0) == []


WAITED_FOR = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.readline(); sys.exit(3)"], stdin=0)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(kernel() < (6, 15), reason="the kernel tells it by a pidfd from 6.15 on")
def test_how_the_child_of_another_ended_is_known_by_its_pidfd() -> None:
    """Its parent has waited for it, and nothing else is left of it."""
    parent = subprocess.Popen([sys.executable, "-c", WAITED_FOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    poll, key = select.poll(), key_of(int(parent.stdout.readline()))
    pidfds = Pidfds(poll, Paths())
    pidfds.keep([key])
    parent.communicate(b"end\n", timeout=20)
    assert pidfds.ended(fd for fd, _ in poll.poll(10_000)) == [End(key, Ending(exit_code=3))]
    pidfds.close()


def test_another_process_of_the_same_pid_is_not_waited_for(sleeper: subprocess.Popen[bytes]) -> None:
    """Nor is one that is dead already: its moment is not known."""
    poll = select.poll()
    pidfds, key = Pidfds(poll, Paths()), key_of(sleeper.pid)
    pidfds.keep([key._replace(start_ticks=key.start_ticks - 1)])
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    pidfds.keep([key])
    assert poll.poll(50) == []
    pidfds.close()


def test_without_pidfds_nothing_breaks(sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """An old kernel, or a filter that refuses: the next look will notice."""

    def refuse(pid: int, flags: int = 0) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    poll = select.poll()
    pidfds = Pidfds(poll, Paths())
    pidfds.keep([key_of(sleeper.pid)])
    sleeper.kill()
    assert poll.poll(50) == []


def test_a_process_is_known_by_its_start_time(sleeper: subprocess.Popen[bytes], host: HostFacts) -> None:
    """Looking again at a PID that is another's finds nobody."""
    seen = look_at(host, sleeper.pid)
    assert seen is not None
    assert look_again(host, seen.key) == seen
    assert look_again(host, seen.key._replace(start_ticks=seen.key.start_ticks - 1)) is None
    assert seen.argv[0] == sys.executable
    sleeper.kill()
    sleeper.wait()
    assert look_at(host, sleeper.pid) is None


def test_newcomers_are_those_that_started_since(host: HostFacts) -> None:
    """Whether this host has groups or not: the new one is found, the old ones and the known are not."""
    sampler = Sampler(host, 90.0)
    newcomers = Newcomers(host, sampler)
    me = look_at(host, os.getpid())
    assert me is not None
    since = host.clocks.boottime()
    time.sleep(0.05)
    assert os.getpid() not in {each.key.pid for each in newcomers.find({me.group: since}, ())}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        found = {each.key.pid: each for each in newcomers.find({me.group: since}, ())}
        assert child.pid in found
        assert os.getpid() not in found
        again = newcomers.find({me.group: since}, [found[child.pid].key])
        assert child.pid not in {each.key.pid for each in again}
        assert newcomers.find({"/no-such-group.scope": since}, ()) == []
    finally:
        child.kill()
        child.wait()
