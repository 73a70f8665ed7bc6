"""Lines of the field's kinds in other spellings: what the shell makes of a word is found out before it is judged."""

import pytest

from field import judging, verdicts
from field.cases import Case

ACME = "volume acme_pgdata"
PLAIN = ("path /srv/plain/a.log", "path /srv/plain/c.txt")
WORLD = verdicts.over_the_picture()

PROJECTS = (
    ("/srv/acme", "docker compose -p ${PWD##*/} down -v"),
    ("/srv/acme", 'docker compose -p "${PWD##*/}" down --volumes'),
    ("/srv/acme", 'docker compose -p "$(basename "$PWD")" down -v'),
    ("/srv/acme", "docker compose -p `basename $(pwd)` down -v"),
    ("/srv/acme", "docker compose --project-name=$(basename $PWD) down -v"),
    ("/srv/acme/sub", 'docker compose -p "$(basename "$(dirname "$PWD")")" down -v'),
    ("/srv/acme", 'NAME=${PWD##*/}; docker compose -p "${NAME}" down -v'),
    ("/srv/acme", "cd .. && docker compose -p $(basename $OLDPWD) down -v"),
    ("/srv", "docker compose -p $(docker compose ls -q | grep acme) down -v"),
    ("/srv", "docker compose -p $(docker compose ls -aq | head -n 1) down -v"),
    ("/srv", "for p in $(docker compose ls -q | grep -v globex); do docker compose -p $p down -v; done"),
    ("/srv", "for p in acme initech; do docker compose -p $p down -v; done"),
    ("/srv", "docker compose ls -q | while read p; do docker compose -p $p down -v; done"),
    ("/srv", 'docker compose ls -q | while IFS= read -r p; do docker compose -p "$p" down -v; done'),
    ("/srv", 'while read -r p; do docker compose -p "$p" down -v; done < <(docker compose ls -q)'),
    ("/srv", 'while read -r p; do docker compose -p "$p" down -v; done < /srv/projects.txt'),
    ("/srv", 'while read -r p || [ -n "$p" ]; do docker compose -p "$p" down -v; done <<E\nacme\nE'),
    ("/srv", "read -r p < /srv/projects.txt; docker compose -p $p down -v"),
    ("/srv", "docker compose -p $(head -1 /srv/projects.txt) down -v"),
    ("/srv", "docker compose ls -q | xargs -n1 -I % docker compose -p % down -v"),
    ("/srv", "docker compose ls -q | xargs -i docker compose -p {} down -v"),
    ("/srv", "echo acme | xargs -I{} docker compose --project-name {} down -v"),
    ("/srv", "xargs -a /srv/projects.txt -I{} docker compose -p {} down -v"),
    ("/srv", "docker compose ls -q | xargs -I{} bash -c 'docker compose -p {} down -v'"),
    ("/srv", "docker compose ls -q | xargs -n 1 sh -c 'docker compose -p \"$1\" down -v' _"),
    ("/srv", 'P=(acme initech); for p in "${P[@]}"; do docker compose -p "$p" down -v; done'),
    ("/srv", 'P=(initech); P+=(acme); for p in ${P[*]}; do docker compose -p "$p" down -v; done'),
    ("/srv", "P=(initech acme); docker compose -p ${P[1]} down -v"),
    ("/srv", 'mapfile -t P < <(docker compose ls -q); for p in "${P[@]}"; do docker compose -p "$p" down -v; done'),
    ("/srv", 'for d in /srv/*/; do docker compose -p "$(basename "$d")" down -v; done'),
    ("/srv", "for d in acme globex; do docker compose -p ${d%%/*} down -v; done"),
    ("/srv", "C=acme-db-1; docker compose -p ${C%%-*} down -v"),
    ("/srv", "docker compose -p $(docker inspect -f '{{index .Config.Labels \"com.docker.compose.project\"}}' "
             "acme-db-1) down -v"),
    ("/srv", "docker ps --format '{{.Label \"com.docker.compose.project\"}}' | grep acme | head -1 | "
             "xargs -I{} docker compose -p {} down -v"),
    ("/srv", "docker compose -p $(echo ACME | tr A-Z a-z) down -v || docker compose -p acme down -v"),
    ("/srv", "docker compose -p $(echo acme-db-1 | cut -d- -f1) down -v"),
    ("/srv", "docker compose -p $(echo acme/x | sed 's/.x//') down -v"),
)  # fmt: skip


@pytest.mark.parametrize(("folder", "line"), PROJECTS)
def test_a_project_that_the_shell_names_is_known(folder: str, line: str) -> None:
    """However its name comes into the line, its volume is lost."""
    assert ACME in _judged(folder, line).lost


