"""git: what of the work tree a command would throw away: changes that no commit holds, and files that it never knew.

The index holds every tracked file with the size and the time that it had when git last looked at it: a file that
differs has changes. Where the time alone differs, or cannot tell, its content is asked.
"""

from collections.abc import Callable, Iterable, Iterator

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.host import losing, places
from runaway_watchdog.effects.host.git_paths import Ignored, Paths
from runaway_watchdog.effects.host.git_repository import LINK_MODE, Index, Repository, Tracked, blob
from runaway_watchdog.effects.host.targets import Target
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Entry

LARGEST_HASHED = 1 << 20
WALK_LIMIT = 20_000


def changed(repository: Repository, index: Index, paths: Paths) -> list[str]:
    """Tracked files whose content is not the index's: by path below the work tree."""
    found: dict[str, None] = {}
    for each in index.entries:
        if not paths.chosen(each.path):
            continue
        path = f"{repository.root}/{each.path}"
        entry = repository.tree.entry(path)
        if entry is not None and _differs(repository, path, entry, each, index):
            found[each.path] = None
    return list(found)


def _differs(repository: Repository, path: str, entry: Entry, each: Tracked, index: Index) -> bool:
    if each.stage or entry.kind not in ("file", "link"):
        return entry.kind in ("file", "link")
    if (entry.kind == "link") != (each.mode == LINK_MODE):
        return True
    same = entry.size == each.size and int(entry.written_at) == each.written_at
    settled = int(entry.written_at) < int(index.written_at)
    if (same and settled) or (entry.size != each.size and each.size):
        return not same
    content = _content(repository, path, entry)
    return not same if content is None or not each.object else blob(content) != each.object


def _content(repository: Repository, path: str, entry: Entry) -> bytes | None:
    """None where it is too large, or cannot be read."""
    if entry.size > LARGEST_HASHED:
        return None
    try:
        text = repository.files.target(path) if entry.kind == "link" else repository.files.read(path)
    except OSError:
        return None
    return text.encode("utf-8", "surrogateescape")


def staged(repository: Repository, index: Index) -> set[str] | None:
    """Files whose entry in the index is not the one of HEAD; None where HEAD's files cannot be read."""
    conflicts = {each.path for each in index.entries if each.stage}
    if index.as_a_tree or not index.entries:
        return conflicts
    commit = repository.reference("HEAD")
    known = repository.files_of(commit) if commit else {}
    if known is None:
        return None
    return conflicts | {each.path for each in index.entries if known.get(each.path) != each.object}


def untracked(
    repository: Repository, index: Index, paths: Paths, ignored: Ignored, *, folders: bool, which: str, nested: bool
) -> Iterator[str]:
    """Files and whole folders that `git clean` deletes. `which`: "plain", "all" (-x), "ignored" (-X)."""
    return _Cleaning(repository, index, paths, ignored, folders, which, nested).below("", inherited=False)


class _Cleaning:
    def __init__(
        self, repository: Repository, index: Index, paths: Paths, ignored: Ignored,
        folders: bool, which: str, nested: bool,
    ) -> None:  # fmt: skip
        self._repository, self._paths, self._ignored = repository, paths, ignored
        self._folders, self._which, self._nested = folders, which, nested
        self._tracked = index.paths
        self._held = {""}
        for path in self._tracked:
            while path := path.rpartition("/")[0]:
                self._held.add(path)
        self._left = WALK_LIMIT

    def below(self, folder: str, *, inherited: bool) -> Iterator[str]:
        """What goes of a folder; `inherited`: it is ignored itself."""
        try:
            names = self._repository.tree.names(f"{self._repository.root}/{folder}".rstrip("/"))
        except OSError:
            return
        for name in names:
            path = f"{folder}/{name}".lstrip("/")
            entry = self._repository.tree.entry(f"{self._repository.root}/{path}")
            self._left -= 1
            if entry is None or path == ".git" or path in self._tracked or self._left < 0:
                continue
            ignored = inherited or self._ignored.ignored(path, folder=entry.kind == "folder")
            if entry.kind == "folder":
                yield from self._folder(path, ignored=ignored)
            elif self._paths.chosen(path) and self._goes(path, ignored=ignored):
                yield path

    def _goes(self, path: str, *, ignored: bool) -> bool:
        if self._which == "all":
            return not self._ignored.excepted(path, folder=False)
        return ignored == (self._which == "ignored")

    def _folder(self, path: str, *, ignored: bool) -> Iterator[str]:
        if path in self._held:
            yield from self.below(path, inherited=ignored)
            return
        inner = f"{self._repository.root}/{path}/.git"
        if not self._nested and self._repository.tree.entry(inner) is not None:
            return
        if not self._folders:  # of what is ignored it takes single files even there
            yield from self.below(path, inherited=False) if self._which == "ignored" and not ignored else ()
            return
        if self._which == "all" and self._ignored.excepted(path, folder=True):
            return
        gone = list(self.below(path, inherited=ignored))
        if self._whole(path, frozenset(gone)):
            yield path
        else:
            yield from gone

    def _whole(self, path: str, gone: frozenset[str]) -> bool:
        """Whether nothing of it stays, so that the folder goes as one."""
        if not self._paths.chosen(path):
            return False
        try:
            names = self._repository.tree.names(f"{self._repository.root}/{path}")
        except OSError:
            return False
        return all(f"{path}/{name}" in gone for name in names)


def lost(
    repository: Repository,
    names: Iterable[str],
    why: str,
    host: HostState,
    world: World,
    made: Callable[[str], bool] = lambda _: True,
) -> Outcome:
    """The end of these paths of the work tree, each told by itself. `made`: what somebody wrote, and no program makes
    anew; whoever wrote it uses it."""
    targets: list[Target] = []
    for name in names:
        path = f"{repository.root}/{name}"
        entry = places.tree(host, world).entry(path)
        if entry is not None:
            targets.append(Target(path, path, entry))
    found, after = losing.removed(targets, why, host, world)
    own = {target.real for target in targets if made(target.real[len(repository.root or "") + 1 :])}
    told = (
        each._replace(in_use=True) if each.data_lost and (each.name in own or each.more) else each for each in found
    )
    return Outcome(tuple(told), after)
