"""Run on a host, with the product's own Python: explains one PID and prints the recording of all that was asked.

python record.py PID 'what this host shows'
"""

import json
import sys

from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.world import live
from runaway_watchdog.world.recorded import recorder


def main() -> None:
    pid, about = int(sys.argv[1]), sys.argv[2]
    real = live()
    world, asked = recorder(real)
    explain(world, NoRecords(), pid)
    recording = {"about": about, "host": real.host, "pid": pid, "now": real.clock.now(), "asked": asked}
    print(json.dumps(recording, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
