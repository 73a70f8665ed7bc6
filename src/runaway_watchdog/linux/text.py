"""How the kernel writes text."""

from collections.abc import Iterator


def lines(text: str) -> list[str]:
    r"""The lines of a kernel's text, which end with `\n` and with nothing else.

    Never `str.splitlines()`: that also ends a line at `\x0b`, `\x0c`, `\x1c` to `\x1e`, `\x85` and two more, all of
    which the kernel leaves as they are in the names of control groups, processes, files and network interfaces. Who
    chooses such a name would write lines of their own.
    """
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return found


def pairs(text: str) -> Iterator[tuple[str, str]]:
    """The lines `key: value` (status, io), with no blanks around the value."""
    for line in text.split("\n"):
        key, separator, value = line.partition(":")
        if separator:
            yield key, value.strip()


def numbers(text: str) -> dict[str, int]:
    """The lines `key: number`, or `key number` as in cpu.stat and memory.stat; others are left out."""
    found: dict[str, int] = {}
    for line in text.split("\n"):
        key, separator, value = line.partition(":")
        if not separator:
            key, _, value = line.partition(" ")
        value = value.strip()
        if value.isdigit() and value.isascii():
            found[key] = int(value)
    return found
