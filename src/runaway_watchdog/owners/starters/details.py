"""One second starter."""

from typing import Literal, NamedTuple

from runaway_watchdog.model.plan import Step


class Starter(NamedTuple):
    """Who starts it beside its own manager, with what, when, and how that is held back."""

    name: str  # "line 1 of root's crontab", "watch.service"
    runs: str  # with the starter as "it": "it runs /x/keep.sh, which runs `systemctl restart ghost`"
    starts: Literal["unit", "program"]
    evidence: str
    revives: bool = False  # it does so by itself, while the host is up
    after_s: float | None = None  # until it does so next, where that is known
    when: str = ""  # "at its next time (* * * * *)", "at the next boot"
    at_boot: bool = False
    close: tuple[Step, ...] = ()  # what holds it back; none: nothing that could be undone is known
    until: str = ""  # what ends that: "a start of monit, as at the next boot"; "" where it holds for good

    @property
    def told(self) -> str:
        """As a clause of a reason."""
        when = f" {self.when}" if self.when else ""
        return f"but {self.name} starts it again{when}: {self.runs}"
