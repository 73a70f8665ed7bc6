"""What the watch has started for it: cases, senders, and the reload of the configuration. It waits for none.

The end of one wakes the loop through its descriptor; where it has none, it is noticed at the next tick.
"""

import contextlib
import os
import select
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from runaway_watchdog.model.events import CaseRequest, several_to_json
from runaway_watchdog.starting import CASE, HEARTBEAT, SEEN_TO, SENDER, Started, Starter
from runaway_watchdog.store.database import STORE_IS_DAMAGED
from runaway_watchdog.watch.events import QueuedCase

CASES_AT_ONCE: Final = 2
SECOND_S: Final = 5.0
"""A second one begins where the first has been at work for so long: it waits for somebody, and what has come meanwhile
goes together."""
MOST_TOGETHER: Final = 8
"""So many requests at most are one process's: to begin costs it as much as to explain two."""
ATTEMPTS: Final = 3
CASE_S: Final = 60
TOGETHER_S: Final = 40
"""Several of one process have less time: one that hangs keeps the others waiting; they are tried again without it."""
LATE_S: Final = 20.0
"""Who is at work for longer, or has failed before, waits for somebody and holds no place of the others."""
MOST_CASES: Final = 4
"""With those that hold none. As many as the socket of the unit lets in with two to spare, which may just be ending."""
SENDER_S: Final = 120
RELOAD_S: Final = 30
HEARTBEAT_S: Final = 30
MOST_WAITING: Final = 64
RETRY_S: Final = 5.0
_SENDER_RETRY_S: Final = (10.0, 300.0)  # the first pause, and the longest
_REST: Final = 3.0
_LONGEST_REST_S: Final = 30.0
"""A channel's next sender begins so many times later as its last one took, at most so much: to begin costs it more than
a case, and on a host where that takes long, what comes meanwhile is sent by one."""


_GIVE_WAY: Final = ("suspect", "recorded", "reminder", "returned", "resolved")
"""What matters least comes first; what is not here never gives way to one of these."""


def _rank(request: CaseRequest) -> int:
    """What is said of the host comes first: it names those that all others are about."""
    if request.rule_kind == "pressure":
        return len(_GIVE_WAY) + 1
    return _GIVE_WAY.index(request.kind) if request.kind in _GIVE_WAY else len(_GIVE_WAY)


class Modules(NamedTuple):
    """What is started. Tests put stand-ins here."""

    case: str = CASE
    sender: str = SENDER
    command: str = "runaway_watchdog"
    heartbeat: str = HEARTBEAT


class _Running(NamedTuple):
    process: Started
    cases: tuple[QueuedCase, ...] = ()
    channel: str | None = None
    reload_fd: int | None = None  # where the compiled configuration is written
    heartbeat: bool = False
    began: float = 0.0  # monotonic; of cases and senders


def _parted(cases: tuple[QueuedCase, ...], code: int) -> tuple[tuple[QueuedCase, ...], tuple[QueuedCase, ...]]:
    """What a process has seen to, or failed at, and what it left for want of time."""
    seen_to = code - SEEN_TO if 0 < code - SEEN_TO < len(cases) else len(cases)
    return cases[:seen_to], cases[seen_to:]


class Ended(NamedTuple):
    """What came of the children that have ended since the last look."""

    cases: tuple[tuple[CaseRequest, int], ...] = ()  # with the exit code; negative: the signal that ended it
    given_up: tuple[QueuedCase, ...] = ()
    senders: tuple[tuple[str, int], ...] = ()
    reload: tuple[int, int] | None = None  # exit code, and the descriptor with what it wrote
    heartbeat: int | None = None  # exit code


