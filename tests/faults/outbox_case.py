"""A case without its looking: what it was asked for goes through the real outbox, as the real case writes it."""

import sys
import time
from pathlib import Path

from runaway_watchdog import case
from runaway_watchdog.handover import read_configuration
from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.render.message import plain


def main(words: list[str]) -> int:
    compiled = read_configuration(int(words[words.index("--config-fd") + 1]))
    for case_request in CaseRequest.several_from_json(sys.stdin.read()):
        told = None
        if case_request.kind not in ("suspect", "recorded"):
            told = plain(f"<{case_request.incident_id} {case_request.kind}>", "a case file")
        store, channels = Path(compiled["store"]["path"]), compiled["alerts"]["channels"]
        case._keep(store, case_request, None, told, channels, time.time())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
