"""checkout, switch, restore, reset, clean, rm, mv, and what gives up a merge: work that no commit holds."""

import re
from collections.abc import Iterable

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.arguments import Arguments, shown
from runaway_watchdog.effects.host.getopt import Grammar, grammar
from runaway_watchdog.effects.host.git_call import Call
from runaway_watchdog.effects.host.git_paths import Ignored, Paths, paths
from runaway_watchdog.effects.host.git_refs import moved_reference
from runaway_watchdog.effects.host.git_repository import Index, Repository, blob
from runaway_watchdog.effects.host.git_tree import changed, lost, staged, untracked
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.model.command import Word

CHECKOUT = grammar(
    "-b -B --orphan --conflict --pathspec-from-file",
    "-f --force -q --quiet --progress --no-progress -l -d --detach --guess --no-guess --no-track --ours --theirs -2 "
    "-3 -m "
    "--merge -p --patch --overlay --no-overlay --ignore-skip-worktree-bits --ignore-other-worktrees "
    "--recurse-submodules "
    "--no-recurse-submodules --overwrite-ignore --no-overwrite-ignore --pathspec-file-nul",
    "-t --track",
)
SWITCH = grammar(
    "-c --create -C --force-create --orphan --conflict",
    "-d --detach --guess --no-guess -f --force --discard-changes -m --merge -q --quiet --progress --no-progress "
    "--no-track "
    "--ignore-other-worktrees --recurse-submodules --no-recurse-submodules --overwrite-ignore --no-overwrite-ignore",
    "-t --track",
)
RESTORE = grammar(
    "-s --source --conflict --pathspec-from-file",
    "-S --staged -W --worktree -p --patch -q --quiet --progress --no-progress --ours --theirs -2 -3 -m --merge "
    "--ignore-unmerged --overlay --no-overlay --ignore-skip-worktree-bits --recurse-submodules --no-recurse-submodules "
    "--pathspec-file-nul",
)
RESET = grammar(
    "--pathspec-from-file",
    "--hard --soft --mixed --merge --keep -q --quiet --no-quiet -p --patch -N --intent-to-add --no-refresh --refresh "
    "--recurse-submodules --no-recurse-submodules --pathspec-file-nul",
)
CLEAN = grammar("-e --exclude", "-d -f --force -i --interactive -n --dry-run -q --quiet -x -X --no-dry-run")
RM = grammar(
    "--pathspec-from-file",
    "-f --force -n --dry-run -r --cached --ignore-unmatch --sparse -q --quiet --pathspec-file-nul",
)
MV = grammar("", "-f --force -k -n --dry-run -v --verbose --sparse")
_COMMIT = re.compile(r"-|@.*|.*[~^{}:].*|[0-9a-f]{7,40}|[A-Z_]*HEAD", re.S)
"""What git reads as a commit though it is no reference's name."""


def _strange(call: Call, outcome: Outcome, known: Grammar) -> Outcome:
    told = tuple(f"git {call.verb}: the option {option} is not known" for option in call.given(known).strange)
    return outcome._replace(unknown=(*outcome.unknown, *told))


def _both(first: Outcome, second: Outcome) -> Outcome:
    return Outcome((*first.effects, *second.effects), second.host, (*first.unknown, *second.unknown))


def _thrown_away(call: Call, chosen: Paths, *, also_staged: bool, spared: Iterable[str] = ()) -> Outcome:
    """Tracked files with changes, among the chosen paths; `also_staged`: those that only the index holds too."""
    repository, index = call.repository, call.read_index()
    if repository is None or repository.root is None:
        return call.safe()
    if index is None:
        return call.unknown(f"which files of {repository.root} git tracks could not be read")
    doomed = dict.fromkeys(changed(repository, index, chosen))
    outcome = call.safe()
    if also_staged:
        only_staged = staged(repository, index)
        if only_staged is None:
            outcome = call.unknown(f"changes of {repository.root} that are staged and not committed are not looked up")
        doomed |= dict.fromkeys(path for path in sorted(only_staged or ()) if chosen.chosen(path))
    names = [path for path in doomed if path not in set(spared)]
    return _both(
        outcome, lost(repository, names, f"git {call.verb} puts what is committed in its place", call.host, call.world)
    )


