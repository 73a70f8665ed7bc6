"""/proc/PID/cmdline: the arguments of a process, each ended by a NUL. It may write over them: hostile."""

from runaway_watchdog.linux.files import Paths, read as read_file


def parse(text: str) -> tuple[str, ...]:
    """The arguments, empty ones at the end too; () for a kernel thread or a zombie."""
    return tuple(text.removesuffix("\0").split("\0")) if text else ()


def read(paths: Paths, pid: int) -> tuple[str, ...]:
    """The same, of at most 8 KiB, and without empty ones at the end, which a title that was written over leaves there.

    () for one that is gone, too.
    """
    text = read_file(f"{paths.proc}/{pid}/cmdline", 8192) or b""
    return tuple(word.decode("utf-8", "replace") for word in text.rstrip(b"\0").split(b"\0")) if text else ()
