"""Compose in a plan: a command that works on this host, and what `down -v` would destroy.

Apart from what commands of a line need: every explanation of a Compose service asks for this.
"""

from collections.abc import Sequence
from shlex import quote

from runaway_watchdog.effects import Docker
from runaway_watchdog.effects.docker import state, volumes
from runaway_watchdog.engines import docker as engine
from runaway_watchdog.model.effect import Effect, Effects
from runaway_watchdog.world import World

PROJECT = "com.docker.compose.project"
WHY = "down -v deletes it"
PLUGIN_FOLDERS = (
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/root/.docker/cli-plugins",
)


def command(world: World, docker: str, project: str, config_files: Sequence[str], words: str) -> str:
    """A Compose command that works from any folder, for the version that this host has.

    Compose v2 finds a project's containers by label, `-p` is enough; v1 (a program of its own) wants the files.
    """
    if any(world.files.exists(f"{folder}/docker-compose") for folder in PLUGIN_FOLDERS):
        return f"{docker} compose -p {quote(project)} {words}"
    files = "".join(f"-f {quote(file)} " for file in config_files)
    return f"docker-compose {files}-p {quote(project)} {words}"


def down_volumes(world: World, line: str, project: str) -> Effects:
    """`docker compose -p PROJECT down -v`, from the two lists that a plan asks for. Raises Unanswered.

    Every container of the project goes; of its volumes the named ones that carry its label and the anonymous ones of
    its containers, unless a container outside the project, even a stopped one, refers to them.
    """
    docker = Docker(containers=engine.containers(world), volumes=engine.volumes(world))
    ours = [each for each in docker.containers if each.labels.get(PROJECT) == project]
    after = state.without_containers(docker, {each.id for each in ours})
    named = {each.name for each in docker.volumes if each.labels.get(PROJECT) == project}
    unnamed = frozenset[str]().union(*(volumes.unnamed(each, docker) for each in ours))
    free = {each.name for each in state.unreferenced(after)}
    gone = tuple(Effect("remove", "container", each.name, False, volumes.OUTSIDE) for each in ours)
    lost = volumes.deleted(world, docker, (named | unnamed) & free, WHY, among=ours)
    return Effects(line, (*gone, *lost))
