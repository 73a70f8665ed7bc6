"""What the machine below must have before a box can be built; `python -m e2e.rig.needs` (as root) installs it.

`python -m e2e.rig.needs machine` installs what the second rig, a virtual machine, needs beside that.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from . import sources

HOST_PACKAGES: list[str] = ["systemd-container", "debootstrap", "zsh"]
READER_PACKAGES: list[str] = ["chromium", "man-db", "fish"]

_PROGRAMS: dict[str, str] = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "zsh": "zsh",  # the guard's own tests drive it under a pseudo-terminal
    "nsenter": "util-linux",
    "mount": "mount",
}
_READERS: dict[str, str] = {"chromium": "chromium", "man": "man-db", "fish": "fish"}
MACHINE_PACKAGES: list[str] = ["qemu-system-x86", "cpio", "e2fsprogs", "kmod"]
_MACHINE_PROGRAMS: dict[str, str] = {
    "qemu-system-x86_64": "qemu-system-x86",
    "cpio": "cpio",
    "mke2fs": "e2fsprogs",
    "depmod": "kmod",
}


def missing() -> list[str]:
    """Every reason why the rig cannot run here, in words for a skip message; empty when it can."""
    reasons: list[str] = []
    if os.geteuid() != 0:
        reasons.append("not root")
    reasons += _absent(_PROGRAMS)
    if sources.mirror(sources.SUITE) is None:
        reasons.append(f"no apt source for Debian {sources.SUITE} on this machine")
    return reasons


def missing_for_machine() -> list[str]:
    """Every reason why a virtual machine cannot run here, beside those of `missing`."""
    wrong = [] if platform.machine() == "x86_64" else [f"a machine of kind {platform.machine()}, not x86_64"]
    return wrong + _absent(_MACHINE_PROGRAMS)


def _absent(programs: Mapping[str, str]) -> list[str]:
    return [
        f"no {program} (Debian package {package})" for program, package in programs.items() if not shutil.which(program)
    ]


def install(packages: Sequence[str], programs: Mapping[str, str]) -> int:
    """Install the packages with apt-get. Returns apt-get's exit code, or 1 when not root."""
    if os.geteuid() != 0:
        print("rig.needs: not root; run it with sudo", file=sys.stderr)
        return 1
    if not _absent(programs):
        return 0
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
        code = subprocess.run(["apt-get", *arguments], env=environment, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    code = install(HOST_PACKAGES, _PROGRAMS)
    code = install(READER_PACKAGES, _READERS) or code  # our pages are looked at in them: on their own, no box does
    reasons = missing()
    if sys.argv[1:] == ["machine"]:
        code = install(MACHINE_PACKAGES, _MACHINE_PROGRAMS) or code
        reasons += missing_for_machine()
    for reason in reasons:
        print(f"rig.needs: still missing: {reason}", file=sys.stderr)
        code = code or 1
    sys.exit(code)
