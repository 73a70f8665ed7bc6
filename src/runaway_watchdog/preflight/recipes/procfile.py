"""foreman, honcho, overmind: the processes of a Procfile."""

import re

from runaway_watchdog.effects.arguments import of
from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.recipes.reading import MOST_PARTS, Part, Read, Reading, within

_PROCESS = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


def read(command: Command, files: Read) -> Reading | None:
    """`start` runs all of them, or the one that is named; `run LINE` the line."""
    words = of(command, "-f --procfile -e --env -p --port -d --root -m -c --formation")
    folder = within(command.folder or "/", words.value("-d", "--root"))
    text = files(within(folder, words.value("-f", "--procfile") or "Procfile"))
    if text is None or words.texts[:1] not in (("start",), ("s",)):
        return None
    wanted = words.texts[1:]
    found = [match for line in text.split("\n") if (match := _PROCESS.match(line))]
    chosen = [match for match in found if not wanted or match[1] in wanted]
    return Reading(tuple(Part(match[2], folder) for match in chosen[:MOST_PARTS]))
