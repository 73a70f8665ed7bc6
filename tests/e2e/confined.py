"""Runs inside the box, in the confinement of one of our units: tries all that must work there, and all that must not.

`confined.py PART…`: signals, sight, writes, libraries, doors.

Writes one JSON object to standard output: for each attempt its result, or the name of the error that refused it.
"""

import asyncio
import ctypes
import errno
import importlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

STATE = Path(os.environ["STATE_DIRECTORY"])
HANDOVER = "/run/runaway-watchdog-handover"
ATTACH = 16  # PTRACE_ATTACH


def attempt(action: Callable[[], Any]) -> Any:
    """What the action returns ("done" for None), or what it raised: an error's name, "EPERM", or its text."""
    try:
        result = action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it beside the other results
        return f"{type(error).__name__}: {error}"
    return "done" if result is None else result


def done(result: object) -> str:
    """The action was permitted, whatever it returned."""
    del result
    return "done"


def sleeper() -> subprocess.Popen[bytes]:
    """A child that ends by itself."""
    return subprocess.Popen(["sleep", "2"])


def signals() -> dict[str, Any]:
    """Every way of sending a signal, and what has to work in spite of the filter."""
    child = sleeper()
    handle = os.pidfd_open(child.pid)
    abort = subprocess.run([sys.executable, "-c", "import os; os.abort()"], check=False, stderr=subprocess.DEVNULL)
    alarm = "import signal, time; signal.alarm(1); time.sleep(20)"
    results = {
        "kill own child": attempt(lambda: os.kill(child.pid, signal.SIGTERM)),
        "kill with signal 0": attempt(lambda: os.kill(child.pid, 0)),
        "kill pid 1": attempt(lambda: os.kill(1, 0)),
        "killpg": attempt(lambda: os.killpg(os.getpgrp(), 0)),
        "pidfd_send_signal": attempt(lambda: signal.pidfd_send_signal(handle, signal.SIGTERM)),
        "raise_signal": attempt(lambda: signal.raise_signal(signal.SIGUSR1)),
        "pthread_kill": attempt(lambda: signal.pthread_kill(threading.get_ident(), 0)),
        "ptrace": attempt(lambda: ptrace(child.pid)),
        "abort ends by": -abort.returncode,
        "alarm ends by": -subprocess.run([sys.executable, "-c", alarm], check=False).returncode,
        "kill by a child program": subprocess.run(["sh", "-c", "kill -0 $$"], check=False, stderr=-3).returncode,
    }
    results["child ends by itself with"] = child.wait()
    return results


def ptrace(pid: int) -> str:
    """Attach to a child, straight through the C library."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(ATTACH, pid, None, None) == 0:
        return "done"
    return errno.errorcode[ctypes.get_errno()]


def sight() -> dict[str, Any]:
    """What it must see of others."""
    return {
        "exe of pid 1": attempt(lambda: os.readlink("/proc/1/exe")),
        "environment of pid 1": attempt(lambda: done(Path("/proc/1/environ").read_bytes())),
        "descriptors of pid 1": attempt(lambda: len(os.listdir("/proc/1/fd")) > 3),
        "files as pid 1 sees them": attempt(lambda: os.listdir("/proc/1/root/etc/runaway-watchdog")),
        "users of processes": len({os.stat(f"/proc/{name}").st_uid for name in os.listdir("/proc") if name.isdigit()}),
        "host counters": attempt(lambda: Path("/proc/stat").read_text().split()[0]),
        "pressure": attempt(lambda: Path("/proc/pressure/cpu").read_text().split()[0]),
        "group counters": attempt(lambda: Path("/sys/fs/cgroup/system.slice/cpu.stat").read_text().split()[0]),
        "configuration of root": attempt(lambda: done(Path("/etc/runaway-watchdog/config.toml").read_text())),
        "file in /root": attempt(lambda: Path("/root/project/compose.yml").read_text().split(":")[0]),
        "file in /home": attempt(lambda: Path("/home/someone/data").read_text()),
        "file in /tmp": attempt(lambda: Path("/tmp/of-the-host").read_text()),
        "file in a volume": attempt(lambda: Path("/var/lib/docker/volumes/seen/_data/file").read_text()),
        "crontabs": attempt(lambda: done(os.listdir("/var/spool/cron/crontabs"))),
        "journal": subprocess.run(
            ["journalctl", "-q", "-n1", "-ocat", "_PID=1"], check=False, capture_output=True, text=True
        ).stdout.count("\n"),
        "sockets of all users": attempt(lambda: sockets_with_pid() > 0),
        "docker": attempt(docker_version),
        "compose": attempt(compose),
        "systemd": attempt(systemd_unit),
        "systemd refuses a stop": attempt(systemd_stop),
    }


def sockets_with_pid() -> int:
    """Listening sockets whose process psutil can name, over all users."""
    import psutil

    return sum(1 for each in psutil.net_connections("inet") if each.pid and each.pid != os.getpid())


def docker_version() -> str:
    """GET /version, without a library."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect("/run/docker.sock")
        connection.sendall(b"GET /version HTTP/1.0\r\n\r\n")
        return connection.recv(4096).split(b"\r\n")[0].decode()


