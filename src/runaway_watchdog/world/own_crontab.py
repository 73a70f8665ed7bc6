"""The crontab of whoever asks: its spool is closed to all but root, and crontab(1) is what opens it for its owner."""

from runaway_watchdog import programs
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered

SECONDS = 2


class LiveTables:
    """See `world.OwnTables`."""

    def printed(self) -> str | None:
        try:
            done = programs.run(["crontab", "-l"], seconds=SECONDS)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            raise Unanswered(
                Gap("crontab", f"crontab -l cannot be started: {fault}", "check it: crontab -l")
            ) from fault
        if done.returncode == 0:
            return done.stdout
        if done.returncode == 1 and "no crontab for" in done.stderr:
            return None
        raise Unanswered(Gap("crontab", f"crontab -l failed (exit code {done.returncode})", "check it: crontab -l"))
