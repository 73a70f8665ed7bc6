"""A line that keeps a copy before it changes something loses nothing, if the copy was made and is there still."""

import pytest
from preflight.host_world import FakeHost, shop

from runaway_watchdog.guard.decide import Hold, Pass, decide
from runaway_watchdog.preflight.document import to_json
from runaway_watchdog.preflight.sequence import Preflight


def host() -> FakeHost:
    made = shop()
    made.files.add("/proc/self/status", "Uid:\t0\t0\t0\t0\n")
    made.files.add("/var/spool/cron/crontabs/root", "0 3 * * * /usr/local/bin/backup.sh\n")
    made.files.add("/srv/big.log", "x" * (2 << 20))
    made.files.add("/srv/site/index.html", "<html>")
    made.files.add("/srv/site/logo.png", "png")
    made.files.add("/root/.bashrc", "")
    made.files.add("/srv/live/PG_VERSION", "15\n")
    made.files.add("/srv/live/base/1", "rows")
    return made


def judged(line: str) -> Preflight:
    return host().judge(line)


@pytest.mark.parametrize(
    ("line", "copy"),
    [
        ("cp -a notes.txt notes.bak && sed -i s/n/m/ notes.txt", "/srv/notes.bak"),
        ("cp -p /srv/notes.txt /srv/notes.bak && echo x > /srv/notes.txt", "/srv/notes.bak"),
        ("cp notes.txt{,.bak} && truncate -s 0 notes.txt", "/srv/notes.txt.bak"),
        ("cp notes.txt notes.bak; > notes.txt", "/srv/notes.bak"),
        ("cp notes.txt notes.bak || exit 1; rm notes.txt", "/srv/notes.bak"),
        ("cp notes.txt notes.bak || { echo no; exit 1; }\nrm notes.txt", "/srv/notes.bak"),
        ("set -e\ncp big.log /root/big.log\n> big.log", "/root/big.log"),
        ("set -e; cp big.log kept.log; echo done; rm big.log", "/srv/kept.log"),
        ("if cp big.log kept.log; then > big.log; fi", "/srv/kept.log"),
        ("cp big.log /root/ && > big.log", "/root/big.log"),
        ("cat big.log > kept.log && > big.log", "/srv/kept.log"),
        ("install -m 600 big.log kept.log && rm big.log", "/srv/kept.log"),
        ("sudo cp -a big.log kept.log && sudo rm big.log", "/srv/kept.log"),
        ("cp -a site site.bak && rm -rf site", "/srv/site.bak"),
        ("cp -a site site.bak && rm site/logo.png", "/srv/site.bak"),
        ("cp -r site /root && cd site && rm index.html", "/root/site"),
        ("cp big.log kept.log && > big.log && mv kept.log old.log", "/srv/old.log"),
        ("cp big.log kept.log && ls && > big.log && cat kept.log", "/srv/kept.log"),
        ("crontab -l > /root/table && crontab -r", "/root/table"),
        ("crontab -l > /root/table; echo x | crontab -", "/root/table"),
        ("bash -c 'cp big.log kept.log && rm big.log'", "/srv/kept.log"),
        ("case $(sha256sum big.log) in a*) cp -p big.log kept.log && cp notes.txt big.log;; esac", "/srv/kept.log"),
    ],
)
def test_a_copy_that_is_kept_takes_the_loss_away(line: str, copy: str) -> None:
    """And it is said where the copy is."""
    found = judged(line)
    assert found.lost == ()
    assert [effect.kept_in for effect in found.effects if effect.kept_in] == [copy]
    assert all(copy in effect.why for effect in found.effects if effect.kept_in)


