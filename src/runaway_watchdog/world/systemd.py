"""systemd's system manager over D-Bus: property reads and GetUnit… only, which any user may do.

jeepney: 2 ms for all of a unit's properties, against 11 ms of a `systemctl show`.
"""

import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from runaway_watchdog.model.gap import Gap
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Unanswered, patience
from runaway_watchdog.world.units import Unit, parse

if TYPE_CHECKING:
    from jeepney import DBusAddress
    from jeepney.io.blocking import DBusConnection

DESTINATION = "org.freedesktop.systemd1"
ROOT = "/org/freedesktop/systemd1"

SYSTEM_BUS = "SYSTEM"  # jeepney's word for it

# What owners use, by interface, each with its D-Bus type: a user's bus may be answered by anybody, and a value of
# another type is left out. Never all properties: Environment= may hold secrets, and so may a command's arguments, so
# of commands only their number is kept. RestartSteps, RestartMode and RestartUSecNext are there since systemd 254.
_STRING_LISTS = (
    "DropInPaths", "TriggeredBy", "Triggers", "UpheldBy", "WantedBy", "RequiredBy", "BoundBy", "RequisiteOf",
    "ConsistsOf", "PropagatesStopTo", "OnFailure", "OnSuccess", "Names",
)  # fmt: skip
_STRINGS = (
    "Id", "Description", "LoadState", "ActiveState", "SubState", "UnitFileState", "FragmentPath", "SourcePath",
    "FailureAction", "SuccessAction", "FreezerState",
)  # fmt: skip
PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "Unit": {
        **dict.fromkeys(_STRINGS, "s"),
        **dict.fromkeys(_STRING_LISTS, "as"),
        **dict.fromkeys(("NeedDaemonReload", "Transient", "RefuseManualStop"), "b"),
        **dict.fromkeys(("ActiveEnterTimestamp", "InactiveExitTimestamp", "InactiveExitTimestampMonotonic"), "t"),
        "InvocationID": "ay",
        "StartLimitBurst": "u",
        "StartLimitIntervalUSec": "t",
    },
    "Service": {
        **dict.fromkeys(
            ("Type", "Restart", "RestartMode", "Result", "KillMode", "BusName", "ControlGroup", "PIDFile"), "s"
        ),
        **dict.fromkeys(("RestartUSec", "RestartUSecNext", "RestartMaxDelayUSec", "CPUQuotaPerSecUSec"), "t"),
        **dict.fromkeys(("TimeoutStopUSec", "RuntimeMaxUSec", "WatchdogUSec"), "t"),
        **dict.fromkeys(("RestartPreventExitStatus", "RestartForceExitStatus", "SuccessExitStatus"), "(aiai)"),
        **dict.fromkeys(("MainPID", "ControlPID", "NRestarts", "RestartSteps"), "u"),
        **dict.fromkeys(("RemainAfterExit", "GuessMainPID", "PrivateTmp"), "b"),
        **dict.fromkeys(("KillSignal", "ExecMainCode", "ExecMainStatus"), "i"),
        "RuntimeDirectory": "as",
        "RuntimeDirectoryPreserve": "s",
        "ExecStop": "a(sasbttttuii)",
    },
    "Timer": {
        **dict.fromkeys(("NextElapseUSecRealtime", "NextElapseUSecMonotonic"), "t"),
        **dict.fromkeys(("LastTriggerUSec", "LastTriggerUSecMonotonic"), "t"),
        **dict.fromkeys(("AccuracyUSec", "RandomizedDelayUSec"), "t"),
        "Persistent": "b",
        "TimersCalendar": "a(sst)",
        "TimersMonotonic": "a(stt)",
        "Unit": "s",
    },
    "Socket": {"Listen": "a(ss)", "Accept": "b"},
    "Path": {"Paths": "a(ss)", "Unit": "s"},
    "Scope": {"ControlGroup": "s", "CPUQuotaPerSecUSec": "t"},
}
COMMANDS = ("ExecStop",)
NOT_THERE = ("NoSuchUnit", "NoUnitForPID", "UnknownObject", "UnknownInterface", "UnknownMethod")
"""Errors that say "nothing there"; every other one says "could not look". A unit that is unloaded between two
questions answers with the last three."""
NO_BUS = Gap(
    "systemd", "systemd's manager cannot be asked: no system bus here", "apt-get install dbus, where systemd runs"
)
SUFFIXES = {
    ".service": "Service",
    ".timer": "Timer",
    ".socket": "Socket",
    ".path": "Path",
    ".scope": "Scope",
}


