"""How much a command that is not known, or not wholly, may destroy: by the words it was given.

A program of the person's own, a build, a compiler: nobody wants to be asked about each. But a program that nobody
knows and that is told to delete, drop or purge is asked about, and so is one that is handed a program that destroys.
"""

import re
from collections.abc import Iterable

from runaway_watchdog.effects.arguments import shown
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import LowRisk

DELETING = frozenset(
    (
        "clear", "cleanup", "clobber", "deinit", "del", "delete", "destroy", "destructive", "discard", "drop", "erase",
        "expunge", "flush", "flushall", "flushdb", "force-reset", "forget", "format", "fresh", "nuke", "obliterate",
        "overwrite", "prune", "purge", "remove", "reset", "revert", "rmi", "rmtree", "rollback", "terminate",
        "truncate", "undefine", "uninstall", "unlink", "vacuum", "wipe", "zap", "zero",
    )
)  # fmt: skip
"""Words with which programs are told to delete."""
DESTROYERS = frozenset(
    (
        "rm", "rmdir", "unlink", "shred", "srm", "wipe", "truncate", "dd", "mv", "mkfs", "mke2fs", "mkswap", "wipefs",
        "blkdiscard", "fdisk", "sfdisk", "parted", "cryptsetup", "mdadm", "lvremove", "vgremove", "pvremove", "dropdb",
        "rimraf", "kill", "pkill", "killall", "reboot", "shutdown", "poweroff", "halt", "down", "docker", "podman",
    )
)  # fmt: skip
_PART = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_FILE = re.compile(r"[/.~]")


def of_words(command: Command, sentence: str) -> str:
    """The sentence, of low risk unless a word of the command speaks of deleting. A word that is only known when it runs
    speaks of nothing: that a program which can destroy is given one is told by its own family."""
    return sentence if any(map(_may_delete, command.words[1:])) else LowRisk(sentence)


def unknown_program(command: Command) -> str:
    """What is to be said of a program that no family knows."""
    program = command.program or "a program that is only known then"
    sentence = f"what {program} does is not known: `{shown(command)}`"
    named = set(_PART.findall(program.partition(".")[0].lower())) & (DELETING | DESTROYERS)
    return sentence if named else of_words(command, sentence)


def may_delete(words: Iterable[Word]) -> bool:
    """Whether one of the words speaks of deleting, or names a program that destroys."""
    return any(map(_may_delete, words))


def speaks_of_deleting(text: str) -> bool:
    """Whether a part of it is a word with which programs are told to delete: `/items/_delete_by_query`."""
    return bool(set(_PART.findall(text.lower())) & DELETING)


def _may_delete(word: Word) -> bool:
    if word.text is None:
        return False  # what it is given is not known; that it deletes is said by no word
    text = word.text
    if " " in text or ";" in text:
        return bool(set(_PART.findall(text)) & (DELETING | DESTROYERS))
    if text.startswith("-"):
        return bool(set(_PART.findall(text.partition("=")[0].lower())) & DELETING)
    if _FILE.search(text):
        return text.rpartition("/")[2] in DESTROYERS
    return bool(set(_PART.findall(text.lower())) & (DELETING | DESTROYERS))
