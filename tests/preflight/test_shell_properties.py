"""Any text, against what is known of it: how it was made, and what a real bash makes of it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from preflight.shell_notation import read

from runaway_watchdog.preflight.shell import parse

TEXT = st.text(
    st.one_of(
        st.sampled_from(" \t\n'\"\\$`*?[]{}~!#&|;<>()=:,-.ab1é"),
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"),
    ),
    max_size=8,
)
SHELL_PARTS = st.sampled_from(
    (
        *(
            "a",
            "'b c'",
            '"',
            "'",
            "\\",
            "{",
            "}",
            ",",
            "$X",
            "${X:-y}",
            "${",
            "$(",
            ")",
            "(",
            "((",
            "))",
            "[[",
            "]]",
            "`",
        ),
        *(
            "<",
            "<<",
            "<<E",
            ">",
            "2>&1",
            "&",
            "&&",
            "||",
            "|",
            ";",
            ";;",
            "#",
            "<(",
            "!!",
            "*",
            "~",
            "\\;",
            "if",
            "then",
        ),
        *("fi", "for", "in", "do", "done", "while", "case", "esac", "f()", "function", "!", "$'", "$((", "eval", "sh"),
        *(
            "-c",
            "xargs",
            "sudo",
            "-u",
            "find",
            "-exec",
            "ssh",
            "X=",
            "A=(",
            "{1..9}",
            "trap",
            "exec",
            "cd",
            "set",
            "--",
        ),
        *('"$@"', "f", "time", "env", "-S", "\n", "\nE\n", "\r", "\t"),
    )
)


@settings(max_examples=1500, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60), st.lists(SHELL_PARTS, max_size=25).map(" ".join), st.lists(SHELL_PARTS).map("".join)
    )
)
def test_no_text_crashes_it(line: str) -> None:
    """Whatever is typed, there is an answer, and each command in it has a program."""
    assert all(command.words for command in read(line).commands)


@dataclass(frozen=True)
class Made:
    """A piece of shell text, and the words of the commands that are in it."""

    text: str
    commands: tuple[tuple[str, ...], ...]


def _ansi(text: str) -> str:
    escaped = text.replace("\\", "\\x5c").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return f"$'{escaped}'"


def _double(text: str) -> str:
    for letter in '\\$`"':
        text = text.replace(letter, "\\" + letter)
    apart = text.replace("!", "\"'!'\"")  # an interactive shell would look for an earlier line
    return f'"{apart}"'


def _escaped(text: str) -> str:
    """(The grammar knows no backslash before a control character or a strange space: that is told, not guessed.)"""
    return "".join("\\" + letter if letter.isprintable() else f"'{letter}'" for letter in text) or "''"


QUOTED = st.tuples(TEXT, st.sampled_from((quote, _ansi, _double, _escaped))).map(
    lambda made: (made[0], made[1](made[0]))
)


@st.composite
def _command(draw: st.DrawFn) -> Made:
    words = draw(st.lists(QUOTED, max_size=4))
    wrapper = draw(st.sampled_from(("", "", "sudo ", "nohup nice -n 5 ", "env A=b ", "timeout 5 ", "command ")))
    gap = draw(st.sampled_from((" ", "  ", " \\\n ", "\t")))
    after = draw(st.sampled_from(("", " 2>/dev/null", " >> log", " 2>&1")))
    text = wrapper + gap.join(("prog", *(quoted for _, quoted in words))) + after
    return Made(text, (("prog", *(word for word, _ in words)),))


def _joined(parts: tuple[Made, str, Made]) -> Made:
    one, operator, other = parts
    return Made(one.text + operator + other.text, (*one.commands, *other.commands))


def _wrapped(parts: tuple[str, Made]) -> Made:
    pattern, made = parts
    name = f"f{len(made.text)}"  # a function inside a function has another name
    return Made(pattern.replace("fN", name).replace("@", made.text), made.commands)


def _in_shell(made: Made) -> Made:
    return Made("sh -c " + quote(made.text), made.commands)


def _in_pieces(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    operators = st.sampled_from((" && ", " || ", "; ", "\n", " | ", " & ", " &&\n", "\n\n# a comment\n", "; # it's\n"))
    patterns = st.sampled_from(
        ("( @)", "{ @\n}", "if @\nthen :; fi", "for i in 1; do @\ndone", "{ fN() { @\n}; fN\n}", "( @ ) 2>&1")
    )
    return st.one_of(
        st.tuples(inner, operators, inner).map(_joined), st.tuples(patterns, inner).map(_wrapped), inner.map(_in_shell)
    )


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(_command(), _in_pieces, max_leaves=6))
def test_what_was_written_is_read_back(made: Made) -> None:
    """Commands of any words, quoted in any way and put together in any way, are found again, in order."""
    script = read(made.text)
    found = tuple(
        tuple(word.text for word in command.words) for command in script.commands if command.program not in {":", None}
    )
    assert (found, script.unknown) == (made.commands, ())


BROKEN = ("'", '"', "$(", "`", "${", "((", "(", "{ a", "if a; then", "| |", "&& &&", ";;", "<<E", "a <", "fi", "done")


@settings(max_examples=400, deadline=None)
@given(_command(), st.sampled_from(BROKEN), _command(), st.booleans())
def test_a_broken_part_is_never_passed_over(before: Made, broken: str, after: Made, ahead: bool) -> None:
    """A part that no shell would read makes something unknown, wherever it stands."""
    line = f"{broken}\n{after.text}" if ahead else f"{before.text}\n{broken}"
    refused = subprocess.run(["bash", "-n"], input=line.encode(), capture_output=True, check=False)
    if refused.returncode or refused.stderr:
        assert read(line).unknown, line


ATOMS = (
    "a", "b1", "'", '"', "\\", "{", "}", ",", "..", "1", "$X", "${X}", "${E:-d}", "${E-d}", "${X:+z}", "${U:-q r}",
    "$'a\\tb\\x41'", '$"s"', "~", "/", "=", ":", "*", "?", "[", "]", "$", "a=", "-", "'q r'", '"d $X"', "\\ ", '""',
    "''",    "$E", '"$E"', "${X:-~}", "~/", "~+", "#", "@", "%", "^", "01", "\\\n", "é", '"\\$a\\b"', "{a,b}", "{1..3}",
    "{3..1..2}", "{a..c}", "{01..3}", "${U:=w}", "${U+p}", "$1", "$@", '"$@"', '"x$@"', "$*", "!",
)  # fmt: skip
PRELUDE = "X='v w'; E=; unset U; set -- 'p q' r; printf '%s\\0' "


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=6).map("".join), min_size=1, max_size=3))
def test_bash_makes_the_same_words(tmp_path: Path, words: list[str]) -> None:
    """Where a word is said to be known, a real bash, in an empty folder and without globbing, makes the same of it."""
    line = PRELUDE + " ".join(words)
    script = parse(line, environment={}, folder=str(tmp_path), home="/h")
    printed = [command for command in script.commands if command.program == "printf"]
    if script.unknown or any(word.text is None for command in printed for word in command.words):
        return
    environment = {"HOME": "/h", "PATH": "/usr/bin:/bin", "PWD": str(tmp_path), "LC_ALL": "C.UTF-8"}
    bash = subprocess.run(
        ["bash", "--norc", "-f", "-c", line], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    if bash.returncode == 0 and not bash.stderr:
        (command,) = printed
        told = "".join((word.text or "") + "\0" for word in command.words[2:]) or "\0"
        assert told == bash.stdout.decode()
