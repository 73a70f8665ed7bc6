"""Lines about Docker that people paste, each with its commands (see test_shell_lines)."""

LINES: tuple[tuple[str, ...], ...] = (
    (
        "docker rm -f $(docker ps -aq)",
        "docker ps -aq",
        "docker rm -f <docker ps -aq>",
    ),
    (
        "docker rm -v $(docker ps -a -q -f status=exited)",
        "docker ps -a -q -f status=exited",
        "docker rm -v <docker ps -a -q -f status=exited>",
    ),
    (
        "docker kill `docker ps -q`",
        "docker ps -q",
        "docker kill <docker ps -q>",
    ),
    (
        "docker system prune -af --volumes",
        "docker system prune -af --volumes",
    ),
    (
        "docker volume prune -f && docker image prune -af",
        "docker volume prune -f",
        "if docker image prune -af",
    ),
    (
        "docker-compose -f docker-compose.yml -f docker-compose.prod.yml down -v --remove-orphans",
        "docker-compose -f docker-compose.yml -f docker-compose.prod.yml down -v --remove-orphans",
    ),
    (
        "docker compose down -v; docker compose up -d --build",
        "docker compose down -v",
        "docker compose up -d --build",
    ),
    (
        "docker stop web && docker rm web && docker run -d --name web -p 80:80 nginx",
        "docker stop web",
        "if docker rm web",
        "if docker run -d --name web -p 80:80 nginx",
    ),
    (
        'docker ps --filter "name=shop_*" -q | xargs --no-run-if-empty docker stop',
        "docker ps --filter name=shop_* -q",
        "if docker stop <docker ps --filter name=shop_* -q>",
    ),
    (
        "docker inspect --format='{{.State.Pid}}' web | xargs sudo kill -9",
        "docker inspect --format={{.State.Pid}} web",
        "if kill -9 <docker inspect --format={{.State.Pid}} web>",
    ),
    (
        "docker run --rm -v $(pwd):/app -w /app node npm ci",
        "pwd",
        "docker run --rm -v /srv/app:/app -w /app node npm ci",
    ),
    (
        'docker run --rm -v "$PWD":/app alpine sh -c "rm -rf /app/data"',
        "docker run --rm -v /srv/app:/app alpine sh -c 'rm -rf /app/data'",
    ),
    (
        "docker exec -it db psql -U postgres -c 'DROP DATABASE shop;'",
        "docker exec -it db psql -U postgres -c 'DROP DATABASE shop;'",
    ),
    (
        "docker exec db pg_dumpall -U postgres > backup.sql",
        "docker exec db pg_dumpall -U postgres [empties backup.sql]",
    ),
    (
        "cat backup.sql | docker exec -i db psql -U postgres",
        "cat backup.sql",
        "docker exec -i db psql -U postgres [reads cat backup.sql]",
    ),
    (
        "docker exec -i db psql -U postgres < backup.sql",
        "docker exec -i db psql -U postgres [reads cat backup.sql]",
    ),
    (
        "sudo systemctl stop docker.socket docker; sudo rm -rf /var/lib/docker/volumes/*; sudo systemctl start docker",
        "systemctl stop docker.socket docker",
        "rm -rf glob:/var/lib/docker/volumes/*",
        "systemctl start docker",
    ),
    (
        'for v in $(docker volume ls -q); do docker volume rm "$v"; done',
        "docker volume ls -q",
        "if docker volume rm <docker volume ls -q>",
    ),
    (
        'for c in shop_web shop_db; do docker update --restart=no "$c" && docker stop "$c"; done',
        "if docker update --restart=no shop_web",
        "if docker stop shop_web",
        "if docker update --restart=no shop_db",
        "if docker stop shop_db",
    ),
    (
        "until docker info >/dev/null 2>&1; do sleep 1; done; docker volume prune -f",
        "if docker info",
        "if sleep 1",
        "docker volume prune -f",
    ),
    (
        "truncate -s 0 /var/lib/docker/containers/*/*-json.log",
        "truncate -s 0 glob:/var/lib/docker/containers/*/*-json.log",
    ),
    (
        "sudo sh -c 'truncate -s 0 /var/lib/docker/containers/*/*-json.log'",
        "truncate -s 0 glob:/var/lib/docker/containers/*/*-json.log",
    ),
    (
        "if [ -f docker-compose.yml ]; then docker compose down -v; else echo none; fi",
        "'[' -f docker-compose.yml ']'",
        "if docker compose down -v",
        "if echo none",
    ),
    (
        "test -d /srv/shop && cd /srv/shop && docker compose down",
        "test -d /srv/shop",
        "if cd /srv/shop",
        "if docker compose down [in /srv/shop]",
    ),
    (
        "export COMPOSE_PROJECT_NAME=shop; docker compose down -v",
        "export COMPOSE_PROJECT_NAME=shop",
        "COMPOSE_PROJECT_NAME=shop docker compose down -v",
    ),
    (
        "COMPOSE_PROJECT_NAME=shop docker compose down -v",
        "COMPOSE_PROJECT_NAME=shop docker compose down -v",
    ),
    (
        "DOCKER_HOST=ssh://root@db docker volume prune -f",
        "DOCKER_HOST=ssh://root@db docker volume prune -f",
    ),
    (
        "ssh root@web 'cd /srv/shop && docker compose down -v'",
        "remote cd /srv/shop",
        "if remote docker compose down -v",
    ),
    (
        "ssh web <<'EOF'\ndocker volume prune -f\nEOF",
        "remote docker volume prune -f",
    ),
    (
        "nohup docker compose up > out.log 2>&1 &",
        "docker compose up [empties out.log]",
    ),
    (
        "set -euo pipefail; cd /srv/shop; docker compose down -v",
        "set -euo pipefail",
        "if cd /srv/shop",
        "if docker compose down -v [in /srv/shop]",
    ),
    (
        'docker ps -q | while read -r id; do docker stop "$id"; done',
        "docker ps -q",
        "if read -r id [reads docker ps -q]",
        "if docker stop <docker ps -q> [reads docker ps -q]",
    ),
    (
        "docker images --format '{{.ID}}' | sort -u | xargs -r docker rmi -f",
        "docker images --format {{.ID}}",
        "sort -u [reads docker images --format {{.ID}}]",
        "if docker rmi -f <sort -u [reads docker images --format {{.ID}}]>",
    ),
    (
        "docker volume ls -q | grep shop_ | xargs docker volume rm",
        "docker volume ls -q",
        "grep shop_ [reads docker volume ls -q]",
        "if docker volume rm <grep shop_ [reads docker volume ls -q]>",
    ),
    (
        "docker compose ps -q | xargs docker inspect -f '{{ .Name }}'",
        "docker compose ps -q",
        "if docker inspect -f '{{ .Name }}' <docker compose ps -q>",
    ),
    (
        "time docker compose down",
        "docker compose down",
    ),
    (
        "yes | sudo docker system prune -a",
        "yes",
        "docker system prune -a [reads yes]",
    ),
    (
        "echo y | docker volume prune",
        "echo y",
        "docker volume prune [reads echo y]",
    ),
    (
        "alias dc='docker compose'\ndc down -v",
        "alias 'dc=docker compose'",
        "?? `dc down -v`: `dc` is an alias or a function here that is not read",
    ),
    (
        'cleanup() { docker rm -f "$1"; docker volume rm "$2"; }; cleanup web web_data',
        "if docker rm -f web",
        "if docker volume rm web_data",
    ),
    (
        'trap "docker rm -f tmp" EXIT; docker run --name tmp alpine true',
        "if (environment unknown) docker rm -f tmp [in ?]",
        "docker run --name tmp alpine true",
    ),
    (
        'eval "$(docker-machine env default)"; docker ps',
        "docker-machine env default",
        "(environment unknown) docker ps [in ?]",
        '?? `eval "$(docker-machine env default)"`: what it runs is only known when it runs',
    ),
    (
        "env DOCKER_HOST=tcp://db:2375 docker ps",
        "DOCKER_HOST=tcp://db:2375 docker ps",
    ),
    (
        "sudo DOCKER_HOST=tcp://db:2375 docker volume prune -f",
        "DOCKER_HOST=tcp://db:2375 docker volume prune -f",
    ),
    (
        "timeout 10 docker stop web || docker kill web",
        "docker stop web",
        "if docker kill web",
    ),
    (
        "watch -n 5 'docker ps | wc -l'",
        "if docker ps",
        "if wc -l [reads docker ps]",
    ),
    (
        "docker stop web & docker stop db & wait",
        "docker stop web",
        "docker stop db",
        "wait",
    ),
    (
        "cat <<EOF | sudo tee /etc/docker/daemon.json && sudo systemctl restart docker\n"
        '{"data-root": "/mnt/docker"}\nEOF',
        'cat [given \'{"data-root": "/mnt/docker"}\\n\']',
        'tee /etc/docker/daemon.json [reads cat [given \'{"data-root": "/mnt/docker"}\\n\']]',
        "if systemctl restart docker",
    ),
    (
        "docker network rm $(docker network ls -q) 2> /dev/null; true",
        "docker network ls -q",
        "docker network rm <docker network ls -q>",
        "true",
    ),
    (
        '[ "$(docker ps -q -f name=web)" ] && docker stop web',
        "docker ps -q -f name=web",
        "'[' whole:<docker ps -q -f name=web> ']'",
        "if docker stop web",
    ),
    (
        "[[ -n $(docker ps -q) ]] && docker stop $(docker ps -q)",
        "docker ps -q",
        "if docker ps -q",
        "if docker stop <docker ps -q>",
    ),
    (
        'case "$1" in stop) docker stop web;; *) docker start web;; esac',
        "if docker stop web",
        "if docker start web",
    ),
    (
        "pushd /srv/shop && docker compose down; popd",
        "pushd /srv/shop",
        "if docker compose down [in /srv/shop]",
        "popd [in /srv/shop]",
    ),
    (
        "(cd /srv/blog && docker compose down -v); docker compose ps",
        "cd /srv/blog",
        "if docker compose down -v [in /srv/blog]",
        "docker compose ps",
    ),
    (
        "N=3; for i in $(seq 1 $N); do docker rm -f worker_$i; done",
        "seq 1 3",
        "if docker rm -f ?",
    ),
    (
        "for i in {1..3}; do docker rm -f worker_$i; done",
        "if docker rm -f worker_1",
        "if docker rm -f worker_2",
        "if docker rm -f worker_3",
    ),
    (
        "docker rm -f worker_{1..3} worker_{a,b}",
        "docker rm -f worker_1 worker_2 worker_3 worker_a worker_b",
    ),
    (
        "exec > install.log 2>&1; docker volume prune -f",
        ": [empties install.log]",
        "docker volume prune -f",
    ),
    (
        ': "${NAME:=shop}"; docker compose -p "$NAME" down -v',
        ": ?",
        "docker compose -p ? down -v",
    ),
)
