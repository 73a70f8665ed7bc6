"""git: branches, tags, stashes, logs of references and objects that nothing holds any more, and what is on the other
side of a push."""

from itertools import pairwise

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.getopt import grammar
from runaway_watchdog.effects.host.git_call import Call
from runaway_watchdog.effects.host.git_repository import Repository
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.effect import Effect

BRANCH = grammar(
    "-u --set-upstream-to --sort --contains --no-contains --merged --no-merged --points-at --format --abbrev",
    "-d --delete -D -m --move -M -c --copy -C -f --force -l --list -a --all -r --remotes -v --verbose -vv -q --quiet "
    "-i "
    "--ignore-case --create-reflog --edit-description --unset-upstream --show-current --no-track --no-abbrev "
    "--recurse-submodules --omit-empty --no-column --no-color",
    "-t --track --color --column",
)
TAG = grammar(
    "-m --message -F --file -u --local-user --cleanup --sort --contains --no-contains --merged --no-merged "
    "--points-at --format "
    "--trailer",
    "-a --annotate -s --sign --no-sign -f --force -d --delete -v --verify -l --list -e --edit --create-reflog -i "
    "--ignore-case "
    "--omit-empty --no-column",
    "-n --color --column",
)
PUSH = grammar(
    "-o --push-option --receive-pack --exec --repo --recurse-submodules",
    "-f --force --force-if-includes --no-force-if-includes --no-force-with-lease --mirror -d --delete --prune --all "
    "--branches "
    "--tags --follow-tags -n --dry-run -u --set-upstream -q --quiet -v --verbose --progress --no-progress --porcelain "
    "--no-verify --verify --atomic --no-atomic --thin --no-thin -4 --ipv4 -6 --ipv6 --no-signed "
    "--no-recurse-submodules",
    "--force-with-lease --signed",
)
REFLOG = grammar(
    "--expire --expire-unreachable",
    "--all --single-worktree --updateref --rewrite --stale-fix -n --dry-run -v --verbose --no-walk",
)
WALK = 3000
"""Commits that are asked whether they hold another one; further back nobody looks."""
_NOW = ("now", "all", "0")


def _file(call: Call, path: str, why: str) -> tuple[Effect, ...]:
    entry = places.tree(call.host, call.world).entry(path)
    found = () if entry is None else places.lost(path, entry, why, call.host, call.world)
    return tuple(each._replace(in_use=True) for each in found)


def _reference_lost(call: Call, repository: Repository, name: str, why: str) -> tuple[Effect, ...]:
    """Its own file and its log; one that is packed is a line of packed-refs."""
    if repository.reference(name) is None:
        return ()
    files = [f"{repository.common}/{name}", f"{repository.common}/logs/{name}"]
    found = tuple(effect for path in files for effect in _file(call, path, why))
    if name in repository.packed():
        found += _file(call, f"{repository.common}/packed-refs", why)
    return found


def _held_elsewhere(repository: Repository, name: str, *, head: bool = True) -> bool:
    """Whether another branch, tag or HEAD holds all its commits, as far as its history can be read."""
    wanted = repository.reference(name)
    others = {
        oid for each, oid in repository.references().items() if each != name and not each.startswith("refs/stash")
    }
    if head and repository.branch() != name and (at := repository.reference("HEAD")):
        others.add(at)
    pending, seen = list(others), set(others)
    while pending and len(seen) < WALK:
        at = pending.pop(0)
        if at == wanted:
            return True
        fresh = [each for each in repository.parents(at) if each not in seen]
        seen |= set(fresh)
        pending += fresh
    return wanted in seen


def moved_reference(call: Call, name: str) -> Outcome:
    """A reference that is made to stand for something else, or goes: commits that only it holds are lost with it."""
    repository = call.repository
    if repository is None:
        return call.safe()
    if repository.reference(name) is None:
        told = f"what the line has committed on the branch that `{shown(call.command)}` takes away is not looked up"
        return call.unknown(told) if call.tracking.committed else call.safe()
    if _held_elsewhere(repository, name, head=not call.tracking.elsewhere):
        return call.safe()
    short = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
    why = f"git {call.verb} takes {short} away from the only commits of that name: no other branch or tag holds them"
    return Outcome(_reference_lost(call, repository, name, why), call.host)


