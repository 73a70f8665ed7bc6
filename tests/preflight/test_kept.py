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
    made.files.add("/srv/empty.sh", "> big.log\n")
    made.files.add("/srv/edit.sh", "vim kept.log\n")
    made.files.add("/srv/echo.sh", "echo kept\n")
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
        ("(umask 077; crontab -l > /root/table) && crontab -r", "/root/table"),
        ("(cp big.log kept.log) && rm big.log", "/srv/kept.log"),
        ("crontab -l > /root/table && echo x | crontab -", "/root/table"),
        ("set -e; f() { cp big.log kept.log; rm big.log; }; f", "/srv/kept.log"),
        ("set -e; ls && ls; cp big.log kept.log; rm big.log", "/srv/kept.log"),
        ("if set -e; cp big.log kept.log; then rm big.log; fi", "/srv/kept.log"),
        ("for each in 1; do cp big.log kept.log || exit 1; done; rm big.log", "/srv/kept.log"),
        ("f() { cp big.log kept.log || exit 1; }; f; rm big.log", "/srv/kept.log"),
        ("tail -f notes.txt & cp big.log kept.log && rm big.log", "/srv/kept.log"),
        ("true | cp notes.txt n; cp big.log kept.log && rm big.log", "/srv/kept.log"),
        ("nohup cp big.log kept.log && rm big.log", "/srv/kept.log"),
        ("cp big.log kept.log && rm big.log; touch big.log; echo done; systemctl restart nginx", "/srv/kept.log"),
        ("setsid -w cp big.log kept.log && rm big.log", "/srv/kept.log"),
        ("ln -s big.log l; cp l kept.log && rm big.log", "/srv/kept.log"),
        ("ln -s site l; cp -rL l kept && rm -rf site", "/srv/kept"),
        ("cp --reflink=auto --sparse=always -f big.log kept.log && rm big.log", "/srv/kept.log"),
        ("cp big.log kept.log && > big.log && systemctl restart nginx", "/srv/kept.log"),
        ("cp big.log kept.log && > big.log && tar cf s.tar site", "/srv/kept.log"),
        ("cp big.log kept.log && bash empty.sh", "/srv/kept.log"),
        ("cp big.log kept.log && bash empty.sh && bash echo.sh", "/srv/kept.log"),
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
        "cp notes.txt notes.bak; > notes.txt",
        "crontab -l > /root/table; echo x | crontab -",
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
        "crontab -l > /root/table && crontab -r; echo x | crontab -",
        "ssh other cp /srv/big.log /srv/kept.log && > big.log",
        "cp big.log kept.log && bash empty.sh; bash empty.sh",
        "cp big.log kept.log && bash empty.sh && bash edit.sh",
    ],
)
def test_what_is_no_copy_keeps_nothing(line: str) -> None:
    """Of something else, of a part, over itself, gone by the end, or not surely made."""
    assert judged(line).lost
    assert not any(effect.kept_in for effect in judged(line).lost)


