"""Commands on the host itself: what preflight says they would do, held against what they did when they were run.

Each case starts from a fresh state, asks `preflight --json`, runs the very line, and looks again: which PIDs died,
which came back, which units run, which files and rows are still there.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import pytest
from e2e.rig import docker
from e2e.rig.box import Box
from e2e.rig.workloads import running

pytestmark = pytest.mark.truth  # 50 lines, really run: two minutes

WAIT_S = 2.0
OTHERS = {"onvol", "onbind"}
"""Containers of the module's own, beside those of a test."""


def preflight(box: Box, line: str, *options: str) -> dict[str, Any]:
    """The document of `preflight --json`; the exit code is the contract's for its verdict."""
    done = box.run(["runaway-watchdog", "preflight", line, "--json", *options], check=False)
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    codes = {"safe": 0, "interrupts": 10, "destroys-data": 20, "unknown": 30}
    assert done.returncode == codes[document["verdict"]], (document, done.stderr)
    return document


def names(document: dict[str, Any], kind: str, *verbs: str) -> set[str]:
    return {each["name"] for each in document["effects"] if each["type"] == kind and each["verb"] in verbs}


def killed(document: dict[str, Any]) -> set[int]:
    return {int(name.rpartition("(")[2].rstrip(")")) for name in names(document, "process", "kill")}


def start_ticks(box: Box, pid: int) -> str:
    """Which process a PID is; "" where there is none, or only its remains."""
    text = box.run(f"cat /proc/{pid}/stat", check=False).stdout.rpartition(")")[2].split()
    return text[19] if text and text[0] != "Z" else ""


def active(box: Box, unit: str) -> bool:
    return box.run(["systemctl", "is-active", unit], check=False).stdout.strip() in ("active", "activating")


def make_unit(box: Box, name: str, text: str) -> None:
    box.write(f"/etc/systemd/system/{name}", text)


def service(command: str, *lines: str) -> str:
    return "\n".join(["[Service]", f"ExecStart={command}", *lines, "[Install]", "WantedBy=multi-user.target", ""])


@pytest.fixture
def units(box: Box) -> Iterator[None]:
    """A service of each kind: one that systemd restarts, one behind a socket, one behind a timer, one that needs it."""
    make_unit(box, "back.service", service("/bin/sleep 100000", "Restart=always", "RestartSec=200ms"))
    make_unit(box, "plain.service", service("/bin/sleep 100000"))
    make_unit(
        box, "needs.service", "[Unit]\nRequires=plain.service\nAfter=plain.service\n" + service("/bin/sleep 99999")
    )
    make_unit(box, "talk.socket", "[Socket]\nListenStream=/run/talk.sock\n[Install]\nWantedBy=sockets.target\n")
    make_unit(box, "talk.service", service("/bin/sleep 100000"))
    make_unit(box, "tick.timer", "[Timer]\nOnActiveSec=1h\nOnUnitActiveSec=1h\n[Install]\nWantedBy=timers.target\n")
    make_unit(box, "tick.service", service("/bin/sleep 100000"))
    everything = "back.service plain.service needs.service talk.socket talk.service tick.timer tick.service"
    box.run(f"systemctl daemon-reload && systemctl start {everything}")
    yield
    box.run(
        f"systemctl unmask {everything}; systemctl disable {everything}; systemctl stop {everything}; "
        "rm -f /etc/systemd/system/{back,plain,needs,talk,tick}.*; "
        f"cd /etc/systemd/system && rm -f {everything}; systemctl daemon-reload; systemctl reset-failed",
        check=False,
    )


class UnitCase(NamedTuple):
    """A line, and the units that must be foretold to end (and to end for a moment only)."""

    line: str
    stops: frozenset[str]
    restarts: frozenset[str] = frozenset()


def case(line: str, stops: str = "", restarts: str = "") -> UnitCase:
    return UnitCase(line, frozenset(stops.split()), frozenset(restarts.split()))


UNIT_CASES = [
    case("systemctl stop back", "back.service"),
    case("systemctl stop plain.service", "plain.service needs.service"),
    case("service plain stop", "plain.service needs.service"),
    case("systemctl restart plain", "", "plain.service needs.service"),
    case("systemctl kill -s KILL back.service", "", "back.service"),
    case("systemctl kill plain", "plain.service"),
    case("systemctl disable back", ""),
    case("systemctl disable --now back", "back.service"),
    case("systemctl mask --runtime --now back", "back.service"),
    case("systemctl mask back", ""),
    case("systemctl stop talk.socket", "talk.socket"),
    case("systemctl stop talk", "talk.service"),
    case("systemctl stop tick.timer tick.service", "tick.timer tick.service"),
    case("systemctl stop 'tick*'", "tick.timer tick.service"),
    case("systemctl try-restart tick.service", "", "tick.service"),
    case("kill -9 $(systemctl show -P MainPID back)", "", "back.service"),
    case("kill $(systemctl show -p MainPID --value plain)", "plain.service"),
    case("pkill -f 'sleep 99999'", "needs.service"),
]
ALL_UNITS = (
    "back.service",
    "plain.service",
    "needs.service",
    "talk.socket",
    "talk.service",
    "tick.timer",
    "tick.service",
)


