"""The guard in real shells under a pseudo-terminal, with a stand-in for the preflight.

The stand-in holds every line that speaks of shop_pgdata, so that what is tested here is the shell and the person.
Commands of these lines are harmless: `rm` and the like only stand in them as words.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.guarded_shell import ARGV, ASKS, DESTROYER, NEEDED, Shell

truth = pytest.mark.truth  # real shells under a pseudo-terminal: all together three minutes; the rest is a sample


@pytest.fixture(params=[pytest.param(name, marks=NEEDED[name]) for name in ARGV])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    with Shell(request.param, tmp_path) as started:
        yield started
        request.node.add_report_section("call", "screen", started.terminal.all)


def ran(said: str, output: str = "rm shop_pgdata") -> bool:
    """Whether the line's own output stands on a row of its own."""
    return re.search(rf"\n[\r]*{re.escape(output)}\r", said) is not None


def test_what_would_be_lost_is_told_and_the_line_stays(shell: Shell) -> None:
    """Name, size, users, whether it helps, the dump and the safer line; a wrong answer runs nothing."""
    told = shell.asks(DESTROYER)
    for words in (
        "HELD", "volume shop_pgdata", "1.2 MiB", "used by shop-db-1", "would not even end PID 3355", "project blog",
        "PostgreSQL", "pg_dumpall", "docker compose -p shop stop worker", "type its name",
    ):  # fmt: skip
        assert words in told
    said = shell.answers("yes\r")
    assert "Nothing was run" in said
    assert said.rstrip().endswith(DESTROYER)
    assert not ran(said)


def test_the_name_runs_it_and_history_has_the_line(shell: Shell) -> None:
    """Once, as it was typed."""
    shell.asks(DESTROYER)
    assert ran(shell.answers("shop_pgdata\r"))
    shell.terminal.press("\x1b[A")
    assert shell.terminal.quiet(0.5).endswith(DESTROYER)


@truth
@pytest.mark.parametrize("key", ["\x03", "\x04", "\r"], ids=["Ctrl-C", "Ctrl-D", "Enter"])
def test_a_held_line_can_be_edited(shell: Shell, key: str) -> None:
    """Whatever ends the question, the shell goes on with the line, and its next Enter is a new look."""
    shell.asks(DESTROYER)
    assert shell.answers(key).rstrip().endswith(DESTROYER)
    shell.terminal.press("\x7f" * len("rm shop_pgdata") + "harmless\r")
    assert ran(shell.terminal.wait_for(r"\n[\r]*harmless\r"), "harmless")


@truth
def test_several_need_their_number_and_a_name(shell: Shell) -> None:
    """One name alone shows only that the first was read."""
    line = f"{DESTROYER} both"
    assert "these 2 would be lost" in shell.asks(line)
    assert "Nothing was run" in shell.answers("shop_pgdata\r")
    shell.terminal.press("\r")
    shell.terminal.wait_for(ASKS)
    assert ran(shell.answers("2 shop_uploads\r"), "rm shop_pgdata both")


def test_an_ordinary_line_starts_nothing(shell: Shell) -> None:
    """Neither for plain programs nor for the harmless words of the engine; a new file may be written."""
    for line in ("echo hello", "docker-ps() { :; }; docker-ps", "echo docker ps", "echo x > new-file", "", "   "):
        shell.enter(line)
    assert shell.asked() == []


def test_an_ordinary_line_costs_no_process(shell: Shell) -> None:
    """The test of the words is the shell's own work; a process that it had waited for would have had page faults.

    The lines hold what the words are looked for in: variables, quotes, loops, and programs that the guard knows.
    """
    found = re.search(r"is (\d+)\r", shell.enter('echo "is $$"'))
    assert found is not None
    status = Path(f"/proc/{found[1]}/stat")

    def faults_of_children() -> int:
        return int(status.read_text().rpartition(")")[2].split()[8])

    before = faults_of_children()
    for line in (
        "for f in /srv/*.html; do : grep -n title $f '|' sort -n; done && : ls -la $HOME; : git status; : docker ps",
        'echo hello; [[ -d /srv ]] && : "cat" $HOME',
    ):
        shell.enter(line)
    assert faults_of_children() == before
    assert shell.asked() == []
    shell.enter("(:)")
    assert faults_of_children() > before


