"""One second starter, and the line that says so."""

from typing import Literal, NamedTuple

from runaway_watchdog.model.owner import KindName
from runaway_watchdog.model.plan import Step
from runaway_watchdog.owners.starters.naming import Place, Said
from runaway_watchdog.owners.systemd.details import End
from runaway_watchdog.world.startup import StartFile

After = End | Literal["stop"]
"""An end of a unit, or `systemctl stop`, however that ends it."""


class Starter(NamedTuple):
    """Who starts it beside its own manager, with what, when, and how that is held back."""

    name: str  # "line 1 of root's crontab", "watch.service"
    runs: str  # with the starter as "it": "it runs /x/keep.sh, which runs `systemctl restart ghost`"
    starts: Literal["unit", "program", "exec"]
    evidence: str
    revives: bool = False  # it does so by itself, while the host is up
    after_s: float | None = None  # until it does so next, where that is known
    when: str = ""  # "at its next time (* * * * *)", "at the next boot"
    after: frozenset[After] = frozenset()  # the ends of the unit itself that make it do so
    at_boot: bool = False
    close: tuple[Step, ...] = ()  # what holds it back; none: nothing that could be undone is known
    ends: Literal["all", "main", "nothing"] = "nothing"  # of what it runs now, by holding it back
    main_pid: int = 0
    until: str = ""  # what ends that: "a start of monit, as at the next boot"; "" where it holds for good

    @property
    def told(self) -> str:
        """As a clause of a reason."""
        when = f" {self.when}" if self.when else ""
        return f"but {self.name} starts it again{when}: {self.runs}"


class Line(NamedTuple):
    """Something that is run: whose, where it stands and its text."""

    file: StartFile
    number: int
    name: str  # "line 3 of /root/.profile"
    user: str
    text: str
    place: Place | None = None  # where it is run; None: in its user's home
    pid: str = ""  # of what runs now
    suite: KindName | None = None  # of whose service it is a script


class Found(NamedTuple):
    """What it does to start it."""

    said: Said
    scripts: tuple[str, ...]  # that lead to it, outermost first; () where the line itself says it
    again: bool  # what says it goes round

    @property
    def starts(self) -> Literal["unit", "program", "exec"]:
        """What is started by it."""
        return "exec" if self.said.of_exec else "unit" if self.said.of_unit else "program"

    @property
    def runs(self) -> str:
        """With the line as "it"."""
        return f"it runs {', which runs '.join((*self.scripts, f'`{self.said.shown}`'))}"
