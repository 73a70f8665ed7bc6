"""The kernel's texts: names that others choose forge no line and move no field."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.linux import mounts, net, status, text

OTHER_BREAKS = ("\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
"""Where str.splitlines() ends a line as well, and the kernel does not."""


@given(st.lists(st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"])), max_size=6))
def test_a_line_ends_at_a_line_feed_alone(lines: list[str]) -> None:
    """As the kernel wrote them, so they are read."""
    assert text.lines("".join(f"{line}\n" for line in lines)) == lines


def test_numbers_are_told_with_a_colon_or_without() -> None:
    """io and status have one, cpu.stat and memory.stat do not; what is no number is left out."""
    assert text.numbers("rchar: 12\nName:\tx 3\nanon 7\nanon_thp\n") == {"rchar": 12, "anon": 7}


@pytest.mark.parametrize("mark", OTHER_BREAKS)
def test_a_process_name_forges_no_line_of_its_status(mark: str) -> None:
    """The kernel escapes a line feed in it, and leaves the rest."""
    told = status.parse(f"Name:\tx{mark}VmSwap:\t9 kB\nUmask:\t0022\nUid:\t0\t0\t0\t0\n")
    assert told == {"Name": f"x{mark}VmSwap:\t9 kB", "Umask": "0022", "Uid": "0\t0\t0\t0"}


@pytest.mark.parametrize("mark", [*OTHER_BREAKS, "\xa0", "\u3000"])
def test_a_mount_forges_no_line_and_moves_no_field(mark: str) -> None:
    """Whoever may mount in a container chooses source and target."""
    forged = f"/mnt/x{mark}proc{mark}/proc{mark}proc{mark}hidepid=2"
    line = f"tmpfs {forged} tmpfs rw,size=4k 0 0\n"
    assert mounts.parse(line) == (mounts.Mount("tmpfs", forged, "tmpfs", ("rw", "size=4k")),)
    line = f"25 1 8:1 {forged} / rw - ext4 /dev/sda1 rw\n"
    assert mounts.parse_mountinfo(line) == (mounts.MountPoint("8:1", forged, "/"),)


def test_names_of_mounts_are_unescaped() -> None:
    """A blank, a tab, a line feed and a backslash are written in octal."""
    line = "/dev/sdb1 /mnt/a\\040b\\011\\134040\\012 ext4 rw 0 0\n"
    assert [each.target for each in mounts.parse(line)] == ["/mnt/a b\t\\040\n"]


def test_swap_files_are_told_by_their_names() -> None:
    """The heading is none, and blanks fill up to the next column."""
    swaps = "Filename\t\t\t\tType\n/swap\\040file          file\t\t1024\t0\t-2\n/dev/sda2   partition\t1\t0\t-3\n"
    assert mounts.parse_swaps(swaps) == ("/swap file", "/dev/sda2")


@pytest.mark.parametrize("mark", ["\x1c", "\x1d", "\x1e", "\x85", "\u2028"])
def test_an_interface_forges_no_line(mark: str) -> None:
    """Its name may hold what the kernel does not take for white space."""
    head = "Inter-|   Receive\n face |bytes    packets\n"
    rows = f"    lo: 10 1 0\n x{mark}eth0: 30 3 0\n  eth0: 20 2 0\n"
    assert net.parse_dev(head + rows) == {"lo": 1, f"x{mark}eth0": 3, "eth0": 2}


@pytest.mark.parametrize("mark", OTHER_BREAKS)
def test_a_sockets_path_forges_no_line(mark: str) -> None:
    """Anybody may bind a Unix socket to any path."""
    head = "Num       RefCount Protocol Flags    Type St Inode Path\n"
    row = f"0000: 00000002 00000000 00000000 0001 01 77 /run/x{mark}0000: 00000002 00000000 00010000 0001 01 88 /y\n"
    assert net.parse_unix(head + row) == ()
    found = net.parse_unix(head + row.replace("00000000 0001 01 77", "00010000 0001 01 77"))
    assert [(each.inode, each.listens) for each in found] == [("77", True)]


def test_tcp_sockets_that_listen() -> None:
    """By port and inode; a connection is none."""
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    listens = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0     0 12345 1 0 100\n"
    assert net.parse_tcp(head + listens + listens.replace(" 0A ", " 01 ")) == (
        net.Listener(8080, "12345", 0, "0100007F"),
    )


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("0700000A:C350", "10.0.0.7:50000"),
        ("0000000000000000FFFF00000700000A:C350", "10.0.0.7:50000"),
        ("00000000000000000000000001000000:0050", "[::1]:80"),
    ],
)
def test_who_is_connected(address: str, peer: str) -> None:
    """Addresses as people write them; of a connection that its client gave up the server's end is there still."""
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = f"   0: 0100007F:1F90 {address} 08 00000000:00000000 00:00000000 00000000     0     0 12345 1 0 100\n"
    assert net.parse_connections(head + row) == (net.Connection(8080, "12345", peer),)
    assert net.parse_connections(head + row.replace(" 08 ", " 0A ")) == ()


def test_what_an_epoll_watches() -> None:
    """The number of a descriptor, and its events in hexadecimal."""
    text = "pos:\t0\nflags:\t02\nmnt_id:\t16\ntfd:       12 events:     2019 data:        c  pos:0 ino:65 sdev:8\n"
    assert list(net.parse_epoll(text + "tfd: \ntfd: 5 events: x y\n")) == [("12", 0x2019), ("5", 0)]


@given(
    st.text(alphabet="ab:\t \n", max_size=40), st.sampled_from(("Uid", "Gid", "SigCgt")), st.text("0123\t ", max_size=9)
)
def test_one_line_of_status_is_what_the_whole_tells(name: str, key: str, value: str) -> None:
    escaped = name.replace("\n", "\\n")
    text = f"Name:\t{escaped}\nUmask:\t0022\n{key}:\t{value}\nThreads:\t1\n"
    for asked in ("Uid", "Gid", "SigCgt", "Threads", "Umask"):
        assert status.value(text, asked) == status.parse(text).get(asked)