def invocation(box: Box, unit: str) -> str:
    return box.run(["systemctl", "show", "-P", "InvocationID", unit]).stdout.strip()


def _is_down(box: Box, unit: str) -> bool:
    return not active(box, unit)


def _runs_anew(box: Box, unit: str, before: str) -> bool:
    return active(box, unit) and invocation(box, unit) != before


@pytest.mark.parametrize("each", UNIT_CASES, ids=lambda each: each.line)
def test_units_stop_and_return_as_foretold(box: Box, units: None, each: UnitCase) -> None:
    """What is said to stop stops, what is said to restart runs anew, and nothing else is touched."""
    document = preflight(box, each.line)
    assert document["unknown"] == []
    assert names(document, "unit", "stop") == each.stops
    assert names(document, "unit", "restart") == each.restarts
    before = {unit: invocation(box, unit) for unit in ALL_UNITS}
    box.run(each.line, check=False)
    for unit in ALL_UNITS:
        if unit in each.stops:
            box.wait_for(f"{unit} down", partial(_is_down, box, unit), timeout=5)
        elif unit in each.restarts:
            box.wait_for(f"{unit} anew", partial(_runs_anew, box, unit, before[unit]), timeout=5)
        else:
            assert active(box, unit), unit
            assert invocation(box, unit) == before[unit], unit


def test_a_socket_and_a_timer_are_named(box: Box, units: None) -> None:
    """A stop says who starts the unit again; the socket really does."""
    why = {each["name"]: each["why"] for each in preflight(box, "systemctl stop talk tick")["effects"]}
    assert "talk.socket starts it again" in why["talk.service"]
    assert "tick.timer starts it again" in why["tick.service"]
    box.run("systemctl stop talk")
    box.run("python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('/run/talk.sock')\"")
    box.wait_for("talk again", lambda: active(box, "talk.service"), timeout=5)


KILLS: list[tuple[str, set[str]]] = [
    ("pkill -9 -f ' victim-[a-z]*$'", {"alone", "unit", "always"}),
    ("pkill -f ' victim-alone$'", {"alone"}),
    ("kill -9 {alone} {unit}", {"alone", "unit"}),
    ("kill {always}", set()),  # PID 1 of a container without a handler
    ("kill -s HUP {alone}", {"alone"}),
    ("ps aux | grep victim-always | grep -v grep | awk '{{print $2}}' | xargs kill -9", {"always"}),
    ("kill -STOP {alone}", set()),
    ("for p in $(pgrep -f victim-unit); do kill -KILL $p; done", {"unit"}),
    ("docker exec victim-always kill -9 1", set()),
]


@pytest.mark.parametrize(("line", "expected"), KILLS, ids=[line for line, _ in KILLS])
def test_signals_end_those_that_are_named(box: Box, line: str, expected: set[str]) -> None:
    """Across the host, its units and its containers: the PIDs that are foretold die, no other does."""
    with ExitStack() as stack:
        all_ = {
            "alone": stack.enter_context(running(box, "unmanaged", name="victim-alone")),
            "unit": stack.enter_context(
                running(box, "systemd", name="victim-unit", service_lines=["Restart=always", "RestartSec=100ms"])
            ),
            "always": stack.enter_context(running(box, "docker-run", name="victim-always", restart="always")),
        }
        ready = line.format(**{name: each.pid for name, each in all_.items()})
        document = preflight(box, ready)
        assert document["unknown"] == []
        before = {name: start_ticks(box, each.pid) for name, each in all_.items()}
        box.run(["bash", "-c", ready], check=False)
        wanted = {name for name in expected if start_ticks(box, all_[name].pid) == before[name]}
        if wanted:
            box.wait_for(
                "the end",
                lambda: all(start_ticks(box, all_[name].pid) != before[name] for name in wanted),
                timeout=WAIT_S,
            )
        died = {name for name, each in all_.items() if start_ticks(box, each.pid) != before[name]}
        assert died == expected
        assert killed(document) == {all_[name].pid for name in died}
        box.run(f"kill -CONT {all_['alone'].pid}", check=False)
        for name in died - {"alone"}:
            box.wait_for(f"{name} again", partial(box.pids, f" victim-{name}$"), timeout=5)
            kind, subject = ("unit", "victim-unit.service") if name == "unit" else ("container", "victim-always")
            assert subject in names(document, kind, "restart")