def compose() -> str:
    """A Go program as a child: its runtime sends signals to its own threads, and must live without."""
    argv = ["docker", "compose", "-f", "/root/project/compose.yml", "config", "--services"]
    answer = subprocess.run(argv, check=False, capture_output=True, text=True)
    return answer.stdout.strip() or answer.stderr


def bus_call(method: str, signature: str, body: tuple[Any, ...]) -> Any:
    """One call to systemd's manager object on the system bus."""
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection

    manager = DBusAddress(
        "/org/freedesktop/systemd1", bus_name="org.freedesktop.systemd1", interface="org.freedesktop.systemd1.Manager"
    )
    with open_dbus_connection(bus="SYSTEM") as connection:
        reply = connection.send_and_get_reply(new_method_call(manager, method, signature, body), timeout=5)
        return reply.body[0]


def systemd_unit() -> str:
    """GetUnitByPID for Docker's daemon, then one property of that unit."""
    from jeepney import DBusAddress, Properties
    from jeepney.io.blocking import open_dbus_connection

    pid = int(subprocess.run(["pidof", "dockerd"], check=True, capture_output=True, text=True).stdout.split()[0])
    path = bus_call("GetUnitByPID", "u", (pid,))
    unit = DBusAddress(path, bus_name="org.freedesktop.systemd1", interface="org.freedesktop.systemd1.Service")
    with open_dbus_connection(bus="SYSTEM") as connection:
        reply = connection.send_and_get_reply(Properties(unit).get("Restart"), timeout=5)
        return str(reply.body[0][1])


def systemd_stop() -> str:
    """The bus must not let it stop a unit."""
    return str(bus_call("StopUnit", "ss", ("cron.service", "replace")))


def writes() -> dict[str, Any]:
    """Where it may write, and where not. What could hurt the host is only opened, never written."""

    def write(path: str) -> Callable[[], str]:
        return lambda: done(Path(path).write_text("1"))

    def opened(path: str) -> Callable[[], None]:
        return lambda: os.close(os.open(path, os.O_WRONLY))

    return {
        "state": attempt(write(f"{STATE}/probe")),
        "database": attempt(database),
        "temporary file": attempt(lambda: tempfile.mkstemp()[1].rsplit("/", 1)[0]),
        "/etc": attempt(write("/etc/probe")),
        "/root": attempt(write("/root/probe")),
        "/home": attempt(write("/home/someone/data")),
        "/tmp": attempt(write("/tmp/probe")),
        "/usr/local/bin": attempt(write("/usr/local/bin/probe")),
        "a volume": attempt(write("/var/lib/docker/volumes/seen/_data/file")),
        "a kernel setting": attempt(opened("/proc/sys/kernel/pid_max")),
        "a control group": attempt(opened("/sys/fs/cgroup/system.slice/cron.service/cgroup.procs")),
        "memory of pid 1": attempt(opened("/proc/1/mem")),
    }


def database() -> str:
    """SQLite in WAL mode, with a sort that needs a temporary file."""
    connection = sqlite3.connect(STATE / "probe.db")
    mode = str(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0])
    connection.execute("PRAGMA temp_store=1")
    connection.execute("PRAGMA cache_size=10")
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", ((f"{n * 7919 % 100003:0200}",) for n in range(50000)))
    connection.commit()
    connection.execute("SELECT x FROM t ORDER BY x").fetchall()
    connection.close()
    return mode


