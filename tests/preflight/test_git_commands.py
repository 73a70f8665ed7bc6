"""git: what each command throws away of a work tree with changes, and that a clean one loses nothing."""

import pytest
from preflight.git_world import repository

from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.preflight.verdict import verdict

BOTH = {"a.txt", "sub/b.txt"}
ALL = BOTH | {"staged.txt"}
LOGS = {
    ".git/logs/HEAD",
    *(f".git/logs/refs/{name}" for name in ("heads/feature", "heads/master", "heads/merged", "stash")),
}
FEATURE = {".git/refs/heads/feature", ".git/logs/refs/heads/feature"}
STASH = {".git/refs/stash", ".git/logs/refs/stash"}
LOST = {
    # changes
    "git checkout -f": ALL, "git checkout --force master": ALL, "git checkout -qf feature": ALL | {"c.txt"},
    "git checkout .": BOTH, "git checkout -- .": BOTH, "git checkout a.txt": {"a.txt"},
    "git checkout -- 'sub/*'": {"sub/b.txt"},
    "git checkout HEAD -- .": ALL, "git checkout HEAD~1 a.txt": {"a.txt"}, "git checkout -- :/": BOTH,
    "git checkout -- '*.txt'": BOTH,
    "git checkout -- ':(icase)A.TXT'": {"a.txt"}, "git checkout -- . ':(exclude)sub'": {"a.txt"},
    "git -C sub checkout -- .": {"sub/b.txt"},
    "git -C sub checkout -- ../a.txt": {"a.txt"}, "cd sub && git checkout -- :/a.txt": {"a.txt"},
    "git co -f": ALL, "git undo": ALL,
    "git -c alias.z='checkout -f' z": ALL, "git --git-dir=.git --work-tree=. checkout -f": ALL,
    "GIT_DIR=/srv/repo/.git git checkout -f": ALL,
    "git checkout /srv/repo/a.txt": {"a.txt"}, "git checkout -- *.txt": {"a.txt"}, "git checkout sub": {"sub/b.txt"},
    "git restore .": BOTH, "git restore '*.txt'": BOTH, "git restore a.txt": {"a.txt"}, "git restore -SW .": ALL,
    "git restore -s HEAD~1 .": ALL,
    "git restore --staged --worktree staged.txt": {"staged.txt"}, "git restore --source=HEAD a.txt": {"a.txt"},
    "git switch -f feature": ALL | {"c.txt"}, "git switch --discard-changes master": ALL,
    "git switch --disc master": ALL,
    "git reset --hard": ALL, "git reset --hard HEAD~1": ALL, "git reset --hard feature": ALL | {"c.txt"},
    "git reset --har": ALL,
    "git reset --merge": {"staged.txt"}, "git rm -rf .": ALL, "git rm -f a.txt": {"a.txt"},
    "git rm -fr sub": {"sub/b.txt"},
    "git mv -f same.txt new.txt": {"new.txt"}, "git mv -f same.txt sub/../a.txt": {"a.txt"},
    # untracked files
    "git clean -f": {"new.txt", "c.txt"}, "git clean -fd": {"new.txt", "c.txt", "uploads"},
    "git clean -fdx": {"new.txt", "c.txt", "uploads", "ignored", ".env", "sub/x.log"},
    "git clean -fdX": {"ignored", ".env", "sub/x.log"},
    "git clean -f -d -e new.txt": {"c.txt", "uploads"},
    "git clean -fdx -e .env --exclude='*.log'": {"new.txt", "c.txt", "uploads", "ignored"},
    "cd sub && git clean -fdx :/": {"new.txt", "c.txt", "uploads", "ignored", ".env", "sub/x.log"},
    "cd sub && git clean -fx": {"sub/x.log"},
    "git clean -ffdx uploads": {"uploads"}, "git clean -f uploads/": {"uploads"},
    "git -c clean.requireForce=false clean": {"new.txt", "c.txt"},
    # what only the repository holds
    "git branch -D feature": FEATURE, "git branch -d -f feature": FEATURE,
    "git branch --delete --force feature": FEATURE,
    "git branch -f feature master": FEATURE, "git branch -M merged feature": FEATURE,
    "git checkout -B feature": FEATURE,
    "git switch -C feature": FEATURE, "git update-ref -d refs/heads/feature": FEATURE,
    "git fetch . +master:feature": FEATURE,
    "git tag -d v1": {".git/refs/tags/v1"}, "git tag -f v1 master": {".git/refs/tags/v1"},
    "git stash drop": STASH, "git stash clear": STASH, "git stash drop stash@{0}": STASH,
    "git reflog expire --expire=now --all": LOGS, "git reflog expire --expire=all HEAD": {".git/logs/HEAD"},
    "git reflog delete HEAD@{0}": {".git/logs/HEAD"}, "git gc --prune=now": {".git/objects"},
    "git prune": {".git/objects"},
    "git gc --aggressive --prune=all": {".git/objects"}, "git filter-repo --path a": {".git/objects"},
}  # fmt: skip
WRITES = [
    "git archive -o /srv/out.db HEAD", "git archive --output=/srv/out.db HEAD", "git archive HEAD -o/srv/out.db",
    "git diff --output=/srv/out.db",
    "git log --output /srv/out.db", "git show --outpu=/srv/out.db", "git bundle create /srv/out.db --all",
    "git format-patch -1 --output=/srv/out.db",
    "git -C /srv/repo archive -o ../out.db HEAD", "git diff-tree HEAD --output=/srv/out.db",
]  # fmt: skip
SAFE = [
    "git status", "git log --oneline -10", "git diff", "git add -A", "git add *.txt", "git commit -am x",
    "git commit --amend", "git fetch --all -p",
    "git pull", "git pull --rebase origin main", "git push", "git push -u origin master", "git push --tags",
    "git checkout feature", "git checkout -b x",
    "git checkout master", "git switch feature", "git switch -c x", "git branch", "git branch -a", "git branch x",
    "git branch -d merged",
    "git branch -D merged", "git branch -m x", "git merge feature", "git rebase master", "git stash",
    "git stash pop", "git stash list",
    "git stash -u", "git reset", "git reset HEAD a.txt", "git reset --soft HEAD~1", "git reset --keep HEAD~1",
    "git restore --staged .",
    "git rm --cached a.txt", "git rm a.txt", "git mv a.txt z.txt", "git clean -n", "git clean -fdn", "git clean",
    "git tag", "git tag v2", "git tag -a v2 -m x",
    "git merge --abort", "git rebase --abort", "git archive -o /srv/new.tar HEAD", "git archive HEAD",
    "git bundle create /srv/new.bundle --all",
    "git format-patch -3", "git reflog", "git clone https://example.org/x.git", "git init", "git show HEAD:a.txt",
    "git push -n -f",
    "git checkout nothing-of-that-name", "git restore same.txt", "git checkout -- same.txt", "git worktree list",
    "git worktree add ../w", "git bisect start",
    "git submodule update --init --recursive", "git -C /srv/repo status", "git --no-pager log",
    "git -c user.name=x commit -m y", "git cherry-pick feature",
]  # fmt: skip
UNKNOWN = [
    "git checkout-index -fa", "git checkout-index -a -f", "git checkout-index -qfa", "git checkout-index --force a.txt",
    "git read-tree -um HEAD", "git read-tree -mu HEAD", "git read-tree --reset -u HEAD", "git notes add -f -m x",
    "git push -f", "git push --force-with-lease origin x", "git push origin :x", "git push origin +x",
    "git push --delete origin x", "git push --mirror",
    "git wipe", "git -c alias.x='!rm -rf /srv' x", "git unheard-of", "git -c core.pager='sh -c x' log",
    "git -c core.sshCommand=x fetch",
    "GIT_SSH_COMMAND='sh x' git fetch", "GIT_EXTERNAL_DIFF=./x git diff",
    "git filter-branch --tree-filter 'rm a' HEAD", "git rebase -x 'rm a' HEAD~1",
    "git submodule foreach 'git clean -fd'", "git bisect run ./x", "git checkout -p", "git clean -i",
    "git checkout $X", "git reset --$X", "git $X",
    "git -C $X reset --hard", "git checkout --frobnicate feature", "git log --$X",
    "git reflog expire --expire-unreachable=now --all", "git gc",
    "git --exec-path=/x status", "git update-ref --stdin", "git config alias.x '!rm a'", "git apply x.patch",
    "git restore --pathspec-from-file=x",
]  # fmt: skip


