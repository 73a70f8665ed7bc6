"""Programs that run another one beside their own work: it is the command inside that is judged."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.verdict import verdict

BEFORE = [
    "pidstat -e", "pidstat -u 1 -e", "turbostat", "turbostat --quiet -i 5", "turbostat -o /tmp/new",
    "ip netns exec blue", "ip netns e blue", "ip net ex blue", "ip -all netns exec", "ip -a netns exec",
    "ip -6 -n red netns exec blue", "ip vrf exec red", "ip v e red", "watch", "watch -n 5 -d", "watch -x",
    "watch --inter 5", "strace", "strace -f -e trace=file -o /tmp/new", "strace -fo /tmp/new",
    "strace --follow-forks --trace=file", "strace -E A=b -u root", "ltrace -f -e malloc", "setarch x86_64 -R",
    "setarch -R", "setarch", "linux32", "linux64 --addr-no-randomize", "i386", "chrt -f 10", "chrt --idle 0",
    "taskset -c 0", "taskset 0x1", "unshare", "unshare -m -r", "unshare --mount --map-root-user --",
    "nsenter -t 1 -m --", "flock /tmp/lock", "flock -n /tmp/lock", "xvfb-run", "xvfb-run -a -s '-screen 0 1x1x8'",
    "xvfb-run --server-args=x -n 5", "numactl -N 0 -m 0", "numactl --inter=all", "prlimit --nofile=64",
    "prlimit -n64 -v", "cgexec -g cpu:x", "valgrind --leak-check=full -q", "perf stat -e cycles -r 3", "perf stat",
    "perf record -g -F 99 -o /tmp/new --", "perf trace -s", "ssh-agent", "ssh-agent -t 60", "fakeroot",
    "eatmydata", "unbuffer -p", "chronic", "torsocks", "proxychains4 -q", "gtimeout 5", "nice -n 5 strace",
]  # fmt: skip


@pytest.mark.parametrize("before", BEFORE)
def test_the_command_inside_is_judged(before: str) -> None:
    """It loses what it would without the program in front; a command that only reads stays one that does."""
    lost = shop().judge(f"{before} rm -rf /srv/uploads")
    assert "/srv/uploads" in {each.name for each in lost.lost}, lost.unknown
    assert risk(shop().judge(f"{before} ls /srv").unknown) != "high"


@pytest.mark.parametrize("before", BEFORE)
def test_a_command_inside_that_is_not_known_is_unknown(before: str) -> None:
    assert verdict(shop().judge(f"{before} /opt/own --wipe")) == "unknown"


@pytest.mark.parametrize(
    "before",
    [
        "strace -fo /srv/notes.txt", "ltrace --output=/srv/notes.txt", "valgrind --log-file=/srv/notes.txt -q",
        "valgrind --xml=yes --xml-file=/srv/notes.txt", "valgrind --tool=massif --massif-out-file=/srv/notes.txt",
        "valgrind --tool=callgrind --callgrind-out-file=/srv/notes.txt", "fakeroot -s /srv/notes.txt",
        "fakeroot -i /tmp/state -s/srv/notes.txt --", "perf stat -o /srv/notes.txt", "turbostat -o /srv/notes.txt",
    ],
)  # fmt: skip
def test_the_file_that_it_writes_is_lost(before: str) -> None:
    """As valgrind's and fakeroot's own runs leave it; a new one loses nothing."""
    assert {each.name for each in shop().judge(f"{before} ls").lost} == {"/srv/notes.txt"}
    assert verdict(shop().judge(f"{before.replace('/srv/notes.txt', '/srv/new')} ls")) == "safe"


def test_of_several_files_none_is_passed_over() -> None:
    judged = shop().judge("valgrind --xml-file=/srv/notes.txt --log-file=/tmp/new ls")
    assert risk(judged.unknown) == "high"


@pytest.mark.parametrize(
    "line",
    [
        "script -c 'rm -rf /srv/uploads' /tmp/new",
        "asciinema rec -c 'rm -rf /srv/uploads' /tmp/new",
        "asciinema rec --comm='rm -rf /srv/uploads' /tmp/new",
        "powertop --workload='rm -rf /srv/uploads'",
        "bpftrace -e 'BEGIN { }' -c 'rm -rf /srv/uploads'",
        "multitail -l 'rm -rf /srv/uploads'",
        "compgen -C 'rm -rf /srv/uploads'",
        "jobs -x rm -rf /srv/uploads",
        "sg www -c 'rm -rf /srv/uploads'",
        "fzf --preview 'rm -rf /srv/uploads'",
        "fzf --bind 'start:execute(rm -rf /srv/uploads)'",
        "bat --pager 'rm -rf /srv/uploads' x",
        "ag --pager='rm -rf /srv/uploads' x",
        "sdiff --diff-program='rm' a b",
        "strace -o '|rm -rf /srv/uploads' ls",
        "fakeroot -l ./x.so ls",
        "fakeroot --faked=./x ls",
        "fakeroot -l./x.so ls",
        "ip -batch /tmp/x",
        "ip -b /tmp/x",
    ],
)
def test_a_command_in_an_option_is_judged_or_not_known(line: str) -> None:
    """It is asked about at least."""
    judged = shop().judge(line)
    assert verdict(judged) in ("unknown", "destroys-data")
    assert verdict(judged) == "destroys-data" or risk(judged.unknown) == "high"


@pytest.mark.parametrize(
    "line",
    [
        "ip a", "ip a s", "ip addr show", "ip -br a", "ip -4 addr", "ip r", "ip route get 1.1.1.1", "ip n",
        "ip ru l", "ip netns", "ip netns list", "ip l", "ip -s link show eth0", "ip r s t all", "pidstat 1 3",
        "turbostat --version", "strace --help", "ip -j addr show dev eth0",
    ],
)  # fmt: skip
def test_what_starts_nothing_stays_safe(line: str) -> None:
    assert verdict(shop().judge(line)) == "safe"


@pytest.mark.parametrize(
    "line", ["ip l s eth0 down", "ip link de eth0", "ip a fl dev eth0", "ip r d default", "ip li se eth0 up"]
)
def test_the_words_of_ip_may_be_cut_short(line: str) -> None:
    assert verdict(shop().judge(line)) == "unknown"
