"""What the observer knows between two steps, and a step under way. Nothing here is ever changed, only replaced."""

from collections.abc import Mapping
from typing import NamedTuple

from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.model.user_input import UserInput
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.crowding import Crowding
from runaway_watchdog.watch.detect import DetectState
from runaway_watchdog.watch.effects import Wanted
from runaway_watchdog.watch.events import Now
from runaway_watchdog.watch.incidents import Book
from runaway_watchdog.watch.lineage import LineageState
from runaway_watchdog.watch.returns import ReturnState


class State(NamedTuple):
    """The states of detection, lineages and incidents, and what was learnt beside them. Times are monotonic."""

    configuration: Configuration
    lowest: float  # of its rules, see `Configuration.lowest`
    boot_id: str
    own_service: str  # the watch's own group, which no rule means; "" where it runs in none
    judged_at: float
    searched_at: float  # when successors of all the dead were last looked for
    figured_at: float
    curved_at: float
    lineages: LineageState = LineageState()
    detected: DetectState = DetectState()
    returns: ReturnState = ReturnState()
    book: Book = Book()
    lengths: Mapping[str, tuple[float, ...]] = {}  # see `judging.Lengths`
    habits: Mapping[str, tuple[float, float]] = {}  # see `judging.Habits`
    user_input: UserInput = UserInput()
    crowding: Crowding = Crowding()
    waiting: Mapping[int, float] = {}  # incidents of the host that wait for their culprits', and until when
    prepared: Mapping[str, float] = {}  # lineages, and when their case was last prepared

    def rule(self, name: str) -> Rule | None:
        """None: it is no longer configured."""
        return next((each for each in self.configuration.rules if each.name == name), None)

    def status(self) -> str:
        """One line for `systemctl status`."""
        count = len(self.book.incidents)
        return f"{count} open incident{'' if count == 1 else 's'}, {len(self.lineages.tracked)} processes tracked"


def initial(configuration: Configuration, boot_id: str, own_service: str, monotonic: float) -> State:
    """Of a watch that knows nothing yet."""
    now = monotonic
    return State(configuration, configuration.lowest, boot_id, own_service, now, now, now, now)


class Turn:
    """One step: the state so far, and what is to be done. It is gone when the step ends."""

    __slots__ = ("effects", "now", "state")

    def __init__(self, state: State, now: Now) -> None:
        self.state = state
        self.now = now
        self.effects: list[Wanted] = []
