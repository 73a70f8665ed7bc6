"""What comes here from archives of other makes (7z, unrar, cpio …), from other hosts, clouds and keepers of copies.

Into a folder that is not there yet, or is empty, nothing is written over. Into any other it is only known when it runs
which files are, unless the program is told to leave, or asks about, what is there.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, read, shown
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.host import archives, asked, places
from runaway_watchdog.effects.host.targets import absolute, existing
from runaway_watchdog.effects.host.writers import overwritten
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.world import World


def over(folder: str | None, command: Command, host: HostState, world: World) -> Outcome:
    """Files come into this folder, whose names nobody knows here; None: which one is not known."""
    sentence = f"which files `{shown(command)}` writes over is not looked up"
    if folder is None:
        return Outcome((), host, (sentence,))
    try:
        tree = places.tree(host, world)
        real = tree.real(folder)
        bare = tree.entry(real) is None or not tree.names(real)
    except OSError:
        bare = False
    return Outcome((), places.with_made(host, folder, "folder") if bare else host, () if bare else (sentence,))


def here(value: str | None, command: Command, *, given: bool) -> str | None:
    """The folder that an option names, else the one that the command runs in."""
    if not given:
        return command.folder
    return absolute(Word(value, value or ""), command)


def _taken_in(files: Sequence[Word], archive: Word, command: Command, host: HostState, world: World) -> Outcome:
    """They are moved into an archive."""
    host = host._replace(docker=state.current(host, world))
    return archives.taken_in(files, command, Outcome((), host), world, kept=archive.text != "/dev/null")


def _nothing(host: HostState) -> Outcome:
    return Outcome((), host)


_SEVEN_READS = frozenset(("l", "t", "h", "b", "i"))
_SEVEN_KEEPS = re.compile(r"-ao[sut]", re.I)


def _seven_zip(command: Command, host: HostState, world: World) -> Outcome:
    """7z's switches have their values in the same word: -oFOLDER, -aoa. It asks, unless -y or -aoa answers."""
    words = [word for word in command.words[1:] if word.text is None or not word.text.startswith("-")]
    switches = [word.text for word in command.words[1:] if word.text is not None and word.text.startswith("-")]
    verb = (words[0].text or "") if words else "l"
    if verb in _SEVEN_READS:
        return _nothing(host)
    if verb in ("a", "u"):
        if "-sdel" in switches and len(words) > 1:
            return _taken_in(words[2:], words[1], command, host, world)
        return _nothing(host)
    if verb == "d" and len(words) > 1:
        return overwritten(words[1:2], command, host, world, f"{command.program} takes files out of it")
    if verb not in ("x", "e"):
        return Outcome((), host, (LowRisk(f"what `{shown(command)}` changes is not looked up"),))
    answered = "-y" in switches or "-aoa" in switches or asked.answered(command)
    if not answered or any(map(_SEVEN_KEEPS.fullmatch, switches)) or "-so" in switches:
        return _nothing(host)
    into = next((each[2:] for each in switches if each.startswith("-o")), None)
    hidden = any(word.text is None and word.raw.startswith("-o") for word in command.words)
    return over(None if hidden else here(into, command, given=into is not None), command, host, world)


def _rar(command: Command, host: HostState, world: World) -> Outcome:
    """rar and unrar: -o+ answers, -y too; -df and -dw delete what went in, and so does the command m."""
    words = of(command)
    verb = (words.texts or ("l",))[0]
    texts = [word.text or "" for word in command.words[1:]]
    if verb in ("m", "mf") or (verb in ("a", "u", "f") and ("-df" in texts or "-dw" in texts)):
        files = words.operands[2:] or (Word("*", "*", globbing=True),)
        return _taken_in(files, Word("", ""), command, host, world)
    if verb == "d":
        return overwritten(words.operands[1:2], command, host, world, f"{command.program} takes files out of it")
    if verb not in ("x", "e") or "-o-" in texts or "-or" in texts:
        return _nothing(host)
    if not ("-o+" in texts or "-y" in texts or asked.answered(command)):
        return _nothing(host)
    last = words.texts[-1] if len(words.texts) > 2 and words.texts[-1].endswith("/") else None
    return over(here(last, command, given=last is not None), command, host, world)


def _cpio(command: Command, host: HostState, world: World) -> Outcome:
    """-i puts files out, over newer ones with -u; -p copies, -o writes an archive to its output, or to -O."""
    words = of(command, "-F --file -O -I -D --directory -H --format -C -E --pattern-file -R --owner -M -b")
    if words.has("-t", "--list", "--version", "--help"):
        return _nothing(host)
    if words.has("-o", "--create"):
        into = words.value("-O") or words.value("-F", "--file")
        return overwritten([Word(into, into)], command, host, world, "cpio writes over it") if into else _nothing(host)
    if words.has("-p", "--pass-through"):
        folder = here((words.texts or (None,))[-1], command, given=bool(words.operands))
    else:
        folder = here(words.value("-D", "--directory"), command, given=words.has("-D", "--directory"))
    return (
        over(folder, command, host, world) if words.has("-i", "--extract", "-p", "--pass-through") else _nothing(host)
    )