def found(line: str, *, clean: bool = False) -> Preflight:
    return judge(line, repository(clean=clean).world, Shell({}, "/srv/repo", "/root"))


@pytest.mark.parametrize("line", LOST)
def test_what_is_lost_is_named(line: str) -> None:
    """Each file of which no commit holds the content, and what only a reference, a log or a stash holds."""
    assert {each.name.removeprefix("/srv/repo/") for each in found(line).lost} == LOST[line]


@pytest.mark.parametrize("line", WRITES)
def test_a_file_for_the_output_is_lost(line: str) -> None:
    """-o and --output of what else only reads."""
    assert {each.name for each in found(line).lost} == {"/srv/out.db"}


@pytest.mark.parametrize("line", SAFE)
def test_everyday_commands_are_safe(line: str) -> None:
    """git refuses to lose changes unless it is told to."""
    judged = found(line)
    assert (verdict(judged), judged.unknown) == ("safe", ())


@pytest.mark.parametrize("line", UNKNOWN)
def test_what_cannot_be_known_is_unknown(line: str) -> None:
    """The other side of a push, programs that git starts, words that are only known when the line runs."""
    assert verdict(found(line)) == "unknown"


@pytest.mark.parametrize("line", [
    "git checkout -f", "git checkout .", "git reset --hard", "git restore .", "git clean -fdx",
    "git switch -f master", "git rm -rf sub",
    "git stash drop", "git stash clear", "git checkout -- a.txt", "git restore -SW .", "git reset --merge",
])  # fmt: skip
def test_a_clean_tree_loses_nothing(line: str) -> None:
    """Everything is in a commit."""
    judged = found(line, clean=True)
    assert (verdict(judged), judged.unknown) == ("safe", ())


