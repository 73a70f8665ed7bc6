"""/bin and /lib64 are links on most hosts: a host without them starts no program any more."""

import pytest
from preflight.host_world import LINK, shop

from runaway_watchdog.preflight.sequence import Shell, judge
from runaway_watchdog.preflight.verdict import verdict

LINKS = {"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64"}


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("rm -f /*", set(LINKS)),
        ('for f in /*; do rm -f "$f"; done', set(LINKS)),
        ('for f in "$UNSET"/*; do rm -f "$f"; done', set(LINKS)),
        ("rm /lib64", {"/lib64"}),
        ("unlink /bin", {"/bin"}),
        ("find / -maxdepth 1 -type l -delete", set(LINKS)),
        ("cd / && rm -f lib*", {"/lib", "/lib64"}),
        ("rm -f /srv/link", set()),
    ],
)
def test_a_link_of_the_system_is_lost(line: str, lost: set[str]) -> None:
    """What it points to stays, and yet nothing is left that could use it; any other link is only a name."""
    host = shop()
    for path, target in LINKS.items():
        host.files.add(path, f"{LINK}{target}")
    judged = judge(line, host.world, Shell({"UNSET": ""}, "/srv", "/root"))
    assert {each.name for each in judged.lost} == lost
    assert verdict(judged) == ("destroys-data" if lost else "safe")
