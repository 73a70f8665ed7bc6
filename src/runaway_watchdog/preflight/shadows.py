"""What a command runs beside its own program: a pager, an editor or a library that a variable or an option names.

What is written in the line is judged as a line of its own; what only the host knows makes the command unknown, with a
high risk: `LD_PRELOAD=./x.so ls` runs x.so, whatever `ls` is known to do.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from runaway_watchdog.effects import Outcome
from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.effects.known_programs import EDITORS, changes_nothing
from runaway_watchdog.model.command import Command
from runaway_watchdog.preflight.tunnels import is_transport, is_tunnel
from runaway_watchdog.world import World

LOADED: Final = frozenset((
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "BASH_ENV", "ENV", "PYTHONSTARTUP", "PYTHONHOME", "PERL5OPT",
    "PERL5LIB", "PERL5DB", "RUBYOPT", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS",
    "PROMPT_COMMAND", "PS4", "ZDOTDIR", "VIMINIT", "GVIMINIT", "EXINIT", "LUA_INIT", "LUA_INIT_5_1", "LUA_INIT_5_2",
    "LUA_INIT_5_3", "LUA_INIT_5_4", "LUA_PATH", "LUA_CPATH", "MAKEFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "SHELL",
    "GCONV_PATH", "LD_DEBUG_OUTPUT", "LD_PROFILE_OUTPUT", "DOTNET_STARTUP_HOOKS", "PHPRC", "PHP_INI_SCAN_DIR",
    "OPENSSL_CONF", "PSQLRC", "LESS", "SYSTEMD_LESS", "LESSKEY", "LESSKEYIN", "LESSKEY_CONTENT", "LESSHISTFILE",
    "MANOPT", "WGETRC", "CURL_HOME", "RIPGREP_CONFIG_PATH", "FZF_DEFAULT_OPTS", "FZF_DEFAULT_OPTS_FILE",
    "GIT_EXEC_PATH", "GIT_TEMPLATE_DIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
))  # fmt: skip
"""Variables that have a program load other code, take other options, or write to another file than its own."""


def _words(word: str) -> re.Pattern[str]:
    """A value that is nothing but such words."""
    return re.compile(rf"\s*(?:(?:{word})(?:\s+(?:{word}))*\s*)?")


_HARMLESS_VALUES: Final = {
    "LESS": _words(r"-?[a-jl-np-zA-NP-SU-Z0-9.,#]+|--(?!log|LOG|lesskey)[a-z-]+(?:=[\w.,#-]+)?"),
    "SYSTEMD_LESS": _words(r"-?[a-jl-np-zA-NP-SU-Z0-9.,#]+"),
    "MAKEFLAGS": _words(r"\d+|-?[kqsBwij]+\d*|-[Ol][\w.]*|--(?:no-print-directory|silent|quiet|jobs=\d+)"),
    **dict.fromkeys(
        ("LESSHISTFILE", "WGETRC", "OPENSSL_CONF", "PSQLRC", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"),
        re.compile(r"-|/dev/null"),
    ),
    "GIT_CONFIG_COUNT": re.compile("0"),
    "SHELL": re.compile(r"(?:/usr)?/bin/(?:ba|da|z|k|fi)?sh"),
    "FZF_DEFAULT_OPTS": re.compile(r"(?!.*--(?:bind|preview|history|listen|tmux|p|b|h|l))[\w\s=.,:%#+~-]*"),
    "NODE_OPTIONS": re.compile(r"(?!.*(?:^|\s)(?:-r|--require|--import|--(?:experimental-)?loader))[\w\s=.,:-]*"),
    **dict.fromkeys(
        ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"),
        re.compile(r"(?!.*(?:-agent|-javaagent|bootclasspath|OnError|OnOutOfMemoryError|@))[\w\s=.,:+/-]*"),
    ),
    "ENV": re.compile(r"[\w-]*"),  # `ENV=production npm start` is another variable of the same name
    "PERL5OPT": re.compile(r"(?:-[wWC]\s*)*"),
    "PS4": re.compile(r"(?:[^$`]|\$(?!\())*"),  # printed before each command of `set -x`
}
_PAGERS: Final = frozenset((
    "PAGER", "MANPAGER", "SYSTEMD_PAGER", "PSQL_PAGER", "AWS_PAGER", "GIT_PAGER", "BAT_PAGER", "DELTA_PAGER",
    "ACK_PAGER", "ACK_PAGER_COLOR", "FZF_DEFAULT_COMMAND",
))  # fmt: skip
STARTED: Final = _PAGERS | frozenset((
    "LESSOPEN", "LESSCLOSE", "EDITOR", "VISUAL", "SUDO_EDITOR", "SYSTEMD_EDITOR", "PSQL_EDITOR", "BROWSER",
    "GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS",
    "GIT_PROXY_COMMAND", "SSH_ASKPASS", "SUDO_ASKPASS", "RSYNC_RSH", "RSYNC_CONNECT_PROG", "KUBE_EDITOR",
    "TAR_OPTIONS", "CVS_RSH", "FCEDIT", "MTR_PACKET",
))  # fmt: skip
"""Variables whose value is a command, run by the program that is started with them; a pager is given text alone, and
the others more words than stand there (`EDITOR='rm -f' visudo`)."""
_QUIET: Final = frozenset(("", "true", ":", "code", "firefox", "xdg-open", "w3m", "lynx", "most", "delta", "col"))
"""Editors, browsers and filters that no family knows: they do what the person tells them."""
_PACKERS: Final = frozenset(("gzip", "pigz", "bzip2", "pbzip2", "xz", "lzma", "zstd", "zstdmt", "lz4", "lzip", "lzop"))
"""They pack what they are given on their input, as long as no file is named."""
_PLAIN: Final = re.compile(r"[\w@%+=:,./ ~-]*")
"""A value in which a shell finds one command and nothing else."""
_COMMANDS: Final[dict[str, str]] = {
    "man": "-P --pager",
    **dict.fromkeys(("bat", "batcat", "delta", "ag", "ack"), "--pager"),
    "rg": "--pre --hostname-bin",
    **dict.fromkeys(("fzf", "sk"), "--preview"),
    "asciinema": "-c --command",
    "powertop": "-w --workload",
    "bpftrace": "-c",
    "multitail": "-l -L -g -G",
    **dict.fromkeys(("compgen", "complete"), "-C"),
    "sg": "-c",
    **dict.fromkeys(("sdiff", "diff3", "colordiff"), "--diff-program"),
    "tar": "-F --info-script --new-volume-script --to-command -I --use-compress-program --rsh-command --rmt-command",
    "rsync": "-e --rsh",
    **dict.fromkeys(("scp", "sftp"), "-S -D"),
    "sort": "--compress-program",
    "split": "--filter",
    "tcpdump": "-z",
    "testssl.sh": "--openssl",
    "wget": "--use-askpass",
    **dict.fromkeys(("nc", "ncat", "netcat"), "-c -e --exec --sh-exec"),
}
"""Program -> options whose value is a command."""
_ALONE: Final = _COMMANDS.keys() - frozenset((
    "rg", "sdiff", "diff3", "colordiff", "tar", "rsync", "scp", "sftp", "sort", "tcpdump", "testssl.sh", "wget",
))  # fmt: skip
"""Those of them that give such a command no more words."""
_OPTIONS: Final[dict[str, tuple[re.Pattern[str], ...]]] = {
    **dict.fromkeys(
        ("less", "more", "most", "pager", "zless", "zmore"), (re.compile(r"\+{1,2}[!|](?P<line>.+)", re.DOTALL),)
    ),
    "man": (re.compile(r"(?:-H|--html=)(?P<line>.+)", re.DOTALL),),
    **dict.fromkeys(
        ("vi", "vim", "nvim", "view", "ex"),
        (re.compile(r"\+:?(?:sil\w*!?\s*)?!(?P<line>.+)", re.DOTALL), re.compile(r"-c|--cmd")),
    ),
    **dict.fromkeys(
        ("scp", "sftp"),
        (re.compile(r"(?:-o)? ?(?:Proxy|Local|KnownHosts)Command[= ](?P<line>.+)", re.DOTALL | re.IGNORECASE),),
    ),
    "tar": (re.compile(r"(?:--checkpoint-action=)?exec=(?P<line>.+)", re.DOTALL),),
    "hash": (re.compile(r"-p"),),
}
"""Program -> what else in its words names another one. Without `line` the next word is it."""
_BANG: Final = re.compile(r":?(?:sil\w*+!?+\s*+)?!")
"""A command of vi that goes to a shell; `w! FILE` does not."""
_CHOSEN: Final = re.compile(r"\{[^{}]*\}")
"""fzf puts what was chosen in this place."""
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
            more.append(f"{name} makes `{shown(command)}` run a command that is only known when it runs")
        elif not is_quiet(line):
            given = name in STARTED - _PAGERS or (name not in STARTED and command.program in _COMMANDS.keys() - _ALONE)
            outcome = _with(outcome, judge(line), f"{name} makes `{shown(command)}` run `{line}`", line, given=given)
    return outcome._replace(unknown=(*outcome.unknown, *more))


def is_quiet(line: str) -> bool:
    """`ssh -i key`, a tunnel of ssh's, a browser: a program that does what its user tells it."""
    words = line.split()
    program = (words[0] if words else "").removeprefix("/usr/bin/").removeprefix("/bin/")
    if _PLAIN.fullmatch(line) is None:
        return False
    packs = program in _PACKERS and all(word.startswith("-") for word in words[1:])
    return packs or program in _QUIET or is_tunnel(line) or is_transport(words)


