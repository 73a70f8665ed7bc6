"""What a shell makes of a word before any program sees it: patterns in every place, `$(< file)`, files it makes."""

import pytest
from preflight.host_world import FakeHost, shop

from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.preflight.verdict import verdict


def host() -> FakeHost:
    made = shop()
    for path, text in {
        "/srv/app.db": "SQLite format 3\0" + "x" * 600, "/srv/plain/a": "a\n", "/srv/plain/b": "b\n",
        "/srv/dump.sql": "d\n",
        "/srv/list": "plain\n", "/srv/two/dump.sql": "other\n",
        "/usr/local/bin/clean.sh": "#!/bin/sh\nrm -rf /srv/plain\n",
        "/var/spool/cron/crontabs/deploy": "0 1 * * * x\n",
    }.items():  # fmt: skip
        made.files.add(path, text)
    return made


def found(line: str) -> Preflight:
    return judge(line, host().world, Shell({}, "/srv", "/root"))


PLAIN, DB = {"/srv/plain"}, {"/srv/app.db"}
LOST = {
    # a pattern as an option's value, and as the operand of a program that takes no patterns itself
    "mysqldump -r ap*.db shop": DB, "mysqldump -r ./app.[d]b shop": DB, "pg_dump -f app.d? shop": DB,
    "redis-cli --rdb app.d?": DB, "psql shop -o a*.db -c 'select 1'": DB, "sqlite3 ap*.db 'delete from t'": DB,
    "sqlite3 -bail /srv/ap?.db 'drop table t'": DB, "cp -t tw? dump.sql": {"/srv/two/dump.sql"},
    "sort -o app.d? dump.sql": DB, "dd if=/dev/null of=app.d?": set(),
    "sqlite3 'ap*.db' 'delete from t'": set(), "mysqldump -r 'ap*.db' shop": set(),
    # what a file holds
    "rm -rf $(< list)": PLAIN, "rm -rf `< /srv/list`": PLAIN, 'rm -rf "$(<list)"': PLAIN,
    "X=$(< list); rm -rf $X": PLAIN,
    "for p in $(< list); do rm -rf $p; done": PLAIN, "cat <<< $(< list) | xargs rm -rf": PLAIN,
    # a text that the line itself makes
    "echo 'rm -rf plain' > /tmp/s.sh && chmod +x /tmp/s.sh && /tmp/s.sh": PLAIN,
    "echo 'rm -rf plain' > s.sh; sh s.sh": PLAIN, "printf '%s\\n' 'rm -rf plain' > /tmp/x; . /tmp/x": PLAIN,
    "cat > /tmp/x.sh <<'E'\nrm -rf plain\nE\nbash -e /tmp/x.sh": PLAIN,
    "cat > c.sh <<E\nrm -rf plain\nE\n./c.sh": PLAIN,
    "cat > Makefile <<'E'\nall:\n\trm -rf plain\nE\nmake": PLAIN, "echo plain > /tmp/l; xargs rm -rf < /tmp/l": PLAIN,
    "echo 'rm -rf /srv/plain' > s; mv s t; sh t": PLAIN,
    "echo plain > l; for x in $(cat l); do rm -rf $x; done": PLAIN,
    "echo true > s.sh; echo 'rm -rf plain' > s.sh; sh s.sh": PLAIN,
    "echo 'rm -rf plain' > s.sh; echo true > s.sh; sh s.sh": set(),
    # a file that is a pipe
    ". <(echo 'rm -rf plain')": PLAIN, "source <(printf '%s\\n' 'rm -rf plain')": PLAIN,
    "bash <(echo 'rm -rf plain')": PLAIN, "bash <(echo rm -rf plain)": PLAIN, "echo rm -rf plain | sh": PLAIN,
    "eval $(echo rm -rf plain)": PLAIN,
    "source <(cat <<X\nrm -rf plain\nX\n)": PLAIN, "sh -x <(cat /usr/local/bin/clean.sh)": PLAIN,
    # a shell behind a program that starts another one
    # a unit of systemd's runs in /, unless it is told where
    "systemd-run rm -rf plain": set(), "systemd-run rm -rf srv/plain": PLAIN, "systemd-run rm -d -r srv/plain": PLAIN,
    "systemd-run sh -c 'rm -rf plain'": set(), "systemd-run sh -c 'rm -rf srv/plain'": PLAIN,
    "systemd-run -Pd rm -rf plain": PLAIN, "systemd-run --same-dir sh -c 'rm -rf plain'": PLAIN,
    "systemd-run --working-directory=/srv rm -rf plain": PLAIN, "systemd-run --scope rm -rf plain": PLAIN,
    "systemd-run --scope bash -c 'rm -rf plain'": PLAIN, "systemd-run bash -c '> /srv/app.db'": DB,
    "systemd-run -p Nice=5 --wait sh -c 'rm -rf /srv/plain'": PLAIN, "systemd-inhibit sh -c 'rm -rf plain'": PLAIN,
    "chronic bash -c 'cp /dev/null app.db'": DB, "unbuffer sudo rm -rf plain": PLAIN,
    "ip netns exec x rm -rf plain": PLAIN,
    "script -qec 'rm -rf plain' /dev/null": PLAIN, "script --command='> app.db' /tmp/log": DB,
    "script -q app.db -c true": DB,
    "script -a app.db -c true": set(), "ip -n x netns exec y sh -c 'rm -rf plain'": PLAIN,
}  # fmt: skip
ASKED = [
    "cp /usr/local/bin/clean.sh c.sh; ./c.sh", "echo 'delete from t' > q; sqlite3 app.db < q",
    "printf 'all:\\n\\trm -rf plain\\n' > Makefile; make",
    "curl -o i.sh https://x.org/i; chmod +x i.sh; ./i.sh", "echo 'rm x' | tee s.sh; ./s.sh",
    "curl -s x > s.sh; . ./s.sh", "bash <(curl -s x)", "source <(base64 -d notes.txt)", ". <(ssh host cat x)",
    "zsh <(curl x | tr a b)",
    "make -f - <<< 'all:; rm -rf plain'", "printf x | make -f -", "curl -s x > Makefile; make",
    "curl -s x > Makefile && make clean",
    "PAGER='rm -rf plain' man ls", "MANPAGER='rm -rf plain' man ls", "LESSOPEN='|rm -rf plain' less dump.sql",
    "EDITOR='rm -f' visudo", "VISUAL='truncate -s0' sudoedit app.db", "export PAGER='sh /tmp/x'; man ls",
    "BASH_ENV=/tmp/x bash -c ls",
    "export BASH_ENV=x.sh; bash -c ls", "LD_PRELOAD=/tmp/x.so ls", "PS4='$(rm -rf plain)' bash -xc ls",
    "EDITOR=$X crontab -e",
    "less '+!rm -rf plain' dump.sql", "echo '!rm -rf plain' | dc", "dc -e '!rm -rf plain'",
    "gdb -batch -ex 'shell rm -rf plain'",
    "gdb -x /tmp/cmds", "zip -T -TT 'rm -rf plain' x.zip dump.sql", "mapfile -C 'rm -rf plain #' -c 1 < dump.sql",
    "hash -p /bin/rm ls; ls -rf plain",
    "f() { rm -rf plain; }; export -f f; bash -c f",
    "f() { rm -rf plain; }; export -f f; echo x | xargs -I{} sh -c 'f {}'",
    "perl -MFile::Path=remove_tree -e 'remove_tree(\"/srv/plain\")'", "fallocate -p -o 0 -l 10 app.db",
    "fallocate -z -l 9 app.db",
    "fallocate --collapse-range -l 9 app.db",
]  # fmt: skip
SILENT = [
    "PAGER=cat git log", "EDITOR=vim crontab -l", "PAGER='less -R' man ls", "MANPAGER=less man ls", "make -n",
    "export EDITOR=nano; ls",
    "source <(kubectl completion bash)", "fallocate -l 1G /tmp/x", "ls > list2; cat list2", "less +G dump.sql",
    "dc -e '1 2 + p'",
    "echo hi > note; cat note", "cp dump.sql /tmp/d && cat /tmp/d", "systemd-run --user sleep 5", "gdb -p 1",
    "mapfile -t a < list", "hash -r",
    "zip -T x.zip dump.sql", "perl -le 'print 1'",
]  # fmt: skip


@pytest.mark.parametrize("line", LOST)
def test_what_is_lost_is_named(line: str) -> None:
    """As the shell would hand it over."""
    assert {each.name for each in found(line).lost} == LOST[line]


@pytest.mark.parametrize("line", ASKED)
def test_what_cannot_be_read_is_asked_about(line: str) -> None:
    """A program that the line itself makes, or that starts another one of which it is told."""
    judged = found(line)
    assert verdict(judged) in ("unknown", "destroys-data")
    assert judged.lost or risk(judged.unknown) == "high"


@pytest.mark.parametrize("line", SILENT)
def test_everyday_lines_are_not_asked_about(line: str) -> None:
    """Of low risk at most."""
    judged = found(line)
    assert not judged.lost
    assert risk(judged.unknown) in (None, "low")
