"""git: what an earlier command of the same line has made of the repository counts for the later ones."""

import pytest
from preflight.git_world import repository

from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.preflight.verdict import verdict

NEW = {"new.txt", "c.txt", "uploads/pic.jpg"}
STAGED = {"a.txt", "sub/b.txt", "staged.txt"}
LOST = {
    # what was added is tracked
    "git add -A && git reset --hard": NEW | STAGED, "git add .; git checkout -f": NEW | STAGED,
    "git add new.txt; git rm -f new.txt": {"new.txt"}, "git add --all . && git rm -rf .": NEW | STAGED,
    "git stage uploads && git rm -rf uploads": {"uploads/pic.jpg"}, "git add -f .env; git rm -f .env": {".env"},
    "git add -A; git stash; git stash drop": NEW | STAGED, "cd sub && git add -A && git reset --hard": NEW | STAGED,
    "git add -- new.txt; git restore -SW new.txt": {"new.txt"}, "git add -A; git switch -f feature": NEW | STAGED,
    "git add -A && git clean -fdx": {".env", "ignored", "sub/x.log"}, "git add -n . && git rm -f new.txt": set(),
    "git add .env; git rm -f .env": set(), "git add -u && git rm -f new.txt": set(),
    # what was taken out of the index is not
    "git reset; git clean -f": {"new.txt", "c.txt", "staged.txt"},
    "git reset -q HEAD && git clean -fd": {"new.txt", "c.txt", "uploads", "staged.txt"},
    "git rm --cached a.txt && git clean -f": {"new.txt", "c.txt", "a.txt"},
    "git restore --staged . && git clean -f": {"new.txt", "c.txt", "staged.txt"},
    "git reset -- staged.txt; git clean -f staged.txt": {"staged.txt"},
    # HEAD is somewhere else
    "git checkout feature; git branch -D master": {".git/refs/heads/master", ".git/logs/refs/heads/master"},
    "git switch feature && git branch -d -f master": {".git/refs/heads/master", ".git/logs/refs/heads/master"},
}  # fmt: skip
MADE = {
    "git init -q && git clean -fd": {"app.db", "deep"}, "git init; git clean -fdx deep": {"deep"},
    "git init . && git add . && git rm -rf .": {"app.db", "deep/x"},
    "git init; git add -A; git reset --hard": {"app.db", "deep/x"},
    "cd .. && git init -q keep && git -C keep clean -fdx": {"app.db", "deep"},
    "git -C /srv/keep init && git clean -f": {"app.db"}, "git init --bare && git clean -fdx": set(),
    "git init deep && git -C deep clean -f": {"deep/x"},
    "git init --initial-branch main && git clean -fd": {"app.db", "deep"},
    "git clone -q /srv/repo /srv/keep; git clean -fdx": set(),
    "git clone /srv/repo /tmp/r && cd /tmp/r && git clean -fdx && rm -rf *": set(),
    "git clone https://example.org/x/tool.git; cd tool; rm -rf *": set(),
    "git clone --depth 1 git@example.org:x/tool; cd tool && rm -rf .git": set(),
}  # fmt: skip


def found(line: str, folder: str = "/srv/repo") -> Preflight:
    host = repository()
    host.files.add("/srv/keep/app.db", "precious\n")
    host.files.add("/srv/keep/deep/x", "precious too\n")
    return judge(line, host.world, Shell({}, folder, "/root"))


@pytest.mark.parametrize("line", LOST)
def test_what_the_line_has_done_to_the_index_counts(line: str) -> None:
    """git takes away what is tracked by then, and what is no longer."""
    assert {each.name.removeprefix("/srv/repo/") for each in found(line).lost} == LOST[line]


@pytest.mark.parametrize("line", MADE)
def test_a_repository_that_the_line_makes_is_one(line: str) -> None:
    """All that lies in it is in no commit; a clone is the line's own."""
    assert {each.name.removeprefix("/srv/keep/") for each in found(line, "/srv/keep").lost} == MADE[line]


@pytest.mark.parametrize(
    "line",
    [
        "git checkout -b tmp && git commit -am wip && git checkout -q master && git branch -D tmp",
        "git switch -c tmp; git add -A; git commit -m x; git switch -; git branch --delete --force tmp",
    ],
)
def test_a_branch_that_the_line_commits_on_and_deletes_is_never_safe(line: str) -> None:
    """What was changed is on that branch alone."""
    judged = found(line)
    assert verdict(judged) == "unknown" and judged.unknown


@pytest.mark.parametrize("line", [
    "git add -A && git commit -m x && git push", "git stash && git pull && git stash pop", "git add . && git status",
    "git checkout -b x && git add -A && git commit -m y", "git checkout master && git pull && git branch -d merged",
    "git init -q && git add -A && git commit -qm first", "git reset && git add -p",
    "git clone https://example.org/x.git && cd x && ls",
    "git checkout feature && git branch -D merged",
])  # fmt: skip
def test_everyday_lines_stay_safe(line: str) -> None:
    """Adding, committing, and branches that others hold."""
    assert verdict(found(line)) == "safe"