class LiveManager:
    """See `world.Manager`. Every answer is kept for the life of the object.

    `bus` is where the manager is: the system's own, or the address of a user's.
    """

    def __init__(self, bus: str = SYSTEM_BUS) -> None:
        self._bus = bus
        self._connection: DBusConnection | None = None
        self._failure: Gap | None = None
        self._no_calendars: Gap | None = None
        self._units: dict[str, Unit | None] = {}
        self._all: Mapping[str, str] | None = None

    def unit_of(self, pid: int) -> str | None:
        if pid <= 0:
            return None  # systemd takes PID 0 for the caller itself
        path = self._call("GetUnitByPID", "u", (pid,))
        if path is None:
            return None
        properties = self._properties(path, "Unit")
        return None if properties is None else str(properties["Id"])

    def unit(self, name: str) -> Unit | None:
        if name not in self._units:
            found = self._read_unit(name)
            self._units[name] = None if found is None else parse(found)
        return self._units[name]

    def units(self) -> Mapping[str, str]:
        if self._all is None:
            from jeepney import DBusAddress

            address = DBusAddress(ROOT, DESTINATION, f"{DESTINATION}.Manager")
            listed = self._send(address, "ListUnits", "", ())
            self._all = {str(each[0]): str(each[3]) for each in listed or ()}
        return self._all

    def version(self) -> int | None:
        from jeepney import DBusAddress

        address = DBusAddress(ROOT, DESTINATION, "org.freedesktop.DBus.Properties")
        answer = self._send(address, "Get", "ss", (f"{DESTINATION}.Manager", "Version"))
        return None if answer is None else parse_version(answer[1])

    def next_elapse(self, calendar: str) -> float | None:
        if self._no_calendars is None:
            try:
                return parse_calendar(_analyzed(calendar))
            except NotAnalyzedError as fault:
                self._no_calendars = _no_calendar(str(fault))
        raise Unanswered(self._no_calendars)

    def _read_unit(self, name: str) -> Mapping[str, Any] | None:
        path = self._call("GetUnit", "s", (name,))
        if path is None:
            return None
        found = dict(self._properties(path, "Unit") or {})
        interface = SUFFIXES.get(name[name.rfind(".") :])
        if interface:
            found.update(self._properties(path, interface) or {})
        return found or None

    def _call(self, method: str, signature: str, body: tuple[Any, ...]) -> str | None:
        """An object path from the manager; None where it says that there is no such unit."""
        from jeepney import DBusAddress  # 14 ms, only where systemd is asked

        answer = self._send(DBusAddress(ROOT, DESTINATION, f"{DESTINATION}.Manager"), method, signature, body)
        return None if answer is None else str(answer)

    def _properties(self, path: str, interface: str) -> Mapping[str, Any] | None:
        from jeepney import DBusAddress

        address = DBusAddress(path, DESTINATION, "org.freedesktop.DBus.Properties")
        answer = self._send(address, "GetAll", "s", (f"{DESTINATION}.{interface}",))
        if answer is None:
            return None
        wanted = PROPERTIES[interface]
        return {
            name: len(answer[name][1]) if name in COMMANDS else _plain(answer[name][1])
            for name, signature in wanted.items()
            if name in answer and answer[name][0] == signature
        }

    def _send(self, address: "DBusAddress", method: str, signature: str, body: tuple[Any, ...]) -> Any:
        """The reply's first value; None where systemd says that there is no such thing. Raises Unanswered."""
        from jeepney import HeaderFields, MessageType, new_method_call
        from jeepney.auth import AuthenticationError

        if self._failure is not None:
            raise Unanswered(self._failure)
        seconds = patience.limit_s()
        try:
            connection = self._connect(seconds)
            reply = connection.send_and_get_reply(new_method_call(address, method, signature, body), timeout=seconds)
        except (OSError, AuthenticationError) as fault:  # TimeoutError is an OSError
            self._failure = _gap(fault, seconds)
            raise Unanswered(self._failure) from None
        if reply.header.message_type is MessageType.error:
            name = str(reply.header.fields.get(HeaderFields.error_name, "an error without a name"))
            if name.rpartition(".")[2] in NOT_THERE:
                return None
            raise Unanswered(Gap("systemd", f"systemd's manager answered {name}", "run it with sudo"))
        return reply.body[0]

    def _connect(self, seconds: int) -> "DBusConnection":
        if self._connection is None:
            from jeepney.io.blocking import open_dbus_connection

            self._connection = open_dbus_connection(bus=self._bus, auth_timeout=seconds)
        return self._connection


