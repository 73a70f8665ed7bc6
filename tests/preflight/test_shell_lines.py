"""Lines that people paste: each with the commands that a reader of the shell finds in it (checked by eye)."""

import pytest
from preflight.shell_notation import read, written

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
        "sudo pkill -f celery; sudo killall -9 node",
        "pkill -f celery",
        "killall -9 node",
    ),
    (
        "lsof -ti:3000 | xargs kill -9",
        "lsof -ti:3000",
        "if kill -9 <lsof -ti:3000>",
    ),
    (
        "kill -9 $(lsof -t -i:8080) 2>/dev/null || true",
        "lsof -t -i:8080",
        "kill -9 <lsof -t -i:8080>",
        "if true",
    ),
    (
        "fuser -k 8080/tcp",
        "fuser -k 8080/tcp",
    ),
    (
        "rm -rf ./node_modules && npm install",
        "rm -rf ./node_modules",
        "if npm install",
    ),
    (
        'find /var/log -type f -name "*.log" -mtime +30 -delete',
        "find /var/log -type f -name *.log -mtime +30 -delete",
    ),
    (
        "find . -type f -name '*.tmp' -print0 | xargs -0 rm -f",
        "find . -type f -name *.tmp -print0",
        "if rm -f <find . -type f -name *.tmp -print0>",
    ),
    (
        "find /srv -name '*.bak' -exec rm -v {} +",
        "if rm -v <find /srv -name *.bak -print>",
        "find /srv -name *.bak",
    ),
    (
        "ls -t | tail -n +6 | xargs -I {} rm -- {}",
        "ls -t",
        "tail -n +6 [reads ls -t]",
        "if rm -- <tail -n +6 [reads ls -t]>",
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
        "while ! curl -sf localhost:8080/health; do sleep 1; done",
        "if curl -sf localhost:8080/health",
        "if sleep 1",
    ),
    (
        "until docker info >/dev/null 2>&1; do sleep 1; done; docker volume prune -f",
        "if docker info",
        "if sleep 1",
        "docker volume prune -f",
    ),
    (
        '(crontab -l 2>/dev/null; echo "*/5 * * * * /usr/local/bin/check") | crontab -',
        "crontab -l",
        "echo '*/5 * * * * /usr/local/bin/check'",
        "crontab - [reads crontab -l; echo '*/5 * * * * /usr/local/bin/check']",
    ),
    (
        'echo "" > /var/log/syslog',
        "echo '' [empties /var/log/syslog]",
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
        'sudo bash -c "echo 3 > /proc/sys/vm/drop_caches"',
        "echo 3 [empties /proc/sys/vm/drop_caches]",
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
        "psql -U postgres <<EOF\nDROP DATABASE shop;\nEOF",
        "psql -U postgres [given 'DROP DATABASE shop;\\n']",
    ),
    (
        "wget -qO- https://example.org/install.sh | sudo bash -s -- --yes",
        "wget -qO- https://example.org/install.sh",
        "?? `sudo bash -s -- --yes`: what this shell is given to run is only known when it runs",
    ),
    (
        "curl -s https://example.org/x.sh -o x.sh && bash x.sh",
        "curl -s https://example.org/x.sh -o x.sh",
        "if source x.sh",
    ),
    (
        "source venv/bin/activate && pip install -r requirements.txt",
        "source venv/bin/activate",
        "if (environment unknown) pip install -r requirements.txt [in ?]",
    ),
    (
        "git clean -fdx && git reset --hard",
        "git clean -fdx",
        "if git reset --hard",
    ),
    (
        'tar czf - data | ssh backup "cat > data.tgz"',
        "tar czf - data",
        "remote cat [reads tar czf - data] [empties data.tgz]",
    ),
    (
        "dd if=/dev/zero of=/dev/sda bs=1M",
        "dd if=/dev/zero of=/dev/sda bs=1M",
    ),
    (
        "rsync -a --delete empty/ data/",
        "rsync -a --delete empty/ data/",
    ),
    (
        "mv data{,.bak} && mkdir data",
        "mv data data.bak",
        "if mkdir data",
    ),
    (
        "cp /etc/nginx/nginx.conf{,.$(date +%F)}",
        "date +%F",
        "cp /etc/nginx/nginx.conf ?",
    ),
    (
        "rm -rf /srv/{shop,blog}/data",
        "rm -rf /srv/shop/data /srv/blog/data",
    ),
    (
        'rm -rf "$DATA_DIR"/*',
        "rm -rf ?",
    ),
    (
        'DIR=/srv/shop; rm -rf "$DIR/data" ${DIR}/cache',
        "rm -rf /srv/shop/data /srv/shop/cache",
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
        'sudo -u postgres psql -c "drop database shop"',
        "psql -c 'drop database shop'",
    ),
    (
        'sudo su - postgres -c "dropdb shop"',
        "dropdb shop [in ?]",
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
        "mysql -e 'drop database shop' && redis-cli FLUSHALL",
        "mysql -e 'drop database shop'",
        "if redis-cli FLUSHALL",
    ),
    (
        "systemctl list-units --type=service | awk '{print $1}' | xargs -n1 systemctl stop",
        "systemctl list-units --type=service",
        "awk '{print $1}' [reads systemctl list-units --type=service]",
        "if systemctl stop <awk '{print $1}' [reads systemctl list-units --type=service]>",
    ),
    (
        "ps -ef | grep '[n]ode' | awk '{print $2}' | xargs -r sudo kill",
        "ps -ef",
        "grep '[n]ode' [reads ps -ef]",
        "awk '{print $2}' [reads grep '[n]ode' [reads ps -ef]]",
        "if kill <awk '{print $2}' [reads grep '[n]ode' [reads ps -ef]]>",
    ),
    (
        "pgrep -f worker | xargs -I{} sh -c 'echo {}; kill {}'",
        "pgrep -f worker",
        "?? `sh -c 'echo {}; kill {}'`: what 'echo {}; kill {}' stands for is only known when it runs",
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
        "nice -n 19 ionice -c 3 tar xzf backup.tgz",
        "tar xzf backup.tgz",
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
        "> /var/log/app.log",
        ": [empties /var/log/app.log]",
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
    (
        "sudo !!",
        "?? `sudo !!`: what !! stands for is only known when it runs",
    ),
    (
        "rm -rf !(keep)",
        "rm -rf !",
        "?? `(keep)`: where one command ends and the next begins is not clear",
    ),
    (
        "crontab -r",
        "crontab -r",
    ),
)


@pytest.mark.parametrize(("line", "commands"), [(line, list(commands)) for line, *commands in LINES])
def test_the_commands_of_a_line_are_found(line: str, commands: list[str]) -> None:
    """Every command of a pasted line, as it would be given its words, and every part that cannot be read."""
    assert written(read(line)) == commands
