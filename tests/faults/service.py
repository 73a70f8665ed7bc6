"""The installed, confined service on a host in a box, what is done to that host, and what was lost by it."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from e2e.rig import sinks
from e2e.rig.box import Box
from e2e.rig.workloads import program

UNIT = "runaway-watchdog"
CONFIG_FILE = "/etc/runaway-watchdog/config.toml"
STATE = "/var/lib/runaway-watchdog"
STORE = f"{STATE}/watchdog.db"
MEANT = 'cmdline = "*while :; do :; done*"'
CONFIG = f"""\
[sampling]
interval = "500ms"

[[rule]]
name = "sustained-cpu"
cpu = 40     # two cores are shared by whatever else runs
for = "4s"
{MEANT}   # on a crowded machine the tests' own commands are hot for longer

[alerts]
urls = ["json://127.0.0.1:{sinks.HTTP_PORT}/told"]
"""
TOLD_WITHIN_S = 90.0
"""A case's own limit is a minute; on a quiet machine an alert is there after ten seconds."""


Whom = int | str
"""Who runs away: a PID, or the name of a unit where no single process is to blame."""


class Lost(NamedTuple):
    """What a fault has cost, in whole things. See `Account`."""

    alerts: int  # runaways that nobody was told of
    repeats: int  # alerts that came more than once
    incidents: int  # that were told, and are not in the history
    writes: int  # that the store never got
    restarts: int  # of the service


NOTHING = Lost(0, 0, 0, 0, 0)


class Told(NamedTuple):
    """One message that the alerts' receiver got."""

    subject: str
    text: str

    def speaks_of(self, whom: Whom) -> bool:
        words = f"PID {whom}" if isinstance(whom, int) else whom
        return re.search(rf"\b{re.escape(words)}\b", f"{self.subject}\n{self.text}") is not None

    @property
    def kind(self) -> str:
        """The subject without its figures: an alert, a return, an end have other words."""
        return re.sub(r"[\d.]+", "#", self.subject)


class Service:
    """The service, and how to see what it does."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def install(self, config: str = CONFIG) -> None:
        """With its alerts going to a receiver of ours."""
        sinks.start_sinks(self.box)
        self.box.write(CONFIG_FILE, config, 0o600)
        self.box.run("runaway-watchdog install --no-self-test", timeout=120)
        self.wait_alive()

    def wait_alive(self) -> None:
        """Until its sign of life is in the store."""
        self.box.wait_for("a sign of life", lambda: self.beat()[0] == self.pid(), timeout=60, every=0.3)

    def beat(self) -> tuple[int, int]:
        """From its store, without a program of ours: its PID, and the writes lost; zeros where there is none."""
        words = ["sqlite3", "-readonly", "-separator", " ", STORE, "SELECT pid, dropped FROM beat"]
        found = self.box.run(words, check=False).stdout.split()
        return (int(found[0]), int(found[1])) if found else (0, 0)

    def pid(self) -> int:
        """Of the watch; never 0."""
        pid = int(self.shown("MainPID"))
        assert pid > 1, "the service does not run"
        return pid

    def shown(self, name: str) -> str:
        """What systemd says of the unit."""
        return self.box.run(["systemctl", "show", "-P", name, UNIT]).stdout.strip()

    def log(self, *matches: str) -> str:
        """Its lines in the journal."""
        words = ["journalctl", f"-u{UNIT}*", "--no-pager", "-ocat", *matches]
        return self.box.run(words, check=False).stdout

    def wait_log(self, words: str, after: str, timeout: float = 40) -> None:
        """A line with these words, beyond what was there before (`after`: an earlier `log()`)."""
        self.box.wait_for(f"a line with {words!r}", lambda: words in self.log().removeprefix(after), timeout, every=0.3)

    def told(self) -> list[Told]:
        """What it has sent so far, in no order."""
        gather = "find /var/tmp/hooks -name '*.json' -exec cat {} ';' -exec echo ';'"
        bodies = [json.loads(line)["body"] for line in self.box.run(gather).stdout.splitlines() if line]
        return [Told(str(body["title"]), str(body["message"])) for body in bodies]

    def wait_told(self, whom: Whom, timeout: float = TOLD_WITHIN_S) -> Told:
        """A message that speaks of it."""
        return self.box.wait_for(
            f"an alert about {whom}",
            lambda: next((each for each in self.told() if each.speaks_of(whom)), None),
            timeout,
            every=0.3,
        )

    def knows(self, whom: Whom) -> bool:
        """Is an incident about it in the history?"""
        return any(whom in each["pids"] or str(whom) in each["summary"] for each in self.incidents())

    def incidents(self) -> list[dict[str, Any]]:
        """Its history."""
        said = self.box.run("runaway-watchdog incidents --json").stdout
        return list(json.loads(said)["incidents"])

    @contextmanager
    def burning(self, name: str) -> Iterator[int]:
        """A unit that spins while the with-block lasts, by the PID of its one process."""
        self.box.run(["systemd-run", "--quiet", "--collect", f"--unit={name}", *program(name)])
        try:
            yield main_pid(self.box, name)
        finally:
            self.box.run(["systemctl", "stop", name], check=False)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Not running while the with-block lasts."""
        self.box.run(["systemctl", "stop", UNIT])
        try:
            yield
        finally:
            self.box.run(f"systemctl reset-failed {UNIT}; systemctl start {UNIT}", timeout=90)
            self.wait_alive()


