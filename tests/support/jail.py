"""A folder in which a pasted command can be run: every program of it only writes down the words that it was given.

The shell is the real /bin/sh with an environment of its own. As root it runs as nobody, who may write in no other
folder; `kill`, which the shell itself could do, is written down too.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

NOBODY = 65534
OWNED = "owned"
"""The program that hostile names try to run."""
STUB = """\
#!/bin/sh
printf '%s\\0' "${0##*/}" "$@" >"$JAIL/log/$JAIL_LINE.$$"
case "${0##*/}" in
cut | sha256sum) printf '%s\\n' "$JAIL_ANSWER" ;;
id) echo 0 ;;
esac
"""
PREAMBLE = """\
kill() { "$JAIL/bin/kill" "$@"; }
"""
LAST = "echo the end"
_MISSING = re.compile(rb"line\.sh: \d+: ([^/\s][^\n]*): not found")
_ANSWER = re.compile(r'\)" (?:= |in )(\w+)')
"""What a command of ours compares an answer with, before it does anything: a start time, the hash of a table."""


class Jail:
    """`programs` are those that may be found; every other one is missing, and the shell says so."""

    def __init__(self, folder: Path, programs: Sequence[str]) -> None:
        self.folder = folder
        folder.chmod(0o755)
        (folder / "bin").mkdir()
        stub = folder / "bin" / ".stub"
        stub.write_text(STUB)
        stub.chmod(0o755)
        for name in {*programs, OWNED, "kill"}:
            (folder / "bin" / name).symlink_to(stub)
        self._log = folder / "log"
        self._log.mkdir(mode=0o777)
        self._log.chmod(0o777)
        seen = self.run([f"{OWNED} 'a b'; {OWNED}", "exit", f"{OWNED} | kill 1"])
        assert seen == [[[OWNED], [OWNED, "a b"]], [], [["kill", "1"], [OWNED]]], f"nobody can run programs in {folder}"

    def run(self, lines: Sequence[str]) -> list[list[list[str]]]:
        """Of each line the words of the programs that it ran, the program first; sorted, as a pipe starts all at once.

        A line that makes a file, ends the script or asks for another program is an error.
        """
        work = self.folder / "work"
        work.mkdir(mode=0o777)
        work.chmod(0o777)
        script = self.folder / "line.sh"
        script.write_text("\n".join([PREAMBLE, *map(_part, range(len(lines)), lines), LAST]), errors="surrogateescape")
        environment = {"PATH": f"{self.folder}/bin", "JAIL": str(self.folder)}
        nobody = NOBODY if os.geteuid() == 0 else None
        done = subprocess.run(
            ["/bin/sh", str(script)], cwd=work, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=60, user=nobody, group=nobody, extra_groups=None if nobody is None else [],
        )  # fmt: skip
        assert done.stdout.endswith(b"the end\n"), done.stderr
        missing = _MISSING.search(done.stderr)
        assert missing is None, f"it ran something that no plan runs: {missing[1]!r}"
        work.rmdir()  # fails where anything was written into it
        ran: list[list[list[str]]] = [[] for _ in lines]
        for log in self._log.iterdir():
            ran[int(log.name.partition(".")[0])].append(
                log.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
            )
            log.unlink()
        return [sorted(each) for each in ran]


def _part(number: int, line: str) -> str:
    """One line in a shell of its own: what it sets, or an `exit`, ends with it."""
    answer = _ANSWER.search(line)
    return f"export JAIL_LINE={number} JAIL_ANSWER={answer[1] if answer else ''}\n(\n{line}\n)"
