"""Units for the tests of systemd: many at once in one box, each around a program that ends as it is told."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from e2e.keepers import OnTerm, carry_out, found, plan_of, program, script, undo, workload
from e2e.rig.box import Box
from e2e.rig.workloads import Workload

SYSTEM = "/etc/systemd/system"
_WRITE = """
import json, os, sys
for path, text in json.load(sys.stdin).items():
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
"""


def command(name: str, on_term: OnTerm = "default", *, failure: int = 1) -> str:
    """ExecStart= of a program; SIGUSR2 makes it exit with `failure`."""
    words = program(name, on_term)
    words[3] = words[3].replace('trap "exit 1" USR2', f'trap "exit {failure}" USR2')
    # systemd's own quoting: double quotes with backslash, as in C, is a subset of what JSON writes.
    return " ".join(json.dumps(word) for word in words)


def service(name: str, lines: str = "", *, unit: str = "", install: str = "", start: str = "") -> str:
    """A service's text; settings are words with blanks between them, as a case names them."""
    settings = "\n".join(lines.split())
    text = f"[Unit]\n{unit}\n[Service]\nExecStart={start or command(name)}\n{settings}\n"
    return text + (f"[Install]\nWantedBy={install}\n" if install else "")


def write(box: Box, files: Mapping[str, str]) -> None:
    """Write files by their whole paths, in one go."""
    box.run(["python3", "-c", _WRITE], input=json.dumps(files))


@contextmanager
def units(box: Box, texts: Mapping[str, str], start: Sequence[str], folder: str = SYSTEM) -> Iterator[None]:
    """Units by their names, loaded, and those of `start` started; gone at the end, with all their processes."""
    write(box, {f"{folder}/{name}": text for name, text in texts.items()})
    names = " ".join(f"'{each}'" for each in texts)
    box.run("systemctl daemon-reload")
    if start:
        box.run(["systemctl", "start", "--no-block", *start])
    try:
        yield
    finally:
        # Not the stop alone: a program that ignores SIGTERM would hold it up for a minute and a half.
        box.run(
            f"systemctl stop --no-block {names}; systemctl kill -s KILL {names}; systemctl stop {names};"
            f" systemctl disable {names}; cd {folder} && rm -rf {names}; systemctl daemon-reload;"
            " systemctl reset-failed; true",
            check=False,
        )


def running(box: Box, name: str, unit: str = "") -> Workload:
    """The program of a system's unit, once it runs."""
    unit = unit or f"{name}.service"
    return workload(
        box, name, "systemd", f"/{unit}", stop=f"systemctl stop '{unit}'", restart="systemctl daemon-reexec"
    )


HOME_UNITS = "/home/bob/.config/systemd/user"


@contextmanager
def lingering(box: Box, texts: Mapping[str, str], start: Sequence[str]) -> Iterator[str]:
    """Units of a user who is not logged in; yields the words by which root speaks to that user's systemd."""
    systemctl = "systemctl --user -M bob@"
    box.run("id bob >/dev/null 2>&1 || useradd -m bob; loginctl enable-linger bob")
    box.wait_for("bob's systemd", lambda: box.run(f"{systemctl} list-units", check=False).returncode == 0)
    write(box, {f"{HOME_UNITS}/{name}": text for name, text in texts.items()})
    box.run(f"chown -R bob: /home/bob/.config; {systemctl} daemon-reload; {systemctl} start {' '.join(start)}; true")
    try:
        yield systemctl
    finally:
        names = " ".join(texts)
        box.run(f"{systemctl} kill -s KILL {names}; {systemctl} stop {names}; {systemctl} disable {names}", check=False)
        box.run(f"cd {HOME_UNITS} && rm -rf {names}; {systemctl} daemon-reload", check=False)


def of_bob(box: Box, name: str) -> Workload:
    return workload(
        box, name, "systemd --user", f"/{name}.service",
        stop=f"systemctl --user -M bob@ stop {name}",
        restart=f"systemctl restart user@{box.run(['id', '-u', 'bob']).stdout.strip()}",
    )  # fmt: skip


class Planned(NamedTuple):
    """Units, those that are started, and the one that the plan is for."""

    texts: dict[str, str]
    start: tuple[str, ...]
    name: str