def _pax(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "-f -s -x -o -b -p -E -B -G -T -U")
    if words.has("-w") and not words.has("-r"):
        into = words.value("-f")
        return overwritten([Word(into, into)], command, host, world, "pax writes over it") if into else _nothing(host)
    if not words.has("-r") or words.has("-k"):
        return _nothing(host)
    folder = (words.texts or (None,))[-1] if words.has("-w") else None
    return over(here(folder, command, given=folder is not None), command, host, world)


def _ar(command: Command, host: HostState, world: World) -> Outcome:
    """ar x puts the members out; d takes some out of the archive; it writes into no file that is not its own."""
    words = of(command)
    verb = (command.words[1].text or "").lstrip("-")[:1] if len(command.words) > 1 else ""
    if verb == "x":
        return over(command.folder, command, host, world)
    if verb == "d":
        at = [word for word in words.operands if word.text not in (None, "d", "dv")][:1]
        return overwritten(at, command, host, world, "ar takes members out of it")
    return _nothing(host)


def _jar(command: Command, host: HostState, world: World) -> Outcome:
    words = archives.new_style(command)
    found = of(words, "-f --file -m -C -e --main-class")
    if found.has("-x", "--extract"):
        return over(here(found.value("-C"), command, given=found.has("-C")), command, host, world)
    into = found.value("-f", "--file") or ""
    if found.has("-c", "--create") and into and not into.endswith((".jar", ".war", ".ear")):
        return overwritten([Word(into, into)], command, host, world, "jar writes over it")
    return _nothing(host)


def _unar(command: Command, host: HostState, world: World) -> Outcome:
    """unar asks, or makes a new name, without -f."""
    words = of(command, "-o -output-directory -p -password -e")
    if not words.has("-f", "-force-overwrite"):
        return _nothing(host)
    return over(here(words.value("-o"), command, given=words.has("-o")), command, host, world)


def fetched(names: Sequence[str | None], into: Word, command: Command, host: HostState, world: World) -> Outcome:
    """Files and folders of another system come here, `into` a folder or as the file of that name; a name of None is not
    known, and may be several."""
    tree = places.tree(host, world)
    there = existing([into], command, tree, follow=True)
    why = f"{command.program} writes over it"
    if there.unknown or not there.found or there.found[0].entry.kind != "folder":
        return overwritten([into], command, host, world, why)
    folder = there.found[0].real
    outcome = Outcome((), host)
    for name in dict.fromkeys(names):
        path = folder if name is None else f"{folder}/{name}"
        entry = tree.entry(tree.real(path))
        if entry is not None and entry.kind == "folder":
            more = over(path, command, outcome.host, world)
        else:
            more = overwritten([Word(path, path)], command, outcome.host, world, why)
        outcome = Outcome(
            (*outcome.effects, *more.effects), more.host, tuple(dict.fromkeys((*outcome.unknown, *more.unknown)))
        )
    return outcome


def last_names(operands: Sequence[Word]) -> list[str | None]:
    """What each source is called when it is here; None where that is a pattern, a whole folder, or not known."""
    found: list[str | None] = []
    for word in operands:
        name = (word.text or "").rpartition("/")[2].rpartition(":")[2]
        found.append(None if not name or name in (".", "..") or set(name) & set("*?[{") else name)
    return found


def _scp(command: Command, host: HostState, world: World) -> Outcome:
    """scp HOST:FILE… HERE. What it writes on the other host is not known."""
    words = of(command, "-i -P -o -c -F -J -l -S -D -X")
    sentence = f"what `{shown(command)}` writes over on the other host is not looked up"
    into = words.operands[-1] if len(words.operands) > 1 else None
    if into is None or ":" in (into.text or "").partition("/")[0]:
        return Outcome((), host, (LowRisk(sentence),) if into is not None else ())
    sources = words.operands[:-1]
    outcome = fetched(last_names(sources), into, command, host, world)
    hidden = any(word.text is None for word in sources)
    fresh = f"what `{shown(command)}` fetches is only known when it runs"
    return outcome._replace(unknown=(*outcome.unknown, *((LowRisk(fresh),) if hidden else ())))


def put_back(words: Arguments, command: Command, host: HostState, world: World) -> Outcome | None:
    """restic restore and borg extract: into a folder, over what is there. None for any other of their subcommands."""
    match (command.program, (words.texts or ("",))[0]):
        case ("restic", "restore"):
            keeps = read(command.words[1:], "--overwrite").value("--overwrite") == "never"
            if keeps and not words.has("--delete"):
                return _nothing(host)
            into = read(command.words[1:], "-t --target")
            return over(here(into.value("-t", "--target"), command, given=True), command, host, world)
        case ("borg", "extract"):
            return None if words.has("--stdout", "-n", "--dry-run") else over(command.folder, command, host, world)
        case ("borg", "export-tar"):
            return overwritten(words.operands[2:3], command, host, world, "borg writes over it")
    return None


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    **dict.fromkeys(("7z", "7za", "7zr", "7zz", "p7zip"), _seven_zip), **dict.fromkeys(("rar", "unrar"), _rar),
    "cpio": _cpio, "bsdcpio": _cpio, "pax": _pax, "ar": _ar, "jar": _jar, "unar": _unar, "scp": _scp, "pscp": _scp,
}  # fmt: skip


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What an archive's program writes over."""
    return BY_PROGRAM[command.program or ""](command, host, world)
