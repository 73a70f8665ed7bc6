"""The sign of life for an outside service: a process that fetches one address, and is gone.

`python -m runaway_watchdog.alerts.heartbeat --config-fd N`, once a minute while the watch ticks: a service that hears
nothing for some minutes tells that this host is dead, which no alert of ours can. The address is a secret.

Exit code 0: it was fetched; 1: it was not.
"""

import argparse
import sys
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Final

from runaway_watchdog import __version__
from runaway_watchdog.handover import read_configuration

TIMEOUT_S: Final = 20.0
_READ: Final = 1024  # whatever it answers, nobody reads it


def main(arguments: Sequence[str] | None = None) -> int:
    """One sign of life. Never raises for what a service does."""
    parser = argparse.ArgumentParser(prog="runaway_watchdog.alerts.heartbeat", description=__doc__)
    parser.add_argument("--config-fd", type=int, required=True, metavar="N")
    url = read_configuration(parser.parse_args(arguments).config_fd)["alerts"].get("heartbeat_url")
    return 0 if url and fetched(url) else 1


def fetched(url: str) -> bool:
    """Did the service take it? The configuration has seen to it that this is a web address."""
    request = urllib.request.Request(url, headers={"User-Agent": f"runaway-watchdog/{__version__}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            answer.read(_READ)
    except (OSError, HTTPException, ValueError):  # refused, unknown host, 4xx and 5xx, an odd answer
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
