"""Podman's own account of what it holds: its reading subcommands, and no other one, are run.

There is no engine to ask: each user has a Podman of their own, and its state is in files that only the program reads.
So what is told here is the Podman of whoever asks. One that was never used is not asked at all, since its first start
would make its folders.
"""

import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from runaway_watchdog import programs
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, patience

ROOTS_STORAGE = "/var/lib/containers/storage"
ROOTS_CONFIGURATION = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")
"""The first that is there counts (containers-storage.conf(5)). A user's own is below their home."""
ELSEWHERE = ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINER_SSHKEY")
"""Variables that would send the question to another host."""
SECRET_KEYS = ("Env", "CreateCommand", "Cmd", "Entrypoint", "Secrets")
"""Of a container's configuration, left out: what a container was started with may hold secrets."""

Listed = Sequence[Mapping[str, Any]]


class LivePodman:
    """See `world.Podman`. Every answer, also "no answer", is kept for the life of the object: one case asks once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = {name: value for name, value in environment.items() if name not in ELSEWHERE}
        self._kept: dict[tuple[str, ...], Any] = {}
        self._failure: Gap | None = None
        self._inspected: dict[str, Mapping[str, Any]] = {}

    def rootless(self) -> bool:
        return os.geteuid() != 0

    def version(self) -> str:
        return str(self._ask("version", "--format", "json")["Client"]["Version"])

    def containers(self) -> Listed:
        return self._list("ps", "--all", "--external=false", "--no-trunc", "--format", "json")

    def container(self, reference: str) -> Mapping[str, Any] | None:
        """All that are listed are inspected at once: one start of the program instead of one for each."""
        listed = [str(each["Id"]) for each in self.containers()]
        if listed and not self._inspected:
            found = self._ask("container", "inspect", *listed)
            self._inspected = {str(each["Id"]): _without_secrets(each) for each in found}
        by_name = {str(each.get("Name", "")): each for each in self._inspected.values()}
        short = [each for known, each in self._inspected.items() if reference and known.startswith(reference)]
        return self._inspected.get(reference) or by_name.get(reference) or (short[0] if len(short) == 1 else None)

    def volumes(self) -> Listed:
        return self._list("volume", "ls", "--format", "json")

    def images(self) -> Listed:
        return self._list("images", "--all", "--no-trunc", "--format", "json")

    def pods(self) -> Listed:
        return self._list("pod", "ps", "--no-trunc", "--format", "json")

    def networks(self) -> Listed:
        return self._list("network", "ls", "--no-trunc", "--format", "json")

    def _list(self, *arguments: str) -> Listed:
        if self._never_used():
            return ()
        found: Listed = self._ask(*arguments) or ()
        return found

    def _never_used(self) -> bool:
        storage = self._storage()
        return storage is not None and not os.path.exists(storage)

    def _storage(self) -> str | None:
        """Where it keeps all that it has; None where its configuration cannot be followed: then it is asked."""
        environment = self._environment
        home = environment.get("HOME", "/root")
        chosen = environment.get("CONTAINERS_STORAGE_CONF")
        own = f"{environment.get('XDG_CONFIG_HOME', f'{home}/.config')}/containers/storage.conf"
        files = ((chosen,) if chosen else ()) + ((own,) if self.rootless() else ROOTS_CONFIGURATION)
        usual = ROOTS_STORAGE
        if self.rootless():
            usual = f"{environment.get('XDG_DATA_HOME', f'{home}/.local/share')}/containers/storage"
            if any(map(os.path.exists, ROOTS_CONFIGURATION)):
                return None  # it may give users another place
        file = next(filter(os.path.exists, files), None)
        return usual if file is None else _graph_root(file, usual)

    def _ask(self, *arguments: str) -> Any:
        """Ask once; raises Unanswered at once for everything after the first failure."""
        if arguments not in self._kept and self._failure is None:
            try:
                self._kept[arguments] = _run(arguments, self._environment)
            except Unanswered as unanswered:
                self._failure = unanswered.gap
        if self._failure is not None:
            raise Unanswered(self._failure)
        return self._kept[arguments]


def _graph_root(file: str, usual: str) -> str | None:
    import tomllib  # 7 ms, only where Podman has such a file

    try:
        with open(file, "rb") as opened:
            found = tomllib.load(opened).get("storage", {}).get("graphroot", usual)
    except (OSError, tomllib.TOMLDecodeError, AttributeError):
        return None
    return found if isinstance(found, str) and found.startswith("/") else None


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> Any:
    seconds = patience.limit_s()
    try:
        done = programs.run(("podman", *arguments), seconds=seconds, env=environment)
    except OSError as fault:
        raise Unanswered(Gap("podman", f"it cannot be started: {fault.strerror}", "install it")) from fault
    if done.returncode == -signal.SIGALRM:
        problem = f"it did not answer within {seconds} s"
        raise Unanswered(Gap("podman", problem, f"see whether it hangs: podman {arguments[0]}"))
    try:
        # Of several containers one may have gone meanwhile: an exit code of its own, and the others' answers
        return json.loads(done.stdout)
    except ValueError as fault:
        said = (lines_of(done.stderr.strip()) or ["it says nothing that can be read"])[-1][:200]
        raise Unanswered(Gap("podman", said, f"check it: podman {' '.join(arguments[:2])}")) from fault


def _without_secrets(inspected: Mapping[str, Any]) -> Mapping[str, Any]:
    config = {key: value for key, value in (inspected.get("Config") or {}).items() if key not in SECRET_KEYS}
    kept = {key: value for key, value in inspected.items() if key not in ("Args", "Path", "ExecIDs")}
    return {**kept, "Config": config}
