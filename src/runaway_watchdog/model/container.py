"""What everyone who speaks of containers agrees on."""

from typing import Final

SHORT_ID: Final = 12  # characters of an ID, as `docker ps` and `podman ps` show it
DOCKER_KINDS: Final = frozenset(("docker-container", "compose-service", "swarm-task"))  # of owners, as model.owner.Kind
REPLACED_KINDS: Final = frozenset(("swarm-task",))
"""Of those another container takes the place, by no policy of their own."""
CONTAINER_KINDS: Final = DOCKER_KINDS | {"podman-container"}
