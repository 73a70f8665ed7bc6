"""What a hostile review found in the masking of secrets: slow shapes, and secrets that came through."""

import time
from pathlib import Path

import pytest
from unit.golden.cases import NOW, cases

from runaway_watchdog import case as case_process
from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import ARGV_LIMIT, MASK, mask_argv, mask_text, mask_variable, shown_command
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.render.message import message
from runaway_watchdog.store.database import connect

SECRET = "CANARY"
SHAPES = [
    "-", "a", "a-", "a.", "_", ".", "://", "a://", "a://b:", "x:y@", "x@", ":", '"', "'", '"key"', "key_", "key=",
    'key="', "--key ", "-- ", "pass ", " ", "\n", "mysql-", "mysql ", "mysql -p", "eyJ-", "eyJaaaaaaaa.", "bearer ",
    "basic  ", "-u ", "-u a:", "=", "\\", 'key"', '"key":"\\', "-----BEGIN ", "xoxb-", "bot1:", "Ab", "key: ",
    '""  ', '--key "" ',
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_text_is_slow_to_mask(shape: str) -> None:
    """64 KiB of anything, in one piece or as forty arguments, is masked in a fraction of a second."""
    whole = shape * (65536 // len(shape))
    begun = time.process_time()
    mask_text(whole)
    mask_argv([whole[:4096]] * 40)
    mask_argv(["--password", whole])
    mask_variable(whole[:4096], whole)
    clean(whole)
    assert time.process_time() - begun < 5


def test_a_command_line_is_cut_and_says_so() -> None:
    """What is left out is never left out in silence, and half of a URL shows no password."""
    masked = mask_argv(["app", "a b " * 1000, "c d " * 1000, "never"])
    assert sum(map(len, masked)) < ARGV_LIMIT + 100
    assert "cut" in masked[-1]
    assert mask_argv(["app", "short"]) == ("app", "short")
    half = f"x postgres://me:{SECRET}"
    padding = "y" * (ARGV_LIMIT - len("app") - 2 - len(half))
    assert SECRET not in " ".join(mask_argv(["app", f"{padding} {half}{SECRET}@host/db"]))


@pytest.mark.parametrize(
    "argv",
    [
        ("app", f"--password=two {SECRET}"),
        ("app", f"-H=X-Api-Key: a {SECRET}"),
        ("curl", "-H", f"X-Api-Key: a {SECRET}"),
        ("app", "--secret", f"-{SECRET}"),
        ("app", "--password", "", SECRET),
        ("app", "--password=", SECRET),
        ("app", "--password", "--token", SECRET),
        ("app", f"https://api.telegram.org/bot123456:{SECRET}/x"),
        ("app", f"amqp://{SECRET}@h"),
        ("app", f"amqp://u:p@h,amqp://u:{SECRET}@h"),
        ("app", f"amqp://{SECRET}@h1,amqp://{SECRET}@h2"),
        ("app", f"postgres://me:a/{SECRET}@db/x"),
        ("app", f"postgres://me:{'x' * 400}{SECRET}@db/x"),
        ("wget", "-u", f"user:{SECRET}"),
        ("wget", f"-uuser:{SECRET}"),
        ("wget", f"--user=user:{SECRET}"),
        ("docker", "exec", "db", "mysql", f"-p{SECRET}"),
        ("mysqlpump", f"-p{SECRET}"),
        ("somesql", f"-p{SECRET}"),
        ("sqlcmd", "-P", SECRET),
        ("sudo", "redis-cli", "-a", SECRET),
        ("app", f"user:{SECRET}@host"),
        ("app", f"--clientSecret={SECRET}"),
        ("app", f"--sessionKey={SECRET}"),
        ("sh", "-c", f"app --secret -{SECRET}"),
        ("sh", "-c", f"app --token --password {SECRET}"),
        ("sh", "-c", f'app --password "" {SECRET}'),
        ("sh", "-c", f"env PASSWORD=a\\ {SECRET} app"),
        ("sh", "-c", f"env PASSWORD='a'\"b {SECRET}\" app"),
        ("sh", "-c", f"env 'PASSWORD=a b {SECRET}' app"),
        ("sh", "-c", f"curl -H 'Cookie: a=1; b={SECRET}' https://h"),
        ("sh", "-c", f"mysql -p'a;{SECRET}' db"),
        ("sh", "-c", f"sshpass -p {SECRET} ssh h"),
        ("sh", "-c", f"curl -u me:{SECRET} https://h"),
        ("sh", "-c", f'curl -d "{{\\"password\\": \\"{SECRET}\\"}}" https://h'),
    ],
)
def test_secrets_that_came_through_are_masked(argv: tuple[str, ...]) -> None:
    """The canary is gone, and masking what was masked changes nothing."""
    masked = mask_argv(argv)
    assert SECRET not in " ".join(masked)
    assert MASK in " ".join(masked)
    assert mask_argv(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "docker run -u 1000:1000 --rm app",
        "docker -H ssh://me@host stop ocr-worker-1",
        "docker compose -p mongo stop worker",
        "docker compose -p mysql -f /srv/a.yml stop worker",
        "docker pull ocr:latest@sha256:0123456789abcdef",
        "journalctl -u a:b.service -n 50",
        "psql -p5432 -h db",
        "/proc/7/cgroup: 12:cpu,cpuacct:/user.slice/user-1000.slice/user@1000.service",
        "http://example.org:8080/mail/me@example.org",
        "git clone git@github.com:a/b.git",
    ],
)
def test_commands_of_every_day_are_shown(text: str) -> None:
    """A mask over a command of ours would withhold the command."""
    assert shown_command(text) == text
    assert mask_argv(text.split()) == tuple(text.split())


def test_documents_are_written_before_the_store_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a slow explanation is put into words, the watch can write."""
    store = tmp_path / "watchdog.db"
    connect(store).close()
    writable: list[bool] = []

    def slow(_: object) -> dict[str, object]:
        other = connect(store)
        other.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        other.rollback()
        other.close()
        writable.append(True)
        return {}

    monkeypatch.setattr(case_process, "to_json", slow)
    found = cases()["compose"]._replace(asked_pid=1)
    case_request = CaseRequest(7, "opened", "sustained-cpu", "warning", 3355, 1, "/", "key", 99.0, 300.0, NOW)
    case_process._keep(store, case_request, found, message(found, "opened", NOW), ["terminal"], NOW)
    assert writable == [True]


@pytest.mark.parametrize(
    "command",
    [
        """docker exec shop-db-1 sh -c 'exec mysqldump -uroot -p"$MYSQL_ROOT_PASSWORD"' > /var/backups/shop.sql""",
        """docker exec shop-db-1 sh -c 'pg_dumpall -U "${POSTGRES_USER:-postgres}"' > /var/backups/shop.sql""",
        'exec mariadb-dump -uroot -p"${MARIADB_ROOT_PASSWORD:-$MYSQL_ROOT_PASSWORD}" --all-databases',
        "redis-cli -a $REDIS_PASSWORD save",
    ],
)
def test_a_variable_of_the_shell_is_no_secret(command: str) -> None:
    """A dump that takes its password from the container's own environment can be pasted."""
    assert shown_command(command) == command


@pytest.mark.parametrize(
    "command",
    ["mysqldump -phunter2 shop", 'app --password "${PW:-hunter2}"', "mysqldump -p'$ecret' shop", "a -p$PW --token x9"],
)
def test_what_stands_in_the_line_itself_is(command: str) -> None:
    """Also what is taken where the variable is empty, and beside a variable."""
    assert shown_command(command) is None
