"""Runs inside the machine: reads jobs from a virtio serial port, one JSON object a line, and answers in the same way.

Its first line, after each boot, is {"boot": boot ID}. A job is {"id", "argv", "env", "input", "timeout"}; its answer is
{"id", "code", "stdout", "stderr"}, where `code` is null for a command that was ended at its time limit.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PORT = "rig"
# Into the root control group first: a command of a test belongs to no unit.
ENTER = 'echo 0 > /sys/fs/cgroup/cgroup.procs; exec env -i "$@"'
_speaking = threading.Lock()


def device() -> str:
    """The port's device, by the name that the machine below gave to the port."""
    while True:
        for name in Path("/sys/class/virtio-ports").glob("*/name"):
            if name.read_text().strip() == PORT:
                return f"/dev/{name.parent.name}"
        time.sleep(0.1)


def say(port: int, message: dict[str, Any]) -> None:
    """One line, whole, whoever else has something to say."""
    text = (json.dumps(message) + "\n").encode()
    with _speaking:
        while text:
            text = text[os.write(port, text) :]


def lines(port: int) -> Iterator[bytes]:
    """What the other side says; while nobody is there, a read returns at once with nothing."""
    pending = b""
    while True:
        got = os.read(port, 65536)
        if not got:
            time.sleep(0.05)
        *whole, pending = (pending + got).split(b"\n")
        yield from filter(None, whole)


def answer(port: int, job: dict[str, Any]) -> None:
    """Run one command to its end or its time limit."""
    words = ["sh", "-c", ENTER, "enter", *(f"{name}={value}" for name, value in job["env"].items()), *job["argv"]]
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    code: int | None
    try:
        stdout, stderr = process.communicate(job["input"], job["timeout"])
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        code = None
    say(port, {"id": job["id"], "code": code, "stdout": stdout, "stderr": stderr})


def main() -> None:
    """Until the machine goes down."""
    port = os.open(device(), os.O_RDWR)
    os.write(port, b"\n")  # ends what an earlier boot left half said
    say(port, {"boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip()})
    for line in lines(port):
        threading.Thread(target=answer, args=(port, json.loads(line)), daemon=True).start()


main()
