"""Programs that start another one in a project's own environment: npx, bundle exec, php artisan."""

from collections.abc import Mapping, Sequence

from runaway_watchdog.model.command import Command, Word

INTERPRETERS = frozenset(("python", "python2", "python3", "php", "ruby", "node", "perl", "deno", "bun", "pypy3"))
SCRIPTS = frozenset(("manage.py", "artisan", "rails", "rake", "console", "ace", "wp-cli.phar", "spark"))
"""Scripts of frameworks that are known by name."""
MODULES: Mapping[str, str] = {"alembic": "alembic", "flask": "flask", "django": "django-admin"}
RUNNERS: Mapping[str, tuple[str, ...]] = {
    "npx": (),
    "bunx": (),
    "pnpx": (),
    "uvx": (),
    "npm": ("exec", "x"),
    "pnpm": ("exec", "dlx", "x"),
    "yarn": ("exec", "dlx"),
    "bun": ("x",),
    "bundle": ("exec",),
    "poetry": ("run",),
    "pipenv": ("run",),
    "uv": ("run",),
    "pdm": ("run",),
    "hatch": ("run",),
    "rye": ("run",),
    "conda": ("run",),
    "dotenv": (),
    "dotenvx": ("run",),
    "doppler": ("run",),
    "op": ("run",),
    "infisical": ("run",),
    "direnv": ("exec",),
    "mise": ("exec", "x"),
    "rbenv": ("exec",),
    "pyenv": ("exec",),
    "cross-env": (),
    "systemd-run": (),
    "systemd-inhibit": (),
    "caffeinate": (),
    "ts-run": (),
    "firejail": (),
    "retry": (),
    "aws-vault": ("exec",),
    "sail": (),
    "ddev": ("exec",),
    "lando": (),
}
DELETERS = frozenset(("rimraf", "del-cli", "del", "rmrf"))
YARN_SHORT = frozenset(("yarn", "pnpm"))
VALUED = frozenset(
    (
        "-p",
        "--package",
        "-c",
        "--call",
        "-f",
        "-e",
        "--env-file",
        "-n",
        "--name",
        "--prefix",
        "-w",
        "--workspace",
        "--filter",
        "--unit",
        "-u",
        "--property",
        "--slice",
        "--uid",
        "--gid",
        "--directory",
        "--project",
        "--with",
        "--group",
        "-C",
    )
)


def inner(command: Command) -> Command | None:
    """The command that it starts; None where it starts none, or none that is told apart."""
    words = list(command.words[1:])
    program = command.program or ""
    if program in DELETERS:
        return _deleting(command)
    if program in INTERPRETERS:
        return _script(words, command)
    verbs = RUNNERS.get(program)
    if verbs is None:
        return None
    words = _operands(words)
    if verbs:
        if not words or (words[0].text not in verbs and program not in YARN_SHORT):
            return None
        words = _operands(words[1:] if words[0].text in verbs else words)
    while words and words[0].text is not None and "=" in words[0].text.partition("/")[0]:
        words = words[1:]
    if program in ("aws-vault", "direnv") and len(words) > 1:
        words = _operands(words[1:])
    options = command.words[1 : len(command.words) - len(words)]
    found = command._replace(words=tuple(words), folder=_folder(command, options)) if words else None
    return _deleting(found) if found is not None and found.program in DELETERS else found


def _folder(command: Command, options: Sequence[Word]) -> str | None:
    """Where the other one runs: a unit that systemd-run starts runs in / (systemd-run(1)); None: not known."""
    if command.program != "systemd-run":
        return command.folder
    texts = [word.text or word.raw for word in options]
    letters = {letter for text in texts if text[:1] == "-" and text[:2] != "--" for letter in text[1:]}
    if letters & {"d", "S"} or {"--scope", "--same-dir", "--shell"} & set(texts):
        return command.folder
    given = next((text.partition("=")[2] for text in texts if text.startswith("--working-directory=/")), None)
    odd = any("irectory" in text or text.startswith(("--user", "--machine", "--host")) for text in texts)
    return given or (None if odd or letters & {"M", "H"} else "/")


def _deleting(command: Command) -> Command:
    """rimraf and its kin are rm -rf."""
    rest = (word for word in command.words[1:] if not (word.text or "").startswith("-"))
    return command._replace(words=(Word("rm", command.words[0].raw), Word("-rf", ""), *rest))


def _script(words: list[Word], command: Command) -> Command | None:
    """A script of a framework that an interpreter runs, or a module: `php artisan …`, `python -m alembic …`."""
    if len(words) > 1 and words[0].text == "-m" and words[1].text in MODULES:
        name = MODULES[words[1].text or ""]
        return command._replace(words=(Word(name, words[1].raw), *words[2:]))
    words = _operands(words)
    if words and (words[0].text or "").rpartition("/")[2] in SCRIPTS:
        return command._replace(words=tuple(words))
    return None


def _operands(words: list[Word]) -> list[Word]:
    """Without the options in front of the first operand."""
    while words and (words[0].text or "").startswith("-"):
        text = words[0].text
        words = words[2:] if text in VALUED else words[1:]
        if text == "--":
            break
    return words
