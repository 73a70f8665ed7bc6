"""The rules of the shell that decide what is destroyed: folders, variables, wrappers, functions, what is not known."""

import pytest
from preflight.shell_notation import read, written

from runaway_watchdog.preflight.shell import parse

RULES: tuple[tuple[str, list[str]], ...] = (
    # a folder is carried on, but not out of a subshell, a pipe, the background, or past a doubt
    ("cd /x; a", ["cd /x", "a [in /x]"]),
    ("cd ../b/./c; a", ["cd ../b/./c", "a [in /srv/b/c]"]),
    ("cd /x | a; b", ["cd /x", "a [reads cd /x]", "b"]),
    ("cd /x & a", ["cd /x", "a"]),
    ("a && cd /x; b", ["a", "if cd /x", "b [in /x or /srv/app]"]),
    ("cd /x || exit; a", ["cd /x", "if exit", "if a [in /x]"]),
    ("cd /x || b; a", ["cd /x", "if b", "a [in /x or /srv/app]"]),
    ("cd $D; a", ["cd ?", "a [in ?]"]),
    ("cd; a; cd -; b", ["cd", "a [in /root]", "cd - [in /root]", "b"]),
    ("if a; then cd /x; fi; b", ["a", "if cd /x", "b [in /x or /srv/app]"]),
    ("if ! cd /x; then exit; fi; b", ["cd /x", "if exit", "if b [in /x]"]),
    ("sudo cd /x && a", ["cd /x", "if a"]),
    # an escaped blank is a word, or a part of one
    ("a \\ ", ["a ' '"]), ("a \\ ; b", ["a ' '", "b"]), ("a \\ | b", ["a ' '", "b [reads a ' ']"]),
    ("a 'x'\\ ", ["a 'x '"]),
    ("{ a \\ \n}", ["a ' '"]), ("a \\ \nb", ["a ' '", "b"]), ("a \\\\ b", ["a '\\' b"]), ("a \\ # b", ["a ' #' b"]),
    # `time` is a reserved word at the start of a pipe alone, and a program behind it or behind another program
    ("time V=1 a", ["V=1 a"]), ("b | time V=1 a", ["b", "V=1 a [reads b]"]),
    ("b | { time V=1 a; }", ["b", "V=1 a [reads b]"]),
    # what somebody chooses is one of these
    ("select x in a b; do c $x; done", ["if c a", "if c b"]), ("select x; do c $x; done", ["if c ?"]),
    # variables
    ("X=a; X+=b; c $X", ["c ab"]),
    ("X=a c $X", ["X=a c ?"]),
    ("X=a; sh -c 'b $X'; export X; sh -c 'b $X'", ["b", "export X", "X=a b a"]),
    ("a && X=b; c $X", ["a", "c ?"]),
    ("X=a; for i in 1 2; do c $X; X=b; done", ["if c a", "if c b"]),
    ("X=a; while b; do c $X; X=d; done; e $X", ["if b", "if c ?", "e ?"]),
    ("X=; a ${X:-b c} ${X-d} ${X:+e} ${X+f}", ["a b c f"]),
    ("a ${X:-b}", ["a ?"]),
    ("X='*'; a $X \"$X\"", ["a glob:* *"]),
    ("a \"?\"* '*'", ["a ? *"]),
    ("i=1; a $((i++)) $i", ["a ? ?"]),
    ("IFS=,; X=a,b; c $X", ["c ?"]),
    ("shopt -s dotglob; rm *", ["shopt -s dotglob", "rm ?"]),
    ("set -- a 'b c'; d \"$@\" $2 $#", ["set -- a 'b c'", "d a 'b c' b c ?"]),
    ("X=$(docker ps -q); docker rm $X", ["docker ps -q", "docker rm <docker ps -q>"]),
    ("a $X; source f; b $USER", ["a ?", "source f", "(environment unknown) b ? [in ?]"]),
    # what is exported, and what sudo lets through
    ("export DOCKER_HOST=x; sudo a; sudo -E a; sudo DOCKER_HOST=y a",
     ["export DOCKER_HOST=x", "DOCKER_HOST=? a", "DOCKER_HOST=x a", "DOCKER_HOST=y a"]),
    ("unset DOCKER_HOST; a", ["unset DOCKER_HOST", "DOCKER_HOST= a"]),
    # a shell in a shell
    ("eval 'cd /x; a'; b", ["cd /x", "a [in /x]", "b [in /x]"]),
    ("sh -c 'cd /x; a'; b", ["cd /x", "a [in /x]", "b"]),
    ("bash -lc 'a \"$1\" $0' x y", ["a y ?"]),
    ("sh -c \"$X\"", ["?? `sh -c \"$X\"`: what \"$X\" stands for is only known when it runs"]),
    ("sudo -i\na", ["sh [in ?]", "(environment unknown) a [in ?]"]),
    ("sh -c a > f", ["a", ": [empties f]"]),
    ("sudo -s <<X\na $USER\nX", ["a root"]),
    ("echo 'rm x' | sudo sh", ["echo 'rm x'", "rm x"]),
    # functions
    ("f() { g \"$1\"; }; g() { a $1; }; f 'b c'", ["if a b c"]),
    ("f() { f; }; f", ["?? `f`: this function calls itself"]),
    ("f() { local X=a; b $X; }; X=c; f; d $X", ["if local X=a", "if b a", "d c"]),
    ("if a; then f() { b; }; else f() { c; }; fi; f",
     ["a", "?? `f`: `f` is an alias or a function here that is not read"]),
    # redirections
    ("a >> f; b 2> /dev/null; c &> g", ["a [adds to f]", "b", "c [empties g]"]),
    ("{ a; } >> f 2>>g &>> h", [": [adds to f] [adds to g] [adds to h]", "a"]),
    ("a >> f > g", ["a [empties g] [adds to f]"]),
    ("time V+=1 a; b", ["V=? a", "b"]),
    ("time V=1 a $V; b", ["V=1 a ?", "b"]),
    ("a && b $(c && d) | e", ["a", "if c", "if d", "if b <c; if d>", "if e [reads b <c; if d>]"]),
    ("a && b | xargs c", ["a", "if b", "if c <b>"]),
    ("a \"$(b)\" x\"$(b)\" $(b)", ["b", "b", "b", "a whole:<b> ? <b>"]),
    ("X=$(b); a $X \"$X\"; for i in $X; do c \"$i\"; done", ["b", "a <b> whole:<b>", "if c <b>"]),
    ("f() { a \"$1\" \"$2\" \"$@\"; }; f \"$(b)\" $(c) d", ["b", "c", "if a whole:<b> ? whole:<b> <c> d"]),
    ("{ a; b; } > f", [": [empties f]", "a", "b"]),
    ("a > \"$X\"", ["a [empties ?]"]),
    ("a <<E > f\nx $USER\nE\nb", ["a [given 'x root\\n'] [empties f]", "b"]),
    ("a <<-'E'\n\tx $USER\n\tE", ["a [given 'x $USER\\n']"]),
    ("a <<< \"x y\"", ["a [given 'x y\\n']"]),
    ("while read x; do a $x; done < f", ["if read x [reads cat f]", "if a <cat f> [reads cat f]"]),
    ("a > >(b)", ["b", "a"]),
    # what puts commands together
    ("xargs -I% rm /x/% < f", ["if rm ?"]),
    ("a | xargs -n1 -P4 sh -c 'rm \"$0\"'", ["a", "if rm ?"]),
    ("xargs rm <<< 'b c'", ["if rm b c"]),
    ("find . -execdir rm {} \\;", ["if rm <find . -print> [in ?]", "find ."]),
    ("find . \\( -name a -exec rm {} \\; \\)", ["if rm ?", "find . ( -name a )"]),
)  # fmt: skip