@pytest.mark.parametrize(
    "line",
    [
        "cp notes.txt notes.bak && > notes.txt && rm notes.bak",
        "cp notes.txt notes.bak && > notes.txt; > notes.bak",
        "cp notes.txt notes.bak && > notes.txt; mv notes.bak /dev/null",
        "cp notes.txt notes.bak && cp empty notes.bak && > notes.txt",
        "cp notes.txt notes.bak && echo x >> notes.bak && > notes.txt",
        "cp notes.txt notes.bak && ln -s notes.bak l && > l && > notes.txt",
        "cp notes.txt notes.bak && > notes.txt && vim notes.bak",
        "cp notes.txt notes.bak && > notes.txt && mystery notes.bak",
        "cp notes.txt notes.bak && > notes.txt && rm $UNKNOWN",
        "cp notes.txt /dev/null && > notes.txt",
        "cp notes.txt /dev/shm/notes && > notes.txt",
        "cp notes.txt notes.txt && > notes.txt",
        "cp -n notes.txt notes.bak && > notes.txt",
        "cp -u notes.txt notes.bak && > notes.txt",
        "cp -l notes.txt notes.bak && > notes.txt",
        "cp -s /srv/notes.txt notes.bak && > notes.txt",
        "ln notes.txt notes.bak && > notes.txt",
        "cp --attributes-only notes.txt notes.bak && > notes.txt",
        "cp empty notes.bak && > notes.txt",
        "head -1 notes.txt > notes.bak && > notes.txt",
        "cat empty > notes.bak && > notes.txt",
        "cat notes.txt | head -1 > notes.bak && > notes.txt",
        "> notes.txt; cp notes.txt notes.bak",
        "cp notes.txt nowhere/notes.bak; > notes.txt",
        "cp big.log kept.log; > big.log",
        "cp notes.txt notes.bak & > notes.txt",
        "cp big.log kept.log && true; > big.log",
        "true || cp big.log kept.log; > big.log",
        "cp big.log kept.log || true && > big.log",
        "! cp big.log kept.log && > big.log",
        "bash -c '! cp big.log kept.log' && > big.log",
        "if ! cp big.log kept.log; then > big.log; fi",
        "cp big.log kept.log | cat && > big.log",
        "test -f x && cp notes.txt notes.bak; > notes.txt",
        "cp site site.bak && rm -rf site",
        "cp -r site site.bak; rm -rf site",
        "cp -r site site/bak && rm -rf site",
        "cp -r site site.bak && rm -rf site && rm site.bak/logo.png",
        "cp -r site site.bak && rm -rf site site.bak",
        "cp -r site/index.html site.bak && rm -rf site",
        "cp -r live live.bak && rm -rf live",
        "crontab -l > /root/table && crontab -r && rm /root/table",
        "crontab -u www-data -l > /root/table && crontab -r",
        "crontab -r; crontab -l > /root/table",
        "ssh other cp /srv/big.log /srv/kept.log && > big.log",
    ],
)
def test_what_is_no_copy_keeps_nothing(line: str) -> None:
    """Of something else, of a part, over itself, gone by the end, or not surely made."""
    assert judged(line).lost
    assert not any(effect.kept_in for effect in judged(line).lost)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("tar czf site.tgz site && rm -rf site", "/srv/site"),
        ("tar -czf /root/site.tgz -C /srv site && rm -rf /srv/site", "/srv/site"),
        ("tar cf s.tar site notes.txt && rm -rf site", "/srv/site"),
        ("tar czf uploads.tgz uploads && rm -rf uploads", "/srv/uploads"),
        ("pg_dump shop > shop.sql && dropdb shop", "shop"),
        ("pg_dump -Fc -f shop.dump shop && dropdb shop", "shop"),
        ("mysqldump shop > shop.sql && mysql -e 'DROP DATABASE shop'", "shop"),
        ("cp big.log /tmp/big.log && > big.log", "/srv/big.log"),
    ],
)
def test_what_is_packed_up_goes_with_a_word(line: str, name: str) -> None:
    """It is only in an archive, a dump or a place for what may go: told, and not held."""
    found = judged(line)
    assert [effect.name for effect in found.lost] == [name]
    decision = decide(to_json(found, None, ()))
    assert isinstance(decision, Pass)
    assert all(loss.kept_in for loss in decision.idle)


@pytest.mark.parametrize(
    "line",
    [
        "tar czf uploads.tgz uploads; rm -rf uploads",
        "tar czf uploads/all.tgz uploads && rm -rf uploads",
        "tar czf uploads.tgz --exclude '*.jpg' uploads && rm -rf uploads",
        "tar czf uploads.tgz -T list && rm -rf uploads",
        "tar czf site.tgz site && rm -rf uploads",
        "tar czf uploads.tgz uploads nowhere && rm -rf uploads",
        "tar czf uploads.tgz -C /root uploads && rm -rf uploads",
        "tar cf - uploads | gzip > uploads.tgz && rm -rf uploads",
        "tar czf /dev/null uploads && rm -rf uploads",
        "tar tzf uploads.tgz uploads && rm -rf uploads",
        "tar czf uploads.tgz uploads && rm -rf uploads uploads.tgz",
        "pg_dump other > shop.sql && dropdb shop",
        "pg_dump shop > shop.sql; dropdb shop",
        "pg_dump -t orders shop > shop.sql && dropdb shop",
        "pg_dump --schema-only shop > shop.sql && dropdb shop",
        "pg_dump -h db2 shop > shop.sql && dropdb shop",
        "pg_dump shop | head -100 > shop.sql && dropdb shop",
        "pg_dump shop > /dev/null && dropdb shop",
        "pg_dump shop > shop.sql && dropdb shop && rm shop.sql",
        "mysqldump --no-data shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump shop orders > shop.sql && mysql -e 'DROP DATABASE shop'",
    ],
)
def test_what_is_packed_up_in_part_or_not_surely_is_held(line: str) -> None:
    """Another folder, another database, a part of it, or nothing that would stop the line."""
    assert isinstance(decide(to_json(judged(line), None, ())), Hold)
