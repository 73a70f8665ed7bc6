"""A command on another host (ssh): nothing of that host is asked, so only what destroys nowhere is told apart."""

from runaway_watchdog.effects import HostState, Outcome, doubts, harmless
from runaway_watchdog.effects.docker import grammar as docker
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.model.shells import POSIX_SHELLS
from runaway_watchdog.world import World


def effects(command: Command, host: HostState, world: World, *, known: bool) -> Outcome:
    """`known`: a family tells what its program destroys on this host; what it would there is not known."""
    sentence = f"`{command.text}` runs on another host, which is not asked"
    if command.truncates:
        return Outcome((), host, (sentence,))
    if command.program in POSIX_SHELLS and len(command.words) == 1 and command.reads is None and command.here is None:
        return Outcome((), host, (LowRisk("what is typed into the shell on the other host is not known"),))
    if reads(command) and all(word.text is not None for word in command.words):
        return Outcome((), host)
    if known:
        return Outcome((), host, (sentence,))
    judged = harmless.effects(command, host, world)
    if not judged.unknown:
        return Outcome((), host)
    return Outcome((), host, (doubts.of_words(command, sentence) if _low(judged) else sentence,))


def _low(judged: Outcome) -> bool:
    return all(isinstance(each, LowRisk) for each in judged.unknown)


def reads(command: Command) -> bool:
    """Commands of Docker and systemd that only tell."""
    rest = command.words[1:]
    if not rest or rest[0].text is None:
        return False
    if command.program == "docker":
        found = docker.subcommand(rest)
        return found is not None and found[0] in docker.READS
    if command.program != "systemctl":
        return False
    from runaway_watchdog.effects.host.systemd import READS

    return rest[0].text in READS