@pytest.mark.parametrize(
    "line",
    [
        "set -e; cp big.log kept.log && echo ok; rm big.log",
        "set -o errexit; cp big.log kept.log && :; rm big.log",
        "set -e; f() { cp big.log kept.log; rm big.log; }; if f; then echo; fi",
        "set -e; f() { cp big.log kept.log; rm big.log; }; while f; do echo; done",
        "set -e; f() { cp big.log kept.log; rm big.log; }; f || true",
        "set -e; f() { cp big.log kept.log; rm big.log; }; ! f",
        "set -e; f() { g; rm big.log; }; g() { cp big.log kept.log; echo; }; f && echo",
        "set -e; { cp big.log kept.log; rm big.log; } || true",
        "set -e; (cp big.log kept.log; rm big.log) && true",
        "set -e; eval 'cp big.log kept.log; rm big.log' || true",
        "set -e; x=$(cp big.log kept.log; rm big.log)",
        "if { set -e; cp big.log kept.log; rm big.log; }; then echo; fi",
        "until { set -e; cp big.log kept.log; rm big.log; }; do echo; done",
        "case $X in x) set -e;; esac; cp big.log kept.log; rm big.log",
        "[ -e /x ] && set -e; cp big.log kept.log; rm big.log",
        "set -e; [ -e /x ] && set +e; cp big.log kept.log; rm big.log",
        "(set -e); cp big.log kept.log; rm big.log",
        "set -e; shopt -uo errexit; cp big.log kept.log; rm big.log",
        "set -e; . /srv/echo.sh; cp /srv/big.log /srv/kept.log; rm /srv/big.log",
        "for each in 1; do [ -e x ] && continue; cp big.log kept.log || exit 1; done; rm big.log",
        "for each in 1; do [ -e x ] && break; cp big.log kept.log || exit 1; done; rm big.log",
        "f() { [ -e x ] && return 0; cp big.log kept.log || exit 1; }; f; rm big.log",
        "f() { [ -e x ] && return 0; cp big.log kept.log; }; f && rm big.log",
        "while read x; do cp big.log kept.log || exit 1; done < notes.txt; rm big.log",
        "cp big.log kept.log && rm big.log; rm -f big.log",
        "cp big.log kept.log && rm big.log; echo new > big.log",
        "cp big.log kept.log && > big.log; cp notes.txt big.log",
        "if cp big.log kept.log; then rm big.log; fi; mv notes.txt big.log",
        "cp big.log kept.log && rm big.log; rm -rf /srv/*.log",
        "cp big.log kept.log && rm big.log; bash empty.sh",
        "(cp big.log kept.log || exit 0) && rm big.log",
        "f() { (ls && return 0; cp big.log kept.log) && rm big.log; }; f",
        "for each in 1; do (ls && break; cp big.log kept.log) && rm big.log; done",
        "(cp big.log kept.log; true) && rm big.log",
        "(cp big.log kept.log || exec true; true) && rm big.log",
        "f() { exit 0; }; (f; cp big.log kept.log) && rm big.log",
        "(cp big.log kept.log &) && rm big.log",
        "(cp big.log kept.log); rm big.log",
        "(ls && exit; cp big.log kept.log) && rm big.log",
        "(eval exit; cp big.log kept.log) && rm big.log",
        "(trap 'exit 0' EXIT; cp big.log kept.log) && rm big.log",
        "(trap 'exit 0' ERR; cp big.log kept.log) && rm big.log",
        "(. ./echo.sh; cp big.log kept.log) && rm big.log",
        "(while read x; do exit 0; done < notes.txt; cp big.log kept.log) && rm big.log",
        "(set -e; trap 'exit 0' EXIT; cp big.log kept.log; ls) && rm big.log",
    ],
)
def test_what_may_have_failed_or_been_left_out_keeps_nothing(line: str) -> None:
    """`set -e` does not end the shell in whatever is tested, and what follows `return` or `continue` does not run."""
    assert any(effect.name == "/srv/big.log" and not effect.kept_in for effect in judged(line).lost)


@pytest.mark.parametrize(
    "line",
    [
        "setsid -f cp big.log kept.log && rm big.log",
        "setsid cp big.log kept.log && rm big.log",
        "sudo -b cp big.log kept.log && rm big.log",
        "sudo --background cp big.log kept.log && rm big.log",
        "nohup cp big.log kept.log & rm big.log",
        "(cp big.log kept.log &) && rm big.log",
        "systemd-run cp /srv/big.log /srv/kept.log && rm big.log",
        "systemd-run env cp /srv/big.log /srv/kept.log && rm big.log",
        "flock -n -E 0 lock cp big.log kept.log && rm big.log",
        "trap 'rm -f /srv/kept.log' EXIT; cp big.log kept.log && rm big.log",
        "(sleep 1; rm -f kept.log) & cp big.log kept.log && rm big.log",
        "sudo -b rm -f kept.log; cp big.log kept.log && rm big.log",
        "systemd-run --on-active=60 rm -f /srv/kept.log; cp big.log kept.log && rm big.log",
        "rm -f kept.log | { cp big.log kept.log && rm big.log; }",
        "while true; do rm -f kept.log; cp big.log kept.log && rm big.log; done",
        "for each in $X; do rm -f kept.log; cp big.log kept.log && rm big.log; done",
    ],
)
def test_what_runs_beside_the_line_is_not_counted_on(line: str) -> None:
    """In the background, at a signal or in a loop of unknown turns: neither for a copy, nor to leave one alone."""
    assert any(effect.name == "/srv/big.log" and not effect.kept_in for effect in judged(line).lost)


