"""A line is safe only where every word of it is known: hide one, and it no longer is."""

import re

import pytest
from field import judging, verdicts
from field.cases import Case, cases
from hypothesis import assume, given, settings, strategies as st

from runaway_watchdog.effects import known_programs
from runaway_watchdog.preflight.shell import parse
from runaway_watchdog.world.recorded import NotRecordedError

WORLD = verdicts.over_the_picture()
HARMLESS = ("safe", "interrupts")
LINES = (
    ("/srv/acme", "docker compose -p nobody down -v"),
    ("/srv/acme", "docker compose -p nobody -f compose.yaml ps"),
    ("/srv/acme", "docker compose up -d --no-recreate"),
    ("/srv/acme", "docker compose stop web"),
    ("/srv/acme", "docker compose restart -t 5 web"),
    ("/srv/acme", "docker stop -t 3 solo"),
    ("/srv/acme", "docker rm nobody"),
    ("/srv/acme", "docker volume rm nobody"),
    ("/srv/acme", "docker network rm nobody"),
    ("/srv/acme", "docker exec acme-db-1 ls -la /data"),
    ("/srv/acme", "docker kill -s TERM solo"),
    ("/srv", "rm -rf /tmp/build"),
    ("/srv", "rm -f nothing.tmp"),
    ("/srv", "sudo -u deploy rm -rf /tmp/build"),
    ("/srv", "timeout 5 rm -rf /tmp/build"),
    ("/srv", "nice -n 5 rm -rf /tmp/build"),
    ("/srv", "env A=b rm -rf /tmp/build"),
    ("/srv", "nohup rm -rf /tmp/build"),
    ("/srv", "sh -c rm"),
    ("/srv", "find /tmp/nothing -name x -delete"),
    ("/srv", "truncate -s 0 /tmp/nothing"),
    ("/srv", "mv newsite site"),
    ("/srv", "cp -r newsite newsite.bak"),
    ("/srv", "ln -s newsite current"),
    ("/srv", "tar cf /tmp/new.tar newsite"),
    ("/srv", "dd if=/dev/zero of=/tmp/new bs=1M count=1"),
    ("/srv", "kill -9 12345"),
    ("/srv", "pkill -f nobody"),
    ("/srv", "systemctl restart nginx"),
    ("/srv", "crontab -l"),
    ("/srv", "echo /tmp/build | xargs rm -rf"),
    ("/srv/repo", "git status --short"),
    ("/srv/repo", "git log --oneline -3"),
    ("/srv", "psql shop -c 'select 1'"),
    ("/srv", "sort -u /srv/plain/c.txt"),
    ("/srv", "date -u +%F"),
    ("/srv", "chmod 600 .env"),
    *((case.folder, case.line) for case in cases() if case.kind == "everyday"),
)  # fmt: skip
UNKNOWN = ("$UNKNOWN", '"$UNKNOWN"', "$(unknown)", '"${UNKNOWN[@]}"', "${!UNKNOWN}")


def _verdict(folder: str, line: str) -> str:
    return judging.judge(WORLD(), Case("", "", folder, line, loses_data=False)).verdict


def _words(line: str) -> list[re.Match[str]]:
    """The plain words of a line that is one command of a program that can destroy."""
    script = parse(line, environment={}, folder="/srv", home="/root")
    if len(script.commands) != 1 or script.unknown or known_programs.changes_nothing(script.commands[0].program):
        return []
    if script.commands[0].truncates or script.commands[0].appends:
        return []
    return list(re.finditer(r"(?<!\S)(?:'[^']*'|[^\s'\"|&;<>(){}$`!]+)(?!\S)", line))


PROVEN = tuple(
    (folder, line, found.span())
    for folder, line in LINES
    for found in _words(line)
    if _verdict(folder, line) in HARMLESS
)


def test_there_is_something_to_hide() -> None:
    """The lines are of many programs."""
    assert len({line.split()[0] for _, line, _ in PROVEN}) > 12
    assert len(PROVEN) > 80


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PROVEN), st.sampled_from(UNKNOWN))
def test_a_hidden_word_is_never_safe(one: tuple[str, str, tuple[int, int]], unknown: str) -> None:
    """Whichever word of whichever command: what is not known is said."""
    folder, line, (start, end) = one
    hidden = line[:start] + unknown + line[end:]
    try:
        verdict = _verdict(folder, hidden)
    except NotRecordedError:  # the host was never asked about that
        assume(False)
    assert verdict not in HARMLESS, hidden


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        ("/srv/acme", "docker compose stop web"),
        ("/srv/acme", "docker compose up -d"),
        ("/srv/acme", "docker compose down"),
        ("/srv/acme", "docker compose -f compose.yaml down"),
        ("/srv", "rm -f nothing.tmp"),
        ("/srv", "mv newsite site"),
        ("/srv", "cp newsite/index.html index.html"),
        ("/srv", "tar cf new.tar /etc"),
        ("/srv", "ls > listing"),
        ("/srv", "find . -name x -delete"),
        ("/srv", "find -name x -delete"),
        ("/srv", "truncate -s 0 nothing"),
        ("/srv", "shred nothing"),
        ("/srv", "rmdir nothing"),
        ("/srv", "tee nothing"),
    ],
)
def test_a_hidden_folder_is_never_safe(folder: str, line: str) -> None:
    """A command that works in a folder, or on files of it, and which folder that is is not known."""
    for cd in ("cd $UNKNOWN", "cd $(unknown)", "source ./unknown.sh", "eval $UNKNOWN", "pushd $UNKNOWN", "cd $A/$B"):
        assert _verdict(folder, f"{cd} && {line}") not in HARMLESS
