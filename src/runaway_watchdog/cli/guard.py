"""Holds a line that would destroy data, until the name of what dies is typed; everything else
passes, with a word where it deletes files that nothing uses. For interactive shells:

  runaway-watchdog guard install bash              writes the line into ~/.bashrc
  runaway-watchdog guard install zsh|fish          into ~/.zshrc or ~/.config/fish/config.fish
  eval "$(runaway-watchdog guard bash)"            for this shell alone; fish: ... guard fish | source

RUNAWAY_WATCHDOG_GUARD=off lets every line pass; runaway_watchdog_guard_off takes the guard
out of a shell. Scripts never see it, and what a script or a long function does is not checked.

For agents that run commands without a person, as a hook before each command:

  runaway-watchdog guard install claude-code|codex|gemini
  runaway-watchdog guard --check < DOCUMENT        runaway-watchdog guard --check -- 'LINE'

DOCUMENT is JSON, either {"tool_input": {"command": "LINE"}, "cwd": …, "hook_event_name": …},
answered as {"hookSpecificOutput": {"permissionDecision": "deny" or "ask", …}} (without a
decision where nothing speaks against the line: the hook's own rules stay in force), or plain
{"command": "LINE", "cwd": …}, answered as {"permission": "allow", "ask" or "deny", "reason",
"names", "safer"}. What it cannot judge it answers with "ask"; it never blocks because it broke.
--no-ask is for agents whose hooks cannot ask (codex, gemini): there "ask" becomes "deny".

guard uninstall … removes the line or the hook, and leaves the file byte for byte as it was.
install and uninstall show what they write and where; --dry-run only shows it. They write through
no link, and into no file of another user's.

exit code: 0, 1 not written or removed, 2 usage; of --check: 2 blocks the command, its reason also
on standard error
"""

import argparse
import os
import shlex
import sys
import time
from typing import TYPE_CHECKING

from runaway_watchdog.cli import PROGRAM, USAGE, reading

if TYPE_CHECKING:
    from runaway_watchdog.guard.decide import Ask, Decision, Hold
    from runaway_watchdog.guard.install import Change
    from runaway_watchdog.guard.terminal import Terminal

