"""tar out of a pipe: what another tar puts in is written over its like; of anything else it is not known."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.preflight.verdict import verdict

PAGE = {"/srv/www/index.html"}
LOST = {
    "tar cf - -C /srv/new . | tar xf - -C /srv/www": PAGE, "tar -C /srv/new -cf - . | tar -C /srv/www -xf -": PAGE,
    "cd new && tar cf - . | tar xf - -C /srv/www": PAGE, "cd new; tar czf - index.html | tar xzvf - -C ../www": PAGE,
    "cd new && tar cf - . | (cd /srv/www && tar xf -)": PAGE, "cd new && tar cf - * | tar xpf - -C ../www": PAGE,
    "tar cf - -C / srv/new | tar xf - -C /srv/www --strip-components=2": PAGE,
    "cd new && tar cf - css | tar xf - -C ../www": set(), "cd new && tar cf - . | tar xkf - -C ../www": set(),
    "cd new && tar cf - . | tar xf - -C /srv/fresh": set(), "cd new && tar cf - . | tar tf -": set(),
}  # fmt: skip
ASKED = [
    "tar xf - -C /srv/www < /srv/site.tar", "cat /srv/site.tar | tar xf - -C www",
    "curl -s https://x.org/a.tgz | tar xzf - -C www",
    "gunzip -c a.tgz | tar xf - -C www", "tar cf - --transform s/a/b/ new | tar xf - -C www",
    "tar cf - $X | tar xf - -C www",
    "tar cf - -C /srv/new . -C /srv/www . | tar xf - -C www", "tar xf - -C www", "tar xf /dev/stdin -C www < a.tar",
    "docker cp shop-db-1:/x - | tar xf - -C www",
]  # fmt: skip


def found(line: str) -> Preflight:
    host = shop()
    for path in (
        "/srv/new/index.html",
        "/srv/new/css/a.css",
        "/srv/www/index.html",
        "/srv/www/own.html",
        "/srv/site.tar",
    ):
        host.files.add(path, path)
    return judge(line, host.world, Shell({}, "/srv", "/root"))


@pytest.mark.parametrize("line", LOST)
def test_what_comes_out_of_another_tar_is_written_over_its_like(line: str) -> None:
    """By name; what has another name, or is kept by an option, stays."""
    assert {each.name for each in found(line).lost} == LOST[line]


@pytest.mark.parametrize("line", ASKED)
def test_any_other_archive_on_the_standard_input_is_asked_about(line: str) -> None:
    """Nobody knows what is in it."""
    judged = found(line)
    assert (verdict(judged), risk(judged.unknown)) == ("unknown", "high")
