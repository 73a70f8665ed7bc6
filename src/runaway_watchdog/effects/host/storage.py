"""Volumes and pools: LVM, ZFS, btrfs, mdadm, cryptsetup, partition tables. What each would end is named as it is told.

Their own state is not asked: what is named is taken to be there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, read, shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.losing import overwritten, removed
from runaway_watchdog.effects.host.targets import existing, spread
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, Size
from runaway_watchdog.world import World

LVM_VALUED = (
    "-S --select --config --commandprofile --profile --reportformat --driverloaded --devices --devicesfile -L --size "
    "-l --extents --journal"
)
LVM = {
    "lvremove": "the logical volume is removed", "vgremove": "the volume group is removed, with all volumes in it",
    "pvremove": "the label of the physical volume is erased", "lvreduce": "the logical volume is cut short",
}  # fmt: skip
ZFS_VALUED = "-o -O -t -b -d -s -R"
ZFS = {
    ("zfs", "destroy"): "the dataset or snapshot is destroyed",
    ("zfs", "rollback"): "what was written since the snapshot is lost",
    ("zpool", "destroy"): "the pool is destroyed, with all datasets in it",
    ("zpool", "labelclear"): "the label of the device is erased",
}  # fmt: skip
CRYPTSETUP = {
    "luksFormat": "a new LUKS header is written: nothing opens what was on it any more",
    "erase": "every key slot is erased: nothing opens it any more",
    "luksErase": "every key slot is erased: nothing opens it any more",
}  # fmt: skip
CRYPTSETUP_READS = ("status", "luksDump", "isLuks", "luksUUID", "open", "luksOpen", "help", "benchmark")
CRYPTSETUP_VALUED = (
    "-c --cipher -h --hash -s --key-size -d --key-file -S --key-slot -i --iter-time --type --label --uuid --header "
    "--pbkdf --sector-size -l --keyfile-size -b --size -o --offset -y -T --tries -t --timeout --integrity --subsystem"
)
HDPARM_ENDS = ("--security-erase", "--trim-sector", "--write-sector")
SGDISK_ENDS = ("-Z", "--zap-all", "-z", "--zap", "-o", "--clear", "-d", "--delete")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family ends."""
    command = spread(command, places.tree(host, world))
    return _BY_PROGRAM[command.program or ""](command, host, world)


def _ended(words: Iterable[Word], why: str, command: Command, host: HostState) -> Outcome:
    """Each of these by its name."""
    found: list[Effect] = []
    unknown: list[str] = []
    for word in words:
        if word.text is None:
            unknown.append(f"which volume or device {word.raw} is in `{shown(command)}` is only known when it runs")
        else:
            told = f"{why}; nothing but a backup brings back what was on it"
            found.append(Effect("delete", "path", word.text, True, told, Size(None)))
    return Outcome(tuple(found), host, tuple(unknown))


def _lvm(command: Command, host: HostState, world: World) -> Outcome:
    program = command.program or ""
    if program == "lvm" and len(command.words) > 1:
        return _lvm(command._replace(words=command.words[1:]), host, world)
    words = of(command, LVM_VALUED)
    if program == "lvresize" and (words.value("-L", "--size") or words.value("-l", "--extents") or "-")[:1] != "+":
        return _ended(words.operands[:1], LVM["lvreduce"], command, host)
    if program not in LVM:
        return _not_known(command, host) if program in ("lvm", "lvconvert", "vgreduce", "pvmove") else Outcome((), host)
    if words.has("-t", "--test", "--help", "--version"):
        return Outcome((), host)
    if not words.operands or words.has("-S", "--select"):
        return _not_known(command, host)
    return _ended(words.operands if program != "lvreduce" else words.operands[:1], LVM[program], command, host)


def _zfs(command: Command, host: HostState, world: World) -> Outcome:
    verb, rest = _verb(command)
    words = read(rest, ZFS_VALUED)
    if words.has("-n", "-nv"):
        return Outcome((), host)
    if (why := ZFS.get((command.program or "", verb))) is not None:
        return _ended(words.operands, why, command, host)
    if (command.program, verb) == ("zpool", "create") and words.has("-f"):
        devices = [word for word in words.operands[1:] if (word.text or "/").startswith("/")]
        return overwritten(devices, command, host, world, "it becomes part of a new pool")
    harmless = verb in ("list", "status", "get", "iostat", "history", "snapshot", "mount", "scrub", "create", "set", "")
    return Outcome((), host) if harmless else _not_known(command, host)


