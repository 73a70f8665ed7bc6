"""The filters that are computed without being run print what the programs themselves print."""

import subprocess

import pytest

from runaway_watchdog.effects import filters
from runaway_watchdog.preflight.shell import parse

LINES = (
    "# jobs", "", "0 3 * * * /usr/local/bin/backup.sh", "*/5 * * * * /usr/local/bin/poll.sh", "MAILTO=a@b.c",
    "@reboot sleep 60 && run -x 'y|z'", "a\\b [c] {d} (e) $f ^g", "0 3 * * * /usr/local/bin/backup.sh",
)  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "grep -v backup", "grep -v '^#'", "grep -v '^$'", "grep -v .", "grep '*/5'", "grep -v '^*/5'",
        "grep -F '*/5 *'", "grep -e backup -e poll", "grep -vE 'backup|poll'", "grep 'backup\\|poll'",
        "grep -i MAILTO", "grep -w run", "grep -x '# jobs'", "grep '[[:space:]]60'", "grep '^[0-9*]'",
        "grep -E '^[^#]{5,}'", "grep '\\<poll\\>'", "grep 'a\\\\b'", "grep '[]c[]'", "grep -v '(e)'",
        "grep -E '\\(e\\)'", "grep '{d}'", "grep -E '(ba|ku)c?'", "sed /backup/d", "sed '/backup/!d'", "sed '$d'",
        "sed 1d", "sed 2,4d", "sed '3,/poll/d'", "sed '/jobs/,/poll/d'", "sed -n 2p", "sed -n '$p'",
        "sed -n '/jobs/,$p'", "sed s/backup/save/", "sed 's/a/A/g'", "sed 's#/usr/local#/opt#'", "sed 's/^/# /'",
        "sed '/poll/s/^/#/'", "sed -e 1d -e s/a/b/", "sed '1d;s/a/b/'", "sed 's/\\(a\\)\\(b\\)*/[\\1]/'",
        "sed -E 's/(ba)(ck)/\\2\\1/'", "sed 's/backup/&-&/'", "sed 's/b\\/l/x/'", "sed '1i first'", "sed '$a last'",
        "sed '/poll/a after'", "sed 's/BACKUP/x/I'", "sed 's/*/x/'", "sed 's/\\*/x/g'", "sed '/^$/d'",
        "sed -n '/a/p;/b/p'", "awk '!/backup/'", "awk '/backup/'", "awk '{print $1}'", "awk '/back/ {print}'",
        "awk '!/^#/{print $0}'",
    ],
)  # fmt: skip
def test_a_filter_prints_what_the_program_prints(line: str) -> None:
    """Or it is not known what it prints: never something else."""
    (command,) = parse(line, environment={}, folder="/", home="/").commands
    given = "".join(f"{each}\n" for each in LINES)
    argv = [word.text or "" for word in command.words]
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"})
    found = filters.passed(command, LINES)
    assert found == tuple(done.stdout.splitlines())
