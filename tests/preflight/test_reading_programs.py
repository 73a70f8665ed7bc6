"""Programs that read, with the one option of theirs that writes or runs something."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.effects import known_programs
from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.verdict import verdict


@pytest.mark.parametrize(
    "line",
    [
        "sdiff -o notes.txt a b", "sdiff --outp=notes.txt a b", "ss -D notes.txt", "ss -tanDnotes.txt",
        "ss --diag=notes.txt", "info -o notes.txt ls", "info --output=notes.txt ls", "lshw -dump notes.txt",
        "dstat --output notes.txt", "dstat -cdo notes.txt 1", "ab -g notes.txt http://x/",
        "ab -n 5 -e notes.txt http://x/", "ptx -G /etc/hosts notes.txt", "ncdu -o notes.txt /",
        "ncdu -0xo notes.txt /", "sslscan --xml=notes.txt x", "turbostat --out notes.txt", "lnav -w notes.txt",
        "radeontop -d notes.txt", "blkid -c notes.txt", "curl --libcurl notes.txt http://x",
        "curl --hsts notes.txt http://x", "multitail -a notes.txt /etc/hosts", "intel_gpu_top -J -o notes.txt",
    ],
)  # fmt: skip
def test_the_file_that_it_writes_over_is_lost(line: str) -> None:
    assert "/srv/notes.txt" in {each.name for each in shop().judge(line).lost}


@pytest.mark.parametrize(
    "line",
    [
        "vnstat --remove -i eth0", "vnstat --delete", "fc", "fc -s", "fc -e vim 3", "fc -s a=b cc", "history -c",
        "fzf --bind 'x:execute(y)'", "sk --cmd x", "lastlog -C -u root", "faillog -r", "sensors -s",
        "nvidia-smi -pm 1", "nvidia-smi --gpu-reset -i 0", "nvidia-smi mig -dci", "powertop --auto-tune",
        "powertop --html=/srv/x", "iperf3 -s --logfile x", "nmon -F x", "inxi -U", "hwinfo --log x", "units -L x",
        "tree -R -H . -L 2", "neofetch --config ./x", "screenfetch -S x", "ranger --cmd=x", "lf -command x",
        "lf -remote 'send x'", "broot --cmd x", "cheat --rm x", "pager -O x", "zless '+s x'", "bind -x '\"a\": x'",
        "let 'a[$(x)]'", "test -v 'a[$(x)]'", "unset 'a[`x`]'", "gawk -o/srv/x 1 a", "gawk --profile=x 1 a",
        "awk -d 1 a", "journalctl --cursor-file=x", "curl -Q 'DELE x' ftp://x", "xmllint --shell x",
        "less --LOG-FILE=x a", "ab -m DELETE http://x/", "hey -m DELETE http://x", "rocm-smi --resetclocks",
    ],
)  # fmt: skip
def test_an_option_that_writes_or_runs_makes_it_unknown(line: str) -> None:
    judged = shop().judge(line)
    assert verdict(judged) == "unknown"


@pytest.mark.parametrize(
    "line",
    [
        "sdiff a b", "ss -tlnp", "ss -tan state established", "info ls", "lshw -short", "lshw -class disk",
        "dstat -cdn 1 5", "ncdu -x /", "ncdu -o- /", "ptx a b", "vnstat -i eth0", "vnstat -d", "fc -l", "fc -ln 5",
        "history", "fzf -m", "lastlog", "faillog", "sensors", "nvidia-smi", "nvidia-smi -q -d MEMORY",
        "nvidia-smi -l 1", "nvidia-smi --query-gpu=name --format=csv -lms 500", "powertop --version", "iperf3 -c x",
        "inxi -Fxz", "tree -L 2", "pager a", "zless a", "let a=1", "test -f a", "[ -n a ]", "unset a",
        "awk '{ print $1 }' a", "journalctl -u x", "blkid", "blkid -c /dev/null", "blkid -o value -s UUID /dev/sda",
        "lnav a", "bind -p", "col -bx", "glances -t 5",
    ],
)  # fmt: skip
def test_what_only_reads_stays_safe(line: str) -> None:
    judged = shop().judge(line)
    assert verdict(judged) == "safe", judged.unknown


def test_each_program_with_such_an_option_is_one_that_reads() -> None:
    """An entry of another program, or one that is misspelt, would say nothing."""
    assert known_programs.WRITING.keys() <= known_programs.READS | {"xxd"}
    assert all(options for options in known_programs.WRITING.values())
    assert risk(()) is None
