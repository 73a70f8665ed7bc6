"""Carries one step of a plan out. The only part of an installation that writes."""

import shlex
import signal
from contextlib import suppress
from pathlib import Path

from runaway_watchdog.atomic_write import write_whole
from runaway_watchdog.hostile import clean
from runaway_watchdog.install.steps import (
    Action,
    MakeFolder,
    MakeLink,
    RemoveFile,
    RemoveFiles,
    RemoveFolder,
    RunProgram,
    WriteFile,
)
from runaway_watchdog.install.unit import Runner


class StepError(Exception):
    """A step could not be done; the message says why, in one line."""


def perform(action: Action, run: Runner, root: Path = Path("/")) -> None:
    """Do it. Raises StepError; a file is then as it was before."""
    try:
        match action:
            case RunProgram(argv, seconds):
                _run(argv, seconds, run)
            case WriteFile(path, text, mode):
                _at(root, path).parent.mkdir(parents=True, exist_ok=True)
                write_whole(_at(root, path), text, mode)
            case MakeFolder(path, mode):
                _at(root, path).mkdir(parents=True, exist_ok=True)
                _at(root, path).chmod(mode)
            case MakeLink(path, target):
                _link(_at(root, path), target)
            case RemoveFile(path):
                _at(root, path).unlink(missing_ok=True)
            case RemoveFiles(folder, names):
                for name in names:
                    _at(root, f"{folder}/{name}").unlink(missing_ok=True)
            case RemoveFolder(path):
                with suppress(FileNotFoundError):
                    _at(root, path).rmdir()
    except OSError as error:
        raise StepError(f"{error.filename or ''}: {error.strerror}".lstrip(": ")) from error


def _at(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _run(argv: tuple[str, ...], seconds: int, run: Runner) -> None:
    answer = run(argv, seconds=seconds)
    if answer.returncode == -signal.SIGALRM:
        raise StepError(f"{shlex.join(argv)}: no answer within {seconds} s")
    if answer.returncode != 0:
        said = clean(answer.stderr.strip() or answer.stdout.strip() or f"exit code {answer.returncode}")
        raise StepError(f"{shlex.join(argv)}: {said}")


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    unfinished.symlink_to(target)
    unfinished.replace(path)
