"""Prints the completions of a shell, made from the commands' own options. `install` puts them where
bash and zsh look; for a shell of yours:

  source <(runaway-watchdog completion bash)
  source <(runaway-watchdog completion zsh)
  runaway-watchdog completion fish | source

exit code: 0
"""

import argparse
from collections.abc import Mapping
from typing import Final

from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.cli.catalog import kind, whole_parser

SHELLS: Final = ("bash", "zsh", "fish")
FUNCTION: Final = "_shtab_runaway_watchdog"  # shtab's name for it
PREFIX: Final = "_runaway_watchdog"

SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "PID": ("pids", "cd /proc && printf '%s\\n' [0-9]*"),
    "CONTAINER": ("containers", "timeout 1 docker ps --all --format '{{.Names}}' 2>/dev/null"),
    "UNIT": ("units", "timeout 1 systemctl list-units --plain --no-legend 2>/dev/null | cut -d' ' -f1"),
}
"""By what a value is: the name of our function, and the command that lists them, one a line; it changes nothing.

The lines of these commands, and what is typed, are compared and never expanded: shtab's own functions give them to
`compgen -W`, which would run a `$(…)` in the name of somebody's container.
"""

_FILES: Final = {"bash": f"{PREFIX}_files", "zsh": "_files", "fish": "(__fish_complete_path (commandline -ct))"}
_BASH_FILES: Final = f'{PREFIX}_files() {{\n    compgen -f -- "$1"\n}}\n'
_BASH: Final = """\
{function}() {{
    local word
    while IFS= read -r word; do
        if [[ $word == "$1"* ]]; then printf '%s\\n' "$word"; fi
    done < <({command})
}}
"""
_ZSH: Final = '{function}() {{\n    local -a found=(${{(f)"$({command})"}})\n    compadd -a found\n}}\n'
_FISH: Final = 'function {function}\n    sh -c "{command}"\nend\n'
_ZSH_SOURCED: Final = f"""\
if [[ $zsh_eval_context[-1] == file && $funcstack[1] != _{PROGRAM} ]]; then  # `source`: shtab knows `eval` alone
    compdef {FUNCTION} -N {PROGRAM}
    return
fi
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="whose completions")


def run(options: argparse.Namespace) -> int:
    print(text(options.shell), end="")
    return 0


def text(shell: str) -> str:
    """The completions of one of SHELLS; for zsh for a folder of `$fpath`, and for `source` as well."""
    import shtab  # only here and in `install`: 40 ms

    whole, commands = whole_parser()
    for command in commands:
        for action in command._actions:
            _complete(action, shell)
    return f"{shtab.complete(whole, shell, preamble=_preamble(shell)).rstrip()}\n"


def _complete(action: argparse.Action, shell: str) -> None:
    """Tell shtab, by the attributes that it reads, what the value of an option may be."""
    taken = kind(action)
    if taken == "FILE":
        vars(action)["complete"] = _FILES
    elif taken in SOURCES:
        function = f"{PREFIX}_{SOURCES[taken][0]}"
        vars(action)["complete"] = {"bash": function, "zsh": function, "fish": f"({function})"}
    if shell == "zsh" and action.nargs != 0:  # so that `--config=FILE` is completed too
        action.option_strings = [f"{flag}=" if flag.startswith("--") else flag for flag in action.option_strings]


def _preamble(shell: str) -> str:
    functions = "".join(_function(shell, f"{PREFIX}_{name}", command) for name, command in SOURCES.values())
    return {"bash": functions + _BASH_FILES, "zsh": functions + _ZSH_SOURCED, "fish": functions}[shell]


def _function(shell: str, name: str, command: str) -> str:
    if shell == "fish":  # it has no [0-9]* and another quoting
        command = command.replace("\\", "\\\\")
    return {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell].format(function=name, command=command)
