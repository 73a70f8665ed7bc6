"""Runs on the field's host: prints as JSON what is in it, by content, for a comparison of before and after."""

import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

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
SQLITE = (".db", ".sqlite")
LAST = "/var/tmp/contents.json"
PSQL = "/usr/lib/postgresql/15/bin/psql"
"""Debian's psql is a script in Perl that starts this one."""
SERVERS = ("postgresql@15-main", "mariadb", "redis-server")
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
    return content_of(data)


def content_of(data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()[:16]}:{len(data)}"


def text(path: str) -> list[str] | None:
    """The lines of a small text, the statements that make a SQLite file: what was only added to has lost nothing."""
    if path.endswith(SQLITE) and os.path.isfile(path):
        return statements(path)
    try:
        if os.path.islink(path) or os.path.getsize(path) > LARGEST_TEXT:
            return None
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, ValueError):
        return None


def statements(path: str) -> list[str] | None:
    """None for a file of such a name with something else in it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as database:
            return [line for line in database.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
    except sqlite3.Error:
        return None


def files() -> dict[str, str]:
    found = {path: content(path) for root in ROOTS for path in walked(root)}
    return {path: what for path, what in found.items() if what is not None}


def heads(found: dict[str, str]) -> dict[str, str]:
    """Of every file that has grown since this was last asked: the content of the part that was there before."""
    try:
        with open(LAST, encoding="utf-8") as file:
            last = json.load(file)
    except OSError:
        last = {}
    with open(LAST, "w", encoding="utf-8") as file:
        json.dump(found, file)
    grown = {}
    for path, what in found.items():
        before = last.get(path, "")
        if ":" in what and ":" in before and int(what.split(":")[1]) > int(before.split(":")[1]):
            with open(path, "rb") as data:
                grown[path] = content_of(data.read(int(before.split(":")[1])))
    return grown


def committed(found: dict[str, str]) -> list[str]:
    """The content of every file that a branch, a tag or a stash of a repository holds, as `content` tells it."""
    held = []
    for path in found:
        folder, name = os.path.split(path)
        if name != "HEAD" or f"{folder}/config" not in found:
            continue
        git = ("git", "-c", "safe.directory=*", "--git-dir", folder)
        stashes = said(*git, "stash", "list", "--format=%H")
        objects = [line.split()[0] for line in said(*git, "rev-list", "--objects", "--all", *stashes)]
        held += [content_of(data) for data in blobs(git, objects)]
    return sorted(held)


def blobs(git: tuple[str, ...], objects: list[str]) -> Iterator[bytes]:
    """What those of the objects hold that are files (git-cat-file(1), --batch)."""
    asked = "\n".join(objects).encode()
    out = subprocess.run((*git, "cat-file", "--batch"), input=asked, capture_output=True, check=False).stdout
    while out:
        head, _, rest = out.partition(b"\n")
        _, kind, size = head.split()
        if kind == b"blob":
            yield rest[: int(size)]
        out = rest[int(size) + 1 :]


def layers(containers: list[str]) -> dict[str, dict[str, str]]:
    """Container -> what it wrote outside of its volumes."""
    found = {}
    asked = said("docker", "inspect", "-f", "{{.Name}} {{.GraphDriver.Data.UpperDir}}", *containers)
    for name, layer in (line.removeprefix("/").split() for line in asked):
        written = {path.removeprefix(layer): content(path) for path in walked(layer)}
        found[name] = {path: what for path, what in written.items() if what and not what.endswith(":0")}
    return found


def postgresql() -> Iterator[tuple[str, dict[str, list[str]]]]:
    for name in said(PSQL, "-d", "root", "-Atc", "select datname from pg_database where not datistemplate"):
        tables = said(PSQL, "-d", name, "-Atc", "select tablename from pg_tables where schemaname = 'public'")
        yield (
            f"postgresql {name}",
            {table: sorted(said(PSQL, "-d", name, "-Atc", f'select x::text from "{table}" x')) for table in tables},
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
    said("systemctl", "reset-failed", *SERVERS)
    said("systemctl", "start", *SERVERS)  # what a server holds is asked of it, and so is what it had not saved
    found = files()
    states = dict(line.split("|") for line in said("docker", "ps", "-a", "--format", "{{.Names}}|{{.State}}"))
    active = said("systemctl", "list-units", "--plain", "--no-legend", "--type=service", "--state=active")
    print(
        json.dumps(
            {
                "files": found,
                "heads": heads(found),
                "committed": committed(found),
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