@pytest.mark.parametrize(
    "line",
    [
        "ln -s big.log kept.log && > big.log",
        "ln -s big.log l; cp -P l kept.log && > big.log",
        "ln -s big.log l; cp -d l kept.log && > big.log",
        "ln -s big.log l; cp -a l kept.log && > big.log",
        "ln -s big.log l; cp -r l kept.log && > big.log",
        "ln -s big.log l; cp -La l kept.log && > big.log",
        "ln -s big.log l; tar cf s.tar l && > big.log",
        "cp --lin big.log kept.log && > big.log",
        "cp --sym /srv/big.log kept.log && > big.log",
        "cp --attr big.log kept.log && > big.log",
        "cp --no-clob big.log kept.log && > big.log",
        "cp --update=none big.log kept.log && > big.log",
        "cp --upd big.log kept.log && > big.log",
        "cp -fn big.log kept.log && > big.log",
        "cp -x big.log kept.log && > big.log",
        "cp --copy-contents big.log kept.log && > big.log",
        "cp --help big.log kept.log && > big.log",
        "cp --nobody-knows big.log kept.log && > big.log",
        "install --stri big.log kept.log && > big.log",
        "install --directory big.log kept.log && > big.log",
        "rsync -an big.log kept.log && > big.log",
        "rsync -a --existing big.log kept.log && > big.log",
    ],
)
def test_only_options_that_are_known_to_copy_all_make_a_copy(line: str) -> None:
    """A link, nothing at all, or what nobody knows."""
    assert any(effect.name == "/srv/big.log" and not effect.kept_in for effect in judged(line).lost)


@pytest.mark.parametrize(
    "after",
    [
        "rsync notes.txt kept.log", "rsync -a site/ .", "cat > kept.log", "truncate -s0 kept.log",
        "docker run -v $PWD:/w alpine sh -c 'rm /w/kept.log'", "docker cp shop:/x kept.log", "cat 1<> kept.log",
        "exec 3<> kept.log", "dd if=notes.txt of=kept.log", "mv notes.txt kept.log", "echo x | tee kept.log",
        "tar xf s.tar", "unzip -o s.zip", "git clean -fdx", "git checkout .", "git stash -u", "ed kept.log",
        "split notes.txt kept.log", "rename s/kept/x/ kept.log", "sqlite3 kept.log 'delete from x'",
        "ln -f kept.log big.log && > big.log", "cp -lf kept.log big.log && > big.log", "gzip kept.log",
        "sed -n '1w kept.log' notes.txt", "sort -o kept.log notes.txt", "cp notes.txt kept && sed -i.log s/n/m/ kept",
        "cp notes.txt kept && sed --in-place=.log s/n/m/ kept", "find . -fprint kept.log",
    ],
)  # fmt: skip
def test_what_may_have_written_over_the_copy_ends_it(after: str) -> None:
    """Whatever program it is: one of which not all files are known touches what it names, and where it runs."""
    found = judged(f"cp big.log kept.log && > big.log && {after}")
    assert any(effect.name == "/srv/big.log" and not effect.kept_in for effect in found.lost)


@pytest.mark.parametrize(
    "beside", ["cp big.log kept.log", "mv big.log kept.log", "sleep 1 && install big.log kept.log"]
)
def test_what_runs_in_the_background_finds_what_comes_after_it(beside: str) -> None:
    """It writes the emptied file over the copy."""
    lost = judged(f"cp big.log kept.log && rm big.log && {{ {beside} & > big.log; }}").lost
    assert any(effect.name == "/srv/big.log" and not effect.kept_in for effect in lost)