def _several(call: Call, names: list[str]) -> Outcome:
    outcomes = [moved_reference(call, name) for name in names]
    unknown = tuple(told for each in outcomes for told in each.unknown)
    return Outcome(tuple(effect for each in outcomes for effect in each.effects), call.host, unknown)


def branch(call: Call) -> Outcome:
    """-d refuses what is not merged, unless it is forced."""
    read = call.given(BRANCH)
    words = read.arguments
    texts = list(words.texts)
    forced = words.has("-f", "--force")
    current = call.repository.branch() if call.repository and not call.tracking.elsewhere else None
    below = "refs/remotes/" if words.has("-r", "--remotes") else "refs/heads/"
    outcome = call.safe()
    if words.has("-D") or (words.has("-d", "--delete") and forced):
        outcome = _several(call, [below + text for text in texts if below + text != current])
    elif words.has("-d", "--delete"):
        outcome = call.safe()
    elif words.has("-M", "-C") or (words.has("-m", "--move", "-c", "--copy") and forced):
        same = texts[-1:] == texts[:1] and len(texts) > 1
        outcome = _several(call, [] if same else [below + text for text in texts[-1:]])
    elif forced and texts:
        outcome = moved_reference(call, below + texts[0])
    return _told(call, outcome, read.strange)


def tag(call: Call) -> Outcome:
    """A tag that is deleted, or made to stand for something else, is nowhere any more: tags have no log."""
    read = call.given(TAG)
    words = read.arguments
    if call.repository is None:
        return call.safe()
    names = (
        list(words.texts)
        if words.has("-d", "--delete")
        else list(words.texts[:1])
        if words.has("-f", "--force")
        else []
    )
    effects: list[Effect] = []
    for name in names:
        effects += _reference_lost(call, call.repository, f"refs/tags/{name}", f"git tag takes the tag {name} away")
    return _told(call, Outcome(tuple(effects), call.host), read.strange)


def _told(call: Call, outcome: Outcome, strange: tuple[str, ...]) -> Outcome:
    told = tuple(f"git {call.verb}: the option {option} is not known" for option in strange)
    return outcome._replace(unknown=(*outcome.unknown, *told))


def stash(call: Call) -> Outcome:
    """drop and clear: a stash is a commit that only the log of refs/stash holds."""
    verb = call.words[0].text if call.words else "push"
    if call.repository is not None and (verb in ("push", "save") or (verb or "").startswith("-")):
        texts = {word.text or "" for word in call.words}
        untracked = not texts.isdisjoint(("-u", "--include-untracked", "-a", "--all"))
        return Outcome((), call.host._replace(stashed={**call.host.stashed, call.repository.common: untracked}))
    if verb not in ("drop", "clear") or call.repository is None:
        known = ("push", "save", "list", "show", "apply", "pop", "branch", "create", "store", "drop", "clear", "export")
        return call.safe() if verb in known or (verb or "").startswith("-") else call.unknown()
    why = "git stash drops changes that nothing else holds"
    names = [f"{call.repository.common}/logs/refs/stash"]
    lines = lines_of(call.repository.text("logs/refs/stash") or "")
    if verb == "clear" or len(lines) < 2:
        names.insert(0, f"{call.repository.common}/refs/stash")
    if call.repository.common in call.host.stashed:
        from runaway_watchdog.effects.host import git_changes  # for a line that stashes and drops alone

        return git_changes.stashed_and_dropped(call)
    if call.repository.reference("refs/stash") is None:
        return call.safe()
    return Outcome(tuple(effect for name in names for effect in _file(call, name, why)), call.host)


