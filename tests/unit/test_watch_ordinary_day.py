"""A day of ordinary load, replayed at the default rules; and the same day with something in it that is not ordinary."""

from pathlib import Path

import pytest
from unit.replayed_day import HOUR, Host, Load, Message, default_configuration, messages

from runaway_watchdog.watch.configuration import Configuration

SESSION = "/user.slice/user-0.slice/session-3.scope"
CRON = "/system.slice/cron.service"
DEPLOYED = "/system.slice/api.service"
BUSY = Load("/system.slice/docker-web.scope", "node", 0, 24 * HOUR, 100, daytime=True)
MAINTENANCE = (
    Load("/system.slice/apt-daily-upgrade.service", "unattended-upgr", 6 * HOUR, 7 * 60, 97),
    Load("/system.slice/man-db.service", "mandb", 0.5 * HOUR, 4 * 60, 99),
    Load("/system.slice/logrotate.service", "gzip", 0.1 * HOUR, 90, 99),
)
BACKUP = Load("/system.slice/backup.service", "restic", 2 * HOUR, 25 * 60, 140, waiting=10)
ORDINARY = (
    BUSY,
    *MAINTENANCE,
    BACKUP,
    Load(CRON, "php", 600.0, 8 * 60, 98, every_s=HOUR),
    Load(CRON, "sh", 10.0, 12, 60, every_s=60.0),
    Load(SESSION, "make", 10 * HOUR, 22 * 60, 370, terminal=True, waiting=45),
    Load(SESSION, "cargo", 15 * HOUR, 12 * 60, 390, terminal=True, waiting=55),
    Load(SESSION, "apt-get", 16 * HOUR, 6 * 60, 96, terminal=True),
    Load("/system.slice/mysql.service", "mysqld", 3 * HOUR, 4 * 60, 100, every_s=5 * HOUR),  # a heavy query
    Load(DEPLOYED, "api", 11 * HOUR, 30, 80, remade=True),
    Load(DEPLOYED, "api", 11 * HOUR + 40, 30, 80, remade=True),
    Load(DEPLOYED, "api", 11 * HOUR + 90, 30, 80, remade=True),
)
RUNAWAY = Load("/system.slice/docker-ocr.scope", "tesseract", 12 * HOUR, 12 * 60, 99)
SWARM = Load("/system.slice/docker-swarm.scope", "", 20 * HOUR, 9 * 60, 98, alone=False)

