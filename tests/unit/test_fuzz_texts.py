"""Made-up texts of the kernel and of daemons: no reader fails over one, or takes longer than its length."""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runaway_watchdog.effects.host.git_repository import parse_config
from runaway_watchdog.linux import cgroup, cmdline, mounts, net, stat_brief, status
from runaway_watchdog.owners import app_master
from runaway_watchdog.watch import groups
from runaway_watchdog.world import crontabs, journal, supervisord_conf

PIECES = st.sampled_from(
    ["\n", " ", "\t", "\x0b", "\x1c", "\x85", "\u2028", "\r", "\0", ":", "=", "[", "]", "(", ")", "#", ";", "%", "\\",
     "\\040", "\\012", '"', "'", "/", ".slice", "user@1.service", "0::/", "program:a", "include", "files", "* * * * * ",
     "@reboot ", "SHELL", "PATH=", "0", "1", "a", "root", "{", "}", "$(circus.wid)", "pm", "ondemand", "www",
     "-", "\ud800"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)
READERS: dict[str, Callable[[str], object]] = {
    "cgroup": lambda text: groups.owner_group(cgroup.owner_path(text)),
    "cmdline": cmdline.parse,
    "mounts": mounts.parse,
    "mountinfo": mounts.parse_mountinfo,
    "unix": net.parse_unix,
    "dev": net.parse_dev,
    "status": status.parse,
    "stat": lambda text: stat_brief.parse(text.encode("utf-8", "surrogatepass")),
    "supervisord": lambda text: supervisord_conf.parse(text, "/a", {}),
    "crontab": lambda text: list(crontabs.parse(text, "/etc/crontab", None)),
    "users crontab": lambda text: list(crontabs.parse(text, "/var/spool/cron/u", "u")),
    "journal": lambda text: list(journal.parse(text)),
    "fpm": lambda text: list(app_master._settings(text, "www")),
    "git": lambda text: list(parse_config(text)),
}
ONCE, MANY = 2_000, 16_000
"""Characters. What grows with the square takes 64 times as long for eight times the text."""


def cost(read: Callable[[str], object], text: str) -> float:
    before = time.thread_time()
    read(text)
    return time.thread_time() - before


def check(name: str, text: str) -> None:
    """It never raises, and a text of eight times the length takes no more than twenty times as long."""
    read = READERS[name]
    read(text)
    if text:
        long = cost(read, text * (MANY // len(text)))
        assert long < 0.1 or long < 20 * cost(read, text * (ONCE // len(text)))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25)
@given(text=TEXTS)
def test_no_text_is_too_odd_or_too_long(name: str, text: str) -> None:
    """A few hundred of them."""
    check(name, text)


@pytest.mark.truth
@settings(max_examples=100_000 // len(READERS), suppress_health_check=[HealthCheck.too_slow])
@given(text=TEXTS)
@pytest.mark.parametrize("name", READERS)
def test_a_hundred_thousand_texts(name: str, text: str) -> None:
    """The same, as many as a fuzzer takes."""
    check(name, text)