def test_whether_it_helps(box: Box) -> None:
    """kill -9 of a container's process ends it for a moment; the proposal ends it for good; another's stop does not."""
    with (
        running(box, "docker-run", name="hot", restart="always", on_term="exit-0") as hot,
        running(box, "docker-run", name="cold", restart="always", on_term="exit-0"),
    ):
        chosen = ("--for", str(hot.pid))
        moment = preflight(box, f"kill -9 {hot.pid}", *chosen)
        assert (moment["helps"]["ends"], moment["helps"]["returns"]) == (True, True)
        other = preflight(box, "docker stop cold", *chosen)
        assert other["helps"]["ends"] is False
        assert "hot" in other["helps"]["why"]
        assert "cold" in other["helps"]["why"]
        (proposal, *_) = moment["safer"]
        told = preflight(box, proposal["command"], *chosen)
        assert (told["helps"]["ends"], told["helps"]["returns"]) == (True, False)
        box.run(proposal["command"], timeout=30)
        assert docker.info(box, "hot").status == "exited"


@pytest.fixture(scope="module")
def users(box: Box) -> Iterator[None]:
    """Two containers, one on a volume and one on a folder of the host."""
    sleeps = ["sh", "-c", "exec sleep 100000"]
    box.run(["docker", "run", "-d", "--name=onvol", "-v", "keep:/data", docker.IMAGE, *sleeps])
    box.run(["docker", "run", "-d", "--name=onbind", "-v", "/srv/bind:/data", docker.IMAGE, *sleeps])
    yield
    box.run("docker rm -f onvol onbind; docker volume rm keep; rm -rf /srv/*", check=False)


@pytest.fixture
def files(box: Box, users: None) -> None:
    """Plain files, links, a volume's data, a database, a table: each with a content of its own."""
    box.run(
        "rm -rf /srv/* && mkdir -p /srv/bind/sub /srv/plain/deep /var/lib/docker/volumes/keep/_data && "
        "for f in bind/sub/1 plain/a.log plain/deep/b.log plain/c.txt; do echo $f > /srv/$f; done && "
        "ln -sfn /srv/plain /srv/link && head -c 100000 /dev/zero > /srv/plain/big && "
        "echo data > /var/lib/docker/volumes/keep/_data/1 && "
        "python3 -c \"import sqlite3; c = sqlite3.connect('/srv/app.db'); "
        "c.execute('create table t (a)'); c.execute('insert into t values (1)'); c.commit()\" && "
        "printf '0 3 * * * /bin/true\\n' | crontab -"
    )


FILE_CASES = [
    ("docker exec onvol rm -rf /data/1", "path", {"/var/lib/docker/volumes/keep/_data/1"}, "onvol"),
    ("rm -rf /srv/bind", "path", {"/srv/bind"}, "onbind"),
    ("rm -rf /var/lib/docker/volumes/keep/_data", "volume", {"keep"}, "onvol"),
    ("rm -rf /var/lib/docker/volumes/keep/_data/*", "path", {"/var/lib/docker/volumes/keep/_data/1"}, "onvol"),
    ("truncate -s 0 /srv/plain/big", "path", {"/srv/plain/big"}, ""),
    ("> /srv/plain/a.log", "path", {"/srv/plain/a.log"}, ""),
    ("echo x | tee /srv/plain/a.log", "path", {"/srv/plain/a.log"}, ""),
    ("cd /srv/plain && rm -f *.log", "path", {"/srv/plain/a.log"}, ""),
    ("find /srv/plain -name '*.log' -delete", "path", {"/srv/plain/a.log", "/srv/plain/deep/b.log"}, ""),
    ("find /srv/plain -name '*.log' -exec rm {} +", "path", {"/srv/plain/a.log", "/srv/plain/deep/b.log"}, ""),
    ("rm -rf /srv/link/", "path", {"/srv/plain"}, ""),  # the link stays, what is in the folder goes
    ("rm -rf /srv/link", "path", set(), ""),
    ("rm -rf /srv/link/deep/../c.txt", "path", {"/srv/plain/c.txt"}, ""),
    ("mv /srv/plain/c.txt /srv/plain/a.log", "path", {"/srv/plain/a.log"}, ""),
    ("mv /srv/plain /srv/aside && rm -r /srv/aside/deep", "path", {"/srv/aside/deep"}, ""),
    ("cp /srv/plain/c.txt /srv/plain/a.log", "path", {"/srv/plain/a.log"}, ""),
    ("dd if=/dev/zero of=/srv/plain/big bs=1 count=1", "path", {"/srv/plain/big"}, ""),
    ("ls /srv/plain/*.log | xargs rm", "path", {"/srv/plain/a.log"}, ""),
    ("rmdir /srv/plain/deep", "path", set(), ""),
    ("rm /srv/plain", "path", set(), ""),
    ("crontab -r", "crontab", {"root"}, ""),
    ("echo '0 4 * * * /bin/false' | crontab -", "crontab", {"root"}, ""),
]
WATCHED = "/srv /var/lib/docker/volumes/keep/_data"


