"""Lines with sudo and its like, typed by somebody who may not look where they would act."""

from typing import Any, cast

import pytest
from preflight.host_world import FakeFiles, FakeHost

from runaway_watchdog.guard.decide import Ask, Hold, decide
from runaway_watchdog.model.effect import risk
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.preflight.document import to_json
from runaway_watchdog.preflight.sequence import Preflight, Shell, judge
from runaway_watchdog.preflight.verdict import verdict
from runaway_watchdog.world import OwnTables, Unanswered, World

MINE = "0 1 * * * /home/alice/backup\n"
PASSWD = """root:x:0:0::/root:/bin/sh
alice:x:1000:1000::/home/alice:/bin/sh
bob:x:1001:1001::/home/bob:/bin/sh
postgres:x:105:105::/var/lib/postgresql:/bin/sh
"""


class ClosedEngine:
    """Docker is here, and not for alice."""

    def __getattr__(self, method: str) -> Any:
        def refuse(*arguments: Any) -> Any:
            raise Unanswered(Gap("docker", "permission denied on /var/run/docker.sock", "run it with sudo"))

        return refuse

    def endpoint(self) -> str | None:
        return None


class Tables:
    """What crontab(1) shows to alice: her own."""

    def printed(self) -> str | None:
        return MINE


class Files(FakeFiles):
    def user(self, uid: int) -> str:
        return {0: "root", 1000: "alice", 1001: "bob"}.get(uid, str(uid))


def as_alice() -> World:
    """Her own home is open to her; root's, bob's and the spools are not."""
    files = Files({
        "/home/alice/notes.txt": "notes",
        "/home/alice/up/a": "a",
        "/home/bob/thesis.odt": "thesis",
        "/root/secrets": "s",
        "/var/lib/docker/volumes/x/_data/row": "row",
        "/var/spool/cron/crontabs/alice": MINE,
        "/var/spool/cron/crontabs/root": "0 3 * * * /usr/local/bin/backup.sh\n",
        "/srv/shared/a.txt": "a",
    })  # fmt: skip
    files.closed = ("/root", "/home/bob", "/var/lib/docker", "/var/spool/cron/crontabs")
    host = FakeHost(files, engine=ClosedEngine())
    files.add("/etc/passwd", PASSWD)
    files.add("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\n")
    return host.world._replace(tables=cast(OwnTables, Tables()))


def judged(line: str) -> Preflight:
    environment = {"HOME": "/home/alice", "USER": "alice"}
    return judge(line, as_alice(), Shell(environment, "/home/alice", "/home/alice"))


UNSEEN = (
    "sudo docker volume rm x", "sudo docker compose -p shop down -v", "sudo docker system prune -af --volumes",
    "sudo rm -rf /root/secrets", "sudo rm -rf /var/lib/docker/volumes/x", "sudo rm -rf /root/*",
    "sudo bash -c 'rm -rf /root/*'", "sudo sh -c 'cd /root && rm -f secrets'", "sudo find /root -type f -delete",
    "sudo find /home/bob /root -name '*.odt' -delete", "doas rm -rf /root/secrets", "su -c 'rm -rf /root/secrets'",
    "su - bob -c 'rm -f thesis.odt'", "runuser -u bob -- rm -f /home/bob/thesis.odt", "pkexec rm -rf /root/secrets",
    "sudo -n -H -u bob -g staff -- rm -f /home/bob/thesis.odt", "sudo -u bob bash -c 'rm -f ~/thesis.odt'",
    "sudo -iu bob rm -f thesis.odt", "sudo -u bob -i sh -c 'rm -rf ~/*'", "sudo A=b rm -f /root/secrets",
    "sudo truncate -s 0 /root/secrets", "sudo dd if=/dev/zero of=/root/secrets", "sudo cp /dev/null /root/secrets",
    "sudo mv /root/secrets /dev/null", "sudo mv /srv/shared/a.txt /root/secrets", "echo x | sudo tee /root/secrets",
    "sudo sh -c '> /root/secrets'", "sudo rsync -a --delete /srv/shared/ /root/", "sudo git -C /root/repo clean -fdx",
    "sudo tar xf /srv/shared/a.txt -C /root", "sudo crontab -r", "sudo crontab -u bob -r", "sudo -u bob crontab -r",
    "sudo crontab -u root /srv/shared/a.txt", "sudo -u bob crontab /srv/shared/a.txt", "gosu bob rm -rf /home/bob/x",
    "cd /root && sudo rm -rf secrets", "sudo shred -u /root/secrets", "sudo xargs rm -f < /root/list",
    "setpriv --reuid=0 rm -rf /root/secrets",
)  # fmt: skip


