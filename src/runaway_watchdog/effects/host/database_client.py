"""What every client of a database has: what is typed into it, scripts that it reads, files that it writes, and what it
has told the server so far."""

from collections.abc import Iterator

from runaway_watchdog.effects import HostState, Outcome, filters
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host import answers as answers_host, losing, places
from runaway_watchdog.effects.host.sql import LARGEST, Dialect, Statement, statements
from runaway_watchdog.effects.host.sql_statements import judge
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.model.effect import Effect, LowRisk
from runaway_watchdog.world import World

NO_UNDO = "nothing but a backup brings it back"
DEPTH = 4
"""Scripts that read scripts: further down nothing is judged."""


class Session:
    """One start of a client: the statements that it sends in their order, gathered into one outcome.

    `local` is false inside of a container: its files are not this host's, and what it reads and writes is not known.
    """

    def __init__(self, command: Command, host: HostState, world: World, database: str, *, local: bool = True) -> None:
        self.command, self.host, self.world = command, host, world
        self.database = database
        self.local = local
        self.depth = 0
        self.variables: dict[str, str] = {}
        self._effects: list[Effect] = []
        self._unknown: list[str] = []

    def outcome(self) -> Outcome:
        return Outcome(tuple(self._effects), self.host, tuple(dict.fromkeys(self._unknown)))

    def lose(self, what: str, database: str | None = None) -> None:
        name = self.database if database is None else database
        self._effects.append(Effect("delete", "database", name, True, f"{what}: {NO_UNDO}"))

    def stop(self, name: str, why: str, *, lost: bool = False) -> None:
        self._effects.append(Effect("stop", "database", name, lost, why))

    def doubt(self, sentence: str) -> None:
        """What it does is not known, and it may destroy."""
        self._unknown.append(sentence)

    def mild(self, sentence: str) -> None:
        """What it does is not known, but it is known not to destroy what it is not given."""
        self._unknown.append(LowRisk(sentence))

    def add(self, outcome: Outcome) -> None:
        self._effects += outcome.effects
        self._unknown += outcome.unknown
        self.host = outcome.host

    def strange(self, text: str) -> None:
        """A statement or a client's own line that can do anything."""
        self.doubt(f"what `{short(text)}` does in the database {self.database} is not judged")

    def write(self, path: str | None, why: str) -> None:
        """A file that the client writes: what it held is lost."""
        if path is None or not self.local:
            self.doubt(f"which file `{shown(self.command)}` writes is only known when it runs")
            return
        if path.startswith("|"):
            self.doubt(f"`{shown(self.command)}` runs `{short(path[1:])}`, which is not judged")
            return
        word = Word(self.home(path), path)
        self.add(losing.overwritten((word,), self.command, self.host, self.world, why))

    def home(self, path: str) -> str:
        return (self.world.files.variable("HOME") or "/root") + path[1:] if path.startswith("~/") else path

    def read(self, path: str | None) -> str | None:
        """The text of a script; None where it cannot be read whole."""
        place = None if path is None or not self.local else absolute(Word(self.home(path), path), self.command)
        return None if place is None else places.text(place, self.host, self.world, LARGEST)

    def sql(self, text: str | None, dialect: Dialect) -> Iterator[Statement]:
        """Judges what is for the server, and hands back what is for the client itself."""
        if text is None or len(text) > LARGEST or self.depth > DEPTH:
            self.doubt(f"the statements of `{shown(self.command)}` are only known when they run")
            return
        self.depth += 1
        for statement in statements(text, dialect):
            if statement.own:
                yield statement
                continue
            self._statement(statement, dialect)
            if statement.ended_by not in (";", ""):
                yield statement
        self.depth -= 1

    def _statement(self, statement: Statement, dialect: Dialect) -> None:
        judged = judge(statement.tokens, dialect.name)
        for loss in judged.losses:
            self.lose(loss.what, loss.database)
        for file in judged.files:
            self.write(file, "the server writes what was asked for into it")
        told = f"what `{short(statement.text)}` does in the database {self.database} is not judged"
        if judged.unknown:
            (self.mild if judged.mild else self.doubt)(told)

    def typed(self) -> str | None:
        """What the line itself puts on standard input: a here-document, or the output of commands that are known."""
        if self.command.reads is None:
            return self.command.here
        lines = _output(self.command.reads, self.host, self.world)
        return None if lines is None else "\n".join(lines)

    @property
    def interactive(self) -> bool:
        """Nothing is put on its standard input: somebody types, and sees what."""
        return self.command.reads is None and self.command.here is None


def _output(script: Script, host: HostState, world: World, depth: int = 0) -> tuple[str, ...] | None:
    if script.unknown or depth > DEPTH:
        return None
    feeding = [each for command in script.commands if command.reads for each in command.reads.commands]
    found: list[str] = []
    for command in script.commands:
        if command in feeding:
            continue
        lines = (
            None if command.conditional or command.remote or command.truncates else _lines(command, host, world, depth)
        )
        if lines is None:
            return None
        found += lines
    return tuple(found)


def _lines(command: Command, host: HostState, world: World, depth: int) -> tuple[str, ...] | None:
    if command.here is not None:
        return tuple(lines_of(command.here)) if command.program == "cat" and len(command.words) == 1 else None
    if command.reads is not None:
        given = _output(command.reads, host, world, depth + 1)
        return None if given is None else filters.passed(command, given)
    if command.program == "printf" and len(command.words) == 2:
        text = command.words[1].text
        known = text is not None and "%" not in text and "\\" not in text.replace("\\n", "")
        return tuple(lines_of((text or "").replace("\\n", "\n"))) if known else None
    return answers_host.answer(command, host, world)


def short(text: str, limit: int = 50) -> str:
    return " ".join(text.split())[:limit]
