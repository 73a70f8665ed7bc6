"""Lines that a real bash runs: whatever it really starts has been found by the reading, or the line is not all known.

Nothing is on the PATH, so that every program is answered by bash's own `command_not_found_handle`, which writes down
its words and starts nothing; redirections go to files of an empty folder.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from preflight.shell_notation import written

from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.shell import parse

WITNESS = """() {  printf '%s\\0' "$@" '\x01' >> "$WITNESS"; [[ $1 != [xy] ]]; }"""
PROGRAMS = st.sampled_from(("a", "b", "c", "x", "y"))
WORDS = st.sampled_from(
    (
        "p", "'q r'", '"s t"', "\\*", "$V", '"$V"', "${V}w", "${U:-d e}", "${U-'f g'}", "${V:+z}", "$U", '"$U"',
        "{1,2}", "$((1+1))", "$(a)", '"$(b)"', "`c`", "$(echo i j)", '"$(echo i j)"', "$@", '"$@"', "$1", '"$1"', "$#",
        "$'\\x41'", "~", "*", "[v]", "n=o", "-k", "--", "#", "<(a)", "\\\n", "''", '"$(echo "$(b)")"', "${W:=h}", "$W",
        "{3..5}", "é", "!", "$?", "{", "}", "do", "=", "a=", "$(", "`", '"', "'", "((", "${",
    )
)  # fmt: skip
REDIRECTIONS = st.sampled_from(("", "", "", " > f", " 2>&1", " >> g", " <<< p", " < /dev/null", " &> h", " 2> >(a)"))
ASSIGNED = st.sampled_from(("", "", "", "V=1 ", "V=$(a) ", "W+=u ", "A=(a $(b)) ", "IFS=, "))
SIMPLE = st.one_of(
    st.tuples(ASSIGNED, PROGRAMS, st.lists(WORDS, max_size=3), REDIRECTIONS).map(
        lambda made: made[0] + " ".join((made[1], *made[2])) + made[3]
    ),
    st.sampled_from(
        (
            "V=m", "V='n o'", 'V="$(a)"', "unset V", "export V=p", "set -- g 'h i'", "set --", "shift", "set -e",
            "true", "false",
            "read R <<< 'l m'", "b $R", "echo a b", "[ p = p ]", "[[ $(a) ]]", "((V++))", "$(echo a) b", "break",
            "return",
            "continue", "f", "f 'p q' r", "f() { a $1; b \"$@\"; }", "function g { c; }", "g p", "exit",
            "eval 'a $V; b'", "eval a b",
            "trap 'c $V' EXIT", "{ a; b; }", "local V=1", ": ${U:=$(b)}", "! x", "cd /", "command a p",
            "builtin echo", "exec a",
            "a <<E\n$V $(b)\nE\n", "a <<'E'\n$(b)\nE\n", "a | b p | c", "x || a", "echo a | read R",
            "shopt -s extglob", "a &",
            "wait", "time a", "a=b; $a", 'X="a b"; $X', "set -f", "let V=1", "printf a", "declare V=q", "select",
            "coproc a",
            "alias a=b", "hash -r", "type a", "test 1", "enable -n echo", "echo() { a; }", "unset -f f", "f() (b)",
            "source f",
            ". f", "exec 3>f", "a 3>&1", "A=(1 2); a ${A[@]}", "a ${V/m/n}", "a ${V%m}", "a ${!V}", "a $-", "a $$",
            "V=; a $V",
        )
    ),
)  # fmt: skip


def _more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from((" && ", " || ", "; ", "\n", " | ", " & ", " |& ", " ;", " # c\n"))
    shapes = st.sampled_from(
        (
            "( @ )", "{ @\n}", "if @\nthen @\nfi", "if x; then @\nelse @\nfi", "if x; then :; elif @\nthen @\nfi",
            "for i in p 'q r'; do @\na $i \"$i\"; done", "for i in $V *; do a $i; @\ndone", "for i; do b $i; @\ndone",
            "for ((i=0;i<2;i++)); do @\ndone", "while @\ndo @\nbreak; done", "until @\ndo @\nbreak; done",
            "case $V in m) @\n;; *) @\n;; esac", "case p in (p|q) @\n;;& *) @\nesac", "f() { @\n}; f p 'q r'",
            "f() { local V=$1; @\n}; f $(a) z", "( @ ) > f", "{ @\n} | b", "@\n@", "! @", "a $( @ )", "a \"$( @ )\"",
            "V=$( @ ); a $V", "a < <( @ )", "echo a | while read R; do b $R; @\ndone", "set -e; @", "V=1 eval '@'",
            "time @", "@ &", "eval \"@\"", "trap '@' EXIT", "if ! @\nthen @\nfi", "[[ p ]] && @",
            "function h { @\n}; h",
        )
    )  # fmt: skip

    def filled(made: tuple[str, str, str]) -> str:
        shape, one, other = made
        return shape.replace("@", one, 1).replace("@", other)

    return st.one_of(st.tuples(inner, operators, inner).map("".join), st.tuples(shapes, inner, inner).map(filled))


LINES = st.recursive(SIMPLE, _more, max_leaves=6)


def pattern(command: Command) -> str:
    """What the command's words may be when it runs, each followed by NUL."""
    known = [None if word.text is None or word.globbing else re.escape(word.text) for word in command.words]
    if any(word.text is None and word.whole for word in command.words):
        known = [r"[^\x00]*" if word.whole else text for word, text in zip(command.words, known, strict=True)]
    return "".join(r"(?:[^\x00]*\x00)*" if text is None else rf"{text}\x00" for text in known)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(LINES)
def test_what_bash_starts_has_been_found(tmp_path: Path, line: str) -> None:
    """Each program with the words that were foretold, where all of the line is said to be known."""
    folder, witness = tmp_path / "here", tmp_path / "witness"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    witness.write_bytes(b"")
    environment = {
        "PATH": "/nowhere", "HOME": "/h", "WITNESS": str(witness), "LC_ALL": "C.UTF-8", "PWD": str(folder),
        "BASH_FUNC_command_not_found_handle%%": WITNESS,
    }  # fmt: skip
    bash = shutil.which("bash") or "bash"
    words = [bash, "--norc", "-c", f"ulimit -t 2 -u 2000; V='v w'; set -- 'p q' r\n{line}"]
    script = parse(f"V='v w'; set -- 'p q' r\n{line}", environment={}, folder=str(folder), home="/h")
    if script.unknown:
        return
    try:
        subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=5, check=False
        )
    except subprocess.TimeoutExpired:
        return
    patterns = [re.compile(pattern(command)) for command in script.commands]
    ran = [each for each in witness.read_text(errors="surrogateescape").split("\x01\0") if each]
    for each in ran:
        each = each.removeprefix("time\0")  # noqa: PLW2901 - in a pipe it is a program, and a wrapper to the reading
        assert any(one.fullmatch(each) for one in patterns), (line, each, written(script))
