"""Prints the completions of a shell, made from the commands' own options. `install` puts them where
bash and zsh look; for a shell of yours:

  source <(runaway-watchdog completion bash)
  source <(runaway-watchdog completion zsh)

exit code: 0
"""

import argparse
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.cli.catalog import Entry, Option, catalog, top_options

FUNCTION: Final = "_runaway_watchdog"

SOURCES: Final[Mapping[str, str]] = {
    "PID": "cd /proc && printf '%s\\n' [0-9]*",
    "CONTAINER": "timeout 1 docker ps --all --format '{{.Names}}' 2>/dev/null",
    "UNIT": "timeout 1 systemctl list-units --plain --no-legend 2>/dev/null | cut -d' ' -f1",
}
"""Commands that list what a value may be, one a line; they ask, and change nothing."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=tuple(SHELLS), help="whose completions")


def run(options: argparse.Namespace) -> int:
    print(SHELLS[options.shell](), end="")
    return 0


def bash() -> str:
    """Words are compared and never expanded: a name of somebody else's cannot be run."""
    entries = catalog()
    first = " ".join([*(each.command.name for each in entries), *_flags(top_options())])
    return f"""\
# bash completion of {PROGRAM}; written by `{PROGRAM} completion bash`

{FUNCTION}_from() {{
    local word
    while IFS= read -r word; do
        if [[ $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
    done
}}

{FUNCTION}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    COMPREPLY=()
    if (( COMP_CWORD == 1 )); then
        {FUNCTION}_from < <(printf '%s\\n' {first})
        return
    fi
    case ${{COMP_WORDS[1]}},$prev in
{"".join(map(_bash_values, entries))}    esac
    if [[ $cur != -* ]]; then
        case ${{COMP_WORDS[1]}} in
{"".join(map(_bash_positionals, entries))}        esac
        return
    fi
    case ${{COMP_WORDS[1]}} in
{"".join(map(_bash_flags, entries))}    esac
}}

complete -F {FUNCTION} {PROGRAM}
"""


def _flags(options: tuple[Option, ...]) -> list[str]:
    return [flag for option in options for flag in option.flags]


def _bash_values(entry: Entry) -> str:
    """What follows an option that takes something."""
    cases = (
        ("|".join(f"{entry.command.name},{flag}" for flag in option.flags), _bash_source(option))
        for option in entry.options
        if option.value
    )
    return "".join(f"        {words}) {source}; return ;;\n" for words, source in cases)


def _bash_positionals(entry: Entry) -> str:
    sources = [source for each in entry.positionals if (source := _bash_source(each)) != ":"]
    return f"            {entry.command.name}) {'; '.join(sources)} ;;\n" if sources else ""


def _bash_flags(entry: Entry) -> str:
    return f"        {entry.command.name}) {FUNCTION}_from < <(printf '%s\\n' {' '.join(_flags(entry.options))}) ;;\n"


def _bash_source(option: Option) -> str:
    """A command that fills COMPREPLY; `:` where nobody can know the value."""
    if option.choices:
        return f"{FUNCTION}_from < <(printf '%s\\n' {' '.join(map(shlex.quote, option.choices))})"
    if option.value == "FILE":
        return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")'
    source = SOURCES.get(_kind(option))
    return ":" if source is None else f"{FUNCTION}_from < <({source})"


def _kind(option: Option) -> str:
    """Containers and units are both called NAME: there the flag says which."""
    return option.flags[0].strip("-").upper() if option.value == "NAME" and option.flags else option.value


def zsh() -> str:
    """For a folder of `$fpath`, and for `source` as well."""
    entries = catalog()
    commands = "\n".join(f"        {shlex.quote(f'{each.command.name}:{each.command.help}')}" for each in entries)
    return f"""\
#compdef {PROGRAM}
# zsh completion of {PROGRAM}; written by `{PROGRAM} completion zsh`

{FUNCTION}() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe -t commands command commands
        _arguments {" ".join(map(_zsh_option, top_options()))}
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
{"".join(map(_zsh_command, entries))}    esac
}}

if [[ $funcstack[1] == {FUNCTION} || $funcstack[1] == _{PROGRAM} ]]; then
    {FUNCTION} "$@"
elif (( $+functions[compdef] )); then
    compdef {FUNCTION} {PROGRAM}
fi
"""


def _zsh_command(entry: Entry) -> str:
    specs = [_zsh_option(each) for each in entry.options]
    specs += [shlex.quote(f"::{_zsh_text(each.value)}:{_zsh_source(each)}") for each in entry.positionals]
    lines = " \\\n            ".join(specs)
    return f"        {entry.command.name}) _arguments -s \\\n            {lines} ;;\n"


def _zsh_option(option: Option) -> str:
    takes = f":{_zsh_text(option.value)}:{_zsh_source(option)}" if option.value else ""
    others = f"({' '.join(option.flags)})" if len(option.flags) > 1 else ""
    return " ".join(
        shlex.quote(f"{others}{flag}{'=' if takes and flag.startswith('--') else ''}[{_zsh_text(option.help)}]{takes}")
        for flag in option.flags
    )


def _zsh_text(text: str) -> str:
    """Colons and brackets part a specification."""
    for character in "\\:[]":
        text = text.replace(character, f"\\{character}")
    return text


def _zsh_source(option: Option) -> str:
    if option.choices:
        return f"({' '.join(map(shlex.quote, option.choices))})"
    if option.value == "FILE":
        return "_files"
    source = SOURCES.get(_kind(option))
    return " " if source is None else f'{{local -a found=(${{(f)"$({source})"}}); compadd -a found}}'


SHELLS: Final[Mapping[str, Callable[[], str]]] = {"bash": bash, "zsh": zsh}
