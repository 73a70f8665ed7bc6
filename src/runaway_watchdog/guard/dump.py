"""The dump that is offered to a person before a database dies."""

from typing import NamedTuple

from runaway_watchdog.effects.host import dumps
from runaway_watchdog.guard.decide import Hold, Loss
from runaway_watchdog.masking import shown_command


class Offer(NamedTuple):
    """What to dump, in words, and the command where it can be written down."""

    words: str
    command: str | None


def offer(hold: Hold, line: str) -> Offer | None:
    """The dump to offer for the first loss that seems to be a database; None where none does."""
    for loss in hold.losses:
        database = _database(loss)
        if database is None:
            continue
        kind = f"a {database.name} database" if database.name else "a database"
        words = f"{loss.type} {loss.name} seems to hold {kind}"
        return Offer(words, _command(database, loss, hold, line))
    return None


def _command(database: dumps.Database, loss: Loss, hold: Hold, line: str) -> str | None:
    """For a file; and for a volume that one container uses: the one that holds the database is not guessed.

    The preflight's own proposal comes first: it knows whether its file is there already, and which engine is meant.
    """
    if loss.type == "path" and shown_command(loss.name) == loss.name and "…" not in loss.name:
        return dumps.of_file(loss.name, f"{loss.name.rpartition('/')[2]}.copy")
    known = loss.type == "volume" and len(loss.used_by) == 1
    own = dumps.command(database, loss.used_by[0]) if known else None
    if own is None:
        return None
    same = f"{own.partition(' > ')[0]} > "
    judged = next((each.command for each in hold.safer if each.command.startswith(same)), None)
    return judged or (None if "podman" in line else own)


def _database(loss: Loss) -> dumps.Database | None:
    """By the thing's own name and the reason first, then by who uses it."""
    seems = dumps.seems((f"{loss.name} {loss.why}", " ".join(loss.used_by)))
    return dumps.UNNAMED if seems is None and loss.type == "database" else seems
