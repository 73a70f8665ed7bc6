"""The command lines of clouds: aws, gcloud, az and their kin, told apart by the verbs that all of them share.

`aws ec2 terminate-instances`, `gcloud compute instances delete`, `az group delete`: what stands behind the verb goes.
"""

import re

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.elsewhere import downloads
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
VALUED = (
    "--profile --region --output --project --zone --query -o -g --resource-group --subscription --org --app -a "
    "--account --format --cli-input-json --endpoint-url"
)
MOST = 5
"""Words in which a verb may stand."""


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a cloud's command writes over here, and what it deletes there."""
    words = of(command, VALUED)
    if words.has("--dry-run", "--dryrun", "--help", "--version") or not words.operands:
        return Outcome((), host)
    if (found := downloads.brought(command, host, world)) is not None:
        return found
    mirror = any(text in downloads.MIRRORS for text in words.texts[:MOST]) and downloads.deletes(command)
    position = next((at for at, word in enumerate(words.operands[:MOST]) if _deletes(word)), None)
    if position is not None or mirror:
        at = len(words.operands) - 2 if position is None else position
        return _deleted(words, max(at, 0), command, host)
    if any(READS.match(text) for text in words.texts[:MOST]):
        return Outcome((), host)
    sentence = f"what `{shown(command)}` changes elsewhere is not looked up"
    early = any(word.text is None for word in words.operands[:3])
    return Outcome((), host, (sentence if early else LowRisk(sentence),))


def _deletes(word: Word) -> bool:
    """`apps:destroy` and `pg:reset` too."""
    return word.text is not None and DELETES.match(word.text.rpartition(":")[2]) is not None and "/" not in word.text


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