def _everything() -> Paths:
    return paths((), "", whole=True)


def checkout(call: Call) -> Outcome:
    read = call.given(CHECKOUT)
    words = read.arguments
    commit, chosen = _split(call, words)
    if words.has("-p", "--patch") or words.has("--pathspec-from-file"):
        outcome = call.unknown(f"which changes `{shown(call.command)}` throws away is only known when it runs")
    elif chosen is not None:
        outcome = _thrown_away(call, chosen, also_staged=commit is not None)
        if words.has("--no-overlay") and not outcome.effects:
            outcome = call.unknown()
    else:
        outcome = _switched(call, commit, forced=words.has("-f", "--force"), again=words.value("-B"))
    return _strange(call, outcome, CHECKOUT)


def _split(call: Call, words: Arguments) -> tuple[str | None, Paths | None]:
    """The commit, and the paths where it is given any: what stands after `--`, or is no commit's name."""
    texts = [word.text for word in call.words]
    operands = list(words.operands)
    if "--" in texts:
        after = len(texts) - texts.index("--") - 1
        named = operands[: len(operands) - after]
        rest = operands[len(operands) - after :]
        return (named[0].text if named else None), (call.paths(rest) if rest else None)
    if not operands or words.has("-b", "-B", "--orphan"):
        return (operands[0].text if operands else None), None
    if operands[0].text is None:
        return None, (call.paths(operands[1:]) if operands[1:] else None)
    first = operands[0].text
    if call.repository is not None and not operands[0].globbing and _is_commit(first, call.repository):
        return first, (call.paths(operands[1:]) if operands[1:] else None)
    if (
        call.repository is not None
        and len(operands) == 1
        and _of_a_remote(first, call.repository)
        and not _there(call, first)
    ):
        return first, None
    return None, call.paths(operands)


def _is_commit(name: str, repository: Repository) -> bool:
    return repository.full_name(name) is not None or bool(_COMMIT.fullmatch(name) and not name.startswith(":"))


def _of_a_remote(name: str, repository: Repository) -> bool:
    """`git checkout topic` makes a branch of a remote's."""
    return any(each.split("/", 3)[3:] == [name] for each in repository.references("refs/remotes"))


def _there(call: Call, name: str) -> bool:
    path = absolute(Word(name, name), call.command._replace(folder=call.folder))
    return path is not None and call.repository is not None and call.repository.tree.entry(path) is not None


def _switched(call: Call, commit: str | None, *, forced: bool, again: str | None) -> Outcome:
    """Without force git refuses to write over changes, and over what it does not track unless that is ignored."""
    call = call._replace(host=call.tracked(call.tracking._replace(elsewhere=True)))
    outcome = moved_reference(call, f"refs/heads/{again}") if again else call.safe()
    repository, index = call.repository, call.read_index()
    if repository is None or repository.root is None:
        return outcome
    if forced:
        outcome = _both(outcome, _thrown_away(call._replace(host=outcome.host), _everything(), also_staged=True))
    if commit is None or index is None:
        return outcome
    return _both(outcome, _in_the_way(call._replace(host=outcome.host), repository, index, commit, forced=forced))


