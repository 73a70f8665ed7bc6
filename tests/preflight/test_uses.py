"""Who uses a file now or tomorrow, and whether a deletion is of something that nobody needs."""

import pytest
from preflight.host_world import LINK, FakeHost, shop

OURS = "22 1 0:21 / / rw - ext4 /dev/sda rw\n"
CONTAINERS = "90 80 0:77 / / rw - overlay overlay rw\n"


def host_with(pid: int, **links: str) -> FakeHost:
    """A process that has these links: `cwd`, `exe`, or a number for an open file."""
    host = shop()
    host.files.add("/proc/self/mountinfo", OURS)
    host.process(pid, "/usr/bin/editor")
    host.files.add(f"/proc/{pid}/comm", "editor\n")
    host.files.add(f"/proc/{pid}/mountinfo", OURS)
    host.files.add(f"/proc/{pid}/fd/0", f"{LINK}/dev/null")
    for name, target in links.items():
        path = f"/proc/{pid}/{name if name in ('cwd', 'exe') else f'fd/{name[1:]}'}"
        host.files.add(path, LINK + target)
    return host


@pytest.mark.parametrize(
    ("line", "links"),
    [
        ("rm /srv/notes.txt", {"_3": "/srv/notes.txt"}),
        ("rm -rf /srv/shop", {"_3": "/srv/shop/compose.yml"}),
        ("rm -rf /srv/shop", {"cwd": "/srv/shop"}),
        ("rm /srv/notes.txt", {"exe": "/srv/notes.txt"}),
        ("find /srv/shop -delete", {"_3": "/srv/shop/compose.yml"}),
    ],
)
def test_a_process_uses_it(line: str, links: dict[str, str]) -> None:
    """It has it open, runs it or stands in it."""
    (lost,) = host_with(700, **links).judge(line).lost
    assert lost.in_use is True
    assert "editor (700)" in lost.used_by


def test_nobody_uses_it() -> None:
    """A plain file that nothing has open and no unit names."""
    (lost,) = host_with(700, cwd="/").judge("rm /srv/notes.txt").lost
    assert (lost.in_use, lost.used_by) == (False, ())


def test_the_same_path_in_a_container_is_another_file() -> None:
    """A process with another root file system does not use this host's file."""
    host = host_with(700, _3="/srv/notes.txt")
    host.files.add("/proc/700/mountinfo", CONTAINERS)
    assert host.judge("rm /srv/notes.txt").lost[0].in_use is False


def test_who_asks_does_not_count() -> None:
    """The shell that the line is typed into stands in the folder by itself."""
    host = host_with(700, cwd="/srv/shop")
    host.files.add("/proc/self/stat", "701 (preflight) S 700 701 701 0 0 0 " + "0 " * 12 + "5 0")
    assert "editor (700)" not in host.judge("rm -rf /srv/shop").lost[0].used_by


NAMED = {
    "/etc/systemd/system/notes.service": ("[Service]\nExecStart=/bin/cat /srv/notes.txt\n", "notes.service"),
    "/etc/systemd/system/notes.service.d/x.conf": ('[Service]\nExecStart="/srv/notes.txt"\n', "notes.service"),
    "/etc/cron.d/notes": ("0 4 * * * root cp /srv/notes.txt /tmp\n", "/etc/cron.d/notes"),
    "/var/spool/cron/crontabs/www-data": ("0 4 * * * cp /srv/notes.txt /tmp\n", "crontab of www-data"),
}


@pytest.mark.parametrize("file", NAMED)
def test_what_runs_later_uses_it(file: str) -> None:
    """Units, their drop-ins and crontabs that name it."""
    host = host_with(700)
    text, user = NAMED[file]
    host.files.add(file, text)
    assert host.judge("rm /srv/notes.txt").lost[0].used_by == (user,)


@pytest.mark.parametrize("text", ["/srv/notes.txt.old", "/other/srv/notes.txt", "/srv/notes.txts", "x/srv/notes.txt"])
def test_another_name_is_not_it(text: str) -> None:
    host = host_with(700)
    host.files.add("/etc/cron.d/notes", f"0 4 * * * root cp {text} /tmp\n")
    assert host.judge("rm /srv/notes.txt").lost[0].in_use is False


def test_swap_and_loop_devices_use_it() -> None:
    """The kernel has them open without a process."""
    host = host_with(700)
    host.files.add("/proc/swaps", "Filename Type Size Used Priority\n/srv/notes.txt file 1 0 -2\n")
    host.files.add("/sys/block/loop0/loop/backing_file", "/srv/notes.txt\n")
    assert host.judge("rm /srv/notes.txt").lost[0].used_by == ("swap", "/dev/loop0")


def test_podmans_folders_are_known_by_their_place() -> None:
    """Podman is not started for every rm: the path tells whose data it is."""
    host = host_with(700)
    host.files.add("/var/lib/containers/storage/volumes/pg/_data/rows", "rows")
    host.files.add("/home/web/.local/share/containers/storage/volumes/pg/_data/rows", "rows")
    for line in (
        "rm -rf /var/lib/containers/storage/volumes/pg",
        "rm /home/web/.local/share/containers/storage/volumes/pg/_data/rows",
    ):
        (lost,) = host.judge(line).lost
        assert "Podman's volume pg" in lost.why
        assert lost.in_use is True