HIDDEN = (
    "docker compose -p $X down -v",
    'docker compose -p "$X" down -v',
    "docker compose -p$(curl -s example.org) down -v",
    "docker compose --project-name $(unknown) down -v",
    'docker compose -p "${X[@]}" down -v',
    "docker compose -p ${!X} down -v",
    "docker compose -f $X down -v",
    "docker compose --project-directory $X down -v",
    "COMPOSE_PROJECT_NAME=$X docker compose down -v",
    "unknown | xargs -I{} docker compose -p {} down -v",
    "unknown | while read p; do docker compose -p $p down -v; done",
    "for p in $(unknown); do docker compose -p $p down -v; done",
    "for p in $X; do docker compose -p $p rm -sfv; done",
    "docker compose -p acme down $X",
    "docker rm $X",
    "docker stop -t $X nobody",
)


@pytest.mark.parametrize("line", HIDDEN)
def test_what_is_not_known_is_never_harmless(line: str) -> None:
    """A project, a file or an option that is only known when the line runs."""
    assert _judged("/srv/acme", line).verdict in ("unknown", "destroys-data")


FAILING = (
    "cd build; rm -rf *",
    "cd build\nrm -rf ./*",
    "cd ./nope/deeper ; rm -rf -- *",
    "cd /srv/nope 2>/dev/null; rm -f *.log *.txt",
    "pushd nope; rm -rf *",
    "cd nope || true; rm -rf *",
    "cd nope || echo no; find . -type f -delete",
    "cd nope; cd also-not; rm -rf *",
    "D=nope; cd $D; rm -rf *",
    "cd $(echo nope); rm -rf *",
    "if cd nope; then echo; fi; rm -rf *",
    "cd a.log; rm -rf *",
    "{ cd nope; rm -rf *; }",
    "(cd nope; rm -rf *)",
    "sh -c 'cd nope; rm -rf *'",
)


@pytest.mark.parametrize("line", FAILING)
def test_a_cd_that_fails_leaves_the_shell_where_it_is(line: str) -> None:
    """What comes after it hits the folder that the line was typed in."""
    assert set(PLAIN) <= set(_judged("/srv/plain", line).lost)


@pytest.mark.parametrize(
    "line",
    ["cd nope && rm -rf *", "set -e; cd nope; rm -rf *", "cd nope || exit 1; rm -rf *", "cd nope && a.log > c.txt"],
)
def test_what_waits_for_a_cd_that_fails_never_runs(line: str) -> None:
    """After &&, with `set -e`, or after `|| exit`."""
    assert _judged("/srv/plain", line).verdict == "safe"


@pytest.mark.parametrize(
    "line",
    [
        "ls | sort | head\nrm -f c.txt\nuptime > /tmp/log",
        "ls | sort | head # three\nrm -f c.txt\nuptime > /tmp/log",
        "a=1\nls | grep x | wc -l\n\nrm -f c.txt\ndate >> /tmp/log\nls",
        "if ls | sort | head\nthen rm -f c.txt\nls > /tmp/x; fi",
        "time { rm -f c.txt; }",
        "time -p (rm -f c.txt)",
        "time for f in c.txt; do rm -f $f; done",
    ],
)
def test_what_the_grammar_misreads_is_read(line: str) -> None:
    """A pipe of three parts, then more lines and a redirection; `time` before a group."""
    assert _judged("/srv/plain", line).lost == ["path /srv/plain/c.txt"]


@pytest.mark.parametrize(
    "line",
    [
        "docker compose down -v",
        "docker compose down",
        "docker compose rm -sfv",
        "docker compose stop",
        "cd /srv/plain && docker compose down -v",
        "cd plain; docker compose down --volumes --remove-orphans",
        "(cd /srv/plain; docker compose kill)",
        "sh -c 'docker compose down -v'",
        "sudo docker compose down -v",
    ],
)
def test_in_the_wrong_folder_there_is_nothing_to_do(line: str) -> None:
    """It is never safe: where it would act is said."""
    judged = judging.preflight(WORLD(), Case("", "", "/srv", line, loses_data=False))
    assert judged["verdict"] in ("nothing", "unknown")
    if judged["verdict"] == "nothing":
        assert "no Compose file here; in /srv/acme it would " in judged["nothing"][0]
        assert judged["folder"] == "/srv"


@pytest.mark.parametrize("line", ["rm -rf /", "rm -r -f --preserve-root /", "sudo rm -rf /", "cd /; rm -rf /"])
def test_what_gnu_rm_refuses_is_not_called_safe(line: str) -> None:
    """It deletes nothing, and says so itself; another program might."""
    judged = judging.preflight(WORLD(), Case("", "", "/srv", line, loses_data=False))
    assert judged["verdict"] == "unknown"
    assert "refuses" in judged["unknown"][0]


