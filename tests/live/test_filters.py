"""The filters that are computed without being run print what the programs themselves print."""

import random
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
    assert computed(line, LINES) == printed(line, LINES)


def computed(line: str, lines: tuple[str, ...]) -> tuple[str, ...] | None:
    (command,) = parse(line, environment={}, folder="/", home="/").commands
    return filters.passed(command, lines)


def printed(line: str, lines: tuple[str, ...]) -> tuple[str, ...] | None:
    """What really comes out; None where the program refuses its arguments."""
    (command,) = parse(line, environment={}, folder="/", home="/").commands
    given = "".join(f"{each}\n" for each in lines)
    argv = [word.text or "" for word in command.words]
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"})
    return None if done.stderr else tuple(done.stdout.split("\n")[:-1])


COMPUTED = [
    "head -n -1", "head -n -0", "head -n -99", "head -n 2", "head -2", "head --lines=-2", "tail -n +2", "tail -n +0",
    "tail -n -2", "sed '0,/poll/d'", "sed '0,/^#/d'", "sed '1,/^#/d'", "sed '0,/poll/!d'", "sed -n '0,/poll/p'",
    "sed '/poll/d;2,4d'", "sed '\\#/usr/local#d'", "sed '\\|poll|!d'", "sed 's/[.]/x/'", "grep '[.]'",
    "grep -v '$f'", "grep 'e^f'", "grep '[\\.]'", "grep '\\(^@\\|^#\\)'", "awk '!/\\/usr\\/local/'", "awk '$1!~/5/'",
    "awk '$1 ~ /5/ {print $2}'", "awk -F' ' '{print $4}'", "awk -F' ' '{print $NF}'", "awk '!a[$0]++'", "uniq",
    "awk -F/ '{print $NF}'", "awk '/[.]sh/'",
]  # fmt: skip
EITHER = [
    "head -1 -n 3", "awk '!$1~/5/'", "awk '!$1 ~ /0/'", "awk '/o{1}l/'", "awk '!/[0-9]{1,2} 3/'", "mawk '/l{2}/'",
    "awk '/\\<poll\\>/'", "awk '/\\w/'", "awk '/\\s/'", "awk -Ft '{print $2}'", "sed 's/x*/-/g'",
    "sed -E 's/b|ba/x/'", "sed 's|y\\|z|x|'", "sed '1i\\  x'", "sed '//d'", "sed '0,5d'", "sed '0d'", "sed 's/a/\\1/'",
    "grep -E 'a*+a'", "grep -E '(?:a)'", "grep -m1 sh", "grep -vm 1 sh", "grep '^^'", "grep -E '\\<{2}'", "grep -c sh",
    "sort -n", "sort -u", "uniq -u", "uniq -d", "sed 2q", "sed '2,+1d'", "sed '1~2d'", "head -n +2", "tail +2",
]  # fmt: skip
UNEVEN = ("10", "9a", "9a", "10", "10", "a  b\tc", "02")


@pytest.mark.parametrize("line", COMPUTED)
def test_which_lines_go_is_computed_rightly(line: str) -> None:
    """Also where two programs, or two places of an expression, differ in what a sign means."""
    assert [computed(line, each) for each in (LINES, UNEVEN)] == [printed(line, each) for each in (LINES, UNEVEN)]


@pytest.mark.parametrize("line", EITHER)
def test_it_is_computed_rightly_or_not_known(line: str) -> None:
    """What awks, locales and longest matches make different is not known; it is never something else."""
    for lines in (LINES, UNEVEN, LINES[:3]):
        assert computed(line, lines) in (None, printed(line, lines))


ATOMS = [
    "a", "o", "l", "3", "0", ".", "\\.", "\\*", "*", "[a-c]", "[^#]", "[[:space:]]", "poll", "sh", " ", "^", "$",
    "^#", "\\(a\\)", "(a)", "|", "\\|", "+", "\\+", "?", "\\?", "{2}", "\\{2\\}", "[.]", "]", "[]a]", "-", "\\<", "\\>",
    "\\w", "\\s", "\\b", "=", "@",
]  # fmt: skip


def drawn(given: random.Random) -> str:
    """A filter as nobody would type it."""

    def text() -> str:
        return "".join(given.choice(ATOMS) for _ in range(given.randint(1, 4)))

    def address() -> str:
        return given.choice(("", str(given.randint(0, 6)), "$", f"/{text()}/", f"\\,{text()},"))

    if given.random() < 0.3:
        return f"grep {given.choice(('', '-v ', '-E ', '-vE ', '-w ', '-x ', '-i '))}-e '{text()}'"
    if given.random() < 0.4:
        column = given.choice(("", "{print $2}", "{print $NF}"))
        return f"awk {given.choice(('', '-F: ', '-F/ '))}'{given.choice(('', '!', '$1~', '$4!~'))}/{text()}/{column}'"
    action = given.choice(("d", "p", f"s/{text()}/{given.choice(('x', '#&', ''))}/{given.choice(('', 'g', 'I'))}"))
    first = address()
    last = f",{address()}" if first and given.random() < 0.4 else ""
    return f"sed {given.choice(('', '-n ', '-E '))}'{first}{last}{given.choice(('', '!'))}{action};{address()}d'"


@pytest.mark.parametrize("seed", range(4))
def test_no_filter_that_is_drawn_by_lot_is_computed_wrongly(seed: int) -> None:
    """Expressions, addresses and edits in any order."""
    given = random.Random(seed)
    lines = [drawn(given) for _ in range(60)]
    wrong = [line for line in lines if computed(line, LINES) not in (None, printed(line, LINES))]
    assert wrong == []
    assert sum(computed(line, LINES) is not None for line in lines) > 25