def _in_the_way(call: Call, repository: Repository, index: Index, name: str, *, forced: bool) -> Outcome:
    """Files that are not tracked now and are in the commit: written over with force, and where they are ignored."""
    oid = repository.commit(name) or repository.commit(f"origin/{name}")
    known = repository.files_of(oid) if oid else None
    if known is None:
        return (
            call.unknown(f"which files that git does not track are in {name} could not be read")
            if forced
            else call.safe()
        )
    ignored = Ignored(repository, None)
    doomed = []
    for path, content in known.items():
        entry = None if path in index.paths else repository.tree.entry(f"{repository.root}/{path}")
        if entry is None or entry.kind == "folder":
            continue
        if (forced or _ignored(path, ignored)) and not _holds(repository, path, content):
            doomed.append(path)
    return lost(repository, doomed, f"git {call.verb} writes the file of {name} over it", call.host, call.world)


def _ignored(path: str, ignored: Ignored) -> bool:
    """The path or a folder above it."""
    parts = path.split("/")
    above = any(ignored.ignored("/".join(parts[:count]), folder=True) for count in range(1, len(parts)))
    return above or ignored.ignored(path, folder=False)


def _holds(repository: Repository, path: str, content: str) -> bool:
    try:
        return blob(repository.files.read(f"{repository.root}/{path}").encode("utf-8", "surrogateescape")) == content
    except OSError:
        return False


def switch(call: Call) -> Outcome:
    words = call.given(SWITCH).arguments
    commit = words.operands[0].text if words.operands else None
    forced = words.has("-f", "--force", "--discard-changes")
    outcome = _switched(call, commit, forced=forced, again=words.value("-C", "--force-create"))
    return _strange(call, outcome, SWITCH)


def restore(call: Call) -> Outcome:
    """Of the index alone (--staged) it takes nothing from the disk."""
    words = call.given(RESTORE).arguments
    in_index, in_tree = words.has("-S", "--staged"), words.has("-W", "--worktree")
    if in_index and not in_tree:
        return _strange(call, _taken_out(call, call.paths(words.operands)), RESTORE)
    if words.has("-p", "--patch", "--pathspec-from-file"):
        return call.unknown(f"which changes `{shown(call.command)}` throws away is only known when it runs")
    if not words.operands:
        return _strange(call, call.safe(), RESTORE)  # git asks for paths
    both = in_index or words.has("-s", "--source")
    return _strange(call, _thrown_away(call, call.paths(words.operands), also_staged=both), RESTORE)


def reset(call: Call) -> Outcome:
    """--keep refuses where it would lose changes; --merge throws away what is staged and keeps what is not."""
    words = call.given(RESET).arguments
    outcome = call.safe()
    if words.has("--hard"):
        outcome = _thrown_away(call, _everything(), also_staged=True)
        commit = words.operands[0].text if words.operands else None
        if commit and call.repository and call.repository.root and (index := call.read_index()):
            outcome = _both(
                outcome, _in_the_way(call._replace(host=outcome.host), call.repository, index, commit, forced=True)
            )
    elif words.has("--merge"):
        outcome = given_up(call)
    elif not words.has("--soft", "--keep", "-p", "--patch"):
        commit, chosen = _split(call, words)
        outcome = _taken_out(call, chosen or _everything(), commit)
    return _strange(call, outcome, RESET)


def _taken_out(call: Call, chosen: Paths, commit: str | None = None) -> Outcome:
    """The index alone is put back: what was added to it since is no longer tracked, and stays where it is."""
    repository, index = call.repository, call.read_index()
    if repository is None or index is None:
        return call.safe()
    known = repository.files_of(repository.commit(commit or "HEAD") or "") or {}
    gone = frozenset(each.path for each in index.entries if each.path not in known and chosen.chosen(each.path))
    now = call.tracking
    return Outcome(
        (),
        call.tracked(call.tracking._replace(added=now.added - gone, removed=now.removed | gone)) if gone else call.host,
    )


def stashed_and_dropped(call: Call) -> Outcome:
    """The line has stashed what no commit holds, and drops that stash again."""
    outcome = _thrown_away(call, _everything(), also_staged=True)
    repository, index = call.repository, call.read_index()
    if repository is None or index is None or not call.host.stashed[repository.common]:
        return outcome
    ignored = Ignored(repository, call.excludes_file, ())
    doomed = untracked(repository, index, _everything(), ignored, folders=True, which="plain", nested=False)
    why = "the stash that it was put into is dropped"
    return _both(outcome, lost(repository, doomed, why, outcome.host, call.world))


