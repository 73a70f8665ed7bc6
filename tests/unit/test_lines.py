"""Who may choose a name or a field must not write lines of their own into a text that is read by lines."""

import pytest

from runaway_watchdog.linux import mounts
from runaway_watchdog.owners.docker import container_starters
from runaway_watchdog.world import crontabs, journal, supervisord_conf

SEPARATORS = ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
"""What `str.splitlines` ends a line at, beside carriage returns; the kernel and the daemons do not."""


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_value_of_supervisord_holds_no_other_section(separator: str) -> None:
    """And the lines below it keep the numbers that sed counts."""
    text = f"[program:app]\nenvironment=A=x{separator}[program:shop]\ncommand=/bin/app\n"
    sections: dict[str, supervisord_conf.Section] = {}
    supervisord_conf.parse(text, "/etc/supervisord.conf", sections)
    assert list(sections) == ["program:app"]
    assert sections["program:app"].settings["command"].line == 3


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_line_of_cron_holds_no_other(separator: str) -> None:
    """The user's own line is one line."""
    text = f"* * * * * true{separator}* * * * * /root/job\n1 2 3 4 5 other\n"
    assert [line.number for line in crontabs.parse(text, "/var/spool/cron/crontabs/u", "u")] == [1, 2]


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_mount_point_holds_no_other(separator: str) -> None:
    """What a container mounts has any name it likes; blanks and line feeds of it come in octal."""
    first = f"1 2 8:1 / /a{separator}1 2 8:1 / /srv rw - ext4 /dev/sda rw"
    text = f"{first}\n3 4 8:1 /x\\012y /b\\040c rw - ext4 /dev/sda rw\n"
    points = mounts.parse_mountinfo(text)
    assert [point.target for point in points] == [f"/a{separator}1", "/b c"]
    assert points[1].root == "/x\ny"


@pytest.mark.parametrize("separator", SEPARATORS)
def test_a_script_line_starts_no_other_container(separator: str) -> None:
    """A comment stays one."""
    assert container_starters._joined(f"# x{separator}docker run shop\n") == [f"# x{separator}docker run shop"]


def test_a_journal_entry_is_one_line() -> None:
    """JSON escapes control characters, and not U+2028."""
    assert len(list(journal.parse('{"MESSAGE": "a\u2028b"}\n{"MESSAGE": "c"}\n'))) == 2
