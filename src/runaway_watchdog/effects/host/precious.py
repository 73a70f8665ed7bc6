"""What nobody can make anew though nothing uses it at the moment: told by names, and for git by its own references.

A dump is precious where it is the only one of its kind in its folder; of several the rest goes on being a backup.
"""

import re
from collections.abc import Iterator
from itertools import islice

from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry, Tree

LOOKED_AT = 300
"""Entries of a folder that are looked at, those near its top first."""
SETTINGS = re.compile(
    r"\.env(?:\.(?!example$|sample$|dist$|template$|test$|ci$)[\w.-]+)?|\.htpasswd|\.pgpass|\.my\.cnf"
)
KEYS = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)|.+\.(?:pem|key|p12|pfx|kdbx|gpg|keystore|jks)")
UPLOADS = frozenset(("uploads", "upload", "media", "attachments", "userfiles", "user_uploads", "user-uploads"))
DUMP = re.compile(r".+\.(?:sql|dump|pgdump|dmp|bson|rdb)(?:\.(?:gz|bz2|xz|zst|lz4|gpg|age|enc))?", re.I)
ARCHIVE = re.compile(r".+\.(?:tar|tgz|tbz2|txz|zip|7z|bak|archive|gz|xz|zst|bz2|db|sqlite3?)(?:\.\w+)?", re.I)
BACKUPS = frozenset(("backup", "backups", "dumps", "dump", "bak", "snapshots"))
MADE_ANEW = frozenset(
    ("node_modules", "__pycache__", ".venv", "venv", "dist", "build", "target", "vendor", ".next", ".nuxt", ".tox",
     ".pytest_cache", ".mypy_cache", ".ruff_cache", ".gradle", "coverage", ".terraform", "bower_components")
)  # fmt: skip
"""Folders that a build or an installation fills again."""
_DIGITS = re.compile(r"[\d_.:TZ-]+")
_HASH = re.compile(r"(?P<hash>[0-9a-f]{40,64}) (?P<name>refs/\S+)")


def what(path: str, entry: Entry, after: Tree, world: World) -> str | None:
    """Why it is precious, None: it is not. `path` is a real one; `after` is the file system without it."""
    if is_made_anew(path):
        return None
    found = _name(path, after)
    if found is None and under_repository(path):
        found = unpushed(path[: path.index("/.git/") + len("/.git")] if "/.git/" in path else path, world)
    if found is not None or entry.kind != "folder":
        return found
    return _in_folder(path, world)


def is_made_anew(path: str) -> bool:
    """Whether it is in, or is, a folder that a build fills."""
    return not MADE_ANEW.isdisjoint(path.split("/"))


def under_repository(path: str) -> bool:
    """git's own folder, or something in it that is no lock."""
    return (path.endswith("/.git") or "/.git/" in path) and not path.endswith((".lock", ".pid"))


def _name(path: str, after: Tree) -> str | None:
    folder, _, name = path.rpartition("/")
    if SETTINGS.fullmatch(name):
        return "settings and secrets that are kept nowhere else"
    if KEYS.fullmatch(name):
        return "a key"
    if not UPLOADS.isdisjoint(path.split("/")):
        return "uploads: what others gave, and nobody here can make anew"
    if is_dump(path) and not _others(folder, name, after):
        return "the only dump of its kind in this folder"
    return None


def is_dump(path: str) -> bool:
    """A database's dump by its ending, or an archive in a folder for backups."""
    folder, _, name = path.rpartition("/")
    if DUMP.fullmatch(name):
        return True
    return ARCHIVE.fullmatch(name) is not None and not BACKUPS.isdisjoint(folder.lower().split("/"))


def _others(folder: str, name: str, after: Tree) -> bool:
    """Whether another one differs from it in nothing but a date or a number."""
    kind = _DIGITS.sub("#", name)
    try:
        names = after.names(folder)
    except OSError:
        return False
    alike = (each for each in names if each != name and _DIGITS.sub("#", each) == kind)
    return any((entry := after.entry(f"{folder}/{each}")) is not None and entry.size > 0 for each in alike)


def _in_folder(path: str, world: World) -> str | None:
    """The first precious thing that is found in a folder."""
    before = Tree(world.files, lambda each: each)
    for each, entry in islice(before.below(path, LOOKED_AT), LOOKED_AT):
        if is_made_anew(each) or (entry.kind == "file" and entry.size == 0):
            continue
        name = each.rpartition("/")[2]
        below = each[len(path) + 1 :]
        if entry.kind == "file" and (SETTINGS.fullmatch(name) or KEYS.fullmatch(name)):
            return f"it holds {below}: settings and secrets that are kept nowhere else"
        if entry.kind == "folder" and name in UPLOADS and next(before.below(each, 1), None) is not None:
            return f"it holds {below}: what others gave, and nobody here can make anew"
        if entry.kind == "file" and is_dump(each):
            return f"it holds dumps, {below} among them"
        if name == ".git" and (work := unpushed(each, world)):
            return work
    return None


def unpushed(repository: str, world: World) -> str | None:
    """Why work would be lost with this `.git` folder; None: another repository has all its commits, or it is none."""
    references = dict(_references(repository, world))
    heads = {name: at for name, at in references.items() if name.startswith("refs/heads/")}
    elsewhere = {at for name, at in references.items() if name.startswith("refs/remotes/")}
    if "refs/stash" in references:
        return "a git repository with stashed work that no other has"
    if heads and not elsewhere:
        return "a git repository whose commits no other is known to have"
    ahead = sorted(name.removeprefix("refs/heads/") for name, at in heads.items() if at not in elsewhere)
    if ahead:
        return f"a git repository with commits of {', '.join(ahead[:3])} that were not pushed"
    return _uncommitted(repository, world)


def _references(repository: str, world: World) -> Iterator[tuple[str, str]]:
    try:
        packed = world.files.read(f"{repository}/packed-refs")
    except OSError:
        packed = ""
    for found in _HASH.finditer(packed):
        yield found["name"], found["hash"]
    tree = Tree(world.files, lambda each: each)
    for path, entry in tree.below(f"{repository}/refs", LOOKED_AT):
        if entry.kind == "file":
            try:
                yield path[len(repository) + 1 :], world.files.read(path).strip()
            except OSError:
                continue


def _uncommitted(repository: str, world: World) -> str | None:
    """Changes in the work tree beside it that no commit holds."""
    from runaway_watchdog.effects.host import git_paths, git_repository, git_tree  # they ask what a place means

    tree = Tree(world.files, lambda each: each)
    root = repository.rpartition("/")[0]
    found = git_repository.opened(repository, root, tree, world.files)
    index = None if found is None else found.read_index()
    if found is None or index is None:
        return None
    first = index._replace(entries=index.entries[:LOOKED_AT])
    changed = git_tree.changed(found, first, git_paths.paths((), "", whole=True))
    return f"a git repository with changes that no commit holds, {changed[0]} among them" if changed else None
