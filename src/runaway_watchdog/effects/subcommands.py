"""Programs with subcommands, by a table: which of them read, which do their work, and which destroy.

A family is a `Grammar`; `judged` reads a command by it. What a subcommand does that no table names is not known, and
of high risk where its words speak of deleting.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome, doubts
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, LowRisk, Target, Verb

LONGEST = 3
"""Words of the longest subcommand: `gcloud compute instances delete`'s are read by a rule of their own."""
ASKS_NOTHING = ("--help", "-h", "--version", "help")


class Loss(NamedTuple):
    """What a subcommand destroys: each operand behind it, or `whole` where none is given."""

    type: Target
    why: str
    whole: str = ""  # "": without an operand it does nothing
    lost: bool = True
    verb: Verb = "delete"
    operands: bool = True  # whether the operands are what goes


class Grammar(NamedTuple):
    """`dry`: options with which nothing happens; `valued`: options that take a value."""

    reads: frozenset[str]
    works: frozenset[str] = frozenset()
    destroys: Mapping[str, Loss] = {}
    valued: str = ""
    dry: tuple[str, ...] = ("--dry-run", "--dryrun")


def judged(grammar: Grammar, command: Command, host: HostState) -> Outcome:
    """What a command of this family does."""
    words = of(command, grammar.valued)
    verb, rest = _subcommand(grammar, words)
    if words.has(*ASKS_NOTHING, *grammar.dry) or not words.operands:
        return Outcome((), host)
    loss = grammar.destroys.get(verb)
    if loss is not None:
        return destroyed(loss, words.operands[rest:] if loss.operands else (), command, host)
    if verb in grammar.reads:
        return Outcome((), host)
    if verb in grammar.works:
        return Outcome((), host, (LowRisk(f"what `{shown(command)}` changes is not looked up"),))
    return Outcome((), host, (doubts.of_words(command, f"what `{shown(command)}` changes is not looked up"),))


def destroyed(loss: Loss, operands: Sequence[Word], command: Command, host: HostState) -> Outcome:
    """Each operand goes, or the whole."""
    found = [Effect(loss.verb, loss.type, word.text, loss.lost, loss.why) for word in operands if word.text]
    unknown = tuple(
        f"what {word.raw} is in `{shown(command)}` is only known when it runs" for word in operands if word.text is None
    )
    if not operands and loss.whole:
        found = [Effect(loss.verb, loss.type, loss.whole, loss.lost, loss.why)]
    return Outcome(tuple(found), host, unknown)


def _subcommand(grammar: Grammar, words: Arguments) -> tuple[str, int]:
    """The longest that the tables know, and how many words it has; else the first word."""
    texts = [word.text or "" for word in words.operands[:LONGEST]]
    for length in range(len(texts), 0, -1):
        name = " ".join(texts[:length])
        if name in grammar.destroys or name in grammar.reads or name in grammar.works:
            return name, length
    return (texts[0] if texts else ""), 1
