"""The objects of a git repository: loose ones, and those of packs that are small enough (gitformat-pack(5))."""

import struct
import zlib
from collections.abc import Callable

from runaway_watchdog.world import Files
from runaway_watchdog.world.paths import Tree

Object = tuple[str, bytes]
LARGEST_PACK = 1 << 20
"""Bytes. A larger pack is not read: it takes longer than anybody waits."""
_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_OFFSET_DELTA, _NAMED_DELTA = 6, 7
_DEPTH = 60


def read(oid: str, common: str, files: Files, tree: Tree) -> Object | None:
    """Its kind and content; None where it is in neither."""
    try:
        data = zlib.decompress(_bytes(f"{common}/objects/{oid[:2]}/{oid[2:]}", files))
        head, _, content = data.partition(b"\0")
        return head.split(b" ")[0].decode(), content
    except FileNotFoundError:
        return _packed(oid, common, files, tree)
    except (OSError, zlib.error, ValueError):
        return None


def _bytes(path: str, files: Files) -> bytes:
    return files.read(path).encode("utf-8", "surrogateescape")


def _packed(oid: str, common: str, files: Files, tree: Tree) -> Object | None:
    folder = f"{common}/objects/pack"
    try:
        names = [name for name in tree.names(folder) if name.endswith(".idx")]
        for name in names:
            pack = f"{folder}/{name[:-4]}.pack"
            entry = tree.entry(pack)
            if entry is None or entry.size > LARGEST_PACK:
                continue
            at = _place(bytes.fromhex(oid), _bytes(f"{folder}/{name}", files))
            if at is not None:
                data = _bytes(pack, files)
                return (
                    _at(data, at, lambda other: read(other, common, files, tree)) if len(data) == entry.size else None
                )
    except (OSError, struct.error, zlib.error, ValueError, IndexError, KeyError):
        return None
    return None


def _place(oid: bytes, index: bytes) -> int | None:
    """Where in the pack an object is, by its index of version 2."""
    if index[:8] != b"\xfftOc\0\0\0\2":
        return None
    fan = struct.unpack_from(">256I", index, 8)
    low, high, count = fan[oid[0] - 1] if oid[0] else 0, fan[oid[0]], fan[255]
    names = 8 + 1024
    while low < high:
        middle = (low + high) // 2
        found = index[names + 20 * middle : names + 20 * middle + 20]
        if found == oid:
            offset: int = struct.unpack_from(">I", index, names + 24 * count + 4 * middle)[0]
            return None if offset & 0x80000000 else offset
        low, high = (middle + 1, high) if found < oid else (low, middle)
    return None


def _at(data: bytes, at: int, other: Callable[[str], Object | None], depth: int = 0) -> Object | None:
    """An object of a pack; a delta is applied to what it was made from."""
    start, kind = at, data[at] >> 4 & 7
    while data[at] & 128:
        at += 1
    at += 1
    if depth > _DEPTH:
        return None
    base: Object | None = None
    if kind == _OFFSET_DELTA:
        back = data[at] & 127
        while data[at] & 128:
            at += 1
            back = ((back + 1) << 7) | (data[at] & 127)
        at += 1
        base = _at(data, start - back, other, depth + 1)
    elif kind == _NAMED_DELTA:
        base = other(data[at : at + 20].hex())
        at += 20
    content = zlib.decompressobj().decompress(data[at:])
    if kind in _KINDS:
        return _KINDS[kind], content
    return None if base is None else (base[0], _applied(base[1], content))


def _applied(base: bytes, delta: bytes) -> bytes:
    _, at = _number(delta, 0)
    _, at = _number(delta, at)
    parts: list[bytes] = []
    while at < len(delta):
        code = delta[at]
        at += 1
        if not code & 128:
            parts.append(delta[at : at + code])
            at += code
            continue
        values = [0] * 7
        for bit in range(7):
            if code >> bit & 1:
                values[bit] = delta[at]
                at += 1
        offset = int.from_bytes(bytes(values[:4]), "little")
        size = int.from_bytes(bytes(values[4:]), "little") or 0x10000
        parts.append(base[offset : offset + size])
    return b"".join(parts)


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at += 1
        shift += 7
        if not data[at - 1] & 128:
            return value, at
