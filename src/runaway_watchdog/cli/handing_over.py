"""What the units of the installed service run: see `starting` for how they ask one another.

`run --hand-over FOLDER`  with root's rights: reads the configuration and leaves it compiled, in two files
`run --units FOLDER`      the watch, which finds it there and has all else started by units
`run --answer UNIT`       one process of such a unit: a case or a sender, with the connection as standard input
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from runaway_watchdog import starting
from runaway_watchdog.atomic_write import write_whole
from runaway_watchdog.cli import PROGRAM, USAGE
from runaway_watchdog.config.locate import ALERT_URLS, CREDENTIALS
from runaway_watchdog.linux import exits, sent_signals

FAILED = 1
CLONE_NEWNET: Final = 0x40000000  # sched.h; Python has no setns(2) before 3.12
_FAULTY: Final = {"faulty": True}
"""In the place of a compiled configuration, where there is none to compile."""


def hand_over(folder: Path, compiled: dict[str, Any]) -> int:
    """Both files, each whole or not at all: with the channels' secrets for root, without any for the service's group.

    With the secrets goes what the environment held of them, for a command in root's shell (`the_service`).
    """
    own = {name: os.environ[name] for name in (ALERT_URLS, CREDENTIALS) if name in os.environ}
    whole, shown = json.dumps({**compiled, "environment": own}), json.dumps(without_secrets(compiled))
    return _leave(folder, {starting.CHANNELS: whole, starting.CONFIGURATION: shown})


def hand_over_tellers(*, senders: bool, host_network: str = "/proc/1/ns/net") -> None:
    """What the watch may not open itself, kept by systemd for the start of which this is a part, and not for a reload:
    a socket in the host's network that tells how processes end; with `senders` the trace of who sent them signals."""
    if not os.environ.get("NOTIFY_SOCKET") or "MAINPID" in os.environ:
        return
    sent_signals.remove()
    if senders:
        try:
            trace = sent_signals.set_up()
            _keep(starting.SENT_SIGNALS, trace)
            os.close(trace)
        except OSError as fault:
            print(f"{PROGRAM}: sampling.senders: {fault.filename}: {fault.strerror}", file=sys.stderr)
    with contextlib.suppress(OSError), open(host_network, "rb") as network:
        ctypes.CDLL(None).setns(network.fileno(), CLONE_NEWNET)
    listening = exits.listen()
    if listening is not None:
        _keep(starting.EXITS, listening.fileno())
        listening.close()


def _keep(name: str, fd: int) -> None:
    """sd_pid_notify_with_fds(3)."""
    address = os.environ["NOTIFY_SOCKET"]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.connect("\0" + address[1:] if address.startswith("@") else address)
        socket.send_fds(door, [f"FDSTORE=1\nFDNAME={name}\nFDPOLL=0".encode()], [fd])


def hand_over_nothing(folder: Path) -> None:
    """The configuration is faulty: a watch that starts ends for good, one that runs goes on with what it has."""
    if not (folder / starting.CONFIGURATION).exists():
        _leave(folder, {starting.CONFIGURATION: json.dumps(_FAULTY)})


def _leave(folder: Path, files: dict[str, str]) -> int:
    """The group is that of the service's folder in /run; the folder is root's: nobody else puts a link there."""
    own = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    try:
        group = os.stat(own).st_gid if own else 0
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o755)  # whatever the unit's umask
        for name, text in files.items():
            write_whole(folder / name, text, 0o640 if name == starting.CONFIGURATION else 0o600)
        os.chown(folder / starting.CONFIGURATION, 0, group)
    except OSError as fault:
        print(f"{PROGRAM}: {fault.filename or folder}: {fault.strerror or fault}", file=sys.stderr)
        return FAILED
    return 0


def without_secrets(compiled: dict[str, Any]) -> dict[str, Any]:
    """What the watch and its cases need: the channels' names, and whether there is a heartbeat."""
    alerts = compiled["alerts"]
    return {**compiled, "alerts": {**alerts, "urls": [], "heartbeat_url": bool(alerts["heartbeat_url"])}}


def found(folder: Path) -> str | int:
    """The compiled configuration; or the exit code: USAGE for good, FAILED where a new start may help."""
    try:
        text = starting.handed_over(str(folder)).decode()
        is_faulty = json.loads(text) == _FAULTY
    except (OSError, ValueError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not whole"
        file = folder / starting.CONFIGURATION
        print(
            f"{PROGRAM}: no configuration was handed over ({file}: {why}); why stands before this line. The service "
            "is started again in a few seconds, and tries anew",
            file=sys.stderr,
        )
        return FAILED
    if not is_faulty:
        return text
    print(
        f"{PROGRAM}: the configuration is faulty; what is wrong with it stands before this line, and "
        f"`{PROGRAM} check-config` tells it too",
        file=sys.stderr,
    )
    return USAGE


def answer(unit: str) -> int:
    """Be what the connection asks for, and tell it the exit code."""
    door = os.dup(sys.stdin.fileno())
    code = FAILED
    try:
        request = _asked(door, unit)
        code = FAILED if request is None else _become(request)
    finally:
        starting.tell(door, code)
    return code


def _asked(door: int, unit: str) -> starting.Request | None:
    """None: it is no request, or one for what another unit does."""
    try:
        request = starting.receive(door)
    except (OSError, ValueError) as fault:
        print(f"{PROGRAM}: cannot answer: {fault}", file=sys.stderr)
        return None
    if request.module in starting.ANSWERS[unit]:
        return request
    print(f"{PROGRAM}: cannot answer: that is another unit's work", file=sys.stderr)
    return None


def _become(request: starting.Request) -> int:
    """As a child has it: its input on standard input, the configuration in a descriptor, an alarm set."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(request.seconds)
    given = os.memfd_create("handover")
    os.write(given, request.stdin.encode())
    os.lseek(given, 0, os.SEEK_SET)
    os.dup2(given, sys.stdin.fileno(), inheritable=False)
    os.close(given)
    credentials = os.environ.get(CREDENTIALS, "")
    config = os.open(f"{credentials}/{starting.CREDENTIAL}", os.O_RDONLY | os.O_CLOEXEC)
    arguments = ["--config-fd", str(config), *request.arguments]
    if request.module == starting.CASE:
        arguments += ["--units", os.environ.get("RUNAWAY_WATCHDOG_UNITS", starting.FOLDER)]
    os.chdir("/")
    return int(import_module(request.module).main(arguments))
