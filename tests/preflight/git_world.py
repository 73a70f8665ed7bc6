"""A repository of git in memory: its objects, index and references are those that git would write."""

import hashlib
import struct
import zlib
from collections.abc import Mapping

from preflight.host_world import NOW, FakeFiles, FakeHost


def put(files: FakeFiles, path: str, data: bytes) -> None:
    """Bytes as `Files.read` hands them over, with as many characters as bytes."""
    files.add(path, "".join(chr(byte) if byte < 128 else chr(0xDC00 + byte) for byte in data))


def written(files: FakeFiles, folder: str, kind: str, content: bytes) -> str:
    """One loose object; its name."""
    data = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    put(files, f"{folder}/objects/{name[:2]}/{name[2:]}", zlib.compress(data))
    return name


def tree(files: FakeFiles, folder: str, texts: Mapping[str, str]) -> str:
    below: dict[str, dict[str, str]] = {}
    entries: list[tuple[str, bytes]] = []
    for path, text in texts.items():
        first, slash, rest = path.partition("/")
        if slash:
            below.setdefault(first, {})[rest] = text
        else:
            blob = written(files, folder, "blob", text.encode())
            entries.append((first, f"100644 {first}\0".encode() + bytes.fromhex(blob)))
    for name, inner in below.items():
        entries.append((name, f"40000 {name}\0".encode() + bytes.fromhex(tree(files, folder, inner))))
    return written(files, folder, "tree", b"".join(data for _, data in sorted(entries)))


def commit(files: FakeFiles, folder: str, texts: Mapping[str, str], parent: str = "") -> str:
    lines = f"tree {tree(files, folder, texts)}\n" + (f"parent {parent}\n" if parent else "")
    return written(files, folder, "commit", f"{lines}author a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n".encode())


def index(texts: Mapping[str, str]) -> bytes:
    data = struct.pack(">4sII", b"DIRC", 2, len(texts))
    for path, text in sorted(texts.items()):
        blob = hashlib.sha1(f"blob {len(text)}\0{text}".encode(), usedforsecurity=False).digest()
        entry = struct.pack(">10I", int(NOW), 0, int(NOW), 0, 0, 0, 0o100644, 0, 0, len(text)) + blob
        entry += struct.pack(">H", len(path)) + path.encode()
        data += entry + b"\0" * (8 - len(entry) % 8)
    return data + hashlib.sha1(data, usedforsecurity=False).digest()


COMMITTED = {"a.txt": "v2\n", "same.txt": "v1\n", "sub/b.txt": "v1\n", ".gitignore": "ignored/\n.env\n*.log\n"}
CHANGED = {"a.txt": "changed\n", "sub/b.txt": "changed\n", "staged.txt": "staged\n"}
UNTRACKED = {
    "new.txt": "n\n",
    "uploads/pic.jpg": "p\n",
    "ignored/x": "i\n",
    ".env": "S=1\n",
    "sub/x.log": "l\n",
    "c.txt": "own\n",
}


def repository(*, clean: bool = False) -> FakeHost:
    """/srv/repo on master, beside it the branches feature (a commit of its own, with c.txt) and merged, a tag, a stash.

    `clean`: as it was committed; else with changes, a staged file and untracked ones."""
    host = FakeHost()
    files, git = host.files, "/srv/repo/.git"
    first = commit(files, git, {**COMMITTED, "a.txt": "v1\n"})
    second = commit(files, git, COMMITTED, first)
    third = commit(files, git, {**COMMITTED, "c.txt": "feature's\n"}, first)
    files.add(f"{git}/HEAD", "ref: refs/heads/master\n")
    files.add(
        f"{git}/config",
        "[core]\n\tbare = false\n[alias]\n\tco = checkout\n\twipe = !rm -rf /srv\n\tundo = reset --hard\n",
    )
    for name, at in {"heads/master": second, "heads/feature": third, "heads/merged": first, "tags/v1": first}.items():
        files.add(f"{git}/refs/{name}", f"{at}\n")
        if not name.startswith("tags"):
            files.add(f"{git}/logs/refs/{name}", f"{'0' * 40} {at} a <a@b> 1 +0000\tx\n")
    files.add(f"{git}/logs/HEAD", f"{'0' * 40} {second} a <a@b> 1 +0000\tx\n")
    put(files, f"{git}/index", index(COMMITTED if clean else {**COMMITTED, "staged.txt": "staged\n"}))
    for path, text in {**COMMITTED, **({} if clean else {**CHANGED, **UNTRACKED})}.items():
        files.add(f"/srv/repo/{path}", text)
    if not clean:
        files.add(f"{git}/refs/stash", f"{third}\n")
        files.add(f"{git}/logs/refs/stash", f"{'0' * 40} {third} a <a@b> 1 +0000\tWIP\n")
    files.add("/srv/out.db", "precious\n")
    return host
