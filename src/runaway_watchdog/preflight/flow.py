"""Where in the line the reading is: what it has found, what holds there, and what may follow from a command's end."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple, Protocol

from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight.grammar import Source
from runaway_watchdog.preflight.state import ShellState, merge

MOVING = "mv"
"""The program whose success is assumed: what a line moves away is not there any more."""
TESTS = frozenset(("test", "["))
"""Programs whose success says that a file is there."""


class Sink:
    """The commands found, each with whether what it prints is what the whole prints, and what could not be read."""

    __slots__ = ("commands", "outer", "unknown")

    def __init__(self, outer: "Sink | None" = None) -> None:
        """`outer`: what was found before this part of the line was begun."""
        self.commands: list[tuple[Command, bool]] = []
        self.unknown: list[str] = []
        self.outer = outer

    def absorb(self, other: "Sink", *, prints: bool, conditional: bool = False) -> None:
        """What another one has found; `conditional`: all of it may not run at all."""
        for command, its in other.commands:
            found = command._replace(conditional=True) if conditional and not command.conditional else command
            self.commands.append((found, prints and its))
        self.unknown.extend(other.unknown)

    def printing(self) -> Script:
        """Those whose output is the whole's: what `$(…)` becomes, or a pipe gives."""
        return Script(tuple(command for command, prints in self.commands if prints), tuple(self.unknown))

    def script(self) -> Script:
        return Script(tuple(command for command, _ in self.commands), tuple(dict.fromkeys(self.unknown)))

    def so_far(self) -> Script:
        """Everything that the line runs before what comes next."""
        before = Script((), ()) if self.outer is None else self.outer.so_far()
        return Script((*before.commands, *(command for command, _ in self.commands)), (*before.unknown, *self.unknown))


class Frame(NamedTuple):
    """What holds for every command of one part of the line."""

    sink: Sink
    source: Source
    conditional: bool = False
    remote: bool = False
    user: str | None = None  # see Command
    reads: Script | None = None
    here: str | None = None
    depth: int = 0
    calls: tuple[str, ...] = ()  # functions that are being expanded
    unordered: bool = False  # `&`, a loop, a trap: what follows cannot know whether, when and how often it runs
    tested: bool = False  # what fails here does not end the shell that has `set -e`
    silent: bool = False  # what it prints goes to a file
    prints_to: Word | None = None  # that file
    line: str | None = None  # what `read` takes next: one line of what a loop is given
    piped: bool = False  # it is a later part of a pipe: there `time` is no reserved word
    redirected: bool = False  # standard input is this command's own: `read X < file` takes its first line

    def doubts(self, state: ShellState) -> bool:
        """Whether a command here may not run at all."""
        return self.conditional or state.doubtful or state.ended


class ExitStates(NamedTuple):
    """The shell's state after a command that succeeded, after one that failed, and, unless it is taken to succeed
    (`cd`: whoever looks at the host sees whether the folder is there), the state that a later line may find as well.
    """

    success: ShellState
    failure: ShellState
    doubt: ShellState | None

    @property
    def after(self) -> ShellState:
        """What the next command of a list finds."""
        found = merge(self.success, self.doubt)
        if not found.succeeded or self.failure.ended:
            return found
        return found._replace(succeeded=found.succeeded & self.failure.succeeded)

    def mapped(self, change: Callable[[ShellState], ShellState]) -> "ExitStates":
        return ExitStates(
            change(self.success), change(self.failure), None if self.doubt is None else change(self.doubt)
        )


def unchanged(state: ShellState) -> ExitStates:
    return ExitStates(state, state, state)


def exiting(outcome: ExitStates, frame: Frame) -> ExitStates:
    """`set -e`: only the success of a command goes on, unless it is tested by what stands around it: a condition, `!`,
    or any part of `a && b` but the last, and whatever is called in there (bash(1), "set -e")."""
    exits = outcome.failure.errexit
    if frame.tested or exits is False:
        return outcome
    if exits is None:
        return outcome.mapped(lambda after: after._replace(doubtful=True))
    ended = outcome.failure._replace(ended=True)
    return ExitStates(outcome.success._replace(doubtful=True), ended, None)