def test_a_hook_is_a_program_of_its_own() -> None:
    """It runs along with the command."""
    host = repository(clean=True)
    host.files.add("/srv/repo/.git/hooks/pre-commit", "#!/bin/sh\nrm -rf x\n")
    host.files.add("/srv/repo/.git/hooks/pre-push.sample", "#!/bin/sh\n")
    shell = Shell({}, "/srv/repo", "/root")
    assert verdict(judge("git commit -m x", host.world, shell)) == "unknown"
    assert verdict(judge("git push", host.world, shell)) == "safe"


def test_a_merge_that_is_given_up() -> None:
    """What is staged goes, what is not stays."""
    host = repository()
    host.files.add("/srv/repo/.git/MERGE_HEAD", "0" * 40)
    judged = judge("git merge --abort", host.world, Shell({}, "/srv/repo", "/root"))
    assert [each.name for each in judged.lost] == ["/srv/repo/staged.txt"]


@pytest.mark.parametrize("line", ["git stash && git stash drop", "git stash push -m x; git stash clear"])
def test_what_a_line_stashes_and_drops_is_lost(line: str) -> None:
    """As `git reset --hard` loses it: the stash was the only one to hold it."""
    assert {each.name for each in found("git reset --hard").lost} <= {each.name for each in found(line).lost}
    assert found(line).lost


def test_a_stash_with_untracked_files_takes_them_along() -> None:
    """-u puts them into the stash too."""
    assert len(found("git stash -u; git stash drop").lost) > len(found("git stash; git stash drop").lost)
