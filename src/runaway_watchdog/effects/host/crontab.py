"""crontab(1): what of a user's table goes, line by line where what takes its place is known."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from runaway_watchdog.effects import HostState, Outcome, filters
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Script
from runaway_watchdog.model.effect import Effect, LowRisk, Size
from runaway_watchdog.world import Unanswered, World, procfs
from runaway_watchdog.world.crontabs import SPOOLS, printed as without_head

VALUED: Final = "-u --user"
NAMED: Final = 3
KEEPING: Final = frozenset(("cat", "tee", "sort", "sponge", "crontab", "echo", "printf", "true", ":"))
"""Programs of a pipe that take no line out."""

Lines = tuple[str, ...]


class Table(NamedTuple):
    """A user's table, as crontab -l prints it."""

    lines: Lines
    size: Size


class _UnseenError(Exception):
    """The table may be there, and cannot be read."""


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """-r deletes the whole table without asking; a file or "-" takes its place.

    `here` are the lines that come in its place, or those of them that are surely among them.
    """
    words = of(command, VALUED)
    if words.has("-l", "-T", "-V", "-h"):
        return Outcome((), host)
    if words.has("-e"):
        return Outcome((), host, (LowRisk("what is typed into crontab -e is not known"),))
    user = owner(command, words, world)
    if user is None:
        return Outcome((), host, (f"whose table `{shown(command)}` changes is only known when it runs",))
    if words.has("-r"):
        return _replaced(user, (), "the whole table goes, without a question", command, host, world)
    if not words.operands and command.here is None and command.reads is None:
        return Outcome((), host, (f"what `{shown(command)}` reads is not known",))
    if _names_nothing(words, command, host, world):
        return Outcome((), host)
    return _replaced(user, _given(command), None, command, host, world)


def _replaced(
    user: str, new: Lines | None, why: str | None, command: Command, host: HostState, world: World
) -> Outcome:
    """The table is another one from then on; `why` is that there is none."""
    try:
        table = _table(user, world)
    except _UnseenError:
        return Outcome((), host, (f"the crontab of {user} cannot be looked at; run it with sudo",))
    after = host._replace(tables={**host.tables, user: new or ()})
    if table is None:
        return Outcome((), after)
    if new is None and _through_others(command.reads):
        return Outcome((), after, (f"what `{shown(command)}` is given of the table is only known when it runs",))
    if why is not None or new is None:
        return Outcome((_whole(user, table, why or _REPLACED),), after)
    effect = _compared(user, table, host.tables.get(user, table.lines), new, command)
    return Outcome(() if effect is None else (effect,), after)


_REPLACED: Final = "the new table takes the place of this one"


def lines(command: Command, host: HostState, world: World) -> Lines | None:
    """What `crontab -l` prints; None: it is another command, or the table cannot be read."""
    words = of(command, VALUED)
    user = owner(command, words, world)
    if user is None or {name for name, _ in words.options} - {"-l", "-u", "--user"} or not words.has("-l"):
        return None
    if user in host.tables:
        return host.tables[user]
    try:
        table = _table(user, world)
    except _UnseenError:
        return None
    return () if table is None else table.lines


def owner(command: Command, words: Arguments, world: World) -> str | None:
    """Whose table it is: of whom -u names, of whom sudo makes it run as, or of whoever types it."""
    if words.has(*VALUED.split()):
        return words.value(*VALUED.split())
    if command.user is not None:
        return command.user or None
    uid = procfs.own_uid(world.files)
    return None if uid is None else world.files.user(uid)


def _given(command: Command) -> Lines | None:
    return None if command.here is None else tuple(command.here.removesuffix("\n").split("\n"))


def _names_nothing(words: Arguments, command: Command, host: HostState, world: World) -> bool:
    """A file that is not there: crontab says so, and changes nothing."""
    if len(words.operands) != 1 or words.operands[0].text in (None, "-"):
        return False
    there = existing(words.operands, command, places.tree(host, world), follow=True)
    return bool(there.absent) and not there.found and not there.unknown