def succeeded(text: str, found: Sequence[tuple[Command, bool]], outcome: ExitStates) -> ExitStates:
    """Of a command that is told by itself, behind whatever wrapper: what comes after `&&` runs if it succeeds.

    mv is taken to succeed: what comes after `;` runs after it too.
    """
    number = found[0][0].number if len(found) == 1 and found[0][0].text == text else 0
    if not number or outcome.success.ended:
        return outcome
    if found[0][0].program == MOVING:
        return outcome.mapped(partial(behind, numbers=frozenset((number,))))
    return outcome._replace(success=behind(outcome.success, frozenset((number,))))


def behind(state: ShellState, numbers: frozenset[int]) -> ShellState:
    """The state that the success of these too has led to."""
    return state._replace(succeeded=state.succeeded | numbers)


Part = Callable[[ShellState, Frame], ExitStates]


def chain(parts: Sequence[tuple[Literal["", "&&", "||"], Part]], state: ShellState, frame: Frame) -> ExitStates:
    """`a && b || c`, from left to right; the first part's operator is ""."""
    last = len(parts) - 1
    outcome = parts[0][1](state, frame._replace(tested=True) if last else frame)
    for position, (operator, part) in enumerate(parts[1:], start=1):
        inner = frame._replace(conditional=True, tested=frame.tested or position < last)
        if operator == "&&":
            right = part(outcome.success, inner)
            outcome = ExitStates(
                right.success, merge(outcome.failure, right.failure), _either(outcome.doubt, right.doubt)
            )
        else:
            taken = (outcome.failure.succeeded & outcome.success.succeeded) - state.succeeded
            failed = outcome.failure._replace(succeeded=outcome.failure.succeeded - taken)
            right = part(failed, inner).mapped(partial(behind, numbers=taken))
            outcome = ExitStates(merge(outcome.success, right.success), right.failure, right.doubt)
    return outcome


def repeat(body: Callable[[ShellState, Frame], ShellState], state: ShellState, frame: Frame) -> ShellState:
    """A loop: what is known in it is what every turn agrees on. Its state afterwards, the turns being none or many."""
    frame = frame._replace(conditional=True, unordered=True)
    for _ in range(3):
        turn = frame._replace(sink=Sink(outer=frame.sink))
        joined = merge(state, body(state, turn))
        if joined == state:
            frame.sink.absorb(turn.sink, prints=True)
            return state
        state = joined
    body(state.forget(), frame)
    return state.forget()


def _either(one: ShellState | None, other: ShellState | None) -> ShellState | None:
    return other if one is None else merge(one, other)


def merged(states: Sequence[ShellState]) -> ShellState:
    """Any of these."""
    after = states[0]
    for other in states[1:]:
        after = merge(after, other)
    return after


class Structure(Protocol):
    """Whoever reads the rest: texts that a shell is given, and the bodies of functions."""

    def text(self, text: str, state: ShellState, frame: Frame) -> ExitStates: ...

    def call(self, name: str, words: tuple[Word, ...], state: ShellState, frame: Frame) -> ExitStates: ...


class Files(NamedTuple):
    """What redirections do to files."""

    truncates: tuple[Word, ...] = ()
    appends: tuple[Word, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.truncates or self.appends)

    def are_of(self, command: Command) -> bool:
        """Whether the command was given these: others, of a command inside, may have the same names elsewhere."""
        return command.truncates is self.truncates and command.appends is self.appends


class Call(NamedTuple):
    """What belongs to a command beside its words."""

    text: str
    files: Files = Files()
    piped: bool = False  # it is no first part of a pipe
    external: bool = False  # run by another program: the shell's builtins and functions do not count
