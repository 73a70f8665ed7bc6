"""Records hosts of Docker's and Podman's ways: swarms, inits, controllers, one-offs, units that run containers.

    cd tests && python -m e2e.record_docker [NAME …]

The older Docker scenes of record_hosts are recorded with these, since they ask the same questions.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from e2e import record_hosts
from e2e.keepers import found, program
from e2e.record_hosts import record
from e2e.rig import docker, product
from e2e.rig.box import Box
from e2e.rig.extras import layers
from e2e.test_keepers_controllers import DOCKER_INSIDE, project
from e2e.test_keepers_podman import IMPORT, generated, marker, split

OLDER = (
    "compose-worker", "story", "docker-on-failure", "docker-rm", "docker-exec-stray", "dockerd", "without-root",
    "frozen-engine",
)  # fmt: skip


def with_an_init(box: Box) -> None:
    box.run(["docker", "run", "-d", "--init", "--restart=on-failure", "--name=inner", docker.IMAGE, *program("inner")])
    pid = box.wait_for("its child", lambda: next((each for each in box.pids(" inner$") if _is_child(box, each)), None))
    record(box, "docker-init-child", pid, "docker run --init: the program is the init's child, not PID 1")
    box.run("docker rm -f inner")


def _is_child(box: Box, pid: int) -> bool:
    return box.run(["ps", "-o", "comm=", "-p", str(pid)]).stdout.strip() != "docker-init"


def used_up(box: Box) -> None:
    words = ["docker", "run", "-d", "--restart=on-failure:1", "--name=twice", docker.IMAGE]
    box.run([*words, *program("twice")])
    box.run(["kill", "-9", str(found(box, "twice"))])
    pid = box.wait_for("its return", lambda: docker.info(box, "twice").restart_count == 1 and found(box, "twice"))
    record(box, "docker-restarts-used-up", pid, "on-failure:1 after its one restart")
    box.run("docker rm -f twice")


def swarm(box: Box) -> None:
    box.run(["docker", "swarm", "init", "--advertise-addr", "127.0.0.1"])
    words = ["docker", "service", "create", "--detach", "--no-resolve-image", "--name=queue", "--restart-delay=3s"]
    box.run([*words, docker.IMAGE, *program("queue")])
    record(box, "swarm-task", found(box, "queue"), "a task of a swarm of one: policy no, and yet replaced")
    box.run("docker service rm queue; docker swarm leave --force")


def controllers(box: Box) -> None:
    """autoheal, Watchtower and something unknown beside a container that all three may act on; and one of Coolify."""
    for name, image, more in (
        ("heal", "willfarrell/autoheal:1.2.0", ["-e", "AUTOHEAL_CONTAINER_LABEL=all"]),
        ("watchtower", "containrrr/watchtower:1.7.1", []),
        ("panel", "example/panel:2", []),
    ):
        box.run(["docker", "tag", docker.IMAGE, image])
        box.run(["docker", "run", "-d", f"--name={name}", *DOCKER_INSIDE, *more, image, "sleep", "100000"])
    health = ["--health-cmd=true", "--restart=always"]
    box.run(["docker", "run", "-d", "--name=patient", *health, docker.IMAGE, *program("patient")])
    record(
        box, "docker-controllers", found(box, "patient"), "beside autoheal, Watchtower and one with the Docker socket"
    )
    labels = ["--label=coolify.managed=true", "--label=coolify.applicationId=7", "--restart=unless-stopped"]
    opt_out = "--label=com.centurylinklabs.watchtower.enable=false"
    box.run(["docker", "run", "-d", "--name=shop", *labels, opt_out, docker.IMAGE, *program("shop")])
    record(
        box,
        "coolify-app",
        found(box, "shop"),
        "labels as Coolify gives them; out of Watchtower's and autoheal's charge",
    )
    box.run("docker rm -f $(docker ps -aq)")


def leftovers(box: Box) -> None:
    """What `down` skips: a one-off, and a service that is in no file any more."""
    project(box, "/srv/shop", ["web", "old"])
    docker.compose(box, "/srv/shop", "up -d")
    box.run(["docker", "compose", "-f", "/srv/shop/compose.yml", "run", "-d", "web", *program("one-off")])
    project(box, "/srv/shop", ["web"])
    record(box, "compose-one-off", found(box, "one-off"), "a container of `docker compose run`")
    record(box, "compose-orphan", found(box, "shop-old"), "a service that is no longer in the project's file")
    box.run("docker rm -f $(docker ps -aq)")


def unit_runs_compose(box: Box) -> None:
    project(box, "/srv/site", ["web"])
    lines = "[Service]\nWorkingDirectory=/srv/site\nExecStart=/usr/bin/docker compose up\nRestart=always\n"
    box.write("/etc/systemd/system/site.service", f"{lines}[Install]\nWantedBy=multi-user.target\n")
    box.run("systemctl daemon-reload && systemctl enable --now site")
    record(box, "unit-runs-compose", found(box, "site-web"), "a unit with Restart=always runs `docker compose up`")
    box.run("systemctl disable --now site; rm /etc/systemd/system/site.service; docker rm -f $(docker ps -aq)")


def podman(box: Box) -> None:
    box.run(IMPORT)
    words = ["podman", "run", "-d", "--name=plain", "--restart=always", "--network=none", "bb:1"]
    box.run([*words, *program("plain")])
    record(box, f"podman-always-{box.layout}", found(box, "plain"), "podman run --restart always")
    if box.layout == "v2":
        for name, text, about in (
            (
                "gen",
                generated(box, "gen", "--new --restart-policy always"),
                "a unit of `podman generate systemd --new`",
            ),
            ("quad", split("quad"), "a container in its unit's own group, as Quadlet runs it"),
        ):
            box.write(f"/etc/systemd/system/{name}.service", text)
            box.run(f"systemctl daemon-reload && systemctl start {name}")
            record(box, "podman-generated-unit" if name == "gen" else "podman-quadlet", found(box, marker(name)), about)
        conmon = box.run(["podman", "inspect", "-f", "{{.State.ConmonPid}}", "plain"]).stdout.strip()
        record(box, "podman-conmon", int(conmon), "conmon, which looks after a container, is no program in it")
        rootless(box)


def rootless(box: Box) -> None:
    box.run("useradd -m alice; loginctl enable-linger alice")
    uid = box.run(["id", "-u", "alice"]).stdout.strip()
    box.wait_for("alice's systemd", lambda: box.exists(f"/run/user/{uid}/bus"))
    session = f"XDG_RUNTIME_DIR=/run/user/{uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus"
    for line in (
        "podman import --change 'ENV PATH=/bin' /srv/bb.tar bb:1",
        "podman run -d --name own --restart always --network none bb:1 sleep 5005",
    ):
        box.run(["runuser", "-l", "alice", "-c", f"{session} {line}"], timeout=120)
    pid = box.wait_for("it", lambda: next(iter(box.pids("^sleep 5005$")), None))
    record(box, "podman-rootless", pid, "a user's own container, explained by root, whose Podman does not know it")


SCENES: dict[str, Callable[[Box], None]] = {
    "docker-init-child": with_an_init,
    "docker-restarts-used-up": used_up,
    "swarm-task": swarm,
    "docker-controllers": controllers,
    "compose-one-off": leftovers,
    "unit-runs-compose": unit_runs_compose,
}


def main(names: list[str]) -> None:
    below = product.product_layers(product.build_wheel(Path(__file__).parent.parent.parent))
    with Box(below) as box:
        docker.import_image(box)
        for name, scene in {**{name: record_hosts.SITUATIONS[name] for name in OLDER}, **SCENES}.items():
            if not names or name in names or (name == "compose-worker" and set(names) & set(OLDER)):
                scene(box)
                if name in SCENES:
                    box.run("docker ps -aq | xargs -r docker rm -f")
    if not names or "compose-worker-v1" in names:
        with Box(below, layout="v1") as box:
            docker.import_image(box)
            record_hosts.compose_worker(box)
    *tops, bottom = below
    for layout in ("v2", "v1"):
        if not names or f"podman-{layout}" in names:
            with Box((*tops, *layers(("podman",)), bottom), layout=layout, docker=False) as box:
                podman(box)


if __name__ == "__main__":
    main(sys.argv[1:])
