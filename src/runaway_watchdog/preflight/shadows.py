"""What a command runs beside its own program: a pager, an editor or a library that a variable or an option names.

What is written in the line is judged as a line of its own; what only the host knows makes the command unknown, with a
high risk: `LD_PRELOAD=./x.so ls` runs x.so, whatever `ls` is known to do.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.known_programs import changes_nothing
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

LOADED: Final = frozenset((
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "PYTHONSTARTUP", "PYTHONHOME", "PERL5OPT",
    "PERL5LIB", "PERL5DB", "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "PROMPT_COMMAND", "PS4", "ZDOTDIR",
))  # fmt: skip
"""Variables that have a program load other code before its own."""
_HARMLESS_VALUES: Final = {
    "NODE_OPTIONS": re.compile(r"(?!.*(?:^|\s)(?:-r|--require|--import|--(?:experimental-)?loader))[\w\s=.,:-]*"),
    "JAVA_TOOL_OPTIONS": re.compile(r"(?!.*(?:-agent|-javaagent|bootclasspath))[\w\s=.,:+/-]*"),
    "ENV": re.compile(r"[\w-]*"),  # `ENV=production npm start` is another variable of the same name
    "PERL5OPT": re.compile(r"(?:-[wWC]\s*)*"),
    "PS4": re.compile(r"(?:[^$`]|\$(?!\())*"),  # printed before each command of `set -x`
}
STARTED: Final = frozenset((
    "PAGER", "MANPAGER", "SYSTEMD_PAGER", "PSQL_PAGER", "AWS_PAGER", "LESSOPEN", "LESSCLOSE", "EDITOR", "VISUAL",
    "SUDO_EDITOR", "SYSTEMD_EDITOR", "PSQL_EDITOR", "BROWSER", "GIT_PAGER", "GIT_EDITOR", "GIT_SEQUENCE_EDITOR",
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS", "SSH_ASKPASS", "SUDO_ASKPASS", "RSYNC_RSH",
    "KUBE_EDITOR", "TAR_OPTIONS", "CVS_RSH", "FCEDIT",
))  # fmt: skip
"""Variables whose value is a command, run by the program that is started with them."""
_QUIET: Final = frozenset((
    "", "cat", "less", "more", "most", "true", ":", "vi", "vim", "nvim", "nano", "emacs", "ed", "code", "micro", "hx",
    "bat", "delta", "col", "head", "ssh", "firefox", "xdg-open", "w3m", "lynx",
))  # fmt: skip
"""Pagers, editors, browsers and ssh: they do what the person tells them."""
_PLAIN: Final = re.compile(r"[\w@%+=:,./ ~-]*")
"""A value in which a shell finds one command and nothing else."""
_OPTIONS: Final[dict[str, tuple[re.Pattern[str], ...]]] = {
    **dict.fromkeys(("less", "more", "most"), (re.compile(r"\++[!|](?P<line>.+)", re.DOTALL),)),
    "man": (re.compile(r"(?:-P|--pager=)(?P<line>.+)", re.DOTALL), re.compile(r"-P|--pager")),
    **dict.fromkeys(
        ("vi", "vim", "nvim", "view", "ex"),
        (re.compile(r"\+:?(?:sil\w*!?\s*)?!(?P<line>.+)", re.DOTALL), re.compile(r"-c|--cmd")),
    ),
    **dict.fromkeys(
        ("scp", "sftp"),
        (re.compile(r"(?:-o)?(?:Proxy|Local|KnownHosts)Command[= ](?P<line>.+)", re.DOTALL | re.IGNORECASE),),
    ),
    "tar": (
        re.compile(r"--checkpoint-action=exec=(?P<line>.+)", re.DOTALL),
        re.compile(r"--(?:to-command|use-compress-program|rsh-command|info-script|new-volume-script)=(?P<line>.+)"),
    ),
    "hash": (re.compile(r"-p"),),
}
"""Program -> options that name another one. Without `line` the next word is it."""
_BANG: Final = re.compile(r":?(?:sil\w*+!?+\s*+)?!")
"""A command of vi that goes to a shell; `w! FILE` does not."""
_SYSTEM: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

Judge = Callable[[str], Outcome]
"""Judges a text as a line for a shell."""


def judged(command: Command, outcome: Outcome, world: World, judge: Judge) -> Outcome:
    """The command's own outcome, with what it runs beside."""
    if command.remote:
        return outcome
    more = [*_loaded(command), *_hashed(command), *_in_its_place(command, world)]
    for name, line in (*_of_variables(command), *_of_options(command)):
        if line is None:
            more.append(f"which program {name} has `{shown(command)}` start is only known when it runs")
        elif not is_quiet(line):
            handed = name in STARTED and not changes_nothing(line.split()[0])
            outcome = _with(outcome, judge(line), f"`{line}`, which `{shown(command)}` starts by {name}", handed=handed)
    return outcome._replace(unknown=(*outcome.unknown, *more))


