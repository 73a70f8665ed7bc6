"""Hosts with an intruder's program, and odd ones without: all of the first are told, none of the others."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import pytest
from preflight.host_world import LINK, EngineWith, FakeFiles, FakeHost
from support.builders import make_container

from runaway_watchdog import owners
from runaway_watchdog.explain import signs
from runaway_watchdog.model.casefile import History, Sign, suspicious
from runaway_watchdog.owners.interface import Owner, Read
from runaway_watchdog.owners.unmanaged import ORPHAN
from runaway_watchdog.world import Files, Unanswered, procfs

UNCLAIMED = Read("unmanaged", "x", "60", "none", ORPHAN, ())
PRELOAD = "/proc/60/root/etc/ld.so.preload"
CONTAINER = "ab" * 32
WALLET = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"


class Case(NamedTuple):
    """One process: its file and words, who started it, and what else there is."""

    about: str
    exe: str
    words: str
    parent: str = ""  # the file of its parent; "": PID 1
    user: int = 0
    files: Sequence[tuple[str, str]] = ()
    container: dict[str, Any] | None = None  # as the engine tells of it
    listens: int = 0  # the port on which the process itself listens
    comm: str = ""

    def __str__(self) -> str:
        return self.about


def published(inner: int, **more: Any) -> dict[str, Any]:
    bound = {f"{inner}/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(inner)}]}
    return {"Id": CONTAINER, "State": {"Pid": 40}, "NetworkSettings": {"Ports": bound}, **more}


def mounted(source: str) -> dict[str, Any]:
    return {
        "Id": CONTAINER,
        "State": {"Pid": 40},
        "Mounts": [{"Type": "bind", "Source": source, "Destination": "/x", "RW": True}],
    }


MALICIOUS = (
    Case("a miner as a unit", "/usr/local/bin/sysupd", "sysupd -o stratum+tcp://pool.example:3333 --donate-level 1"),
    Case("its name and a pool", "/opt/x/xmrig", "/opt/x/xmrig -o gulf.moneroocean.stream:10128"),
    Case("a wallet and an algorithm", "/usr/bin/sshd-x", f"sshd-x -a rx/0 -u {WALLET}"),
    Case("kinsing's helper in Redis", "/tmp/kdevtmpfsi (deleted)", "kdevtmpfsi", "/usr/bin/redis-server"),
    Case("below PostgreSQL in /tmp", "/tmp/rediserver", "/tmp/rediserver", "/usr/lib/postgresql/15/bin/postgres"),
    Case("below Next.js in /dev/shm", "/dev/shm/.a/x", "./x", "/usr/bin/node", comm="next-server (v1"),
    Case("as www-data in /var/tmp", "/var/tmp/.u/sys", "./sys", user=33),
    Case("a false kernel thread", "/usr/lib/sys/k", "kswapd0", comm="kswapd0"),
    Case("a false kworker in brackets", "/root/.config/x", "[kworker/0:1]"),
    Case(
        "hidden in a home, forced library", "/root/.config/cron/perfcc", "perfcc",
        files=((PRELOAD, "/lib/libgcwrap.so\n"),),
    ),
    Case("a library with jemalloc's name", "/tmp/x", "x", files=((PRELOAD, "/usr/lib/libjemalloc.so.2\n"),)),
    Case("a folder with an AppImage's name", "/tmp/.mount_nvimXYZ/x", "x", user=33),
    Case("www-data's chromium", "/tmp/chromium", "/tmp/chromium", user=33),
    Case("in /tmp, Redis' port is open", "/tmp/x", "x", "/bin/sh", container=published(6379), listens=6379),
    Case("in /tmp, with the engine's socket", "/tmp/x", "x", "/bin/sh", container=mounted("/var/run/docker.sock")),
    Case("in /tmp, with the host's root", "/tmp/x", "x", "/bin/sh", container=mounted("/")),
)  # fmt: skip
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
JEMALLOCS_LIST = ("/proc/60/root/var/lib/dpkg/info/libjemalloc2:amd64.list", f"/.\n/usr/lib\n{JEMALLOC}\n")
PNPM = "/usr/src/app/node_modules/.pnpm/@esbuild+linux-x64@0.21.5/node_modules/@esbuild/linux-x64/bin/esbuild"
INNOCENT = (
    Case("pnpm's esbuild", PNPM, f"{PNPM} --service", "/usr/local/bin/node", container=published(9000), listens=9000),
    Case("a test program in /tmp", "/tmp/tests/a.out", "./a.out", "/bin/bash"),
    Case("an AppImage", "/tmp/.mount_nvimXYZ/usr/bin/nvim", "nvim", "/bin/bash", user=33,
         files=(("/proc/60/mounts", "nvim.appimage /tmp/.mount_nvimXYZ fuse.nvim.appimage ro,nosuid 0 0\n"),)),
    Case("go run", "/tmp/go-build123/b001/exe/main", "/tmp/go-build123/b001/exe/main", "/usr/bin/go"),
    Case("Chromium of a function", "/tmp/chromium", "/tmp/chromium --headless", "/usr/bin/node", user=1000),
    Case("jemalloc", "/tmp/bench", "bench", files=((PRELOAD, f"{JEMALLOC}\n"), JEMALLOCS_LIST)),
    Case("an agent", "/tmp/bench", "bench", files=((PRELOAD, "/opt/datadog-packages/apm/launcher.preload.so\n"),)),
    Case("nvm's node", "/home/dev/.nvm/versions/node/v20/bin/node", "node app.js", "/bin/bash", user=1000),
    Case("pipx and uv", "/root/.local/share/uv/python/bin/python3.12", "python3 -m http.server", "/bin/bash"),
    Case("VS Code's server", "/home/dev/.vscode-server/bin/abc/node", "node server-main.js", user=1000),
    Case("a Terraform provider", "/srv/infra/.terraform/providers/x/terraform-provider-aws", "terraform-provider-aws"),
    Case("an upgraded nginx", "/usr/sbin/nginx (deleted)", "nginx: worker process", "/usr/sbin/nginx", 33,
         files=(("/proc/60/root/usr/sbin/nginx", "new"),)),
    Case("runc from memory", "/memfd:runc_cloned:/proc/self/exe (deleted)", "runc init"),
    Case("celery's title", "/usr/bin/python3.11", "[celeryd: celery@web:ForkPoolWorker-1]"),
    Case("a title in brackets", "/usr/bin/worker", "[shop-queue]"),
    Case("PHP-FPM published", "/usr/local/sbin/php-fpm", "php-fpm: pool www", container=published(9000), listens=9000),
    Case("Portainer", "/portainer", "/portainer", container=mounted("/var/run/docker.sock")),
    Case("Netdata reads the host", "/usr/sbin/netdata", "netdata -D", container=mounted("/")),
    Case("a coin shop's site", "/usr/bin/node", "node server.js --coin=btc --pool-size=10 https://pool.example.com"),
    Case("ffmpeg of an app", "/usr/bin/ffmpeg", "ffmpeg -i a.mkv -threads 8 b.mp4", "/usr/bin/python3.11"),
    Case("a composer of PHP in /tmp", "/usr/bin/php8.2", "php /tmp/composer-setup.php", "/bin/bash", 1000),
    Case("a cron job that pings", "/tmp/b/run", "run", files=(("/etc/cron.d/x", "0 3 * * * root curl https://hc/p\n"),)),
)  # fmt: skip


def found(case: Case) -> tuple[Sign, ...]:
    host = FakeHost()
    host.process(1, "/sbin/init", comm="systemd", ppid=0)
    above = 1
    if case.container is not None:
        host.engine = EngineWith([case.container], [])
        host.process(40, "/app/init", comm="init", ppid=1, cgroup="/docker/x")
        above = 40
    if case.parent:
        comm = case.comm or case.parent.rpartition("/")[2][:15]
        host.process(50, case.parent, comm=comm, ppid=above)
        host.files.add("/proc/50/exe", f"{LINK}{case.parent}")
        above = 50
    name = "" if case.parent else case.comm
    host.process(60, case.words, comm=name or case.words.split()[0].rpartition("/")[2][:15], ppid=above, uid=case.user)
    host.files.add("/proc/60/exe", f"{LINK}{case.exe}")
    for path, text in case.files:
        host.files.add(path, text)
    if case.listens:
        _listening(host, 60 if case.exe.endswith("php-fpm") or "esbuild" in case.exe else 40, case.listens)
        if case.listens == 6379:
            host.files.add("/proc/40/exe", f"{LINK}/usr/bin/redis-server")
    facts, _ = owners.facts(host.world, 60)
    owner: Owner = UNCLAIMED if case.container is None else make_container()._replace(id=CONTAINER)
    return signs.signs(host.world, facts, [owner], History())


def _listening(host: FakeHost, pid: int, port: int) -> None:
    host.files.add(f"/proc/{pid}/fd/3", f"{LINK}socket:[100]")
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    row = f"   0: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0     0 100 1 0 100\n"
    host.files.add(f"/proc/{pid}/net/tcp", head + row)


@pytest.mark.parametrize("case", MALICIOUS, ids=str)
def test_an_intruder_is_told(case: Case) -> None:
    """Two signs of different kinds, or the one that stands for itself."""
    assert suspicious(found(case)), found(case)


@pytest.mark.parametrize("case", INNOCENT, ids=str)
def test_nobody_is_frightened(case: Case) -> None:
    """One sign at most, which is in the JSON alone."""
    assert not suspicious(found(case)), found(case)


def test_a_door_is_closed_where_it_is_on_the_host() -> None:
    """The port that the host publishes, which need not be the one inside."""
    bound = {"6379/tcp": [{"HostIp": "::", "HostPort": "16379"}]}
    case = next(each for each in MALICIOUS if each.listens == 6379)
    moved = case._replace(container={**(case.container or {}), "NetworkSettings": {"Ports": bound}})
    assert [each.port for each in found(moved) if each.kind == "door"] == [16379]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5"])
def test_a_port_that_few_reach_is_no_door(address: str) -> None:
    """Published to this host, or into a network of one's own."""
    bound = {"6379/tcp": [{"HostIp": address, "HostPort": "6379"}]}
    case = next(each for each in MALICIOUS if each.listens == 6379)
    shut = case._replace(container={**(case.container or {}), "NetworkSettings": {"Ports": bound}})
    assert "door" not in {each.kind for each in found(shut)}


