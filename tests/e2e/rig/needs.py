"""What the machine below must have before a box can be built; `python -m e2e.rig.needs` (as root) installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from . import sources

HOST_PACKAGES: list[str] = ["systemd-container", "debootstrap", "zsh"]

_PROGRAMS: dict[str, str] = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "zsh": "zsh",  # the guard's own tests drive it under a pseudo-terminal
    "nsenter": "util-linux",
    "mount": "mount",
}


def missing() -> list[str]:
    """Every reason why the rig cannot run here, in words for a skip message; empty when it can."""
    reasons: list[str] = []
    if os.geteuid() != 0:
        reasons.append("not root")
    reasons += [
        f"no {program} (Debian package {package})"
        for program, package in _PROGRAMS.items()
        if not shutil.which(program)
    ]
    if sources.mirror(sources.SUITE) is None:
        reasons.append(f"no apt source for Debian {sources.SUITE} on this machine")
    return reasons


def install() -> int:
    """Install HOST_PACKAGES with apt-get. Returns apt-get's exit code, or 1 when not root."""
    if os.geteuid() != 0:
        print("rig.needs: not root; run it with sudo", file=sys.stderr)
        return 1
    if all(shutil.which(program) for program in _PROGRAMS):
        return 0
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *HOST_PACKAGES]):
        code = subprocess.run(["apt-get", *arguments], env=environment, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    code = install()
    for reason in missing():
        print(f"rig.needs: still missing: {reason}", file=sys.stderr)
        code = code or 1
    sys.exit(code)
