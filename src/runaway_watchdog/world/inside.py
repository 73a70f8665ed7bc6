"""The file system as one process sees it: its own root, with the links in it followed there and not on the host.

`/proc/PID/root` leads into a container, but a link that starts with "/" below it would lead out again: Debian's
/var/run is such a link, and a supervisord in a container would be taken for the host's. So links are resolved here.
"""

from collections.abc import Sequence

from runaway_watchdog.model.process import Process
from runaway_watchdog.world import Files
from runaway_watchdog.world.paths import Tree
from runaway_watchdog.world.procfs import PROC


class Inside:
    """Reading below one root; paths are absolute, as the process itself writes them. Raises OSError as Files does."""

    def __init__(self, files: Files, root: str = "") -> None:
        self._files = files
        self.root = root
        self._tree = Tree(files, lambda path: f"{root}{path}")

    def path(self, path: str) -> str:
        """Where it is for us, without links."""
        return f"{self.root}{self._tree.real(path)}" if self.root else path

    def read(self, path: str) -> str:
        return self._files.read(self.path(path))

    def names(self, path: str) -> Sequence[str]:
        return self._files.names(self.path(path))

    def exists(self, path: str) -> bool:
        return self._files.exists(self.path(path))

    def written_at(self, path: str) -> float:
        """Its last write, seconds since the epoch."""
        return float(self._files.status(self.path(path))[2])

    def glob(self, pattern: str) -> list[str]:
        """The paths that an absolute pattern names, in order."""
        return self._tree.glob(pattern)


def of(files: Files, process: Process) -> Inside:
    """What this process sees: the host itself, or its container's root."""
    return Inside(files, f"{PROC}/{process.pid}/root" if len(process.namespace_pids) > 1 else "")
