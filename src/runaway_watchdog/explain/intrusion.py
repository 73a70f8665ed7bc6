"""The plan where signs of an intruder meet: it stands still first, what it is made of is kept, its door is closed.

Nothing is ended or removed: that is decided by whoever has looked at the evidence.
"""

from collections.abc import Iterator, Sequence

from runaway_watchdog.explain.signs import DOWNLOAD
from runaway_watchdog.model.casefile import Sign
from runaway_watchdog.model.plan import Plan, Prints, Step, Succeeds
from runaway_watchdog.model.process import Process
from runaway_watchdog.owners.steps import single
from runaway_watchdog.world import World

AGAIN = "a clean container, or a new installation, is infected again as long as that door is open"


def adapted(plan: Plan, process: Process, signs: Sequence[Sign], world: World, starters: Sequence[Step] = ()) -> Plan:
    """The same case with these steps; its warnings stay."""
    freeze = tuple(step for step in plan.steps if step.phase == "relieve" and step.risk == "interrupts")
    doors = tuple(_doors(signs, world))
    known = "close the door that was found" if doors else "find and close the door that it came in by"
    goal = f"Freeze it, keep the evidence, {known}; only then end it: {AGAIN}"
    closing = {step.command: step for step in (*starters, *doors)}  # a line that downloads may start it too
    steps = (*(freeze or single.relieve(process)), _evidence(process), *closing.values())
    still = (*plan.remaining_triggers, "whoever keeps it alive, once it goes on", AGAIN)
    return plan._replace(goal=goal, steps=steps, remaining_triggers=still)


def _evidence(process: Process) -> Step:
    """Its program as it runs, also where the file was deleted, and what it has open. Its environment may hold the
    secrets of others and is left where it is."""
    proc, copy = f"/proc/{process.pid}", f"/root/suspect-{process.pid}"
    kept = (
        f"umask 077 && mkdir -p {copy} && install -m 600 {proc}/exe {copy}/program",
        f"cat {proc}/cmdline >{copy}/cmdline",
        f"cat {proc}/maps >{copy}/maps",
        f"ls -l {proc}/cwd {proc}/fd >{copy}/fd",
    )
    return Step(
        "Keep the evidence",
        single.guarded(process, " && ".join(kept)),
        f"{copy}, for root alone, holds its program, arguments, memory map and open files; never run it",
        "none",
        None,
        Succeeds(f"ls {copy}/fd"),
        phase="save",
    )


def _doors(signs: Sequence[Sign], world: World) -> Iterator[Step]:
    for sign in signs:
        if sign.port is not None:
            yield _port_of_host(sign.port) if sign.of_host else _port(sign.port)
        elif sign.kind == "download" and sign.path is not None:
            yield from _line(sign.path, world)


def _port(number: int) -> Step:
    """Only what came from outside through Docker's own redirection: containers go on talking to each other."""
    rule = f"DOCKER-USER -p tcp -m conntrack --ctstate DNAT --ctorigdstport {number} -j DROP"
    return _closed(number, rule, f"port {number} of a container")


def _port_of_host(number: int) -> Step:
    """This host itself goes on talking to its service."""
    return _closed(number, f"INPUT ! -i lo -p tcp --dport {number} -j DROP", f"its port {number}")


def _closed(number: int, rule: str, what: str) -> Step:
    return Step(
        f"Close port {number} to the network",
        f"iptables -I {rule}",
        f"nobody outside this host reaches {what} any more, over IPv4, until the next boot",
        "interrupts",
        f"iptables -D {rule}",
        Prints(f"iptables -C {rule} && echo closed", ("closed",)),
        phase="close",
    )


def _line(path: str, world: World) -> Iterator[Step]:
    """The scheduled line that downloads something becomes a comment."""
    title, effect = "Close its door: a scheduled download", "the line becomes a comment, and no other line changes"
    try:
        text = world.files.read(path)
    except OSError:
        return
    from runaway_watchdog.owners.cron import containment, details  # only where such a line was found
    from runaway_watchdog.world import crontabs

    of_user = path.startswith("/var/spool/cron/")
    text = crontabs.printed(text) if of_user else text
    lines = enumerate(text.split("\n"), 1)
    found = (number for number, line in lines if not line.lstrip().startswith("#") and DOWNLOAD.search(line[:2000]))
    if (number := next(found, None)) is None:
        return
    line = details.TableLine(path, number, path.rpartition("/")[2], text, of_user)
    step = containment.comment_out(line, title, effect)
    yield step._replace(phase="close")