UPHELD = Planned(
    {
        "held.service": service("held", "Restart=always"),
        "holder.service": service("holder", unit="Upholds=held.service"),
    },
    ("holder",),
    "held",
)


def pasted_and_undone(box: Box, plan: Planned) -> None:
    names = shlex.join(plan.texts)
    look = f"systemctl is-active {names}; systemctl is-enabled {names}; ls /run/systemd/system"
    with units(box, plan.texts, plan.start):
        found(box, plan.name)
        before = box.run(look, check=False).stdout
        steps = plan_of(box, found(box, plan.name))
        carry_out(box, steps)
        box.run("systemctl daemon-reexec; systemctl daemon-reload; sleep 3")
        assert box.pids(f" {plan.name}$") == []
        undo(box, steps)
        found(box, plan.name)
        assert box.run(look, check=False).stdout == before


BUS = "org.example.Burn"


OWNER = f"""\
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
connection = open_dbus_connection("SYSTEM")
connection.send_and_get_reply(message_bus.RequestName("{BUS}"))
while True:
    connection.receive()
"""


PING = f"timeout 3 busctl call {BUS} / org.freedesktop.DBus.Peer Ping"


@contextmanager
def bus_service(box: Box) -> Iterator[int]:
    """A service that D-Bus starts when somebody calls it; yields its PID."""
    write(
        box,
        {
            "/opt/rig/burn.py": OWNER,
            f"/usr/share/dbus-1/system-services/{BUS}.service": (
                f"[D-BUS Service]\nName={BUS}\nExec=/bin/false\nUser=root\nSystemdService=burn.service\n"
            ),
            "/etc/dbus-1/system.d/burn.conf": (
                '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"'
                ' "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">'
                f'<busconfig><policy user="root"><allow own="{BUS}"/><allow send_destination="{BUS}"/></policy>'
                "</busconfig>"
            ),
        },
    )
    start = "/opt/runaway-watchdog/bin/python /opt/rig/burn.py burn"
    with units(box, {"burn.service": service("", f"Type=dbus BusName={BUS}", start=start)}, []):
        box.run("systemctl reload dbus")
        box.wait_for("the bus knows it", lambda: BUS in box.run("busctl list --activatable --no-pager").stdout)
        box.run("systemctl start burn || { journalctl -u burn --no-pager; exit 1; }")
        yield box.wait_for("its process", lambda: next(iter(box.pids(" burn$")), None))
        box.run(
            f"rm /usr/share/dbus-1/system-services/{BUS}.service /etc/dbus-1/system.d/burn.conf; systemctl reload dbus"
        )


WATCHED = """\
import os, socket, time
notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notified.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0"))
notified.send(b"READY=1")
while True:
    notified.send(b"WATCHDOG=1")
    time.sleep(0.2)
"""


@contextmanager
def watched(box: Box) -> Iterator[int]:
    """An enabled service that tells systemd that it lives; yields its PID."""
    box.write("/opt/rig/watched.py", WATCHED)
    lines = "Type=notify WatchdogSec=10 TimeoutAbortSec=2 Restart=always RestartSec=100ms"
    text = service("", lines, start="/usr/bin/python3 /opt/rig/watched.py watched", install="multi-user.target")
    with units(box, {"watched.service": text}, ["watched"]):
        box.run("systemctl enable watched")
        yield box.wait_for("watched", lambda: next(iter(box.pids("watched.py watched$")), None))


INIT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides: oldie
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: oldie
### END INIT INFO
case "$1" in
start) start-stop-daemon --start --background --make-pidfile --pidfile /run/oldie.pid --exec /opt/rig/oldie.sh;;
stop) start-stop-daemon --stop --pidfile /run/oldie.pid;;
esac
"""


@contextmanager
def init_script(box: Box) -> Iterator[Workload]:
    """A script in /etc/init.d, enabled and started."""
    script(box, "oldie")
    box.write("/etc/init.d/oldie", INIT, 0o755)
    box.run("systemctl daemon-reload; systemctl enable oldie; systemctl start oldie")
    yield running(box, "oldie")
    box.run("systemctl stop oldie; systemctl disable oldie; rm /etc/init.d/oldie; systemctl daemon-reload")