def parse_version(told: object) -> int | None:
    """The release, of `257.13-1~deb13u1` or `v252`; None for anything else."""
    found = _RELEASE.match(told) if isinstance(told, str) else None
    return None if found is None else int(found[1])


_RELEASE = Pattern(r"v?(\d{1,5})(?!\d)")


class NotAnalyzedError(Exception):
    """systemd-analyze could not be asked; the next question would fare no better."""


def _analyzed(calendar: str) -> str:
    """What systemd-analyze says of a calendar expression: a timer does not tell its next time while what it started
    runs. Raises NotAnalyzedError."""
    from runaway_watchdog import programs  # 4 ms, only where a timer's calendar is asked for

    argv = ("systemd-analyze", "calendar", "--", calendar)
    seconds = patience.limit_s()
    try:
        done = programs.run(argv, seconds=seconds, env={**os.environ, "LC_ALL": "C"})
    except OSError as fault:
        raise NotAnalyzedError(f"systemd-analyze cannot be started: {fault.strerror}") from fault
    if done.returncode == -signal.SIGALRM:
        raise NotAnalyzedError(f"systemd-analyze did not answer within {seconds} s")
    return done.stdout


def parse_calendar(text: str) -> float | None:
    """The first time in UTC that `systemd-analyze calendar` prints; None for "never". Raises Unanswered."""
    found = _UTC.search(text)
    if found:
        from datetime import UTC, datetime

        with suppress(ValueError):
            return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    elif _NEVER.search(text):
        return None
    raise Unanswered(_no_calendar("systemd-analyze does not say when it comes"))


_UTC = Pattern(r"^[ \t]*(?:Next elapse|\(in UTC\)): \w+ (\d+-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)? UTC$", re.MULTILINE)
_NEVER = Pattern(r"^[ \t]*Next elapse: never$", re.MULTILINE)


def _no_calendar(problem: str) -> Gap:
    return Gap("systemd", f"when a timer comes next is not known: {problem}", "see it: systemctl list-timers")


def _plain(value: Any) -> Any:
    """A property as JSON would hold it, so that a recorded host answers just as the live one does."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.hex()
    return value


def _gap(fault: Exception, seconds: int) -> Gap:
    if isinstance(fault, FileNotFoundError | ConnectionRefusedError):
        return NO_BUS
    if isinstance(fault, TimeoutError):
        problem = f"systemd did not answer within {seconds} s"
        return Gap("systemd", problem, "look whether it is busy: systemctl list-jobs")
    return Gap("systemd", f"systemd's manager cannot be asked: {type(fault).__name__}", "check it: systemctl status")