class Account:
    """Opened before a fault, read after it: what was lost in between."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._restarts = int(service.shown("NRestarts"))
        self._writes_lost = service.beat()[1]
        self.began = time.monotonic()

    def lost(self, *whom: Whom) -> Lost:
        """`whom`: the runaways that somebody had to be told of; they still burn."""
        service = self._service
        told = service.told()
        kinds = {each: [message.kind for message in told if message.speaks_of(each)] for each in whom}
        lost = Lost(
            alerts=sum(not each for each in kinds.values()),
            repeats=sum(len(each) - len(set(each)) for each in kinds.values()),
            incidents=sum(not service.knows(each) for each in whom),
            writes=service.beat()[1] - self._writes_lost,
            restarts=int(service.shown("NRestarts")) - self._restarts,
        )
        print(f"{lost}, {time.monotonic() - self.began:.1f} s after the fault began")
        return lost


def container(box: Box, name: str, *options: str) -> int:
    """A container that is idle until `set_going`; the PID of its main process."""
    body = "while [ ! -e /go ]; do sleep 0.2; done; while :; do :; done"
    box.run(["docker", "run", "-d", f"--name={name}", *options, "bb:1", "sh", "-c", body])
    pid = int(box.run(["docker", "inspect", "-f", "{{.State.Pid}}", name]).stdout)
    assert pid > 1
    return pid


def set_going(box: Box, pid: int) -> None:
    """Without a word to Docker: it may not listen."""
    assert pid > 1
    box.run(f"touch /proc/{pid}/root/go")


def signalled(box: Box, signal: str, pid: int) -> None:
    """A signal to one process of the box."""
    assert pid > 1
    box.run(["kill", f"-{signal}", str(pid)])


def main_pid(box: Box, unit: str) -> int:
    """Of a running unit."""
    pid = int(box.run(["systemctl", "show", "-P", "MainPID", unit]).stdout)
    assert pid > 1, f"{unit} does not run"
    return pid


def explained(box: Box, *words: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`explain --json`, whatever its exit code; a traceback is none of its answers."""
    done = box.run(["runaway-watchdog", "explain", *words, "--json"], check=False, timeout=90, env=env)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 3, 4), shlex.join(words) + done.stderr
    return dict(json.loads(done.stdout)) if done.stdout else {}
