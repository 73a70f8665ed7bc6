"""Between the observer and the host: looks, asks the kernel, and carries out what was decided. It never waits."""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable

from runaway_watchdog.model.events import CaseRequest
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.user_input import UserInput
from runaway_watchdog.store.records import Resumed
from runaway_watchdog.watch import effects, events
from runaway_watchdog.watch.configuration import Configuration
from runaway_watchdog.watch.crowding import worst_last
from runaway_watchdog.watch.history import History
from runaway_watchdog.watch.identity import Newcomers, look_again
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.observer import step
from runaway_watchdog.watch.particulars import examine, is_inhabited, own_service, stat_of
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.sample import HostFacts, Sampler
from runaway_watchdog.watch.state import initial
from runaway_watchdog.watch.told import FAILED, MANY, fallback_text


class Driver:
    """Keeps the observer's state, and what reads the host."""

    def __init__(
        self,
        host: HostFacts,
        configuration: Configuration,
        recorder: Recorder,
        log: Log,
        request_case: Callable[[CaseRequest, str, float], None],
    ) -> None:
        """`request_case` gets what a case has to see to, the program's name, and until when it waits for others."""
        self.host = host
        self.state = initial(configuration, host.boot_id, own_service(host), host.clocks.monotonic())
        self._recorder = recorder
        self._sampler = Sampler(host, configuration.lowest)
        self._newcomers = Newcomers(host, self._sampler)
        self._history = History(host.paths, host.clocks.monotonic())
        self._inbox = deque[events.Event]()  # what other threads tell; taken in before the next look
        self._levels = {"info": log.info, "notice": log.notice, "warning": log.warning, "error": log.fault}
        self._carriers: dict[effects.Action, Callable[..., object]] = {
            "log": lambda level, event, values: self._levels[level](event, **values),
            "store process": recorder.tracked,
            "store death": recorder.died,
            "store return": recorder.returned,
            "store figures": recorder.figures,
            "store curves": self.write_curves,
            "store lineage": recorder.prepared,
            "store incident": recorder.incident,
            "store throttling": recorder.throttled,
            "ask usual use": lambda group: recorder.ask_usual(group, self._learn),
            "request case": request_case,
            "tell unexplained": lambda request, name: self._tell_unexplained(((request, name),), FAILED),
            "tell together": lambda turns: self._tell_unexplained(turns, MANY),
        }
        self.ticks = 0

    # --- what the loop tells ---

    def hear(self, user_input: UserInput) -> None:
        """What people have told since. May be called on another thread."""
        self._inbox.append(user_input)

    def tracked(self) -> Collection[ProcKey]:
        """The processes whose deaths matter."""
        return self.state.lineages.tracked

    def configure(self, configuration: Configuration) -> None:
        """New rules from the next tick on; what they have in common with the old ones goes on."""
        self._sampler.lowest = configuration.lowest
        self._handle(configuration)

    def resume(self, left: Resumed) -> None:
        """Go on where the watch before this one stopped."""
        found = (look_again(self.host, each.key) for each in left.processes)
        keys = (
            ProcKey(self.host.boot_id, each.pid, each.start_ticks)
            for each in left.incidents
            if each.pid is not None and each.start_ticks is not None
        )
        alive = frozenset(key for key in keys if (stat := stat_of(self.host, key)) is not None and not stat.dead)
        groups = frozenset(each.lineage.group for each in left.incidents if is_inhabited(self.host, each.lineage.group))
        self._handle(events.Restarted(left, {each.key: each for each in found if each is not None}, alive, groups))

    def tick(self, polled: Collection[ProcKey] = ()) -> None:
        """One look at the host, and what follows from it. `polled`: whose end the kernel is about to tell by itself,
        with its moment, so that one who ends during the look is not noted without."""
        while self._inbox:
            self._handle(self._inbox.popleft())
        self.ticks += 1
        began = self.host.clocks.boottime()
        detected = self.state.detected
        followed = {key: each.seen.group for key, each in self.state.lineages.tracked.items()}
        sample = self._sampler.look(followed | detected.processes(), detected.groups())
        self._history.note(sample)
        self._handle(events.Sampled(sample, began, polled))

    def died(self, ends: Iterable[events.End]) -> None:
        """The kernel has just told of these deaths."""
        self._handle(events.Died(tuple(ends)))

    def look_for_returns(self) -> bool:
        """Between two ticks, soon after a death. True: someone has come back."""
        waiting = len(self.state.lineages.awaited)
        self._handle(events.ReturnsDue())
        return len(self.state.lineages.awaited) < waiting

    def give_up(self, case: events.QueuedCase) -> None:
        """It has failed for the last time."""
        self._handle(case)

    def groups_began(self) -> None:
        """The kernel has just told that a control group was made."""
        self._sampler.starts.came(self.host.clocks.monotonic())

    def write_curves(self) -> None:
        """What was gathered of them since the last time."""
        self._recorder.curves(self._history.take())

    def close(self) -> None:
        for crowd in self.state.crowding.crowds.values():  # the next watch knows nothing of what has become worse
            self._tell_unexplained(worst_last(crowd), MANY)
        self.write_curves()
        self._sampler.starts.close()

    def _learn(self, group: str, percent: float, wall: float) -> None:
        """Called on the store's thread."""
        self._inbox.append(events.UsualUse(group, percent, wall))

    # --- what the observer wants ---

    def _handle(self, event: events.Event | None) -> None:
        """One event, and the answers to the questions that it leads to."""
        clocks = self.host.clocks
        while event is not None:
            now = events.Now(clocks.monotonic(), clocks.wall(), clocks.boottime())
            self.state, wanted = step(self.state, event, now)
            event = None
            for each in wanted:
                if isinstance(each, events.QUESTIONS):
                    event = self._answer(each)
                else:
                    self._carriers[each.action](*each.details)

    def _answer(self, question: events.Answered) -> events.Answered:
        """Read at once."""
        if isinstance(question, events.Newcomers):
            return question._replace(found=tuple(self._newcomers.find(question.awaited, question.known)))
        if isinstance(question, events.Examination):
            return question._replace(answers=tuple(examine(self.host, each) for each in question.questions))
        looked = (look_again(self.host, key) for key in question.hot_s)
        return question._replace(seen=tuple(each for each in looked if each is not None))

    def _tell_unexplained(self, turns: Iterable[tuple[CaseRequest, str]], why: str) -> None:
        host = os.uname().nodename
        told = [(request, *fallback_text(request, name, host, why)) for request, name in turns]
        self._recorder.tell(told, self.state.configuration.channels)
