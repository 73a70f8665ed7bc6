"""The base tree of every box: Debian with systemd, Docker, both Composes and the keepers, built once a machine."""

from __future__ import annotations

import shlex
import subprocess
from functools import partial
from pathlib import Path
from typing import get_args

from . import cache, sources
from .sources import SUITE, Suite

# Raise it when anything below changes that the package list does not show.
RECIPE = 1

PACKAGES: tuple[str, ...] = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "dbus-user-session",
    "libpam-systemd",
    "procps",
    "cron",
    "at",
    "iproute2",
    "iptables",
    "kmod",
    "curl",
    "ca-certificates",
    "openssl",
    "python3",
    "python3-venv",
    "docker.io",
    "docker-compose",
    "busybox-static",
    "supervisor",
    "runit",
    "stress-ng",
    "sqlite3",
    "zsh",
)
# Debian 13 has the client in a package of its own, and its docker-compose is Compose v2.
MORE_PACKAGES: dict[Suite, tuple[str, ...]] = {"bookworm": (), "trixie": ("docker-cli",)}

# Timers that would fetch from a network that the box does not have, or make CPU noise in a test about CPU.
MASKED_UNITS: tuple[str, ...] = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
)

_INSTALL = """
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install -y --no-install-recommends {packages}
systemctl mask {units}
"""

_COMPOSE_V2 = (
    sources.fetched("docker-compose")
    + """
mkdir -p /usr/libexec/docker/cli-plugins
cp $d/tree/usr/libexec/docker/cli-plugins/docker-compose /usr/libexec/docker/cli-plugins/
cd /
rm -rf $d
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
)

_SINKS = """
python3 -m venv /opt/sinks
/opt/sinks/bin/pip install --no-cache-dir aiosmtpd
"""


def packages(suite: Suite) -> tuple[str, ...]:
    """What is installed in a base tree."""
    return (*PACKAGES, *MORE_PACKAGES[suite])


def base_key(suite: Suite = SUITE) -> str:
    """Names the recipe: another suite, package list or recipe version is another tree."""
    return cache.key(
        str(RECIPE), suite, sources.NEXT_SUITE, *packages(suite), *MASKED_UNITS, _INSTALL, _COMPOSE_V2, _SINKS
    )


def ensure_base(suite: Suite = SUITE) -> Path:
    """The base tree's folder, built when absent (two to three minutes). Never written to afterwards."""
    return cache.ensure("base", base_key(suite), partial(_build, suite=suite))


def pip_binds(scratch: Path) -> list[str]:
    """nspawn's bind arguments that give a tree this machine's pip settings; `scratch` holds the written pip.conf."""
    settings = sources.pip_configuration()
    written = scratch / "pip.conf"
    written.write_text(settings.text())
    return [f"{written}:/etc/pip.conf", *(f"{path.resolve()}:{path}" for path in settings.local_paths())]


def _build(tree: Path, suite: Suite) -> None:
    mirror = sources.mirror(SUITE)  # it has the other suites beside its own
    if mirror is None:
        raise RuntimeError(f"no apt source for Debian {SUITE} on this machine")
    _debootstrap(tree, mirror, suite)
    sources.copy_apt_configuration(tree, suite)
    names, units = (" ".join(map(shlex.quote, words)) for words in (packages(suite), MASKED_UNITS))
    cache.run_in_tree(tree, _INSTALL.format(packages=names, units=units))
    if suite != sources.NEXT_SUITE:
        cache.run_in_tree(tree, sources.of_suite(_COMPOSE_V2, sources.NEXT_SUITE))
    scratch = tree / "var/tmp"
    cache.run_in_tree(tree, _SINKS, binds=pip_binds(scratch))
    (scratch / "pip.conf").unlink()


def _debootstrap(tree: Path, mirror: str, suite: Suite) -> None:
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", suite, str(tree), mirror],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"debootstrap failed with {done.returncode}:\n{done.stdout[-2000:]}")


if __name__ == "__main__":
    for each in get_args(Suite):
        print(ensure_base(each))