@truth
def test_what_cannot_be_judged_runs_and_says_so(shell: Shell) -> None:
    """One line, and then the command."""
    said = shell.enter("echo rm mystery")
    assert "could not analyse this command; running it: what mystery does is not known" in said
    assert ran(said, "rm mystery")


def test_what_may_destroy_and_cannot_be_judged_is_asked_about(shell: Shell) -> None:
    """Silence where the risk is low; a question where it is high."""
    shell.enter("export RISK=low")
    assert "runaway-watchdog" not in shell.enter("echo rm mystery")
    shell.enter("export RISK=high")
    told = shell.asks("echo rm mystery")
    assert "could not analyse this command" in told
    assert "what mystery does is not known" in told
    assert not ran(shell.answers("yes\r"), "rm mystery")
    shell.terminal.press("\r")
    shell.terminal.wait_for(ASKS)
    assert ran(shell.answers("run\r"), "rm mystery")


@pytest.mark.parametrize(("mood", "words"), [("slow", "no answer within"), ("broken", "it broke")])
def test_a_preflight_that_fails_holds_what_is_feared(shell: Shell, mood: str, words: str) -> None:
    """A line with a known destroyer waits for a word; any other runs, and that is said."""
    shell.enter(f"export MOOD={mood}")
    said = shell.asks(DESTROYER)
    assert "could not check this command" in said
    assert words in said
    assert not ran(shell.answers("\r"))
    shell.terminal.press("\r")
    shell.terminal.wait_for(ASKS)
    assert ran(shell.answers("run\r"))
    assert ran(shell.enter("echo make tar"), "make tar")


@truth
def test_a_verdict_is_enough(shell: Shell) -> None:
    """What is looked up beside it may hang: the line is held by name, and what loses nothing runs."""
    shell.enter("export MOOD=explains-slowly")
    assert "volume shop_pgdata" in shell.asks(DESTROYER)
    assert ran(shell.answers("shop_pgdata\r"))


@truth
def test_a_guard_that_crashes_holds_what_is_feared(shell: Shell) -> None:
    """The shell itself knows the words; how the line runs all the same is said."""
    (shell.folder / "bin" / "runaway-watchdog").write_text("#!/bin/sh\nexit 1\n")
    shell.terminal.press(f"{DESTROYER}\r")
    said = shell.terminal.wait_for("RUNAWAY_WATCHDOG_GUARD=off first") + shell.terminal.quiet(1)
    assert "could not check this command (the guard ended with 1): held" in said
    assert said.rstrip().endswith(DESTROYER)
    assert not ran(said)
    shell.terminal.press("\x15")
    said = shell.enter("echo make tar")
    assert "could not analyse this command (the guard ended with 1); running it" in said
    assert ran(said, "make tar")
    shell.enter("RUNAWAY_WATCHDOG_GUARD=off")
    assert ran(shell.enter(DESTROYER))


@truth
def test_a_guard_that_is_gone_is_told(shell: Shell) -> None:
    """As after an uninstall, in a shell that is still open."""
    (shell.folder / "bin" / "runaway-watchdog").unlink()
    said = shell.enter(DESTROYER)
    assert "the program is gone (127); running the command" in said
    assert ran(said)


