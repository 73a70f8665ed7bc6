"""What only some tests need on their host: layers of packages over the base tree, each built once and cached.

A layer's services are all disabled: a test starts what it wants, and no other one hears of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from . import base, cache, sources
from .sources import SUITE, Suite

Extra = Literal["databases", "field", "keepers", "masters", "monitors", "new-engine", "node", "podman"]


class Recipe(NamedTuple):
    """Debian packages, the units that they would start by themselves, and a script for what Debian does not have."""

    packages: tuple[str, ...]
    units: tuple[str, ...] = ()
    script: str = ""
    suite: str = ""  # of the packages that the script fetches by sources.fetched


# The box's own root is an overlay, and an overlay cannot stand on another one; crun wants to raise a limit that a box
# may not, and there is no pids controller on cgroup v2 in it.
_PODMAN = """
mkdir -p /etc/containers
cat > /etc/containers/storage.conf <<END
[storage]
driver = "vfs"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
END
cat > /etc/containers/containers.conf <<END
[containers]
pids_limit = 0
[engine]
runtime = "runc"
END
"""

RECIPES: dict[Extra, Recipe] = {
    "databases": Recipe(
        ("postgresql", "mariadb-server", "redis-server"),
        ("postgresql.service", "mariadb.service", "redis-server.service"),
    ),
    # What the lines of tests/field name, and what their state is made of.
    "field": Recipe(
        (
            *("postgresql", "mariadb-server", "redis-server", "nginx-light"),
            *("sudo", "rsync", "unzip", "zip", "tmux", "zsh", "logrotate", "ufw", "psmisc", "openssh-client", "acl"),
            *("file", "jq", "git", "make", "dosfstools", "e2fsprogs", "lvm2", "btrfs-progs"),
        ),
        (
            *("postgresql.service", "mariadb.service", "redis-server.service", "nginx.service", "ufw.service"),
            *("logrotate.timer", "lvm2-monitor.service", "lvm2-lvmpolld.socket", "blk-availability.service"),
        ),
    ),
    "keepers": Recipe(
        ("anacron", "monit", "s6", "daemontools", "tmux", "screen", "psmisc", "rsync", "git"),
        ("anacron.timer", "anacron.service", "monit.service"),
        "python3 -m venv /opt/keepers && /opt/keepers/bin/pip install --no-cache-dir circus\n",
    ),
    "masters": Recipe(
        (
            *("nginx-light", "apache2", "libapache2-mod-php", "php-fpm", "gunicorn", "uwsgi-core"),
            *("uwsgi-plugin-python3", "celery", "puma", "unicorn", "postgresql"),
        ),
        ("nginx.service", "apache2.service", "php8.2-fpm.service", "php8.4-fpm.service", "postgresql.service"),
    ),
    "monitors": Recipe(  # what the benchmark compares with
        ("procps", "sysstat", "atop", "glances", "monit", "prometheus-process-exporter"),
        (
            "sysstat.service",
            "atop.service",
            "atopacct.service",
            "atop-rotate.timer",
            "glances.service",
            "monit.service",
            "prometheus-process-exporter.service",
        ),
    ),
    # Only the programs: the base's own units start them. Of the base stay runc, since the newer one wants a newer libc,
    # and Compose 1 (here docker-compose would be Compose 2 again).
    "new-engine": Recipe(
        (),
        (),
        sources.fetched("docker.io", "docker-cli", "docker-compose", "containerd", dated=False)
        + """
rm -f $d/tree/usr/bin/runc $d/tree/usr/sbin/runc $d/tree/usr/bin/docker-compose
for each in $d/tree/usr/bin/* $d/tree/usr/sbin/* $d/tree/usr/libexec/docker/cli-plugins/docker-compose; do
    cp -a $each ${{each#$d/tree}}
done
cd /
rm -rf $d
dockerd --version
docker compose version
""",
        sources.NEWEST_SUITE,
    ),
    "node": Recipe(
        ("nodejs", "npm"),
        (),
        "npm install --global --no-audit --no-fund pm2 forever nodemon && rm -rf /root/.npm\n",
    ),
    "podman": Recipe(
        ("podman", "crun", "uidmap", "slirp4netns", "fuse-overlayfs", "dbus-user-session"),
        ("podman.socket", "podman.service", "podman-restart.service", "podman-auto-update.timer"),
        _PODMAN,
    ),
}

# Nothing is started inside a tree that is not booted.
_INSTALL = """
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -q update
apt-get -q install -y --no-install-recommends {packages}
{script}
for unit in {units}; do systemctl disable $unit || :; done
rm /usr/sbin/policy-rc.d
apt-get clean
rm -rf /var/lib/apt/lists/*
"""


def layers(extras: Sequence[Extra], suite: Suite = SUITE) -> tuple[Path, ...]:
    """The lower folders of these extras, topmost first, without the base below them; built where absent."""
    return tuple(_layer(extra, suite) for extra in extras)


def _layer(extra: Extra, suite: Suite) -> Path:
    recipe = RECIPES[extra]
    script = _INSTALL.format(
        packages=" ".join(recipe.packages), units=" ".join(recipe.units), script=recipe.script.strip()
    )
    key = cache.key(base.base_key(suite), extra, script)
    if recipe.suite:
        script = sources.of_suite(script, recipe.suite)
    ground = base.ensure_base(suite)  # not while the layer is built: both hold the cache's one lock
    return cache.ensure("extra", key, _builder(script, ground)) / "fs"


def _builder(script: str, ground: Path) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        scratch = folder / "scratch"
        scratch.mkdir()
        with cache.overlay((ground,), folder / "fs", folder / "work", folder / "merged") as tree:
            cache.run_in_tree(tree, script, binds=base.pip_binds(scratch))
        for leftover in ("scratch", "work", "merged"):
            shutil.rmtree(folder / leftover)

    return build
