"""What runs beside the program that is named: pagers, editors, loaded libraries, and programs in another's place."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.verdict import verdict


@pytest.mark.parametrize(
    "line",
    [
        "PAGER='rm -rf /srv/shop' man ls",
        "MANPAGER='rm -rf /srv/shop' man ls",
        "SYSTEMD_PAGER='rm -rf /srv/shop' systemctl status shop",
        "EDITOR='rm -rf /srv/shop' crontab -e",
        "VISUAL='sh -c \"rm -rf /srv/shop\"' crontab -e",
        "GIT_SSH_COMMAND='rm -rf /srv/shop; ssh' git pull",
        "export PAGER='rm -rf /srv/shop'; man ls",
        "env PAGER='rm -rf /srv/shop' man ls",
        "BROWSER='rm -rf /srv/shop #' xdg-open https://example.org",
        "less '+!rm -rf /srv/shop' /etc/hosts",
        "man -P 'rm -rf /srv/shop' ls",
        "man --pager='rm -rf /srv/shop' ls",
        "vim -c '!rm -rf /srv/shop' a",
        "vim '+!rm -rf /srv/shop' a",
        "tar cf /tmp/a.tar /etc/hosts --checkpoint=1 --checkpoint-action=exec='rm -rf /srv/shop'",
        "tar xf /tmp/a.tar --to-command='rm -rf /srv/shop'",
    ],
)
def test_a_command_that_another_program_starts_is_judged(line: str) -> None:
    """It is written in the line: what it destroys is named."""
    judged = shop().judge(line)
    assert "/srv/shop" in {each.name for each in judged.lost}, judged.unknown
    assert verdict(judged) == "destroys-data"


@pytest.mark.parametrize(
    "line",
    [
        "ssh -o 'ProxyCommand=rm -rf /srv/shop' host true",
        "ssh -oProxyCommand='rm -rf /srv/shop' host true",
        "ssh -o PermitLocalCommand=yes -o 'LocalCommand=rm -rf /srv/shop' host true",
        "LD_PRELOAD=/tmp/x.so ls",
        "LD_LIBRARY_PATH=/tmp ls",
        "LD_AUDIT=/tmp/x.so ls",
        "env LD_PRELOAD=./x.so ls",
        "export LD_PRELOAD=/tmp/x.so; ls",
        "BASH_ENV=/tmp/x bash -c ls",
        "ENV=/tmp/x sh -c ls",
        "PYTHONSTARTUP=/tmp/x cat /etc/hosts",
        "PERL5OPT=-Mx cat /etc/hosts",
        "NODE_OPTIONS='--require /tmp/x' cat /etc/hosts",
        "hash -p /tmp/x ls; ls",
        "hash -p /tmp/x -- ls && ls",
        "PAGER=/tmp/x man ls",
        "EDITOR=./edit crontab -e",
        "less '+!/tmp/x' /etc/hosts",
        "ssh -o ProxyCommand=/tmp/x host true",
        "GIT_SSH_COMMAND='ssh -o ProxyCommand=/tmp/x' git pull",
    ],
)
def test_what_is_loaded_or_started_unseen_makes_a_line_unknown(line: str) -> None:
    """With a high risk, whatever the program itself is known to do: an agent is asked."""
    judged = shop().judge(line)
    assert verdict(judged) == "unknown"
    assert risk(judged.unknown) == "high"


def test_a_program_in_front_of_the_systems_own_is_not_taken_for_it() -> None:
    """Where the line sets the path, and the folder holds a program of that name."""
    host = shop()
    host.files.add("/opt/x/ls", "#!/bin/sh\n")
    host.files.add("/srv/shop/ls", "#!/bin/sh\n")
    for line in ("PATH=/opt/x:/usr/bin ls", "export PATH=/opt/x:/usr/bin; ls", "cd /srv/shop && PATH=.:/usr/bin ls"):
        assert verdict(host.judge(line)) == "unknown", line
    for line in ("PATH=/usr/bin:/opt/x ls", "PATH=/opt/y:/usr/bin ls", "PATH=/opt/x:/usr/bin /bin/ls"):
        assert verdict(host.judge(line)) == "safe", line


@pytest.mark.parametrize(
    "line",
    [
        "PAGER=cat man ls",
        "PAGER='less -R' man ls",
        "EDITOR=vim true",
        "LD_PRELOAD= ls",
        "ENV=production ls",
        "NODE_OPTIONS=--max-old-space-size=4096 ls",
        "LESS=-R less /etc/hosts",
        "less +G /etc/hosts",
        "man -P cat ls",
        "ssh -o 'ProxyCommand=ssh -W %h:%p bastion' host uptime",
        "ssh -o ProxyCommand=none host uptime",
        "hash -r",
        "hash",
    ],
)
def test_lines_of_every_day_stay_silent(line: str) -> None:
    """A pager, an editor and ssh do what the person tells them."""
    judged = shop().judge(line)
    assert risk(judged.unknown) != "high", judged.unknown
    assert not judged.lost


def test_ssh_with_a_key_starts_nothing_else() -> None:
    """The setting that every deploy key needs."""
    unknown = shop().judge("GIT_SSH_COMMAND='ssh -i key -p 2222' git pull").unknown
    assert not any("GIT_SSH_COMMAND" in each for each in unknown if "may start" in each)
