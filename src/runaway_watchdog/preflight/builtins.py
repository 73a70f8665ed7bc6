"""The shell's own commands that change the shell: its folder, its variables, its options, its end."""

import re
from collections.abc import Callable, Mapping

from runaway_watchdog.model.command import Script, Word
from runaway_watchdog.preflight.flow import ExitStates, unchanged
from runaway_watchdog.preflight.state import UNKNOWN, UNSET, ShellState, Value

Words = tuple[Word, ...]
READING = frozenset(("read", "mapfile", "readarray"))
"""Those that take what is on standard input."""
LEAVING = frozenset(("return", "break", "continue"))
"""Those after which the rest of a function or of a turn of a loop is left out."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAMED = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?=)?", re.ASCII)
_GLOBBING_OPTIONS = frozenset(
    ("dotglob", "extglob", "failglob", "globstar", "nocaseglob", "nullglob", "globasciiranges")
)


def apply(
    words: Words, state: ShellState, reads: Script | None, lines: tuple[str, ...] | None = None
) -> ExitStates | None:
    """What the shell's own command does to the shell; None for any other command.

    `reads` gives its standard input, `lines` are what `read` and `mapfile` take of it, where that is known.
    """
    program = words[0].text
    if program == "read":
        return unchanged(_read(words, state, reads) if lines is None else _read_line(words, state, lines))
    if program in READING and lines is not None:
        return unchanged(_mapped(words, state, lines))
    found = _BUILTINS.get(program) if program is not None else None
    return None if found is None else found(words, state)


def _cd(words: Words, state: ShellState) -> ExitStates:
    operands = _operands(words)
    if not operands:
        target = state.value("HOME").text
    elif operands[0].text == "-":
        target = state.previous
    else:
        target = _folder(operands[0], state)
    return ExitStates(state.go(target), state, None)


def _folder(word: Word, state: ShellState) -> str | None:
    """A relative folder may be found through CDPATH, where that is set."""
    text = word.text
    if text is None or word.globbing or text == "":
        return None
    through = "CDPATH" in state.variables and not text.startswith(("/", "./", "../")) and text not in {".", ".."}
    return None if through else text


def _pushd(words: Words, state: ShellState) -> ExitStates:
    operands = _operands(words)
    target = _folder(operands[0], state) if operands else None
    if operands and (operands[0].text or "+").startswith("+"):
        return unchanged(state.go(None)._replace(stack=(None,) * (len(state.stack) + 1)))
    if not operands:
        moved = state.go(state.stack[-1] if state.stack else None)._replace(stack=(*state.stack[:-1], state.folder))
        return ExitStates(moved, state, None)
    return ExitStates(state.go(target)._replace(stack=(*state.stack, state.folder)), state, None)


def _popd(words: Words, state: ShellState) -> ExitStates:
    target = state.stack[-1] if state.stack and len(words) == 1 else None
    return ExitStates(state.go(target)._replace(stack=state.stack[:-1]), state, None)


def _declare(words: Words, state: ShellState) -> ExitStates:
    """`export A=b`, `declare -x A`, `local A`: an option that changes what a value means leaves it unknown."""
    program = words[0].text
    options = "".join(word.text or "?" for word in words[1:] if word.raw.startswith(("-", "+")))
    changed = state
    names: list[str] = []
    for word in words[1:]:
        found = _NAMED.match(word.text if word.text is not None else word.raw)
        if found is None or word.raw.startswith(("-", "+")):
            continue
        name = found[1]
        names.append(name)
        if program == "local":
            changed = changed._replace(localised={name: changed.value(name), **changed.localised})
        if found[2] is None:
            changed = changed.assign(name, UNSET) if program == "local" else changed
        else:
            changed = changed.assign(name, _declared(word, found, changed, plain=not set(options) & set("ainlu?")))
    if program == "export" and "n" in options:
        return unchanged(changed._replace(exported=changed.exported - set(names)))
    if "f" in options:
        given = frozenset(names) & state.functions.keys() if program == "export" or "x" in options else frozenset()
        return unchanged(state._replace(handed=state.handed | given))
    exports = program == "export" or "x" in options
    return ExitStates(changed.export(names) if exports else changed, state, None)


def _declared(word: Word, found: re.Match[str], state: ShellState, *, plain: bool) -> Value:
    if word.text is None or not plain or "[" in found[0]:
        return UNKNOWN
    text = word.text[found.end() :]
    if found[2] == "+=":
        before = state.value(found[1]).text
        return Value(None if before is None else before + text)
    return Value(text)


def _unset(words: Words, state: ShellState) -> ExitStates:
    functions = dict(state.functions)
    for word in words[1:]:
        if word.text is None:
            return unchanged(state.forget())
        if words[1].text == "-f" or (word.text not in state.variables and word.text in functions):
            functions.pop(word.text, None)
        elif _NAME.fullmatch(word.text):
            state = state.unset(word.text)
    return unchanged(state._replace(functions=functions))


def _set(words: Words, state: ShellState) -> ExitStates:
    position = 1
    while position < len(words):
        text = words[position].text
        if text is None:
            return unchanged(state._replace(positional=None, plain_globs=False))
        if text == "--" or not text.startswith(("-", "+")):
            position += text == "--"
            return ExitStates(state._replace(positional=words[position:]), state, None)
        if text[1:] in {"o", "eo", "euo", "ueo", "eux", "euxo"} and position + 1 < len(words):
            position += "o" in text
            if words[position].text == "errexit":
                state = state._replace(errexit=text[0] == "-")
        if "e" in text[1:]:
            state = state._replace(errexit=text[0] == "-")
        if "f" in text[1:]:
            state = state._replace(plain_globs=text[0] == "+" and state.plain_globs)
        position += 1
    return ExitStates(state, state, None)


def _shopt(words: Words, state: ShellState) -> ExitStates:
    names = {word.text for word in words[1:]}
    if names & _GLOBBING_OPTIONS or None in names:
        state = state._replace(plain_globs=False)
    if names & {"errexit", None}:
        state = state._replace(errexit=None)
    return unchanged(state)


def _shift(words: Words, state: ShellState) -> ExitStates:
    count = words[1].text if len(words) > 1 else "1"
    if state.positional is None or count is None or not count.isdigit():
        return unchanged(state._replace(positional=None))
    return unchanged(state._replace(positional=state.positional[int(count[:6]) :]))


def _read(words: Words, state: ShellState, reads: Script | None) -> ShellState:
    """`read NAME` takes a line of what is given; several names share it, and then none is known."""
    names = [word.text for word in _operands(words, valued="adinNptu")]
    if any(name is None for name in names):
        return state.forget()
    plain = not any((word.text or "").startswith("-") and word.text != "-r" for word in words[1:])
    for name in names or ["REPLY"]:
        value = Value(None, reads) if len(names) <= 1 and plain else UNKNOWN
        state = state.assign(name or "REPLY", value)
    return state


def _read_line(words: Words, state: ShellState, lines: tuple[str, ...]) -> ShellState:
    """`read -r A B` of a line that is known: the last name takes what is left."""
    names = [word.text for word in _operands(words, valued="adinNptu")]
    options = {word.text for word in words[1:] if (word.text or "").startswith("-")}
    line = lines[0] if lines else ""
    if any(name is None for name in names):
        return state.forget()
    if not options <= {"-r"} or ("\\" in line and not options):
        fields = None
    else:
        fields = _fields(line, len(names) or 1, state.variables.get("IFS"))
    for index, name in enumerate(names or ["REPLY"]):
        state = state.assign(name or "REPLY", UNKNOWN if fields is None else Value(fields[index]))
    return state


def _fields(line: str, count: int, separators: Value | None) -> list[str] | None:
    """The line in so many parts; None for separators that are not told here."""
    if separators is None:
        parts = line.strip(" \t").split(None, count - 1) if count > 1 else [line.strip(" \t")]
    elif separators.text is None or len(separators.text) > 1 or (separators.text in " \t\n" and separators.text):
        return None
    else:
        parts = line.split(separators.text, count - 1) if separators.text and count > 1 else [line]
    return [*parts, *[""] * (count - len(parts))]


def _mapped(words: Words, state: ShellState, lines: tuple[str, ...]) -> ShellState:
    """`mapfile -t A`: each line is an element."""
    names = [word.text for word in _operands(words, valued="dnOsuCc")]
    plain = [word.text for word in words[1:] if (word.text or "").startswith("-")] == ["-t"]
    if len(names) != 1 or names[0] is None or not plain:
        return _sets(words, state).success
    items = tuple(Word(line, line) for line in lines)
    return state.assign(names[0], Value(lines[0] if lines else "", is_set=bool(lines), items=items))


def _sets(words: Words, state: ShellState) -> ExitStates:
    """`mapfile A`, `getopts … A`, `let A=…`: every name in it may have a new value."""
    for word in words[1:]:
        if word.text is None:
            return unchanged(state.forget())
        for name in _NAME.findall(word.text):
            state = state.assign(name, UNKNOWN)
    return unchanged(state)


def _printf(words: Words, state: ShellState) -> ExitStates | None:
    if len(words) < 3 or words[1].text != "-v":
        return None
    name = words[2].text
    return unchanged(state.forget() if name is None else state.assign(name, UNKNOWN))


def _exit(_: Words, state: ShellState) -> ExitStates:
    ended = state._replace(ended=True)
    return ExitStates(ended, ended, None)


def _leave(_: Words, state: ShellState) -> ExitStates:
    """What follows in this function or turn of the loop may not run."""
    return unchanged(state._replace(doubtful=True))


def _alias(words: Words, state: ShellState) -> ExitStates:
    names = {(word.text or word.raw).partition("=")[0] for word in words[1:] if "=" in word.raw}
    return unchanged(state._replace(ambiguous=state.ambiguous | names))


def _unalias(words: Words, state: ShellState) -> ExitStates:
    return unchanged(state._replace(ambiguous=state.ambiguous - {word.text for word in words[1:] if word.text}))


def _certain(_: Words, state: ShellState) -> ExitStates:
    """Commands that do not fail in practice: what follows after `&&` does run."""
    return ExitStates(state, state, None)


def _operands(words: Words, valued: str = "") -> Words:
    position = 1
    while position < len(words):
        text = words[position].text
        if text is None or not text.startswith("-") or text == "-":
            break
        position += 1
        if text == "--":
            break
        position += len(text) == 2 and text[1] in valued
    return words[position:]


_BUILTINS: Mapping[str, Callable[[Words, ShellState], ExitStates | None]] = {
    "cd": _cd, "pushd": _pushd, "popd": _popd, "declare": _declare, "export": _declare, "local": _declare,
    "readonly": _declare, "typeset": _declare, "unset": _unset, "set": _set, "shopt": _shopt, "shift": _shift,
    "mapfile": _sets, "readarray": _sets, "getopts": _sets, "let": _sets, "printf": _printf, "exit": _exit,
    **dict.fromkeys(LEAVING, _leave), "logout": _exit, "alias": _alias, "unalias": _unalias,
    ":": _certain, "true": _certain, "echo": _certain, "mkdir": _certain, "sleep": _certain,
}  # fmt: skip