def test_exit_codes_are_the_commands_own(shell: Shell) -> None:
    """For the next line, and for what others run at each prompt, before the guard's own and after it."""
    codes = "${PIPESTATUS[*]}" if shell.name == "bash" else "$pipestatus"
    shell.enter("false | true | false")
    assert ran(shell.enter(f"echo rm $? {codes}"), "rm 1 1 0 1")
    tells = f'echo "said $? {codes}"'
    if shell.name == "zsh":
        shell.enter(f"precmd() {{ {tells} }}")
    else:
        shell.enter(f"PROMPT_COMMAND=\"${{PROMPT_COMMAND:+$PROMPT_COMMAND; }}\"'{tells}'")
    assert "said 1 1 0 1" in shell.enter("false | true | false")
    assert "said 1 1 0 1" in shell.enter("false rm | true | false")
    if shell.name == "bash":
        shell.enter(f"PROMPT_COMMAND='{tells}'; runaway_watchdog_guard_off")
        assert "said 3 3" in shell.enter("(exit 3)")


def test_every_line_of_a_script_is_shown(shell: Shell) -> None:
    """What is held is all that was typed."""
    shell.terminal.press("for v in shop_pgdata; do\r")
    shell.terminal.wait_for("C> |for> ")
    shell.terminal.press("echo rm $v; done\r")
    told = shell.terminal.wait_for(ASKS)
    assert "  for v in shop_pgdata; do\r\n  echo rm $v; done\r\n" in told.replace("\r\r", "\r")


@truth
def test_functions_are_told_to_the_preflight(shell: Shell) -> None:
    """As the shell has them."""
    shell.enter("outer() { inner x; }; inner() { echo rm $1; }")
    assert ran(shell.enter("outer"), "rm x")
    assert "echo rm $1" in shell.asked()[-1]


@truth
def test_ctrl_c_while_it_looks_holds_the_line(shell: Shell) -> None:
    """Whoever is in doubt gets the line back."""
    shell.enter("export MOOD=slow")
    shell.terminal.press(DESTROYER + "\r")
    shell.terminal.wait_for("still checking")
    shell.terminal.quiet(0.5)
    said = shell.answers("\x03")
    assert said.rstrip().endswith(DESTROYER)
    assert not ran(said)


def test_a_paste_of_several_lines_never_answers_the_question(shell: Shell) -> None:
    """Without bracketed paste every line has its own Enter: what follows the held one is dropped, and said."""
    shell.terminal.press(f"echo first\r{DESTROYER}\rshop_pgdata\recho third\r")
    told = shell.terminal.wait_for(ASKS)
    assert ran(told, "first")
    assert "was dropped" in told
    said = shell.answers("\r")
    assert said.rstrip().endswith(DESTROYER)
    assert not ran(said)


@truth
def test_a_bracketed_paste_is_one_line(tmp_path: Path) -> None:
    """All of its lines are looked at together, and run only after Enter."""
    for name in ARGV:
        if shutil.which(name) is None:
            continue
        folder = tmp_path / name
        folder.mkdir()
        with Shell(name, folder) as shell:
            if name == "bash":
                shell.enter("bind 'set enable-bracketed-paste on'")
            else:
                shell.enter(r"zle_bracketed_paste=($'\e[?2004h' $'\e[?2004l')")
            shell.terminal.press(f"\x1b[200~echo first\r{DESTROYER}\r\x1b[201~")
            assert "HELD" not in shell.terminal.quiet(0.7)
            shell.terminal.press("\r")
            shell.terminal.wait_for(ASKS)
            said = shell.answers("shop_pgdata\r")
            assert ran(said, "first")
            assert ran(said)
            assert sum("echo rm" in each for each in shell.asked()) == 1


@truth
def test_lines_that_go_on_are_looked_at_as_one(shell: Shell) -> None:
    """A command over several lines is judged once, when it is whole; then the whole of it can be refused."""
    shell.terminal.press("for v in shop_pgdata; do\r")
    shell.terminal.wait_for("C> |for> ")
    shell.terminal.press("echo rm $v\r")
    shell.terminal.wait_for("C> |for> ")
    shell.terminal.press("done\r")
    shell.terminal.wait_for(ASKS)
    assert len(shell.asked()) == 1
    assert "for v in shop_pgdata; do\\necho rm $v\\ndone" in shell.asked()[0]
    assert ran(shell.answers("shop_pgdata\r"))


