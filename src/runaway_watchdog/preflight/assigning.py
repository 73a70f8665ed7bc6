"""What assignments make of the shell's state: plain ones, arrays, and those that hold for one command alone."""

from collections.abc import Sequence

from runaway_watchdog.model.command import Word
from runaway_watchdog.preflight.expansion import Expander
from runaway_watchdog.preflight.options import Inner
from runaway_watchdog.preflight.simple import Assignment
from runaway_watchdog.preflight.state import UNKNOWN, ShellState, Value

Words = tuple[Word, ...]
_STEERED = ("DOCKER_", "COMPOSE_")


def listed(items: Words) -> Value:
    """An array of these."""
    first = items[0] if items else Word("", "")
    plain = first.text is not None and not first.globbing
    return Value(first.text if plain else None, is_set=bool(items), items=items)


def appended(before: Value, more: Value) -> Value:
    """`A+=(…)`."""
    return UNKNOWN if before.items is None or more.items is None else listed((*before.items, *more.items))


def value_of(each: Assignment, expander: Expander) -> Value:
    """What it gives: a text, or `(a b c)` with each element expanded as a word of a command is."""
    if each.value is None:
        return listed(tuple(word for raw in each.elements or () for word in expander.words(raw.pieces, raw.text)))
    word = expander.single(each.value.pieces, each.value.text, "value")
    return Value(word.text, word.answers, word.globbing, whole=word.whole)


def assigned(each: Assignment, value: Value, state: ShellState) -> ShellState:
    """`A=…`, `A+=…`, `A=(…)`, `A+=(…)`."""
    before = state.value(each.name)
    if each.appends and each.value is None:
        value = appended(before, value)
    elif each.appends:
        value = Value(None if before.text is None or value.text is None else before.text + value.text)
    return state.assign(each.name, value)


def with_arrays(state: ShellState, declared: Sequence[tuple[Assignment, Value]]) -> ShellState:
    for each, value in declared:
        state = state.assign(each.name, appended(state.value(each.name), value) if each.appends else value)
    return state


def with_values(state: ShellState, expander: Expander) -> ShellState:
    for name, value in expander.assigned.items():
        state = state.assign(name, value)
    return state


def taken_back(after: ShellState, before: ShellState, names: Sequence[str]) -> ShellState:
    """`X=1 command`: X is gone again afterwards."""
    variables = {name: value for name, value in after.variables.items() if name not in names}
    variables |= {name: before.variables[name] for name in names if name in before.variables}
    exported = (after.exported - set(names)) | (before.exported & set(names))
    changed = (after.changed - set(names)) | (before.changed & set(names))
    return after._replace(variables=variables, exported=exported, changed=changed)


def of_user(state: ShellState, inner: Inner, home: str | None) -> ShellState:
    """What sudo (env_reset of sudoers(5)), su, doas … set anew for the user whom they run it as."""
    name = inner.user or None
    own = {"HOME": Value(home), "USER": Value(name), "LOGNAME": Value(name)}
    given = {each for each, _ in inner.assigned}
    kept = {each: value for each, value in own.items() if each not in given}
    return state._replace(variables={**state.variables, **kept}, exported=state.exported | own.keys())


def inner_environment(inner: Inner, state: ShellState) -> ShellState:
    """Another user's environment keeps what its rules let through; `env -i` starts with an empty one."""
    if inner.filters or inner.cleared:
        value = UNKNOWN if inner.filters else Value("", is_set=False)
        kept = dict.fromkeys(state.exported, value)
        steering = frozenset(name for name in state.exported if name.startswith(_STEERED))
        state = state._replace(variables={**state.variables, **kept}, changed=state.changed | steering)
    for name, text in inner.assigned:
        state = state.assign(name, Value(text)).export([name])
    return state
