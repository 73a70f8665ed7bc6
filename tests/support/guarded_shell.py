"""An interactive shell with the guard in it, and a stand-in for the preflight.

The stand-in holds every line that speaks of shop_pgdata. `NEEDED` marks a test for a shell that is not here.
"""

import shutil
import sys
from pathlib import Path

import pytest

from support.terminal import Terminal

ASKS = "cancels: "
PROMPT = r"P> $"
HELD = f"Nothing was run; the line is still yours to change.[\r\n]+{PROMPT[:-1]}"
DESTROYER = "echo rm shop_pgdata"

STAND_IN = """\
#!{python}
import json, os, signal, sys, time
sys.path[:0] = {path!r}
if sys.argv[1:2] != ["preflight"]:
    from runaway_watchdog.cli import main
    sys.exit(main())
line = sys.stdin.read()
with open(os.environ["ASKED"], "a") as log:
    print(json.dumps(line), file=log)
mood = os.environ.get("MOOD", "")
if mood == "slow":
    time.sleep(60)
if mood == "broken":
    sys.exit("it broke")
lost = [] if "shop_pgdata" not in line else [
    {{"verb": "delete", "type": "volume", "name": name, "data_lost": True, "size_bytes": 1234567,
      "size_is_at_least": False, "last_write": None, "used_by": ["shop-db-1"], "why": "down -v removes it"}}
    for name in ["shop_pgdata", "shop_uploads"][: 2 if "both" in line else 1]]
verdict = "destroys-data" if lost else "unknown" if "mystery" in line else "safe"
print(json.dumps({{
    "schema_version": 1, "command": line, "verdict": verdict, "effects": lost,
    "helps": {{"pid": 3355, "ends": False, "returns": None, "why": "it belongs to project blog"}} if lost else None,
    "safer": [{{"command": "docker compose -p shop stop worker", "why": "it keeps the volumes"}}] if lost else [],
    "unknown": ["what mystery does is not known"] if verdict == "unknown" else [],
    **({{"risk": os.environ["RISK"]}} if "RISK" in os.environ else {{}})}}), flush=True)
if mood == "explains-slowly" and lost:
    signal.alarm(1)
    time.sleep(60)
sys.exit({{"safe": 0, "destroys-data": 20, "unknown": 30}}[verdict])
"""
ARGV = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
NEEDED = {shell: pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here") for shell in ARGV}


class Shell:
    """One interactive shell with the guard in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        program = folder / "bin" / "runaway-watchdog"
        program.parent.mkdir()
        program.write_text(STAND_IN.format(python=sys.executable, path=sys.path))
        program.chmod(0o755)
        self.env = {
            "PATH": f"{program.parent}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder), "TERM": "xterm", "PS1": "P> ", "PS2": "C> ", "HISTFILE": "/dev/null",
            "ASKED": str(folder / "asked"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "PROMPT_EOL_MARK": "", "COVERAGE_PROCESS_START": "",
        }  # fmt: skip

    def __enter__(self) -> "Shell":
        self.terminal = Terminal(ARGV[self.name], env=self.env, cwd=str(self.folder))
        self.terminal.wait_for("P> ")
        if self.name == "zsh":
            self.enter("unset zle_bracketed_paste; PROMPT_SP=; unsetopt prompt_sp; PS1='P> ' PS2='C> '")
        self.enter(f'eval "$(runaway-watchdog guard {self.name})"')
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.__exit__(None, None, None)

    def enter(self, line: str) -> str:
        """Type a line and wait for the next prompt; returns what came between."""
        self.terminal.press(line + "\r")
        return self.terminal.wait_for(r"\n(?:.*\r)?P> ") + self.terminal.quiet(0.15)

    def asks(self, line: str) -> str:
        """Type a line that is held; returns what is told before the question."""
        self.terminal.press(line + "\r")
        return self.terminal.wait_for(ASKS)

    def answers(self, words: str) -> str:
        self.terminal.press(words)
        return self.terminal.quiet(1.2)

    def clears(self) -> None:
        """Refuse, and take the line away."""
        self.answers("\x03")
        self.terminal.press("\x15")
        self.terminal.quiet(0.3)

    def asked(self) -> list[str]:
        """The lines that the preflight was asked about."""
        log = self.folder / "asked"
        return log.read_text().splitlines() if log.exists() else []