def _with(outcome: Outcome, other: Outcome, what: str, line: str, *, given: bool) -> Outcome:
    """What the other program does; one that nobody knows is no pager, and asked about. `given`: it gets more words."""
    unknown: tuple[str, ...] = ()
    if other.unknown:
        unknown = (f"{what}, and what that does is not known",)
    elif given and not changes_nothing(program := line.split(maxsplit=1)[0]) and program not in EDITORS:
        unknown = (f"{what} on a file that is only known when it runs",)
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
    program = command.program or ""
    patterns = _OPTIONS.get(program, ()) if program != "hash" else ()
    words = command.words[1:]
    texts = [word.text or "" for word in words]
    for number, text in enumerate(texts):
        following = words[number + 1].text if number + 1 < len(words) else ""
        for name in _COMMANDS.get(program, "").split():
            found = _value(name, text, following)
            if found is not None:
                yield name, None if found[0] is None else _CHOSEN.sub('"$CHOSEN"', found[0])
        for pattern in patterns:
            matched = pattern.fullmatch(text)
            if matched is None:
                continue
            line = matched.groupdict().get("line")
            if line is None:
                started = _BANG.match(following or "")
                line = (following or "")[started.end() :] if started else ""
            if line:
                yield text if len(text) < 20 else text.partition("=")[0], line
    if program == "jobs" and "-x" in texts:
        yield "-x", " ".join(word.raw for word in words[texts.index("-x") + 1 :])


def _value(name: str, text: str, following: str | None) -> tuple[str | None] | None:
    """What an option is given in this word or the next: `--pager=X`, `--pager X`, `-PX`, `-P X`, `-avze X`."""
    if name.startswith("--"):
        written, equals, value = text.partition("=")
        return None if written != name else (value,) if equals else (following,)
    found = re.fullmatch(rf"-[A-Za-z]*?{name[1]}(.*)", text, re.DOTALL)
    return None if found is None else (found[1].removeprefix("=") or following,)


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
