"""Every reader of text that others write: any text has an answer, or is refused, and a long one is read quickly."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings, strategies as st

from runaway_watchdog.linux import (
    cgroup,
    cgroup_cpu,
    cmdline,
    host,
    loadavg,
    mounts,
    net,
    pressure,
    schedstat,
    stat,
    stat_brief,
    status,
)
from runaway_watchdog.owners import sysv
from runaway_watchdog.owners.common import shell_text
from runaway_watchdog.owners.cron import anacron
from runaway_watchdog.owners.docker import compose
from runaway_watchdog.watch import groups
from runaway_watchdog.world import Unanswered, crontabs, journal, monitrc, pm2, supervisord_conf, systemd


def _monitrc(text: str) -> object:
    return monitrc.parse(list(monitrc.tokenized(text, "/etc/monit/monitrc")))


def _path(path: cgroup.CgroupPath) -> object:
    return path.unit, path.uid, path.users_own


PARSERS: dict[str, Callable[[str], object]] = {
    "/proc/PID/stat": stat.parse,
    "/proc/PID/status": status.parse,
    "/proc/PID/cgroup": lambda text: (cgroup.owner_path(text), cgroup.path_in(text, "cpuacct")),
    "a control group's path": lambda text: _path(cgroup.cgroup_path(text)),
    "cgroup.procs": cgroup.parse_procs,
    "/proc/PID/mounts": mounts.parse,
    "/proc/PID/mountinfo": mounts.parse_mountinfo,
    "/proc/swaps": mounts.parse_swaps,
    "/proc/net/tcp": net.parse_tcp,
    "/proc/net/tcp, connections": net.parse_connections,
    "/proc/net/unix": net.parse_unix,
    "/proc/net/dev": net.parse_dev,
    "/proc/PID/cmdline": cmdline.parse,
    "/proc/PID/stat, the watch's": lambda text: stat_brief.parse(_bytes(text)),
    "/proc/stat": lambda text: (host.parse_times(_bytes(text)), host.parse_started(text)),
    "a group's name": groups.owner_group,
    "cpu.stat": lambda text: cgroup_cpu.parse_usage(_bytes(text)),
    "schedstat": schedstat.parse,
    "/proc/loadavg": lambda text: loadavg.parse(_bytes(text)),
    "pressure": lambda text: (pressure.parse_some(_bytes(text)), pressure.parse_full(_bytes(text))),
    "a crontab": lambda text: list(crontabs.parse(text, "/etc/crontab", None)),
    "a user's crontab": lambda text: list(crontabs.parse(text, "/var/spool/cron/crontabs/ana", "ana")),
    "a crontab's command": lambda text: (crontabs.command(text), crontabs.printed(text)),
    "anacrontab": anacron.parse,
    "inittab": sysv.parse,
    "a Compose file": compose.services,
    "a script": lambda text: (shell_text.read(text, ["burn"]), shell_text.has_loop(text)),
    "monitrc": _monitrc,
    "monit's answer": lambda text: monitrc.monitored(text, "web"),
    "pm2's variables": pm2.settings,
    "supervisord.conf": lambda text: supervisord_conf.parse(text, "/etc/supervisord.conf", {}),
    "journalctl": lambda text: list(journal.parse(text)),
    "systemd-analyze calendar": systemd.parse_calendar,
}
PIECES = st.sampled_from(
    [
        "0::/", "12:cpu,cpuacct:/", "user.slice", "docker-", ".scope", "\n", "\t", " ", ":", ")", "(", "1", "-1",
        "some avg10=", "full avg10=1.5 total=7", "usage_usec ", "cpu  1 2 3", "* * * * * ", "@reboot ", "root ",
        "SHELL=", "99" * 30, "services:\n", "  web:", "- ", "[program:x]", "[include]\nfiles=", "%(ENV_X)s",
        "check process web with ",
        "include ", "pm_id=", "pm2_env={", "while :; do ", "done", "<<EOF\n", "'", '"', "\\", "$(", "`", "#", "{", "}",
        "Next elapse: ", "Sun 2026-11-22 10:00:00 UTC", "infinity", "nan", "1e999", "id:2345:respawn:", "7 5 job ",
        "\x00", "\x1b[2J", "\u202e", "\udc80", "é", "٣",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=25).map("".join)
LONG = (
    "x",
    " ",
    "\n",
    "a:",
    "'",
    '"',
    "(",
    "0::/a\n",
    "services:\n  a:\n",
    "* * * * * x\n",
    "[a]\n",
    "while ",
    "<<a\n",
    "\\\n",
    "$(",
)
"""Each is read again and again until there are 64 KiB of it."""


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


@pytest.mark.parametrize("what", PARSERS)
@settings(max_examples=80, deadline=None)
@given(text=TEXTS)
def test_any_text_is_read_without_harm(what: str, text: str) -> None:
    """Whoever wrote it chose every character of it."""
    try:
        PARSERS[what](text)
    except (ValueError, Unanswered) as refused:
        assert str(refused)


@pytest.mark.parametrize("what", PARSERS)
def test_a_long_text_is_read_quickly(what: str) -> None:
    """64 KiB of one thing: no parser goes over it more than a few times."""
    for piece in LONG:
        text = piece * (65536 // len(piece))
        begun = time.process_time()
        with suppress(ValueError, Unanswered):
            PARSERS[what](text)
        assert time.process_time() - begun < 3, (what, piece)
