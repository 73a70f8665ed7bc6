"""Runs on the field's host: prints as JSON what is in it, by content, for a comparison of before and after."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator

ROOTS = (
    "/srv", "/home", "/root", "/etc", "/var/www", "/var/backups", "/usr/local/bin", "/var/spool/cron", "/var/log",
    "/var/lib/docker/volumes", "/tmp",
)  # fmt: skip
# What programs write for themselves at any moment.
OWN = (
    "/tmp/systemd-private", "/tmp/tmux", "/root/.cache", "/root/.local", "/root/.bash_history", "/root/.psql_history",
    "/root/.docker", "/root/.lesshst", "/etc/.pwd.lock", "/etc/lvm", "/var/log/journal", "/var/log/private",
)  # fmt: skip
LARGEST_TEXT = 8 * 1024
SYSTEM_DATABASES = ("information_schema", "performance_schema", "mysql", "sys")


def said(*argv: str, folder: str = "/") -> list[str]:
    """The lines that a program prints; none where it fails."""
    done = subprocess.run(
        argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def walked(root: str) -> Iterator[str]:
    """Every file and link below a folder, or the file itself."""
    for folder, folders, names in os.walk(root):
        if folder.startswith(OWN):
            folders.clear()
            continue
        for name in (*names, *(each for each in folders if os.path.islink(f"{folder}/{each}"))):
            path = f"{folder}/{name}"
            if not path.startswith(OWN) and not path.endswith(("/volumes/metadata.db", "/backingFsBlockDev")):
                yield path


def content(path: str) -> str | None:
    """A link's target, or a file's hash and size; None where it is neither, or just went."""
    try:
        if os.path.islink(path):
            return "link " + os.readlink(path)
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    return f"{hashlib.sha256(data).hexdigest()[:16]}:{len(data)}"


def text(path: str) -> list[str] | None:
    """The lines of a small text: what was only added to has lost nothing."""
    try:
        if os.path.islink(path) or os.path.getsize(path) > LARGEST_TEXT:
            return None
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, ValueError):
        return None


def files() -> dict[str, str]:
    found = {path: content(path) for root in ROOTS for path in walked(root)}
    return {path: what for path, what in found.items() if what is not None}


def layers(containers: list[str]) -> dict[str, dict[str, str]]:
    """Container -> what it wrote outside of its volumes."""
    found = {}
    for name in containers:
        (layer,) = said("docker", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", name) or ("/nowhere",)
        written = {path.removeprefix(layer): content(path) for path in walked(layer)}
        found[name] = {path: what for path, what in written.items() if what and not what.endswith(":0")}
    return found


def postgresql() -> Iterator[tuple[str, dict[str, list[str]]]]:
    for name in said("psql", "-d", "root", "-Atc", "select datname from pg_database where not datistemplate"):
        tables = said("psql", "-d", name, "-Atc", "select tablename from pg_tables where schemaname = 'public'")
        yield (
            f"postgresql {name}",
            {table: sorted(said("psql", "-d", name, "-Atc", f'select x::text from "{table}" x')) for table in tables},
        )


def mysql() -> Iterator[tuple[str, dict[str, list[str]]]]:
    for name in said("mysql", "-Ne", "show databases"):
        if name not in SYSTEM_DATABASES:
            tables = said("mysql", "-Ne", f"show tables in `{name}`")
            yield (
                f"mysql {name}",
                {table: sorted(said("mysql", "-Ne", f"select * from `{name}`.`{table}`")) for table in tables},
            )


def redis() -> Iterator[tuple[str, dict[str, list[str]]]]:
    for number in ("0", "1"):
        keys = said("redis-cli", "-n", number, "--scan")
        yield f"redis {number}", {key: said("redis-cli", "-n", number, "get", key) for key in keys}


def main() -> None:
    found = files()
    states = dict(line.split("|") for line in said("docker", "ps", "-a", "--format", "{{.Names}}|{{.State}}"))
    active = said("systemctl", "list-units", "--plain", "--no-legend", "--type=service", "--state=active")
    print(
        json.dumps(
            {
                "files": found,
                "texts": {path: lines for path in found if (lines := text(path)) is not None},
                "layers": layers(list(states)),
                "volumes": sorted(said("docker", "volume", "ls", "-q")),
                "containers": states,
                "images": sorted(set(said("docker", "images", "--format", "{{.Repository}}:{{.Tag}}"))),
                "networks": sorted(said("docker", "network", "ls", "--format", "{{.Name}}")),
                "databases": dict([*postgresql(), *mysql(), *redis()]),
                "units": sorted(line.split()[0] for line in active if not line.startswith(("user", "systemd-"))),
                "journal": said("sh", "-c", "journalctl -q -o short-unix --no-hostname | head -n 1 | cut -d' ' -f1"),
                "refs": said("git", "for-each-ref", "--format=%(refname) %(objectname)", folder="/srv/repo"),
            }
        )
    )


if __name__ == "__main__":
    main()