MINUTE = 60.0
INNOCENT = {
    "a web shop": Host((
        Load("/system.slice/php8.2-fpm.service", "php-fpm8.2", 0, 24 * HOUR, 120, alone=False, daytime=True),
        Load("/system.slice/mariadb.service", "mariadbd", 0, 24 * HOUR, 60, daytime=True),
        Load("/system.slice/nginx.service", "nginx", 0, 24 * HOUR, 30, daytime=True),
        Load(CRON, "php", 5.0, 25, 95, every_s=MINUTE),
        *MAINTENANCE,
    )),
    "two cores, backups at night": Host((
        BUSY,
        Load("/system.slice/borgmatic.service", "borg", 1 * HOUR, 28 * MINUTE, 99, waiting=20),
        Load("/system.slice/pg-dump.service", "pg_dump", 3 * HOUR, 9 * MINUTE, 80),
    ), cpus=2, timers=("pg-dump.timer",)),
    "somebody builds by hand": Host((
        Load(SESSION, "make", 9 * HOUR, 25 * MINUTE, 390, terminal=True, waiting=50),
        Load(SESSION, "rustc", 11 * HOUR, 20 * MINUTE, 380, terminal=True, waiting=55),
        Load(SESSION, "webpack", 14 * HOUR, 4 * MINUTE, 140, terminal=True),
    )),
    "a runner of continuous integration": Host(tuple(
        Load(f"/system.slice/{unit}", name, start * HOUR, 14 * MINUTE, 385, every_s=3 * HOUR, alone=alone, waiting=50)
        for start, unit, name, alone in (
            (1.0, "actions.runner.acme-app.vps.service", "cc1plus", False),
            (2.0, "gitlab-runner.service", "cargo", True),
            (2.5, "jenkins.service", "java", True),
        )
    )),
    "images are built": Host((
        Load("/system.slice/system.slice:docker:w3aonjivfrwlrs4cx8zech4b0", "npm", 9 * HOUR, 12 * MINUTE, 180,
             waiting=30),
        Load("/docker/buildkit/mze3a1lq2u8kf3vvqpt6xkpo0", "node", 13 * HOUR, 20 * MINUTE, 180, waiting=30),
        Load("/system.slice/docker.service", "dockerd", 9 * HOUR, 2 * MINUTE, 95, every_s=4 * HOUR),
    )),
    "package maintenance": Host((
        *MAINTENANCE,
        Load("/system.slice/apt-daily.service", "apt-get", 5 * HOUR, 6 * MINUTE, 98),
        Load("/system.slice/unattended-upgrades.service", "dpkg", 7 * HOUR, 12 * MINUTE, 99, waiting=30),
        Load("/system.slice/plocate-updatedb.service", "updatedb", 0.2 * HOUR, 6 * MINUTE, 70),
        Load("/system.slice/fwupd-refresh.service", "fwupdmgr", 4 * HOUR, 6 * MINUTE, 95),
    ), cpus=2, timers=("plocate-updatedb.timer", "apt-daily.timer")),
    "many short logins": Host((
        Load("/user.slice/user-1001.slice/session-*.scope", "sshd", 0, 3, 60, every_s=25.0),
        Load("/user.slice/user-1001.slice/user@1001.service", "systemd", 0, 3, 40, every_s=25.0),
    ), cpus=2),
    "cron every minute": Host(tuple(
        Load(CRON, name, start, lasts, 97, every_s=MINUTE)
        for name, start, lasts in (("php", 0.0, 20), ("wp", 30.0, 15))
    )),
    "a game": Host((Load("/system.slice/minecraft.service", "java", 0, 24 * HOUR, 85),)),
    "mail": Host((
        Load("/system.slice/clamav-freshclam.service", "freshclam", 300, 3 * MINUTE, 99, every_s=HOUR),
        Load("/system.slice/clamav-daemon.service", "clamd", 500, 2 * MINUTE, 100, every_s=HOUR),
        Load("/system.slice/rspamd.service", "rspamd", 0, 24 * HOUR, 60, daytime=True),
    ), cpus=2),
    "a cloud of one's own": Host((
        Load("/system.slice/nextcloud-cron.service", "php", 0, 4 * MINUTE, 98, every_s=5 * MINUTE, remade=True),
        Load("/system.slice/nextcloud-preview.service", "php", 4 * HOUR, 28 * MINUTE, 99, waiting=15),
    ), cpus=2, timers=("nextcloud-cron.timer", "nextcloud-preview.timer")),
    "a database that keeps itself in order": Host((
        Load("/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgres", 0, 4 * MINUTE, 95,
             every_s=HOUR),
        Load("/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgres", 0, 24 * HOUR, 70,
             daytime=True, alone=False),
    )),
    "two releases a day": Host(tuple(
        Load(DEPLOYED, "node", at * HOUR + 25 * number, 20, 99, remade=True) for at in (11, 17) for number in range(4)
    )),
    "metrics": Host((
        Load("/system.slice/prometheus.service", "prometheus", 0, 100, 98, every_s=2 * HOUR),
        Load("/system.slice/loki.service", "loki", 900, 3 * MINUTE, 120, every_s=2 * HOUR),
        Load("/system.slice/prometheus-node-exporter.service", "node_exporter", 0, 2, 30, every_s=15),
    )),
    "java": Host((
        Load("/system.slice/keycloak.service", "java", 0, 4 * MINUTE, 280, waiting=40),
        Load("/system.slice/elasticsearch.service", "java", HOUR, 4 * MINUTE, 190, every_s=3 * HOUR),
        Load("/system.slice/elasticsearch.service", "java", 0, 24 * HOUR, 70, daytime=True),
    )),
    "health checks every two seconds": Host(tuple(
        Load(f"/system.slice/docker-{number:02d}.scope", "curl", 0.2 * number, 1.9, 25, every_s=2.0, alone=False)
        for number in range(14)
    )),
    "the provider takes a quarter for minutes": Host((BUSY,), cpus=2, stolen=(9 * HOUR, 240)),
    "film and music": Host((
        Load("/system.slice/jellyfin.service", "ffmpeg", 20 * HOUR, 4 * MINUTE, 320, every_s=40 * MINUTE, waiting=20),
        Load("/system.slice/photos.service", "ffmpeg", 2 * HOUR, 25 * MINUTE, 380, nice=19),
    )),
    "pods": Host((
        Load("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod*.slice", "sh", 0, 12, 80, every_s=MINUTE),
        Load("/system.slice/k3s.service", "k3s-server", 0, 24 * HOUR, 60, daytime=True),
    ), cpus=2),
    "timers every minute": Host(tuple(
        Load(f"/system.slice/{name}.service", name, start, lasts, 96, every_s=every, remade=True)
        for name, start, lasts, every in (
            ("poll", 0.0, 20, MINUTE), ("sync", 7.0, 9, 30.0), ("certbot", 0.0, 90, 12 * HOUR)
        )
    ), cpus=2, timers=("poll.timer", "sync.timer", "certbot.timer")),
}  # fmt: skip
"""Nothing is wrong on any of them."""


@pytest.fixture(scope="module")
def defaults() -> Configuration:
    return default_configuration()


def test_a_day_of_ordinary_load_raises_no_alarm(defaults: Configuration, tmp_path: Path) -> None:
    """Compiling, a backup, package maintenance, cron jobs, a busy web server, a deploy, a short steal."""
    assert messages(Host(ORDINARY, stolen=(9 * HOUR, 240)), defaults, tmp_path) == []


def test_what_is_not_ordinary_is_told_on_the_same_day(defaults: Configuration, tmp_path: Path) -> None:
    """A runaway, a backup that does not end, a swarm of short lives, a service that flaps: beginnings and ends."""
    endless = BACKUP._replace(lasts_s=50 * 60)
    flapping = [Load(DEPLOYED, "api", 22 * HOUR + 30 * number, 20, 80, remade=True) for number in range(6)]
    others = [load for load in ORDINARY if load.group != BACKUP.group]
    told = messages(Host((*others, RUNAWAY, endless, SWARM, *flapping)), defaults, tmp_path)
    assert told == [
        Message("opened", "sustained-cpu", BACKUP.group, 2.5),
        Message("resolved", "sustained-cpu", BACKUP.group, 2.9),
        Message("opened", "sustained-cpu", RUNAWAY.group, 12.1),
        Message("resolved", "sustained-cpu", RUNAWAY.group, 12.3),
        Message("opened", "sustained-cpu", SWARM.group, 20.1),
        Message("resolved", "sustained-cpu", SWARM.group, 20.2),
        Message("opened", "restart-loop", DEPLOYED, 22.0),
        Message("resolved", "restart-loop", DEPLOYED, 22.2),
    ]


IN_EACH_RUN = ("images are built", "film and music")


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each in IN_EACH_RUN else pytest.mark.truth) for each in INNOCENT]
)
def test_an_innocent_host_is_told_nothing_all_day(name: str, defaults: Configuration, tmp_path: Path) -> None:
    assert messages(INNOCENT[name], defaults, tmp_path) == []