class Children:
    """Has them started and reaps them. `config_fd` is passed on to cases and senders that are children."""

    def __init__(
        self, poll: select.poll, config_fd: int, starter: Starter, modules: Modules, retry_s: float = RETRY_S
    ) -> None:
        """Their descriptors are polled by the loop's `poll`, which so wakes up when one of them ends.

        A failed case waits `retry_s` for its second attempt, and twice as long for its third.
        """
        self._poll = poll
        self._starter = starter
        self.config_fd = config_fd
        self._modules = modules
        self._retry_s = retry_s
        self._waiting: list[QueuedCase] = []
        self._gave_way: list[QueuedCase] = []
        self._running: list[_Running] = []
        self._paused: dict[str, tuple[int, float]] = {}  # channel -> failures in a row, not before
        self._rests: dict[str, float] = {}  # channel -> not before, after one that went well

    def next_start(self) -> float | None:
        """When a waiting case may be started (monotonic); None: none is waiting, or the places are taken."""
        free = self._free_at()
        first = min((case.not_before for case in self._first_of_each()), default=None)
        return None if free is None or first is None else max(free, first)

    def _free_at(self) -> float | None:
        """When the next place for a case is free, as far as is known; None: once one of them has ended."""
        at_work = [child for child in self._running if child.cases]
        if not at_work:
            return 0.0
        if len(at_work) >= MOST_CASES:
            return None
        late = sorted(child.began if child.cases[0].attempts else child.began + LATE_S for child in at_work)
        another = max(child.began for child in at_work) + SECOND_S
        return another if len(late) < CASES_AT_ONCE else max(another, late[-CASES_AT_ONCE])

    def request_case(self, request: CaseRequest, name: str, not_before: float = 0.0) -> None:
        """Let a case see to this; until `not_before` only beside another.

        Where too many wait already, the oldest of those that matter least is given up.
        """
        if len(self._waiting) >= MOST_WAITING:
            self._gave_way.append(min(self._waiting, key=lambda case: _rank(case.request)))
            self._waiting.remove(self._gave_way[-1])
        self._waiting.append(QueuedCase(request, name, not_before))

    def start_cases(self, now: float) -> tuple[QueuedCase, ...]:
        """Start what is due, two processes at once beside those that are late, what matters most first.

        Returns what was given up.
        """
        given_up, self._gave_way = self._gave_way, []
        while (free := self._free_at()) is not None and free <= now and (cases := self._together(now)):
            self._waiting = [case for case in self._waiting if not any(case is each for each in cases)]
            stdin = several_to_json(case.request for case in cases).encode()
            seconds = CASE_S if len(cases) == 1 else TOGETHER_S
            try:
                child = self._starter.start(
                    self._modules.case, (), seconds=seconds, stdin=stdin, config_fd=self.config_fd
                )
            except OSError:  # no memory or no process number left, nobody at the door: as good as a failed case
                given_up += self._again(cases, now)
            else:
                self._add(child, cases=cases, began=now)
        return tuple(given_up)

    def _together(self, now: float) -> tuple[QueuedCase, ...]:
        """What one process sees to: what is due and matters most, with what else waits; one that failed by itself."""
        ready = sorted(self._first_of_each(), key=lambda case: (-_rank(case.request), case.attempts))
        due = next((case for case in ready if case.not_before <= now), None)
        if due is None:
            return ()
        with_it = (case for case in ready if case is not due and not case.attempts and not due.attempts)
        return due, *islice(with_it, MOST_TOGETHER - 1)

    def _first_of_each(self) -> list[QueuedCase]:
        """Those that wait for nothing but their time: an incident's turns are told one after the other, in order.

        Of those that failed before no more than two are at work at once.
        """
        again = sum(child.cases[0].attempts > 0 for child in self._running if child.cases) < CASES_AT_ONCE
        taken = {case.request.incident_id for child in self._running for case in child.cases}
        found = []
        for case in self._waiting:
            incident = case.request.incident_id
            if (not incident or incident not in taken) and (again or not case.attempts):
                found.append(case)
            taken.add(incident)
        return found

    def start_senders(self, channels: Sequence[str], now: float) -> None:
        """One sender for each channel that has something due, unless it has one, rests, or failed lately."""
        busy = {child.channel for child in self._running}
        for channel in channels:
            not_before = max(self._rests.get(channel, now), self._paused.get(channel, (0, now))[1])
            if channel in busy or now < not_before:
                continue
            words = ("--channel", channel)
            try:
                child = self._starter.start(
                    self._modules.sender, words, seconds=SENDER_S, stdin=b"", config_fd=self.config_fd
                )
            except OSError:
                self._pause(channel, now)
            else:
                self._add(child, channel=channel, began=now)

    def start_heartbeat(self) -> None:
        """Fetch the outside service's address, unless the last time still goes on."""
        if any(child.heartbeat for child in self._running):
            return
        with contextlib.suppress(OSError):  # no memory: the next one is due in a minute
            child = self._starter.start(
                self._modules.heartbeat, (), seconds=HEARTBEAT_S, stdin=b"", config_fd=self.config_fd
            )
            self._add(child, heartbeat=True)

    def start_reload(self, config_arguments: Sequence[str]) -> bool:
        """Compile the configuration anew. False: a reload is under way already, or it cannot be started."""
        if any(child.reload_fd is not None for child in self._running):
            return False
        written = os.memfd_create("configuration")
        try:
            child = self._starter.compile(self._modules.command, config_arguments, seconds=RELOAD_S, stdout=written)
        except OSError:
            os.close(written)
            return False
        self._add(child, reload_fd=written)
        return True

    def reap(self, now: float) -> Ended:
        """Collect whoever has ended. A reload's descriptor is the caller's to close."""
        codes = [(child, child.process.poll()) for child in self._running]
        ended = [(child, code) for child, code in codes if code is not None]
        self._running = [child for child, code in codes if code is None]
        cases: list[tuple[CaseRequest, int]] = []
        senders: list[tuple[str, int]] = []
        given_up: list[QueuedCase] = []
        reload: tuple[int, int] | None = None
        heartbeat: int | None = None
        for child, code in ended:
            if child.process.fd is not None:
                self._poll.unregister(child.process.fd)
            child.process.close()
            if child.cases:
                done, left = _parted(child.cases, code)
                self._waiting[:0] = left
                cases += [(case.request, 0 if left else code) for case in done]
                given_up += self._again(done, now) if not left and code not in (0, STORE_IS_DAMAGED) else []
            elif child.channel is not None:
                senders.append((child.channel, code))
                self._rests[child.channel] = now + min(_LONGEST_REST_S, _REST * (now - child.began))
                self._pause(child.channel, now) if code else self._paused.pop(child.channel, None)
            elif child.reload_fd is not None:
                reload = (code, child.reload_fd)
            elif child.heartbeat:
                heartbeat = code
        return Ended(tuple(cases), tuple(given_up), tuple(senders), reload, heartbeat)

    def _again(self, cases: Sequence[QueuedCase], now: float) -> list[QueuedCase]:
        """Put failed ones back, before what came after them, or give them up after three attempts."""
        tried = [case._replace(attempts=case.attempts + 1) for case in cases]
        again = [case for case in tried if case.attempts < ATTEMPTS]
        self._waiting[:0] = [case._replace(not_before=now + self._retry_s * case.attempts) for case in again]
        return [case for case in cases if case.attempts + 1 >= ATTEMPTS]

    def _pause(self, channel: str, now: float) -> None:
        failures = self._paused.get(channel, (0, now))[0]
        first, longest = _SENDER_RETRY_S
        self._paused[channel] = (failures + 1, now + min(longest, first * 2 ** min(failures, 20)))

    def _add(
        self,
        process: Started,
        cases: tuple[QueuedCase, ...] = (),
        channel: str | None = None,
        reload_fd: int | None = None,
        *,
        heartbeat: bool = False,
        began: float = 0.0,
    ) -> None:
        if process.fd is not None:
            self._poll.register(process.fd, select.POLLIN)
        self._running.append(_Running(process, cases, channel, reload_fd, heartbeat, began))
