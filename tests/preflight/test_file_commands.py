"""What commands do to files: whose they are, what is lost, and what the tools refuse."""

import pytest
from preflight.host_world import shop

LOST = [
    ("rm /srv/notes.txt", {"/srv/notes.txt"}),
    ("rm notes.txt", {"/srv/notes.txt"}),
    ("rm -rf /srv/uploads", {"/srv/uploads"}),
    ("rm -rf /srv/link", set()),
    ("rm -rf /srv/link/", {"/srv/uploads"}),
    ("rm -rf /srv/link/*", {"/srv/uploads/a.jpg"}),
    ("rm -rf /srv/link/../notes.txt", {"/srv/notes.txt"}),
    ("rm /srv/uploads", set()),
    ("rm -rf /srv/absent", set()),
    ("rm /srv/empty", set()),
    ("rm /tmp/scratch", set()),
    ("rm -rf /var/lib/docker/volumes/shop_pg", {"shop_pg"}),
    ("rm -rf /var/lib/docker/volumes", {"/var/lib/docker/volumes", "shop_pg"}),
    ("rm -rf /srv/*", {"/srv/notes.txt", "/srv/shop", "/srv/uploads"}),
    ("echo > /srv/notes.txt", {"/srv/notes.txt"}),
    ("echo >> /srv/notes.txt", set()),
    ("bash -c 'echo > /srv/new' > /srv/notes.txt", {"/srv/notes.txt"}),
    ("sudo sh -c 'cd shop; echo > notes.txt' > notes.txt", {"/srv/notes.txt"}),
    ("eval 'ls >> /srv/new' 2> /srv/notes.txt", {"/srv/notes.txt"}),
    ("f() { ls > /srv/new; }; f > /srv/notes.txt", {"/srv/notes.txt"}),
    ("f() { ls > /srv/new; }; f >> /srv/notes.txt", set()),
    ("bash -c 'mv /srv/notes.txt /srv/old' > /srv/notes.txt", {"/srv/notes.txt"}),
    ("bash -c 'mv /srv/notes.txt /srv/old' > /srv/new", set()),
    ("ls 2> /dev/null", set()),
    ("dd if=/dev/zero of=/dev/sda", {"/dev/sda"}),
    ("mkfs.ext4 -L data /dev/sda", {"/dev/sda"}),
    ("wipefs /dev/sda", set()),
    ("wipefs -a /dev/sda", {"/dev/sda"}),
    ("truncate -s 0 /srv/notes.txt", {"/srv/notes.txt"}),
    ("truncate -s 1G /srv/notes.txt", set()),
    ("shred -u /srv/notes.txt", {"/srv/notes.txt"}),
    ("mv /srv/notes.txt /srv/shop/compose.yml", {"/srv/shop/compose.yml"}),
    ("mv -n /srv/notes.txt /srv/shop/compose.yml", set()),
    *(
        (f"{before}{program} {options} /srv/notes.txt /srv/shop/compose.yml", {"/srv/shop/compose.yml"})
        for program in ("cp", "mv", "install", "ln -f")
        for before, options in (
            ("", "--backup=none"),
            ("", "--backup=off"),
            ("", "--backup=no -b"),
            ("", "--backup=numbered --backup=of"),
            ("VERSION_CONTROL=none ", "-b"),
            ("env VERSION_CONTROL=off ", "--backup"),
            ("export VERSION_CONTROL=none; ", "-S .old"),
        )
    ),
    *(
        (f"{before}{program} {options} /srv/notes.txt /srv/shop/compose.yml", set())
        for program in ("cp", "mv", "install", "ln -f")
        for before, options in (
            ("", "-b"),
            ("", "--backup=numbered"),
            ("", "--backup=none --backup=t"),
            ("VERSION_CONTROL=none ", "--backup=simple"),
            ("VERSION_CONTROL= ", "-b"),
            ("", "--suffix=.old"),
        )
    ),
    ("mv /srv/notes.txt /srv/other", set()),
    ("cp /srv/notes.txt /srv/shop/", set()),
    ("tar -cf /srv/new.tar /srv/uploads", set()),
    ("tar -cf /srv/notes.txt /srv/uploads", {"/srv/notes.txt"}),
    ("find /srv -name '*.txt' -delete", {"/srv/notes.txt"}),
    ("find /srv -name '*.jpg' -exec rm {} +", {"/srv/uploads/a.jpg"}),
    ("find /srv -mtime +1 -delete", set()),
    ("mv /srv/uploads /srv/old; rm -rf /srv/old", {"/srv/uploads"}),
    ("mv /srv/uploads /srv/old; rm -rf /srv/uploads", set()),
    ("mv /srv/uploads /srv/old && systemctl reload nginx; rm -rf /srv/uploads", set()),
    ("mv /srv/uploads /srv/old || exit 1; rm -rf /srv/uploads", set()),
    ("mv /srv/uploads /srv/old || true; rm -rf /srv/uploads", set()),
    ("sleep 9 & mv /srv/uploads /srv/old; rm -rf /srv/uploads", set()),
    ("test -e /srv/old || mv /srv/uploads /srv/old && rm -rf /srv/uploads", {"/srv/uploads"}),
    ("[ -e /x ] && mv /srv/uploads /srv/old && rm -rf /srv/uploads", set()),
    ("if [ -e /x ]; then mv /srv/uploads /srv/old; rm -rf /srv/uploads; fi", set()),
    ("f() { mv /srv/uploads /srv/old; }; f; rm -rf /srv/uploads", set()),
    ("[ -e /x ] && mv /srv/uploads /srv/old; rm -rf /srv/uploads", {"/srv/uploads"}),
    ("[ -e /x ] && sudo mv /srv/uploads /srv/old; rm -rf /srv/uploads", {"/srv/uploads"}),
    ("if [ -e /x ]; then mv /srv/uploads /srv/old; fi; rm -rf /srv/uploads", {"/srv/uploads"}),
    ("mv /srv/uploads /srv/old & rm -rf /srv/uploads", {"/srv/uploads"}),
    ("mv /srv/uploads /srv/old || rm -rf /srv/uploads", {"/srv/uploads"}),
    ("(cd /x && mv /srv/uploads /srv/old); rm -rf /srv/uploads", {"/srv/uploads"}),
    ("[ -e /x ] && mv /srv/notes.txt /srv/old; echo x > /srv/notes.txt", {"/srv/notes.txt"}),
    ("test -d uploads && mv uploads old; rm -rf uploads", set()),
    ("test -f uploads && mv uploads old; rm -rf uploads", {"/srv/uploads"}),
    ("[ -e /x ] && [ -e uploads ] && mv uploads old; rm -rf uploads", {"/srv/uploads"}),
    ("[[ -f notes.txt ]] && mv notes.txt old; echo x > notes.txt", set()),
    ("[[ -e /x ]] && mv notes.txt old; echo x > notes.txt", {"/srv/notes.txt"}),
    ("if [[ -d uploads ]]; then /bin/mv uploads old; fi; mkdir uploads; echo x > uploads/a.jpg", set()),
    ("[ -d uploads ] || mv uploads old; rm -rf uploads", {"/srv/uploads"}),
    ("[ -e /x ] && mv uploads old; for f in uploads/*; do rm $f; done", {"/srv/uploads/a.jpg"}),
    ("[ -e /x ] && ln -sfn /tmp link; rm -rf link/*", {"/srv/uploads/a.jpg"}),
    ("[ -e /x ] && rm link; rm -rf link/*", {"/srv/uploads/a.jpg"}),
    ("[ -L link ] && rm link; ln -s /tmp link", set()),
    ("bash -c 'mv uploads old'; rm -rf uploads", set()),
    ("(mv uploads old); rm -rf uploads", set()),
    ("sudo sh -c 'mv uploads old'; rm -rf uploads", set()),
    ("sudo sh -c 'test -e /x && mv uploads old'; rm -rf uploads", {"/srv/uploads"}),
    ("bash -c 'test -e /x || exit; mv uploads old'; rm -rf uploads", {"/srv/uploads"}),
    ("bash -ec 'test -e /x; mv uploads old'; rm -rf uploads", {"/srv/uploads"}),
    ("(set -e; test -e /x; mv uploads old); rm -rf uploads", {"/srv/uploads"}),
    ("timeout 1 sh -c 'sleep 9; mv uploads old'; rm -rf uploads", {"/srv/uploads"}),
    ("f() { cd /nowhere; }; f && rm notes.txt", set()),
    ("f() { { return; } && cd /nowhere; }; f && rm notes.txt", {"/srv/notes.txt"}),
    ("f() { test -e /x && return; cd /nowhere; }; f && rm notes.txt", {"/srv/notes.txt"}),
    ("for i in 1; do break; cd /nowhere; done && rm notes.txt", {"/srv/notes.txt"}),
    ("while true; do break; cd /nowhere; done && rm notes.txt", {"/srv/notes.txt"}),
    ("(exit; cd /nowhere) && rm notes.txt", {"/srv/notes.txt"}),
    ("bash -c 'exit; cd /nowhere' && rm notes.txt", {"/srv/notes.txt"}),
    ("rm notes.txt; rm notes.txt", {"/srv/notes.txt"}),
]


