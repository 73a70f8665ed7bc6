"""A machine: a box with a kernel of its own, by QEMU's software emulation. For truth, not for speed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from e2e.rig import processes
from e2e.rig.box import ENVIRONMENT, Box, BoxError, CommandError

from .disk import ensure_disk
from .kernel import ensure_kernel
from .wire import Wire

T = TypeVar("T")

PATIENCE = 10
"""Time limits are written for a box; here, on a busy machine, everything may take this many times as long."""
MEMORY_MIB = 2048
CORES = 2

PORT = "rig"  # as the agent calls it

# Without apparmor=0 Docker wants apparmor_parser, and without the mask the boot waits 90 s for the console's device.
_KERNEL_WORDS = (
    "console=ttyS0 rw root=/dev/vda psi=1 quiet mitigations=off panic=-1 apparmor=0 selinux=0 "
    "systemd.mask=serial-getty@ttyS0.service"
)


class Machine(Box):
    """Used as a box is; what differs: all controllers on cgroup v2, pressure under real load, and real reboots.

    What it writes is lost when it stops, and kept over a reboot. It has no network but its own loopback and Docker's.
    """

    def __init__(self, layers: Sequence[Path] | None = None, *, docker: bool = True, boot_timeout: float = 900) -> None:
        super().__init__(layers, layout="v2", docker=docker, boot_timeout=boot_timeout)
        self._qemu: subprocess.Popen[bytes] | None = None
        self._wire: Wire | None = None
        self._argv: list[str] = []
        self.boot_id = ""

    @property
    def leader(self) -> int:
        """There is none: a machine's processes are not processes of the machine below."""
        raise BoxError(f"{self.name} is a whole machine: its PID 1 is nobody's here")

    def stop(self) -> None:
        """Pull the plug, and remove the folder with the disk. May be called twice."""
        self._hang_up()
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait(30)
            self._qemu = None
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def reboot(self) -> None:
        """A real one, in order: services are stopped, the kernel starts anew. Returns when the host is up again.

        QEMU ends with the old kernel and is started again: in one that was only reset, the emulator stumbles over the
        code that it translated before, and the same boot takes three times as long.
        """
        assert self._qemu is not None
        self.run(["systemctl", "--no-block", "reboot"])
        self._qemu.wait(self._boot_timeout)
        self._hang_up()
        self._boot()
        self._wait_until_up()

    def run(
        self,
        argv: Sequence[str] | str,
        *,
        check: bool = True,
        timeout: float = 60,
        input: str | None = None,  # noqa: A002 (subprocess's own name for it)
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """As in a box. The time limit, PATIENCE times as long, is held inside of the machine."""
        if self._wire is None:
            raise BoxError(f"{self.name} is not running")
        words = ["sh", "-c", argv] if isinstance(argv, str) else list(argv)
        limit = timeout * PATIENCE
        answer = self._wire.ask(words, {**ENVIRONMENT, **(env or {})}, input, limit, grace=60)
        if answer["code"] is None:
            raise subprocess.TimeoutExpired(words, limit, answer["stdout"], answer["stderr"])
        done = subprocess.CompletedProcess(words, answer["code"], answer["stdout"], answer["stderr"])
        if check and done.returncode != 0:
            raise CommandError(words, done)
        return done

    def wait_for(
        self, description: str, predicate: Callable[[], T | None], timeout: float = 30, every: float = 0.5
    ) -> T:
        """As in a box, PATIENCE times as long."""
        return super().wait_for(description, predicate, timeout * PATIENCE, every)

    def _prepare(self, lower: Sequence[Path]) -> None:
        kernel = ensure_kernel()
        disk = ensure_disk(lower, kernel)
        self._make_folder([kernel.folder, disk])
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", disk, self.folder / "disk.img"], check=True)
        port = self.folder / "agent.sock"
        self._argv = [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(CORES)),
            *("-m", str(MEMORY_MIB), "-nodefaults", "-display", "none", "-serial", "stdio"),
            *("-kernel", str(kernel.image), "-initrd", str(kernel.initramfs), "-append", _KERNEL_WORDS),
            *("-no-reboot", "-drive", f"file={self.folder}/disk.img,if=virtio,format=raw,cache=unsafe"),
            *("-device", "virtio-serial", "-chardev", f"socket,id=agent,path={port},server=on,wait=off"),
            *("-device", f"virtserialport,chardev=agent,name={PORT}"),
        ]

    def _boot(self) -> None:
        (self.folder / "agent.sock").unlink(missing_ok=True)
        with (self.folder / "console.log").open("ab") as console:
            self._qemu = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        me = processes.identify(self._qemu.pid)
        if me is not None:
            (self.folder / "qemu.pid").write_text(f"{me.pid} {me.start_ticks}")
        self._wire = super().wait_for("QEMU's socket", self._connected, timeout=60)

    def _hang_up(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _connected(self) -> Wire | None:
        assert self._qemu is not None
        if self._qemu.poll() is not None:
            raise BoxError(f"QEMU ended with {self._qemu.returncode}:\n{self.console()[-3000:]}")
        try:
            return Wire(self.folder / "agent.sock")
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def _wait_until_up(self) -> None:
        assert self._wire is not None
        self.boot_id = self._wire.wait_for_boot(self._boot_timeout)
        self.wait_for("systemd's answer", self._system_is_up, self._boot_timeout / PATIENCE, every=2)
        if self._docker:
            self.wait_for("Docker's answer", lambda: self.run(["docker", "version"]), every=2)

    def _system_is_up(self) -> bool:
        state = self.run(["systemctl", "is-system-running"], check=False).stdout.strip()
        return state in ("running", "degraded")
