"""Docker in a box: an image made of the box's own busybox, Compose projects, and what Docker knows of a container."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .box import Box

IMAGE = "bb:1"

_IMPORT = """
set -e
d=$(mktemp -d)
mkdir -p $d/bin $d/tmp $d/etc $d/root $d/data
chmod 1777 $d/tmp
cp /bin/busybox $d/bin/
for applet in $(/bin/busybox --list); do test $applet = busybox || ln -s busybox $d/bin/$applet; done
echo root:x:0:0:root:/root:/bin/sh > $d/etc/passwd
tar -C $d -c . | docker import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' - {image}
rm -rf $d
"""


@dataclass(frozen=True)
class Container:
    """What `docker inspect` says, in part; `pid` is 0 while it is down, and must then never be passed on."""

    id: str
    name: str
    status: str
    pid: int
    restart_count: int
    started_at: str
    policy: str
    labels: dict[str, str]
    exit_code: int


def import_image(box: Box, image: str = IMAGE) -> None:
    """Make `image` in the box's Docker: a static busybox with a link for each applet, /tmp, /data and a root user."""
    box.run(_IMPORT.format(image=shlex.quote(image)))


def inspect(box: Box, container: str) -> dict[str, Any]:
    """`docker inspect` of one container, whole."""
    (found,) = json.loads(box.run(["docker", "inspect", "--type", "container", container]).stdout)
    return dict(found)


def info(box: Box, container: str) -> Container:
    """The same, in the few fields that tests speak about."""
    found = inspect(box, container)
    return Container(
        id=found["Id"],
        name=found["Name"].lstrip("/"),
        status=found["State"]["Status"],
        pid=found["State"]["Pid"],
        restart_count=found["RestartCount"],
        started_at=found["State"]["StartedAt"],
        policy=found["HostConfig"]["RestartPolicy"]["Name"],
        labels=found["Config"]["Labels"] or {},
        exit_code=found["State"]["ExitCode"],
    )


def compose_up(
    box: Box,
    folder: str,
    compose_yaml: str,
    files: Mapping[str, str] | None = None,
    *,
    version: int = 2,
    file_name: str = "docker-compose.yml",
) -> None:
    """Write a project into `folder` (its name is the project's) with `files` beside it, and bring it up.

    `version` 2 is `docker compose`, 1 is Debian's `docker-compose`.
    """
    for name, text in {file_name: compose_yaml, **(files or {})}.items():
        box.write(f"{folder}/{name}", text)
    compose(box, folder, "up -d", version=version)


def compose(box: Box, folder: str, arguments: str, *, version: int = 2) -> str:
    """Run Compose in `folder`; `arguments` as one would type them. Returns its standard output."""
    program = {2: "docker compose", 1: "docker-compose"}[version]
    return box.run(f"cd {shlex.quote(folder)} && {program} {arguments}", timeout=120).stdout


def volumes(box: Box) -> list[str]:
    """The names of all volumes, sorted."""
    return sorted(box.run(["docker", "volume", "ls", "-q"]).stdout.split())


def volume_checksum(box: Box, volume: str) -> str:
    """SHA-256 over the volume's files: names, modes, owners and contents, in a fixed order; it only reads.

    Times are left out, because reading a mounted volume may change a folder's.
    """
    mountpoint = box.run(["docker", "volume", "inspect", "-f", "{{.Mountpoint}}", volume]).stdout.strip()
    pack = f"tar -C {shlex.quote(mountpoint)} --sort=name --mtime=@0 --numeric-owner -cf - ."
    # Without pipefail in sh, a tar that failed must not end as the hash of nothing.
    words = box.run(["bash", "-c", f"set -o pipefail; {pack} | sha256sum"]).stdout.split()
    return words[0]


def import_programs(box: Box, image: str, programs: Sequence[str]) -> None:
    """An image of programs that the box has, each with the libraries that it needs."""
    named = " ".join(programs)
    libraries = f"$(ldd {named} 2>/dev/null | grep -o '/[^ ]*[0-9]' | sort -u)"
    box.run(f"tar -ch --hard-dereference {named} {libraries} 2>/dev/null | docker import - {image}")
