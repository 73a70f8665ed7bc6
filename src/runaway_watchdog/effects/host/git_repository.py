"""A repository of git as it lies on the disk: its folder, configuration, references, index and objects.

Read as git's own manuals describe them: gitrepository-layout(5), gitformat-index(5). git is never run.
"""

import re
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.world import Files
from runaway_watchdog.world.paths import Tree

HEX = re.compile(r"[0-9a-f]{40}")
PARENTS = re.compile(r"(?:~\d*|\^)*")
_INDEX_HEADER = struct.Struct(">4sII")
_FIXED_LENGTH = 62
"""Bytes of an index entry before its path, in versions 2 to 4, where names of objects have 20 bytes."""
LINK_MODE = 0o120000
LARGEST_OBJECT = 1 << 23
_SECTION = re.compile(r'\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]\s*(.*)')


class Tracked(NamedTuple):
    """One entry of the index."""

    path: str  # below the work tree
    written_at: int
    size: int
    object: str = ""  # the name of its content
    mode: int = 0o100644
    stage: int = 0  # 1 to 3: of a conflict


class Index(NamedTuple):
    entries: tuple[Tracked, ...]
    as_a_tree: bool = False  # it is what a tree that git wrote or read says: nothing was staged since
    written_at: float = 0.0

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(each.path for each in self.entries)


