"""What runs beside the program that is named: pagers, editors, loaded libraries, and programs in another's place."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.effects import known_programs
from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight import shadows
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
        "tar xf /tmp/a.tar --to-com='rm -rf /srv/shop'",
        "tar cf /tmp/a.tar /etc/hosts --checkpoint=1 --checkpoint-action exec='rm -rf /srv/shop'",
        "tar xf /tmp/a.tar -I 'rm -rf /srv/shop'",
        "PAGER='sh -c \"rm -rf /srv/shop\"' man ls",
        "rsync -e 'sh -c \"rm -rf /srv/shop\"' a b:c",
        "rsync -avze 'rm -rf /srv/shop;' a b:c",
        "rsync --rsh='rm -rf /srv/shop #' a b:c",
        "scp -S 'rm -rf /srv/shop;' a b:c",
        "scp -o ProxyCommand='rm -rf /srv/shop' a b:c",
        "sftp -oProxyCommand='rm -rf /srv/shop' b",
        "sort --compress-program='rm -rf /srv/shop;' a",
        "split --filter='rm -rf /srv/shop' a",
        "bat --pager 'rm -rf /srv/shop' a",
        "asciinema rec -c 'rm -rf /srv/shop' /tmp/x",
        "fzf --preview='rm -rf /srv/shop'",
        "compgen -C 'rm -rf /srv/shop'",
        "jobs -x rm -rf /srv/shop",
        "ncat -lke 'rm -rf /srv/shop' 80",
        "pager '+!rm -rf /srv/shop' a",
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
        "PAGER='less -O /srv/notes.txt' man ls",
        "PAGER='less -o/srv/notes.txt' man ls",
        "PAGER='ssh host cmd' man ls",
        "LESS='+!rm -rf x' man ls",
        "LESS=-O/srv/notes.txt man ls",
        "LESSHISTFILE=/srv/notes.txt less a",
        "rsync -e /tmp/x a b:c",
        "rsync -e 'ssh -o ProxyCommand=/tmp/x' a b:c",
        "rsync -e 'ssh host cmd' a b:c",
        "RSYNC_RSH=/tmp/x rsync a b:c",
        "scp -S /tmp/x a b:c",
        "ssh -o 'ProxyCommand=ssh host rm -rf x' host true",
        "ssh -o 'ProxyCommand=nc -e /bin/sh %h %p' host true",
        "scp -o 'ProxyCommand=nc -lc x %h' a b:c",
        "fzf --preview 'rm -rf {}'",
        "fzf --bind 'start:execute(rm -rf x)'",
        "VIMINIT='!rm -rf x' vim a",
        "EXINIT='!rm -rf x' ex a",
        "LUA_INIT='os.remove(1)' lua -v",
        "MAKEFLAGS='--eval=x' make -v",
        "MAKEFLAGS='-f /tmp/x' ls",
        "PERL5OPT=-Mx perl -v",
        "PYTHONSTARTUP=/tmp/x python3",
        "NODE_OPTIONS='-r /tmp/x' node -v",
        "GIT_CONFIG_COUNT=1 make",
        "GIT_EXEC_PATH=/tmp/x ls",
        "GIT_PROXY_COMMAND=/tmp/x git fetch",
        "SHELL=/tmp/x vim a",
        "WGETRC=/tmp/x wget -q http://x",
        "EDITOR='rm -f' visudo",
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
        "PAGER='bat -p' man ls",
        "PAGER='gzip -c' man ls",
        "MANPAGER='sh -c \"col -bx | bat -l man -p\"' man ls",
        "LESS='-R --mouse' man ls",
        "LESS=FRX man ls",
        "LESSHISTFILE=- less /etc/hosts",
        "MAKEFLAGS=-j4 ls",
        "MAKEFLAGS='--no-print-directory -j 8' ls",
        "SHELL=/bin/bash ls",
        "GIT_CONFIG_GLOBAL=/dev/null ls",
        "EDITOR='code --wait' crontab -l",
        "rsync -e 'ssh -p 2222 -i key' -a /tmp/scratch b:c",
        "rsync -avze ssh /tmp/scratch b:c",
        "rsync -e 'sshpass -p x ssh -o StrictHostKeyChecking=no' -a /tmp/scratch b:c",
        "scp -o ProxyJump=bastion /tmp/scratch b:c",
        "scp -o 'ProxyCommand=ssh -W %h:%p bastion' /tmp/scratch b:c",
        "ssh -o 'ProxyCommand=ssh bastion nc %h %p' host uptime",
        "ssh -o 'ProxyCommand=nc -X 5 -x proxy:1080 %h %p' host uptime",
        "fzf --preview 'bat {}'",
        "fzf --preview='head -n 20 {1}'",
        "bat --pager='less -R' /etc/hosts",
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


def test_what_a_variable_or_an_option_starts_is_said_by_name() -> None:
    """Where it is known, its effects say it all; where not, who runs what, and that this is not known."""
    judged = shop().judge("PAGER='rm -rf /srv/shop' man ls")
    assert (judged.unknown, [each.name for each in judged.lost]) == ((), ["/srv/shop"])
    assert shop().judge("PAGER=/tmp/x man ls").unknown == (
        "PAGER makes `PAGER=/tmp/x man ls` run `/tmp/x`, and what that does is not known",
    )
    assert "EDITOR makes `EDITOR='rm -f' visudo` run `rm -f` on a file that is only known when it runs" in (
        shop().judge("EDITOR='rm -f' visudo").unknown
    )


def test_the_programs_that_start_others_are_listed_where_the_line_is_judged() -> None:
    """The list is apart from this module so that a line without such a program does not load it."""
    assert shadows._COMMANDS.keys() | shadows._OPTIONS.keys() | {"jobs"} == known_programs.STARTERS
