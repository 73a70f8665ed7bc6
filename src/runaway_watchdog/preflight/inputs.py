"""What is left of an input that several commands share: `{ read x; cat; }` behind a pipe."""

from runaway_watchdog.effects.arguments import read
from runaway_watchdog.effects.known_programs import THE_SHELL_S_OWN
from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight.flow import Frame

Words = tuple[Word, ...]
Input = Script | str
_LEAVING = THE_SHELL_S_OWN - {"read", "mapfile", "readarray", "fc", "wait"} | frozenset(
    (
        "date",
        "sleep",
        "ls",
        "mkdir",
        "touch",
        "hostname",
        "whoami",
        "id",
        "uname",
        "basename",
        "dirname",
        "mktemp",
        "seq",
    )
)
"""Programs that leave their standard input as it is, whatever they are given."""
_TO_THE_END = frozenset(("cat", "sort", "wc", "tac", "uniq", "tr", "cut", "tee", "rev", "nl"))
"""Programs that read all of it, unless they are given files."""
_PLAIN_READ = frozenset(("-r",))
_UNKNOWN = Script((), ("what is left of an input that another command has read is only known when it runs",))


class Inputs:
    """Each input that a command has taken something of, and what is left of it."""

    def __init__(self) -> None:
        self._left: list[tuple[Input, Script]] = []

    def left(self, frame: Frame) -> Frame:
        """The frame with what is left there of its input."""
        given = _given(frame)
        rest: Script | None = None
        for before, after in self._left:
            if given is before:
                given = rest = after
        return frame if rest is None else frame._replace(reads=rest, here=None)

    def take(self, words: Words, frame: Frame, *, surely: bool) -> None:
        """A command reads its input; `surely`: nothing stands against that it runs."""
        given = _given(frame)
        if given is None or frame.unordered or frame.line is not None or (leaves(words) and not frame.remote):
            return
        program = (words[0].text or "").rpartition("/")[2]
        options = {name for name, _ in read(words[1:], "-p -d -n -N -t -u -i -a").options}
        rest = _UNKNOWN
        surely = surely and not frame.remote
        if surely and program == "read" and options <= _PLAIN_READ:
            source = Command(words=tuple(Word(text, text) for text in ("tail", "-n", "+2")), text="read")
            rest = Script((source._replace(reads=given) if isinstance(given, Script) else source._replace(here=given),))
        elif surely and program in _TO_THE_END and not read(words[1:]).operands:
            rest = Script(())
        self._left.append((given, rest))

    def spend(self, frame: Frame) -> None:
        """All of it may have been read: by a loop, by what starts commands of it."""
        if not frame.unordered and (given := _given(self.left(frame))) is not None:
            self._left.append((given, _UNKNOWN))


def _given(frame: Frame) -> Input | None:
    return frame.here if frame.reads is None else frame.reads


def leaves(words: Words) -> bool:
    """Whether a command leaves its standard input as it is."""
    program = (words[0].text or "").rpartition("/")[2]
    texts = [word.text for word in words[1:]]
    files = (
        program in ("cat", "head", "tail", "sort", "wc")
        and "-" not in texts
        and bool(read(words[1:], "-n -c").operands)
    )
    return program in _LEAVING or files or (program == "crontab" and "-l" in texts)