def _verb(command: Command) -> tuple[str, Sequence[Word]]:
    words = command.words[1:]
    return (words[0].text or "?" if words else ""), words[1:]


def _btrfs(command: Command, host: HostState, world: World) -> Outcome:
    verb, rest = _verb(command)
    action = (rest[0].text or "?") if rest else ""
    if "subvolume".startswith(verb) and verb and action in ("delete", "del", "delet", "dele"):
        words = read(rest[1:], "-i --subvolid")
        if words.has("-i", "--subvolid"):
            return _not_known(command, host)
        targets = existing(words.operands, command, places.tree(host, world))
        found, host = removed(targets.found, "the subvolume is deleted", host, world)
        return Outcome(found, host, targets.unknown)
    reads = action in ("list", "show", "usage", "df", "status", "snapshot", "create", "get", "sync", "start", "stats")
    return Outcome((), host) if reads or not action else _not_known(command, host)


def _mdadm(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-l --level -n --raid-devices -c --chunk -N --name -e --metadata -x --spare-devices")
    if words.has("--zero-superblock"):
        return overwritten(words.operands, command, host, world, "its RAID superblock is erased")
    if words.has("--create", "-C"):
        return overwritten(words.operands[1:], command, host, world, "it becomes part of a new array")
    if words.has("-D", "--detail", "-E", "--examine", "-Q", "--query", "--monitor", "-F", "-V", "--version"):
        return Outcome((), host)
    return _not_known(command, host)


def _cryptsetup(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, CRYPTSETUP_VALUED)
    action = words.operands[0].text if words.operands else "help"
    why = CRYPTSETUP.get(action or "")
    if why is not None:
        return overwritten(words.operands[1:2], command, host, world, why)
    if action in CRYPTSETUP_READS:
        return Outcome((), host)
    return _not_known(command, host)


def _partitions(command: Command, host: HostState, world: World) -> Outcome:
    """parted, sgdisk, sfdisk …: the table of a device is written anew, and what was found by it is lost."""
    program = command.program or ""
    words = of(command, "-a --align -n -t -c --new --typecode -N --part-type --backup -b -O --backup-file")
    texts = set(words.texts)
    lists = words.has("-l", "--list", "-p", "--print", "-d", "--dump", "-s", "-v", "--verify", "-V", "-i", "--info")
    if program == "parted":
        ends = not texts.isdisjoint(("mklabel", "mktable", "rm", "resizepart", "mkpart"))
        lists = bool(texts & {"print", "unit"}) or words.has("-l", "--list")
    elif program in ("sgdisk",):
        ends, lists = words.has(*SGDISK_ENDS), words.has("-p", "--print", "-i", "-v")
    else:
        ends = program == "sfdisk" and not lists and (words.has("--delete") or command.reads is not None)
    if ends:
        return overwritten(words.operands[:1], command, host, world, f"{program} writes another partition table on it")
    return Outcome((), host) if lists else _not_known(command, host)


def _erased(command: Command, host: HostState, world: World) -> Outcome:
    """nvme format and sanitize, hdparm --security-erase, ddrescue: the whole device."""
    words = of(command, "-n --namespace-id -s --ses -l --lbaf -a --sanact --user-master -b -m")
    program, verb = command.program, (words.texts or ("",))[0]
    if program == "nvme":
        if verb not in ("format", "sanitize", "write-zeroes", "delete-ns"):
            return Outcome((), host)
        return overwritten(words.operands[1:2], command, host, world, f"nvme {verb} erases it")
    if program == "hdparm":
        if not any(name.startswith(HDPARM_ENDS) for name, _ in words.options):
            return Outcome((), host)
        return overwritten(words.operands[-1:], command, host, world, "hdparm erases it")
    return overwritten(words.operands[1:2], command, host, world, "ddrescue writes over it")


def _not_known(command: Command, host: HostState) -> Outcome:
    return Outcome((), host, (f"what `{shown(command)}` ends is not looked up",))


_BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    **dict.fromkeys((*LVM, "lvm", "lvresize", "lvconvert", "vgreduce"), _lvm),
    "zfs": _zfs, "zpool": _zfs, "btrfs": _btrfs, "mdadm": _mdadm, "cryptsetup": _cryptsetup,
    **dict.fromkeys(("parted", "sgdisk", "sfdisk", "fdisk", "cfdisk", "gdisk"), _partitions),
    **dict.fromkeys(("nvme", "hdparm", "ddrescue"), _erased),
}  # fmt: skip
