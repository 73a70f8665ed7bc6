"""The command lines of clouds: aws, gcloud, az and their kin, told apart by the verbs that all of them share.

`aws ec2 terminate-instances`, `gcloud compute instances delete`, `az group delete`: what stands behind the verb goes.
"""

import re

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, LowRisk
from runaway_watchdog.world import World

READS = re.compile(
    r"(?:describe|list|get|head|show|ls|lookup|search|view|status|info|logs?|wait|help|version|whoami|du|stat|cat|"
    r"tail|ps|config|browse|diff|filter|find|tree|account|check|validate|batch-get|scan|query)(?:-.*)?\Z"
)
DELETES = re.compile(
    r"(?:delete|del|rm|rb|remove|rmi|destroy|purge|terminate|erase|wipe|undelete|deregister|empty|drop|reset|"
    r"teardown)(?:-.*)?\Z"
)
MIRRORS = frozenset(("sync", "rsync", "mirror"))
COPIES = MIRRORS | {"cp", "mv", "copy"}
MIRROR_DELETES = ("--delete", "-d", "--delete-removed", "--remove", "--delete-destination", "--delete-after")
VALUED = (
    "--profile --region --output --project --zone --query -o -g --resource-group --subscription --org --app -a "
    "--account --format --cli-input-json --endpoint-url"
)
MOST = 5
"""Words in which a verb may stand."""


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a cloud's command deletes there, and what it writes over here."""
    words = of(command, VALUED)
    if words.has("--dry-run", "--dryrun", "--help", "--version") or not words.operands:
        return Outcome((), host)
    mirror = any(text in MIRRORS for text in words.texts[:MOST]) and _mirrors(words)
    position = next((at for at, word in enumerate(words.operands[:MOST]) if _deletes(word)), None)
    if position is not None or mirror:
        at = len(words.operands) - 2 if position is None else position
        return _deleted(words, max(at, 0), command, host)
    if any(READS.match(text) for text in words.texts[:MOST]):
        return Outcome((), host)
    if (found := _fetched(words, command, host, world)) is not None:
        return found
    sentence = f"what `{shown(command)}` changes elsewhere is not looked up"
    early = any(word.text is None for word in words.operands[:3])
    return Outcome((), host, (sentence if early else LowRisk(sentence),))


def _fetched(words: Arguments, command: Command, host: HostState, world: World) -> Outcome | None:
    """`aws s3 cp s3://b/k HERE`; None where nothing is brought here."""
    operands = words.operands
    at = next((place for place, word in enumerate(operands[:MOST]) if word.text in COPIES), len(operands))
    ends = operands[at + 1 :]
    if len(ends) < 2 or "://" in (ends[-1].text or "") or ends[-1].text == "-" or "://" not in (ends[0].text or ""):
        return None
    from runaway_watchdog.effects.host import unpackers

    whole = words.has("--recursive", "-r", "-R") or operands[at].text in MIRRORS
    names = [None] if whole else unpackers.last_names(ends[:-1])
    return unpackers.fetched(names, ends[-1], command, host, world)


def _deletes(word: Word) -> bool:
    """`apps:destroy` and `pg:reset` too."""
    return word.text is not None and DELETES.match(word.text.rpartition(":")[2]) is not None and "/" not in word.text


def _mirrors(words: Arguments) -> bool:
    return any(name in MIRROR_DELETES and value != "false" for name, value in words.options)


def _deleted(words: Arguments, position: int, command: Command, host: HostState) -> Outcome:
    if any(word.text is None for word in words.operands[position:]):
        return Outcome((), host, (f"what `{shown(command)}` deletes is only known when it runs",))
    named = list(words.texts[position + 1 :]) or [value for name, value in words.options if value and name != "-o"]
    service = " ".join(words.texts[:position] if len(words.texts) > 2 else words.texts[:1])
    why = f"{command.program} deletes it, on another system"
    if not named:
        return Outcome((Effect("delete", "host", f"{command.program} {service}".strip(), True, why),), host)
    kind = "path" if any("://" in each or ":" in each for each in named) or service.endswith("s3") else "host"
    found = (Effect("delete", "path" if kind == "path" else "host", each, True, why) for each in named)
    return Outcome(tuple(found), host)