LONGEST = 1 << 20
"""Bytes of standard input: more than any line that a person or an agent types."""
STATUS = f"{PROGRAM}: still checking…"
STATUS_AFTER_S = 0.2
"""With the start of the program: after 0.3 s a person knows why the shell waits."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="bash|zsh|fish", help="print the integration for this shell")
    parser.add_argument("--check", action="store_true", help="answer in JSON, for a hook before an agent's command")
    parser.add_argument("--no-ask", action="store_true", help="with --check: deny where it would have the agent ask")
    parser.add_argument("--dry-run", action="store_true", help="with install, uninstall: show it, write nothing")
    # What the integration itself calls: asks the person about the line on standard input.
    parser.add_argument("--ask", choices=("bash", "zsh", "fish"), help=argparse.SUPPRESS)
    parser.usage = (
        f"{PROGRAM} guard bash|zsh|fish\n"
        f"       {PROGRAM} guard install|uninstall bash|zsh|fish|claude-code|codex|gemini [--dry-run]\n"
        f"       {PROGRAM} guard --check [--no-ask] [-- 'LINE']"
    )


def run(options: argparse.Namespace) -> int:
    if options.ask:
        return _ask(options.ask)
    if options.check:
        return _check(options.words, can_ask=not options.no_ask)
    if options.words[:1] in (["install"], ["uninstall"]):
        return _install(options.words, dry_run=options.dry_run)
    from runaway_watchdog.guard.script import GUARDED_SHELLS, integration

    if len(options.words) != 1 or options.words[0] not in GUARDED_SHELLS:
        reading.complain(f'say which shell: eval "$({PROGRAM} guard bash)", or zsh, fish')
        return USAGE
    print(integration(options.words[0], program()), end="")
    return 0


def program() -> list[str]:
    """How this very program is started again, wherever PATH leads by then."""
    started = sys.argv[0]
    if os.path.basename(started) in (PROGRAM, "watchdog") and os.access(started, os.X_OK):
        return [os.path.abspath(started)]
    return [sys.executable, "-m", "runaway_watchdog"]


def _install(words: list[str], *, dry_run: bool) -> int:
    from pathlib import Path

    from runaway_watchdog.guard import install

    remove = words[0] == "uninstall"
    if len(words) != 2 or words[1] not in install.TARGETS:
        reading.complain(f"say what for: guard {words[0]} {'|'.join(install.TARGETS)}")
        return USAGE
    try:
        change = install.change(words[1], program(), remove=remove, home=Path.home())
        _tell(change, remove=remove, dry_run=dry_run)
        if change.before != change.after and not dry_run:
            install.write(change)
    except (install.RefusedError, OSError, RuntimeError) as refused:
        reading.complain(f"nothing was {'removed' if remove else 'written'}: {refused}")
        return 1
    return 0


def _tell(change: "Change", *, remove: bool, dry_run: bool) -> None:
    if change.before == change.after:
        print(f"{change.path}: {'not installed' if remove else 'already installed'}; nothing to change")
        return
    would = "would be " if dry_run else ""
    print(f"{change.path}: {would}{'removed' if remove else 'added'}\n  {change.piece}")
    if not remove and not dry_run:
        print("It takes effect in shells and agents that are started from now on.")


def _ask(shell: str) -> int:
    """0: the line runs. HELD: it does not. Anything else is a fault, and the shell says so."""
    from runaway_watchdog.guard import typed
    from runaway_watchdog.guard.decide import Pass, unanswered
    from runaway_watchdog.guard.page import note
    from runaway_watchdog.guard.script import HELD
    from runaway_watchdog.guard.terminal import Terminal
    from runaway_watchdog.guard.words import feared

    try:
        line = typed.parse(sys.stdin.buffer.read(LONGEST).decode(errors="surrogateescape"))
        with Terminal() as terminal:
            with terminal.status_after(STATUS_AFTER_S, STATUS):
                judged = line.to_judge()
                if shell == "fish" and not line.reads_alike_in_fish():
                    # What a list or a function of it holds, fish itself has looked at: its own words brought it here.
                    decision = unanswered("its fish syntax is not analysed", feared=line.opaque or feared(line.line))
                else:
                    decision = _decide(judged)
            if not isinstance(decision, Pass):
                return 0 if _confirmed(decision, line.line, terminal) else HELD
            if decision.idle:
                terminal.show([note(decision.idle)])
            if decision.cannot_judge is not None and feared(judged):
                terminal.show([f"{PROGRAM} guard: could not analyse this command; running it: {decision.cannot_judge}"])
            return 0
    except KeyboardInterrupt:
        return HELD
    except (OSError, ValueError) as fault:  # no terminal to ask on; no line
        reading.complain(str(fault))
        return 1


def _decide(line: str) -> "Decision":
    """The preflight's answer; where it gives none, the words of the line decide."""
    from runaway_watchdog.guard.decide import decide, unanswered
    from runaway_watchdog.guard.judge import NotJudgedError, judge
    from runaway_watchdog.guard.words import feared

    try:
        return decide(judge(line, program()))
    except (NotJudgedError, ValueError) as fault:
        return unanswered(str(fault), feared=feared(line))


def _confirmed(hold: "Hold | Ask", line: str, terminal: "Terminal") -> bool:
    from runaway_watchdog.guard.decide import CONFIRMS, Ask
    from runaway_watchdog.guard.page import page, question

    colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    dropped = terminal.drain()
    if isinstance(hold, Ask):
        shown, wanted = question(hold, line, colours=colours), f"type  {CONFIRMS}"
    else:
        shown, wanted = page(hold, line, colours=colours, now=time.time()), hold.asks_for()
    terminal.show(shown)
    if dropped:
        terminal.show(["What was typed or pasted after the line was dropped."])
    try:
        answer = terminal.ask(f"To run it anyway, {wanted}; anything else cancels: ")
    except KeyboardInterrupt:
        answer = ""
    if hold.accepts(answer):
        return True
    terminal.drain()
    terminal.show(["", "Nothing was run; the line is still yours to change."])
    return False


def _check(words: list[str], *, can_ask: bool) -> int:
    from runaway_watchdog.guard import hook
    from runaway_watchdog.guard.decide import Pass
    from runaway_watchdog.guard.reads import only_reads
    from runaway_watchdog.guard.words import feared

    event: str | None = "PreToolUse"
    try:
        if words:
            asked = hook.Request(words[0] if len(words) == 1 else shlex.join(words), None, None)
        else:
            asked = hook.request(sys.stdin.read(LONGEST))
        event = asked.event
        if asked.folder is not None:
            os.chdir(asked.folder)
        decision = Pass() if only_reads(asked.line) else _decide(asked.line)
        found = hook.answer(decision, feared=feared(asked.line))
    except (ValueError, OSError) as fault:
        found = hook.cannot_judge(str(fault))
    if not can_ask:
        found = hook.without_asking(found)
    reading.print_json(found.document(event))
    if found.permission == "deny":
        reading.complain(found.reason)
    return found.exit_code
