"""A whole line, command by command: each sees the host as the ones before it would have left it.

Nothing is run. A substitution (`docker rm $(docker ps -aq)`) is answered by asking the host; a command that may not
run at all (after `&&`, in an `if`) counts as if it ran; a script file that the line starts is read and judged too.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from runaway_watchdog.effects import HostState, Outcome, either, known_programs, table
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.host.targets import absolute, spread_one
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.preflight import flow, inputs, moves, recipes, shells, temporary
from runaway_watchdog.preflight.lookup import Lines
from runaway_watchdog.preflight.questions import Questions, made, text_of, tree_of
from runaway_watchdog.preflight.shell import parse
from runaway_watchdog.world import World

if TYPE_CHECKING:
    from runaway_watchdog.effects.docker.call import Room
    from runaway_watchdog.preflight.inside import First

DEPTH = 5
"""Scripts that start scripts, substitutions in substitutions: further down nothing is judged."""
SOURCES = frozenset((".", "source"))
MOST_WORDS = 5000
_LINES_WITHIN = 4


class Shell(NamedTuple):
    """Where a line is typed."""

    environment: Mapping[str, str]
    folder: str | None
    home: str


class Preflight(NamedTuple):
    """What a line would do here, in the order in which it would do it."""

    line: str
    script: Script
    effects: tuple[Effect, ...]
    unknown: tuple[str, ...]
    host: HostState  # as the line would leave it
    nothing: tuple[str, ...] = ()  # why a part of it does nothing here
    folder: str | None = None  # in which it was judged; None: not known

    @property
    def lost(self) -> tuple[Effect, ...]:
        return tuple(effect for effect in self.effects if effect.data_lost)


def run(script: Script, world: World, line: str = "", *, home: str = "/root") -> Preflight:
    """Judge every command of a script that was read without the host. Never runs one."""
    return _judged(lambda: script, _Judge(world, home), line, None)


def _judged(read: Callable[[], Script], judge_of: "_Judge", line: str, folder: str | None) -> Preflight:
    scripts: list[Script] = []

    def once() -> Outcome:
        scripts.append(read())
        return judge_of.script(scripts[-1], HostState(), 0)

    outcome = judge_of.doubt.each_way(once)
    effects = outcome.effects
    if any(effect.kept_in for effect in effects):
        from runaway_watchdog.preflight import kept

        effects = kept.settled(effects, outcome.host, judge_of.world)
    return Preflight(line, scripts[0], effects, outcome.unknown, outcome.host, outcome.nothing, folder)


def judge(line: str, world: World, shell: Shell) -> Preflight:
    """Parse a line and judge it, as if it were typed into that shell."""
    judging = _Judge(world, shell.home, line=line)

    def read() -> Script:
        lookup = Questions(judging, HostState(), 0)
        return parse(line, environment=shell.environment, folder=shell.folder, home=shell.home, lookup=lookup)

    return _judged(read, judging, line, shell.folder)


def judge_within(given: Command | str, world: World, host: HostState, room: "Room", first: "First") -> Outcome:
    """A command, or a text for a shell, in a world of its own. `first` may judge each of its commands before others."""
    home = room.environment.get("HOME", "/root")
    judging = _Judge(world, home, first)

    def once() -> Outcome:
        if not isinstance(given, str):
            return judging.script(Script((given._replace(folder=room.folder),)), host, 1)
        lookup = Questions(judging, host, 1)
        script = parse(given, environment=room.environment, folder=room.folder, home=home, lookup=lookup)
        return judging.script(script, host, 1)

    return judging.doubt.each_way(once)


class _NotKnownError(Exception):
    """A file that the line itself makes, of a text that is not known."""


class _Judge:
    def __init__(
        self, world: World, home: str, first: "First | None" = None, line: str = "", doubt: moves.Doubt | None = None
    ) -> None:
        self.world = world
        self.doubt = moves.Doubt() if doubt is None else doubt
        self._line = line
        self._home = home
        self._first = first

    def script(self, script: Script, host: HostState, depth: int) -> Outcome:
        found: list[Outcome] = []
        left: set[int] = set()
        for at, command in enumerate(script.commands):
            if not left.isdisjoint(command.succeeded):
                continue
            outcome = self._command(command, host, depth)
            for folder in command.or_folders:
                outcome = either(outcome, self._command(command._replace(folder=folder), outcome.host, depth))
            if host.copies or (command.number and command.program not in {flow.MOVING, *flow.TESTS}):
                from runaway_watchdog.preflight import kept

                outcome = kept.seen(command, host, outcome, self.world)
            if self.doubt.leave_out(script.commands, at, host, outcome, self.world, nested=depth > 0):
                left.add(command.number)
                continue
            found.append(outcome)
            host = outcome.host
        effects = tuple(effect for each in found for effect in each.effects)
        unknown = tuple(dict.fromkeys((*script.unknown, *(why for each in found for why in each.unknown))))
        return Outcome(effects, host, unknown, tuple(dict.fromkeys(why for each in found for why in each.nothing)))

    def _command(self, command: Command, host: HostState, depth: int) -> Outcome:
        if command.user is None or command.remote:
            return self._one(command, host, depth)
        from runaway_watchdog.preflight import rights

        return rights.judged(command, self._line, self.world, lambda seen: self._in(seen)._one(command, host, depth))

    def _in(self, world: World) -> "_Judge":
        return _Judge(world, self._home, self._first, self._line, self.doubt)

    def _one(self, command: Command, host: HostState, depth: int) -> Outcome:
        command = self._answered(command, host, depth)
        outcome = self._effects(command, host, depth)
        if command.environment or command.program in known_programs.STARTERS:
            from runaway_watchdog.preflight import shadows

            outcome = shadows.judged(
                command, outcome, self.world, lambda line: self._line_of(line, command, outcome, depth)
            )
        if not (command.truncates or command.prints_to or outcome.host.written or command.program == "mktemp"):
            return outcome
        from runaway_watchdog.preflight import content

        return outcome._replace(host=content.with_written(command, host, outcome, self.world))

    def _line_of(self, line: str, command: Command, outcome: Outcome, depth: int) -> Outcome:
        """A line that a command has a shell run, after it has begun itself."""
        if depth >= _LINES_WITHIN:
            return Outcome((), outcome.host, (f"`{line}` is not read any deeper",))
        lookup = Questions(self, outcome.host, depth + 1)
        script = parse(line, environment={}, folder=command.folder, home=self._home, lookup=lookup)
        return self.script(script, outcome.host._replace(copies=()), depth + 1)

    def _for_crontab(self, command: Command, host: HostState, depth: int) -> Command:
        from runaway_watchdog.preflight import content

        def exact(script: Script, at: HostState) -> Lines | None:
            return self.output(script, at, depth + 1)

        def one(each: Command, at: HostState) -> Lines | None:
            return self._lines(each, at, depth + 1)

        return content.for_crontab(command, host, self.world, content.Printing(exact, one))

    def _effects(self, command: Command, host: HostState, depth: int) -> Outcome:
        if not command.words:
            return Outcome((), host)
        if command.program == "crontab" and not command.remote:
            command = self._for_crontab(command, host, depth)
        if command.program is None:
            return Outcome((), host, (f"which program `{shown(command)}` runs is only known when it runs",))
        if self._first is not None and (own := self._first(command, host)) is not None:
            return self._beside(command, host, own)
        if not command.remote and (file := self._script_file(command, host)) is not None:
            return self._beside(command, host, self._file(file, command, host, depth))
        try:
            reading = None if command.remote or table.started(command) else recipes.read(command, self._files(host))
        except _NotKnownError as unknown:
            why = f"what `{shown(command)}` reads in {unknown} is only known when the line has run"
            return self._beside(command, host, Outcome((), host, (why,)))
        if reading is not None:
            return self._beside(command, host, self._recipes(reading, command, host, depth))

        def within(inner: Command, room: "Room", now: HostState) -> Outcome | None:
            from runaway_watchdog.preflight import inside

            lines = None if inner.reads is None else self.output(inner.reads, host, depth + 1)
            given = None if lines is None else "\n".join(lines)
            return inside.effects(inner, room, now, self._engine_s(now), judge_within, given)

        try:
            return table.proven(command, table.effects(command, host, self.world, within))
        except PermissionError as fault:
            place = fault.filename or f"what `{shown(command)}` names"
            return Outcome((), host, (f"{place} cannot be looked at ({fault.strerror}); run it with sudo",))

    def _beside(self, command: Command, host: HostState, inside: Outcome) -> Outcome:
        """With what the command's own redirections write over: whoever judges what it runs inside does not see them."""
        if not (command.truncates or command.appends):
            return inside
        files = table.effects(command._replace(words=(Word(":", ""),)), host, self.world, lambda *_: None)
        return inside._replace(effects=(*files.effects, *inside.effects), unknown=(*files.unknown, *inside.unknown))

    def _engine_s(self, host: HostState) -> World:
        """The world, with Podman in Docker's place where it is Podman's container."""
        if not host.docker.podman:
            return self.world
        from runaway_watchdog.engines import podman

        return podman.as_docker(self.world)

    def _answered(self, command: Command, host: HostState, depth: int) -> Command:
        """The command with every substitution that can be answered in place of its word."""
        into = () if command.prints_to is None else self._words((command.prints_to,), host, depth)
        command = command._replace(
            words=self._words(command.words, host, depth), truncates=self._words(command.truncates, host, depth),
            appends=self._words(command.appends, host, depth), prints_to=into[0] if len(into) == 1 else None,
        )  # fmt: skip
        if command.remote or not any(word.globbing for word in command.words):
            return command
        with suppress(OSError):  # nobody may look: then whoever judges the word says so
            return spread_one(command, tree_of(host, self.world))
        return command

    def _words(self, given_words: tuple[Word, ...], host: HostState, depth: int) -> tuple[Word, ...]:
        words: list[Word] = []
        for word in given_words:
            lines = None if word.answers is None else temporary.path(word.answers)
            if lines is None and word.answers is not None:
                lines = self.output(word.answers, host, depth + 1)
            if lines is None:
                words.append(word)
            elif word.whole:
                words.append(Word("\n".join(lines).rstrip("\n"), word.raw))
            elif len(given := " ".join(lines).split()) > MOST_WORDS:
                words.append(word)
            else:
                words += [Word(text, word.raw, globbing=bool(set(text) & set("*?["))) for text in given]
        return tuple(words)

    def output(self, script: Script, host: HostState, depth: int) -> tuple[str, ...] | None:
        """What the commands would print; None where any of it is only known when they run."""
        if script.unknown or depth > DEPTH:
            return None
        feeding = [each for command in script.commands if command.reads for each in command.reads.commands]
        found: list[str] = []
        for command in script.commands:
            if command in feeding:
                continue
            lines = None if command.conditional or command.remote else self._lines(command, host, depth)
            if lines is None:
                return None
            found += lines
        return tuple(found)

    def _lines(self, command: Command, host: HostState, depth: int) -> Lines | None:
        """Where the shell may be in another folder, what it prints in each is the same, or it is not known."""
        if command.or_folders:
            printed = {self._lines(each, host, depth) for each in command.in_each_folder()}
            return printed.pop() if len(printed) == 1 else None
        command = self._answered(command, host, depth)
        if not command.words or command.truncates:
            return None if command.truncates else ()
        from runaway_watchdog.effects import filters
        from runaway_watchdog.effects.host import answers

        if inputs.leaves(command.words):
            command = command._replace(here=None, reads=None)
        if command.here is not None:
            return filters.passed(command, tuple(lines_of(command.here)))
        if command.reads is not None:
            given = self.output(command.reads, host, depth + 1)
            return None if given is None else filters.passed(command, given)
        if command.program == "cat" and len(command.words) > 1 and host.written:
            return self._cat(command, host)
        if (named := filters.parted(command)) is not None:
            source = command._replace(words=(Word("cat", "cat"), *named[1]))
            given = answers.answer(source, host, self.world)
            return None if given is None else filters.passed(named[0], given)
        if command.program in table.ENGINES:
            from runaway_watchdog.effects.docker import answers as answers_docker

            return answers_docker.answer(command, host, self.world)
        return answers.answer(command, host, self.world)

    def _cat(self, command: Command, host: HostState) -> tuple[str, ...] | None:
        """As `cat` is answered, with the files among them that the line has written."""
        places_ = [absolute(word, command) for word in command.words[1:] if not word.globbing]
        texts = [None if path is None else self._content(path, host) for path in places_]
        if len(texts) < len(command.words) - 1 or None in texts:
            from runaway_watchdog.effects.host import answers

            return answers.answer(command, host, self.world)
        return tuple(line for text in texts for line in lines_of(text or ""))

    def _script_file(self, command: Command, host: HostState) -> str | None:
        """The script that the command starts: `sh x.sh`, `. x.sh`, `./x.sh`; None: it starts none."""
        first = command.words[0]
        if command.program in POSIX_SHELLS | SOURCES:
            given = shells.script_operands(command)
            return absolute(given[0], command) if given else None
        if "/" not in (first.text or "") or table.of(command) != table.HARMLESS:
            return None
        path = absolute(first, command)
        if path is None or (self._text(path, host) is None and not made(path, host, self.world)):
            return None
        return path

    def _files(self, host: HostState) -> Callable[[str], str | None]:
        def read(path: str) -> str | None:
            text = self._content(path, host)
            if text is None and host.made and made(path, host, self.world):
                raise _NotKnownError(path)
            return text

        return read

    def _content(self, path: str, host: HostState) -> str | None:
        """A regular file's text, also of one that the line itself has written; None where it is not known."""
        if not host.written:
            return text_of(path, host, self.world)
        try:
            real = tree_of(host, self.world).real(path)
        except OSError:
            return None
        if real not in host.written:
            return text_of(path, host, self.world)
        found: list[str] = []
        for command, before in host.written[real]:
            lines = self._lines(command, before, 1)
            if lines is None:
                return None
            found += lines
        return "".join(f"{line}\n" for line in found)

    def _recipes(self, reading: recipes.Reading, command: Command, host: HostState, depth: int) -> Outcome:
        """What a project's file says that the command runs, part by part."""
        effects: list[Effect] = []
        unknown = list(reading.unknown)
        if reading.parts and depth >= DEPTH:
            return Outcome((), host, (f"what `{shown(command)}` runs is nested too deep to be read",))
        for part in reading.parts:
            outcome = self._parsed(part.text, command._replace(folder=part.folder), host, depth)
            effects += outcome.effects
            unknown += outcome.unknown
            host = outcome.host
        return Outcome(tuple(effects), host, tuple(dict.fromkeys(unknown)))

    def _text(self, path: str, host: HostState) -> str | None:
        """A shell script's text; None where there is none, or it is not for a shell."""
        text = self._content(path, host)
        if text is None:
            return None
        first = text.partition("\n")[0]
        interpreter = first[2:].split()[-1:] or [""]
        if first.startswith("#!") and interpreter[0].rpartition("/")[2] not in POSIX_SHELLS | {"-e", "-eu", "-x"}:
            return None
        return None if "\0" in text[:512] else text

    def _file(self, path: str, command: Command, host: HostState, depth: int) -> Outcome:
        """A script, read and judged line by line with the variables that are known here."""
        text = self._text(path, host)
        if text is None or depth >= DEPTH:
            return Outcome((), host, (f"what the script {path} does could not be read",))
        given = shells.script_operands(command) if command.program in POSIX_SHELLS | SOURCES else command.words
        arguments = f"set --{recipes.written(given[1:])}\n" if given[1:] else ""
        return self._parsed(shells.errexit(command, text) + arguments + text, command, host, depth)

    def _parsed(self, text: str, command: Command, host: HostState, depth: int) -> Outcome:
        environment = {name: value for name, value in command.environment if value is not None}
        lookup = Questions(self, host, depth + 1)
        home = lookup.home(command.user) if command.user is not None else self._home
        parsed = parse(text, environment=environment, folder=command.folder, home=home, lookup=lookup)
        given = {each._replace(number=None): each for each in host.copies if each.number in (None, *command.succeeded)}
        outcome = self.script(parsed, host._replace(copies=tuple(given)), depth + 1)
        still = tuple(given[each] for each in outcome.host.copies if each in given)
        return outcome._replace(host=outcome.host._replace(copies=still))