def reflog(call: Call) -> Outcome:
    """expire and delete: what only a log of a reference holds can no longer be found."""
    read = call.given(REFLOG)
    words = read.arguments
    verb = words.texts[0] if words.texts else "show"
    repository = call.repository
    if verb not in ("expire", "delete", "drop") or words.has("-n", "--dry-run") or repository is None:
        return call.safe()
    names = [text.partition("@{")[0] for text in words.texts[1:]]
    if verb == "expire" and words.value("--expire") not in _NOW:
        if words.value("--expire-unreachable") in _NOW:
            return call.unknown(f"which entries of its logs `{shown(call.command)}` takes away is not looked up")
        return _told(
            call, call.mild(f"which old entries `{shown(call.command)}` takes away is not looked up"), read.strange
        )
    logs = _logs(repository) if words.has("--all") else [_log(repository, name) for name in names]
    why = "git reflog takes the entries away: commits that nothing else holds can no longer be found"
    return _told(
        call, Outcome(tuple(effect for path in logs for effect in _file(call, path, why)), call.host), read.strange
    )


def _log(repository: Repository, name: str) -> str:
    full = "HEAD" if name in ("", "HEAD", "@") else repository.full_name(name) or name
    folder = repository.directory if full == "HEAD" else repository.common
    return f"{folder}/logs/{full}"


def _logs(repository: Repository) -> list[str]:
    folder = f"{repository.common}/logs"
    return sorted(path for path, entry in repository.tree.below(folder, 5000) if entry.kind == "file" and entry.size)


def collect(call: Call) -> Outcome:
    """gc, prune, repack: with --prune=now what no branch, tag, log or index holds is deleted at once."""
    texts = [word.text or "" for word in call.words]
    repository = call.repository
    if repository is None or {"-n", "--dry-run"} & set(texts):
        return call.safe()
    now = call.verb == "prune" and not any(text.startswith("--expire") for text in texts)
    options = ("--prune", "--expire")
    now = now or any(f"{option}={when}" in texts for option in options for when in _NOW)
    now = now or any(pair in (("--expire", "now"), ("--expire", "all")) for pair in pairwise(texts))
    setting = call.config.get("gc.pruneexpire", "")
    if not now and not (call.verb == "gc" and setting in _NOW and "--no-prune" not in texts):
        return call.mild(f"which old objects that nothing holds `{shown(call.command)}` deletes is not looked up")
    why = f"git {call.verb} deletes what no branch, tag or log holds any more, and what was staged before"
    return Outcome(_file(call, f"{repository.common}/objects", why), call.host)


def push(call: Call) -> Outcome:
    """What is on the other side is not asked: with force it is replaced, with --delete it goes."""
    read = call.given(PUSH)
    words = read.arguments
    specs = [text for text in words.texts[1:] if text.startswith(("+", ":"))]
    taking = [
        name
        for name in ("-f", "--force", "--force-with-lease", "--mirror", "-d", "--delete", "--prune")
        if words.has(name)
    ]
    if words.has("-n", "--dry-run"):
        return call.safe()
    if specs or taking:
        other = words.value("--repo") or next(iter(words.texts), "the other side")
        return call.unknown(f"`{shown(call.command)}` replaces or deletes what {other} holds, which is not asked")
    return _told(call, call.safe(), read.strange)


def update_ref(call: Call) -> Outcome:
    texts = [word.text or "" for word in call.words]
    names = [text for text in texts if text and not text.startswith("-")]
    if "--stdin" in texts:
        return call.unknown()
    if "-d" in texts or "--delete" in texts:
        return moved_reference(call, names[0]) if names else call.safe()
    return moved_reference(call, names[-2]) if len(names) > 1 else call.unknown()


def rewritten(call: Call) -> Outcome:
    """filter-repo writes the whole history anew and deletes the old one; filter-branch runs what it is given."""
    repository = call.repository
    if repository is None or any(word.text in ("--help", "--dry-run", "--analyze", "-h") for word in call.words):
        return call.safe()
    if call.verb == "filter-branch":
        return call.unknown(f"`{shown(call.command)}` runs commands over the whole history, which are not judged")
    why = "git filter-repo writes the history anew and deletes the one that was"
    return Outcome(_file(call, f"{repository.common}/objects", why), call.host)