def libraries() -> dict[str, Any]:
    """What it imports, with memory that is never both writable and executable, and what reaches the world."""
    names = ("pydantic", "docker", "jeepney", "apprise", "rich.console", "psutil", "ssl")
    results: dict[str, Any] = {name: attempt(partial(imported, name)) for name in names}
    results["callback from C"] = attempt(callback)
    results["name resolution"] = attempt(lambda: socket.getaddrinfo("localhost", 25)[0][4][1])
    results["connection"] = attempt(connection)
    results["event loop"] = attempt(lambda: asyncio.run(asyncio.sleep(0, "done")))
    results["thread"] = attempt(thread)
    return results


def imported(name: str) -> None:
    """Import it."""
    importlib.import_module(name)


def callback() -> int:
    """A closure of libffi's: needs executable memory made the right way."""
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda value: value + 1)
    return int(compare(41))


def connection() -> str:
    """TCP over the loopback, both ends here."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        return "done"


def thread() -> str:
    """A thread runs and is joined."""
    seen: list[str] = []
    worker = threading.Thread(target=lambda: seen.append("done"))
    worker.start()
    worker.join()
    return seen[0]


def doors() -> dict[str, Any]:
    """What would be worth a thief's while: secrets of others, sockets whose other side has more rights, the network."""

    def read(path: str) -> Callable[[], str]:
        return lambda: done(Path(path).read_bytes())

    def knocked(path: str) -> Callable[[], str]:
        return lambda: knock(path)

    return {
        "shadow": attempt(read("/etc/shadow")),
        "configuration": attempt(read("/etc/runaway-watchdog/config.toml")),
        "handed over, whole": attempt(read(f"{HANDOVER}/channels.json")),
        "handed over, without secrets": attempt(read(f"{HANDOVER}/configuration.json")),
        "secrets in its own credential": attempt(lambda: "of-the-channel" in credential()),
        "program of root's": attempt(lambda: done(os.readlink("/proc/1/exe"))),
        "environment of root's": attempt(read("/proc/1/environ")),
        "environment of another user's": attempt(lambda: done(other_users_environment())),
        "environment of the watch": attempt(lambda: done(Path(f"/proc/{watch()}/environ").read_bytes())),
        "memory of the watch": attempt(lambda: os.close(os.open(f"/proc/{watch()}/mem", os.O_RDWR))),
        "docker's socket": attempt(knocked("/run/docker.sock")),
        "the system bus": attempt(knocked("/run/dbus/system_bus_socket")),
        "door of the cases": attempt(knocked(f"{HANDOVER}/case.sock")),
        "door of the senders": attempt(knocked(f"{HANDOVER}/send.sock")),
        "internet socket": attempt(lambda: socket.socket(socket.AF_INET).close()),
        "internet 6 socket": attempt(lambda: socket.socket(socket.AF_INET6).close()),
        "raw socket": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()),
        "connection to this host": attempt(lambda: done(socket.create_connection(("127.0.0.1", 9797), 5))),
        "groups": sorted(os.getgroups()),
        "becoming root": attempt(lambda: os.setuid(0)),
        "capabilities": Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0].lstrip("0"),
    }


def knock(path: str) -> str:
    """Connects, and says nothing."""
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(path)
        return "done"


def credential() -> str:
    """The compiled configuration that systemd has given to this unit."""
    return Path(os.environ["CREDENTIALS_DIRECTORY"], "configuration").read_text()


def other_users_environment() -> bytes:
    """Of the process that the test has started as `nobody`."""
    return Path(f"/proc/{Path('/opt/of-nobody').read_text().strip()}/environ").read_bytes()


def watch() -> str:
    """The PID of the running watch."""
    return Path("/opt/of-the-watch").read_text().strip()


PARTS = {each.__name__: each for each in (signals, sight, writes, libraries, doors)}

if __name__ == "__main__":
    print(json.dumps({name: PARTS[name]() for name in sys.argv[1:]}))
