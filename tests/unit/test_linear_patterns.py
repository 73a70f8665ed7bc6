"""Every regular expression takes a time that grows with its text, and no faster, whatever the text."""

import re
import time

import pytest
from support import expressions
from support.expressions import Expression

from runaway_watchdog.effects.host import git_paths
from runaway_watchdog.owners import app_master, circus
from runaway_watchdog.patterns import given
from runaway_watchdog.preflight import patterns as shell_patterns

LENGTH, LIMIT_S = 5_000, 0.015
"""Three hundred steps of the engine for each character: what grows with the square takes twenty times as much."""
FOUND, UNREAD = expressions.of_package()
ELSEWHERE = {
    "alerts/channels.py": "a secret, escaped",
    "config/faults.py": "a key of the configuration's own schema",
    "effects/host/git_paths.py": "a pattern of .gitignore: see below",
    "guard/words.py": "the table of words: see below",
    "linux/sent_signals.py": "bytes, one line each, of bounded names",
    "owners/common/worker_pools.py": "the table of masters, against titles of 2,000 characters: see below",
    "patterns.py": "the two that compile what others give them",
    "preflight/patterns.py": "a pattern of the shell's: see below",
    "preflight/shadows.py": "two alternatives that part at their first letter, and the letter of an option",
    "preflight/recipes/code_texts.py": "names of the tables of languages",
    "preflight/words.py": "one of two that are written there, without repeats",
    "render/quoted.py": "names of processes and containers, escaped",
    "world/http.py": "bytes, of fixed lengths",
}
"""Files whose expressions are put together when the program runs, and of what."""


@pytest.mark.parametrize("where", sorted({each.where.partition("/")[0].partition(":")[0] for each in FOUND}))
def test_no_expression_takes_longer_than_its_text(where: str) -> None:
    """Each is fed repeats of every letter that it tells apart, of its own parts, and ends that fit nothing."""
    slow = {}
    for each in FOUND:
        if each.where.partition("/")[0].partition(":")[0] == where:
            text = expressions.too_slow(each, expressions.worst_pieces(each), LENGTH, LIMIT_S)
            if text is not None:
                slow[f"{each.where} {each.how}"] = text
    assert slow == {}


@pytest.mark.truth
def test_a_megabyte_of_the_worst_is_read_in_seconds() -> None:
    """The texts that took each expression longest, a hundred times as long: nothing takes minutes."""
    slow = {}
    for each in FOUND:
        pieces = expressions.slowest(each, expressions.worst_pieces(each), LENGTH, 3)
        text = expressions.too_slow(each, pieces, 1 << 20, 10.0)
        if text is not None:
            slow[f"{each.where} {each.how}"] = text
    assert slow == {}


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        (r"(?P<key>[^:=\s][^:=]*?)\s*[:=]\s*(?P<value>.*)", "fullmatch"),
        (r"(?P<user>[^\s:]+)\S*\s+(?P<rest>\S.*)", "fullmatch"),
        (r"^\s*\[www\]\s*$(?P<body>(?:\n(?!\s*\[).*)*)", "search"),
        (r'"(?:[^"\\]|\\.)*"', "search"),
        (r"(a+)+b", "match"),
        (r"\s+$", "search"),
    ],
)
def test_the_test_itself_sees_what_is_slow(pattern: str, how: str) -> None:
    """Those that were here once, and the textbook's own."""
    each = Expression("here:1", pattern, re.MULTILINE if "^" in pattern else 0, how)
    assert expressions.too_slow(each, expressions.worst_pieces(each), LENGTH, LIMIT_S) is not None


def test_expressions_that_only_a_run_tells_are_named() -> None:
    """A new one needs a reason, or `given`."""
    assert {each.where for each in UNREAD} == set(ELSEWHERE), UNREAD


def test_tables_of_expressions_are_linear_too() -> None:
    """Those that no call writes down: found as values of the modules."""
    slow = {}
    for each in expressions.of_tables(FOUND):
        text = expressions.too_slow(each, expressions.worst_pieces(each), LENGTH, LIMIT_S)
        if text is not None:
            slow[each.where] = (each.pattern, text)
    assert slow == {}


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(?:a?)+b", ".*.*.*.*.*x", "(x(y*))+z", "(a{2,})*"])
def test_what_others_write_is_refused_where_it_could_run_for_ever(pattern: str) -> None:
    """A filter of `pgrep` or `grep` is then not known; nobody waits for it."""
    with pytest.raises(re.error):
        given(pattern)


@pytest.mark.parametrize(
    "pattern", ["gunicorn.*app", "^/usr/bin/(python|ruby)3?$", r"[(*+]+x\(a+\)+", "(ab)+c", "a{2,3}"]
)
def test_what_people_write_is_not(pattern: str) -> None:
    """As re.compile."""
    assert given(pattern).pattern == pattern


def test_patterns_of_the_shell_and_of_git_take_one_pass() -> None:
    """Many stars, and a text that nearly fits."""
    text = "a" * 4000
    stars = [(letter, False) for letter in "*a*a*a*a"] + [("b", False)]
    rules = git_paths._rules("*a" * 60 + "*b\n**/**/**/**/x\n" + "*a" * 30, "")
    began = time.thread_time()
    assert shell_patterns.changed(text, "%", stars) == text
    assert [rule.pattern.match("a" * 255) is not None for rule in rules] == [False, True]
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    ("value", "operator", "pattern", "became"),
    [
        ("/srv/a/b.tar.gz", "%", ".*", "/srv/a/b.tar"),
        ("/srv/a/b.tar.gz", "%%", ".*", "/srv/a/b"),
        ("/srv/a/b.tar.gz", "##", "*/", "b.tar.gz"),
        ("aXbYbZ", "//", "a*b/-", "-Z"),
        ("a1b2c3c4", "/", "a*b*c/-", "-4"),
        ("a*b", "#", "a?", "b"),
    ],
)
def test_what_a_pattern_takes_off_is_the_same(value: str, operator: str, pattern: str, became: str) -> None:
    """The shortest and the longest piece, as bash does it."""
    assert shell_patterns.changed(value, operator, [(letter, False) for letter in pattern]) == became


def test_a_pool_of_fpm_is_read_by_lines() -> None:
    """A section of that name alone; blanks around everything; a hostile file takes no longer than its length."""
    text = "[global]\npm = ondemand\n [www] \n; pm = static\n pm =  ondemand \n[other]\npm = static\n"
    pairs = list(app_master._settings(text, "www"))
    assert ("pm", "ondemand") in pairs
    assert ("pm", "static") not in pairs
    began = time.thread_time()
    list(app_master._settings("\n" * 500_000 + "[www]\n" * 50_000, "www"))
    assert time.thread_time() - began < 3


@pytest.mark.parametrize(
    ("wanted", "text", "fits"),
    [
        ("python app.py", "python app.py", True),
        ("python app.py", "python app.py -x", False),
        ("app --id $(circus.wid) --fd $(circus.sockets.web)", "app --id 1 --fd 7", True),
        ("app --id $(circus.wid)", "app --id 1 2", False),
        ("app --id=$(circus.wid)-x", "app --id=1-x-x", True),
        ("app $(circus.wid)x$(circus.env.a) y", "app 1x2x y", True),
    ],
)
def test_a_command_of_circus_is_compared_word_by_word(wanted: str, text: str, fits: bool) -> None:
    """What circus puts in stands for any text without blanks."""
    assert circus._fits(wanted, text) is fits
