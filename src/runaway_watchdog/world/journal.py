"""The systemd journal, through journalctl: it alone reads the journal's files, and they may be gigabytes."""

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runaway_watchdog import programs
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, patience

MOST_ENTRIES = 1000
MEND = "run it with sudo, or read it there: journalctl"


class LiveJournal:
    """See `world.Journal`."""

    def entries(self, matches: Sequence[str], limit: int) -> Sequence[Mapping[str, str]]:
        """Raises Unanswered, also where other users' entries are hidden from whoever asks."""
        lines = f"--lines={max(1, min(limit, MOST_ENTRIES))}"
        argv = ("journalctl", "--no-pager", "--output=json", lines, "--", *matches)
        seconds = patience.limit_s()
        try:
            done = programs.run(argv, seconds=seconds, env={**os.environ, "LC_ALL": "C"})
        except OSError as fault:
            raise Unanswered(Gap("journal", f"journalctl cannot be started: {fault.strerror}", MEND)) from fault
        if done.returncode == -signal.SIGALRM:
            raise Unanswered(Gap("journal", f"it did not answer within {seconds} s", MEND))
        complaint = lines_of(done.stderr.strip())
        if done.returncode != 0 or any(line.startswith(("Hint:", "No journal files")) for line in complaint):
            raise Unanswered(Gap("journal", (complaint or ["it cannot be read"])[0][:200], MEND))
        return list(parse(done.stdout))


def parse(text: str) -> Iterator[dict[str, str]]:
    """Entries, one JSON object a line. A field that is not UTF-8 comes as numbers, one that is too long as null."""
    for line in lines_of(text):
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the last line of one that was cut off
        if isinstance(found, dict):
            yield {str(name): value for name, each in found.items() if (value := _text(each)) is not None}


def _text(value: Any) -> str | None:
    """A field may be there several times; its first value stands for it."""
    if isinstance(value, list) and value and isinstance(value[0], (list, str)):
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        return bytes(value).decode("utf-8", "surrogateescape")
    return None