@truth
def test_what_only_the_shell_knows_is_told_to_the_preflight(shell: Shell) -> None:
    """Its aliases, its variables that are not exported, and those that are not set."""
    shell.enter("gone='shop_pgdata and more'")
    shell.enter("alias dangerous='echo rm'")
    shell.asks('dangerous "$gone" $nothing')
    shell.answers("\x03")
    judged = shell.asked()[-1]
    assert "gone='shop_pgdata and more'" in judged
    assert "unset nothing" in judged
    assert 'echo rm \\"$gone\\" $nothing' in judged


@truth
def test_an_old_line_that_is_called_back_is_looked_at(shell: Shell) -> None:
    """`!!` is what it stands for; in the editor it stays `!!`."""
    shell.asks(DESTROYER)
    shell.answers("shop_pgdata\r")
    shell.asks("!!")
    assert shell.answers("\x03").rstrip().endswith("!!")
    assert "rm shop_pgdata" in shell.asked()[-1]


@truth
@NEEDED["bash"]
@pytest.mark.parametrize("keys", ["\x18\x05", "\x1bv"], ids=["C-x C-e", "v"])
def test_what_comes_out_of_an_editor_is_looked_at(tmp_path: Path, keys: str) -> None:
    """Also that runs at once, and not at all where the editor fails. (zsh puts it into the line, for Enter.)"""
    editor, text = tmp_path / "edit", tmp_path / "text"
    editor.write_text(f'#!/bin/sh\ncat {text} > "$1"\nexit "${{FAILS:-0}}"\n')
    editor.chmod(0o755)
    with Shell("bash", tmp_path) as shell:
        if keys == "\x1bv":
            shell.enter("set -o vi")
        shell.enter(f"export EDITOR={editor}")
        text.write_text("echo fine\n")
        shell.terminal.press(f"echo before{keys}")
        assert ran(shell.terminal.wait_for(r"\n[\r]*fine\r"), "fine")
        text.write_text(f"{DESTROYER}\n")
        shell.terminal.press(f"echo before{keys}")
        shell.terminal.wait_for(ASKS)
        assert shell.answers("no\r").rstrip().endswith(DESTROYER)
        shell.answers("\x03")
        shell.enter("export FAILS=1")
        shell.terminal.press(f"echo before{keys}")
        said = shell.terminal.quiet(1.5)
        assert not ran(said, "before")
        assert not ran(said)
        shell.answers("\x03")
        shell.enter("FAILS=0; runaway_watchdog_guard_off")
        text.write_text("echo own\n")
        shell.terminal.press(f"echo before{keys}")
        assert ran(shell.terminal.wait_for(r"\n[\r]*own\r"), "own")


WRAPS_ALL = """
for w in ${(f)"$(zle -la)"}; do
    case $w:${widgets[$w]-} in
    (.*|orig-*) ;;
    (*:builtin) functions[wrapped_$w]="zle .$w -- \\"\\$@\\"" && zle -N $w wrapped_$w ;;
    (*:user:*)
        zle -N orig-$w ${widgets[$w]#*:}
        functions[wrapped_$w]="zle orig-$w -- \\"\\$@\\""
        zle -N $w wrapped_$w
        ;;
    esac
done
"""


@truth
@NEEDED["zsh"]
@pytest.mark.parametrize("first", ["plugin", "guard"])
def test_a_plugin_that_wraps_every_widget(tmp_path: Path, first: str) -> None:
    """As those for colours and suggestions do, whichever comes first; also once the guard is switched off."""
    plugin = tmp_path / "plugin"
    plugin.write_text(WRAPS_ALL)
    with Shell("zsh", tmp_path) as shell:
        if first == "plugin":
            shell.enter("runaway_watchdog_guard_off")
            shell.enter(f"source {plugin}")
            shell.enter('eval "$(runaway-watchdog guard zsh)"')
        else:
            shell.enter(f"source {plugin}")
        assert ran(shell.enter("echo fine"), "fine")
        shell.asks(DESTROYER)
        assert ran(shell.answers("shop_pgdata\r"))
        shell.enter("runaway_watchdog_guard_off")
        assert ran(shell.enter(DESTROYER))
        shell.enter('eval "$(runaway-watchdog guard zsh)"')
        shell.asks(DESTROYER)


