"""git: what a line makes before it takes something away: a repository, a clone, files that are tracked from then on."""

from collections.abc import Callable, Mapping

from runaway_watchdog.effects import HostState, Outcome, Tracking
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.getopt import grammar
from runaway_watchdog.effects.host.git_call import Call
from runaway_watchdog.effects.host.git_paths import Ignored, Paths, paths
from runaway_watchdog.effects.host.git_repository import Index, Repository, Tracked
from runaway_watchdog.effects.host.git_tree import untracked
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.model.command import Word

INIT = grammar(
    "--template --separate-git-dir --object-format --ref-format -b --initial-branch",
    "-q --quiet --bare",
    "--shared",
)
CLONE = grammar(
    "-o --origin -b --branch -u --upload-pack --template --reference --reference-if-able -c --config --depth "
    "--shallow-since --shallow-exclude --separate-git-dir -j --jobs --server-option --filter --bundle-uri --ref-format "
    "--revision",
    "-l --local -s --shared --no-hardlinks -q --quiet -v --verbose --progress -n --no-checkout --reject-shallow "
    "--no-reject-shallow --bare --sparse --mirror --dissociate --single-branch --no-single-branch --tags --no-tags "
    "--shallow-submodules --no-shallow-submodules --remote-submodules --no-remote-submodules --also-filter-submodules "
    "-4 --ipv4 -6 --ipv6",
    "--recurse-submodules --recursive",
)
ADD = grammar(
    "--chmod --pathspec-from-file",
    "-n --dry-run -v --verbose -f --force --sparse -i --interactive -p --patch -e --edit -A --all --no-ignore-removal "
    "--ignore-removal --no-all -u --update -N --intent-to-add --refresh --ignore-errors --ignore-missing --renormalize "
    "--no-warn-embedded-repo --pathspec-file-nul",
)
_PARTS = {"": "folder", "/HEAD": "file", "/config": "file", "/objects": "folder", "/refs": "folder"}
"""By which git knows a repository (gitrepository-layout(5))."""
LARGEST = 5000


def after(index: Index, repository: Repository, tracking: Tracking) -> Index:
    """The index with what the line has added to it, and without what it has taken out."""
    kept = [each for each in index.entries if each.path not in tracking.removed]
    known = {each.path for each in kept}
    entries = {name: repository.tree.entry(f"{repository.root}/{name}") for name in sorted(tracking.added - known)}
    added = [Tracked(name, int(min(each.written_at, 2**40)), each.size) for name, each in entries.items() if each]
    whole = index.as_a_tree and not added and len(kept) == len(index.entries)
    return Index((*kept, *added), whole, index.written_at)


def _made(host: HostState, folder: str, root: str | None) -> HostState:
    if root is not None:
        host = places.with_made(host, root, "folder")
    for part, kind in _PARTS.items():
        host = places.with_made(host, folder + part, kind)
    return host


def _init(call: Call) -> Outcome:
    """A repository in the folder, where there is none yet: of all that is in there git then tracks nothing."""
    words = call.given(INIT).arguments
    at = call.command._replace(folder=call.folder)
    named = words.operands[0] if words.operands else Word(call.folder, call.folder)
    root = absolute(named, at)
    if root is None:
        return call.unknown(f"where `{shown(call.command)}` makes a repository is only known when it runs")
    tree = places.tree(call.host, call.world)
    real = tree.real(root)
    bare = words.has("--bare")
    folder = real if bare else f"{real.rstrip('/')}/.git"
    if tree.entry(f"{folder}/HEAD") is not None or tree.entry(f"{real.rstrip('/')}/.git") is not None:
        return call.safe()  # it is one already
    new = None if tree.entry(real) is not None or bare else real
    return Outcome((), _made(call.host, folder, new))


def _clone(call: Call) -> Outcome:
    """A folder of its own, with what the other side holds: git refuses one that holds something."""
    words = call.given(CLONE).arguments
    if words.has("-u", "--upload-pack", "-c", "--config", "--template"):
        return call.mild(f"`{shown(call.command)}` may start another program")
    operands = [word.text for word in words.operands]
    if not operands or operands[0] is None:
        return call.safe()
    source = operands[0].rstrip("/").removesuffix("/.git")
    name = source.replace(":", "/").rpartition("/")[2].removesuffix(".git").removesuffix(".bundle")
    bare = words.has("--bare", "--mirror")
    target = operands[1] if len(operands) > 1 else f"{name}.git" if bare else name
    path = None if not target else absolute(Word(target, target), call.command._replace(folder=call.folder))
    if path is None:
        return call.safe()
    tree = places.tree(call.host, call.world)
    real = tree.real(path)
    entry = tree.entry(real)
    if entry is not None and (entry.kind != "folder" or tree.names(real)):
        return call.safe()
    return Outcome((), _made(call.host, real if bare else f"{real}/.git", None if bare or entry is not None else real))


def _add(call: Call) -> Outcome:
    """Files that git did not know: it takes them away with the others from then on."""
    words = call.given(ADD).arguments
    repository, index = call.repository, call.read_index()
    still = words.has("-n", "--dry-run", "-u", "--update", "--refresh", "--renormalize")
    if still or repository is None or repository.root is None or index is None:
        return call.safe()
    everything = words.has("-A", "--all", "--no-ignore-removal") and not words.operands
    if not everything and not words.operands:
        return call.safe()
    chosen = paths((), "", whole=True) if everything else call.paths(words.operands)
    names = frozenset(_files(call, repository, index, chosen, forced=words.has("-f", "--force")))
    now = call.tracking
    return Outcome((), call.tracked(call.tracking._replace(added=now.added | names, removed=now.removed - names)))


def _files(call: Call, repository: Repository, index: Index, chosen: Paths, *, forced: bool) -> set[str]:
    found: set[str] = set()
    ignored = Ignored(repository, call.excludes_file)
    whole = paths((), "", whole=True)
    which = "all" if forced else "plain"
    for name in untracked(repository, index, whole, ignored, folders=True, which=which, nested=False):
        below = repository.tree.below(f"{repository.root}/{name}", LARGEST)
        inner = [path[len(repository.root or "") + 1 :] for path, entry in below if entry.kind != "folder"]
        found.update(path for path in inner or [name] if chosen.chosen(path))
    return found


def _commit(call: Call) -> Outcome:
    return Outcome((), call.tracked(call.tracking._replace(committed=True)))


BY_VERB: Mapping[str, Callable[[Call], Outcome]] = {
    "init": _init, "init-db": _init, "clone": _clone, "add": _add, "stage": _add, "commit": _commit,
}  # fmt: skip