@pytest.mark.parametrize(
    "script",
    [
        "bash empty.sh > kept.log", "bash empty.sh >> kept.log", "bash empty.sh 2> kept.log",
        "bash empty.sh &> kept.log",
        ". ./empty.sh > kept.log", "./empty.sh > kept.log", "sudo bash empty.sh > kept.log", "make empty > kept.log",
        "make -s empty 2>> kept.log", "bash -c '> big.log' > kept.log", "{ > big.log; } > kept.log",
    ],
)  # fmt: skip
def test_what_a_script_prints_into_the_copy_ends_it(script: str) -> None:
    """Its commands do not see where their output goes."""
    made = host()
    made.files.add("/srv/Makefile", "empty:\n\t> big.log\n")
    assert "/srv/big.log" in {effect.name for effect in made.judge(f"cp big.log kept.log && {script}").lost}
    other = made.judge(f"cp big.log kept.log && {script.replace('kept.log', 'said.log')}")
    assert other.lost == ()


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
        ("mysqldump -uroot -px shop > shop.sql && mysql -uroot -px -e 'DROP DATABASE shop'", "shop"),
        ("pg_dump -h db2 shop > shop.sql && dropdb -h db2 shop", "shop"),
        ("export PGHOST=db2; pg_dump shop > shop.sql && dropdb shop", "shop"),
        ("sudo -u postgres pg_dump shop > shop.sql && sudo -u postgres dropdb shop", "shop"),
        ("pg_dump shop > shop.sql && dropdb shop && createdb shop", "shop"),
        ("pg_dump shop > shop.sql && psql shop -c 'DROP TABLE orders'", "shop"),
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
        "pg_dump shop > shop.sql && dropdb shop; dropdb shop",
        "pg_dump -t orders shop > shop.sql && dropdb shop",
        "pg_dump --schema-only shop > shop.sql && dropdb shop",
        "pg_dump -h db2 shop > shop.sql && dropdb shop",
        "pg_dump shop | head -100 > shop.sql && dropdb shop",
        "pg_dump shop > /dev/null && dropdb shop",
        "pg_dump shop > shop.sql && dropdb shop && rm shop.sql",
        "mysqldump --no-data shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump shop orders > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump -d shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump -f shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump --where=1 shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump -h db2 -P 3307 shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump shop > shop.sql && mysql -h db2 -P 3307 -e 'DROP DATABASE shop'",
        "MYSQL_HOST=db2 mysqldump shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "pg_dump -s shop > shop.sql && dropdb shop",
        "pg_dump --schema-o shop > shop.sql && dropdb shop",
        "pg_dump -n public shop > shop.sql && dropdb shop",
        "PGHOST=db2 pg_dump shop > shop.sql && dropdb shop",
        "pg_dump shop > shop.sql && PGPORT=5433 dropdb shop",
        "export PGHOST=db2; pg_dump shop > shop.sql && unset PGHOST && dropdb shop",
        "pg_dump shop > shop.sql && dropdb -h db2 shop",
        "pg_dump shop > shop.sql && sudo -u postgres dropdb shop",
        "pg_dump shop > shop.sql && psql -d 'host=db2 dbname=shop' -c 'DROP TABLE orders'",
        "pg_dump shop > shop.sql && psql postgres://db2/shop -c 'DROP TABLE orders'",
        "pg_dump shop > shop.sql && mysql -e 'DROP DATABASE shop'",
        "mysqldump shop > shop.sql && dropdb shop",
        "pg_dump shop > s.sql && mysqldump shop > m.sql && dropdb shop && rm s.sql",
        "tar cf s.tar uploads -C /srv && cd /srv && rm -rf uploads",
        "tar cf other:s.tar uploads && rm -rf uploads",
        "tar cf a.tar -f b.tar uploads && rm -rf uploads",
    ],
)
def test_what_is_packed_up_in_part_or_not_surely_is_held(line: str) -> None:
    """Another folder, another database, a part of it, or nothing that would stop the line."""
    assert isinstance(decide(to_json(judged(line), None, ())), Hold)


@pytest.mark.parametrize(
    ("line", "recoverable"),
    [("cp big.log k && rm big.log", True), ("rm big.log", False), ("reboot", None)],
)
def test_the_document_says_what_can_be_had_back(line: str, recoverable: bool | None) -> None:
    told = to_json(judged(line), None, ())["effects"]
    assert told
    assert {effect["recoverable"] for effect in told} == {recoverable}
