"""Code that an interpreter is given: in the line (`python -c`, `node -e`), a here-document, or a file.

Read statically for what deletes, writes over and starts: with a path that is written out it is judged as rm, cp or a
redirection is. Anything else that deletes is not known: of high risk in a line, which was written to be run once, and
of low risk in a file, which is a program like any other.
"""

import re
from collections.abc import Mapping

from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.elsewhere.runners import SCRIPTS
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.preflight.recipes import code_texts
from runaway_watchdog.preflight.recipes.reading import Part, Read, Reading, within

PYTHONS = frozenset(("python", "python2", "python3", "pypy", "pypy3"))
IN_LINE: Mapping[str, tuple[str, ...]] = {
    "node": ("-e", "--eval", "-p", "--print", "-pe"), "bun": ("-e", "--eval"), "deno": (), "php": ("-r",),
    **dict.fromkeys(("perl", "ruby"), ("e", "E")), **dict.fromkeys(PYTHONS, ("c",)),
}  # fmt: skip
"""Options whose value is code; of one letter: the last of a cluster."""
ENDS = (".py", ".js", ".mjs", ".cjs", ".pl", ".rb", ".php")
_IN_PLACE = re.compile(r"-[nplasw0-9]*i")
VALUED = frozenset(("-W", "-X", "-I", "-M", "-r", "--require", "--import", "-d", "-C", "-S"))


def read(command: Command, files: Read) -> Reading | None:
    """None where there is no code to be read: a module, a prompt, a script of a framework."""
    program = command.program or ""
    words = [word.text for word in command.words[1:]]
    options = IN_LINE.get(program, ())
    at = next((place for place, text in enumerate(words) if text is not None and _takes_code(text, options)), None)
    if at is not None:
        code = words[at + 1] if at + 1 < len(words) else None
        return None if _edits(command, words, at, code) else _in_line(program, code, command)
    if "-m" in words:
        return None
    name = _script(words)
    if name is None or name == "-":
        return None if command.here is None and command.reads is None else _in_line(program, command.here, command)
    if name.rpartition("/")[2] in SCRIPTS or not name.endswith(ENDS):
        return None
    text = files(within(command.folder or "/", name))
    if text is None:
        return None
    found = code_texts.found(program, text)
    own = LowRisk(f"what `{shown(command)}` does beyond what its text shows is not known")
    return Reading(tuple(Part(each, command.folder or "/") for each in found.texts), (own,))


def _takes_code(text: str, options: tuple[str, ...]) -> bool:
    if text in options:
        return True
    if "e" in options and text.startswith(("-M", "-m", "-I")):  # perl's modules: their names are no options
        return False
    cluster = text.startswith("-") and not text.startswith("--") and len(text) > 1
    return cluster and text[-1] in [each for each in options if len(each) == 1]


def _script(words: list[str | None]) -> str | None:
    """The first word that is no option; "-" and None: standard input."""
    pending = list(words)
    while pending:
        text = pending.pop(0)
        if text is None or text == "-" or not text.startswith("-"):
            return text
        if text in VALUED and pending:
            pending.pop(0)
    return None


def _in_line(program: str, code: str | None, command: Command) -> Reading:
    if code is None:
        return Reading((), (f"what code `{shown(command)}` runs is only known when it runs",))
    found = code_texts.found(program, code)
    doubt = f"what the code in `{shown(command)}` does is not known"
    unknown = (doubt if found.may_destroy else LowRisk(doubt),)
    return Reading(tuple(Part(each, command.folder or "/") for each in found.texts), unknown)


def _edits(command: Command, words: list[str | None], at: int, code: str | None) -> bool:
    """`perl -pi -e 's/a/b/' FILE`: it writes over its files, and its code does nothing else."""
    options = [text for text in words[: at + 1] if text is not None and text.startswith("-")]
    if command.program not in ("perl", "ruby") or code is None or not any(map(_IN_PLACE.match, options)):
        return False
    found = code_texts.found(command.program, code)
    return not found.texts and not found.may_destroy