@truth
def test_job_control_and_completion_are_the_shells_own(shell: Shell) -> None:
    """Background, Ctrl-Z, fg, Tab; with the guard's program having run in between."""
    shell.asks(DESTROYER)
    shell.clears()
    shell.enter("sleep 1.5 &")
    assert "sleep 1.5" in shell.enter("jobs")
    shell.terminal.press("fg\r")
    shell.terminal.wait_for("P> ")
    shell.terminal.press("sleep 30\r")
    shell.terminal.quiet(0.5)
    shell.terminal.press("\x1a")
    shell.terminal.wait_for("P> ")
    assert re.search("(?i)stopped|suspended", shell.enter("jobs"))
    assert shell.enter("kill %1; wait") is not None
    (shell.folder / "completed-name").touch()
    shell.terminal.press("echo complet\t")
    assert "completed-name" in shell.terminal.quiet(0.7)


@truth
@pytest.mark.parametrize("options", ["set -e", "set -u", "set -o noglob", "set -o vi", "set -eu"])
def test_the_persons_own_options_are_nobodys_trouble(shell: Shell, options: str) -> None:
    """The guard works under them, and a refusal does not end a shell that ends at the first failure."""
    shell.enter(options)
    shell.asks(DESTROYER)
    shell.answers("no\r")
    shell.terminal.press("\r")
    shell.terminal.wait_for(ASKS)
    assert ran(shell.answers("shop_pgdata\r"))
    assert ran(shell.enter("echo alive"), "alive")


@truth
def test_it_can_be_switched_off(shell: Shell) -> None:
    """By the variable for the time being, by the function for good; then nothing of it is left."""
    shell.enter("RUNAWAY_WATCHDOG_GUARD=off")
    assert ran(shell.enter(DESTROYER))
    shell.enter("unset RUNAWAY_WATCHDOG_GUARD")
    shell.asks(DESTROYER)
    shell.clears()
    shell.enter("runaway_watchdog_guard_off")
    assert ran(shell.enter(DESTROYER))
    left = shell.enter("set | grep -c '^_*runaway_watchdog'")
    assert ran(left, "0")
    assert len(shell.asked()) == 1


@truth
def test_loading_twice_is_loading_once(shell: Shell) -> None:
    """As when ~/.bashrc is read again."""
    shell.enter(f'eval "$(runaway-watchdog guard {shell.name})"')
    shell.asks(DESTROYER)
    shell.answers("shop_pgdata\r")
    assert sum("echo rm" in each for each in shell.asked()) == 1


@truth
def test_only_the_shell_that_loaded_it_is_guarded(shell: Shell) -> None:
    """A script, a command string and a pipe without a terminal never see it, even when they load it."""
    script = shell.folder / "script"
    load = f'eval "$(runaway-watchdog guard {shell.name})"'
    script.write_text(f"{load}\n{DESTROYER}\n")
    words = {"bash": ["bash", "--norc"], "zsh": ["zsh", "-f"]}[shell.name]
    for argv, text in (
        ([*words, str(script)], ""),
        ([*words, "-c", f"{load}; {DESTROYER}"], ""),
        (words, f"{load}\n{DESTROYER}\n"),
        ([*words, "-i"], f"{load}\n{DESTROYER}\n"),
        ([*words, "-eu", str(script)], ""),
    ):
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, env=shell.env, timeout=30, check=False,
            start_new_session=True,
        )  # fmt: skip
        assert "rm shop_pgdata" in done.stdout
        assert "runaway-watchdog" not in done.stderr.replace(load, "")
    assert shell.asked() == []