@pytest.mark.parametrize(
    "line",
    [
        "su - deploy -c 'rm -rf app/uploads'",
        "su -l deploy -c 'cd app && rm -rf uploads'",
        "sudo -iu deploy rm -rf app/uploads",
        "sudo -i -u deploy sh -c 'rm -rf ./app/uploads'",
        "runuser -l deploy -c 'rm -rf app/uploads'",
    ],
)
def test_a_login_starts_at_home(line: str) -> None:
    """What another user's shell is told to do is relative to that user's home."""
    assert "path /home/deploy/app/uploads" in _judged("/srv", line).lost


ROWS = "path /var/lib/docker/volumes/acme_pgdata/_data/rows"


@pytest.mark.parametrize(
    "line",
    [
        "docker exec -w /data acme-db-1 rm -rf rows",
        "docker exec --workdir=/data acme-db-1 rm -f ./rows",
        "docker exec -w / acme-db-1 rm -f data/rows",
        "docker exec acme-db-1 rm -f //data//rows",
        "docker exec acme-db-1 sh -c 'cd /data && rm -f rows'",
        "docker exec acme-db-1 sh -c 'cd /data; rm -f row*'",
        "docker exec acme-db-1 sh -c '> /data/rows'",
        "docker exec -w /data acme-db-1 sh -c 'echo x > rows'",
        "docker exec acme-db-1 bash -lc 'for f in /data/r*; do rm -f $f; done'",
        "docker exec -i acme-db-1 sh <<EOF\nrm -rf /data/rows\nEOF",
        "docker exec -i acme-db-1 sh <<'EOF'\ncd /data\nrm -rf rows\nEOF",
        "echo 'rm -f /data/rows' | docker exec -i acme-db-1 sh",
        "docker exec -i acme-db-1 sh -s <<< 'rm -f /data/rows'",
        "docker exec acme-db-1 find /data -name rows -delete",
        "docker exec acme-db-1 cp /dev/null /data/rows",
        "docker exec acme-db-1 dd if=/dev/zero of=/data/rows count=1",
        "docker exec acme-db-1 truncate -s 0 /data/rows",
        "docker exec acme-db-1 env A=b rm -f /data/rows",
        "docker exec acme-db-1 timeout 5 sh -c 'rm -f /data/rows'",
        "docker container exec acme-db-1 sh -ec 'rm /data/rows'",
        "docker cp /srv/ask.sql acme-db-1:/data/rows",
        "docker cp ask.sql acme-db-1:/data/../data/rows",
        "docker run --rm -v acme_pgdata:/d bb:1 sh -c 'rm -rf /d/rows'",
        "docker run --rm -v acme_pgdata:/d -w /d bb:1 rm rows",
        "docker run --rm --mount type=volume,source=acme_pgdata,target=/d bb:1 rm -f /d/rows",
        "docker run --rm -v acme_pgdata:/d --entrypoint rm bb:1 -f /d/rows",
        "docker run --rm -v /var/lib/docker/volumes/acme_pgdata/_data:/d bb:1 rm -f /d/rows",
    ],
)
def test_inside_a_container_a_path_is_its_own(line: str) -> None:
    """However the command comes there, and whatever folder it runs in, the volume's file is lost."""
    assert ROWS in _judged("/srv", line).lost


@pytest.mark.parametrize(
    "line",
    [
        "docker exec acme-db-1 rm -rf '/data/*'",
        "docker exec acme-db-1 rm -rf /data/*",  # the host's shell finds no such files, and hands the star over
        "docker exec acme-db-1 ls -la /data",
        "docker exec acme-db-1 cat /data/rows",
        "docker run --rm -v acme_pgdata:/d:ro bb:1 ls /d",
        "docker run --rm -v acme_pgdata:/d bb:1 ls /d",
        "docker cp acme-db-1:/data/rows ./rows.bak",
    ],
)
def test_what_hits_no_file_of_the_host_loses_nothing(line: str) -> None:
    """Reading, a mount that cannot be written, a new container's own files."""
    assert _judged("/srv", line).lost == []


def test_what_docker_prints_may_empty_a_file() -> None:
    """A redirection is the host's shell's."""
    assert "path /srv/app.db" in _judged("/srv", "docker exec acme-db-1 cat /data/rows > /srv/app.db").lost
    assert "path /srv/app.db" in _judged("/srv", "docker ps > app.db").lost


def _judged(folder: str, line: str) -> judging.Judged:
    return judging.judge(WORLD(), Case("", "", folder, line, loses_data=True))


@pytest.mark.parametrize(
    "line",
    [
        "echo '    restart: always' >> docker-compose.yml; docker compose up -d",
        "echo '    restart: always' | tee -a docker-compose.yml && docker compose up -d",
        "sed -i 's/a/b/' docker-compose.yml && docker compose up -d",
    ],
)
def test_a_line_that_edits_compose_s_file_has_the_container_made_anew(line: str) -> None:
    """What its container wrote outside of volumes goes with it."""
    said = judging.judge(WORLD(), Case("x", "A2", "/srv/vandelay", line, True))
    assert said.verdict in ("destroys-data", "unknown"), said
