"""The systemd managers of users. Only the user may ask them: a connection of root's is refused.

So a process of our own takes that user's uid and asks. Nothing that comes from there is trusted: the user may have
put anything at the place of the bus, so the process has no rights of ours any more when it connects, it is waited for
no longer than any other source, and of its answer only properties of the right type are taken.
"""

import json
import os
import pwd
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from runaway_watchdog import programs
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.world import Unanswered, patience
from runaway_watchdog.world.systemd import NO_BUS, LiveManager
from runaway_watchdog.world.units import NOT_LOADED, Unit, parse

MODULE = "runaway_watchdog.world.user_manager"
MOST_RELATED = 32
MOST_TEXT = 1 << 20
REFUSED = 77
"""Exit code of the asking process where it may not become that user."""
SUDO = "run it with sudo: runaway-watchdog explain PID"


class LiveUserManagers:
    """See `world.UserManagers`. Every answer is kept for the life of the object."""

    def __init__(self) -> None:
        self._units: dict[tuple[int, str], Unit | None] = {}
        self._failures: dict[int, Gap] = {}
        self._spent_s: dict[int, float] = {}

    def unit_of(self, uid: int, pid: int) -> str | None:
        found = self._ask(uid, "unit_of", str(pid))
        return found if isinstance(found, str) else None

    def unit(self, uid: int, name: str) -> Unit | None:
        if (uid, name) not in self._units:
            found = self._ask(uid, "unit", name)
            told = found.items() if isinstance(found, dict) else ()
            self._units |= {(uid, each): parse(unit) if isinstance(unit, dict) else None for each, unit in told}
        return self._units.get((uid, name))

    def version(self, uid: int) -> int | None:
        found = self._ask(uid, "version", "")
        return found if isinstance(found, int) else None

    def _ask(self, uid: int, question: str, about: str) -> Any:
        """Raises Unanswered, at once for everything after the first failure with this user.

        All its answers together may take no longer than one of another source.
        """
        if uid not in self._failures and self._spent_s.get(uid, 0.0) > patience.limit_s():
            self._failures[uid] = _gap(uid, "it takes too long to answer", f"look: systemctl status user@{uid}")
        if uid not in self._failures:
            begun = time.monotonic()
            try:
                return _asked(uid, question, about)
            except Unanswered as unanswered:
                self._failures[uid] = unanswered.gap
            finally:
                self._spent_s[uid] = self._spent_s.get(uid, 0.0) + time.monotonic() - begun
        raise Unanswered(self._failures[uid])


def _asked(uid: int, question: str, about: str) -> Any:
    argv = (sys.executable, "-P", "-m", MODULE, str(uid), question, about)
    seconds = patience.limit_s()
    try:
        done = programs.run(argv, seconds=seconds)
    except OSError as fault:
        raise Unanswered(_gap(uid, f"it cannot be asked: {fault.strerror}", SUDO)) from fault
    if done.returncode == -signal.SIGALRM:
        raise Unanswered(_gap(uid, f"it did not answer within {seconds} s", f"look: systemctl status user@{uid}"))
    if done.returncode == REFUSED:
        raise Unanswered(_gap(uid, "only that user and root may ask it", SUDO))
    try:
        found = json.loads(done.stdout)
        if done.returncode == 0:
            return found["value"]
        source, problem, fix = (str(each)[:200] for each in found["gap"])
        raise Unanswered(Gap(source, problem, fix))
    except (ValueError, KeyError, TypeError) as fault:
        raise Unanswered(_gap(uid, "its answer cannot be read", f"look: systemctl status user@{uid}")) from fault


def _gap(uid: int, problem: str, mend: str) -> Gap:
    return Gap("systemd", f"the systemd of uid {uid}: {problem}", mend)


# --- in the process that asks ------------------------------------------------------------------------------------


def main() -> int:
    """`python -m … UID unit|unit_of|version NAME|PID|""`: prints {"value": …}, or {"gap": …} with exit code 1."""
    uid, question, about = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    import jeepney.io.blocking  # noqa: F401 - before the rights to read our own files are given up

    try:
        _become(uid)
    except PermissionError:
        return REFUSED
    manager = LiveManager(_bus(uid))
    try:
        value = _answer(manager, question, about)
    except Unanswered as unanswered:
        gap = unanswered.gap
        if gap is NO_BUS:
            gap = _gap(uid, "it has no bus, or does not run", f"look: systemctl status user@{uid}")
        print(json.dumps({"gap": [gap.source, gap.problem, gap.fix]}))  # noqa: T201 - its answer
        return 1
    text = json.dumps({"value": value})
    if len(text) > MOST_TEXT:
        return 1
    print(text)  # noqa: T201
    return 0


def _answer(manager: LiveManager, question: str, about: str) -> Any:
    """Raises Unanswered."""
    if question == "unit_of":
        return manager.unit_of(int(about))
    return manager.version() if question == "version" else _related(manager, about)


def _bus(uid: int) -> str:
    return f"unix:path=/run/user/{uid}/bus"


def _become(uid: int) -> None:
    """Give up everything but this user's rights, for good. Raises PermissionError."""
    if os.getresuid() == (uid, uid, uid):
        return
    group = pwd.getpwuid(uid).pw_gid
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(uid, uid, uid)


def _related(manager: LiveManager, name: str) -> dict[str, Mapping[str, object] | None]:
    """The unit, and the units that an owner asks for next: read with it, since each question is a process."""
    unit = manager.unit(name) or NOT_LOADED
    relations = (
        unit.triggered_by, unit.upheld_by, unit.wanted_by, unit.required_by, unit.bound_by, unit.consists_of,
    )  # fmt: skip
    names = [each for relation in relations for each in relation][:MOST_RELATED]
    return {each: None if (found := manager.unit(each)) is None else found.answered for each in (name, *names)}


if __name__ == "__main__":
    sys.exit(main())
