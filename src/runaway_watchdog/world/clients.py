"""The Docker client programs of this host, asked for what they alone know.

Compose decides by itself which files, which project and which services a command means: by options, environment,
`.env`, parent folders, `include`, `extends`, profiles. `config` is the command with which it tells, and it changes
nothing; resources on other hosts, which it would fetch, are switched off.
"""

import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from runaway_watchdog import programs
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, compose_files, patience

USUAL_S = 5
"""Compose 1 needs most of a second on an idle host."""
OFFLINE = {"COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false", "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false"}
VERSION = re.compile(r"(?<!\d)\d++\.\d++(?:\.\d++)?")
SERVICE_KEYS = ("image", "build", "container_name", "depends_on", "profiles", "volumes", "networks", "scale")


class LiveClients:
    """See `world.Clients`. Every answer is kept for the life of the object: Compose takes a tenth of a second."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}
        self._configs: dict[tuple[object, ...], Mapping[str, Any]] = {}

    def docker_version(self) -> str:
        return self._version("docker", ("docker", "--version"))

    def compose_version(self, program: str) -> str:
        return self._version(program, (*program.split(), "version", "--short"))

    def compose_config(
        self, program: str, arguments: Sequence[str], folder: str, environment: Sequence[tuple[str, str]]
    ) -> Mapping[str, Any]:
        key = (program, tuple(arguments), folder, tuple(environment))
        if key not in self._configs:
            self._configs[key] = _config(program, arguments, folder, dict(environment))
        return self._configs[key]

    def compose_hashes(
        self, program: str, arguments: Sequence[str], folder: str, environment: Sequence[tuple[str, str]]
    ) -> Mapping[str, str]:
        words = (*arguments, "config", "--hash", "*")
        status, output, complaint = _compose(program, words, folder, dict(environment))
        if status != 0:
            said = (lines_of(complaint.strip()) or ["it says nothing"])[-1][:200]
            raise Unanswered(Gap(program, said, f"check it: {program} config --hash '*'"))
        return dict(line.split(maxsplit=1) for line in lines_of(output) if len(line.split()) == 2)

    def _version(self, program: str, argv: Sequence[str]) -> str:
        if program not in self._versions:
            status, output, _ = _run(program, argv, {})
            found = VERSION.search(output)
            if status != 0 or not found:
                raise Unanswered(Gap(program, "it does not tell its version", f"check it: {' '.join(argv)}"))
            self._versions[program] = found[0]
        return self._versions[program]


def _config(program: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
    status, output, complaint = _compose(program, arguments, folder, environment)
    if status != 0:
        return {"error": complaint.strip()}
    found = _document(program, output)
    services = found.get("services") or {}
    return {
        "name": found.get("name"),
        "services": {name: {key: each.get(key) for key in SERVICE_KEYS} for name, each in services.items()},
        "volumes": found.get("volumes") or {},
        "networks": found.get("networks") or {},
    }


def _compose(
    program: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str]
) -> tuple[int, str, str]:
    """As `_run`; also Unanswered where a file of the project would never end."""
    if (why := compose_files.unreadable(arguments, folder, {**os.environ, **environment})) is not None:
        raise Unanswered(Gap(program, f"{clean(why, 200)}, so it is not asked", "put an ordinary file in its place"))
    # With $PWD, as after `cd`: of a folder reached by a symbolic link Compose takes the link's name for the project's
    return _run(program, (*program.split(), *arguments), {**environment, "PWD": folder}, folder)


def _run(
    program: str, argv: Sequence[str], environment: Mapping[str, str], folder: str | None = None
) -> tuple[int, str, str]:
    """Exit code, output and complaint. Raises Unanswered where it cannot be started or takes too long."""
    seconds = patience.limit_s(USUAL_S)
    try:
        done = programs.run(argv, seconds=seconds, env={**os.environ, **environment, **OFFLINE}, cwd=folder)
    except OSError as fault:
        if folder is not None and fault.filename == folder:
            return 1, "", f"{folder}: {fault.strerror}"
        raise Unanswered(Gap(program, f"it cannot be started: {fault.strerror}", "install it")) from fault
    if done.returncode == -signal.SIGALRM:
        raise Unanswered(Gap(program, f"it did not answer within {seconds} s", "see whether the host is overloaded"))
    return done.returncode, done.stdout, done.stderr


def _document(program: str, output: str) -> Mapping[str, Any]:
    """Compose 2 answers in JSON, Compose 1 in YAML."""
    with suppress(ValueError):
        found = json.loads(output)
        if isinstance(found, dict):
            return found
    import yaml  # only Compose 1 needs it

    with suppress(yaml.YAMLError):
        found = yaml.safe_load(output)
        if isinstance(found, dict):
            return found
    raise Unanswered(Gap(program, "its answer cannot be read", f"check it: {program} config"))
