"""git: submodules and further work trees, which are repositories of their own in folders of this one."""

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.getopt import Grammar, grammar
from runaway_watchdog.effects.host.git_call import Call
from runaway_watchdog.effects.host.git_paths import Ignored, paths
from runaway_watchdog.effects.host.git_refs import moved_reference
from runaway_watchdog.effects.host.git_repository import Repository, find
from runaway_watchdog.effects.host.git_tree import changed, lost, staged, untracked
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.model.command import Word
from runaway_watchdog.model.effect import Effect

SUBMODULE = grammar(
    "--reference --depth -j --jobs -b --branch --name --filter --ref-format -n --summary-limit",
    "-f --force --all -q --quiet --init --no-fetch -N --checkout --merge --rebase --remote --recursive --cached "
    "--files "
    "--single-branch --no-single-branch --recommend-shallow --no-recommend-shallow --progress --dissociate --default",
)
WORKTREE = grammar(
    "-b -B --reason --expire --orphan",
    "-f --force -n --dry-run -v --verbose --porcelain -z --lock -d --detach --checkout --no-checkout -q --quiet "
    "--track "
    "--no-track --guess-remote --no-guess-remote --relative-paths",
)
_GITLINK = 0o160000
_HARMLESS = frozenset(("add", "init", "status", "summary", "sync", "absorbgitdirs", "set-branch", "set-url"))


def _strange(call: Call, outcome: Outcome, known: Grammar) -> Outcome:
    told = tuple(f"git {call.verb}: the option {option} is not known" for option in call.given(known).strange)
    return outcome._replace(unknown=(*outcome.unknown, *told))


def submodule(call: Call) -> Outcome:
    words = call.given(SUBMODULE).arguments
    verb = words.texts[0] if words.texts else "status"
    if verb == "foreach":
        return call.unknown(f"what `{shown(call.command)}` runs in each submodule is not judged")
    if verb in _HARMLESS:
        return _strange(call, call.safe(), SUBMODULE)
    if verb not in ("deinit", "update"):
        return call.unknown()
    if not words.has("-f", "--force"):
        return _strange(call, call.safe(), SUBMODULE)  # it refuses where there are changes
    return _strange(call, _forced(call, words.operands[1:], everything=verb == "deinit"), SUBMODULE)


def _forced(call: Call, operands: tuple[Word, ...], *, everything: bool) -> Outcome:
    """Each submodule as it is on the disk: `deinit` empties its folder, `update` puts the committed files back."""
    repository, index = call.repository, call.read_index()
    if repository is None or repository.root is None:
        return call.safe()
    if index is None:
        return call.unknown(f"which submodules {repository.root} has could not be read")
    chosen = call.paths(operands, whole=True)
    effects: list[Effect] = []
    unknown: list[str] = []
    for each in index.entries:
        if each.mode == _GITLINK and chosen.chosen(each.path):
            outcome = _of_one(call, f"{repository.root}/{each.path}", everything=everything, ignored_too=everything)
            effects += outcome.effects
            unknown += outcome.unknown
    return Outcome(tuple(effects), call.host, tuple(unknown))


def _of_one(call: Call, folder: str, *, everything: bool, ignored_too: bool, changes: bool = True) -> Outcome:
    """What is in that work tree and in no commit: changes, and with `everything` what it does not track."""
    inner = _inside(call, folder)
    if inner is None or inner.root is None:
        return call.safe()
    index = inner.read_index()
    only_staged = None if index is None else staged(inner, index)
    if index is None or only_staged is None:
        return call.unknown(f"which files of {folder} have changes could not be read")
    whole = paths((), "", whole=True)
    names = dict.fromkeys([*changed(inner, index, whole), *sorted(only_staged)] if changes else ())
    if everything:
        which = "all" if ignored_too and changes else "ignored" if ignored_too else "plain"
        doomed = untracked(inner, index, whole, Ignored(inner, None), folders=True, which=which, nested=True)
        names |= dict.fromkeys(each for each in doomed if each != ".git")
    return lost(inner, names, f"git {call.verb} takes it away: no commit holds it", call.host, call.world)


def _inside(call: Call, folder: str) -> Repository | None:
    tree = places.tree(call.host, call.world)
    if tree.entry(f"{folder}/.git") is None:
        return None
    return find(folder, tree, call.world.files)


def worktree(call: Call) -> Outcome:
    """remove refuses changes and untracked files without -f; what is ignored goes in any case."""
    words = call.given(WORKTREE).arguments
    verb = words.texts[0] if words.texts else "list"
    if verb == "add":
        again = words.value("-B")
        return _strange(call, moved_reference(call, f"refs/heads/{again}") if again else call.safe(), WORKTREE)
    if verb == "prune":
        return _strange(call, call.safe() if words.has("-n", "--dry-run") else _pruned(call), WORKTREE)
    if verb != "remove":
        return call.safe() if verb in ("list", "lock", "unlock", "move", "repair") else call.unknown()
    forced = words.has("-f", "--force")
    effects: list[Effect] = []
    unknown: list[str] = []
    for word in words.operands[1:]:
        path = absolute(word, call.command._replace(folder=call.folder))
        if path is None:
            unknown.append(f"which folder `{shown(call.command)}` removes is only known when it runs")
            continue
        real = places.tree(call.host, call.world).real(path)
        outcome = _of_one(call, real, everything=True, ignored_too=True, changes=forced)
        effects += outcome.effects
        unknown += outcome.unknown
    return _strange(call, Outcome(tuple(effects), call.host, tuple(unknown)), WORKTREE)


def _pruned(call: Call) -> Outcome:
    """Work trees whose folder is gone: their own HEAD, index and log go too."""
    repository = call.repository
    if repository is None:
        return call.safe()
    tree = repository.tree
    try:
        names = tree.names(f"{repository.common}/worktrees") if repository.has("worktrees") else []
    except OSError:
        return call.unknown()
    effects: list[Effect] = []
    for name in names:
        folder = f"{repository.common}/worktrees/{name}"
        place = (repository.text(f"worktrees/{name}/gitdir") or "").strip()
        entry = tree.entry(folder)
        if entry is not None and tree.entry(f"{folder}/locked") is None and place and tree.entry(place) is None:
            why = f"git worktree prune deletes what it knows of {place}, which is not there"
            effects += places.lost(folder, entry, why, call.host, call.world)
    return Outcome(tuple(effects), call.host)
