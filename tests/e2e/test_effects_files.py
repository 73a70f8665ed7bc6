"""Commands on files: what preflight says would be lost, held against what was lost when the line was run.

Each case starts from the same files: plain ones, a volume's data, a folder that a container works in, a database, a
work tree of git, a disk in a file, a crontab and a job of at.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from e2e.rig import docker, host_lines as lines
from e2e.rig.box import Box, MakeBox
from truth.preflight_rows import NOT_TOLD, Row, told

pytestmark = pytest.mark.truth  # seventy lines, really run

VOLUME = "/var/lib/docker/volumes/keep/_data"
REPOSITORY = """
mkdir -p /srv/repo/sub /srv/repo/build
cd /srv/repo
git init -q
git config user.email x@example.org
git config user.name x
echo committed | tee a.txt sub/b.txt same.txt > /dev/null
echo '*.log' > .gitignore
git add . && git commit -qm one
sleep 0.01
echo changed > a.txt
echo changed > sub/b.txt
echo new > new.txt
echo junk > junk.log
echo built > build/out
"""
SCENE = f"""
set -e
cd /
rm -rf /srv/* /root/notes.txt
mkdir -p /srv/bind/sub /srv/plain/deep /srv/mirror/deep {VOLUME}
for f in bind/sub/1 plain/a.log plain/deep/b.log plain/c.txt mirror/a.log mirror/only; do echo $f > /srv/$f; done
cp -p /srv/plain/deep/b.log /srv/mirror/deep/
echo notes > /root/notes.txt
ln -sfn /srv/plain /srv/link
ln -sfn /srv/plain/c.txt /srv/plain/to-c
head -c 100000 /dev/zero > /srv/plain/big
truncate -s 8M /srv/disk.img
mkfs.ext4 -q -F /srv/disk.img
echo data > {VOLUME}/1
sqlite3 /srv/app.db 'create table t (a); insert into t values (1)'
printf '0 3 * * * /bin/true\\n' | crontab -
atrm $(atq | cut -f 1) 2> /dev/null || :
echo /bin/true | at -q a 03:00 2> /dev/null
{REPOSITORY}
"""
WATCHED = f"/srv {VOLUME} /root/notes.txt"


@pytest.fixture(scope="module")
def box(make_box: MakeBox) -> Iterator[Box]:
    """Two containers, one on a volume and one on a folder of the host."""
    box = make_box(extras=("keepers",))
    sleeps = ["sh", "-c", "exec sleep 100000"]
    box.run(["docker", "run", "-d", "--name=onvol", "-v", "keep:/data", docker.IMAGE, *sleeps])
    box.run(["docker", "run", "-d", "--name=onbind", "-v", "/srv/bind:/data", docker.IMAGE, *sleeps])
    box.run("systemctl start atd")
    yield box
    box.run("docker rm -f onvol onbind; docker volume rm keep; rm -rf /srv/*", check=False)


NOBODY: tuple[str, ...] = ()
UNTRACKED = {"/srv/repo/build", "/srv/repo/new.txt"}
CASES: list[tuple[str, set[str], tuple[str, ...]]] = [
    # rm, with what the shell and the kernel make of its words
    ("docker exec onvol rm -rf /data/1", {f"{VOLUME}/1"}, ("onvol",)),
    ("rm -rf /srv/bind", {"/srv/bind"}, ("onbind",)),
    ("rm -rf /srv/bind/*", {"/srv/bind/sub"}, ("onbind",)),
    (f"rm -rf {VOLUME}", {"keep"}, ("onvol",)),
    (f"rm -rf {VOLUME}/*", {f"{VOLUME}/1"}, ("onvol",)),
    ("rm -rf /var/lib/docker/volumes/ke*", {"keep"}, ("onvol",)),
    ("rm /root/notes.txt", {"/root/notes.txt"}, NOBODY),
    ("rm ~/notes.txt", {"/root/notes.txt"}, NOBODY),
    ("cd /srv/plain && rm -f *.log", {"/srv/plain/a.log"}, NOBODY),
    ("rm -rf /srv/{plain,mirror}", {"/srv/plain", "/srv/mirror"}, NOBODY),
    ("rm -rf /srv/plain/[a-b]*", {"/srv/plain/a.log", "/srv/plain/big"}, NOBODY),
    ("rm -rf /srv/link/", {"/srv/plain"}, NOBODY),  # the link stays, what is in the folder goes
    ("rm -rf /srv/link", set(), NOBODY),
    ("rm /srv/plain/to-c", set(), NOBODY),
    ("rm -rf /srv/link/deep/../c.txt", {"/srv/plain/c.txt"}, NOBODY),
    ("rm /srv/plain", set(), NOBODY),
    ("rmdir /srv/plain/deep", set(), NOBODY),
    ("unlink /srv/plain/c.txt", {"/srv/plain/c.txt"}, NOBODY),
    ("rm /srv/app.db", {"/srv/app.db"}, NOBODY),
    ("for f in /srv/plain/*.txt; do rm $f; done", {"/srv/plain/c.txt"}, NOBODY),
    # content that goes while the name stays
    ("truncate -s 0 /srv/plain/big", {"/srv/plain/big"}, NOBODY),
    ("truncate -s +10 /srv/plain/big", set(), NOBODY),
    ("> /srv/plain/a.log", {"/srv/plain/a.log"}, NOBODY),
    (": > /srv/plain/to-c", {"/srv/plain/c.txt"}, NOBODY),
    ("echo x >> /srv/plain/a.log", set(), NOBODY),
    ("echo x | tee /srv/plain/a.log", {"/srv/plain/a.log"}, NOBODY),
    ("dd if=/dev/zero of=/srv/plain/big bs=1 count=1", {"/srv/plain/big"}, NOBODY),
    ("dd if=/dev/zero of=/srv/disk.img bs=1k count=4 conv=notrunc", {"/srv/disk.img"}, NOBODY),
    ("mkfs.ext4 -q -F /srv/disk.img", {"/srv/disk.img"}, NOBODY),
    ("wipefs -a /srv/disk.img", {"/srv/disk.img"}, NOBODY),
    ("mkswap /srv/disk.img", {"/srv/disk.img"}, NOBODY),
    ("shred /srv/plain/c.txt", {"/srv/plain/c.txt"}, NOBODY),
    ("shred -u /srv/plain/c.txt", {"/srv/plain/c.txt"}, NOBODY),
    ("cp /srv/plain/c.txt /srv/plain/a.log", {"/srv/plain/a.log"}, NOBODY),
    ("cp /srv/plain/c.txt /srv/plain/to-c", set(), NOBODY),  # the same file: cp refuses
    ("mv /srv/plain/c.txt /srv/plain/a.log", {"/srv/plain/a.log"}, NOBODY),
    ("mv /srv/plain/a.log /srv/plain/to-c", set(), NOBODY),  # the link is replaced, its target stays
    ("mv -n /srv/plain/c.txt /srv/plain/a.log", set(), NOBODY),
    ("mv /srv/plain /srv/aside && rm -r /srv/aside/deep", {"/srv/plain/deep"}, NOBODY),
    ("mv /srv/plain /srv/aside; rm -rf /srv/plain", set(), NOBODY),
    (f"mv {VOLUME}/1 /srv/", set(), NOBODY),
    ("ln -sf /srv/app.db /srv/plain/c.txt", {"/srv/plain/c.txt"}, NOBODY),
    ("tar -cf /srv/plain/c.txt /srv/bind", {"/srv/plain/c.txt"}, NOBODY),
    # many at once
    ("find /srv/plain -name '*.log' -delete", {"/srv/plain/a.log", "/srv/plain/deep/b.log"}, NOBODY),
    ("find /srv/plain -name '*.log' -exec rm {} +", {"/srv/plain/a.log", "/srv/plain/deep/b.log"}, NOBODY),
    ("find /srv/plain -type f -size +50k -delete", {"/srv/plain/big"}, NOBODY),
    ("find /srv/plain -maxdepth 1 -type f -name '*.log' -delete", {"/srv/plain/a.log"}, NOBODY),
    ("find /srv/plain -mtime +1 -delete", set(), NOBODY),
    ("ls /srv/plain/*.log | xargs rm", {"/srv/plain/a.log"}, NOBODY),
    ("find /srv/plain -name '*.log' | xargs rm -f", {"/srv/plain/a.log", "/srv/plain/deep/b.log"}, NOBODY),
    ("rsync -a --delete /srv/plain/ /srv/mirror/", {"/srv/mirror"}, NOBODY),
    ("rsync -a /srv/plain/ /srv/mirror/", {"/srv/mirror"}, NOBODY),  # it replaces a.log
    ("rsync -a --delete /srv/plain /srv/mirror/", set(), NOBODY),  # into a folder of its own
    ("rsync -a --delete /srv/plain/deep /srv/mirror/", set(), NOBODY),
    ("rsync -an --delete /srv/plain/ /srv/mirror/", set(), NOBODY),
    # tables of what runs by itself
    ("crontab -r", {"root"}, NOBODY),
    ("echo '0 4 * * * /bin/false' | crontab -", {"root"}, NOBODY),
    ("crontab -l", set(), NOBODY),
    ("atrm $(atq | cut -f 1)", {"at job"}, NOBODY),
    ("atrm 99999", set(), NOBODY),
    # git: what no commit holds
    ("git -C /srv/repo clean -fdx", {*UNTRACKED, "/srv/repo/junk.log"}, NOBODY),
    ("cd /srv/repo && git clean -fdx", {*UNTRACKED, "/srv/repo/junk.log"}, NOBODY),
    ("cd /srv/repo && git clean -fd", UNTRACKED, NOBODY),
    ("cd /srv/repo && git reset --hard", {"/srv/repo/a.txt", "/srv/repo/sub/b.txt"}, NOBODY),
    ("cd /srv/repo && git clean -n", set(), NOBODY),
    ("cd /srv/repo && git checkout .", {"/srv/repo/a.txt", "/srv/repo/sub/b.txt"}, NOBODY),
    ("cd /srv/repo && git checkout -- a.txt", {"/srv/repo/a.txt"}, NOBODY),
    ("cd /srv/repo/sub && git restore .", {"/srv/repo/sub/b.txt"}, NOBODY),
    ("cd /srv/repo && git restore same.txt", set(), NOBODY),
    ("cd /srv/repo && git status", set(), NOBODY),
]
"""The line, what it destroys by the names that it must be foretold with, and who must be named as its user."""


def contents(box: Box) -> dict[str, str]:
    """Every file with what is in it, the crontab, and the jobs of at."""
    listed = box.run(f"find {WATCHED} -path '*/.git' -prune -o -type f -exec sha256sum {{}} +", check=False)
    found = {path: digest for digest, path in (line.split(maxsplit=1) for line in listed.stdout.splitlines())}
    jobs = {f"at job {line.split()[0]}": "a job" for line in box.run("atq").stdout.splitlines()}
    return found | jobs | {"root": box.run("crontab -l", check=False).stdout}


