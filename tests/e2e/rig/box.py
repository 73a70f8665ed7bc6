"""A box: one booted host of its own, made in seconds, entered from tests, and gone without a trace afterwards."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TypeVar

from . import base, cache, cgroups, processes
from .extras import Extra
from .sources import SUITE, Suite

T = TypeVar("T")
Layout = Literal["v2", "v1"]

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}

# nspawn mounts the v1 controllers read-only; Docker must be able to make groups in them.
_WRITABLE_CGROUPS_UNIT = """\
[Unit]
Description=Make the cgroup v1 controllers writable
DefaultDependencies=no
Before=basic.target docker.service containerd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for c in /sys/fs/cgroup/*; do mount -o remount,bind,rw $c || :; done'
[Install]
WantedBy=sysinit.target
"""

_numbers = itertools.count(1)


class BoxError(RuntimeError):
    """The box itself could not be made, entered or ended."""


class CommandError(AssertionError):
    """A command in a box ended with another exit code than 0; the message holds all it said."""

    def __init__(self, argv: Sequence[str], done: subprocess.CompletedProcess[str]) -> None:
        super().__init__(
            f"{shlex.join(argv)}: exit code {done.returncode}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
        )
        self.completed = done


class NotSeenError(AssertionError):
    """What a test waited for did not come; the message tells what was seen last."""


class Box:
    """A context manager: booted on entry, torn down on exit, also when the entry itself fails.

    `layers` are lower folders, topmost first (product.product_layers); without them the bare base tree of `suite`.
    Several boxes may run at once, from several processes too.
    """

    def __init__(
        self,
        layers: Sequence[Path] | None = None,
        *,
        layout: Layout = "v2",
        suite: Suite = SUITE,
        docker: bool = True,
        boot_timeout: float = 90,
    ) -> None:
        self.name = f"rw-{os.getpid()}-{next(_numbers)}"
        self.layout: Layout = layout
        self.folder = cache.folder() / "boxes" / self.name
        self.root = self.folder / "root"
        self._layers = layers
        self._suite: Suite = suite
        self._docker = docker
        self._boot_timeout = boot_timeout
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader: processes.Identity | None = None
        self._entry = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def leader(self) -> int:
        """PID, on the machine below, of the box's PID 1."""
        if self._leader is None:
            raise BoxError(f"{self.name} is not running")
        return self._leader.pid

    def start(self) -> None:
        """Boot; returns when systemd (and Docker, if asked for) answers. Tears down and raises on any failure."""
        remove_stale()
        lower = list(self._layers) if self._layers else [base.ensure_base(self._suite)]
        try:
            self._prepare(lower)
            self._boot()
            self._wait_until_up()
        except BaseException as error:
            if isinstance(error, Exception):
                error.add_note(f"console of {self.name}:\n{self.console()[-3000:]}")
            self.stop()
            raise

    def stop(self) -> None:
        """Power off and remove every trace: processes, mounts, control groups, the folder. May be called twice."""
        if not self.folder.exists():
            return
        if self._leader is not None and self._leader.alive():
            with suppress(Exception):
                self.run(["systemctl", "poweroff", "--force", "--force"], check=False, timeout=10)
        if self._nspawn is not None:
            try:
                self._nspawn.wait(15 if self._leader else 0)
            except subprocess.TimeoutExpired:
                _end_processes(self.folder)
                self._nspawn.wait(5)
        self._leader = None
        _remove_box(self.folder)

    def reboot(self) -> None:
        """Restart the host: what ran is gone, what is on its disk stays. The kernel below stays up (same boot ID)."""
        assert self._nspawn is not None
        self.run(["systemctl", "poweroff"], check=False)
        self._nspawn.wait(90)
        self._leader = None
        cgroups.remove(self.name)
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
        """Run a command in the box as root, in the root control group, with a clean environment plus `env`.

        A str runs under `sh -c`. With `check`, another exit code than 0 raises CommandError. A command that leaves
        something in the background must give it another stdout and stderr, or this waits for it too.
        """
        words = ["sh", "-c", argv] if isinstance(argv, str) else list(argv)
        process = subprocess.Popen(
            self._entering(words, env or {}),
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            # nsenter's child, the command itself, is in the same new process group.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        done = subprocess.CompletedProcess(words, process.returncode, stdout, stderr)
        if check and done.returncode != 0:
            raise CommandError(words, done)
        return done

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in the box; its folder is made when absent."""
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
        self.run(["sh", "-c", script, "write", path, f"{mode:o}"], input=text)

    def read(self, path: str) -> str:
        """A file of the box."""
        return self.run(["cat", "--", path]).stdout

    def exists(self, path: str) -> bool:
        """Whether `path` exists in the box."""
        return self.run(["test", "-e", path], check=False).returncode == 0

    def wait_for(
        self, description: str, predicate: Callable[[], T | None], timeout: float = 30, every: float = 0.1
    ) -> T:
        """Call `predicate` until it returns something true, and return that.

        CommandError inside it counts as "not yet". Raises NotSeenError with what the last call returned or raised.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                seen = predicate()
                if seen:
                    return seen
                last = f"it returned {seen!r}"
            except (CommandError, subprocess.TimeoutExpired) as error:
                last = str(error)
            if time.monotonic() > deadline:
                raise NotSeenError(f"{self.name}: {description}: not within {timeout:g} s; last: {last}")
            time.sleep(every)

    def pids(self, pattern: str) -> list[int]:
        """PIDs, as the box numbers them, of the processes whose whole command line matches `pattern` (pgrep -f)."""
        seen = [self._pgrep(pattern) for _ in range(2)]
        # Twice: between fork and exec a process still bears its parent's command line.
        return sorted(seen[0] & seen[1])

    def console(self) -> str:
        """What the box has printed on its console so far."""
        log = self.folder / "console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _pgrep(self, pattern: str) -> set[int]:
        done = self.run(["pgrep", "-f", "--", pattern], check=False)
        if done.returncode > 1:
            raise CommandError(["pgrep", "-f", "--", pattern], done)
        return {int(word) for word in done.stdout.split()}

    def _entering(self, words: Sequence[str], env: Mapping[str, str]) -> list[str]:
        settings = [f"{name}={value}" for name, value in {**ENVIRONMENT, **env}.items()]
        # The shell is outside of the box and gives way to nsenter: nothing in the box ever sees the words twice.
        inner = ["nsenter", "-t", str(self.leader), "-a", "env", "-i", *settings, *words]
        return ["sh", "-c", f'{self._entry}exec "$@"', "enter", *inner]

    def _make_folder(self, lower: Sequence[Path]) -> None:
        """With a record of whose it is, and of what in the cache it stands on."""
        self.folder.mkdir(parents=True)
        me = processes.identify(os.getpid())
        assert me is not None
        record = {"owner": [me.pid, me.start_ticks], "lower": [str(path) for path in lower]}
        (self.folder / "box.json").write_text(json.dumps(record))

    def _prepare(self, lower: Sequence[Path]) -> None:
        self._make_folder(lower)
        for plain in ("docker", "containerd"):
            (self.folder / plain).mkdir(mode=0o711)
        cache.mount_overlay(lower, self.folder / "upper", self.folder / "work", self.root)
        if self.layout == "v1":
            units = self.root / "etc/systemd/system"
            (units / "rig-writable-cgroups.service").write_text(_WRITABLE_CGROUPS_UNIT)
            (units / "sysinit.target.wants").mkdir(exist_ok=True)
            (units / "sysinit.target.wants/rig-writable-cgroups.service").symlink_to("../rig-writable-cgroups.service")

    def _boot(self) -> None:
        argv = ["systemd-nspawn", "--register=no", "--keep-unit", "-M", self.name, "-D", str(self.root), "-b"]
        argv += ["--capability=all", "--private-network", "--resolv-conf=off", "--timezone=off"]
        argv += [f"--bind={self.folder}/docker:/var/lib/docker", f"--bind={self.folder}/containerd:/var/lib/containerd"]
        groups = cgroups.create(self.name)
        with (self.folder / "console.log").open("wb") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", f'{cgroups.entering(groups)}exec "$@"', "boot", *argv],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **ENVIRONMENT,
                    "SYSTEMD_SECCOMP": "0",
                    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1",
                    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1" if self.layout == "v2" else "0",
                },
            )
        me = processes.identify(self._nspawn.pid)
        if me is not None:
            (self.folder / "nspawn.pid").write_text(f"{me.pid} {me.start_ticks}")

    def _wait_until_up(self) -> None:
        self._leader = self.wait_for("a PID 1", self._find_leader, timeout=15, every=0.02)
        (self.folder / "leader.pid").write_text(f"{self._leader.pid} {self._leader.start_ticks}")
        self.wait_for("systemd's answer", self._system_is_up, timeout=self._boot_timeout)
        self._entry = cgroups.entering(cgroups.roots_seen_by(self.leader))
        if self._docker:
            self.wait_for("Docker's answer", lambda: self.run(["docker", "version"], timeout=20), self._boot_timeout)

    def _find_leader(self) -> processes.Identity | None:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            raise BoxError(f"systemd-nspawn ended with {self._nspawn.returncode}:\n{self.console()[-3000:]}")
        return processes.leader_of(self._nspawn.pid)

    def _system_is_up(self) -> bool:
        self._find_leader()
        state = self.run(["systemctl", "is-system-running"], check=False, timeout=10).stdout.strip()
        return state in ("running", "degraded")


class MakeBox(Protocol):
    """The fixture `make_box`: boots a box that ends with the test module, or sooner by its stop()."""

    def __call__(
        self,
        layout: Layout = "v2",
        *,
        suite: Suite = SUITE,
        installed: bool = True,
        docker_up: bool = True,
        image: bool = True,
        extras: Sequence[Extra] = (),
    ) -> Box:
        """`installed`: the product's wheel; `docker_up`: wait for Docker; `image`: import bb:1; `extras`: more
        packages."""
        ...


def remove_stale() -> None:
    """Remove the boxes of test runs that were killed: those whose own record names an owner that is no more."""
    with cache.locked("boxes.lock"):
        for folder in (cache.folder() / "boxes").glob("*"):
            try:
                pid, start = json.loads((folder / "box.json").read_text())["owner"]
            except (OSError, ValueError):
                # Between mkdir and the record, in another process, right now; or a run killed just there.
                if folder.exists() and time.time() - folder.stat().st_mtime < 60:
                    continue
                pid, start = 0, 0
            if not processes.Identity(pid, start).alive():
                _end_processes(folder)
                _remove_box(folder)


def _end_processes(folder: Path) -> None:
    """End what runs the box, as its files name it: PID 1 (the kernel then ends all inside), nspawn or QEMU."""
    for name in ("leader.pid", "nspawn.pid", "qemu.pid"):
        with suppress(OSError, ValueError):
            pid, start = (folder / name).read_text().split()
            if not processes.Identity(int(pid), int(start)).end():
                raise BoxError(f"process {pid} of {folder.name} would not end")


def _remove_box(folder: Path) -> None:
    left = cgroups.remove(folder.name)
    for point in sorted(cache.mounts_under(folder), reverse=True):
        _unmount(point)
    shutil.rmtree(folder)
    cache.forget_machine(folder.name)
    if left:
        raise BoxError(f"control groups of {folder.name} would not go: {', '.join(map(str, left))}")


def _unmount(point: str, timeout: float = 10) -> None:
    """The last process of a box may hold its root for a moment after PID 1 is gone."""
    deadline = time.monotonic() + timeout
    while True:
        done = subprocess.run(["umount", point], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > deadline:
            raise BoxError(f"umount {point}: {done.stderr.strip()}")
        time.sleep(0.1)