@pytest.mark.parametrize(("line", "commands"), RULES)
def test_a_rule_of_the_shell(line: str, commands: list[str]) -> None:
    """The commands, with what the ones before them leave behind."""
    assert written(read(line)) == commands


NOT_READ = (
    "a ||", "a |", "| a", "a ;; b", "then a", "a $((", "a 'b", 'a "b', "a `b", "a $(b", "a ${X", "if a; then b", "(a",
    "for x in a; do b", "coproc a", "rm -rf !(b)", "a <<E\nb", "a <<A <<B\nx\nA\ny\nB",
    "for x (a b) c", "if a { b }", "a\0b", "a \ud800", "chroot /x rm y", "nsenter -t 55 -m rm y",
    "parallel rm ::: a", "sudo --nonsense rm x", "sudo $X rm y", "env -S \"$X\" rm", "fish -c 'rm x'", "eval $X",
    "curl x | sh", "bash <(curl x)", "cat x | bash -s", "a\r", ":(){ :|:& };:", "! ! a", "[[ a", "f() { a; } > $(",
    "{ a",
)  # fmt: skip


@pytest.mark.parametrize("line", NOT_READ)
def test_what_cannot_be_read_is_said(line: str) -> None:
    """A line that no shell would run, or that cannot be followed, is never a line with nothing unknown in it."""
    script = read(line)
    unknown = script.unknown or [word for command in script.commands for word in command.words if word.text is None]
    assert unknown, written(script)


