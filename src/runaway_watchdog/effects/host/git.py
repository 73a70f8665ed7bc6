"""git: each of its commands by its own grammar, and what it would throw away. git is never run.

git itself refuses to lose changes unless it is told to, and these refusals are relied on: `checkout` of another branch
is safe. What nobody knows here may be a program of its own (`git-annex`) and is unknown.
"""

from collections.abc import Callable

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import git_changes, git_modules, git_refs
from runaway_watchdog.effects.host.git_call import Call, started
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

_READS = frozenset(
    (
        "annotate", "blame", "cat-file", "check-attr", "check-ignore", "check-mailmap", "check-ref-format",
        "cherry", "column",
        "count-objects", "describe", "diff", "diff-files", "diff-index", "diff-tree", "fmt-merge-msg",
        "for-each-ref", "fsck",
        "get-tar-commit-id", "grep", "hash-object", "help", "log", "ls-files", "ls-remote", "ls-tree", "merge-base",
        "merge-tree",
        "mktree", "name-rev", "patch-id", "range-diff", "request-pull", "rev-list", "rev-parse", "shortlog", "show",
        "show-branch", "show-index", "show-ref", "status", "stripspace", "var", "verify-commit", "verify-pack",
        "verify-tag",
        "version", "whatchanged", "write-tree", "archive", "bundle", "format-patch", "fast-export",
    )
)  # fmt: skip
_ADDS = frozenset(
    (
        "add", "clone", "commit", "commit-graph", "commit-tree", "fetch", "index-pack", "init", "init-db", "merge",
        "mktag",
        "multi-pack-index", "notes", "pack-objects", "pack-refs", "prune-packed", "pull", "read-tree", "revert",
        "cherry-pick",
        "rebase", "am", "stage", "unpack-objects", "update-server-info", "bisect", "checkout-index",
    )
)  # fmt: skip
"""They add, or refuse where they would lose something, unless an option says otherwise."""
_MILD = frozenset(
    (
        "apply", "config", "remote", "maintenance", "lfs", "sparse-checkout", "update-index", "mergetool",
        "difftool", "gui",
        "gitk", "citool", "send-email", "rerere", "replace", "symbolic-ref", "bugreport", "diagnose", "daemon",
        "instaweb",
        "credential", "flow", "repack", "interpret-trailers", "backfill", "hook", "web--browse", "scalar",
    )
)  # fmt: skip
_OVERWRITING = {
    "read-tree": frozenset(("--reset", "-u")), "checkout-index": frozenset(("-f", "--force")),
    "notes": frozenset(("remove", "prune", "copy", "merge", "-f", "--force")),
}  # fmt: skip
"""Words with which they write over what is there."""
_IN_PROGRESS = {
    "merge": ("MERGE_HEAD",), "rebase": ("rebase-merge", "rebase-apply"), "am": ("rebase-apply",),
    "cherry-pick": ("CHERRY_PICK_HEAD", "sequencer"), "revert": ("REVERT_HEAD", "sequencer"),
    "pull": ("MERGE_HEAD",),
}  # fmt: skip
_HOOKS = {
    "commit": ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"), "merge": ("pre-merge-commit",
    "post-merge"),
    "pull": ("post-merge", "pre-rebase", "post-rewrite"), "checkout": ("post-checkout",), "switch": ("post-checkout",),
    "rebase": ("pre-rebase", "post-rewrite", "post-checkout"), "push": ("pre-push",), "gc": ("pre-auto-gc",),
    "am": ("applypatch-msg", "pre-applypatch", "post-applypatch"), "cherry-pick": ("prepare-commit-msg", "post-commit"),
    "revert": ("prepare-commit-msg", "post-commit"),
}  # fmt: skip
"""Programs of the repository that run along with these (githooks(5))."""


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a git command does to the files of its work tree, and to what only its repository holds."""
    try:
        begun = started(command, host, world)
        if begun.call is None:
            return Outcome((), host, begun.unknown)
        outcome = _judged(begun.call)
    except OSError as fault:
        told = f"{fault.filename or 'the repository'} cannot be looked at ({fault.strerror}); run it with sudo"
        return Outcome((), host, (told,))
    hidden = [word.raw for word in begun.call.words if word.text is None]
    unknown = [f"what {raw} stands for in `{shown(command)}` is only known when it runs" for raw in hidden[:1]]
    return outcome._replace(
        unknown=tuple(dict.fromkeys((*begun.unknown, *outcome.unknown, *unknown, *_hooks(begun.call))))
    )


def _judged(call: Call) -> Outcome:
    if act := _ACTS.get(call.verb):
        return act(call)
    if call.verb in _READS:
        return _reading(call)
    if call.verb in _ADDS:
        return _adding(call)
    return call.mild() if call.verb in _MILD else call.unknown()


def _hooks(call: Call) -> list[str]:
    names = _HOOKS.get(call.verb, ())
    if (
        call.repository is None
        or not names
        or any(word.text in ("--no-verify", "--abort", "--quit") for word in call.words)
    ):
        return []
    folder = call.config.get("core.hookspath") or f"{call.repository.common}/hooks"
    folder = folder if folder.startswith("/") else f"{call.repository.root or call.folder}/{folder}"
    there = [name for name in names if call.repository.tree.entry(f"{folder}/{name}") is not None]
    return [f"what the hook {folder}/{name} does is not judged" for name in there]


def _reading(call: Call) -> Outcome:
    """They write where they are told a file: --output, and -o of some."""
    texts = [word.text or "" for word in call.words]
    if call.verb in ("archive", "bundle"):
        return _packed(call, texts)
    if call.verb == "format-patch":
        return _patches(call, texts)
    for at, text in enumerate(texts):
        name, separator, value = text.partition("=")
        if text == "--":
            break
        if len(name) > 5 and (
            "--output".startswith(name) or (call.verb == "fast-export" and name.startswith("--export"))
        ):
            named = value if separator else (texts[at + 1] if at + 1 < len(texts) else None)
            return call.written(named or None, f"git {call.verb} writes its output into it")
    running = any(
        text.startswith(("--ext-diff", "--textconv", "--open-files-in-pager", "--upload-pack", "--exec"))
        for text in texts
    )
    running = running or (call.verb == "grep" and any(text.startswith("-O") for text in texts))
    return call.mild(f"`{shown(call.command)}` may start another program") if running else call.safe()


def _packed(call: Call, texts: list[str]) -> Outcome:
    """`archive -o FILE`, `bundle create FILE`."""
    if call.verb == "bundle":
        names = [text for text in texts[1:] if not text.startswith("-") or text == "-"]
        made = texts[:1] == ["create"] and names[:1] != ["-"]
        return call.written(names[0] if names else None, "git bundle writes into it") if made else call.safe()
    for at, text in enumerate(texts):
        name, separator, value = text.partition("=")
        if text in ("-o", "--output") or (len(name) > 3 and "--output".startswith(name) and not separator):
            return call.written(texts[at + 1] if at + 1 < len(texts) else None, "git archive writes into it")
        if separator and len(name) > 3 and "--output".startswith(name):
            return call.written(value, "git archive writes into it")
        if text.startswith("-o") and len(text) > 2:
            return call.written(text[2:], "git archive writes into it")
    return call.safe()


def _patches(call: Call, texts: list[str]) -> Outcome:
    """Files of names that it makes itself, in a folder: older ones of that name are written over."""
    if "--stdout" in texts:
        return call.safe()
    folder = call.folder
    for at, text in enumerate(texts):
        name, separator, value = text.partition("=")
        if text in ("-o", "--output-directory") and at + 1 < len(texts):
            folder = texts[at + 1]
        elif separator and name == "--output-directory":
            folder = value
        elif separator and name == "--output":
            return call.written(value, "git format-patch writes into it")
        elif text.startswith("-o") and len(text) > 2:
            folder = text[2:]
    path = folder if folder.startswith("/") else f"{call.folder.rstrip('/')}/{folder}"
    tree = call.repository.tree if call.repository else None
    older = [] if tree is None else tree.glob(f"{path}/[0-9][0-9][0-9][0-9]-*")
    sentence = f"which older patches in {path} `{shown(call.command)}` writes over is not looked up"
    return call.unknown(sentence) if older else call.safe()


def _adding(call: Call) -> Outcome:
    """merge, rebase …: only what gives one up loses changes; -x and `bisect run` start programs."""
    texts = [word.text or "" for word in call.words]
    if "--abort" in texts or ("--skip" in texts and call.verb != "bisect"):
        begun = call.repository is not None and any(
            call.repository.has(name) for name in _IN_PROGRESS.get(call.verb, ())
        )
        return git_changes.given_up(call) if begun else call.safe()
    if call.verb in ("rebase", "pull") and any(text.startswith(("-x", "--exec", "--upload-pack")) for text in texts):
        return call.unknown(f"`{shown(call.command)}` runs commands that are not judged")
    if call.verb == "bisect" and texts[:1] == ["run"]:
        return call.unknown(f"`{shown(call.command)}` runs commands that are not judged")
    if call.verb == "fetch":
        return _fetch(call, texts)
    if call.verb in ("init", "init-db", "clone", "add", "stage", "commit"):
        from runaway_watchdog.effects.host import git_made  # for a line that makes something alone

        return git_made.BY_VERB[call.verb](call)
    clusters = [text for text in texts if text[:1] == "-" and text[:2] != "--"]
    given_ = {*texts, *(f"-{letter}" for text in clusters for letter in text[1:])}
    overwriting = _OVERWRITING.get(call.verb, frozenset()) & given_
    return call.unknown() if overwriting else call.safe()


def _fetch(call: Call, texts: list[str]) -> Outcome:
    """It moves references of other sides; a branch of one's own only where it is named with force."""
    if any(text.startswith("--upload-pack") for text in texts):
        return call.mild(f"`{shown(call.command)}` may start another program")
    forced = bool({"-f", "--force"} & set(texts))
    specs = [
        text for text in texts if ":" in text and "://" not in text and not text.startswith("-") and "@" not in text
    ]
    for spec in specs:
        target = spec.rpartition(":")[2]
        name = target if target.startswith("refs/") else f"refs/heads/{target}"
        if (spec.startswith("+") or forced) and not name.startswith("refs/remotes/"):
            return git_refs.moved_reference(call, name)
    return call.safe()


_ACTS: dict[str, Callable[[Call], Outcome]] = {
    "checkout": git_changes.checkout, "switch": git_changes.switch, "restore": git_changes.restore,
    "reset": git_changes.reset, "clean": git_changes.clean, "rm": git_changes.remove, "mv": git_changes.move,
    "branch": git_refs.branch, "tag": git_refs.tag, "stash": git_refs.stash, "reflog": git_refs.reflog,
    "gc": git_refs.collect, "prune": git_refs.collect, "push": git_refs.push, "update-ref": git_refs.update_ref,
    "filter-branch": git_refs.rewritten, "filter-repo": git_refs.rewritten, "submodule": git_modules.submodule,
    "worktree": git_modules.worktree,
}  # fmt: skip