@pytest.mark.parametrize(
    ("address", "uid", "program", "door"),
    [
        ("00000000", 110, "redis-server", True),
        ("0100007F", 110, "redis-server", False),
        ("00000000", 111, "redis-server", False),
        ("00000000", 110, "python3", False),
    ],
)
def test_a_service_of_the_host_is_a_door(address: str, uid: int, program: str, door: bool) -> None:
    """Of the same user, at every address, and the program that is known for that port."""
    host = FakeHost()
    host.process(60, "./kdevtmpfsi", uid=110, cgroup="/system.slice/redis-server.service")
    host.files.add("/proc/60/exe", f"{LINK}/tmp/kdevtmpfsi")
    host.process(40, f"/usr/bin/{program} *:6379", cgroup="/system.slice/redis-server.service")
    host.files.add("/proc/40/exe", f"{LINK}/usr/bin/{program}")
    _listening(host, 40, 6379)
    row = (
        host.files.read("/proc/40/net/tcp")
        .replace("00000000:18EB", f"{address}:18EB")
        .replace("     0     0 100", f"   {uid}     0 100")
    )
    host.files.add("/proc/1/net/tcp", row)
    facts, _ = owners.facts(host.world, 60)
    found = signs.signs(host.world, facts, [UNCLAIMED], History())
    assert [(each.port, each.of_host) for each in found if each.kind == "door"] == ([(6379, True)] if door else [])


class Covered(FakeFiles):
    """The kernel's clocks tell of a process that /proc does not show."""

    def cpu_clock(self, pid: int) -> tuple[int, int]:
        return (1, 1) if pid == 60 else super().cpu_clock(pid)


def test_a_process_that_a_mount_hides_is_told_as_that() -> None:
    """As root too: it was called another user's, and sudo was advised. Other mounts below /proc hide no process."""
    files = Covered()
    mounts = ("proc /proc proc", "/dev/sda1 /proc/60 ext4", "x /proc/fs/nfsd x")
    files.add("/proc/self/mounts", "".join(f"{each} rw 0 0\n" for each in mounts))
    assert procfs.covered(cast(Files, files)) == (60,)
    with pytest.raises(Unanswered) as told:
        procfs.process(cast(Files, files), 60)
    assert "mounted over /proc/60" in told.value.gap.problem
    with pytest.raises(procfs.NoSuchProcessError):
        procfs.process(cast(Files, files), 61)