@pytest.mark.parametrize("line", UNSEEN)
def test_what_cannot_be_seen_is_asked_about(line: str) -> None:
    """Neither called safe nor let pass: what is refused to be looked at is not absent."""
    found = judged(line)
    assert isinstance(decide(to_json(found, None, ())), Ask | Hold), (verdict(found), found.unknown)
    assert risk(found.unknown) == "high"


@pytest.mark.parametrize("line", ["sudo docker volume rm x", "sudo find /root -delete", "sudo -u bob crontab -r"])
def test_the_answer_says_how_to_see_it(line: str) -> None:
    """With the rights that the line itself takes."""
    assert any(f"sudo runaway-watchdog preflight '{line}'" in each for each in judged(line).unknown)


@pytest.mark.parametrize(
    "line",
    [
        "sudo rm -f /home/alice/notes.txt", "sudo -u postgres dropdb shop", "sudo rm -rf ~/up", "pkexec rm -rf /root",
        "sudo -u postgres psql -c 'DROP DATABASE shop'", "sudo mysql -e 'DROP DATABASE shop'",
        "sudo redis-cli flushall",
        "sudo bash -c 'rm -rf ~'", "sudo -u bob bash -c 'rm -rf ~'", "su bob -c 'rm -rf ~'",
        "sudo -E bash -c 'rm -rf ~/up'", "echo x | sudo tee /srv/shared/a.txt", "crontab -r",
    ],
)  # fmt: skip
def test_a_destroyer_that_needs_no_other_sight_is_held(line: str) -> None:
    """A file that everybody sees, a database by its name, a home that is known by its user."""
    assert verdict(judged(line)) == "destroys-data"


@pytest.mark.parametrize(
    ("line", "home"),
    [
        ("sudo bash -c 'rm -rf ~'", "/root"),
        ("sudo -u bob bash -c 'rm -rf ~'", "/home/bob"),
        ("sudo -u bob -H sh -c 'rm -rf $HOME'", "/home/bob"),
        ("doas -u bob sh -c 'rm -rf ~'", "/home/bob"),
        ("su bob -c 'rm -rf ~'", "/home/bob"),
        ("runuser -u bob -- sh -c 'rm -rf ~'", "/home/bob"),
        ("pkexec --user bob sh -c 'rm -rf ~'", "/home/bob"),
        ("sudo -E bash -c 'rm -rf ~'", "/home/alice"),
        ("sudo -u bob rm -rf ~", "/home/alice"),
        ("HOME=/home/bob sh -c 'rm -rf ~'", "/home/bob"),
        ("sudo -u bob HOME=/home/alice sh -c 'rm -rf ~'", "/home/alice"),
    ],
)
def test_another_user_has_another_home(line: str, home: str) -> None:
    """What the shell expands before sudo is its own; what a shell behind sudo expands is the other user's."""
    assert [effect.name for effect in judged(line).lost] == [home]


@pytest.mark.parametrize(
    "line",
    [
        "sudo systemctl status x", "sudo apt update", "sudo ls /root", "sudo cat /etc/shadow", "sudo docker ps",
        "sudo journalctl -u x", "sudo -u bob ls -la /home/bob", "sudo ss -tlnp", "sudo -l", "sudo -v", "sudo -i",
        "sudo tail -f /root/log", "sudo du -sh /var/lib/docker", "sudo id", "crontab -l", "sudo crontab -l",
        "sudo mkdir -p /srv/new", "sudo grep -r x /root",
    ],
)  # fmt: skip
def test_what_needs_no_sight_stays_silent(line: str) -> None:
    """Reading destroys nothing, whatever it reads."""
    found = judged(line)
    assert not found.lost
    assert risk(found.unknown) in (None, "low")


def test_ones_own_crontab_is_read_as_oneself() -> None:
    """The spool is closed to its owner too: crontab(1) shows it."""
    (effect,) = judged("crontab -r").lost
    assert (effect.name, effect.size and effect.size.bytes) == ("alice", len(MINE))
    assert verdict(judged("(crontab -l; echo '0 2 * * * x') | crontab -")) == "safe"
    assert verdict(judged("sudo -u alice crontab -r")) == "destroys-data"
    assert verdict(judged("crontab -u bob -r")) == "unknown"
