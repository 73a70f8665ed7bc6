"""The guard on a real host: a real project, the real preflight, both shells on a terminal, and what really happened."""

import json
from collections.abc import Iterator

import pytest
from e2e.rig import docker
from e2e.rig.box import Box
from support.terminal import Terminal

pytestmark = pytest.mark.truth  # real shells in a box: some minutes

ASKS = "leaves it: "
FOLDER = "/srv/shop"
PROJECT = """\
services:
  db:
    image: bb:1
    command: sh -c 'echo data > /data/rows; exec sleep 86400'
    volumes: ["pgdata:/data"]
  worker:
    image: bb:1
    command: sleep 86400
volumes:
  pgdata:
"""
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "xterm", "PS1": "P> "}
SHELLS = {"bash": "bash --norc --noprofile -i", "zsh": "zsh -f -i"}


@pytest.fixture(autouse=True)
def project(box: Box) -> Iterator[None]:
    """A shop with a database that has written something."""
    docker.compose_up(box, FOLDER, PROJECT)
    box.wait_for("the rows", lambda: box.run("cat /var/lib/docker/volumes/shop_pgdata/_data/rows").stdout)
    yield
    docker.compose(box, FOLDER, "down -v")


@pytest.fixture(params=list(SHELLS))
def terminal(request: pytest.FixtureRequest, box: Box) -> Iterator[Terminal]:
    """An interactive shell in the box, on a terminal of its own, in the project's folder, with the guard in it."""
    settings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    inside = ["setsid", "--ctty", "--wait", "sh", "-c", f"cd {FOLDER} && exec {SHELLS[request.param]}"]
    argv = ["nsenter", "-t", str(box.leader), "-a", "env", "-i", *settings, *inside]
    with Terminal(argv, env=ENVIRONMENT, takes_terminal=False, limit=60) as shell:
        shell.wait_for("P> ")
        shell.press(f'eval "$(runaway-watchdog guard {request.param})"\r')
        shell.quiet(2)
        yield shell
        request.node.add_report_section("call", "screen", shell.all)


def test_down_v_is_held_and_loses_nothing(box: Box, terminal: Terminal) -> None:
    """The volume is named with its user; refused, the project runs on with its data."""
    before = docker.volume_checksum(box, "shop_pgdata")
    terminal.press("docker compose down -v\r")
    told = terminal.wait_for(ASKS)
    assert "volume shop_pgdata" in told
    assert "shop-db-1" in told
    assert "docker compose down" in told.split("Safer")[1]
    terminal.press("y\r")
    terminal.wait_for("Nothing was run")
    terminal.quiet(1)
    assert docker.volumes(box) == ["shop_pgdata"]
    assert docker.volume_checksum(box, "shop_pgdata") == before
    assert len(box.run(["docker", "ps", "-q"]).stdout.split()) == 2


def test_what_is_lost_is_what_was_named(box: Box, terminal: Terminal) -> None:
    """Once its name is typed it runs, as any line does."""
    terminal.press("docker compose down -v\r")
    terminal.wait_for(ASKS)
    terminal.press("shop_pgdata\r")
    terminal.wait_for(r"Volume shop_pgdata\s+Removed")
    assert docker.volumes(box) == []


@pytest.mark.parametrize(
    "line",
    [
        "docker rm -f $(docker ps -aq) && docker volume prune -af; docker volume rm shop_pgdata",
        "rm -rf /var/lib/docker/volumes/shop_pgdata/_data",
        "echo gone > /var/lib/docker/volumes/shop_pgdata/_data/rows",
        "rm -rf $folder_that_is_not_set/srv",
    ],
)
def test_other_ways_to_the_same_end_are_held_too(box: Box, terminal: Terminal, line: str) -> None:
    """A sequence, the files below the engine, a redirection, and the classic of a variable that is empty."""
    terminal.press(line + "\r")
    terminal.wait_for(ASKS)
    terminal.press("\x03")
    terminal.wait_for("Nothing was run")
    assert box.read("/var/lib/docker/volumes/shop_pgdata/_data/rows") == "data\n"
    assert box.exists(f"{FOLDER}/docker-compose.yml")


def test_what_loses_nothing_passes(box: Box, terminal: Terminal) -> None:
    """Reading, and an interruption without a loss: no question, no word."""
    terminal.press("docker compose ps && docker compose restart worker && echo all-done\r")
    terminal.wait_for("\nall-done")
    assert "HELD" not in terminal.all
    assert "cannot judge" not in terminal.all


def test_ssh_without_a_terminal_is_not_held(box: Box) -> None:
    """What a deploy script does is nobody's to confirm: `ssh host COMMAND` and a script on standard input."""
    for shell in SHELLS:
        load = f'eval "$(runaway-watchdog guard {shell})"'
        assert box.run([shell, "-c", f"{load}; docker volume create other; docker volume rm other"]).stdout
        assert box.run([shell], input=f"{load}\ndocker volume create other\ndocker volume rm other\n").stderr == ""


def test_an_agent_is_told_no_and_why(box: Box) -> None:
    """Both forms of the question; the exit code blocks, the reason names the volume and the safer line."""
    asked = {"hook_event_name": "PreToolUse", "cwd": FOLDER, "tool_input": {"command": "docker compose down -v"}}
    done = box.run(["runaway-watchdog", "guard", "--check"], input=json.dumps(asked), check=False)
    assert done.returncode == 2
    told = json.loads(done.stdout)["hookSpecificOutput"]
    assert told["permissionDecision"] == "deny"
    assert "volume shop_pgdata" in told["permissionDecisionReason"]
    assert "Safer: " in told["permissionDecisionReason"]
    assert "shop_pgdata" in done.stderr
    plain = box.run(["runaway-watchdog", "guard", "--check", "--", "docker volume ls"])
    assert json.loads(plain.stdout)["permission"] == "allow"


def test_the_time_of_a_line(box: Box, terminal: Terminal) -> None:
    """Printed, not judged: what an ordinary line costs on this host, and what a suspicious one does."""
    shell = "zsh" if "zsh" in terminal.all else "bash"
    look = {"bash": 'holds "$t"', "zsh": 'suspicious "$t" "$t"'}[shell]
    terminal.press("t='cd /srv && ls -la | grep -v total; tail -5 /etc/hosts; docker ps' n=0\r")
    terminal.press(f"time (while [ $n -lt 1000 ]; do __runaway_watchdog_{look}; n=$((n+1)); done)\r")
    said = terminal.wait_for(r"real\s+\S+|[\d.]+ total")
    terminal.quiet(1)
    print(f"{shell}: a thousand looks at an ordinary line: {said.rpartition(chr(10))[2].strip()}")
    seconds = box.run("cd /srv/shop; start=$(date +%s%N); runaway-watchdog guard --check -- 'docker compose down -v' "
                      ">/dev/null 2>&1; echo $(( ($(date +%s%N) - start) / 1000000 ))").stdout  # fmt: skip
    print(f"a suspicious line, judged: {seconds.strip()} ms")
