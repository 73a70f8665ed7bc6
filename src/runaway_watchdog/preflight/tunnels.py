"""What ssh, rsync and scp are told to reach the other side by: ssh itself, or a program that only passes bytes on."""

import re
from collections.abc import Sequence

from runaway_watchdog.effects.arguments import read
from runaway_watchdog.model.command import Word

_NETCATS = ("nc", "ncat", "netcat")
_SSH_VALUED = "-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w"


def is_tunnel(line: str) -> bool:
    """Whether a ProxyCommand only passes bytes on: `ssh -W %h:%p bastion`, `ssh bastion nc %h %p`, `nc -X 5 %h %p`."""
    if line == "none":
        return True
    if re.fullmatch(r"[\w@%+=:,./\[\] -]+", line) is None or "command" in line.casefold():
        return False
    words = tuple(Word(each, each) for each in line.split())
    program = words[0].text
    if program == "ssh":
        given = read(words[1:], _SSH_VALUED, stops=True)
        behind = given.operands[1:]
        more = read(behind, _SSH_VALUED)
        forwards = given.has("-W") or more.has("-W")
        return (forwards and not more.operands) or (behind != () and is_tunnel(" ".join(each.raw for each in behind)))
    if program in _NETCATS:
        runs = ("-e", "-c", "-o", "--exec", "--sh-exec", "--lua-exec", "--output")
        return not read(words[1:]).has(*runs)
    return program == "cloudflared" and words[1:3] == (Word("access", "access"), Word("ssh", "ssh"))


def is_transport(words: Sequence[str]) -> bool:
    """Whether these are ssh with nothing but options, behind sshpass or not: what runs it adds the host."""
    given = [Word(each, each) for each in words]
    if given and given[0].text == "sshpass":
        given = list(read(given[1:], "-p -f -d -P", stops=True).operands)
    if not given or given[0].text not in ("ssh", "/usr/bin/ssh") or "command" in " ".join(words).casefold():
        return False
    return not read(given[1:], _SSH_VALUED).operands
