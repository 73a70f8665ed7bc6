"""A simple command: its words expanded, its wrappers taken off, its effect on the shell carried on."""

from collections.abc import Sequence
from functools import partial

from runaway_watchdog.effects import long_options
from runaway_watchdog.model.command import Command, Script, Word
from runaway_watchdog.preflight import assigning, builtins, feeders, output, redirects, shells
from runaway_watchdog.preflight.asking import Asking
from runaway_watchdog.preflight.budget import DEPTH, FIELDS, Budget
from runaway_watchdog.preflight.expansion import Expander, is_assignment
from runaway_watchdog.preflight.flow import (
    Call,
    ExitStates,
    Files,
    Frame,
    Sink,
    Structure,
    behind,
    repeat,
    succeeded,
    unchanged,
)  # fmt: skip
from runaway_watchdog.preflight.grammar import Unread
from runaway_watchdog.preflight.lookup import Lookup
from runaway_watchdog.preflight.options import Inner, Words
from runaway_watchdog.preflight.ordering import Ordering
from runaway_watchdog.preflight.simple import DECLARING, Assignment, Raw, Redirection, Simple, SimpleReader
from runaway_watchdog.preflight.state import UNKNOWN, ShellState, Value
from runaway_watchdog.preflight.words import Substitution
from runaway_watchdog.preflight.wrappers import DETACHING, LINE_SHELLS, WRAPPERS, started

RESERVED = frozenset(
    ("!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "select",
     "then", "until", "while", "{", "}")
)  # fmt: skip
_MOVING = frozenset(("cd", "pushd"))


