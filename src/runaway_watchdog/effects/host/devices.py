"""What writes over a file or a device as a whole: mkfs, wipefs, mkswap, blkdiscard, shred, truncate, dd, tee."""

import re
from collections.abc import Callable, Mapping

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.losing import SINKS, appended, overwritten
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import World


def mkfs(command: Command, host: HostState, world: World) -> Outcome:
    """Whatever was on the device goes; `-n` of mke2fs and `-N` of mkfs.xfs only say what they would do."""
    kind = (command.program or "").rpartition(".")[2]
    words = of(command, MKFS_FAT_VALUED if kind in ("vfat", "fat", "msdos", "dos") else MKFS_VALUED)
    dry = words.has("-N") if kind == "xfs" else words.has("-n") and kind in ("ext2", "ext3", "ext4", "mke2fs")
    if dry or words.has("-V", "--version", "--help"):
        return Outcome((), host)
    return _device(words, command, host, world, "makes a file system on")


MKFS_VALUED = "-t --type -L -U -b -m -O -E -T -d --label --uuid -s -i -l -I -J -M -e -g -r"


MKFS_FAT_VALUED = "-b -C -D -f -F -g -h -i -I -m -M -n -r -R -s -S"


def _device(words: Arguments, command: Command, host: HostState, world: World, why: str) -> Outcome:
    """mkfs, wipefs, mkswap, blkdiscard: whatever is on the device or in the file goes."""
    return overwritten(words.operands[:1] or words.operands, command, host, world, f"{command.program} {why} it")


def _wipefs(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-o --offset -t --types -O --output")
    if words.has("-n", "--no-act") or not words.has("-a", "--all", "-o", "--offset"):
        return Outcome((), host)
    return overwritten(words.operands, command, host, world, "wipefs erases its signatures")


def _blkdiscard(command: Command, host: HostState, world: World) -> Outcome:
    return _device(of(command, "-o -l -p --offset --length --step"), command, host, world, "discards")


def _mkswap(command: Command, host: HostState, world: World) -> Outcome:
    return _device(of(command, "-L -p -U --label --pagesize --uuid"), command, host, world, "makes swap space of")


def _shred(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-n --iterations -s --size --random-source")
    there = existing(words.operands, command, places.tree(host, world), follow=True)
    names = [Word(each.real, each.written) for each in there.found]
    outcome = overwritten(names, command, host, world, "shred writes over it")
    host = outcome.host
    if words.has("-u", "--remove"):
        host = places.without(host, *(each.real for each in there.found))
    return Outcome(outcome.effects, host, (*there.unknown, *outcome.unknown))


def _truncate(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-s --size -r --reference")
    size = words.value("-s", "--size")
    targets = existing(words.operands, command, places.tree(host, world), follow=True)
    names = [Word(each.real, each.written) for each in targets.found if _shrinks(each.entry.size, size)]
    names += [Word(path, path) for path in targets.absent if not words.has("-c", "--no-create")]
    outcome = overwritten(names, command, host, world, "it is cut short")
    return outcome._replace(unknown=(*targets.unknown, *outcome.unknown))


def _shrinks(now: int, wanted: str | None) -> bool:
    """truncate's sizes: absolute, +N, -N, <N (at most), >N (at least), /N and %N; what is not known may shrink it."""
    found = SIZE.fullmatch(wanted or "")
    if found is None:
        return True
    power, ten = " KMGTPE".index(found["unit"] or " "), found["ten"] == "B" and bool(found["unit"])
    size: int = int(found["number"]) * (1000 if ten else 1024) ** power
    match found["how"]:
        case "+" | ">" | "%":
            return False
        case "-" | "/":
            return size > 0
        case _:
            return now > size


SIZE = re.compile(r"\s*+(?P<how>[-+<>/%]?)\s*+(?P<number>\d++)(?P<unit>[KMGTPE]?)(?P<ten>i?B)?")


def _dd(command: Command, host: HostState, world: World) -> Outcome:
    """A target that is not known is in `of=` alone; what it reads is looked at by nobody."""
    into = [word for word in command.words[1:] if (word.text or "").startswith("of=")][-1:]
    sources = [Word((word.text or "")[3:], word.raw) for word in command.words[1:] if (word.text or "")[:3] == "if="]
    sources = [word for word in sources[-1:] if not SINKS.fullmatch(word.text or "")]
    if existing(sources, command, places.tree(host, world), follow=True).absent:
        return Outcome((), host)  # it opens what it reads first
    unknown = [word for word in command.words[1:] if word.text is None and not _READS.match(word.raw)]
    names = [Word((word.text or "")[3:], word.raw) for word in into]
    return overwritten([*names, *unknown], command, host, world, "dd writes over it")


_READS = re.compile(r"(?:if|bs|ibs|obs|cbs|count|skip|seek|conv|status|iflag|oflag)=")


def _tee(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command)
    if words.has("-a", "--append"):
        return Outcome((), appended(words.operands, command, host, world))
    return overwritten(words.operands, command, host, world, "tee writes over it")


def _badblocks(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-b -c -e -d -i -o -p -t")
    if not words.has("-w"):
        return Outcome((), host)
    return _device(words, command, host, world, "writes its patterns over")


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "truncate": _truncate, "dd": _dd, "dcfldd": _dd, "tee": _tee, "shred": _shred, "wipefs": _wipefs,
    "blkdiscard": _blkdiscard, "mkswap": _mkswap, "badblocks": _badblocks,
}  # fmt: skip