class Repository(NamedTuple):
    """`root` is the work tree, None in a bare repository; `common` holds what several work trees share."""

    root: str | None
    directory: str
    common: str
    files: Files
    tree: Tree

    def text(self, name: str) -> str | None:
        """A file of the repository's own folder; None where there is none that can be read."""
        for folder in dict.fromkeys((self.directory, self.common)):
            try:
                return self.files.read(f"{folder}/{name}")
            except OSError:
                continue
        return None

    def has(self, name: str) -> bool:
        return any(self.tree.entry(f"{folder}/{name}") is not None for folder in {self.directory, self.common})

    def read_index(self) -> Index | None:
        """None where it cannot be read: too large, split, sparse, or of a version or hash that is not known."""
        path = f"{self.directory}/index"
        try:
            entry = self.tree.entry(path)
            if entry is None:
                return Index(())
            data = self.files.read(path).encode("utf-8", "surrogateescape")
            return parse_index(data, entry.written_at) if len(data) == entry.size else None
        except (OSError, struct.error, ValueError, IndexError):
            return None

    def packed(self) -> dict[str, str]:
        """The references of packed-refs, by name."""
        lines = lines_of(self.text("packed-refs") or "")
        pairs = (line.split(" ", 1) for line in lines if line[:1] not in ("#", "^") and " " in line)
        return {name.strip(): oid for oid, name in pairs}

    def reference(self, name: str, depth: int = 5) -> str | None:
        """The object that a full name (HEAD, refs/heads/x) stands for."""
        text = (self.text(name) or "").strip()
        if text.startswith("ref:") and depth:
            return self.reference(text[4:].strip(), depth - 1)
        return text if HEX.fullmatch(text) else self.packed().get(name)

    def branch(self) -> str | None:
        """The full name of the branch that is checked out; None: none is."""
        text = (self.text("HEAD") or "").strip()
        return text[4:].strip() if text.startswith("ref:") else None

    def full_name(self, name: str) -> str | None:
        """How git reads a short name (gitrevisions(7)); None: there is no such reference."""
        for before in ("", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"):
            full = before + name
            if (before or name.startswith("refs/") or name.isupper()) and self.reference(full):
                return full
        return f"refs/remotes/{name}/HEAD" if self.reference(f"refs/remotes/{name}/HEAD") else None

    def references(self, below: str = "refs") -> dict[str, str]:
        """Every reference with its object."""
        found = {name: oid for name, oid in self.packed().items() if name.startswith(f"{below}/")}
        for path, entry in self.tree.below(f"{self.common}/{below}", 5000):
            name = path[len(self.common) + 1 :]
            if entry.kind == "file" and (oid := self.reference(name)):
                found[name] = oid
        return found

    def commit(self, name: str) -> str | None:
        """The commit that a plain name stands for; None where it is none, or is written in another way."""
        name = "HEAD" if name == "@" else name
        base = re.split(r"[~^]", name, maxsplit=1)[0]
        steps = PARENTS.fullmatch(name, len(base))
        if steps is None:
            return None
        full = self.full_name(base)
        at = self.reference(full) if full else base if HEX.fullmatch(base) else self._short(base)
        for step in re.findall(r"~\d*|\^", steps[0]):
            for _ in range(int(step[1:] or 1) if step[0] == "~" else 1):
                at = self._first_parent(at)
        return at

    def _short(self, name: str) -> str | None:
        if not re.fullmatch(r"[0-9a-f]{4,39}", name):
            return None
        try:
            fitting = [
                each for each in self.tree.names(f"{self.common}/objects/{name[:2]}") if each.startswith(name[2:])
            ]
        except OSError:
            return None
        return name[:2] + fitting[0] if len(fitting) == 1 else None

    def _first_parent(self, oid: str | None) -> str | None:
        return next(iter(self.parents(oid)), None) if oid else None

    def parents(self, oid: str) -> list[str]:
        kind, data = self.object(oid) or ("", b"")
        head = data.decode("utf-8", "replace").partition("\n\n")[0] if kind == "commit" else ""
        return re.findall(r"^parent ([0-9a-f]{40})$", head, re.M)

    def object(self, oid: str) -> tuple[str, bytes] | None:
        """Its kind and content; None where it is not loose or in a small pack."""
        from runaway_watchdog.effects.host.git_objects import read

        return read(oid, self.common, self.files, self.tree)

    def files_of(self, commit: str) -> dict[str, str] | None:
        """The files of a commit's tree and the objects that they hold; None where any of it cannot be read."""
        kind, data = self.object(commit) or ("", b"")
        if kind == "tag":
            return self.files_of(data[7:47].decode())
        if kind != "commit":
            return None
        found: dict[str, str] = {}
        return found if self._tree_into(data[5:45].decode(), "", found) else None

    def _tree_into(self, oid: str, before: str, found: dict[str, str]) -> bool:
        kind, data = self.object(oid) or ("", b"")
        if kind != "tree" or len(found) > 50_000:
            return False
        at = 0
        while at < len(data):
            end = data.index(b"\0", at)
            mode, _, name = data[at:end].decode("utf-8", "surrogateescape").partition(" ")
            inner = data[end + 1 : end + 21].hex()
            at = end + 21
            if mode == "40000":
                if not self._tree_into(inner, f"{before}{name}/", found):
                    return False
            else:
                found[before + name] = inner
        return True


def find(folder: str, tree: Tree, files: Files) -> Repository | None:
    """The repository around a folder. Raises OSError where nobody may look."""
    at = tree.real(folder)
    while True:
        base = at.rstrip("/")
        entry = tree.entry(f"{base}/.git")
        if entry is not None:
            return opened(f"{base}/.git", at, tree, files)
        if all(tree.entry(f"{base}/{name}") is not None for name in ("HEAD", "objects", "refs")):
            return opened(at, None, tree, files)
        if at == "/":
            return None
        at = at.rpartition("/")[0] or "/"


def opened(directory: str, root: str | None, tree: Tree, files: Files) -> Repository | None:
    """The repository in that folder, or the one that a file `.git` names (a work tree of its own, a submodule)."""
    real = tree.real(directory)
    entry = tree.entry(real)
    if entry is None:
        return None
    if entry.kind == "file":
        named = files.read(real).partition("gitdir:")[2].strip()
        real = tree.real(named if named.startswith("/") else f"{real.rpartition('/')[0]}/{named}")
    common = real
    if tree.entry(f"{real}/commondir") is not None:
        shared = files.read(f"{real}/commondir").strip()
        common = tree.real(shared if shared.startswith("/") else f"{real}/{shared}")
    return Repository(root, real, common, files, tree)


def parse_index(data: bytes, written_at: float = 0.0) -> Index:
    """Raises struct.error and ValueError on what is no whole index of version 2, 3 or 4."""
    magic, version, count = _INDEX_HEADER.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("another version of the index")
    at, before = _INDEX_HEADER.size, b""
    found: list[Tracked] = []
    for _ in range(count):
        seconds, mode = struct.unpack_from(">I", data, at + 8)[0], struct.unpack_from(">I", data, at + 24)[0]
        size, flags = struct.unpack_from(">I", data, at + 36)[0], struct.unpack_from(">H", data, at + 60)[0]
        start = at + _FIXED_LENGTH + (2 if flags & 0x4000 else 0)
        kept = b""
        if version == 4:
            drop, start = _offset(data, start)
            kept = before[: len(before) - drop]
        end = data.index(b"\0", start)
        path = before = kept + data[start:end]
        if mode == 0o40000:
            raise ValueError("a sparse index")
        name = path.decode("utf-8", "surrogateescape")
        found.append(Tracked(name, seconds, size, data[at + 40 : at + 60].hex(), mode, flags >> 12 & 3))
        at = end + 1 if version == 4 else at + (end - at + 8) // 8 * 8  # padded with 1 to 8 NUL bytes
    return Index(tuple(found), _as_a_tree(data, at), written_at)


def _offset(data: bytes, at: int) -> tuple[int, int]:
    """A number of gitformat-pack(5)'s "offset encoding", and where it ends."""
    value = data[at] & 127
    while data[at] & 128:
        at += 1
        value = ((value + 1) << 7) | (data[at] & 127)
    return value, at + 1


def _as_a_tree(data: bytes, at: int) -> bool:
    """The cache tree's root, which `git add` takes away and a commit or checkout writes. Raises ValueError on a split
    index."""
    whole = False
    while at + 8 <= len(data) - 20:
        name, length = data[at : at + 4], struct.unpack_from(">I", data, at + 4)[0]
        if name == b"link":
            raise ValueError("a split index")
        if name == b"TREE":
            body = data[at + 8 : at + 8 + length]
            whole = not body.startswith(b"\0-1") and bool(body)
        at += 8 + length
    return whole


def blob(content: bytes) -> str:
    """The name that git gives to a file's content."""
    import hashlib  # it loads OpenSSL, for the few files that git has to be asked about

    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def parse_config(text: str) -> Iterator[tuple[str, str]]:
    """The settings of a configuration file: "alias.co" and its value, in order."""
    section = ""
    for line in lines_of(text.replace("\\\n", "")):
        rest = line.strip()
        if found := _SECTION.match(rest):
            section = found[1].lower() + (f".{found[2]}" if found[2] is not None else "")
            rest = found[3]
        if not rest or rest[0] in "#;":
            continue
        name, _, value = rest.partition("=")
        yield f"{section}.{name.strip().lower()}", _value(value)


def _value(text: str) -> str:
    """Quotes are taken off, comments outside of them too."""
    found = re.findall(r'"((?:[^"\\]++|\\[\s\S])*+)(?:"|\\?\Z)|([^"#;]+)|[#;].*', text.strip())
    return re.sub(r"\\(.)", r"\1", "".join(quoted or plain for quoted, plain in found)).strip()


def configuration(repository: Repository | None, files: Files) -> Mapping[str, str]:
    """What git would read, the later file over the earlier: the system's, the user's, the repository's."""
    home = files.variable("HOME") or "/root"
    found: dict[str, str] = {}
    for path in ("/etc/gitconfig", f"{home}/.config/git/config", f"{home}/.gitconfig"):
        try:
            found.update(parse_config(files.read(path)))
        except OSError:
            continue
    found.update(parse_config((repository.text("config") if repository else None) or ""))
    return found