def is_quiet(line: str) -> bool:
    """`less -R`, `ssh -i key`: a program that does what its user tells it, and nothing of its own."""
    words = line.split()
    program = words[0] if words else ""
    return (
        program.removeprefix("/usr/bin/").removeprefix("/bin/") in _QUIET
        and _PLAIN.fullmatch(line) is not None
        and "command" not in line.casefold()
    )


def _with(outcome: Outcome, other: Outcome, what: str, *, handed: bool) -> Outcome:
    """What the other program does; a program that nobody knows is no pager, and asked about. `handed`: it is given
    more words than stand there (`EDITOR='rm -f' visudo`)."""
    unknown = (f"what {what}, does is not known",) if other.unknown or handed else ()
    return Outcome((*outcome.effects, *other.effects), other.host, (*outcome.unknown, *unknown), outcome.nothing)


def _loaded(command: Command) -> Iterator[str]:
    for name, value in command.environment:
        harmless = _HARMLESS_VALUES.get(name)
        if name not in LOADED or value == "" or (harmless and value is not None and harmless.fullmatch(value)):
            continue
        yield f"what {name} has `{shown(command)}` load before it starts is not known"


def _of_variables(command: Command) -> Iterator[tuple[str, str | None]]:
    for name, value in command.environment:
        if name in STARTED:
            yield name, value


def _of_options(command: Command) -> Iterator[tuple[str, str | None]]:
    patterns = _OPTIONS.get(command.program or "", ()) if command.program != "hash" else ()
    texts = [word.text or "" for word in command.words[1:]]
    for number, text in enumerate(texts):
        for pattern in patterns:
            found = pattern.fullmatch(text)
            if found is None:
                continue
            line = found.groupdict().get("line")
            if line is None:
                following = texts[number + 1] if number + 1 < len(texts) else ""
                started = _BANG.match(following)
                line = following if command.program == "man" else following[started.end() :] if started else ""
            if line:
                yield text if len(text) < 20 else text.partition("=")[0], line


def _hashed(command: Command) -> Iterator[str]:
    """`hash -p FILE NAME`: the shell runs FILE where NAME stands from then on."""
    texts = [word.text or "" for word in command.words]
    if command.program == "hash" and "-p" in texts:
        yield f"after `{shown(command)}` another program runs under that name"


def _in_its_place(command: Command, world: World) -> Iterator[str]:
    """A folder before the system's own in a PATH that the line sets, and a program of that name in it."""
    name = command.words[0].text or ""
    path = dict(command.environment).get("PATH")
    if path is None or "/" in name:
        return
    for folder in path.split(":"):
        if folder in _SYSTEM:
            return
        place = folder if folder.startswith("/") else f"{(command.folder or '').rstrip('/')}/{folder}".rstrip("/.")
        if world.files.exists(f"{place}/{name}"):
            yield f"`{name}` is {place}/{name} here, and what that does is not known"
            return