def gone(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Names whose content is no longer there; one that only has another name, or was added to, is not lost."""
    less = Counter(before.values()) - Counter(after.values())
    return {path for path, digest in before.items() if after.get(path) != digest and digest in less}


def longer(box: Box, path: str, before: dict[str, str]) -> bool:
    """Whether a file still begins with all that was in it: then nothing of it is lost."""
    script = 'for n in $(seq 1 10) ; do head -c -$n "$1" | sha256sum; done'
    return before[path] in box.run(["sh", "-c", script, "sh", path], check=False).stdout


def root(name: str) -> str:
    """Where a name's content was before the line."""
    return VOLUME if name == "keep" else name


def covered(path: str, names: set[str]) -> str:
    """The foretold name that a path is in, or the path itself."""
    return next((name for name in names if path == root(name) or path.startswith(f"{root(name)}/")), path)


@pytest.mark.parametrize(("line", "lost", "users"), CASES, ids=[line for line, *_ in CASES])
def test_files_are_lost_as_foretold(box: Box, row: Row, line: str, lost: set[str], users: tuple[str, ...]) -> None:
    """What is said to be lost is lost, nothing else is; who uses it is named."""
    box.run(["bash", "-c", SCENE])
    document = lines.preflight(box, line, folder="/root")
    foretold = lines.lost(document)
    before = contents(box)
    box.run(["bash", "-c", f"cd /root; {line}"], check=False)
    really = {covered(path, set(foretold)) for path in gone(before, contents(box)) if not longer(box, path, before)}
    unknown = NOT_TOLD if document["unknown"] else told(destroys=foretold)
    row(line, {"host": "Debian 12"}, unknown, told(destroys=really))
    assert {name.rstrip("0123456789 ") if name.startswith("at") else name for name in foretold} == lost
    assert document["verdict"] in ({"destroys-data"} if lost else {"safe", "interrupts"}), document
    assert really == set(foretold)
    for effect in foretold.values():
        assert set(users) <= set(effect["used_by"])
        if not effect["name"].startswith("/srv/repo/"):  # there it says whether it is work that no commit holds
            assert effect["in_use"] is (bool(users) or effect["type"] == "crontab" or effect["name"] == "/srv/app.db")


MODES = ["chmod -R 700 /srv/bind", f"chown -R 1000:1000 {VOLUME}", "chmod 600 /srv/plain/c.txt"]


@pytest.mark.parametrize("line", MODES)
def test_rights_change_and_nothing_is_lost(box: Box, row: Row, line: str) -> None:
    """Who works in the folder is named; no content goes."""
    box.run(["bash", "-c", SCENE])
    path = line.rsplit(maxsplit=1)[-1]
    document = lines.preflight(box, line)
    before, rights = contents(box), box.run(["stat", "-c", "%a %u", path]).stdout
    box.run(line)
    changed = {path} if box.run(["stat", "-c", "%a %u", path]).stdout != rights else set()
    row(line, {"host": "Debian 12"}, told(changes=lines.names(document, "path", "change")), told(changes=changed))
    assert lines.names(document, "path", "change") == changed == {path}
    assert contents(box) == before
    assert lines.lost(document) == {}
    users = {user for each in document["effects"] for user in each["used_by"]}
    assert users == {"chmod -R 700 /srv/bind": {"onbind"}, MODES[1]: {"onvol"}}.get(line, set())


def test_the_journal_is_deleted(box: Box, row: Row) -> None:
    """`journalctl --vacuum-time` deletes the host's log: foretold as a loss, with journald as its user."""
    box.run("mkdir -p /var/log/journal && systemctl restart systemd-journald && journalctl --flush; sleep 1")
    box.run("for i in 1 2 3; do logger line-$i; journalctl --sync; journalctl --rotate; done; sleep 1")
    line = "journalctl --vacuum-time=1s"
    document = lines.preflight(box, line)
    before = set(box.run("find /var/log/journal -type f").stdout.split())
    box.run(line)
    after = set(box.run("find /var/log/journal -type f").stdout.split())
    really = {"/var/log/journal"} if before - after else set()
    row(line, {"host": "Debian 12"}, told(destroys=lines.lost(document)), told(destroys=really))
    assert set(lines.lost(document)) == really == {"/var/log/journal"}


USED = [
    ("/srv/used/open.txt", "exec 9< /srv/used/open.txt; exec sleep 31.5", "sleep ("),
    ("/srv/used", "cd /srv/used && exec sleep 31.5", "sleep ("),
    ("/srv/used/run", "cp /bin/sleep /srv/used/run; exec /srv/used/run 31.5", "run ("),
]


@pytest.mark.parametrize(("path", "script", "user"), USED, ids=[path for path, *_ in USED])
def test_whoever_uses_it_now_is_named(box: Box, path: str, script: str, user: str) -> None:
    """A process that has it open, stands in it or runs it; afterwards it is in use no more."""
    box.run("mkdir -p /srv/used && echo x > /srv/used/open.txt && cp /bin/sleep /srv/used/run")
    box.run(["bash", "-c", f"( {script} ) > /dev/null 2>&1 < /dev/null &"])
    box.wait_for("the process", lambda: box.pids(" 31.5$"))
    (effect,) = lines.preflight(box, f"rm -rf {path}")["effects"]
    assert effect["in_use"] is True
    assert [each.startswith(user) for each in effect["used_by"]] == [True]
    box.run(["kill", *map(str, box.pids(" 31.5$"))])
    box.wait_for("the end", lambda: not box.pids(" 31.5$"))
    (effect,) = lines.preflight(box, f"rm -rf {path}")["effects"]
    assert (effect["in_use"], effect["used_by"]) == (False, [])


def test_what_runs_tomorrow_uses_it_too(box: Box) -> None:
    """A unit's ExecStart= and a crontab's line name a program that nothing runs at this moment."""
    box.run("mkdir -p /srv/jobs && echo 'echo hello' > /srv/jobs/nightly.sh && echo 'echo x' > /srv/jobs/tick.sh")
    box.write("/etc/systemd/system/nightly.service", "[Service]\nExecStart=/bin/sh /srv/jobs/nightly.sh\n")
    box.write("/etc/cron.d/tick", "0 4 * * * root /bin/sh /srv/jobs/tick.sh\n")
    users = {path: lines.preflight(box, f"rm -rf {path}")["effects"][0]["used_by"] for path in JOBS}
    box.run("rm /etc/systemd/system/nightly.service /etc/cron.d/tick; rm -rf /srv/jobs")
    assert users == JOBS


JOBS = {
    "/srv/jobs/nightly.sh": ["nightly.service"],
    "/srv/jobs/tick.sh": ["/etc/cron.d/tick"],
    "/srv/jobs": ["nightly.service", "/etc/cron.d/tick"],
}


def test_the_shell_that_asks_does_not_count(box: Box) -> None:
    """Whoever stands in a folder and asks about it is no user of it; a path of a container is another file."""
    box.run("mkdir -p /srv/mine /data && echo x > /srv/mine/x && echo x > /data/x")
    (effect,) = lines.preflight(box, "rm -rf /srv/mine", folder="/srv/mine")["effects"]
    assert (effect["in_use"], effect["used_by"]) == (False, [])
    box.run(["docker", "exec", "-d", "onvol", "sh", "-c", "cd /data; exec sleep 32.5"])
    box.wait_for("the container's process", lambda: box.pids("sleep 32.5$"))
    (effect,) = lines.preflight(box, "rm -rf /data")["effects"]
    assert (effect["in_use"], effect["used_by"]) == (False, [])
    box.run("rm -rf /data")
