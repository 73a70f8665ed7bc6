"""The resident loop: ticks, deaths, signals. It waits for nobody: a thread writes the store, children do the rest."""

import os
import select
import time
from typing import Final, NamedTuple

from runaway_watchdog.store.database import STORE_IS_DAMAGED
from runaway_watchdog.store.writer import Writer
from runaway_watchdog.watch import signals
from runaway_watchdog.watch.allowance import Allowance
from runaway_watchdog.watch.children import Children, Ended
from runaway_watchdog.watch.configuration import Configuration, ConfigurationError, read_configuration
from runaway_watchdog.watch.driver import Driver
from runaway_watchdog.watch.heartbeat import Heartbeat
from runaway_watchdog.watch.log import Log
from runaway_watchdog.watch.notify import Notifier
from runaway_watchdog.watch.pidfds import Pidfds, Tellers
from runaway_watchdog.watch.recorder import Recorder
from runaway_watchdog.watch.timer import Timer

_HOUSEKEEPING_S: Final = 10.0
_PRUNE_S: Final = 3600.0
_QUICK_LOOKS_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""After a death its successor is looked for between two ticks: at the next one it may be gone again."""
_QUICK_LOOKS_PER_S: Final = 0.5  # in the long run: a crash loop must not make us burn too
_MOST_QUICK_LOOKS: Final = 20.0


class QuickLooks:
    """When to look between two ticks, within an allowance."""

    def __init__(self, now: float) -> None:
        self._at: list[float] = []
        self._allowance = Allowance(_QUICK_LOOKS_PER_S, _MOST_QUICK_LOOKS, now)

    def plan(self, now: float) -> None:
        """Someone has died."""
        self._at = [now + after for after in _QUICK_LOOKS_S]

    def cancel(self) -> None:
        """A tick has just looked, or everybody is back."""
        self._at = []

    def next(self) -> float | None:
        return self._at[0] if self._at else None

    def due(self, now: float) -> bool:
        """Is it time, and is there something left of the allowance?"""
        if not self._at or now < self._at[0]:
            return False
        self._at = [at for at in self._at if at > now]
        return self._allowance.take(now)


class Parts(NamedTuple):
    """Everything that the loop ties together."""

    poll: select.poll
    wakeup: signals.Wakeup
    driver: Driver
    recorder: Recorder
    writer: Writer
    children: Children
    notifier: Notifier
    log: Log
    tellers: Tellers = Tellers()


class Loop:
    """Says when; what follows from it is the observer's business."""

    def __init__(
        self,
        parts: Parts,
        configuration: Configuration,
        config_arguments: tuple[str, ...],
        *,
        heartbeat_failed_at: float | None = None,
    ) -> None:
        """`config_arguments` are those of `runaway-watchdog run`, for a reload; the rest the watch before this knew."""
        self._parts = parts
        self._configuration = configuration
        self._config_arguments = config_arguments
        self._now = parts.driver.host.clocks.monotonic
        self._pidfds = Pidfds(parts.poll, parts.driver.host.paths, parts.tellers)
        self._outbox_due: tuple[str, ...] = ()  # channels; set by the store's thread
        self._store_problem: str | None = None
        now = self._now()
        self._tick = Timer(configuration.interval_s, now)
        self._housekeeping = Timer(_HOUSEKEEPING_S, now)
        self._prune = Timer(_PRUNE_S, now + 60)
        wanted_s = parts.notifier.period_s
        self._alive = Timer(_HOUSEKEEPING_S if wanted_s is None else min(_HOUSEKEEPING_S, wanted_s / 3), now)
        self._quick = QuickLooks(now)
        self._heartbeat = Heartbeat(now, wanted=configuration.heartbeat, failed_at=heartbeat_failed_at)
        self._digested = self._day()

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        self._parts.poll.register(self._parts.wakeup.fd, select.POLLIN)
        self._parts.notifier.ready()
        try:
            while self._turn():
                pass
        finally:
            self._parts.driver.close()
            self._parts.notifier.stopping()
            self._pidfds.close()

    def _turn(self) -> bool:
        """Wait for whatever comes first, and do what is due. False: stop."""
        ready = self._wait()
        if dead := self._pidfds.ended(ready):
            self._parts.driver.died(dead)
            self._quick.plan(self._now())
        came = self._parts.wakeup.signals() if self._parts.wakeup.fd in ready else set()
        if came & signals.STOP:
            return False
        if signals.NEW_GROUP in came:
            self._parts.driver.groups_began()
        if signals.RELOAD in came:
            self._reload()
        self._look(self._now())
        self._keep_house(self._now())
        self._see_to_children(self._now())
        return True

    def _wait(self) -> set[int]:
        self._pidfds.keep(self._parts.driver.tracked())
        deadlines = (
            self._tick.at,
            self._housekeeping.at,
            self._alive.at,
            self._quick.next(),
            self._parts.children.next_start(),
        )
        until = min(at for at in deadlines if at is not None)
        timeout_ms = max(0.0, until - self._now()) * 1000
        return {fd for fd, _ in self._parts.poll.poll(timeout_ms)}

    def _look(self, now: float) -> None:
        if self._tick.due(now):
            self._parts.driver.tick(self._pidfds.polled())
            self._quick.cancel()
        elif self._quick.due(now) and self._parts.driver.look_for_returns():
            self._quick.cancel()

    def _keep_house(self, now: float) -> None:
        if self._housekeeping.due(now):
            self._show_life()
            self._parts.recorder.ask_outbox(self._answer)
            self._parts.recorder.ask_user_input(self._parts.driver.hear)
            self._tell_of_the_store()
            self._digest()
            if self._heartbeat.due(now):
                self._parts.children.start_heartbeat()
        if self._prune.due(now):
            self._parts.recorder.prune(self._configuration.keep_s)
        if self._alive.due(now):
            self._parts.notifier.alive(self._parts.driver.state.status())

    def _show_life(self) -> None:
        self._parts.recorder.liveness(self._parts.driver.ticks, self._heartbeat.failed_at)

    def _digest(self) -> None:
        """Once a day, at its time; a watch that starts later that day sends it on the next."""
        day = self._day()
        if day != self._digested:
            self._digested = day
            if day is not None:
                self._parts.recorder.digest(self._configuration.channels, os.uname().nodename)

    def _day(self) -> int | None:
        """Which day's digest is the newest that was due; None: there is none."""
        if self._configuration.digest_minute is None:
            return None
        local = time.localtime(self._parts.driver.host.clocks.wall())
        early = local.tm_hour * 60 + local.tm_min < self._configuration.digest_minute
        return local.tm_year * 366 + local.tm_yday - early

    def _tell_of_the_heartbeat(self, code: int) -> None:
        """Once when it begins to fail, once when it works again."""
        if not self._heartbeat.ended(code, self._parts.driver.host.clocks.wall()):
            return
        if code:
            self._parts.log.warning("heartbeat-failed", mend="see alerts.heartbeat_url, and this host's network")
        else:
            self._parts.log.notice("heartbeat-works-again")
        self._show_life()

    def _tell_of_the_store(self) -> None:
        problem = self._parts.writer.problem
        if problem != self._store_problem:
            self._store_problem = problem
            if problem is None:
                self._parts.log.notice("store-writable-again", dropped=self._parts.writer.dropped)
            else:
                self._parts.log.fault("store-not-writable", problem=problem, store=self._configuration.store_path)

    def _answer(self, channels: tuple[str, ...]) -> None:
        """Called on the store's thread: it may only set this and ring."""
        if channels:
            self._outbox_due = channels
            self._parts.wakeup.ring()

    # --- children ---

    def _see_to_children(self, now: float) -> None:
        children = self._parts.children
        ended = children.reap(now)
        self._tell_of_failures(ended)
        if ended.heartbeat is not None:
            self._tell_of_the_heartbeat(ended.heartbeat)
        if ended.reload is not None:
            self._reloaded(*ended.reload)
        for case in (*ended.given_up, *children.start_cases(now)):
            self._parts.driver.give_up(case)
        if ended.cases or ended.given_up:
            self._parts.recorder.ask_outbox(self._answer)
        due, self._outbox_due = self._outbox_due, ()
        children.start_senders(due, now)

    def _tell_of_failures(self, ended: Ended) -> None:
        """Cases and senders also fail where the store is damaged, and only we may set it aside."""
        for request, code in ended.cases:
            if code == STORE_IS_DAMAGED:
                self._parts.log.fault("store-damaged", store=self._configuration.store_path, then="setting it aside")
            elif code:
                self._parts.log.warning("case-failed", incident=request.incident_id, kind=request.kind, exit=code)
        for channel, code in ended.senders:
            if code:
                self._parts.log.warning("sender-failed", channel=channel, exit=code)
        if any(code for _, code in (*ended.cases, *ended.senders)):
            self._parts.writer.look_again()

    def _reload(self) -> None:
        self._parts.notifier.reloading(self._now())
        if not self._parts.children.start_reload(self._config_arguments):
            self._parts.log.warning("reload-not-started", mend="a reload may be under way: try again")
            self._parts.notifier.ready()

    def _reloaded(self, code: int, written: int) -> None:
        """Take the new configuration, or keep the old one where the new one is broken (the child has said why)."""
        new = problem = None
        try:
            new = read_configuration(written) if code == 0 else None
        except ConfigurationError as fault:
            problem = fault
        if new is not None:
            self._take(new, written)
        else:
            os.close(written)
            self._parts.log.fault("reload-failed", exit=code, problem=problem, kept="the old configuration")
        self._parts.notifier.ready()

    def _take(self, new: Configuration, fd: int) -> None:
        old_fd, self._parts.children.config_fd = self._parts.children.config_fd, fd
        os.close(old_fd)
        if new.store_path != self._configuration.store_path:
            self._parts.log.warning("store-path-kept", mend="restart the watch to move the store")
            new = new._replace(store_path=self._configuration.store_path)
        self._configuration = new
        self._heartbeat.want(wanted=new.heartbeat)
        self._digested = self._day()
        self._tick = Timer(new.interval_s, self._now() + new.interval_s)
        self._parts.driver.configure(new)
        self._parts.log.info("reloaded", rules=len(new.rules), channels=len(new.channels))
