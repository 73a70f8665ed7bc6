"""Run on a host, with the product's own Python: what a sequence of commands would change there, as JSON.

Standard input: `[{"argv": [WORD, …], "folder": PATH, "environment": {NAME: VALUE}}, …]`.
"""

import json
import sys
from typing import Any

from runaway_watchdog.effects import HostState
from runaway_watchdog.effects.docker import command as docker
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.world import live


def main() -> None:
    world, host = live(), HostState()
    effects: list[dict[str, Any]] = []
    unknown: list[str] = []
    for each in json.load(sys.stdin):
        words = tuple(Word(word, word) for word in each["argv"])
        command = Command(words, tuple(each["environment"].items()), each["folder"], text=" ".join(each["argv"]))
        outcome = docker.effects(command, host, world)
        host = outcome.host
        effects += [effect._asdict() | {"size": effect.size and effect.size._asdict()} for effect in outcome.effects]
        unknown += outcome.unknown
    left = host.docker
    print(
        json.dumps(
            {
                "effects": effects,
                "unknown": unknown,
                "read": left.api != (0, 0),
                "containers": {container.name: container.state for container in left.containers},
                "volumes": [volume.name for volume in left.volumes],
                "networks": [network.name for network in left.networks],
                "images": [tag for image in left.images for tag in image.tags],
            }
        )
    )


if __name__ == "__main__":
    main()