@pytest.mark.parametrize("start", ["bash -e ./stops", "bash -eu stops", "sudo sh -e stops", "./stops-itself"])
def test_what_a_script_does_not_come_to_is_not_done(start: str) -> None:
    host = shop()
    host.files.add("/srv/stops", "test -e /x\nmv uploads old\n")
    host.files.add("/srv/stops-itself", "#!/bin/sh -e\ntest -e /x\nmv uploads old\n")
    assert {each.name for each in host.judge(f"{start}; rm -rf /srv/uploads").lost} == {"/srv/uploads"}
    assert host.judge(f"{start.replace(' -e ', ' ').replace(' -eu ', ' ')}; ls").lost == ()


@pytest.mark.parametrize("start", ["bash", ".", "sudo sh", "make -f"])
def test_what_a_script_may_not_move_is_lost_after_it(start: str) -> None:
    """What comes next is not in the script, or the script is not run."""
    host = shop()
    first = "all:\n\t" if start == "make -f" else ""
    host.files.add("/srv/moves", f"{first}mv uploads old\n")
    host.files.add("/srv/may_move", f"{first}[ -e /x ] && mv uploads old\n")
    assert host.judge(f"{start} moves; rm -rf /srv/uploads").lost == ()
    for line in (f"{start} may_move; rm -rf /srv/uploads", f"[ -e /x ] && {start} moves; rm -rf /srv/uploads"):
        assert {each.name for each in host.judge(line).lost} == {"/srv/uploads"}