class Commands:
    """Reads simple commands. Raises Unread for one that cannot be read, TooMuch at the end of the budget."""

    def __init__(self, structure: Structure, budget: Budget, lookup: Lookup) -> None:
        self._structure = structure
        self._budget = budget
        self.ordering = Ordering()
        self.asking = Asking(lookup)
        self._pipes: dict[str, Script] = {}  # what is in `<(…)` -> its commands

    def simple(self, spans: Sequence[tuple[int, int]], state: ShellState, frame: Frame) -> ExitStates:
        """The simple command in these parts of the source."""
        self._budget.command()
        self._budget.characters(sum(end - start for start, end in spans))
        read = SimpleReader(frame.source).read(spans)
        if not (read.words or read.assignments or read.redirections):
            raise Unread(frame.source.text[spans[0][0] :], "a command is missing here")
        expander = self.expander(state, frame)
        words = self._words(read, expander)
        frame, files = self.redirected(read.redirections, state, frame)
        frame = self.asking.inputs.left(frame)
        state = assigning.with_values(state, expander)
        call = Call(frame.source.text[spans[0][0] : spans[-1][1]].strip(), files, frame.piped)
        frame = frame._replace(piped=False)
        assigned = self._assigned(read, state, frame)
        if not words:
            self.written(files, call.text, state, frame)
            if frame.redirected and frame.reads is not None and not read.assignments and not files:
                self._emit((Word("cat", "cat"),), call, state, frame)  # `$(< file)` is what the file holds
            return ExitStates(assigned, state, None)
        names = [each.name for each in read.assignments]
        before = len(frame.sink.commands)
        try:
            outcome = self._run(words, call, assigned.export(names) if names else state, frame)
        finally:  # what it runs may be a text, or not be read: the files are written all the same
            if not any(files.are_of(command) for command, _ in frame.sink.commands[before:]):
                self.written(files, call.text, state, frame)
        outcome = succeeded(call.text, frame.sink.commands[before:], outcome)
        if read.declared:
            declared = [(each, self._value(each, state, frame)) for each in read.declared]
            outcome = outcome.mapped(lambda after: assigning.with_arrays(after, declared))
        return outcome.mapped(lambda after: assigning.taken_back(after, state, names)) if names else outcome

    def expander(self, state: ShellState, frame: Frame) -> Expander:
        return Expander(state, self._budget, lambda found: self.answer(found, state, frame))

    def answer(self, found: Substitution, state: ShellState, frame: Frame) -> Value:
        """The commands of `$(…)`; what they print where that is known."""
        script = self._printed(found, state, frame)
        if found.is_file:
            self._pipes[found.script] = script
            return UNKNOWN
        lines = self.asking.lines(script, frame)
        if lines is None or len(" ".join(lines).split()) > FIELDS:
            return Value(None, script, whole=True)
        return Value("\n".join(lines).rstrip("\n"))

    def _printed(self, found: Substitution, state: ShellState, frame: Frame) -> Script:
        inner = Sink(outer=frame.sink)
        within = frame._replace(sink=inner, depth=frame.depth + 1, silent=False, prints_to=None, conditional=False)
        errexit = None if state.errexit else state.errexit  # bash takes it back in there, other shells do not
        self._structure.text(found.script, state.surely()._replace(errexit=errexit), within)
        frame.sink.absorb(inner, prints=False, conditional=frame.doubts(state))
        return inner.printing()

    def inside(self, found: Sequence[Substitution], state: ShellState, frame: Frame) -> None:
        """Substitutions of a part that is not read further: what they run is told all the same."""
        for each in found:
            self.answer(each, state, frame)

    def redirected(self, redirections: Sequence[Redirection], state: ShellState, frame: Frame) -> tuple[Frame, Files]:
        """The frame of what these redirections hold for, and the files that they write."""
        truncates: list[Word] = []
        appends: list[Word] = []
        for each in redirections:
            expander = self.expander(state, frame)
            if each.operator in {"<<", "<<-", "<<<"}:
                frame = redirects.given_text(expander.single(each.target.pieces, each.target.text), each, frame)
                frame = frame._replace(line=None, redirected=True)
            elif each.operator in {"<", "<>"} and each.fd in {None, "0"}:
                reads = self._file(each.target, state, frame)
                frame = frame._replace(reads=reads, here=None, line=None, redirected=True)
            elif each.operator == "<&" and each.fd in {None, "0"}:
                frame = frame._replace(reads=None, here=None)
            else:
                target = expander.target(each.target.pieces, each.target.text)
                is_file = redirects.is_file(each, target)
                if redirects.takes_output(each):
                    frame = frame._replace(silent=True, prints_to=target if is_file else None)
                if is_file:
                    (appends if redirects.adds(each) else truncates).append(target)
        return frame, Files(tuple(truncates), tuple(appends))

    def _file(self, target: Raw, state: ShellState, frame: Frame) -> Script:
        """What `< file` gives; of `< <(…)` what its commands print."""
        match target.pieces:
            case (Substitution(is_file=True) as found,):
                return self._printed(found, state, frame)
        return feeders.contents(self.expander(state, frame).target(target.pieces, target.text), state.only_folder)

    def written(self, files: Files, text: str, state: ShellState, frame: Frame) -> None:
        """Files that a redirection of a loop or a group writes: there is no command to name them."""
        if files:
            self._emit((Word(":", ""),), Call(text, files), state, frame)

    def _words(self, read: Simple, expander: Expander) -> Words:
        declares = bool(read.words) and read.words[0].text in DECLARING
        found: list[Word] = []
        for raw in read.words:
            if declares and is_assignment(raw.pieces):
                found.append(expander.single(raw.pieces, raw.text, "argument"))
            else:
                found.extend(expander.words(raw.pieces, raw.text))
        return tuple(found)

    def _assigned(self, read: Simple, state: ShellState, frame: Frame) -> ShellState:
        for each in read.assignments:
            self._budget.characters(len(state.variables))
            state = assigning.assigned(each, self._value(each, state, frame), state)
        return state

    def _value(self, each: Assignment, state: ShellState, frame: Frame) -> Value:
        if each.value is None and each.elements is None:  # a kind of array that is not read
            self.inside(each.inside, state, frame)
            return UNKNOWN
        return assigning.value_of(each, self.expander(state, frame))

    def _run(self, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        self._budget.command()
        if frame.depth > DEPTH:
            raise Unread(call.text, "it is nested too deep to be read")
        name = words[0].text
        if name is None:
            self._emit(words, call, state, frame)
            return unchanged(state if call.external else state.forget())
        if not call.external:
            own = self._own(name, words, call, state, frame)
            if own is not None:
                return own
        return self._program(name.rsplit("/", 1)[-1], words, call, state, frame)

    def _program(self, program: str, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        if program in LINE_SHELLS:
            return self._shell(words, call, state, frame)
        if program in {"xargs", "find"}:
            return self._feeding(program, words, call, state, frame)
        if program == "script":
            return self._recorded(words, call, state, frame)
        if words[0].raw == "time" and (call.piped or call.external):  # there it is a program, and no reserved word
            words = (Word("time", r"\time"), *words[1:])
        inner = WRAPPERS[program](words) if program in WRAPPERS else started(program, words)
        if inner is not None:
            self._all_known(words[: len(words) - len(inner.words)] if inner.script is None else words, call, frame)
            return self._inner(inner, call, state, frame)
        self._emit(words, call, state, frame)
        self.ordering.settled &= program not in DETACHING
        return unchanged(state.forget() if words[0].raw == "time" else state)  # `time X=1` assigns in this shell

    def _recorded(self, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        """script(1) writes down what the command inside prints."""
        inner, files = shells.session(words)
        self._emit((Word(":", ""),), call._replace(files=Files(files, ())), state, frame)
        if inner is not None:
            return self._script(inner, (), state, frame)
        self._emit((Word("sh", "sh"),), call, state, frame)
        return unchanged(state.forget())

    def _all_known(self, words: Words, call: Call, frame: Frame) -> None:
        """A wrapper's own word that is not known may be several, and another command with them."""
        hidden = next((word for word in words if word.text is None and not word.whole), None)
        if hidden is not None and not frame.remote:
            why = f"what {hidden.raw} stands for is only known when it runs"
            frame.sink.unknown.append(str(Unread(call.text, why)))

    def _own(self, name: str, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates | None:
        """A function, or one of the shell's own commands; None for a program."""
        if name in state.ambiguous:
            raise Unread(call.text, f"`{name}` is an alias or a function here that is not read")
        if name in state.functions:
            return self._structure.call(name, words, state, frame)
        if words[0].raw in RESERVED:
            raise Unread(call.text, f"`{name}` does not start a command here")
        return self._builtin(words, call, state, frame)

    def _builtin(self, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates | None:
        match words[0].text:
            case "eval":
                return self._eval(words, state, frame)
            case "." | "source" if (text := self._piped(words[1:2], frame)) is not None:
                return self._structure.text(text, state, frame._replace(depth=frame.depth + 1))
            case "." | "source":
                self._emit((Word("source", words[0].raw), *words[1:]), call, state, frame)
                return unchanged(state.forget())
            case "exec":
                return self._exec(words, call, state, frame)
            case "trap":
                return self._trap(words, call, state, frame)
        if words[0].text in builtins.LEAVING:
            self.ordering.leave(state)
        elif words[0].text in ("exit", "logout"):
            self.ordering.end(state)
        outcome = builtins.apply(words, state, frame.reads, self._taken(words, frame))
        if outcome is not None:
            self._emit(words, call, state, frame)
        return self.asking.gone(outcome, state, frame) if outcome is not None and words[0].text in _MOVING else outcome

    def _taken(self, words: Words, frame: Frame) -> tuple[str, ...] | None:
        """The lines that `read` and `mapfile` take; None where they are not known, or it is another command."""
        if words[0].text not in builtins.READING:
            return None
        if frame.line is not None:
            return (frame.line,)
        return None if frame.unordered and not frame.redirected else self.asking.given(frame)

    def _eval(self, words: Words, state: ShellState, frame: Frame) -> ExitStates:
        texts = [word.text for word in words[1:]]
        known = [text for text in texts if text is not None]
        if len(known) != len(texts):
            raise Unread(" ".join(word.raw for word in words), "what it runs is only known when it runs")
        return self._structure.text(" ".join(known), state, frame._replace(depth=frame.depth + 1))

    def _exec(self, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        inner = shells.executed(words)
        if not inner:
            self._emit((Word(":", ""),), call, state, frame)
            return unchanged(state)
        self._run(inner, call._replace(external=True), state, frame)
        self.ordering.end(state)
        ended = state._replace(ended=True)
        return ExitStates(ended, ended, None)

    def _trap(self, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        """`trap 'COMMANDS' SIGNAL`: they may run later, in whatever state the shell is in by then."""
        if len(words) < 3 or words[1].text in {"", "-"} or words[1].raw.startswith("-"):
            self._emit(words, call, state, frame)
            return unchanged(state)
        if words[1].text is None:
            raise Unread(call.text, "what it runs is only known when it runs")
        later = state.forget()._replace(functions=state.functions)
        found = len(frame.sink.commands)
        inner = frame._replace(conditional=True, unordered=True, depth=frame.depth + 1)
        self._structure.text(words[1].text, later, inner)
        self.ordering.beside(frame.sink, found)
        return unchanged(state)

    def _shell(self, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        """`sh -c TEXT`, `sh FILE`, or a shell that reads its standard input."""
        invoked = shells.invoked(words)
        if invoked.script is not None:
            return self._script(invoked.script, invoked.positional, state, frame)
        if (text := self._piped(invoked.file[:1], frame)) is not None:
            return self._script(Word(text, call.text), invoked.file[1:], state, frame)
        if invoked.file:
            name = words[0] if invoked.options else Word("source", words[0].raw)
            self._emit((name, *invoked.options, *invoked.file), call._replace(external=True), state, frame)
            return unchanged(state)
        given = frame.here if frame.reads is None else output.known(frame.reads)
        self.asking.inputs.spend(frame)
        if given is not None:
            shell = frame._replace(here=None, reads=None)
            return self._script(Word(given, call.text), invoked.positional, state, shell)
        if frame.reads is not None:
            raise Unread(call.text, "what this shell is given to run is only known when it runs")
        self._emit(words, call, state, frame)
        return unchanged(state if invoked.only_told else state.forget()._replace(elsewhere=True))

    def _piped(self, words: Words, frame: Frame) -> str | None:
        """The text in a file that is a pipe, `<(…)`, where that is known."""
        script = self._pipes.get(words[0].raw[2:-1]) if words and words[0].raw.startswith("<(") else None
        lines = None if script is None else self.asking.lines(script, frame)
        if lines is None and script is not None and shells.gives_any_text(script):
            raise Unread(words[0].raw, "what this shell is given to run is only known when it runs")
        return None if lines is None else "\n".join(lines)

    def _script(self, script: Word, positional: Words, state: ShellState, frame: Frame) -> ExitStates:
        if script.text is None:
            raise Unread(script.raw, "what this shell runs is only known when it runs")
        inner = frame._replace(depth=frame.depth + 1, tested=False)
        ends = self.ordering.ends
        inside = self._structure.text(script.text, state.child(positional), inner)
        return self.ordering.behind_shell(state, inside, ends)

    def _feeding(self, program: str, words: Words, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        call = call._replace(external=True)
        inner = frame._replace(reads=None, here=None, line=None)
        if program == "find":
            for found in feeders.find(words, state.only_folder):
                for command, folder in self.asking.found(found, state, frame):
                    moved = state if folder == state.only_folder else state.only_in(folder)
                    self._each(command, call, moved, inner)
            self._emit(feeders.without_exec(words), call, state, frame)
            return unchanged(state)
        read = feeders.xargs(words)
        source = frame.reads if read.file is None else feeders.contents(read.file, state.only_folder)
        lines = self.asking.given(frame._replace(reads=source))
        for command in feeders.fed(read, lines, source):
            self._each(command, call, state, inner)
        if read.file is None:
            self.asking.inputs.spend(frame)
        return unchanged(state)

    def _each(self, words: Words, call: Call, state: ShellState, frame: Frame) -> None:
        self._run(words, call, state, frame._replace(conditional=True, depth=frame.depth + 1))

    def _inner(self, inner: Inner, call: Call, state: ShellState, frame: Frame) -> ExitStates:
        if inner.writes is not None:
            self.written(Files((inner.writes,)), call.text, state, frame)
        within = assigning.inner_environment(inner, state)
        if inner.in_shell:
            outcome = self._run(inner.words, call, within, frame._replace(depth=frame.depth + 1))
            names = [name for name, _ in inner.assigned]
            return outcome.mapped(lambda after: assigning.taken_back(after, state, names)) if names else outcome
        if inner.moved:
            login = inner.folder is None and inner.user and not inner.remote
            within = within.go(self.asking.home(inner.user or "") if login else inner.folder)
        if inner.remote:
            within = within.forget()._replace(exported=frozenset(), changed=frozenset())
            frame = frame._replace(remote=True)
        if inner.user is not None:
            frame = frame._replace(user=inner.user)
        if inner.settled and not inner.remote:
            within = assigning.of_user(within, inner, self.asking.home(inner.user or ""))
        run = partial(self._within, inner, call)
        found = len(frame.sink.commands)
        frame = frame._replace(unordered=frame.unordered or inner.detached)
        after = repeat(run, within, frame) if inner.repeated else run(within, frame)
        if inner.detached:
            self.ordering.beside(frame.sink, found)
        certain = after.succeeded if inner.user is not None and not inner.detached else state.succeeded
        return unchanged(behind(state.forget() if after.elsewhere else state, certain))

    def _within(self, inner: Inner, call: Call, state: ShellState, frame: Frame) -> ShellState:
        if inner.script is not None:
            return self._script(inner.script, inner.positional, state, frame).after
        return self._run(inner.words, call._replace(external=True), state, frame._replace(depth=frame.depth + 1)).after

    def _emit(self, words: Words, call: Call, state: ShellState, frame: Frame) -> None:
        frame.sink.commands.append(
            (
                Command(
                    words=long_options.spelled(words),
                    environment=state.environment(),
                    folder=None if frame.remote else state.folder,
                    or_folders=() if frame.remote else tuple(sorted(state.or_folders)),
                    reads=frame.reads,
                    here=frame.here,
                    truncates=call.files.truncates,
                    appends=call.files.appends,
                    prints_to=frame.prints_to,
                    text=call.text,
                    number=self.ordering.number(words[0], frame),
                    succeeded=state.succeeded,
                    conditional=frame.doubts(state),
                    unordered=frame.unordered,
                    user=frame.user,
                    remote=frame.remote,
                ),
                not frame.silent,
            )
        )
        self.asking.inputs.take(words, frame, surely=not frame.doubts(state))