def given_up(call: Call) -> Outcome:
    """What `reset --merge` does, and with it `merge --abort`: what is staged or in conflict goes."""
    repository, index = call.repository, call.read_index()
    if repository is None or repository.root is None:
        return call.safe()
    only_staged = None if index is None else staged(repository, index)
    if only_staged is None:
        return call.unknown(f"changes of {repository.root} that are staged and not committed are not looked up")
    why = f"git {call.verb} puts what is committed in its place"
    return lost(repository, sorted(only_staged), why, call.host, call.world)


def clean(call: Call) -> Outcome:
    """Untracked files go; without -f it refuses, unless it is configured not to."""
    words = call.given(CLEAN).arguments
    repository = call.repository
    if words.has("-n", "--dry-run") or repository is None or repository.root is None:
        return _strange(call, call.safe(), CLEAN)
    if words.has("-i", "--interactive"):
        return call.unknown(f"which files `{shown(call.command)}` deletes is asked when it runs")
    forced = [name for name, _ in words.options if name in ("-f", "--force")]
    required = call.config.get("clean.requireforce", "true").lower() not in ("false", "no", "off", "0")
    if required and not forced:
        return _strange(call, call.safe(), CLEAN)
    index = call.read_index()
    if index is None:
        return call.unknown(f"which files of {repository.root} git tracks could not be read")
    chosen = call.paths(words.operands)
    which = "all" if words.has("-x") else "ignored" if words.has("-X") else "plain"
    extra = [value or "" for name, value in words.options if name in ("-e", "--exclude")]
    ignored = Ignored(repository, call.excludes_file, extra)
    folders = words.has("-d") or bool(words.operands)
    doomed = untracked(repository, index, chosen, ignored, folders=folders, which=which, nested=len(forced) > 1)
    why = "git clean deletes it: no commit holds it"
    outcome = lost(repository, doomed, why, call.host, call.world, lambda path: not _ignored(path, ignored))
    return _strange(call, outcome, CLEAN)


def remove(call: Call) -> Outcome:
    """Without -f it refuses where a file has changes; the others are in a commit."""
    words = call.given(RM).arguments
    if words.has("--cached") and not words.has("-n", "--dry-run"):
        chosen, index = call.paths(words.operands), call.read_index()
        names = frozenset(each.path for each in (index.entries if index else ()) if chosen.chosen(each.path))
        host = call.tracked(
            call.tracking._replace(added=call.tracking.added - names, removed=call.tracking.removed | names)
        )
        return _strange(call, Outcome((), host), RM)
    if words.has("--cached", "-n", "--dry-run") or not words.has("-f", "--force"):
        return _strange(call, call.safe(), RM)
    if words.has("--pathspec-from-file"):
        return call.unknown()
    return _strange(call, _thrown_away(call, call.paths(words.operands), also_staged=True), RM)


def move(call: Call) -> Outcome:
    """With -f it writes over what has that name."""
    words = call.given(MV).arguments
    operands = words.operands
    if not words.has("-f", "--force") or words.has("-n", "--dry-run") or len(operands) < 2:
        return _strange(call, call.safe(), MV)
    target = absolute(operands[-1], call.command._replace(folder=call.folder)) or ""
    entry = None if call.repository is None else call.repository.tree.entry(target)
    inside = entry is not None and entry.kind == "folder"
    names = (
        [f"{target}/{(word.text or '').rstrip('/').rpartition('/')[2]}" for word in operands[:-1]]
        if inside
        else [target]
    )
    outcome = call.safe()
    for name in names:
        outcome = _both(
            outcome, call._replace(host=outcome.host).written(name, "git mv -f writes another file over it")
        )
    return _strange(call, outcome, MV)