@pytest.mark.parametrize(("line", "lost"), LOST, ids=[line for line, _ in LOST])
def test_exactly_this_is_lost(line: str, lost: set[str]) -> None:
    """Links, patterns, `..` and renames are followed; what a tool refuses loses nothing."""
    found = shop().judge(line)
    assert {each.name for each in found.lost} == lost
    assert found.unknown == ()


def test_who_uses_it_is_told() -> None:
    """The container of a volume and of a bind mount, the unit of a unit file, the project of a Compose file."""
    told = {line: shop().judge(f"rm -rf {line}").lost[0] for line in _USED}
    assert {line: effect.used_by for line, effect in told.items()} == _USED
    base = shop().judge("rm -rf /var/lib/docker/volumes/shop_pg/_data/base").lost[0]
    assert "volume shop_pg" in base.why


_USED = {
    "/var/lib/docker/volumes/shop_pg/_data": ("shop-db-1",),
    "/srv/uploads": ("shop-db-1",),
    "/srv/uploads/a.jpg": ("shop-db-1",),
    "/srv/shop/compose.yml": ("shop-db-1",),
    "/etc/systemd/system/app.service": ("app.service",),
}


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("rm -rf $DIR", "/srv"),
        ("rm -rf x", None),
        ("find . -perm 600 -delete", "/srv"),
        ("rm -rf /", "/srv"),
        ("rm -rf //", "/srv"),
        ("rsync -a --delete web:/a/ /srv/uploads/", "/srv"),
    ],
)
def test_what_cannot_be_known_is_said(line: str, folder: str | None) -> None:
    """A variable, an unknown folder, another host's files."""
    assert shop().judge(line, folder=folder).unknown


AT_JOBS = [
    ("atrm 18", {"at job 18"}),
    ("atrm 18 19 99", {"at job 18"}),
    ("at -d 18", {"at job 18"}),
    ("atrm $(atq | cut -f 1)", {"at job 18"}),
    ("atrm 18; atrm 18", {"at job 18"}),
    ("atrm 99", set()),
]


@pytest.mark.parametrize(("line", "lost"), AT_JOBS, ids=[line for line, _ in AT_JOBS])
def test_jobs_of_at(line: str, lost: set[str]) -> None:
    """Those that are there, by the number in the name of their file."""
    host = shop()
    host.files.add("/var/spool/cron/atjobs/a0001201a2b3c4", "echo hello")
    host.files.add("/var/spool/cron/atjobs/.SEQ", "12")
    found = host.judge(line)
    assert [each.name for each in found.lost] == list(lost)
    assert found.unknown == ()


def test_a_file_is_not_copied_over_itself() -> None:
    """cp and install refuse it, by a link too."""
    host = shop()
    host.files.add("/srv/same", "\0link /srv/notes.txt")
    assert host.judge("cp /srv/notes.txt /srv/same").lost == ()
    assert host.judge("cp /srv/shop/compose.yml /srv/same").lost != ()


def test_rsync_replaces_and_deletes() -> None:
    """By names, sizes and times; a choice of files or another host is not judged."""
    host = shop()
    host.files.add("/srv/new/a.jpg", "another size")
    (lost,) = host.judge("rsync -a --delete /srv/new/ /srv/uploads").lost
    assert (lost.name, lost.used_by) == ("/srv/uploads", ("shop-db-1",))
    assert "replaces 1 file" in lost.why
    assert host.judge("rsync -a --delete /srv/new /srv/uploads").lost == ()
    for line in ("rsync -a --delete --exclude-from x /srv/new/ /srv/uploads", "rsync -ac web:/new/ /srv/uploads"):
        assert host.judge(line).unknown