def _table(user: str, world: World) -> Table | None:
    """None where there is no table. Raises _UnseenError."""
    for spool in SPOOLS:
        path = f"{spool}/{user}"
        try:
            kind, size, written_at, _ = world.files.status(path)
            if kind == "file":
                text = without_head(world.files.read(path))
                return Table(tuple(lines_of(text)), Size(int(size), False, float(written_at)))
        except PermissionError:
            return _own(user, world)
        except OSError:
            continue
    return None


def _own(user: str, world: World) -> Table | None:
    """The table of whoever asks is shown to them by crontab(1) alone."""
    uid = procfs.own_uid(world.files)
    if uid is None or world.files.user(uid) != user:
        raise _UnseenError
    try:
        text = world.tables.printed()
    except Unanswered as fault:
        raise _UnseenError from fault
    return None if text is None else Table(tuple(lines_of(text)), Size(len(text.encode())))


def _jobs(found: Sequence[str]) -> list[str]:
    """The lines that run something, or set what the others run with."""
    return [line for line in found if line.strip() and not line.lstrip().startswith("#")]


def _whole(user: str, table: Table, why: str) -> Effect:
    count = len(_jobs(table.lines))
    told = f"{why}; {count} job{'' if count == 1 else 's'}. `crontab -l > FILE` keeps a copy" if count else why
    return Effect("delete", "crontab", user, bool(count), told, table.size, in_use=bool(count))


def _compared(user: str, table: Table, before: Sequence[str], new: Lines, command: Command) -> Effect | None:
    """What of the table is not in the new one. A line that only a comment's mark was put before is still there."""
    kept = {line.strip() for line in new}
    gone = [each for each in table.lines if each.strip() and each in before and each.strip() not in kept]
    quiet = [each for each in gone if any(each.strip() in line and line.lstrip().startswith("#") for line in new)]
    lost = [each for each in gone if each not in quiet]
    if not gone:
        changed = tuple(before) != new
        return Effect("change", "crontab", user, False, "its lines stay, and others come") if changed else None
    if not lost:
        why = f"jobs are commented out, and run no more: {_shown(quiet)}"
        return Effect("stop" if _jobs(quiet) else "change", "crontab", user, False, why, in_use=True)
    if len(_jobs(lost)) == len(_jobs(table.lines)) or not _picked(command.reads):
        return _whole(user, table, f"{_REPLACED}, and {len(lost)} of its lines are not in it: {_shown(lost)}")
    why = f"the line itself takes {'this' if len(lost) == 1 else f'these {len(lost)}'} out of it: {_shown(lost)}"
    # Not a question: whoever writes a filter that names what goes has thought of what goes.
    return Effect("delete", "crontab", user, True, why, Size(sum(len(each) + 1 for each in lost)), in_use=False)


def _shown(found: Sequence[str]) -> str:
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return "; ".join(found[:NAMED]) + more


def _picked(script: Script | None) -> bool:
    """Whether every filter on the way names what it takes out, and not what it leaves."""
    if script is None or script.unknown:
        return False
    return all(_picks(command) and (command.reads is None or _picked(command.reads)) for command in script.commands)


def _through_others(script: Script | None) -> bool:
    """Whether it is the table itself that comes back, through a program that nobody knows."""
    found = list(_all(script))
    listed = any(each.program == "crontab" and of(each, VALUED).has("-l") for each in found)
    return listed and any(each.program not in filters.KNOWN | KEEPING for each in found)


def _all(script: Script | None) -> Iterator[Command]:
    for command in () if script is None else script.commands:
        yield command
        yield from _all(command.reads)


def _picks(command: Command) -> bool:
    program = command.program or ""
    if program in KEEPING:
        return True
    words = of(command, "-e -f -F -v" if program == "awk" else "-e -f -m")
    if program in ("grep", "egrep", "fgrep"):
        return words.has("-v", "--invert-match")
    texts = [*words.texts, *(value or "" for name, value in words.options if name == "-e")]
    if program == "sed":
        return not words.has("-n", "--quiet", "--silent") and not any("!" in text for text in texts)
    return program in ("awk", "gawk", "mawk") and any(text.lstrip().startswith("!") for text in texts)