def contents(box: Box) -> dict[str, str]:
    """Every file with what is in it, and the table."""
    listed = box.run(f"find {WATCHED} -type f -exec sha256sum {{}} +", check=False).stdout.splitlines()
    found = {path: digest for digest, path in (line.split(maxsplit=1) for line in listed)}
    return found | {"crontab": box.run("crontab -l", check=False).stdout}


@pytest.mark.parametrize(("line", "kind", "lost", "user"), FILE_CASES, ids=[each[0] for each in FILE_CASES])
def test_files_are_lost_as_foretold(box: Box, files: None, line: str, kind: str, lost: set[str], user: str) -> None:
    """What is said to be lost is lost, nothing else is; who uses it is named."""
    document = preflight(box, line)
    foretold = {each["name"]: each for each in document["effects"] if each["data_lost"]}
    assert {name for name, each in foretold.items() if each["type"] == kind} == lost
    assert document["verdict"] == ("destroys-data" if lost else "safe")
    if user:
        assert all(user in each["used_by"] for each in foretold.values())
    before = contents(box)
    box.run(["bash", "-c", line], check=False)
    after = contents(box)
    moved = set(after.values())
    really = {path for path, digest in before.items() if after.get(path) != digest and digest not in moved}
    roots = {"crontab" if kind == "crontab" else _root(name) for name in lost}
    covered = {path for path in really if any(path == root or path.startswith(f"{root}/") for root in roots)}
    assert covered == {_before(path) for path in really}
    assert bool(really) == bool(lost)


def _root(name: str) -> str:
    """Where a name's content was before the line."""
    return "/var/lib/docker/volumes/keep/_data" if name == "keep" else name.replace("/srv/aside", "/srv/plain")


def _before(path: str) -> str:
    return path.replace("/srv/aside", "/srv/plain")


def test_a_database_in_a_file(box: Box, files: None) -> None:
    """A question is safe; a DROP is not. Only foretold: the box has no sqlite3 program to run it with."""
    assert preflight(box, "sqlite3 /srv/app.db 'select * from t'")["verdict"] == "safe"
    document = preflight(box, "sqlite3 /srv/app.db 'drop table t'")
    assert names(document, "database", "delete") == {"/srv/app.db"}
    assert preflight(box, "rm /srv/app.db")["effects"][0]["why"].endswith("an SQLite database")


def test_what_a_reboot_ends_for_good(box: Box, units: None) -> None:
    """A container without a policy and a unit that is not enabled: named, those that come back are not.

    Foretold from the present state; the box is not rebooted.
    """
    with running(box, "docker-run", name="nopolicy"), running(box, "docker-run", name="policy", restart="always"):
        document = preflight(box, "reboot")
    assert names(document, "host", "restart") != set()
    assert "nopolicy" in names(document, "container", "stop")
    assert "policy" not in names(document, "container", "stop")
    assert "back.service" in names(document, "unit", "stop")


def test_the_engine_takes_its_containers_along(box: Box) -> None:
    """`systemctl stop docker.socket docker` stops every container; a restart brings back those with a policy."""
    with running(box, "docker-run", name="without"), running(box, "docker-run", name="with", restart="always"):
        document = preflight(box, "systemctl restart docker")
        assert names(document, "container", "stop") - OTHERS == {"without"}
        assert names(document, "container", "restart") == {"with"}
        stopped = preflight(box, "systemctl stop docker")
        assert names(stopped, "container", "stop") - OTHERS == {"with", "without"}
        assert "docker.socket starts it again" in stopped["effects"][0]["why"]
        box.run("systemctl restart docker", timeout=60)
        assert docker.info(box, "without").status == "exited"
        assert docker.info(box, "with").status == "running"


def test_an_answer_comes_at_once(box: Box) -> None:
    """`docker compose -p x down -v` costs less than half a second of user CPU, the start of Python included.

    CPU and not the clock: the machine is shared by whatever else is tested.
    """
    box.run("runaway-watchdog preflight 'docker compose -p x down -v'", check=False)
    took = box.run(
        ["bash", "-c", "TIMEFORMAT=%U; time runaway-watchdog preflight 'docker compose -p x down -v' >/dev/null"],
        check=False,
    ).stderr
    assert float(took.split()[-1]) < 0.5
