"""What cp, mv, install and ln write over and keep under another name, and the backup before it that goes for that."""

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

NO_BACKUP = ("no", "non", "none", "o", "of", "off")
NUMBERED = ("t", "nu", "num", "numb", "numbe", "number", "numbere", "numbered")
ALWAYS_ONE = ("s", "si", "sim", "simp", "simpl", "simple", "ne", "nev", "neve", "never")
"""The controls of GNU's --backup, as they may be cut short; any other is `existing`: numbered where there is one."""


def asked_for(words: Arguments, command: Command) -> bool:
    """The last control that is given counts, else VERSION_CONTROL's. A suffix alone asks for it too."""
    if not words.has("-b", "--backup", "-S", "--suffix"):
        return False
    control = _control(words, command)
    return control is not None and control not in NO_BACKUP


def _control(words: Arguments, command: Command) -> str | None:
    given = [value for name, value in words.options if name == "--backup" and value]
    return given[-1] if given else dict(command.environment).get("VERSION_CONTROL", "")


def kept(path: str, words: Arguments, command: Command, host: HostState, world: World) -> Outcome:
    """The file at `path` has its backup's name then. In a loop it is written over by the next turn's."""
    tree = places.tree(host, world)
    folder, _, name = path.rpartition("/")
    control = _control(words, command)
    marks = (each.removeprefix(f"{name}.~").removesuffix("~") for each in tree.names(folder or "/"))
    taken = [int(mark) for mark in marks if mark.isascii() and mark.isdigit() and tree.entry(f"{path}.~{mark}~")]
    if control in NUMBERED or (control not in ALWAYS_ONE and taken):
        return Outcome((), places.renamed(host, path, f"{path}.~{max(taken, default=0) + 1}~"))
    suffix = words.value("-S", "--suffix") if words.has("-S", "--suffix") else _default(command)
    if suffix is None:
        return Outcome((), host, (f"what `{shown(command)}` calls its backup is only known when it runs",))
    backup = path + (suffix if suffix and "/" not in suffix else "~")
    before = tree.entry(backup)
    effects: tuple[Effect, ...] = ()
    if before is not None and before.kind == "folder":
        return Outcome((), host)  # refused
    if before is not None:
        effects = places.lost(backup, before, f"the backup of {path} takes its place", host, world)
        host = places.without(host, backup)
    elif command.unordered and (entry := tree.entry(path)) is not None:
        effects = places.lost(path, entry, f"the next backup takes the place of {backup}", host, world)
    return Outcome(effects, places.renamed(host, path, backup))


def _default(command: Command) -> str | None:
    return dict(command.environment).get("SIMPLE_BACKUP_SUFFIX", "~")
