"""`python -m runaway_watchdog.watch --config-fd N [--config FILE | --units FOLDER]`: what `run` becomes."""

import os
import sys

from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.start import FAILED, STOPPED, Arguments, watch


def main(words: list[str]) -> int:
    """Parsed by hand: argparse would stay in memory for ever."""
    log = Log(sys.stderr.fileno(), os.environ.get("JOURNAL_STREAM", ""))
    options = dict(zip(words[::2], words[1::2], strict=False))
    fd, units = options.pop("--config-fd", ""), options.pop("--units", None)
    if len(words) % 2 or not fd.isdecimal() or not options.keys() <= {"--config"}:
        log.fault("not-a-command", mend="start it with `runaway-watchdog run`")
        return FAILED
    config_arguments = tuple(word for pair in options.items() for word in pair)
    try:
        return watch(Arguments(int(fd), config_arguments, units=units), log)
    except KeyboardInterrupt:  # before the watch listens to signals
        return STOPPED
    except Exception as fault:  # the last door: the journal gets a line, a developer the traceback
        if os.environ.get("RUNAWAY_WATCHDOG_DEBUG"):
            raise
        log.fault(
            "failed",
            problem=f"{type(fault).__name__}: {fault}",
            mend="this should not happen: set RUNAWAY_WATCHDOG_DEBUG=1 to see where, and please report it",
        )
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
