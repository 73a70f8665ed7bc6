"""Docker lines that people type when something runs away: each is foretold, then really run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

ELSEWHERE = "/srv/elsewhere"
"""A folder with no Compose file in it or above it."""


class Case(NamedTuple):
    """Commands, in a folder, that are foretold and then run."""

    line: str  # commands between "; "
    folder: str = ELSEWHERE
    environment: Mapping[str, str] = {}
    unknown: bool = False

    def __str__(self) -> str:
        """As one would type it."""
        variables = "".join(f"{name}={value} " for name, value in self.environment.items())
        first, *rest = self.line.split("; ")
        typed = "; ".join([f"{variables}{first}", *rest])
        return typed if self.folder == ELSEWHERE else f"cd {self.folder}; {typed}"


ACME_FOLDER, GLOBEX_FOLDER = "/srv/acme", "/srv/globex"
OLD_API = {"DOCKER_API_VERSION": "1.41"}
CASES = [
    # docker rm, stop, kill …
    Case("docker rm solo"),
    Case("docker rm idle"),
    Case("docker rm -f solo idle"),
    Case("docker rm -fv solo idle temp frozen nosuch"),
    Case("docker container rm --force --volumes acme-web-1"),
    Case("docker stop -t 5 solo idle temp frozen"),
    Case("docker kill solo temp"),
    Case("docker kill -s HUP acme-db-1"),
    Case("docker kill -s WINCH acme-db-1"),
    Case("docker restart -t 1 solo temp"),
    Case("docker pause solo; docker rm solo"),
    Case("docker rm -f memory; docker volume rm ramdata"),
    Case("docker stop -t 1 memory"),
    Case("docker stop -s KILL solo; docker restart --timeout 1 acme-db-1"),
    Case("docker start globex-prod-api-1; docker update --restart=no globex-prod-api-1"),
    # images
    Case("docker rmi bb:alias"),
    Case("docker rmi bb:1 spare:1 spare:2 nosuch"),
    Case("docker rmi -f bb:alias bb:1"),
    Case("docker image rm tool:1"),
    Case("docker image prune -f"),
    Case("docker image prune -af"),
    # volumes
    Case("docker volume rm loose idledata acme_pgdata nosuch"),
    Case("docker volume rm -f solodata loose bound nosuch"),
    Case("docker volume prune -f"),
    Case("docker volume prune -af"),
    Case("docker volume prune -f --filter label=nosuch"),
    Case("docker volume prune -f --filter all=1"),
    Case("docker volume prune -f", environment=OLD_API),
    Case("docker volume prune -af", environment=OLD_API),
    Case("docker stop -t 1 memory; docker container prune -f; docker volume prune -f", environment=OLD_API),
    # networks and the rest
    Case("docker network rm -f lonely nosuch"),
    Case("docker network disconnect -f globex-prod_inner globex-prod-api-1; docker network rm globex-prod_inner"),
    Case("docker network rm lonely acme_default globex-prod_inner bridge"),
    Case("docker network prune -f"),
    Case("docker container prune -f"),
    Case("docker container prune -f --filter label=keep"),
    Case("docker container prune -f --filter label!=keep"),
    Case("docker container prune -f --filter until=24h"),
    Case("docker system prune -f"),
    Case("docker system prune -af"),
    Case("docker system prune -f --volumes"),
    Case("docker system prune -f --volumes", environment=OLD_API),
    Case("docker --log-level error system prune -af --volumes --filter label!=keep"),
    Case("docker builder prune -f"),
    # Compose 2
    Case("docker compose stop", ACME_FOLDER),
    Case("docker compose stop web", "/srv/acme/sub/deep"),
    Case("docker compose kill db job", ACME_FOLDER),
    Case("docker compose restart -t 1 db", ACME_FOLDER),
    Case("docker compose --profile batch stop -t 1", ACME_FOLDER),
    Case("docker compose -p acme stop -t 1 web"),
    Case("docker compose -p acme rm -sfv"),
    Case("docker compose -p acme up -d"),
    Case("docker compose -p acme restart -t 1"),
    Case("docker compose rm -fv", GLOBEX_FOLDER),
    Case("docker compose pause; docker compose down -v", ACME_FOLDER),
    Case("docker compose down", ACME_FOLDER),
    Case("docker compose down -v", ACME_FOLDER),
    Case("docker compose down -v --remove-orphans", ACME_FOLDER),
    Case("docker compose --profile batch down -v -t 1", ACME_FOLDER),
    Case("docker compose down -v web", ACME_FOLDER),
    Case("docker compose rm -sf db; docker compose down -v web", ACME_FOLDER),
    Case("docker compose down -v nosuch", ACME_FOLDER),
    Case("docker compose down -v acme-web-1", ACME_FOLDER),
    Case("docker compose -f old.yaml down -v", ACME_FOLDER),
    Case("docker compose down -v", ACME_FOLDER, {"COMPOSE_REMOVE_ORPHANS": "1"}),
    Case("docker compose -p acme down -v", environment={"COMPOSE_FILE": "/srv/globex/docker-compose.yml"}),
    Case("docker compose --project-directory /srv/acme -p globex-prod down -v"),
    Case("docker compose --env-file /srv/globex/.env -f /srv/globex/docker-compose.yml down -v"),
    Case("docker compose -p acme down -v nosuch"),
    Case("docker compose -p acme down -v db"),
    Case("docker compose -p acme down -v --rmi all"),
    Case("docker compose -p nosuch down -v"),
    Case("docker compose down -v"),
    Case("docker compose -p globex-prod down -v", ACME_FOLDER),
    Case("docker compose down -v", ACME_FOLDER, {"COMPOSE_PROJECT_NAME": "globex-prod"}),
    Case("docker compose down -v", ELSEWHERE, {"COMPOSE_PROJECT_NAME": "globex-prod"}),
    Case("docker compose down -v", ELSEWHERE, {"COMPOSE_FILE": "/srv/acme/compose.yaml:/srv/acme/old.yaml"}),
    Case("docker compose -f /srv/acme/compose.yaml -f /srv/acme/old.yaml rm -sfv"),
    Case("docker compose --project-directory /srv/globex down -v --rmi local"),
    Case("docker compose down --rmi all", GLOBEX_FOLDER),
    Case("docker compose down -v; docker compose -p acme down -v", GLOBEX_FOLDER),
    Case("docker compose up -d --force-recreate web", ACME_FOLDER),
    Case("docker compose up -d --force-recreate -V web", ACME_FOLDER),
    Case("docker compose up -d --force-recreate web; docker rm -fv acme-web-1", ACME_FOLDER),
    Case("docker compose up -d --remove-orphans", ACME_FOLDER),
    Case("docker compose down; docker compose up -d; docker volume prune -f", ACME_FOLDER),
    Case("docker compose stop; docker system prune -f; docker volume prune -f", ACME_FOLDER),
    Case("docker compose ps -aq; docker ps -aq; docker compose down -v --dry-run", ACME_FOLDER),
]
OLD_CASES = [
    Case("docker-compose stop", "/srv/initech"),
    Case("docker-compose down -v db", "/srv/initech"),
    Case("docker-compose down", "/srv/initech"),
    Case("docker-compose down -v", "/srv/initech"),
    Case("docker-compose rm -sfv db", "/srv/initech"),
    Case("docker-compose -p initech -f /srv/initech/docker-compose.yml down -v --rmi all"),
    Case("docker-compose -p initech down -v"),
    Case("docker compose down -v", "/srv/initech"),
]