BOMBS = (
    "a;" * 32000, "a&&" * 21000 + "a", "a|" * 32000 + "a", "(" * 65000, "$(" * 32000, "echo $(" * 45 + "a" + ")" * 45,
    "{a,b}" * 13000, "{1..1}" * 9000, "echo {1..1000000}", "{a," * 10000 + "}" * 10000, "${X:-" * 10000 + "}" * 10000,
    "`" * 65000, "<" * 65000, "A=(" * 20000, "[[ a =~ ( " * 6000, "eval " * 13000, "sudo " * 13000 + "a",
    "X=ab;" + "X=$X$X;" * 100 + "echo $X", "f(){ echo " + "x" * 50000 + "; };" + "f;" * 5000,
    "".join(f"f{i}(){{ f{i + 1};f{i + 1}; }};" for i in range(100)) + "f0",
    "while a; do X=$Y;Y=$Z;Z=b;" * 40 + "b;" + "done;" * 40,
    "for i in 1 2 3 4 5 6 7 8 9; do " * 12 + "a;" + "done;" * 12,
    "find . " + "-exec a {} \\; " * 4000, "x" * 70000, "if a; then " * 3000 + "b;" + "fi;" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("line", BOMBS, ids=[line[:12] for line in BOMBS])
def test_the_work_is_bounded(line: str) -> None:
    """No line that was made to be slow, deep or many raises, or becomes more than some thousand commands."""
    assert len(read(line).commands) <= 3000


def test_what_is_not_given_is_not_known() -> None:
    """Without a folder, a relative `cd` and `$PWD` are not known; an absolute one is."""
    script = parse("cd a; b $PWD; cd /c; d ~", environment={}, folder=None, home="/h")
    folders = [command.folder for command in script.commands]
    assert folders == [None, None, None, "/c"]
    assert [word.text for command in script.commands for word in command.words[1:]] == ["a", None, "/c", "/h"]


def test_far_letters_do_not_end_the_process() -> None:
    """The grammar's own scanner falls over letters far from ASCII; it never sees one."""
    assert read("{\U000f3bf4\U00034e05\u01f5\u9f7athen||]\u04a6<<E\U000f3c87{fi\ud7f6B\U000a8109").unknown
    for code in range(0x80, 0x110000, 97):
        if not 0xD800 <= code < 0xE000:
            assert written(read(f"a {chr(code)}<<E\n{chr(code)}\nE\n"))
