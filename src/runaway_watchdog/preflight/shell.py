"""A shell line taken apart: bash's grammar, and what is known of its words without running any of it.

Nothing is run. Whoever gives a lookup has the host asked for what decides how often a loop turns and where a `cd`
leads; without one the line alone is read. What cannot be known is said: a word without a text, or a sentence in
`unknown`.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tree_sitter import Node

from runaway_watchdog.model.command import Script, Word
from runaway_watchdog.preflight import budget, nodes
from runaway_watchdog.preflight.budget import TURNS, Budget, TooMuch
from runaway_watchdog.preflight.commands import Commands
from runaway_watchdog.preflight.flow import ExitStates, Frame, Part, Sink, chain, exiting, merged, repeat, unchanged
from runaway_watchdog.preflight.grammar import Source, Unread
from runaway_watchdog.preflight.lookup import NOBODY, Lookup
from runaway_watchdog.preflight.nodes import REDIRECTS, Operator, Span, do_group
from runaway_watchdog.preflight.simple import SimpleReader
from runaway_watchdog.preflight.state import UNKNOWN, Function, ShellState, Value
from runaway_watchdog.preflight.words import changed_names

Words = tuple[Word, ...]
_SIMPLE = frozenset(
    ("command", "declaration_command", "unset_command", "variable_assignment", "variable_assignments", "test_command")
)
_SEPARATORS = frozenset((";", "&", "\n", "comment"))
_READS = re.compile(r"\bread\b")
_TESTED = re.compile(r"\[\[\s+(-[def]\s+[\w./~$\"{}-]+)\s+\]\]")


def parse(
    line: str, *, environment: Mapping[str, str], folder: str | None, home: str | None, lookup: Lookup = NOBODY
) -> Script:
    """The simple commands of a line or of a whole script, in the order in which they may run.

    `environment`: the variables that are known; one that is not in it is not known, since the person's shell may have
    set it. Never raises, and the work is bounded: what is too long, too deep or not bash is told in `unknown`.
    """
    if len(line) > budget.TEXT or "\0" in line:
        return Script((), ("the line is too long to be read, or holds a NUL: nothing is known about it",))
    variables = {"HOME": Value(home), "PWD": Value(folder)}
    variables.update((name, Value(text)) for name, text in environment.items() if name != "PWD")
    state = ShellState(folder, variables, frozenset(environment))
    sink = Sink()
    try:
        _Structure(lookup).text(line, state, Frame(sink, Source("", math.inf)))
    except TooMuch:
        sink.unknown.append("the line unfolds to more commands than are read: the rest is not known")
    return sink.script()


class _Structure:
    """Lists, pipes, loops and functions; what a simple command does is read by Commands."""

    def __init__(self, lookup: Lookup) -> None:
        self._budget = Budget()
        self._commands = Commands(self, self._budget, lookup)
        self._ordering = self._commands.ordering
        self._lists: Mapping[str, Callable[[Node, ShellState, Frame, Sequence[Span]], ExitStates]] = {
            "list": self._list,
            "pipeline": self._pipeline,
            "negated_command": self._negated,
            "redirected_statement": self._redirected,
            **dict.fromkeys(_SIMPLE, self._simple),
        }
        self._compounds: Mapping[str, Callable[[Node, ShellState, Frame], ExitStates]] = {
            "subshell": self._subshell,
            "compound_statement": self._group,
            "if_statement": self._if,
            "while_statement": self._while,
            "for_statement": self._for,
            "c_style_for_statement": self._counting,
            "case_statement": self._case,
            "function_definition": self._function,
        }

    def text(self, text: str, state: ShellState, frame: Frame) -> ExitStates:
        """A text that a shell reads in this state; what cannot be read is told in the frame's sink."""
        self._budget.characters(len(text))
        try:
            return self._program(text, state, frame)
        except Unread as gap:
            frame.sink.unknown.append(str(gap))
            return unchanged(state.forget())

    def _program(self, text: str, state: ShellState, frame: Frame) -> ExitStates:
        if frame.depth > budget.DEPTH:
            raise Unread(text, "it is nested too deep to be read")
        source = Source(text, self._budget.deadline)
        if source.root.type != "program":
            raise Unread(text, "this is not bash, or not complete")
        return self._body(source.root.children, (0, len(text)), state, frame._replace(source=source))

    def call(self, name: str, words: Words, state: ShellState, frame: Frame) -> ExitStates:
        """A function that the line defines, called with these words."""
        if frame.calls.count(name) > 1:
            raise Unread(name, "this function calls itself")
        function = state.functions[name]
        within = state._replace(positional=words[1:], localised={})
        calls, depth = (*frame.calls, name), frame.depth + 1
        inner = frame._replace(source=function.source, conditional=True, calls=calls, depth=depth)
        exits = self._ordering.exits
        outcome = self.statement(function.body, within, inner)
        return outcome.mapped(lambda after: self._ordering.after(after, exits).returned(state))

    def statement(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span] = ()) -> ExitStates:
        """One statement; `tail`: redirections after it, which belong to the last command of a list."""
        try:
            return self._read(node, state, frame._replace(depth=frame.depth + 1), tail)
        except Unread as gap:
            frame.sink.unknown.append(str(gap))
            return unchanged(state.forget())

    def _read(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span]) -> ExitStates:
        if state.never:
            return unchanged(state)
        if node.type == "ERROR" or node.is_missing:
            raise Unread(frame.source.raw(node), "the shell grammar does not know this part")
        if frame.depth > budget.DEPTH:
            raise Unread(frame.source.raw(node), "it is nested too deep to be read")
        if node.type in self._lists:
            return self._lists[node.type](node, state, frame, tail)
        if node.type not in self._compounds:
            raise Unread(frame.source.raw(node), "this kind of command is not read")
        frame.source.check(node)
        return self._compounds[node.type](node, state, self._redirect(tail, state, frame._replace(piped=False)))

    def _body(self, children: Sequence[Node], within: Span, state: ShellState, frame: Frame) -> ExitStates:
        """A list of statements between `;`, `&` and new lines. Raises Unread for what the grammar skipped."""
        frame.source.check_between(children, *within)
        outcome, before = unchanged(state), state
        position, parted = within[0], True
        for index, node in enumerate(children):
            start, end = frame.source.span(node)
            parted = parted or "\n" in frame.source.text[position:start]
            if node.is_missing or not (parted or node.type in _SEPARATORS):
                raise Unread(frame.source.text[position:], "where one command ends and the next begins is not clear")
            position, parted = end, node.type in _SEPARATORS
            if parted:
                continue
            background = index + 1 < len(children) and children[index + 1].type == "&"
            found = len(frame.sink.commands)
            outcome = self.statement(node, before, frame._replace(unordered=frame.unordered or background))
            if background:
                self._ordering.beside(frame.sink, found)
                outcome = unchanged(before)
            else:
                before = outcome.after
        return outcome

    def _simple(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span]) -> ExitStates:
        if node.type == "test_command" and frame.source.raw(node).startswith("[["):
            return self._condition(node, state, self._redirect(tail, state, frame))
        return exiting(self._commands.simple((frame.source.span(node), *tail), state, frame), frame)

    def _condition(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        """`[[ … ]]`, `(( … ))`: only what runs inside counts, and what arithmetic may set."""
        raw = frame.source.raw(node)
        if node.has_error or not raw.endswith(("]]", "))")):
            raise Unread(raw, "the shell grammar does not know this condition")
        if (plain := _TESTED.fullmatch(raw)) is not None:
            return self.text(f"command test {plain[1]}", state, frame._replace(depth=frame.depth + 1))
        self._commands.inside(SimpleReader(frame.source).inside(*frame.source.span(node)), state, frame)
        for name in () if raw.startswith("[[") else changed_names(raw):
            state = state.assign(name, UNKNOWN)
        return exiting(unchanged(state), frame)

    def _list(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span]) -> ExitStates:
        return chain(self._operands(node, frame, tail), state, frame)

    def _operands(self, node: Node, frame: Frame, tail: Sequence[Span]) -> list[tuple[Operator, Part]]:
        """`a && b || c`: a redirection after it belongs to the last of them."""
        found = nodes.operands(node, frame.source)
        tails: list[Sequence[Span]] = [*[()] * (len(found) - 1), tail]
        return [(sign, partial(self._statement_in, part, its)) for (sign, part), its in zip(found, tails, strict=True)]

    def _statement_in(self, node: Node, tail: Sequence[Span], state: ShellState, frame: Frame) -> ExitStates:
        return self.statement(node, state, frame, tail)

    def _pipeline(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span]) -> ExitStates:
        frame.source.check(node)
        stages = [child for child in node.children if child.type not in {"|", "|&", "comment"}]
        parts = [partial(self._statement_in, stage, ()) for stage in stages[:-1]]
        return self._piped([*parts, partial(self._statement_in, stages[-1], tail)], state, frame)

    def _piped(self, stages: Sequence[Part], state: ShellState, frame: Frame) -> ExitStates:
        """Each stage in a shell of its own; what one prints the next one reads."""
        reads: Script | None = None
        settled = self._ordering.settled
        for index, stage in enumerate(stages):
            last = index + 1 == len(stages)
            silent = frame.silent and last
            prints_to = frame.prints_to if last else None
            inner = frame._replace(sink=Sink(outer=frame.sink), silent=silent, prints_to=prints_to, conditional=False)
            inner = inner if index == 0 else inner._replace(reads=reads, here=None, line=None, piped=True)
            stage(state.surely(), inner)
            self._ordering.beside(inner.sink, 0)
            frame.sink.absorb(inner.sink, prints=last, conditional=frame.doubts(state))
            reads = inner.sink.printing()
        self._ordering.settled = settled  # the shell waits for all of them
        return exiting(unchanged(state), frame)

    def _negated(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span]) -> ExitStates:
        frame.source.check(node)
        outcome = self.statement(node.children[-1], state, frame._replace(tested=True), tail)
        return ExitStates(outcome.failure, outcome.success, outcome.success)

    def _redirected(self, node: Node, state: ShellState, frame: Frame, tail: Sequence[Span]) -> ExitStates:
        body = next((child for child in node.children if child.type not in REDIRECTS and child.is_named), None)
        if body is not None and body.type == "ERROR":
            body = None
        spans, following = nodes.redirections(node, body, frame.source)
        part: Part
        if body is None:
            part = partial(self._simple_in, (*spans, *tail))
        else:
            part = partial(self._statement_in, body, (*spans, *tail))
        if not following:
            return part(state, frame)
        return self._followed(part, following, state, frame)

    def _simple_in(self, spans: Sequence[Span], state: ShellState, frame: Frame) -> ExitStates:
        return self._commands.simple(spans, state, frame)

    def _followed(self, part: Part, following: Sequence[Node], state: ShellState, frame: Frame) -> ExitStates:
        """`cat <<END | a && b`: the grammar hangs all that follows on the here-document."""
        first = following[0]
        parts = [part]
        rest: list[tuple[Operator, Part]] = []
        if first.type == "pipeline":
            for node in [child for child in first.children if child.type not in {"|", "|&"}]:
                chained = self._operands(node, frame, ())
                parts.append(chained[0][1])
                rest.extend(chained[1:])
        elif len(following) > 1 and first.type in {"&&", "||"}:
            chained = self._operands(following[1], frame, ())
            rest = [(nodes.operator(first), chained[0][1]), *chained[1:]]
        else:
            raise Unread(frame.source.raw(first), "what follows this here-document is not read")
        head = partial(self._piped, parts) if len(parts) > 1 else part
        return chain([("", head), *rest], state, frame)

    def _redirect(self, tail: Sequence[Span], state: ShellState, frame: Frame) -> Frame:
        """The redirections of a loop or a group hold for all in it."""
        if not tail:
            return frame
        read = SimpleReader(frame.source).read(list(tail))
        if read.words or read.assignments:
            raise Unread(frame.source.text[tail[0][0] : tail[-1][1]], "this does not belong to a command")
        frame, files = self._commands.redirected(read.redirections, state, frame)
        self._commands.written(files, frame.source.text[tail[0][0] : tail[-1][1]].strip(), state, frame)
        return frame._replace(redirected=False)

    def _subshell(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        ends = self._ordering.ends
        inside = self._between(node.children, state, frame)
        return exiting(self._ordering.behind_shell(state, inside, ends), frame)

    def _group(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        if node.children[0].type == "((":
            return self._condition(node, state, frame)
        return self._between(node.children, state, frame)

    def _between(self, children: Sequence[Node], state: ShellState, frame: Frame) -> ExitStates:
        """The statements between the first and the last child: `{` and `}`, `do` and `done`."""
        return self._body(children[1:-1], nodes.between(children, frame.source), state, frame)

    def _if(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        """`if` and each `elif`: what is tested runs, one of the branches may."""
        words = [child for child in node.children if child.type not in {"elif_clause", "else_clause", "fi"}]
        ends = self._branch(words, state, frame)
        states = [ends[0].after]
        failed = ends[1].failure
        inner = frame._replace(conditional=True)
        has_else = False
        for clause in node.children:
            if clause.type == "elif_clause":
                frame.source.check(clause)
                then, tested = self._branch(clause.children, failed, inner)
                states.append(then.after)
                failed = tested.failure
            elif clause.type == "else_clause":
                has_else = True
                start, end = frame.source.span(clause.children[0])[1], frame.source.span(clause)[1]
                states.append(self._body(clause.children[1:], (start, end), failed, inner).after)
        if not has_else:
            states.append(failed)
        return unchanged(merged(states))

    def _branch(self, children: Sequence[Node], state: ShellState, frame: Frame) -> tuple[ExitStates, ExitStates]:
        """`if TEST; then BODY`: how the body ends, and how the test does."""
        split = next((index for index, child in enumerate(children) if child.type == "then"), None)
        if split is None or children[0].type not in {"if", "elif"}:
            raise Unread(frame.source.raw(children[0]), "this condition has no `then`")
        source = frame.source
        test = (source.span(children[0])[1], source.span(children[split])[0])
        tested = self._body(children[1:split], test, state, frame._replace(tested=True))
        body = (source.span(children[split])[1], source.span(children[-1])[1])
        then = self._body(children[split + 1 :], body, tested.success, frame._replace(conditional=True))
        return then, tested

    def _while(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        source = frame.source
        until = node.children[0].type == "until"
        test = (source.span(node.children[0])[1], source.span(node.children[-1])[0])

        def turn(at: ShellState, inner: Frame) -> ShellState:
            tested = self._body(node.children[1:-1], test, at, inner._replace(tested=True))
            return self._between(
                do_group(node, source).children, tested.failure if until else tested.success, inner
            ).after

        reads = _READS.search(source.text[test[0] : test[1]]) is not None
        lines = self._commands.asking.given(frame) if reads else None
        if lines is None or len(lines) > TURNS:
            after = repeat(turn, state, frame)
        else:
            after, inner = state, frame._replace(conditional=True)
            for line in lines:
                after = turn(after, inner._replace(line=line))
            # a last line without its end is none for `read`: it may have turned once less
            after = after._replace(succeeded=state.succeeded & after.succeeded)
        if reads:
            self._commands.asking.inputs.spend(frame)
        return unchanged(after._replace(doubtful=state.doubtful))

    def _for(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        name, words = self._for_head(node, state, frame)
        body = do_group(node, frame.source)
        exits = self._ordering.exits

        def turn(value: Value, at: ShellState, inner: Frame) -> ShellState:
            return self._between(body.children, at.assign(name, value), inner).after

        inner = frame._replace(conditional=True)
        after = state
        words = self._commands.asking.each(words, state, frame)
        if len(words) > TURNS:
            words = (Word(None, ""),)
        for word in words:
            value = Value(word.text, word.answers, word.globbing, whole=word.whole)
            if word.text is None or word.globbing:
                after = repeat(partial(turn, value), after, inner)
            else:
                after = turn(value, after, inner)
        after = self._ordering.after(after, exits).assign(name, UNKNOWN)
        return unchanged(after._replace(doubtful=state.doubtful))

    def _for_head(self, node: Node, state: ShellState, frame: Frame) -> tuple[str, Words]:
        """`for NAME [in WORDS]`, and `select`, where a person chooses: without words, a script's or function's own."""
        source = frame.source
        name, head = nodes.loop_head(node, source)
        if not head:
            return name, (Word(None, "$@"),) if state.positional is None else state.positional
        expander = self._commands.expander(state, frame)
        raws = SimpleReader(source).words(source.span(head[0])[1], source.span(head[-1])[1])
        return name, tuple(word for raw in raws for word in expander.words(raw.pieces, raw.text))

    def _counting(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        source = frame.source
        group = do_group(node, source)
        head = (source.span(node)[0], source.span(group)[0])
        self._commands.inside(SimpleReader(source).inside(*head), state, frame)
        for name in changed_names(source.text[head[0] : head[1]]):
            state = state.assign(name, UNKNOWN)
        after = repeat(lambda at, turn: self._between(group.children, at, turn).after, state, frame)
        return unchanged(after._replace(doubtful=state.doubtful))

    def _case(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        source = frame.source
        items = [child for child in node.children if child.type == "case_item"]
        start = source.span(items[0])[0] if items else source.span(node)[1]
        self._commands.inside(SimpleReader(source).inside(source.span(node)[0], start), state, frame)
        states = [state]
        for item in items:
            close = next((index for index, child in enumerate(item.children) if child.type == ")"), None)
            ends = item.children[-1].type in {";;", ";&", ";;&"}
            if close is None or item.children[-1].type in {";&", ";;&"}:
                raise Unread(source.raw(item), "this kind of `case` is not read")
            source.check(item)
            begin = source.span(item.children[close])[1]
            self._commands.inside(SimpleReader(source).inside(source.span(item)[0], begin), state, frame)
            body = item.children[close + 1 : -1 if ends else None]
            stop = source.span(item.children[-1])[0 if ends else 1]
            states.append(self._body(body, (begin, stop), state, frame._replace(conditional=True)).after)
        return unchanged(merged(states))

    def _function(self, node: Node, state: ShellState, frame: Frame) -> ExitStates:
        name = next((child for child in node.children if child.type == "word"), None)
        body = node.children[-1]
        if name is None or body.type not in self._compounds:
            raise Unread(frame.source.raw(node), "this function is not read")
        functions = {**state.functions, frame.source.raw(name): Function(frame.source, body)}
        return unchanged(state._replace(functions=functions))
